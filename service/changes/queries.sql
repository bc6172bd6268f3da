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
-- $1 the snapshot to begin at, and $2 when that was; the last one of the page before: $3 transaction, $4 id, $5 type;
-- $6 how many rows.
-- What is there again is not told, but for a source that was gained since: it is sent whole, and what the copy has of it
-- may be of the one before.
SELECT t.xid, t.id, t.type, t.op, CASE t.type WHEN 'source' THEN t.id END AS source_id
FROM homelog.losses($1, $2) AS t
WHERE (t.xid, t.id, t.type) > ($3::xid8, $4::uuid, $5::change_type)
  AND NOT CASE t.type
      WHEN 'home' THEN EXISTS (
          SELECT FROM homes AS h
          WHERE h.id = t.id
      )
      WHEN 'plant' THEN EXISTS (
          SELECT FROM plants AS p
          WHERE p.id = t.id
      )
      WHEN 'care' THEN EXISTS (
          SELECT FROM care_events AS c
          WHERE c.id = t.id
      )
      ELSE t.id = ANY ((SELECT homelog.granted_sources())::uuid[])
           AND t.id <> ALL ((SELECT homelog.gained_sources($1))::uuid[])
  END
ORDER BY t.xid, t.id, t.type
LIMIT $6

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
-- $1 the snapshot to begin at; $2 the last home of the page before, null for the first; $3 how many rows. It changed,
-- or the caller's membership did.
SELECT
    h.id, h.name, h.address, h.timezone, h.created_at, h.updated_at, h.created_by,
    CASE
        WHEN h.id = ANY ((SELECT homelog.administered_homes())::uuid[]) THEN 'admin'
        WHEN h.id = ANY ((SELECT homelog.writable_homes())::uuid[]) THEN 'write'
        ELSE 'read'
    END::access_level AS access_level
FROM homes AS h
INNER JOIN home_members AS m ON h.id = m.home_id AND m.user_id = (SELECT homelog.current_user_id())
WHERE (homelog.changed_since(h.xmin, $1) OR homelog.changed_since(m.xmin, $1))
  AND ($2::uuid IS NULL OR h.id > $2)
ORDER BY h.id
LIMIT $3

-- name: changed_sources
-- $1 the snapshot to begin at, and $2 when that was; $3 the last source of the page before, null for the first; $4 how
-- many rows. Its own row changed, or one of the caller's reasons to see it came, changed or went; a new reading changes
-- none of these.
WITH shown AS (
    SELECT
        s.id, s.name, s.description, s.source_type, s.unit, s.kind, s.home_id, s.meter_number, s.place_name,
        s.address, s.thumbnail_url, s.is_public, s.created_at, s.updated_at, s.created_by,
        CASE
            WHEN s.id IN (SELECT unnest(homelog.administered_sources())) THEN 'admin'
            WHEN s.id IN (SELECT unnest(homelog.writable_sources())) THEN 'write'
            ELSE 'read'
        END::access_level AS access_level
    FROM data_sources AS s
    WHERE (
            homelog.changed_since(s.xmin, $1)
            OR s.id = ANY ((SELECT homelog.gained_sources($1))::uuid[])
            OR s.id IN (
                SELECT a.source_id FROM user_source_access AS a
                WHERE a.user_id = (SELECT homelog.current_user_id()) AND homelog.changed_since(a.xmin, $1)
            )
            OR s.home_id IN (
                SELECT m.home_id FROM home_members AS m
                WHERE m.user_id = (SELECT homelog.current_user_id()) AND homelog.changed_since(m.xmin, $1)
            )
            OR s.id IN (SELECT l.id FROM homelog.losses($1, $2) AS l WHERE l.type = 'source')
        )
      AND ($3::uuid IS NULL OR s.id > $3)
    ORDER BY s.id
    LIMIT $4
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
-- $1 the snapshot to begin at, and $2 when that was; $3 the last plant of the page before, null for the first; $4 how
-- many rows. Its days are its home's, so it changes with that one too, and when the caller comes to see that one or does
-- not any more.
SELECT shown.*
FROM plants AS p
LEFT JOIN homes AS h ON p.home_id = h.id
CROSS JOIN LATERAL homelog.shown_plant(p, h.timezone, now()) AS shown
WHERE (
        homelog.changed_since(p.xmin, $1)
        OR homelog.changed_since(h.xmin, $1)
        OR p.id = ANY ((SELECT homelog.gained_plants($1))::uuid[])
        OR p.id IN (SELECT l.id FROM homelog.losses($1, $2) AS l WHERE l.type = 'plant')
    )
  AND ($3::uuid IS NULL OR p.id > $3)
ORDER BY p.id
LIMIT $4

-- name: changed_care
-- $1 the snapshot to begin at; the last one of the page before: $2 plant, $3 id, null for the first page; $4 how many
-- rows. All of a plant that was gained since. By way of the plants, which are found by their owner and home.
SELECT c.id, c.plant_id, c.user_id, c.kind, c.at, c.note
FROM plants AS p
INNER JOIN care_events AS c ON p.id = c.plant_id
WHERE (homelog.changed_since(c.xmin, $1) OR p.id = ANY ((SELECT homelog.gained_plants($1))::uuid[]))
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
