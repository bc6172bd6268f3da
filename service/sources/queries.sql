-- name: list_sources
-- $1 the last id of the page before, null for the first page; $2 home, $3 type, $4 a part of name, place or meter
-- number in any case of letters, each null for any; $5 how many rows.
-- The page is cut first, so that level and latest reading are looked up for what is shown and no more. IN, not ANY, for
-- the level: found in a hash table instead of along the whole array for each row.
WITH shown AS (
    SELECT
        s.id, s.name, s.description, s.source_type, s.unit, s.kind, s.home_id, s.meter_number, s.place_name,
        s.address, s.thumbnail_url, s.is_public, s.created_at, s.updated_at, s.created_by
    FROM data_sources AS s
    WHERE
        ($1::uuid IS NULL OR s.id > $1)
        AND ($2::uuid IS NULL OR s.home_id = $2)
        AND ($3::text IS NULL OR s.source_type = $3)
        AND (
            $4::text IS NULL
            OR strpos(casefold(concat_ws(chr(10), s.name, s.place_name, s.meter_number)), casefold($4)) > 0
        )
    ORDER BY s.id
    LIMIT $5
)

SELECT
    s.id, s.name, s.description, s.source_type, s.unit, s.kind, s.home_id, s.meter_number, s.place_name,
    s.address, s.thumbnail_url, s.is_public, s.created_at, s.updated_at, s.created_by,
    CASE
        WHEN s.id IN (SELECT unnest(homelog.administered_sources())) THEN 'admin'
        WHEN s.id IN (SELECT unnest(homelog.writable_sources())) THEN 'write'
        ELSE 'read'
    END::access_level AS access_level,
    CASE WHEN l.id IS NOT NULL THEN row(l.id, l.timestamp, l.value, l.quality_flag::text) END AS latest
FROM shown AS s
LEFT JOIN latest_readings AS l ON s.id = l.source_id
ORDER BY s.id

-- name: get_source
-- $1 the source. To whom it is only public it shows neither its number nor its address nor who made it.
SELECT
    s.id, s.name, s.description, s.source_type, s.unit, s.kind, s.home_id, g.meter_number, s.place_name,
    g.address, s.thumbnail_url, s.is_public, s.created_at, s.updated_at, g.created_by, g.access_level,
    CASE WHEN l.id IS NOT NULL THEN row(l.id, l.timestamp, l.value, l.quality_flag::text) END AS latest
FROM data_sources AS s
LEFT JOIN LATERAL (
    SELECT
        s.meter_number, s.address, s.created_by,
        CASE
            WHEN s.id = ANY ((SELECT homelog.administered_sources())::uuid[]) THEN 'admin'
            WHEN s.id = ANY ((SELECT homelog.writable_sources())::uuid[]) THEN 'write'
            ELSE 'read'
        END::access_level AS access_level
    WHERE s.id = ANY ((SELECT homelog.granted_sources())::uuid[])
) AS g ON TRUE
LEFT JOIN latest_readings AS l ON s.id = l.source_id
WHERE s.id = $1

-- name: create_source
-- $1 the id, null to make one; $2 name; $3 description; $4 type; $5 unit; $6 kind; $7 home; $8 meter number;
-- $9 place name; $10 address; $11 thumbnail; $12 whether it is public. First column: created, stored or conflict.
SELECT
    c.verdict,
    (c.source).id, (c.source).name, (c.source).description, (c.source).source_type, (c.source).unit,
    (c.source).kind, (c.source).home_id, (c.source).meter_number, (c.source).place_name, (c.source).address,
    (c.source).thumbnail_url, (c.source).is_public, (c.source).created_at, (c.source).updated_at,
    (c.source).created_by,
    CASE
        WHEN c.verdict = 'created' THEN 'admin'
        WHEN (c.source).id = ANY ((SELECT homelog.administered_sources())::uuid[]) THEN 'admin'
        WHEN (c.source).id = ANY ((SELECT homelog.writable_sources())::uuid[]) THEN 'write'
        ELSE 'read'
    END::access_level AS access_level,
    CASE WHEN l.id IS NOT NULL THEN row(l.id, l.timestamp, l.value, l.quality_flag::text) END AS latest
FROM homelog.create_source($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) AS c
LEFT JOIN latest_readings AS l ON (c.source).id = l.source_id

-- name: change_source
-- $1 the source; $2 the versions that If-Match names, null for any; $3 the fields to change.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT
        s.id,
        s.id = ANY ((SELECT homelog.administered_sources())::uuid[]) AS may,
        $2::timestamptz[] IS NULL OR s.updated_at = ANY ($2) AS fresh
    FROM data_sources AS s
    WHERE s.id = $1
),

changed AS (
    UPDATE data_sources AS s
    SET
        name = CASE WHEN $3::jsonb ? 'name' THEN $3 ->> 'name' ELSE s.name END,
        description = CASE WHEN $3 ? 'description' THEN $3 ->> 'description' ELSE s.description END,
        source_type = CASE WHEN $3 ? 'source_type' THEN $3 ->> 'source_type' ELSE s.source_type END,
        unit = CASE WHEN $3 ? 'unit' THEN $3 ->> 'unit' ELSE s.unit END,
        kind = CASE WHEN $3 ? 'kind' THEN ($3 ->> 'kind')::source_kind ELSE s.kind END,
        home_id = CASE WHEN $3 ? 'home_id' THEN ($3 ->> 'home_id')::uuid ELSE s.home_id END,
        meter_number = CASE WHEN $3 ? 'meter_number' THEN $3 ->> 'meter_number' ELSE s.meter_number END,
        place_name = CASE WHEN $3 ? 'place_name' THEN $3 ->> 'place_name' ELSE s.place_name END,
        address = CASE WHEN $3 ? 'address' THEN $3 ->> 'address' ELSE s.address END,
        thumbnail_url = CASE WHEN $3 ? 'thumbnail_url' THEN $3 ->> 'thumbnail_url' ELSE s.thumbnail_url END,
        is_public = CASE WHEN $3 ? 'is_public' THEN ($3 ->> 'is_public')::boolean ELSE s.is_public END
    WHERE s.id = $1 AND ($2 IS NULL OR s.updated_at = ANY ($2))
    RETURNING
        s.id, s.name, s.description, s.source_type, s.unit, s.kind, s.home_id, s.meter_number, s.place_name,
        s.address, s.thumbnail_url, s.is_public, s.created_at, s.updated_at, s.created_by
)

SELECT
    s.may,
    s.fresh AND c.id IS NOT NULL AS fresh,
    c.id, c.name, c.description, c.source_type, c.unit, c.kind, c.home_id, c.meter_number, c.place_name,
    c.address, c.thumbnail_url, c.is_public, c.created_at, c.updated_at, c.created_by,
    'admin'::access_level AS access_level,
    CASE WHEN l.id IS NOT NULL THEN row(l.id, l.timestamp, l.value, l.quality_flag::text) END AS latest
FROM seen AS s
LEFT JOIN changed AS c ON c.id = s.id
LEFT JOIN latest_readings AS l ON c.id = l.source_id

-- name: delete_source
-- $1 the source; $2 the versions that If-Match names, null for any.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT
        s.id,
        s.id = ANY ((SELECT homelog.administered_sources())::uuid[]) AS may,
        $2::timestamptz[] IS NULL OR s.updated_at = ANY ($2) AS fresh
    FROM data_sources AS s
    WHERE s.id = $1
),

-- Whoever is writing readings comes first: the source's row is needed by them and their rows by this.
turn AS MATERIALIZED (
    SELECT homelog.take_turns(ARRAY[s.id]) AS taken
    FROM seen AS s
    WHERE s.may AND s.fresh
),

gone AS (
    DELETE FROM data_sources AS s
    USING (SELECT count(*) AS taken FROM turn) AS t
    WHERE s.id = $1 AND t.taken = 1 AND ($2 IS NULL OR s.updated_at = ANY ($2))
    RETURNING s.id
)

SELECT s.may, s.fresh AND g.id IS NOT NULL AS fresh, g.id
FROM seen AS s
LEFT JOIN gone AS g ON g.id = s.id

-- name: export_sources
-- As accounts:export_account, the sources that the caller administers. A home that they do not administer does not come
-- along, so the source is taken in without one.
SELECT row_to_json(line)::text AS line
FROM data_sources AS s
CROSS JOIN LATERAL (
    SELECT
        'source' AS type,
        'POST /v1/sources' AS call,
        (
            SELECT row_to_json(b)
            FROM (
                SELECT
                    s.id, s.name, s.description, s.source_type, s.unit, s.kind,
                    CASE WHEN s.home_id = ANY ((SELECT homelog.administered_homes())::uuid[]) THEN s.home_id END AS home_id,
                    s.meter_number, s.place_name, s.address, s.thumbnail_url, s.is_public
            ) AS b
        ) AS body,
        (SELECT row_to_json(v) FROM (SELECT s.home_id, s.created_at, s.updated_at, s.created_by) AS v) AS server
) AS line
WHERE s.id = ANY ((SELECT homelog.administered_sources())::uuid[])
ORDER BY s.id
