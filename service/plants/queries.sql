-- A plant's status is never read from its column alone: homelog.plant_status() says what it is now, in the time zone
-- of the plant's home, else in UTC. Growth is stored as jsonb and shown as the doubles that it holds. What a statement
-- made or changed travels as a whole row (RETURNING p) until the last SELECT, where unnest() turns it back into
-- columns, so that they are listed once a statement.

-- name: list_plants
-- $1 the last id of the page before, null for the first page; $2 how many rows; null for any: $3 room; $4 kind;
-- $5 status as it is now.
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
WHERE ($1::uuid IS NULL OR p.id > $1)
  AND ($3::text IS NULL OR p.room = $3)
  AND ($4::plantkind IS NULL OR p.kind = $4)
  AND ($5::plantstatus IS NULL OR shown.status = $5)
ORDER BY p.id
LIMIT $2

-- name: list_plants_of_home
-- As list_plants, and $6 the home.
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
WHERE p.home_id = $6
  AND ($1::uuid IS NULL OR p.id > $1)
  AND ($3::text IS NULL OR p.room = $3)
  AND ($4::plantkind IS NULL OR p.kind = $4)
  AND ($5::plantstatus IS NULL OR shown.status = $5)
ORDER BY p.id
LIMIT $2

-- name: list_due_plants
-- $1 within how many days; the last plant of the page before: $2 its due_on, $3 created_at, $4 id, null for the first
-- page; $5 how many rows. What rests is not due; what was never watered has no date and comes first.
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
        array(SELECT g.value::double precision FROM jsonb_array_elements(p.growth) AS g (value)) AS growth,
        homelog.local_date(now(), zone.name) AS today
    FROM (VALUES (coalesce(h.timezone, 'UTC'))) AS zone (name)
) AS shown
WHERE p.status <> 'resting'
  AND (shown.due_on IS NULL OR shown.due_on <= shown.today + $1::integer)
  AND (
      $4::uuid IS NULL
      OR (coalesce(shown.due_on, '-infinity'), p.created_at, p.id)
      > (coalesce($2::date, '-infinity'), $3::timestamptz, $4)
  )
ORDER BY shown.due_on NULLS FIRST, p.created_at, p.id
LIMIT $5

-- name: get_plant
-- $1 the plant.
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
WHERE p.id = $1

-- name: create_plant
-- $1 the id, null to make one; $2 name; $3 species; $4 kind; $5 room; $6 moisture; $7 status; $8 every; $9 light;
-- $10 note; $11 growth; $12 last_water; $13 home. First column: created, stored or conflict.
WITH made AS (
    INSERT INTO plants AS p (
        id, name, species, kind, room, moisture, status, every, light, note, growth, last_water, home_id
    )
    VALUES (coalesce($1::uuid, uuidv7()), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    ON CONFLICT (id) DO NOTHING
    RETURNING p AS plant
),

outcome AS (
    SELECT 'created' AS verdict, m.plant
    FROM made AS m
    UNION ALL
    SELECT
        CASE
            WHEN (
                p.name, p.species, p.kind, p.room, p.moisture, p.status, p.every, p.light, p.note, p.growth,
                p.last_water, p.home_id
            ) IS NOT DISTINCT FROM ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) THEN 'stored'
            ELSE 'conflict'
        END,
        p
    FROM plants AS p
    WHERE p.id = $1 AND p.user_id = homelog.current_user_id() AND NOT EXISTS (SELECT FROM made)
)

SELECT
    o.verdict,
    p.id, p.user_id, p.name, p.species, p.kind, p.room, p.moisture,
    shown.status, p.every, p.light, p.note, shown.growth, p.last_water, p.home_id, p.created_at, p.updated_at,
    shown.due_on
FROM outcome AS o
CROSS JOIN LATERAL unnest(ARRAY[o.plant]) AS p
LEFT JOIN homes AS h ON p.home_id = h.id
CROSS JOIN LATERAL (
    SELECT
        homelog.plant_status(p.status, p.every, p.last_water, zone.name, now()) AS status,
        homelog.plant_due_on(p.status, p.every, p.last_water, zone.name) AS due_on,
        array(SELECT g.value::double precision FROM jsonb_array_elements(p.growth) AS g (value)) AS growth
    FROM (VALUES (coalesce(h.timezone, 'UTC'))) AS zone (name)
) AS shown

-- name: change_plant
-- $1 the plant; $2 the versions that If-Match names, null for any; $3 the fields to change.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT
        p.id,
        p.user_id = homelog.current_user_id() OR p.home_id = ANY (homelog.administered_homes()) AS may,
        $2::timestamptz[] IS NULL OR p.updated_at = ANY ($2) AS fresh
    FROM plants AS p
    WHERE p.id = $1
),

changed AS (
    UPDATE plants AS p
    SET (
        name, species, kind, room, moisture, status, every, light, note, growth, last_water, home_id
    ) = (
        SELECT
            r.name, r.species, r.kind, r.room, r.moisture, r.status, r.every, r.light, r.note, r.growth,
            r.last_water, r.home_id
        FROM jsonb_populate_record(p, $3::jsonb) AS r
    )
    FROM seen AS s
    WHERE p.id = s.id AND s.may AND ($2 IS NULL OR p.updated_at = ANY ($2))
    RETURNING p AS plant
)

SELECT
    s.may,
    s.fresh AND p.id IS NOT NULL AS fresh,
    p.id, p.user_id, p.name, p.species, p.kind, p.room, p.moisture,
    shown.status, p.every, p.light, p.note, shown.growth, p.last_water, p.home_id, p.created_at, p.updated_at,
    shown.due_on
FROM seen AS s
LEFT JOIN changed AS c ON true
CROSS JOIN LATERAL unnest(ARRAY[c.plant]) AS p
LEFT JOIN homes AS h ON p.home_id = h.id
CROSS JOIN LATERAL (
    SELECT
        homelog.plant_status(p.status, p.every, p.last_water, zone.name, now()) AS status,
        homelog.plant_due_on(p.status, p.every, p.last_water, zone.name) AS due_on,
        array(SELECT g.value::double precision FROM jsonb_array_elements(p.growth) AS g (value)) AS growth
    FROM (VALUES (coalesce(h.timezone, 'UTC'))) AS zone (name)
) AS shown

-- name: delete_plant
-- $1 the plant; $2 the versions that If-Match names, null for any.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT
        p.id,
        p.user_id = homelog.current_user_id() OR p.home_id = ANY (homelog.administered_homes()) AS may,
        $2::timestamptz[] IS NULL OR p.updated_at = ANY ($2) AS fresh
    FROM plants AS p
    WHERE p.id = $1
),

gone AS (
    DELETE FROM plants AS p
    WHERE p.id = $1 AND ($2 IS NULL OR p.updated_at = ANY ($2))
    RETURNING p.id
)

SELECT s.may, s.fresh AND g.id IS NOT NULL AS fresh, g.id
FROM seen AS s
LEFT JOIN gone AS g ON s.id = g.id

-- name: water_plant
-- $1 the plant; $2 when, null for now; $3 the id of the watering, null to make one. A watering that is told late is
-- logged, but last_water never moves back. One that rests is woken: watering it is the change that ends its rest.
-- First column: done, stored (this very watering was logged before), conflict (its id is that of something else),
-- again (the id was taken after this statement began) or forbidden; no row for a plant that the caller cannot see.
WITH seen AS (
    SELECT p AS plant, p.id = ANY ((SELECT homelog.writable_plants())::uuid[]) AS may
    FROM plants AS p
    WHERE p.id = $1
),

logged AS (
    INSERT INTO care_events (id, plant_id, kind, at)
    SELECT coalesce($3::uuid, uuidv7()), $1, 'water', coalesce($2::timestamptz, now())
    FROM seen AS s
    WHERE s.may
    ON CONFLICT (id) DO NOTHING
    RETURNING plant_id, at
),

watered AS (
    UPDATE plants AS p
    SET last_water = greatest(p.last_water, l.at), moisture = 1, status = 'watered'
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
        coalesce((SELECT w.plant FROM watered AS w), s.plant) AS plant
    FROM seen AS s
)

SELECT
    o.verdict,
    p.id, p.user_id, p.name, p.species, p.kind, p.room, p.moisture,
    shown.status, p.every, p.light, p.note, shown.growth, p.last_water, p.home_id, p.created_at, p.updated_at,
    shown.due_on
FROM outcome AS o
CROSS JOIN LATERAL unnest(ARRAY[o.plant]) AS p
LEFT JOIN homes AS h ON p.home_id = h.id
CROSS JOIN LATERAL (
    SELECT
        homelog.plant_status(p.status, p.every, p.last_water, zone.name, now()) AS status,
        homelog.plant_due_on(p.status, p.every, p.last_water, zone.name) AS due_on,
        array(SELECT g.value::double precision FROM jsonb_array_elements(p.growth) AS g (value)) AS growth
    FROM (VALUES (coalesce(h.timezone, 'UTC'))) AS zone (name)
) AS shown

-- name: grow_plant
-- $1 the plant; $2 the value; $3 the id of the measurement, null to make one. First column as in water_plant.
WITH seen AS (
    SELECT p AS plant, p.id = ANY ((SELECT homelog.writable_plants())::uuid[]) AS may
    FROM plants AS p
    WHERE p.id = $1
),

logged AS (
    INSERT INTO growth_measurements (id, plant_id, value)
    SELECT coalesce($3::uuid, uuidv7()), $1, $2
    FROM seen AS s
    WHERE s.may
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
    SELECT (m.plant_id, m.user_id, m.value) = ($1, homelog.current_user_id(), $2) AS same
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
    p.id, p.user_id, p.name, p.species, p.kind, p.room, p.moisture,
    shown.status, p.every, p.light, p.note, shown.growth, p.last_water, p.home_id, p.created_at, p.updated_at,
    shown.due_on
FROM outcome AS o
CROSS JOIN LATERAL unnest(ARRAY[o.plant]) AS p
LEFT JOIN homes AS h ON p.home_id = h.id
CROSS JOIN LATERAL (
    SELECT
        homelog.plant_status(p.status, p.every, p.last_water, zone.name, now()) AS status,
        homelog.plant_due_on(p.status, p.every, p.last_water, zone.name) AS due_on,
        array(SELECT g.value::double precision FROM jsonb_array_elements(p.growth) AS g (value)) AS growth
    FROM (VALUES (coalesce(h.timezone, 'UTC'))) AS zone (name)
) AS shown

-- name: water_plants
-- $1 plants, or $2 a room, or $3 a home; the other two null. All of them or none: no row if the caller cannot see one
-- that was named. First column: done (one row without a plant where a room or home has none) or forbidden.
WITH writable AS (
    SELECT homelog.writable_plants() AS ids
),

named AS (
    SELECT p.id, p.id = ANY ((SELECT w.ids FROM writable AS w)::uuid[]) AS may
    FROM plants AS p
    WHERE p.id = ANY ($1::uuid[])
       OR p.home_id = $3::uuid
       OR (p.room = $2::text AND p.id = ANY ((SELECT w.ids FROM writable AS w)::uuid[]))
),

verdict AS (
    SELECT coalesce(bool_and(n.may), true) AND ($3 IS NULL OR $3 = ANY (homelog.writable_homes())) AS may
    FROM named AS n
    HAVING ($1 IS NULL OR count(*) = (SELECT count(DISTINCT wanted) FROM unnest($1) AS wanted))
       AND ($3 IS NULL OR EXISTS (SELECT FROM homes AS h WHERE h.id = $3))
),

-- In the order of their ids: two who water the same plants at once wait for each other and never for ever.
locked AS (
    SELECT p.id
    FROM plants AS p
    WHERE p.id IN (SELECT n.id FROM named AS n CROSS JOIN verdict AS v WHERE v.may)
    ORDER BY p.id
    FOR NO KEY UPDATE
),

logged AS (
    INSERT INTO care_events (plant_id, kind, at)
    SELECT l.id, 'water', now()
    FROM locked AS l
    RETURNING plant_id, at
),

watered AS (
    UPDATE plants AS p
    SET last_water = greatest(p.last_water, l.at), moisture = 1, status = 'watered'
    FROM logged AS l
    WHERE p.id = l.plant_id
    RETURNING p AS plant
)

SELECT
    CASE WHEN v.may THEN 'done' ELSE 'forbidden' END AS verdict,
    p.id, p.user_id, p.name, p.species, p.kind, p.room, p.moisture,
    shown.status, p.every, p.light, p.note, shown.growth, p.last_water, p.home_id, p.created_at, p.updated_at,
    shown.due_on
FROM verdict AS v
LEFT JOIN watered AS w ON true
CROSS JOIN LATERAL unnest(ARRAY[w.plant]) AS p
LEFT JOIN homes AS h ON p.home_id = h.id
CROSS JOIN LATERAL (
    SELECT
        homelog.plant_status(p.status, p.every, p.last_water, zone.name, now()) AS status,
        homelog.plant_due_on(p.status, p.every, p.last_water, zone.name) AS due_on,
        array(SELECT g.value::double precision FROM jsonb_array_elements(p.growth) AS g (value)) AS growth
    FROM (VALUES (coalesce(h.timezone, 'UTC'))) AS zone (name)
) AS shown
ORDER BY p.id
