-- What is shown of a plant stands in homelog.shown_plant(), in the order of the struct: whoever reads takes all columns of
-- the view shown_plants, whoever has just written a plant hands its row (RETURNING p) to the function itself.

-- name: list_plants
-- $1 the last id of the page before, null for the first page; $2 how many rows; null for any: $3 room; $4 kind;
-- $5 status as it is now. OFFSET 0: the planner finds the caller's plants first and puts them in order, rather than walk
-- through everybody's in the order of the key; then it works out only as many as the page needs.
SELECT shown.*
FROM (
    SELECT p.id, p AS plant, h.timezone
    FROM plants AS p
    LEFT JOIN homes AS h ON p.home_id = h.id
    WHERE ($1::uuid IS NULL OR p.id > $1)
      AND ($3::text IS NULL OR p.room = $3)
      AND ($4::plantkind IS NULL OR p.kind = $4)
    ORDER BY p.id
    OFFSET 0
) AS seen
CROSS JOIN LATERAL homelog.shown_plant(seen.plant, seen.timezone, now()) AS shown
WHERE ($5::plantstatus IS NULL OR shown.status = $5)
ORDER BY seen.id
LIMIT $2

-- name: list_plants_of_home
-- As list_plants, and $6 the home.
SELECT p.*
FROM shown_plants AS p
WHERE p.home_id = $6
  AND ($1::uuid IS NULL OR p.id > $1)
  AND ($3::text IS NULL OR p.room = $3)
  AND ($4::plantkind IS NULL OR p.kind = $4)
  AND ($5::plantstatus IS NULL OR p.status = $5)
ORDER BY p.id
LIMIT $2

-- name: list_due_plants
-- $1 within how many days; the last plant of the page before: $2 its due_on, $3 created_at, $4 id, null for the first
-- page; $5 how many rows; null for any: $6 home; $7 room. What rests is not due, nor what its sensor finds wet; what was never watered has no date and
-- comes first.
SELECT shown.*
FROM plants AS p
LEFT JOIN homes AS h ON p.home_id = h.id
CROSS JOIN LATERAL homelog.shown_plant(p, h.timezone, now()) AS shown
WHERE shown.status <> 'resting'
  AND ($6::uuid IS NULL OR p.home_id = $6)
  AND ($7::text IS NULL OR p.room = $7)
  AND CASE
      WHEN shown.due_on IS NULL THEN shown.sensor IS DISTINCT FROM 'fresh'
      ELSE shown.due_on <= homelog.local_date(now(), homelog.plant_zone(p.home_id, h.timezone)) + $1::integer
  END
  AND (
      $4::uuid IS NULL
      OR (coalesce(shown.due_on, '-infinity'), p.created_at, p.id)
      > (coalesce($2::date, '-infinity'), $3::timestamptz, $4)
  )
ORDER BY shown.due_on NULLS FIRST, p.created_at, p.id
LIMIT $5

-- name: get_plant
-- $1 the plant.
SELECT p.*
FROM shown_plants AS p
WHERE p.id = $1

-- name: create_plant
-- $1 the id, null to make one; $2 name; $3 species; $4 kind; $5 room; $6 moisture; $7 status; $8 every; $9 light;
-- $10 note; $11 growth; $12 last_water; $13 home; $14 season_factor; $15 season_from; $16 season_to; $17 snoozed_until;
-- $18 moisture_source_id; $19 dry_below; $20 stale_after_hours. First column: created, stored or conflict. What a sensor
-- has moved since is still the same plant.
WITH made AS (
    INSERT INTO plants AS p (
        id, name, species, kind, room, moisture, status, every, light, note, growth, last_water, home_id, season_factor,
        season_from, season_to, snoozed_until, moisture_source_id, dry_below, stale_after_hours
    )
    VALUES (
        coalesce($1::uuid, uuidv7()), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $20
    )
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
                p.name, p.species, p.kind, p.room,
                CASE WHEN p.moisture_at IS NULL THEN p.moisture ELSE $6 END,
                p.status, p.every, p.light, p.note, p.growth, p.last_water, p.home_id, p.season_factor, p.season_from,
                p.season_to, p.snoozed_until, p.moisture_source_id, p.dry_below, p.stale_after_hours
            ) IS NOT DISTINCT FROM (
                $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20
            ) THEN 'stored'
            ELSE 'conflict'
        END,
        p
    FROM plants AS p
    WHERE p.id = $1 AND p.user_id = homelog.current_user_id() AND NOT EXISTS (SELECT FROM made)
)

SELECT
    o.verdict,
    p.*
FROM outcome AS o
CROSS JOIN LATERAL homelog.shown_plant(o.plant) AS p

-- name: change_plant
-- $1 the plant; $2 the versions that If-Match names, null for any; $3 the fields to change. Who puts somebody else's plant
-- out of its home is answered it as it leaves, and sees it no more. What changes nothing is no UPDATE: each of a plant is a
-- new version, for its waterings to have an order.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT
        p AS plant,
        p.id,
        p *= jsonb_populate_record(p, $3::jsonb) AS is_so,
        p.user_id = homelog.current_user_id() OR p.home_id = ANY (homelog.administered_homes()) AS may,
        $2::timestamptz[] IS NULL OR p.updated_at = ANY ($2) AS fresh,
        p.user_id <> homelog.current_user_id() AND $3 -> 'home_id' = 'null' AS leaves
    FROM plants AS p
    WHERE p.id = $1
),

changed AS (
    UPDATE plants AS p
    SET (
        name, species, kind, room, moisture, status, every, light, note, growth, last_water, home_id, season_factor,
        season_from, season_to, snoozed_until, moisture_source_id, dry_below, stale_after_hours
    ) = (
        SELECT
            r.name, r.species, r.kind, r.room, r.moisture, r.status, r.every, r.light, r.note, r.growth,
            r.last_water, CASE WHEN s.leaves THEN p.home_id ELSE r.home_id END, r.season_factor, r.season_from,
            r.season_to, r.snoozed_until, r.moisture_source_id, r.dry_below, r.stale_after_hours
        FROM jsonb_populate_record(p, $3) AS r
    )
    FROM seen AS s
    WHERE p.id = s.id AND s.may AND NOT s.is_so AND ($2 IS NULL OR p.updated_at = ANY ($2))
    RETURNING p AS plant, s.leaves
),

placed AS (
    SELECT CASE WHEN c.leaves THEN homelog.put_out_plant((c.plant).id) ELSE c.plant END AS plant
    FROM changed AS c
)

SELECT
    s.may,
    s.fresh AND p.id IS NOT NULL AS fresh,
    p.*
FROM seen AS s
LEFT JOIN placed AS c ON true
CROSS JOIN LATERAL homelog.shown_plant(CASE WHEN s.is_so THEN s.plant ELSE c.plant END) AS p

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

-- name: export_plants
-- As accounts:export_account, the caller's own, with the status as it is stored. A home that they do not administer does
-- not come along, so the plant is taken in without one; nor a sensor that they do not.
SELECT row_to_json(line)::text AS line
FROM plants AS p
CROSS JOIN LATERAL (
    SELECT
        'plant' AS type,
        'POST /v1/plants' AS call,
        (
            SELECT row_to_json(b)
            FROM (
                SELECT
                    p.id, p.name, p.species, p.kind, p.room, p.moisture, p.status, p.every, p.light, p.note,
                    array(SELECT g.value::double precision FROM jsonb_array_elements(p.growth) AS g (value)) AS growth,
                    p.last_water,
                    CASE WHEN p.home_id = ANY ((SELECT homelog.administered_homes())::uuid[]) THEN p.home_id END AS home_id,
                    p.season_factor, p.season_from, p.season_to, p.snoozed_until,
                    CASE
                        WHEN p.moisture_source_id = ANY ((SELECT homelog.administered_sources())::uuid[])
                            THEN p.moisture_source_id
                    END AS moisture_source_id,
                    p.dry_below, p.stale_after_hours
            ) AS b
        ) AS body,
        (
            SELECT row_to_json(s)
            FROM (SELECT p.home_id, p.moisture_source_id, p.moisture_at, p.dry_since, p.created_at, p.updated_at) AS s
        ) AS server
) AS line
WHERE p.user_id = homelog.current_user_id()
ORDER BY p.id
