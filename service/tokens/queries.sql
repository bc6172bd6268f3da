-- Device tokens. They come as digests, which nothing here reads back.

-- name: list_tokens
-- $1 the last id of the page before, null for the first page; $2 how many rows.
SELECT t.id, t.name, t.scopes, t.source_ids, t.created_at, t.expires_at, t.last_used_at
FROM device_tokens AS t
WHERE t.user_id = homelog.current_user_id() AND ($1::uuid IS NULL OR t.id > $1)
ORDER BY t.id
LIMIT $2

-- name: get_token
-- $1 the token.
SELECT t.id, t.name, t.scopes, t.source_ids, t.created_at, t.expires_at, t.last_used_at
FROM device_tokens AS t
WHERE t.id = $1

-- name: create_token
-- $1 the id, null to make one; $2 name; $3 scopes; $4 the sources that it is bound to, null for none; $5 when it
-- expires, null for never; $6 its digest. First column: created, stored (without its secret, which nobody knows any
-- more) or conflict.
WITH made AS (
    INSERT INTO device_tokens (id, name, scopes, source_ids, expires_at, token_hash)
    VALUES (coalesce($1::uuid, uuidv7()), $2, $3, $4, $5, $6)
    ON CONFLICT (id) DO NOTHING
    RETURNING id, name, scopes, source_ids, created_at, expires_at, last_used_at
)

SELECT
    'created' AS verdict,
    m.id, m.name, m.scopes, m.source_ids, m.created_at, m.expires_at, m.last_used_at
FROM made AS m
UNION ALL
SELECT
    CASE WHEN
        (t.name, t.expires_at) IS NOT DISTINCT FROM ($2, $5)
        AND t.scopes @> $3 AND t.scopes <@ $3
        AND coalesce(t.source_ids @> $4 AND t.source_ids <@ $4, t.source_ids IS NULL AND $4 IS NULL)
        THEN 'stored' ELSE 'conflict' END,
    t.id, t.name, t.scopes, t.source_ids, t.created_at, t.expires_at, t.last_used_at
FROM device_tokens AS t
WHERE t.id = $1 AND NOT EXISTS (SELECT FROM made)

-- name: delete_token
-- $1 the token; $2 the versions that If-Match names, null for any.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT t.id, $2::timestamptz[] IS NULL OR t.created_at = ANY ($2) AS fresh
    FROM device_tokens AS t
    WHERE t.id = $1
),

gone AS (
    DELETE FROM device_tokens AS t
    WHERE t.id = $1 AND ($2 IS NULL OR t.created_at = ANY ($2))
    RETURNING t.id
)

SELECT true AS may, s.fresh AND g.id IS NOT NULL AS fresh, g.id
FROM seen AS s
LEFT JOIN gone AS g ON g.id = s.id

-- name: export_tokens
-- As accounts:export_account, the caller's own without what they are sent as, which is stored nowhere: so they can be
-- read, and not taken along.
SELECT row_to_json(line)::text AS line
FROM device_tokens AS t
CROSS JOIN LATERAL (
    SELECT
        'token' AS type,
        NULL::text AS call,
        NULL::json AS body,
        (
            SELECT row_to_json(s)
            FROM (SELECT t.id, t.name, t.scopes, t.source_ids, t.created_at, t.expires_at, t.last_used_at) AS s
        ) AS server
) AS line
WHERE t.user_id = homelog.current_user_id()
ORDER BY t.id
