-- Members of a home. A guest whose access has ended is no member any more, and may be invited again.

-- name: lock_home
-- $1 the home. Before a member is changed or removed: whoever deletes the home has its row first and its members then.
SELECT homelog.lock_home($1)

-- name: administer_home
-- $1 the home: 404 for a caller who does not see it, 403 for one who is not its admin.
SELECT h.id = ANY ((SELECT homelog.administered_homes())::uuid[]) AS may, TRUE AS fresh, h.id
FROM homes AS h
WHERE h.id = $1

-- name: list_members
-- $1 the home; $2 the last user of the page before, null for the first page; $3 how many rows.
SELECT
    m.home_id, m.user_id, p.email, p.display_name, m.access_level, m.expires_at, m.granted_at, m.granted_by
FROM home_members AS m
JOIN homelog.people_of_home($1) AS p ON p.user_id = m.user_id
WHERE
    m.home_id = $1
    AND ($2::uuid IS NULL OR m.user_id > $2)
    AND (m.expires_at IS NULL OR m.expires_at > now())
ORDER BY m.user_id
LIMIT $3

-- name: get_member
-- $1 the home; $2 the user. First columns: whether the caller may, who is it or is an admin; a membership has no version.
WITH seen AS (
    SELECT
        h.id,
        $2 = homelog.current_user_id() OR h.id = ANY ((SELECT homelog.administered_homes())::uuid[]) AS may
    FROM homes AS h
    WHERE h.id = $1
)

SELECT
    s.may,
    TRUE AS fresh,
    m.home_id, m.user_id, coalesce(p.email, me.email) AS email,
    coalesce(p.display_name, me.display_name) AS display_name,
    m.access_level, m.expires_at, m.granted_at, m.granted_by
FROM seen AS s
LEFT JOIN home_members AS m
    ON m.home_id = s.id AND m.user_id = $2 AND (m.expires_at IS NULL OR m.expires_at > now())
LEFT JOIN homelog.people_of_home($1) AS p ON p.user_id = m.user_id
LEFT JOIN users AS me ON me.id = m.user_id
WHERE m.user_id IS NOT NULL OR NOT s.may

-- name: invite_member
-- $1 the home; $2 the user, $3 their e-mail, one of them null; $4 the level; $5 when it ends, null for never.
-- First column: created, stored (the same is there) or conflict (another level or end); hidden where the caller does
-- not see the home, forbidden where they are not its admin.
WITH seen AS (
    SELECT h.id, h.id = ANY ((SELECT homelog.administered_homes())::uuid[]) AS may
    FROM homes AS h
    WHERE h.id = $1
),

wanted AS (
    SELECT p.user_id, p.email, p.display_name
    FROM homelog.find_invited($1, $2, $3) AS p
),

-- Where the same is there already the update changes nothing and answers it, even if it came while this waited for it.
made AS (
    INSERT INTO home_members AS m (home_id, user_id, access_level, expires_at)
    SELECT $1, w.user_id, $4, $5
    FROM wanted AS w
    ON CONFLICT (home_id, user_id) DO UPDATE
        SET access_level = excluded.access_level, expires_at = excluded.expires_at
        WHERE
            m.expires_at <= now()
            OR (m.access_level, m.expires_at) IS NOT DISTINCT FROM (excluded.access_level, excluded.expires_at)
    RETURNING
        m.home_id, m.user_id, m.access_level, m.expires_at, m.granted_at, m.granted_by,
        old.user_id IS NULL OR coalesce(old.expires_at <= now(), FALSE) AS is_new
)

SELECT
    CASE
        WHEN s.id IS NULL THEN 'hidden'
        WHEN NOT s.may THEN 'forbidden'
        WHEN m.user_id IS NULL THEN 'conflict'
        WHEN m.is_new THEN 'created'
        ELSE 'stored'
    END AS verdict,
    m.home_id, m.user_id, w.email, w.display_name, m.access_level, m.expires_at, m.granted_at, m.granted_by
FROM (VALUES ($1)) AS asked (id)
LEFT JOIN seen AS s ON s.id = asked.id
LEFT JOIN wanted AS w ON TRUE
LEFT JOIN made AS m ON TRUE

-- name: change_member
-- $1 the home; $2 the user; $3 the level; $4 when it ends, null for never. First columns: whether the caller may; a
-- membership has no version.
WITH seen AS (
    SELECT h.id, h.id = ANY ((SELECT homelog.administered_homes())::uuid[]) AS may
    FROM homes AS h
    WHERE h.id = $1
),

changed AS (
    UPDATE home_members AS m
    SET access_level = $3, expires_at = $4
    WHERE m.home_id = $1 AND m.user_id = $2 AND (m.expires_at IS NULL OR m.expires_at > now())
    RETURNING m.home_id, m.user_id, m.access_level, m.expires_at, m.granted_at, m.granted_by
)

SELECT
    s.may,
    TRUE AS fresh,
    c.home_id, c.user_id, p.email, p.display_name, c.access_level, c.expires_at, c.granted_at, c.granted_by
FROM seen AS s
LEFT JOIN changed AS c ON c.home_id = s.id
LEFT JOIN homelog.people_of_home($1) AS p ON p.user_id = c.user_id
WHERE c.user_id IS NOT NULL OR NOT s.may

-- name: remove_member
-- $1 the home; $2 the user. First columns: whether the caller may, who leaves or is an admin; a membership has no
-- version.
WITH seen AS (
    SELECT
        h.id,
        $2 = homelog.current_user_id() OR h.id = ANY ((SELECT homelog.administered_homes())::uuid[]) AS may
    FROM homes AS h
    WHERE h.id = $1
),

gone AS (
    DELETE FROM home_members AS m
    WHERE m.home_id = $1 AND m.user_id = $2 AND (m.expires_at IS NULL OR m.expires_at > now())
    RETURNING m.home_id, m.user_id
)

SELECT s.may, TRUE AS fresh, g.user_id
FROM seen AS s
LEFT JOIN gone AS g ON g.home_id = s.id
WHERE g.user_id IS NOT NULL OR NOT s.may

-- name: export_members
-- As accounts:export_account, who belongs to the homes that the caller administers, and has not left. A person is named
-- by e-mail: ids are another server's own.
SELECT row_to_json(line)::text AS line
FROM homes AS h
JOIN home_members AS m ON m.home_id = h.id
CROSS JOIN LATERAL homelog.people_of_home(h.id) AS p
CROSS JOIN LATERAL (
    SELECT
        'member' AS type,
        concat('POST /v1/homes/', h.id, '/members') AS call,
        (SELECT row_to_json(b) FROM (SELECT p.email, m.access_level, m.expires_at) AS b) AS body,
        (SELECT row_to_json(v) FROM (SELECT m.user_id, p.display_name, m.granted_at, m.granted_by) AS v) AS server
) AS line
WHERE h.id = ANY ((SELECT homelog.administered_homes())::uuid[])
  AND p.user_id = m.user_id AND m.user_id <> homelog.current_user_id()
  AND (m.expires_at IS NULL OR m.expires_at > now())
ORDER BY h.id, m.user_id
