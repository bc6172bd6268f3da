-- Open ends are said with least() and greatest(), which pass over null: coalesce() is not leakproof, so that under row
-- security it would make a filter of what is to be an index condition.

-- name: list_newest_first
-- $1 the source; $2 from and $3 to, null for open; $4 the quality, null for any; $5 the last timestamp of the page
-- before, null for the first; $6 how many rows. No page asks for more than the inner limit, which no row is lost to: it
-- tells the planner how few rows a plan for any page is for, and so it plans once and not for each request.
WITH known AS (SELECT $1::uuid = ANY (homelog.granted_sources()) AS so)

SELECT
    r.id, r.source_id, r.value, r.timestamp, r.recorded_at,
    CASE WHEN (SELECT k.so FROM known AS k) THEN r.recorded_by END AS recorded_by,
    r.quality_flag,
    CASE WHEN (SELECT k.so FROM known AS k) THEN r.notes END AS notes,
    CASE WHEN (SELECT k.so FROM known AS k) THEN r.metadata END AS metadata,
    r.updated_at
FROM (
    SELECT
        t.id, t.source_id, t.value, t.timestamp, t.recorded_at, t.recorded_by, t.quality_flag, t.notes, t.metadata,
        t.updated_at
    FROM readings AS t
    WHERE t.source_id = $1
      AND t.timestamp >= greatest($2::timestamptz, '-infinity')
      AND t.timestamp < least($3::timestamptz, $5::timestamptz, 'infinity')
      AND ($4::quality_flag IS NULL OR t.quality_flag = $4)
    ORDER BY t.timestamp DESC
    LIMIT 1001
) AS r
ORDER BY r.timestamp DESC
LIMIT $6

-- name: list_oldest_first
-- As list_newest_first, the other way round.
WITH known AS (SELECT $1::uuid = ANY (homelog.granted_sources()) AS so)

SELECT
    r.id, r.source_id, r.value, r.timestamp, r.recorded_at,
    CASE WHEN (SELECT k.so FROM known AS k) THEN r.recorded_by END AS recorded_by,
    r.quality_flag,
    CASE WHEN (SELECT k.so FROM known AS k) THEN r.notes END AS notes,
    CASE WHEN (SELECT k.so FROM known AS k) THEN r.metadata END AS metadata,
    r.updated_at
FROM (
    SELECT
        t.id, t.source_id, t.value, t.timestamp, t.recorded_at, t.recorded_by, t.quality_flag, t.notes, t.metadata,
        t.updated_at
    FROM readings AS t
    WHERE t.source_id = $1
      AND t.timestamp >= greatest($2::timestamptz, '-infinity')
      AND t.timestamp > greatest($5::timestamptz, '-infinity')
      AND t.timestamp < least($3::timestamptz, 'infinity')
      AND ($4::quality_flag IS NULL OR t.quality_flag = $4)
    ORDER BY t.timestamp
    LIMIT 1001
) AS r
ORDER BY r.timestamp
LIMIT $6

-- name: source_is_visible
-- $1 the source; a row if the caller may read it, so that an empty list differs from no source.
SELECT true
WHERE $1::uuid = ANY (homelog.readable_sources())

-- name: get_reading
-- $1 the source; $2 the reading; $3 its timestamp: one probe of the key. A statement of its own, for one that did
-- without the timestamp as well would be planned anew for every request.
WITH known AS (SELECT $1::uuid = ANY (homelog.granted_sources()) AS so)

SELECT
    r.id, r.source_id, r.value, r.timestamp, r.recorded_at,
    CASE WHEN (SELECT k.so FROM known AS k) THEN r.recorded_by END AS recorded_by,
    r.quality_flag,
    CASE WHEN (SELECT k.so FROM known AS k) THEN r.notes END AS notes,
    CASE WHEN (SELECT k.so FROM known AS k) THEN r.metadata END AS metadata,
    r.updated_at
FROM readings AS r
WHERE r.source_id = $1 AND r.timestamp = $3 AND r.id = $2

-- name: find_reading
-- $1 the source; $2 the reading, whose timestamp is not known: the source's readings are searched. Should a client have
-- given one id to two readings, the older is meant.
WITH known AS (SELECT $1::uuid = ANY (homelog.granted_sources()) AS so)

SELECT
    r.id, r.source_id, r.value, r.timestamp, r.recorded_at,
    CASE WHEN (SELECT k.so FROM known AS k) THEN r.recorded_by END AS recorded_by,
    r.quality_flag,
    CASE WHEN (SELECT k.so FROM known AS k) THEN r.notes END AS notes,
    CASE WHEN (SELECT k.so FROM known AS k) THEN r.metadata END AS metadata,
    r.updated_at
FROM readings AS r
WHERE r.source_id = $1 AND r.id = $2
ORDER BY r.timestamp
LIMIT 1

-- name: list_latest
-- $1 the last source of the page before, null for the first page; $2 how many rows.
SELECT
    s.id AS source_id,
    CASE WHEN l.id IS NOT NULL THEN row(l.id, l.timestamp, l.value, l.quality_flag::text) END AS latest
FROM data_sources AS s
LEFT JOIN latest_readings AS l ON s.id = l.source_id
WHERE ($1::uuid IS NULL OR s.id > $1)
ORDER BY s.id
LIMIT $2

-- name: log_reading
-- $1 the source; $2 the id, null to make one; $3 the value; $4 the timestamp, null for now; $5 quality; $6 notes;
-- $7 metadata; $8 whether another value at that time is replaced. Without a timestamp an id that came within a day
-- before means that reading again. Raises where a rule of the source rejects it.
-- First column: created, replaced, stored (the same value is there), conflict (another one is), hidden, forbidden, or
-- again (somebody else's came meanwhile: a new statement sees it).
-- Judging comes first and takes the source's turn, and so it sees what others committed meanwhile. The rest of the
-- statement does not, but for the insert, which meets the row that took this time: then the verdict is again.
WITH judged AS MATERIALIZED (
    SELECT j.at, j.flag
    FROM homelog.judge_reading($1::uuid, $2::uuid, $3::double precision, $4::timestamptz, $5::quality_flag, $8::boolean)
        AS j
),

seen AS (
    SELECT
        $1 = ANY (homelog.readable_sources()) AS visible,
        $1 = ANY (homelog.writable_sources()) AS may,
        j.at,
        j.flag
    FROM judged AS j
),

made AS (
    INSERT INTO readings AS r (id, source_id, value, timestamp, quality_flag, notes, metadata)
    SELECT coalesce($2, uuidv7()), $1, $3, seen.at, seen.flag, $6, $7
    FROM seen
    WHERE seen.may
    ON CONFLICT (source_id, timestamp) DO UPDATE
        SET
            value = excluded.value,
            quality_flag = excluded.quality_flag,
            notes = excluded.notes,
            metadata = excluded.metadata
        WHERE $8
          AND (r.value, r.quality_flag, r.notes, r.metadata)
              IS DISTINCT FROM (excluded.value, excluded.quality_flag, excluded.notes, excluded.metadata)
    RETURNING
        r.id, r.source_id, r.value, r.timestamp, r.recorded_at, r.recorded_by, r.quality_flag, r.notes, r.metadata,
        r.updated_at, old.id IS NULL AS is_new,
        CASE WHEN old.id IS NOT NULL THEN homelog.reading_told(old) END AS old_told,
        homelog.reading_told(new) AS new_told
),

told AS (
    INSERT INTO audit_logs (user_id, source_id, entry_id, event_type, details)
    SELECT
        homelog.current_user_id(), m.source_id, m.id,
        CASE WHEN m.is_new THEN 'create_entry' ELSE 'update_entry' END,
        CASE WHEN m.is_new
            THEN jsonb_build_object('count', 1, 'first', m.timestamp, 'last', m.timestamp)
            ELSE jsonb_build_object('timestamp', m.timestamp, 'old', m.old_told, 'new', m.new_told)
        END
    FROM made AS m
)

SELECT
    CASE
        WHEN NOT seen.visible THEN 'hidden'
        WHEN NOT seen.may THEN 'forbidden'
        WHEN m.is_new THEN 'created'
        WHEN NOT m.is_new THEN 'replaced'
        WHEN r.id IS NULL THEN 'again'
        WHEN $8 OR r.value = $3 THEN 'stored'
        ELSE 'conflict'
    END AS verdict,
    coalesce(m.id, r.id) AS id,
    coalesce(m.source_id, r.source_id) AS source_id,
    coalesce(m.value, r.value) AS value,
    coalesce(m.timestamp, r.timestamp) AS timestamp,
    coalesce(m.recorded_at, r.recorded_at) AS recorded_at,
    CASE WHEN m.id IS NOT NULL THEN m.recorded_by ELSE r.recorded_by END AS recorded_by,
    coalesce(m.quality_flag, r.quality_flag) AS quality_flag,
    CASE WHEN m.id IS NOT NULL THEN m.notes ELSE r.notes END AS notes,
    CASE WHEN m.id IS NOT NULL THEN m.metadata ELSE r.metadata END AS metadata,
    coalesce(m.updated_at, r.updated_at) AS updated_at
FROM seen
LEFT JOIN made AS m ON true
LEFT JOIN readings AS r ON m.id IS NULL AND seen.may AND r.source_id = $1 AND r.timestamp = seen.at

-- name: reach_of_batch
-- $1 the sources of a batch. What the caller may do with each, and their turns, so that nobody else writes to them until
-- this batch is done; and whether any of them has rules by then: this statement's own snapshot is older than its turn.
WITH taken AS MATERIALIZED (
    SELECT homelog.take_turns(ARRAY(
        SELECT t.id FROM unnest($1::uuid[]) AS t (id)
        WHERE t.id = ANY ((SELECT homelog.writable_sources())::uuid[])
    ))
)

SELECT
    homelog.readable_sources() AS readable,
    homelog.writable_sources() AS writable,
    homelog.has_rules($1) AS has_rules
FROM taken

-- name: judge_batch
-- $1 the source of rows that name none; $2 the rows as a JSON array; $3 whether they replace what is stored. What the
-- rules reject or flag, by its place in the array from 0; without an action what may have been thinned by now. A statement
-- before the one that stores, so that only a batch that breaks a rule pays for more than asking.
SELECT j.place, j.action, j.rule, j.detail
FROM homelog.judge_batch($1, $2::json, $3) AS j
ORDER BY j.place

-- name: log_run
-- $1 the source; $2 the rows as a JSON array, nothing but times and values, in ascending order of time; $3 the first
-- time, $4 the last; $5 how many. Inserts and audits them where nothing is stored between the first and the last, else
-- answers no row. Most batches are such runs, and one in an empty stretch needs no ON CONFLICT and no RETURNING.
--
-- A fifth of the time of storing a row is uuidv7() asking for random bits. So a run asks once and counts on from there,
-- as RFC 9562 (6.2) has it: in the last twelve digits, of which the first is made 4 to 7 so that they stay twelve. Nothing
-- depends on an id being hard to guess.
WITH free AS MATERIALIZED (
    SELECT true AS so
    WHERE NOT EXISTS (
        SELECT FROM readings AS r
        WHERE r.source_id = $1 AND r.timestamp BETWEEN $3::timestamptz AND $4::timestamptz
    )
),

first AS MATERIALIZED (
    SELECT
        left(f.id, 24) AS head,
        ('x' || right(f.id, 12))::bit(48)::bigint & x'3fffffffffff'::bigint | x'400000000000'::bigint AS tail
    FROM (SELECT uuidv7()::text AS id FROM free) AS f
),

made AS (
    INSERT INTO readings (id, source_id, value, timestamp)
    SELECT (f.head || to_hex(f.tail + j.place))::uuid, $1, j.value, j.timestamp
    FROM first AS f
    CROSS JOIN ROWS FROM (json_to_recordset($2::json) AS (value double precision, timestamp timestamptz))
        WITH ORDINALITY AS j (value, timestamp, place)
),

told AS (
    INSERT INTO audit_logs (user_id, source_id, event_type, details)
    SELECT
        homelog.current_user_id(), $1, 'create_entry',
        jsonb_build_object('count', $5::integer, 'first', $3, 'last', $4)
    FROM free
)

SELECT f.so
FROM free AS f

-- name: log_batch
-- $1 the source of rows that name none; $2 the rows as a JSON array. Inserts what is new and audits it, one row a
-- source. Answers how many it inserted and, where that is not all, the (source, timestamp) of each.
WITH sent AS (
    SELECT
        coalesce(j.source_id, $1::uuid) AS source_id, j.id, j.value, j.timestamp, j.quality_flag, j.notes, j.metadata
    FROM json_to_recordset($2::json) AS j (
        source_id uuid, id uuid, value double precision, timestamp timestamptz, quality_flag quality_flag, notes text,
        metadata jsonb
    )
),

made AS (
    INSERT INTO readings (id, source_id, value, timestamp, quality_flag, notes, metadata)
    SELECT
        coalesce(s.id, uuidv7()), s.source_id, s.value, s.timestamp, coalesce(s.quality_flag, 'good'), s.notes,
        s.metadata
    FROM sent AS s
    ON CONFLICT (source_id, timestamp) DO NOTHING
    RETURNING id, source_id, timestamp
),

summed AS (
    SELECT
        m.source_id, count(*) AS created, min(m.timestamp) AS first, max(m.timestamp) AS last,
        CASE WHEN count(*) = 1 THEN (array_agg(m.id))[1] END AS entry_id
    FROM made AS m
    GROUP BY m.source_id
),

told AS (
    INSERT INTO audit_logs (user_id, source_id, entry_id, event_type, details)
    SELECT
        homelog.current_user_id(), s.source_id, s.entry_id, 'create_entry',
        jsonb_build_object('count', s.created, 'first', s.first, 'last', s.last)
    FROM summed AS s
)

SELECT
    coalesce((SELECT sum(s.created) FROM summed AS s), 0)::integer AS created,
    short.sources,
    short.timestamps
FROM (SELECT (SELECT count(*) FROM made) < json_array_length($2) AS so) AS missing
LEFT JOIN LATERAL (
    SELECT array_agg(m.source_id) AS sources, array_agg(m.timestamp) AS timestamps
    FROM made AS m
    WHERE missing.so
) AS short ON true

-- name: settle_batch
-- $1 and $2 as in log_batch; $3 and $4 what it inserted. For each row that it did not insert: the row's place in the
-- array from 0, and whether the stored value is the same. A statement of its own, so that it sees what others stored
-- while log_batch waited for them.
WITH sent AS (
    SELECT
        j.ordinal - 1 AS place,
        coalesce(j.source_id, $1::uuid) AS source_id,
        j.value,
        j.timestamp,
        row_number() OVER (PARTITION BY coalesce(j.source_id, $1), j.timestamp ORDER BY j.ordinal) AS turn
    FROM ROWS FROM (
        json_to_recordset($2::json) AS (source_id uuid, value double precision, timestamp timestamptz)
    ) WITH ORDINALITY AS j (source_id, value, timestamp, ordinal)
)

SELECT s.place, r.value = s.value AS same
FROM sent AS s
JOIN readings AS r ON r.source_id = s.source_id AND r.timestamp = s.timestamp
-- IN, not a join: hashed however long the planner thinks the arrays are.
WHERE NOT (
    s.turn = 1
    AND (s.source_id, s.timestamp) IN (
        SELECT m.source_id, m.timestamp FROM unnest($3::uuid[], $4::timestamptz[]) AS m (source_id, timestamp)
    )
)
ORDER BY s.place

-- name: replace_batch
-- $1 and $2 as in log_batch. Of rows with one time the last wins, as if they had come one after the other: each row's
-- place, and whether it was created, replaced what was there, or changed nothing.
WITH sent AS (
    SELECT
        j.ordinal - 1 AS place,
        coalesce(j.source_id, $1::uuid) AS source_id,
        j.id,
        j.value,
        j.timestamp,
        coalesce(j.quality_flag, 'good') AS quality_flag,
        j.notes,
        j.metadata
    FROM ROWS FROM (
        json_to_recordset($2::json) AS (
            source_id uuid, id uuid, value double precision, timestamp timestamptz, quality_flag quality_flag,
            notes text, metadata jsonb
        )
    ) WITH ORDINALITY AS j (source_id, id, value, timestamp, quality_flag, notes, metadata, ordinal)
),

final AS (
    SELECT DISTINCT ON (s.source_id, s.timestamp)
        s.source_id, s.id, s.value, s.timestamp, s.quality_flag, s.notes, s.metadata
    FROM sent AS s
    ORDER BY s.source_id, s.timestamp, s.place DESC
),

written AS (
    INSERT INTO readings AS r (id, source_id, value, timestamp, quality_flag, notes, metadata)
    SELECT coalesce(f.id, uuidv7()), f.source_id, f.value, f.timestamp, f.quality_flag, f.notes, f.metadata
    FROM final AS f
    ON CONFLICT (source_id, timestamp) DO UPDATE
        SET
            value = excluded.value,
            quality_flag = excluded.quality_flag,
            notes = excluded.notes,
            metadata = excluded.metadata
        WHERE (r.value, r.quality_flag, r.notes, r.metadata)
              IS DISTINCT FROM (excluded.value, excluded.quality_flag, excluded.notes, excluded.metadata)
    RETURNING
        r.id, r.source_id, r.timestamp, old.id IS NULL AS is_new,
        CASE WHEN old.id IS NOT NULL THEN homelog.reading_told(old) END AS old_told,
        homelog.reading_told(new) AS new_told
),

told AS (
    INSERT INTO audit_logs (user_id, source_id, entry_id, event_type, details)
    SELECT
        homelog.current_user_id(), w.source_id, w.id, 'update_entry',
        jsonb_build_object('timestamp', w.timestamp, 'old', w.old_told, 'new', w.new_told)
    FROM written AS w
    WHERE NOT w.is_new
    UNION ALL
    SELECT
        homelog.current_user_id(), w.source_id, CASE WHEN count(*) = 1 THEN (array_agg(w.id))[1] END, 'create_entry',
        jsonb_build_object('count', count(*), 'first', min(w.timestamp), 'last', max(w.timestamp))
    FROM written AS w
    WHERE w.is_new
    GROUP BY w.source_id
),

-- What stood there before each row: the row before it in the batch, else what was stored; and where nothing was
-- written the last row of that time found itself stored.
judged AS (
    SELECT
        s.place,
        s.told,
        lag(s.told) OVER same_time AS told_before,
        last_value(s.told) OVER same_time AS told_last,
        w.is_new,
        w.old_told
    FROM (
        SELECT
            t.place, t.source_id, t.timestamp,
            jsonb_strip_nulls(jsonb_build_object(
                'value', t.value, 'quality_flag', t.quality_flag, 'notes', t.notes, 'metadata', t.metadata
            )) AS told
        FROM sent AS t
    ) AS s
    LEFT JOIN written AS w ON w.source_id = s.source_id AND w.timestamp = s.timestamp
    WINDOW same_time AS (
        PARTITION BY s.source_id, s.timestamp ORDER BY s.place
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
)

SELECT
    j.place,
    CASE
        WHEN j.told_before IS NULL AND j.is_new THEN 'created'
        WHEN coalesce(j.told_before, j.old_told, j.told_last) = j.told THEN 'duplicate'
        ELSE 'replaced'
    END AS status
FROM judged AS j
ORDER BY j.place

-- name: correct_reading
-- $1 the source; $2 the reading; $3 its timestamp, null if unknown; $4 the versions that If-Match names; $5 the fields.
-- Raises where a rule of the source rejects the new value. First columns: whether the caller may, whether the version
-- holds.
WITH judged AS MATERIALIZED (
    SELECT homelog.judge_correction($1::uuid, $2::uuid, $3::timestamptz, $4::timestamptz[], $5::jsonb) AS flag
),

seen AS (
    SELECT
        r.source_id, r.timestamp, judged.flag,
        r.source_id = ANY (homelog.writable_sources()) AS may,
        $4 IS NULL OR r.updated_at = ANY ($4) AS fresh
    FROM judged
    CROSS JOIN readings AS r
    WHERE r.source_id = $1
      AND r.id = $2
      AND r.timestamp BETWEEN greatest($3, '-infinity') AND least($3, 'infinity')
    ORDER BY r.timestamp
    LIMIT 1
),

changed AS (
    UPDATE readings AS r
    SET
        value = CASE WHEN $5 ? 'value' THEN ($5 ->> 'value')::double precision ELSE r.value END,
        quality_flag = coalesce(seen.flag, ($5 ->> 'quality_flag')::quality_flag, r.quality_flag),
        notes = CASE WHEN $5 ? 'notes' THEN $5 ->> 'notes' ELSE r.notes END,
        metadata = CASE WHEN $5 ? 'metadata' THEN nullif($5 -> 'metadata', 'null') ELSE r.metadata END
    FROM seen
    WHERE r.source_id = seen.source_id AND r.timestamp = seen.timestamp
      AND ($4 IS NULL OR r.updated_at = ANY ($4))
    RETURNING
        r.id, r.source_id, r.value, r.timestamp, r.recorded_at, r.recorded_by, r.quality_flag, r.notes, r.metadata,
        r.updated_at, homelog.reading_told(old) AS old_told, homelog.reading_told(new) AS new_told
),

told AS (
    INSERT INTO audit_logs (user_id, source_id, entry_id, event_type, details)
    SELECT
        homelog.current_user_id(), c.source_id, c.id, 'update_entry',
        jsonb_build_object('timestamp', c.timestamp, 'old', c.old_told, 'new', c.new_told)
    FROM changed AS c
    WHERE c.old_told <> c.new_told
)

SELECT
    s.may,
    s.fresh AND c.id IS NOT NULL AS fresh,
    c.id, c.source_id, c.value, c.timestamp, c.recorded_at, c.recorded_by, c.quality_flag, c.notes, c.metadata,
    c.updated_at
FROM seen AS s
LEFT JOIN changed AS c ON true

-- name: delete_reading
-- $1 the source; $2 the reading; $3 its timestamp, null if unknown; $4 the versions that If-Match names.
-- First columns: whether the caller may, whether the version holds.
WITH taken AS MATERIALIZED (
    SELECT homelog.take_turns(ARRAY[$1::uuid])
    WHERE $1 = ANY (homelog.writable_sources())
),

seen AS (
    SELECT
        r.source_id, r.timestamp,
        r.source_id = ANY (homelog.writable_sources()) AS may,
        $4::timestamptz[] IS NULL OR r.updated_at = ANY ($4) AS fresh
    FROM (SELECT count(*) AS turns FROM taken) AS t
    CROSS JOIN readings AS r
    WHERE r.source_id = $1
      AND r.id = $2
      AND r.timestamp BETWEEN greatest($3::timestamptz, '-infinity') AND least($3, 'infinity')
    ORDER BY r.timestamp
    LIMIT 1
),

gone AS (
    DELETE FROM readings AS r
    USING seen
    WHERE r.source_id = seen.source_id AND r.timestamp = seen.timestamp
      AND ($4 IS NULL OR r.updated_at = ANY ($4))
    RETURNING r.id, r.source_id, r.timestamp, homelog.reading_told(old) AS old_told
),

told AS (
    INSERT INTO audit_logs (user_id, source_id, entry_id, event_type, details)
    SELECT
        homelog.current_user_id(), g.source_id, g.id, 'delete_entry',
        jsonb_build_object('timestamp', g.timestamp, 'old', g.old_told)
    FROM gone AS g
)

SELECT s.may, s.fresh AND g.id IS NOT NULL AS fresh, g.id
FROM seen AS s
LEFT JOIN gone AS g ON true
