-- The phases of a pass over what changed since a snapshot, each in the order of a key that never changes. What changes
-- while the pass is under way is the next one's, which begins at the snapshot of this one's first page; so no phase need
-- see it.

-- name: judge_cursor
-- $1 its era; $2 its snapshot; $3 when that was. Whether one can still be told what changed since. (Two billion: xmin has
-- 32 bits, and tells the order of no more than half of them.)
SELECT
    $1 = homelog.change_era()
    AND (
        pg_snapshot_xmin($2) = '1'
        OR (
            $3::timestamptz > now() - homelog.change_retention()
            AND pg_snapshot_xmax(pg_current_snapshot())::text::bigint - pg_snapshot_xmin($2)::text::bigint
            BETWEEN 0 AND 2000000000
        )
    ) AS holds

-- name: begin_pass
-- What the next pass begins at.
SELECT homelog.change_era() AS era, homelog.change_snapshot() AS snapshot, now() AS at

-- name: user_deletions
-- $1 the snapshot to begin at; the last one of the page before: $2 transaction, $3 id, $4 type; $5 how many rows. (The
-- key is compared twice: an enum is no index condition under row security.)
SELECT t.xid, t.id, t.type, t.op, CASE t.type WHEN 'source' THEN t.id END AS source_id
FROM user_tombstones AS t
WHERE t.user_id = (SELECT homelog.current_user_id())
  AND t.xid >= pg_snapshot_xmin($1)
  AND homelog.gone_since(t.xmin, t.xid, $1)
  AND (t.xid, t.id) >= ($2::xid8, $3::uuid)
  AND (t.xid, t.id, t.type) > ($2, $3, $4::change_type)
ORDER BY t.xid, t.id, t.type
LIMIT $5

-- name: source_deletions
-- $1 the snapshot to begin at; the last one of the page before: $2 source, $3 transaction, $4 id, $5 type; $6 how many
-- rows.
SELECT t.source_id, t.xid, t.id, t.type, 'delete'::change_op AS op
FROM source_tombstones AS t
WHERE t.source_id = ANY ((SELECT homelog.granted_sources())::uuid[])
  AND t.xid >= pg_snapshot_xmin($1)
  AND homelog.gone_since(t.xmin, t.xid, $1)
  AND (t.source_id, t.xid, t.id) >= ($2::uuid, $3::xid8, $4::uuid)
  AND (t.source_id, t.xid, t.id, t.type) > ($2, $3, $4, $5::change_type)
ORDER BY t.source_id, t.xid, t.id, t.type
LIMIT $6

-- name: changed_homes
-- $1 the snapshot to begin at; $2 the last home of the page before, null for the first; $3 how many rows.
SELECT h.id, h.name, h.address, h.timezone, h.created_at, h.updated_at, h.created_by, 'admin'::access_level
FROM homes AS h
WHERE homelog.changed_since(h.xmin, $1)
  AND ($2::uuid IS NULL OR h.id > $2)
ORDER BY h.id
LIMIT $3

-- name: changed_sources
-- $1 the snapshot to begin at; $2 the last source of the page before, null for the first; $3 how many rows. Its own
-- row changed, or the caller's grant did; a new reading changes neither.
WITH shown AS (
    SELECT
        s.id, s.name, s.description, s.source_type, s.unit, s.kind, s.home_id, s.meter_number, s.place_name,
        s.address, s.thumbnail_url, s.is_public, s.created_at, s.updated_at, s.created_by, a.access_level
    FROM data_sources AS s
    INNER JOIN user_source_access AS a ON s.id = a.source_id AND a.user_id = (SELECT homelog.current_user_id())
    WHERE (homelog.changed_since(s.xmin, $1) OR homelog.changed_since(a.xmin, $1))
      AND ($2::uuid IS NULL OR s.id > $2)
    ORDER BY s.id
    LIMIT $3
)

SELECT
    s.id, s.name, s.description, s.source_type, s.unit, s.kind, s.home_id, s.meter_number, s.place_name,
    s.address, s.thumbnail_url, s.is_public, s.created_at, s.updated_at, s.created_by, s.access_level, l.latest
FROM shown AS s
LEFT JOIN LATERAL (
    SELECT row(r.id, r.timestamp, r.value, r.quality_flag::text) AS latest
    FROM latest_readings AS r
    WHERE r.source_id = s.id
) AS l ON true
ORDER BY s.id

-- name: changed_validators
-- $1 the snapshot to begin at; the last one of the page before: $2 source, $3 id, null for the first page; $4 how
-- many rows. All of a source that was gained since.
SELECT
    v.id, v.source_id, v.min_value, v.max_value, v.non_decreasing, v.max_rate, v.action, v.created_at, v.updated_at,
    v.created_by
FROM data_validators AS v
WHERE v.source_id = ANY ((SELECT homelog.granted_sources())::uuid[])
  AND (
      homelog.changed_since(v.xmin, $1)
      OR v.source_id = ANY ((SELECT homelog.gained_sources($1))::uuid[])
  )
  AND ($2::uuid IS NULL OR (v.source_id, v.id) > ($2, $3::uuid))
ORDER BY v.source_id, v.id
LIMIT $4

-- name: changed_meter_events
-- As changed_validators.
SELECT m.id, m.source_id, m.at, m.kind, m.old_value, m.new_value, m.created_at, m.created_by
FROM meter_events AS m
WHERE m.source_id = ANY ((SELECT homelog.granted_sources())::uuid[])
  AND (
      homelog.changed_since(m.xmin, $1)
      OR m.source_id = ANY ((SELECT homelog.gained_sources($1))::uuid[])
  )
  AND ($2::uuid IS NULL OR (m.source_id, m.id) > ($2, $3::uuid))
ORDER BY m.source_id, m.id
LIMIT $4

-- name: changed_plants
-- $1 the snapshot to begin at; $2 the last plant of the page before, null for the first; $3 how many rows. Its days
-- are its home's, so it changes with that one too.
SELECT
    p.id, p.user_id, p.name, p.species, p.kind, p.room, p.moisture,
    shown.status, p.every, p.light, p.note, shown.growth, p.last_water, p.home_id, p.created_at, p.updated_at,
    shown.due_on
FROM plants AS p
LEFT JOIN homes AS h ON p.home_id = h.id
CROSS JOIN LATERAL (
    SELECT
        homelog.plant_status(p.status, p.every, p.last_water, zone.name, now()) AS status,
        homelog.plant_due_on(p.status, p.every, p.last_water, zone.name) AS due_on,
        array(SELECT g.value::double precision FROM jsonb_array_elements(p.growth) AS g (value)) AS growth
    FROM (VALUES (coalesce(h.timezone, 'UTC'))) AS zone (name)
) AS shown
WHERE (homelog.changed_since(p.xmin, $1) OR homelog.changed_since(h.xmin, $1))
  AND ($2::uuid IS NULL OR p.id > $2)
ORDER BY p.id
LIMIT $3

-- name: changed_care
-- $1 the snapshot to begin at; the last one of the page before: $2 plant, $3 id, null for the first page; $4 how many
-- rows.
SELECT c.id, c.plant_id, c.user_id, c.kind, c.at, c.note
FROM care_events AS c
WHERE homelog.changed_since(c.xmin, $1)
  AND ($2::uuid IS NULL OR (c.plant_id, c.id) > ($2, $3::uuid))
ORDER BY c.plant_id, c.id
LIMIT $4

-- name: changed_readings
-- $1 the snapshot to begin at; the last one of the page before: $2 source, $3 time, null for the first page; $4 how many
-- rows.
SELECT
    r.id, r.source_id, r.value, r.timestamp, r.recorded_at, r.recorded_by, r.quality_flag, r.notes, r.metadata,
    r.updated_at
FROM homelog.changed_readings($1, $2, $3, $4) AS r
ORDER BY r.source_id, r.timestamp
