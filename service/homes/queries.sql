-- name: list_homes
-- $1 the last id of the page before, null for the first page; $2 how many rows.
SELECT
    h.id, h.name, h.address, h.timezone, h.created_at, h.updated_at, h.created_by,
    CASE
        WHEN h.id = ANY ((SELECT homelog.administered_homes())::uuid[]) THEN 'admin'
        WHEN h.id = ANY ((SELECT homelog.writable_homes())::uuid[]) THEN 'write'
        ELSE 'read'
    END::access_level AS access_level
FROM homes AS h
WHERE ($1::uuid IS NULL OR h.id > $1)
ORDER BY h.id
LIMIT $2

-- name: get_home
-- $1 the home.
SELECT
    h.id, h.name, h.address, h.timezone, h.created_at, h.updated_at, h.created_by,
    CASE
        WHEN h.id = ANY ((SELECT homelog.administered_homes())::uuid[]) THEN 'admin'
        WHEN h.id = ANY ((SELECT homelog.writable_homes())::uuid[]) THEN 'write'
        ELSE 'read'
    END::access_level AS access_level
FROM homes AS h
WHERE h.id = $1

-- name: create_home
-- $1 the id, null to make one; $2 name; $3 address; $4 timezone. First column: created, stored or conflict.
WITH made AS (
    INSERT INTO homes (id, name, address, timezone)
    VALUES (coalesce($1::uuid, uuidv7()), $2, $3, $4)
    ON CONFLICT (id) DO NOTHING
    RETURNING id, name, address, timezone, created_at, updated_at, created_by
)

SELECT
    'created' AS verdict,
    m.id, m.name, m.address, m.timezone, m.created_at, m.updated_at, m.created_by, 'admin'::access_level
FROM made AS m
UNION ALL
SELECT
    CASE WHEN (h.name, h.address, h.timezone) IS NOT DISTINCT FROM ($2, $3, $4) THEN 'stored' ELSE 'conflict' END,
    h.id, h.name, h.address, h.timezone, h.created_at, h.updated_at, h.created_by,
    CASE
        WHEN h.id = ANY ((SELECT homelog.administered_homes())::uuid[]) THEN 'admin'
        WHEN h.id = ANY ((SELECT homelog.writable_homes())::uuid[]) THEN 'write'
        ELSE 'read'
    END::access_level AS access_level
FROM homes AS h
WHERE h.id = $1 AND h.created_by = homelog.current_user_id() AND NOT EXISTS (SELECT FROM made)

-- name: change_home
-- $1 the home; $2 the versions that If-Match names, null for any; $3 the fields to change.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT h.id, h.id = ANY (homelog.administered_homes()) AS may, $2::timestamptz[] IS NULL OR h.updated_at = ANY ($2) AS fresh
    FROM homes AS h
    WHERE h.id = $1
),

changed AS (
    UPDATE homes AS h
    SET
        name = CASE WHEN $3::jsonb ? 'name' THEN $3 ->> 'name' ELSE h.name END,
        address = CASE WHEN $3 ? 'address' THEN $3 ->> 'address' ELSE h.address END,
        timezone = CASE WHEN $3 ? 'timezone' THEN $3 ->> 'timezone' ELSE h.timezone END
    WHERE h.id = $1 AND ($2 IS NULL OR h.updated_at = ANY ($2))
    RETURNING h.id, h.name, h.address, h.timezone, h.created_at, h.updated_at, h.created_by
)

SELECT
    s.may,
    s.fresh AND c.id IS NOT NULL AS fresh,
    c.id, c.name, c.address, c.timezone, c.created_at, c.updated_at, c.created_by, 'admin'::access_level
FROM seen AS s
LEFT JOIN changed AS c ON c.id = s.id

-- name: delete_home
-- $1 the home; $2 the versions that If-Match names, null for any.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT h.id, h.id = ANY (homelog.administered_homes()) AS may, $2::timestamptz[] IS NULL OR h.updated_at = ANY ($2) AS fresh
    FROM homes AS h
    WHERE h.id = $1
),

gone AS (
    DELETE FROM homes AS h
    WHERE h.id = $1 AND ($2 IS NULL OR h.updated_at = ANY ($2))
    RETURNING h.id
)

SELECT s.may, s.fresh AND g.id IS NOT NULL AS fresh, g.id
FROM seen AS s
LEFT JOIN gone AS g ON g.id = s.id

-- name: export_homes
-- As accounts:export_account, the homes that the caller administers.
SELECT row_to_json(line)::text AS line
FROM homes AS h
CROSS JOIN LATERAL (
    SELECT
        'home' AS type,
        'POST /v1/homes' AS call,
        (SELECT row_to_json(b) FROM (SELECT h.id, h.name, h.address, h.timezone) AS b) AS body,
        (SELECT row_to_json(s) FROM (SELECT h.created_at, h.updated_at, h.created_by) AS s) AS server
) AS line
WHERE h.id = ANY ((SELECT homelog.administered_homes())::uuid[])
ORDER BY h.id
