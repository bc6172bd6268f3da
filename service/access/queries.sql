-- name: administer_source
-- $1 the source: 404 for a caller who does not see it, 403 for one who is not its admin.
WITH seen AS (
    SELECT
        s.id,
        s.id = ANY ((SELECT homelog.administered_sources())::uuid[]) AS may
    FROM data_sources AS s
    WHERE s.id = $1
)

SELECT s.may, TRUE AS fresh, s.id
FROM seen AS s

-- name: list_grants
-- $1 the source; $2 the last user of the page before and $3 why they had access, null for the first page; $4 how many
-- rows. Somebody who was granted the source and belongs to its home has two.
SELECT
    $1::uuid AS source_id, r.user_id, r.email, r.display_name, r.access_level, r.granted_at, r.granted_by, r.via
FROM homelog.rights_to_source($1) AS r
WHERE $2::uuid IS NULL OR (r.user_id, r.via) > ($2, $3::text)
ORDER BY r.user_id, r.via
LIMIT $4

-- name: get_grant
-- $1 the source; $2 the user. First columns: whether the caller may; a grant has no version.
WITH seen AS (
    SELECT
        s.id,
        s.id = ANY ((SELECT homelog.administered_sources())::uuid[]) AS may
    FROM data_sources AS s
    WHERE s.id = $1
)

SELECT
    s.may,
    TRUE AS fresh,
    s.id AS source_id, r.user_id, r.email, r.display_name, r.access_level, r.granted_at, r.granted_by, r.via
FROM seen AS s
LEFT JOIN homelog.rights_to_source($1) AS r ON r.user_id = $2 AND r.via <> 'home'
WHERE r.user_id IS NOT NULL OR NOT s.may

-- name: create_grant
-- $1 the source; $2 the user, $3 their e-mail, one of them null; $4 the level.
-- First column: created, stored (the same level) or conflict (another one); hidden where the caller does not see the
-- source, forbidden where they are not its admin.
WITH seen AS (
    SELECT
        s.id, s.created_by,
        s.id = ANY ((SELECT homelog.administered_sources())::uuid[]) AS may
    FROM data_sources AS s
    WHERE s.id = $1
),

wanted AS (
    SELECT p.user_id, p.email, p.display_name
    FROM homelog.find_grantee($1, $2, $3) AS p
),

-- The update changes nothing: it answers the row that is there, even one that came while this waited for it.
made AS (
    INSERT INTO user_source_access AS a (user_id, source_id, access_level)
    SELECT w.user_id, $1, $4
    FROM wanted AS w
    ON CONFLICT (source_id, user_id) DO UPDATE
        SET access_level = excluded.access_level
        WHERE a.access_level = excluded.access_level
    RETURNING
        a.source_id, a.user_id, a.access_level, a.granted_at, a.granted_by, old.user_id IS NULL AS is_new
)

SELECT
    CASE
        WHEN s.id IS NULL THEN 'hidden'
        WHEN NOT s.may THEN 'forbidden'
        WHEN m.user_id IS NULL THEN 'conflict'
        WHEN m.is_new THEN 'created'
        ELSE 'stored'
    END AS verdict,
    m.source_id, m.user_id, w.email, w.display_name, m.access_level, m.granted_at, m.granted_by,
    CASE WHEN m.user_id = s.created_by THEN 'owner' ELSE 'grant' END AS via
FROM (VALUES ($1)) AS asked (id)
LEFT JOIN seen AS s ON s.id = asked.id
LEFT JOIN wanted AS w ON TRUE
LEFT JOIN made AS m ON TRUE

-- name: change_grant
-- $1 the source; $2 the user; $3 the level. First columns: whether the caller may; a grant has no version.
WITH seen AS (
    SELECT
        s.id, s.created_by,
        s.id = ANY ((SELECT homelog.administered_sources())::uuid[]) AS may
    FROM data_sources AS s
    WHERE s.id = $1
),

changed AS (
    UPDATE user_source_access AS a
    SET access_level = $3
    WHERE a.source_id = $1 AND a.user_id = $2
    RETURNING a.source_id, a.user_id, a.access_level, a.granted_at, a.granted_by
)

SELECT
    s.may,
    TRUE AS fresh,
    c.source_id, c.user_id, p.email, p.display_name, c.access_level, c.granted_at, c.granted_by,
    CASE WHEN c.user_id = s.created_by THEN 'owner' ELSE 'grant' END AS via
FROM seen AS s
LEFT JOIN changed AS c ON c.source_id = s.id
LEFT JOIN homelog.people_of_source($1) AS p ON p.user_id = c.user_id
WHERE c.user_id IS NOT NULL OR NOT s.may

-- name: delete_grant
-- $1 the source; $2 the user. First columns: whether the caller may, who gives up their own or is an admin; a grant
-- has no version.
WITH seen AS (
    SELECT
        s.id,
        $2 = homelog.current_user_id() OR s.id = ANY ((SELECT homelog.administered_sources())::uuid[]) AS may
    FROM data_sources AS s
    WHERE s.id = $1
),

gone AS (
    DELETE FROM user_source_access AS a
    WHERE a.source_id = $1 AND a.user_id = $2
    RETURNING a.source_id, a.user_id
)

SELECT s.may, TRUE AS fresh, g.user_id
FROM seen AS s
LEFT JOIN gone AS g ON g.source_id = s.id
WHERE g.user_id IS NOT NULL OR NOT s.may

-- name: export_grants
-- As accounts:export_account, what others may do with the sources that the caller administers. A person is named by
-- e-mail: ids are another server's own.
SELECT row_to_json(line)::text AS line
FROM data_sources AS s
JOIN user_source_access AS a ON a.source_id = s.id
CROSS JOIN LATERAL homelog.people_of_source(s.id) AS p
CROSS JOIN LATERAL (
    SELECT
        'grant' AS type,
        concat('POST /v1/sources/', s.id, '/access') AS call,
        (SELECT row_to_json(b) FROM (SELECT p.email, a.access_level) AS b) AS body,
        (
            SELECT row_to_json(v)
            FROM (
                SELECT
                    a.user_id, p.display_name, a.granted_at, a.granted_by,
                    CASE WHEN a.user_id = s.created_by THEN 'owner' ELSE 'grant' END AS via
            ) AS v
        ) AS server
) AS line
WHERE s.id = ANY ((SELECT homelog.administered_sources())::uuid[])
  AND p.user_id = a.user_id AND a.user_id <> homelog.current_user_id()
ORDER BY s.id, a.user_id

-- name: lock_source
-- $1 the source. Before a grant is changed or revoked: whoever deletes the source has its row first and its grants then.
SELECT homelog.lock_source($1)
