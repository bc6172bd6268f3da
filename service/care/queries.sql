-- Whoever waters locks the plant before reading what it was: that is kept with the watering, and two at once are stored
-- one upon the other. Undoing locks the plant first as well, and several plants are locked in the order of their ids, so
-- nobody waits for ever. What comes back when a watering is deleted says the trigger of homelog.tg__undo_watering().
-- Whoever tells anything else of a plant locks it too, so that one that goes meanwhile is missed here and not by a foreign
-- key; KEY SHARE, where nothing of the plant changes, hinders neither waterings nor what its sensor says.

-- name: plant_is_visible
-- $1 the plant; a row if the caller may see it, so that an empty list differs from no plant.
SELECT true
FROM plants AS p
WHERE p.id = $1

-- name: list_care_events
-- $1 the plant; null for any: $2 from, $3 to, $4 kind; the last event of the page before: $5 when, $6 id, null for the
-- first page; $7 how many rows.
SELECT c.id, c.plant_id, c.user_id, c.kind, c.at, c.note
FROM care_events AS c
WHERE c.plant_id = $1
  AND c.at >= greatest($2::timestamptz, '-infinity')
  AND c.at < least($3::timestamptz, 'infinity')
  AND c.at <= least($5::timestamptz, 'infinity')
  AND ($5 IS NULL OR (c.at, c.id) < ($5, $6::uuid))
  AND ($4::care_kind IS NULL OR c.kind = $4)
ORDER BY c.at DESC, c.id DESC
LIMIT $7

-- name: get_care_event
-- $1 the plant; $2 the event.
SELECT c.id, c.plant_id, c.user_id, c.kind, c.at, c.note
FROM care_events AS c
WHERE c.plant_id = $1 AND c.id = $2

-- name: create_care_event
-- $1 the plant; $2 the id, null to make one; $3 the kind; $4 when, null for now; $5 the note. A watering waters, as in
-- water_plant. First column: created, stored, conflict, hidden, forbidden, or again: after this statement began the id
-- was taken or the plant went, or the id is of something that the caller cannot see.
WITH seen AS (
    SELECT p.id, p.user_id = homelog.current_user_id() OR p.home_id = ANY (homelog.writable_homes()) AS may
    FROM (VALUES ($1::uuid)) AS asked (id)
    LEFT JOIN plants AS p ON asked.id = p.id
),

locked AS (
    SELECT p.id, p.last_water, p.moisture, p.status, p.snoozed_until, p.updated_at
    FROM plants AS p
    WHERE p.id = (SELECT s.id FROM seen AS s WHERE s.may) AND $3::care_kind = 'water'
    FOR NO KEY UPDATE
),

kept AS (
    SELECT p.id
    FROM plants AS p
    WHERE p.id = (SELECT s.id FROM seen AS s WHERE s.may) AND $3 <> 'water'
    FOR KEY SHARE
),

made AS (
    INSERT INTO care_events (
        id, plant_id, kind, at, note, before_last_water, before_moisture, before_status, before_snoozed_until,
        before_version
    )
    SELECT
        coalesce($2::uuid, uuidv7()), s.id, $3, coalesce($4::timestamptz, now()), $5,
        l.last_water, l.moisture, l.status, l.snoozed_until, l.updated_at
    FROM seen AS s
    LEFT JOIN locked AS l ON s.id = l.id
    LEFT JOIN kept AS k ON s.id = k.id
    WHERE s.id IN (l.id, k.id)
    ON CONFLICT (id) DO NOTHING
    RETURNING id, plant_id, user_id, kind, at, note
),

watered AS (
    UPDATE plants AS p
    SET last_water = greatest(p.last_water, m.at),
        moisture = CASE WHEN m.at < p.last_water THEN p.moisture ELSE 1 END,
        status = CASE WHEN m.at < p.last_water THEN p.status ELSE 'watered' END
    FROM made AS m
    WHERE p.id = m.plant_id AND m.kind = 'water'
)

SELECT
    CASE
        WHEN s.id IS NULL THEN 'hidden'
        WHEN NOT s.may THEN 'forbidden'
        WHEN m.id IS NOT NULL THEN 'created'
        WHEN
            (c.plant_id, c.user_id, c.kind, c.at, c.note)
            = ($1, homelog.current_user_id(), $3, coalesce($4, c.at), $5) THEN 'stored'
        WHEN c.id IS NOT NULL THEN 'conflict'
        ELSE 'again'
    END AS verdict,
    coalesce(m.id, c.id) AS id,
    coalesce(m.plant_id, c.plant_id) AS plant_id,
    coalesce(m.user_id, c.user_id) AS user_id,
    coalesce(m.kind, c.kind) AS kind,
    coalesce(m.at, c.at) AS at,
    coalesce(m.note, c.note) AS note
FROM seen AS s
LEFT JOIN made AS m ON true
LEFT JOIN care_events AS c ON m.id IS NULL AND s.may AND c.id = $2

-- name: delete_care_event
-- $1 the plant; $2 the event; $3 the versions that If-Match names, null for any.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT
        c.id, c.plant_id,
        p.user_id = homelog.current_user_id() OR p.home_id = ANY (homelog.writable_homes()) AS may,
        $3::timestamptz[] IS NULL OR c.at = ANY ($3) AS fresh
    FROM care_events AS c
    INNER JOIN plants AS p ON c.plant_id = p.id
    WHERE c.plant_id = $1 AND c.id = $2
),

locked AS (
    SELECT p.id
    FROM plants AS p
    WHERE p.id = (SELECT s.plant_id FROM seen AS s WHERE s.may AND s.fresh)
    FOR NO KEY UPDATE
),

gone AS (
    DELETE FROM care_events AS c
    USING locked AS l
    WHERE c.plant_id = l.id AND c.id = $2
    RETURNING c.id
)

SELECT s.may, s.fresh AND g.id IS NOT NULL AS fresh, g.id
FROM seen AS s
LEFT JOIN gone AS g ON s.id = g.id

-- name: water_plant
-- $1 the plant; $2 when, null for now; $3 the id of the watering, null to make one. A watering that is told late, older
-- than last_water, is logged and changes the plant in nothing but its version. Any other ends a rest.
-- First column: done, stored (this very watering was logged before), conflict (its id is that of something else),
-- again (the id was taken after this statement began) or forbidden; no row for a plant that the caller cannot see. The
-- last one: the watering.
WITH seen AS (
    SELECT p AS plant, p.id, p.user_id = homelog.current_user_id() OR p.home_id = ANY (homelog.writable_homes()) AS may
    FROM plants AS p
    WHERE p.id = $1
),

locked AS (
    SELECT p.id, p.last_water, p.moisture, p.status, p.snoozed_until, p.updated_at
    FROM plants AS p
    WHERE p.id = (SELECT s.id FROM seen AS s WHERE s.may)
    FOR NO KEY UPDATE
),

logged AS (
    INSERT INTO care_events (
        id, plant_id, kind, at, before_last_water, before_moisture, before_status, before_snoozed_until,
        before_version
    )
    SELECT
        coalesce($3::uuid, uuidv7()), l.id, 'water', coalesce($2::timestamptz, now()),
        l.last_water, l.moisture, l.status, l.snoozed_until, l.updated_at
    FROM locked AS l
    ON CONFLICT (id) DO NOTHING
    RETURNING id, plant_id, at
),

watered AS (
    UPDATE plants AS p
    SET last_water = greatest(p.last_water, l.at),
        moisture = CASE WHEN l.at < p.last_water THEN p.moisture ELSE 1 END,
        status = CASE WHEN l.at < p.last_water THEN p.status ELSE 'watered' END
    FROM logged AS l
    WHERE p.id = l.plant_id
    RETURNING p AS plant
),

known AS (
    SELECT
        (c.plant_id, c.user_id, c.kind, c.at)
        = ($1, homelog.current_user_id(), 'water', coalesce($2, c.at)) AS same
    FROM care_events AS c
    WHERE c.id = $3
),

outcome AS (
    SELECT
        CASE
            WHEN NOT s.may THEN 'forbidden'
            WHEN EXISTS (SELECT FROM logged) THEN 'done'
            WHEN (SELECT k.same FROM known AS k) THEN 'stored'
            WHEN EXISTS (SELECT FROM known) THEN 'conflict'
            ELSE 'again'
        END AS verdict,
        coalesce((SELECT w.plant FROM watered AS w), s.plant) AS plant,
        coalesce((SELECT l.id FROM logged AS l), $3) AS event_id
    FROM seen AS s
)

SELECT
    o.verdict,
    p.*,
    o.event_id
FROM outcome AS o
CROSS JOIN LATERAL homelog.shown_plant(o.plant) AS p

-- name: water_plants
-- $1 plants, or $2 a room, or $3 a home, or both of these for a room of that home alone; else null; $4 when, null for
-- now; $5 the id of this call, null if it is not sent again; $6 whether those that can be watered are, where others
-- cannot; $7 how many at most. Of a room in any home those that the caller may care for. No row if the caller cannot see what was named; where $6, only if it is a home. First
-- column: done (one row without a plant where a room or home has none), forbidden, too_many, conflict, or again (after
-- this statement began ids were taken, or plants went without which it is not all of them); the last two: the watering
-- of each plant, and what became of it.
WITH named AS (
    SELECT p AS plant, p.id, mine.may
    FROM plants AS p
    CROSS JOIN LATERAL (
        SELECT coalesce(
            p.user_id = (SELECT homelog.current_user_id())
            OR p.home_id = ANY ((SELECT homelog.writable_homes())::uuid[]),
            false
        ) AS may
    ) AS mine
    WHERE p.id = ANY ($1::uuid[])
       OR (p.home_id = $3::uuid AND ($2::text IS NULL OR p.room = $2))
       OR ($3 IS NULL AND p.room = $2 AND mine.may)
    LIMIT $7::bigint + 1
),

verdict AS (
    SELECT
        $6::boolean
        OR (coalesce(bool_and(n.may), true) AND ($3 IS NULL OR $3 = ANY (homelog.writable_homes()))) AS may,
        count(*) <= $7 AS fits
    FROM named AS n
    HAVING ($6 OR $1 IS NULL OR count(*) = (SELECT count(DISTINCT wanted) FROM unnest($1) AS wanted))
       AND ($3 IS NULL OR EXISTS (SELECT FROM homes AS h WHERE h.id = $3))
),

known AS (
    SELECT
        n.plant, n.id, c.id AS event_id,
        (c.plant_id, c.user_id, c.kind, c.at)
        = (n.id, homelog.current_user_id(), 'water', coalesce($4::timestamptz, c.at)) AS same
    FROM named AS n
    CROSS JOIN LATERAL (
        SELECT c.id, c.plant_id, c.user_id, c.kind, c.at
        FROM care_events AS c
        WHERE c.id = homelog.care_id($5::uuid, n.id)
        LIMIT 1
    ) AS c
    WHERE n.may AND $5 IS NOT NULL
),

wanted AS (
    SELECT n.id
    FROM named AS n
    CROSS JOIN verdict AS v
    WHERE v.may AND v.fits AND n.may AND n.id NOT IN (SELECT k.id FROM known AS k)
),

locked AS (
    SELECT p.id, p.last_water, p.moisture, p.status, p.snoozed_until, p.updated_at
    FROM plants AS p
    WHERE p.id IN (SELECT w.id FROM wanted AS w)
    ORDER BY p.id
    FOR NO KEY UPDATE
),

enough AS (
    SELECT $6 OR (SELECT count(*) FROM locked) = (SELECT count(*) FROM wanted) AS is_enough
),

logged AS (
    INSERT INTO care_events (
        id, plant_id, kind, at, before_last_water, before_moisture, before_status, before_snoozed_until,
        before_version
    )
    SELECT
        coalesce(homelog.care_id($5, l.id), uuidv7()), l.id, 'water', coalesce($4, now()),
        l.last_water, l.moisture, l.status, l.snoozed_until, l.updated_at
    FROM locked AS l
    CROSS JOIN enough AS e
    WHERE e.is_enough
    ON CONFLICT (id) DO NOTHING
    RETURNING id, plant_id, at
),

watered AS (
    UPDATE plants AS p
    SET last_water = greatest(p.last_water, l.at),
        moisture = CASE WHEN l.at < p.last_water THEN p.moisture ELSE 1 END,
        status = CASE WHEN l.at < p.last_water THEN p.status ELSE 'watered' END
    FROM logged AS l
    WHERE p.id = l.plant_id
    RETURNING p AS plant, l.id AS event_id
),

result AS (
    SELECT 'watered' AS outcome, w.plant, w.event_id FROM watered AS w
    UNION ALL
    SELECT
        CASE WHEN k.same THEN 'duplicate' ELSE 'conflict' END, k.plant, CASE WHEN k.same THEN k.event_id END
    FROM known AS k
    UNION ALL
    SELECT 'forbidden', n.plant, NULL FROM named AS n WHERE NOT n.may
)

SELECT
    CASE
        WHEN NOT v.may THEN 'forbidden'
        WHEN NOT v.fits THEN 'too_many'
        WHEN NOT $6 AND EXISTS (SELECT FROM known AS k WHERE NOT k.same) THEN 'conflict'
        WHEN NOT e.is_enough OR (SELECT count(*) FROM locked) > (SELECT count(*) FROM logged) THEN 'again'
        ELSE 'done'
    END AS verdict,
    p.*,
    r.event_id,
    r.outcome
FROM verdict AS v
CROSS JOIN enough AS e
LEFT JOIN result AS r ON v.fits
CROSS JOIN LATERAL homelog.shown_plant(r.plant) AS p
ORDER BY p.id

-- name: care_for_plants
-- As water_plants, and $8 the kind of care, which is not water, and $9 the note. What became of each
-- plant stands before its care.
WITH named AS (
    SELECT p.id, mine.may
    FROM plants AS p
    CROSS JOIN LATERAL (
        SELECT coalesce(
            p.user_id = (SELECT homelog.current_user_id())
            OR p.home_id = ANY ((SELECT homelog.writable_homes())::uuid[]),
            false
        ) AS may
    ) AS mine
    WHERE p.id = ANY ($1::uuid[])
       OR (p.home_id = $3::uuid AND ($2::text IS NULL OR p.room = $2))
       OR ($3 IS NULL AND p.room = $2 AND mine.may)
    LIMIT $7::bigint + 1
),

verdict AS (
    SELECT
        $6::boolean
        OR (coalesce(bool_and(n.may), true) AND ($3 IS NULL OR $3 = ANY (homelog.writable_homes()))) AS may,
        count(*) <= $7 AS fits
    FROM named AS n
    HAVING ($6 OR $1 IS NULL OR count(*) = (SELECT count(DISTINCT wanted) FROM unnest($1) AS wanted))
       AND ($3 IS NULL OR EXISTS (SELECT FROM homes AS h WHERE h.id = $3))
),

known AS (
    SELECT
        n.id AS plant_id,
        (c.plant_id, c.user_id, c.kind, c.at, c.note)
        = (n.id, homelog.current_user_id(), $8::care_kind, coalesce($4::timestamptz, c.at), $9::text) AS same,
        c.id, c.user_id, c.kind, c.at, c.note
    FROM named AS n
    CROSS JOIN LATERAL (
        SELECT c.id, c.plant_id, c.user_id, c.kind, c.at, c.note
        FROM care_events AS c
        WHERE c.id = homelog.care_id($5::uuid, n.id)
        LIMIT 1
    ) AS c
    WHERE n.may AND $5 IS NOT NULL
),

wanted AS (
    SELECT n.id
    FROM named AS n
    CROSS JOIN verdict AS v
    WHERE v.may AND v.fits AND n.may AND n.id NOT IN (SELECT k.plant_id FROM known AS k)
),

locked AS (
    SELECT p.id
    FROM plants AS p
    WHERE p.id IN (SELECT w.id FROM wanted AS w)
    ORDER BY p.id
    FOR KEY SHARE
),

enough AS (
    SELECT $6 OR (SELECT count(*) FROM locked) = (SELECT count(*) FROM wanted) AS is_enough
),

-- In the order of their ids, which is the same every time: two calls that are the same wait for each other.
logged AS (
    INSERT INTO care_events (id, plant_id, kind, at, note)
    SELECT coalesce(homelog.care_id($5, l.id), uuidv7()), l.id, $8, coalesce($4, now()), $9
    FROM locked AS l
    CROSS JOIN enough AS e
    WHERE e.is_enough
    ORDER BY l.id
    ON CONFLICT (id) DO NOTHING
    RETURNING id, plant_id, user_id, kind, at, note
),

result AS (
    SELECT l.plant_id, 'logged' AS outcome, l.id, l.user_id, l.kind, l.at, l.note FROM logged AS l
    UNION ALL
    SELECT
        k.plant_id, CASE WHEN k.same THEN 'duplicate' ELSE 'conflict' END,
        k.id, k.user_id, k.kind, k.at, k.note
    FROM known AS k
    UNION ALL
    SELECT n.id, 'forbidden', NULL, NULL, NULL, NULL, NULL FROM named AS n WHERE NOT n.may
)

SELECT
    CASE
        WHEN NOT v.may THEN 'forbidden'
        WHEN NOT v.fits THEN 'too_many'
        WHEN NOT $6 AND EXISTS (SELECT FROM known AS k WHERE NOT k.same) THEN 'conflict'
        WHEN NOT e.is_enough OR (SELECT count(*) FROM locked) > (SELECT count(*) FROM logged) THEN 'again'
        ELSE 'done'
    END AS verdict,
    r.plant_id, r.outcome, r.id, r.user_id, r.kind, r.at, r.note
FROM verdict AS v
CROSS JOIN enough AS e
LEFT JOIN result AS r ON v.fits
ORDER BY r.plant_id

-- name: list_care_intervals
-- $1 the plant; $2 the last kind of the page before, null for the first page; $3 how many rows.
SELECT i.plant_id, i.kind, i.every, i.last_at, i.due_on, i.created_at, i.updated_at
FROM shown_care_intervals AS i
WHERE i.plant_id = $1 AND ($2::care_kind IS NULL OR i.kind > $2)
ORDER BY i.kind
LIMIT $3

-- name: get_care_interval
-- $1 the plant; $2 the kind of care.
SELECT i.plant_id, i.kind, i.every, i.last_at, i.due_on, i.created_at, i.updated_at
FROM shown_care_intervals AS i
WHERE i.plant_id = $1 AND i.kind = $2

-- name: set_care_interval
-- $1 the plant; $2 the kind of care; $3 the versions that If-Match names, null for any; $4 every how many days.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT
        p.id,
        p.user_id = homelog.current_user_id() OR p.home_id = ANY (homelog.administered_homes()) AS may,
        coalesce($3::timestamptz[] IS NULL OR i.updated_at = ANY ($3), false) AS fresh,
        homelog.plant_zone(p.home_id, h.timezone) AS zone
    FROM plants AS p
    LEFT JOIN homes AS h ON p.home_id = h.id
    LEFT JOIN care_intervals AS i ON p.id = i.plant_id AND i.kind = $2::care_kind
    WHERE p.id = $1
),

kept AS (
    SELECT p.id
    FROM plants AS p
    WHERE p.id = (SELECT s.id FROM seen AS s WHERE s.may AND s.fresh)
    FOR KEY SHARE
),

stored AS (
    INSERT INTO care_intervals AS i (plant_id, kind, every)
    SELECT k.id, $2, $4
    FROM kept AS k
    ON CONFLICT (plant_id, kind) DO UPDATE SET every = excluded.every
        WHERE $3 IS NULL OR i.updated_at = ANY ($3)
    RETURNING i.plant_id, i.kind, i.every, i.created_at, i.updated_at
)

SELECT
    s.may,
    s.fresh AND i.plant_id IS NOT NULL AS fresh,
    i.plant_id, i.kind, i.every, done.at AS last_at, homelog.care_due_on(i.every, done.at, s.zone) AS due_on,
    i.created_at, i.updated_at
FROM seen AS s
LEFT JOIN stored AS i ON s.id = i.plant_id
LEFT JOIN LATERAL (
    SELECT c.at
    FROM care_events AS c
    WHERE c.plant_id = i.plant_id AND c.kind = i.kind
    ORDER BY c.at DESC
    LIMIT 1
) AS done ON true

-- name: delete_care_interval
-- $1 the plant; $2 the kind of care; $3 the versions that If-Match names, null for any.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT
        p.user_id = homelog.current_user_id() OR p.home_id = ANY (homelog.administered_homes()) AS may,
        $3::timestamptz[] IS NULL OR i.updated_at = ANY ($3) AS fresh
    FROM care_intervals AS i
    INNER JOIN plants AS p ON i.plant_id = p.id
    WHERE i.plant_id = $1 AND i.kind = $2::care_kind
),

gone AS (
    DELETE FROM care_intervals AS i
    WHERE i.plant_id = $1 AND i.kind = $2 AND ($3 IS NULL OR i.updated_at = ANY ($3))
    RETURNING i.plant_id
)

SELECT s.may, s.fresh AND g.plant_id IS NOT NULL AS fresh, g.plant_id
FROM seen AS s
LEFT JOIN gone AS g ON true

-- name: list_due_care
-- $1 within how many days; the last item of the page before: $2 its due_on, $3 plant, $4 kind, null for the first page;
-- $5 how many rows; null for any: $6 home; $7 room. What rests wants no care; what was never done has no date and comes first.
SELECT i.plant_id, p.name, p.room, p.home_id, i.kind, i.every, i.last_at, i.due_on
FROM shown_care_intervals AS i
INNER JOIN plants AS p ON i.plant_id = p.id
LEFT JOIN homes AS h ON p.home_id = h.id
CROSS JOIN LATERAL homelog.shown_plant(p, h.timezone, now()) AS shown
WHERE shown.status <> 'resting'
  AND ($6::uuid IS NULL OR p.home_id = $6)
  AND ($7::text IS NULL OR p.room = $7)
  AND (i.due_on IS NULL OR i.due_on <= homelog.local_date(now(), homelog.plant_zone(p.home_id, h.timezone)) + $1::integer)
  AND (
      $3::uuid IS NULL
      OR (coalesce(i.due_on, '-infinity'), i.plant_id, i.kind) > (coalesce($2::date, '-infinity'), $3, $4::care_kind)
  )
ORDER BY i.due_on NULLS FIRST, i.plant_id, i.kind
LIMIT $5

-- name: list_growth
-- $1 the plant; null for any: $2 from, $3 to; the last measurement of the page before: $4 when, $5 id, null for the
-- first page; $6 how many rows.
SELECT m.id, m.plant_id, m.user_id, m.at, m.value
FROM growth_measurements AS m
WHERE m.plant_id = $1
  AND m.at >= greatest($2::timestamptz, $4::timestamptz, '-infinity')
  AND m.at < least($3::timestamptz, 'infinity')
  AND ($4 IS NULL OR (m.at, m.id) > ($4, $5::uuid))
ORDER BY m.at, m.id
LIMIT $6

-- name: grow_plant
-- $1 the plant; $2 the value; $3 the id of the measurement, null to make one; $4 when it was made, null for now. First
-- column as in water_plant.
WITH seen AS (
    SELECT p AS plant, p.id, p.user_id = homelog.current_user_id() OR p.home_id = ANY (homelog.writable_homes()) AS may
    FROM plants AS p
    WHERE p.id = $1
),

locked AS (
    SELECT p.id
    FROM plants AS p
    WHERE p.id = (SELECT s.id FROM seen AS s WHERE s.may)
    FOR NO KEY UPDATE
),

logged AS (
    INSERT INTO growth_measurements (id, plant_id, value, at)
    SELECT coalesce($3::uuid, uuidv7()), l.id, $2, coalesce($4::timestamptz, now())
    FROM locked AS l
    ON CONFLICT (id) DO NOTHING
    RETURNING plant_id, value
),

grown AS (
    UPDATE plants AS p
    SET growth = p.growth || to_jsonb(l.value)
    FROM logged AS l
    WHERE p.id = l.plant_id
    RETURNING p AS plant
),

known AS (
    SELECT (m.plant_id, m.user_id, m.value, m.at) = ($1, homelog.current_user_id(), $2, coalesce($4, m.at)) AS same
    FROM growth_measurements AS m
    WHERE m.id = $3
),

outcome AS (
    SELECT
        CASE
            WHEN NOT s.may THEN 'forbidden'
            WHEN EXISTS (SELECT FROM logged) THEN 'done'
            WHEN (SELECT k.same FROM known AS k) THEN 'stored'
            WHEN EXISTS (SELECT FROM known) THEN 'conflict'
            ELSE 'again'
        END AS verdict,
        coalesce((SELECT g.plant FROM grown AS g), s.plant) AS plant
    FROM seen AS s
)

SELECT
    o.verdict,
    p.*
FROM outcome AS o
CROSS JOIN LATERAL homelog.shown_plant(o.plant) AS p

-- name: correct_growth
-- $1 the plant; $2 the versions that If-Match names, null for any; $3 what its last value should have been. The
-- measurement that brought this value is corrected with it; one that was written with the whole array has none. No row
-- for a plant without growth. First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT
        p.id,
        p.user_id = homelog.current_user_id() OR p.home_id = ANY (homelog.writable_homes()) AS may,
        $2::timestamptz[] IS NULL OR p.updated_at = ANY ($2) AS fresh
    FROM plants AS p
    WHERE p.id = $1 AND p.growth <> '[]'
),

locked AS (
    SELECT p.id, (p.growth -> -1)::double precision AS value
    FROM plants AS p
    WHERE p.id = (SELECT s.id FROM seen AS s WHERE s.may)
      AND ($2 IS NULL OR p.updated_at = ANY ($2))
      AND p.growth <> '[]'
    FOR NO KEY UPDATE
),

corrected AS (
    UPDATE plants AS p
    SET growth = jsonb_set(p.growth, '{-1}', to_jsonb($3::double precision))
    FROM locked AS l
    WHERE p.id = l.id
    RETURNING p AS plant
),

measured AS (
    UPDATE growth_measurements AS m
    SET value = $3
    FROM locked AS l
    WHERE m.value = l.value
      AND m.id = (
          SELECT newest.id
          FROM growth_measurements AS newest
          WHERE newest.plant_id = $1
          ORDER BY newest.created_at DESC, newest.id DESC
          LIMIT 1
      )
)

SELECT
    s.may,
    s.fresh AND p.id IS NOT NULL AS fresh,
    p.*
FROM seen AS s
LEFT JOIN corrected AS c ON true
CROSS JOIN LATERAL homelog.shown_plant(c.plant) AS p

-- name: export_care
-- As accounts:export_account, of the caller's own plants. A watering can be read and not sent, since that would water.
SELECT row_to_json(line)::text AS line
FROM care_events AS c
INNER JOIN plants AS p ON c.plant_id = p.id
CROSS JOIN LATERAL (
    SELECT
        'care' AS type,
        CASE WHEN c.kind <> 'water' THEN concat('POST /v1/plants/', c.plant_id, '/care-events') END AS call,
        CASE WHEN c.kind <> 'water' THEN (
            SELECT row_to_json(b) FROM (SELECT c.id, c.kind, c.at, c.note) AS b
        ) END AS body,
        (
            SELECT row_to_json(s)
            FROM (
                SELECT
                    c.id, c.plant_id, c.user_id, c.kind, c.at, c.note, c.created_at, c.before_last_water, c.before_moisture,
                    c.before_status, c.before_snoozed_until, c.before_version
            ) AS s
        ) AS server
) AS line
WHERE p.user_id = homelog.current_user_id()
ORDER BY c.plant_id, c.at, c.id

-- name: export_care_intervals
-- As accounts:export_account, of the caller's own plants.
SELECT row_to_json(line)::text AS line
FROM care_intervals AS i
INNER JOIN plants AS p ON i.plant_id = p.id
CROSS JOIN LATERAL (
    SELECT
        'care_interval' AS type,
        concat('PUT /v1/plants/', i.plant_id, '/care-intervals/', i.kind) AS call,
        (SELECT row_to_json(b) FROM (SELECT i.every) AS b) AS body,
        (SELECT row_to_json(s) FROM (SELECT i.plant_id, i.kind, i.created_at, i.updated_at) AS s) AS server
) AS line
WHERE p.user_id = homelog.current_user_id()
ORDER BY i.plant_id, i.kind

-- name: export_growth
-- As accounts:export_account, of the caller's own plants. A plant brings its measurements along, without their times.
SELECT row_to_json(line)::text AS line
FROM growth_measurements AS m
INNER JOIN plants AS p ON m.plant_id = p.id
CROSS JOIN LATERAL (
    SELECT
        'growth' AS type,
        NULL::text AS call,
        NULL::json AS body,
        (SELECT row_to_json(s) FROM (SELECT m.id, m.plant_id, m.user_id, m.at, m.value, m.created_at) AS s) AS server
) AS line
WHERE p.user_id = homelog.current_user_id()
ORDER BY m.plant_id, m.at, m.id
