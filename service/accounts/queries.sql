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

-- name: try_sign_in
-- $1 the e-mail that was typed; $2 the address that it comes from. For how many seconds it has to wait, 0 to go on.
SELECT homelog.try_sign_in($1::text::citext, $2) AS seconds

-- name: forgive_sign_in
-- $1, $2 as in try_sign_in, once the password was right.
SELECT homelog.forgive_sign_in($1::text::citext, $2)

-- name: try_own_password
-- The caller's own; for how many seconds they have to wait, 0 to go on.
SELECT homelog.try_own_password() AS seconds

-- name: forgive_own_password
-- The caller's own, once it was right.
SELECT homelog.forgive_own_password()

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
-- $1 the digest of the token; $2 those that its successor may have, the one to make first; $3 its lifetime; $4 after
-- how long a session ends however often it is refreshed; $5 how long a parent may come again. No row if the token is
-- dead; one that had been used before has then ended its session. One of a session that is gated stays as it is, and
-- the session is refused at its next step.
SELECT r.session_id, r.user_id, r.auth_provider, r.created_at, r.successor
FROM homelog.rotate_refresh_token($1, $2, $3, $4, $5) AS r
WHERE r.verdict IN ('rotated', 'again', 'gated')

-- name: session_of_token
-- $1 the digest of a refresh token. Null if it is of no session that lives.
SELECT homelog.session_of_refresh_token($1)

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
-- $1 the versions that If-Match names, null for any; $2 the fields to change; $3 how long ago the caller
-- may have signed in for another e-mail.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT
        u.id,
        $1::timestamptz[] IS NULL OR u.updated_at = ANY ($1) AS fresh,
        coalesce(p.is_temporary, false) AS is_password_temp,
        NOT $2::jsonb ? 'email' OR $2 ->> 'email' = u.email::text OR EXISTS (
            SELECT FROM sessions AS s
            WHERE s.id = homelog.current_session_id() AND s.created_at > now() - $3::interval
        ) AS may
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
    WHERE u.id = (SELECT seen.id FROM seen WHERE seen.may) AND ($1 IS NULL OR u.updated_at = ANY ($1))
    RETURNING
        u.id, u.email::text AS email, u.username::text AS username, u.display_name, u.role, u.is_active,
        u.created_at, u.updated_at, u.last_login_at
)

SELECT
    s.may,
    s.fresh AND c.id IS NOT NULL AS fresh,
    c.id, c.email, c.username, c.display_name, c.role, c.is_active, s.is_password_temp,
    c.created_at, c.updated_at, c.last_login_at
FROM seen AS s
LEFT JOIN changed AS c ON c.id = s.id

-- name: delete_me
-- $1 the versions that If-Match names, null for any; $2 how long ago the caller may have signed in.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT
        u.id,
        $1::timestamptz[] IS NULL OR u.updated_at = ANY ($1) AS fresh,
        EXISTS (
            SELECT FROM sessions AS s
            WHERE s.id = homelog.current_session_id() AND s.created_at > now() - $2::interval
        ) AS may
    FROM users AS u
    WHERE u.id = homelog.current_user_id()
),

gone AS (
    DELETE FROM users AS u
    WHERE
        u.id = homelog.current_user_id() AND ($1 IS NULL OR u.updated_at = ANY ($1))
        AND EXISTS (SELECT FROM seen AS s WHERE s.may)
    RETURNING u.id
)

SELECT s.may, s.fresh AND g.id IS NOT NULL AS fresh, g.id
FROM seen AS s
LEFT JOIN gone AS g ON g.id = s.id

-- name: change_own_password
-- $1 the hash that the current password matched; $2 the new one. False if it was changed while it was being checked.
SELECT homelog.change_own_password($1, $2) AS changed

-- name: set_first_password
-- $1 the hash; $2 how long ago the caller may have signed in. False if that is longer, or there is a password.
SELECT homelog.set_first_password($1, $2) AS is_set

-- name: list_sessions
-- $1 the last id of the page before, null for the first page; $2 how many rows.
SELECT s.id, s.created_at, s.last_used_at, s.expires_at, s.id = homelog.current_session_id() AS current
FROM sessions AS s
WHERE
    s.user_id = homelog.current_user_id() AND s.ended_at IS NULL AND s.expires_at > now()
    AND ($1::uuid IS NULL OR s.id > $1)
ORDER BY s.id
LIMIT $2

-- name: get_session
-- $1 the session; no row unless it is the caller's and alive.
SELECT s.id, s.created_at, s.last_used_at, s.expires_at, s.id = homelog.current_session_id() AS current
FROM sessions AS s
WHERE s.id = $1 AND s.user_id = homelog.current_user_id() AND s.ended_at IS NULL AND s.expires_at > now()

-- name: end_other_sessions
-- Every session of the caller's but the one that asks.
WITH ended AS (
    UPDATE sessions AS s
    SET ended_at = now()
    WHERE
        s.user_id = homelog.current_user_id() AND s.id <> homelog.current_session_id()
        AND s.ended_at IS NULL AND s.expires_at > now()
    RETURNING s.id
)

INSERT INTO audit_logs (user_id, event_type, details)
SELECT homelog.current_user_id(), 'end_session', jsonb_build_object('session_id', e.id)
FROM ended AS e

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

-- name: export_account
-- For COPY, as every export_… is: each row a line of what the caller takes along. What `call` takes is the `body`; what
-- the server makes, or nobody can send, is `server`. Times come as set_for_export has them written. The e-mail stays:
-- the account that takes the rest in has its own.
SELECT row_to_json(line)::text AS line
FROM users AS u
LEFT JOIN user_passwords AS p ON p.user_id = u.id
CROSS JOIN LATERAL (
    SELECT
        'account' AS type,
        'PATCH /v1/me' AS call,
        (SELECT row_to_json(b) FROM (SELECT u.username, u.display_name) AS b) AS body,
        (
            SELECT row_to_json(s)
            FROM (
                SELECT
                    u.id, u.email, u.role, u.is_active, coalesce(p.is_temporary, false) AS is_password_temp,
                    p.created_at AS password_changed_at, u.created_at, u.updated_at, u.last_login_at
            ) AS s
        ) AS server
) AS line
WHERE u.id = homelog.current_user_id()

-- name: export_identities
-- As export_account: the caller's identities at others, which nobody can vouch for but they.
SELECT row_to_json(line)::text AS line
FROM user_oauth_identities AS i
CROSS JOIN LATERAL (
    SELECT
        'identity' AS type,
        NULL::text AS call,
        NULL::json AS body,
        (
            SELECT row_to_json(s)
            FROM (
                SELECT
                    i.id, i.provider, i.issuer, i.provider_user_id, i.email, i.name, i.profile_image, i.token_expiry,
                    i.created_at
            ) AS s
        ) AS server
) AS line
WHERE i.user_id = homelog.current_user_id()
ORDER BY i.id

-- name: export_sessions
-- As export_account: where the caller is signed in.
SELECT row_to_json(line)::text AS line
FROM sessions AS s
CROSS JOIN LATERAL (
    SELECT
        'session' AS type,
        NULL::text AS call,
        NULL::json AS body,
        (
            SELECT row_to_json(v)
            FROM (SELECT s.id, s.auth_provider, s.created_at, s.last_used_at, s.expires_at) AS v
        ) AS server
) AS line
WHERE s.user_id = homelog.current_user_id() AND s.ended_at IS NULL AND s.expires_at > now()
ORDER BY s.id
