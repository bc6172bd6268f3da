-- Accounts and sessions. Passwords and tokens come as hashes and go nowhere; definer functions keep them.

-- name: register
-- $1 the e-mail; $2 the name to show; $3 the password's hash.
SELECT
    u.id, u.email::text AS email, u.username::text AS username, u.display_name, u.role, u.is_active,
    false AS is_password_temp, u.created_at, u.updated_at, u.last_login_at
FROM homelog.register_user(uuidv7(), $1::text::citext, $2, $3) AS u

-- name: find_credentials
-- $1 the e-mail that was typed. An account that is not active has none.
SELECT c.user_id, c.password_hash
FROM homelog.find_credentials($1::text::citext) AS c
WHERE c.is_active

-- name: own_credentials
-- The caller's own. The hash is null for somebody who has no password.
SELECT u.email::text AS email, homelog.own_credentials() AS password_hash
FROM users AS u
WHERE u.id = homelog.current_user_id()

-- name: open_session
-- $1 whose; $2 the hash that their password matched; $3 the digest of the first refresh token; $4 its lifetime.
-- No row if the password was changed while it was being checked.
SELECT o.session_id, $1::uuid AS user_id, 'password' AS auth_provider, now() AS created_at
FROM homelog.open_session_by_password($1, $2, $3, $4) AS o (session_id)
WHERE o.session_id IS NOT NULL

-- name: rehash_password
-- $1 whose; $2 the weaker hash; $3 the stronger one of the same password.
SELECT homelog.rehash_password($1, $2, $3)

-- name: record_failed_login
-- $1 the e-mail that was typed.
SELECT homelog.record_failed_login($1::text::citext)

-- name: refresh_session
-- $1 the digest of the token; $2 that of its successor; $3 its lifetime; $4 how long a parent may come again.
-- No row if the token is dead; one that had been used before has then ended its session.
SELECT r.session_id, r.user_id, r.auth_provider, r.created_at
FROM homelog.refresh_session($1, $2, $3, $4) AS r
WHERE r.verdict IN ('rotated', 'again')

-- name: end_session_of_token
-- $1 the digest of a refresh token.
SELECT homelog.end_session_of_token($1)

-- name: get_me
-- The caller's own account.
SELECT
    u.id, u.email::text AS email, u.username::text AS username, u.display_name, u.role, u.is_active,
    coalesce(p.is_temporary, false) AS is_password_temp, u.created_at, u.updated_at, u.last_login_at
FROM users AS u
LEFT JOIN user_passwords AS p ON p.user_id = u.id
WHERE u.id = homelog.current_user_id()

-- name: change_me
-- $1 the versions that If-Match names, null for any; $2 the fields to change.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT
        u.id,
        $1::timestamptz[] IS NULL OR u.updated_at = ANY ($1) AS fresh,
        coalesce(p.is_temporary, false) AS is_password_temp
    FROM users AS u
    LEFT JOIN user_passwords AS p ON p.user_id = u.id
    WHERE u.id = homelog.current_user_id()
),

changed AS (
    UPDATE users AS u
    SET
        email = CASE WHEN $2::jsonb ? 'email' THEN ($2 ->> 'email')::citext ELSE u.email END,
        username = CASE WHEN $2 ? 'username' THEN ($2 ->> 'username')::citext ELSE u.username END,
        display_name = CASE WHEN $2 ? 'display_name' THEN $2 ->> 'display_name' ELSE u.display_name END
    WHERE u.id = homelog.current_user_id() AND ($1 IS NULL OR u.updated_at = ANY ($1))
    RETURNING
        u.id, u.email::text AS email, u.username::text AS username, u.display_name, u.role, u.is_active,
        u.created_at, u.updated_at, u.last_login_at
)

SELECT
    true AS may,
    s.fresh AND c.id IS NOT NULL AS fresh,
    c.id, c.email, c.username, c.display_name, c.role, c.is_active, s.is_password_temp,
    c.created_at, c.updated_at, c.last_login_at
FROM seen AS s
LEFT JOIN changed AS c ON c.id = s.id

-- name: delete_me
-- $1 the versions that If-Match names, null for any.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT u.id, $1::timestamptz[] IS NULL OR u.updated_at = ANY ($1) AS fresh
    FROM users AS u
    WHERE u.id = homelog.current_user_id()
),

gone AS (
    DELETE FROM users AS u
    WHERE u.id = homelog.current_user_id() AND ($1 IS NULL OR u.updated_at = ANY ($1))
    RETURNING u.id
)

SELECT true AS may, s.fresh AND g.id IS NOT NULL AS fresh, g.id
FROM seen AS s
LEFT JOIN gone AS g ON g.id = s.id

-- name: change_own_password
-- $1 the hash that the current password matched; $2 the new one. False if it was changed while it was being checked.
SELECT homelog.change_own_password($1, $2) AS changed

-- name: list_sessions
-- $1 the last id of the page before, null for the first page; $2 how many rows.
SELECT s.id, s.created_at, s.last_used_at, s.expires_at, s.id = homelog.current_session_id() AS current
FROM sessions AS s
WHERE
    s.user_id = homelog.current_user_id() AND s.ended_at IS NULL AND s.expires_at > now()
    AND ($1::uuid IS NULL OR s.id > $1)
ORDER BY s.id
LIMIT $2

-- name: end_session
-- $1 the session; no row unless it is the caller's and alive.
WITH ended AS (
    UPDATE sessions AS s
    SET ended_at = now()
    WHERE s.id = $1 AND s.user_id = homelog.current_user_id() AND s.ended_at IS NULL AND s.expires_at > now()
    RETURNING s.id
),

told AS (
    INSERT INTO audit_logs (user_id, event_type, details)
    SELECT homelog.current_user_id(), 'end_session', jsonb_build_object('session_id', e.id)
    FROM ended AS e
)

SELECT e.id
FROM ended AS e
