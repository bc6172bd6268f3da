-- What the benchmark asks as superuser: seeding, and the other sides of the comparisons.

-- name: seed_readings
-- $1 the source; $2 the first instant; $3 the step; $4 and $5 the first and last of them, counted from 0. The peer's
-- table takes it too.
INSERT INTO readings (id, source_id, timestamp, value)
SELECT
    uuidv7() AS id, $1::uuid AS source_id, $2::timestamptz + n * $3::interval AS timestamp,
    round(n * 0.0137, 4)::double precision AS value
FROM generate_series($4::integer, $5::integer) AS n

-- name: add_validator
-- $1 the source. Every rule that there is; the peer's table takes it too.
INSERT INTO data_validators (source_id, min_value, max_value, non_decreasing, max_rate)
VALUES ($1, 0, 1e9, true, 1000)

-- name: add_sources
-- $1 who administers them; $2 how many.
WITH made AS (
    INSERT INTO data_sources (name, source_type, unit, kind, created_by)
    SELECT 'Meter ' || n AS name, 'electric', 'kWh', 'counter', $1::uuid AS created_by
    FROM generate_series(1, $2::integer) AS n
    RETURNING id
)

INSERT INTO user_source_access (user_id, source_id, access_level)
SELECT $1, m.id, 'admin'
FROM made AS m
RETURNING source_id

-- name: seed_all_readings
-- $1 who administers the sources; $2 the first instant; $3 the step; $4 how many readings each gets.
INSERT INTO readings (source_id, timestamp, value)
SELECT
    a.source_id, $2::timestamptz + n * $3::interval AS timestamp, round(n * 0.0137, 4)::double precision AS value
FROM user_source_access AS a
CROSS JOIN generate_series(0, $4::integer - 1) AS n
WHERE a.user_id = $1
ORDER BY a.source_id, n

-- name: find_reading
-- $1 the source; $2 how many before the newest.
SELECT r.id, r.timestamp
FROM readings AS r
WHERE r.source_id = $1
ORDER BY r.timestamp DESC
LIMIT 1 OFFSET $2

-- name: drop_bare
DROP TABLE IF EXISTS bare

-- name: make_bare
-- A twin of readings: its columns, defaults, checks and key, without row security and triggers.
CREATE TABLE bare (LIKE readings INCLUDING ALL)

-- name: tie_bare
ALTER TABLE bare ADD CONSTRAINT bare_source_id_fkey FOREIGN KEY (source_id) REFERENCES data_sources (id)
    ON DELETE CASCADE

-- name: insert_bare
-- $1 the source; $2 the rows as a JSON array: what the service does to store a batch, and nothing else.
INSERT INTO bare (source_id, timestamp, value)
SELECT $1::uuid, j.timestamp, j.value
FROM json_to_recordset($2::json) AS j (timestamp timestamptz, value double precision)

-- name: export_readings
-- $1 the source; $2 and $3 from and to.
SELECT r.id, r.timestamp, r.value, r.quality_flag, r.notes
FROM readings AS r
WHERE r.source_id = $1 AND r.timestamp >= $2 AND r.timestamp < $3
ORDER BY r.timestamp

-- name: latest_of_sources
-- $1 the person: one probe of the key for each of their sources.
SELECT a.source_id, l.id, l.timestamp, l.value, l.quality_flag
FROM user_source_access AS a
LEFT JOIN LATERAL (
    SELECT r.id, r.timestamp, r.value, r.quality_flag
    FROM readings AS r
    WHERE r.source_id = a.source_id
    ORDER BY r.timestamp DESC
    LIMIT 1
) AS l ON true
WHERE a.user_id = $1
ORDER BY a.source_id

-- name: days_from_raw
-- $1 a counter; $2 the time zone; $3 and $4 from and to, local midnights. The days of GET …/series, computed from its
-- readings in one pass; values at midnight are interpolated between the readings on either side.
WITH edges AS (
    SELECT array_agg(d.day AT TIME ZONE $2 ORDER BY d.day) AS at
    FROM generate_series($3::timestamptz AT TIME ZONE $2, $4::timestamptz AT TIME ZONE $2, '1 day') AS d (day)
),

days AS (
    SELECT
        width_bucket(r.timestamp, (SELECT e.at FROM edges AS e)) AS n,
        count(*)::integer AS count, min(r.value) AS min, max(r.value) AS max, avg(r.value) AS avg,
        min(r.timestamp) AS first_at, max(r.timestamp) AS last_at
    FROM readings AS r
    WHERE r.source_id = $1 AND r.timestamp >= $3 AND r.timestamp < $4 AND r.quality_flag <> 'bad'
    GROUP BY 1
),

span AS (
    SELECT min(r.timestamp) AS first, max(r.timestamp) AS last
    FROM readings AS r
    WHERE r.source_id = $1 AND r.quality_flag <> 'bad'
),

points AS (
    SELECT
        p.n, p.edge, lead(p.edge) OVER by_time AS finish,
        CASE
            WHEN b.timestamp IS NULL THEN a.value
            WHEN a.timestamp IS NULL OR a.timestamp = b.timestamp THEN b.value
            ELSE b.value + (a.value - b.value) * (
                extract(EPOCH FROM p.edge - b.timestamp) / extract(EPOCH FROM a.timestamp - b.timestamp)
            )::double precision
        END AS shown
    FROM edges AS e
    CROSS JOIN LATERAL unnest(e.at) WITH ORDINALITY AS p (edge, n)
    LEFT JOIN LATERAL (
        SELECT r.timestamp, r.value FROM readings AS r
        WHERE r.source_id = $1 AND r.timestamp <= p.edge AND r.quality_flag <> 'bad'
        ORDER BY r.timestamp DESC LIMIT 1
    ) AS b ON true
    LEFT JOIN LATERAL (
        SELECT r.timestamp, r.value FROM readings AS r
        WHERE r.source_id = $1 AND r.timestamp >= p.edge AND r.quality_flag <> 'bad'
        ORDER BY r.timestamp LIMIT 1
    ) AS a ON true
    WINDOW by_time AS (ORDER BY p.n)
),

used AS (
    SELECT p.n, p.edge, p.finish, lead(p.shown) OVER (ORDER BY p.n) - p.shown AS consumption
    FROM points AS p
)

SELECT
    u.edge AS start, u.finish AS "end", d.count, d.min, d.max, d.avg,
    f.value AS first, l.value AS last, u.consumption,
    (
        extract(EPOCH FROM least(u.finish, s.last) - greatest(u.edge, s.first)) / extract(EPOCH FROM u.finish - u.edge)
    )::double precision AS coverage
FROM used AS u
JOIN days AS d ON d.n = u.n
JOIN readings AS f ON f.source_id = $1 AND f.timestamp = d.first_at
JOIN readings AS l ON l.source_id = $1 AND l.timestamp = d.last_at
CROSS JOIN span AS s
ORDER BY u.n

-- name: disk_of_readings
-- Bytes of the heap with its maps, and of the indexes, a reading.
SELECT
    pg_table_size('readings') / count(*)::double precision AS heap,
    pg_indexes_size('readings') / count(*)::double precision AS indexes
FROM readings

-- name: add_peer_user
INSERT INTO users (id, email) VALUES ($1, 'ann@example.org') ON CONFLICT DO NOTHING;

-- name: add_peer_session
INSERT INTO sessions (id, user_id, expires_at) VALUES ($1, $2, now() + interval '1 day') ON CONFLICT DO NOTHING;

-- name: add_peer_source
INSERT INTO data_sources (id, name, source_type, unit, kind) VALUES ($1, 'Meter', 'electric', 'kWh', 'counter');

-- name: add_peer_access
INSERT INTO user_source_access (user_id, source_id, access_level) VALUES ($1, $2, 'admin');

-- name: forget_guesses
-- So that no wrong password has to wait for those before it.
DELETE FROM password_guesses
