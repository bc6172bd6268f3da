-- Signing in with providers, and the identities that open an account. Tokens come encrypted, and nothing reads them.

-- name: spend_ticket
-- $1 the digest of a ticket; $2 when it stops working anyway. False if it was used before.
SELECT homelog.spend_ticket($1, $2) AS is_first

-- name: sign_in_by_identity
-- $1 the provider; $2 the issuer; $3 its subject; $4 e-mail, $5 name and $6 picture, each null where it says none;
-- $7 whether a new account may be made; $8 the digest of the first refresh token; $9 its lifetime.
SELECT verdict, session_id, user_id, $1::text AS auth_provider, now() AS created_at, identity_id
FROM homelog.sign_in_by_identity($1::text::auth_provider, $2, $3, $4::text::citext, $5, $6, $7, $8, $9)

-- name: keep_provider_tokens
-- $1 the identity, one of the caller's; $2 the access token and $3 the refresh token, encrypted; $4 how long the former
-- works, null where the provider does not say.
SELECT homelog.keep_provider_tokens($1, $2, $3, now() + $4::interval)

-- name: record_failed_identity
-- $1 the provider; $2 the issuer and $3 its subject, null where they are not known; $4 what was wrong, in our words.
SELECT homelog.record_failed_identity($1::auth_provider, $2, $3, $4)

-- name: list_identities
-- $1 the last id of the page before, null for the first page; $2 how many rows.
SELECT
    i.id, i.provider::text AS provider, i.issuer, i.provider_user_id, i.email::text AS email, i.name, i.profile_image,
    i.created_at
FROM user_oauth_identities AS i
WHERE i.user_id = homelog.current_user_id() AND ($1::uuid IS NULL OR i.id > $1)
ORDER BY i.id
LIMIT $2

-- name: get_identity
-- $1 the provider.
SELECT
    i.id, i.provider::text AS provider, i.issuer, i.provider_user_id, i.email::text AS email, i.name, i.profile_image,
    i.created_at
FROM user_oauth_identities AS i
WHERE i.user_id = homelog.current_user_id() AND i.provider::text = $1

-- name: link_identity
-- $1 the provider; $2 the issuer; $3 its subject; $4 e-mail; $5 name; $6 picture; $7 how long ago the caller may have
-- signed in. First column: created; stored if this very identity is linked already; or forbidden, for that was longer
-- ago. Another account's, or a second one of the provider, breaks a constraint.
WITH stored AS (
    SELECT i.id, i.email, i.name, i.profile_image, i.created_at
    FROM user_oauth_identities AS i
    WHERE
        i.user_id = homelog.current_user_id()
        AND (i.provider, i.issuer, i.provider_user_id) = ($1::auth_provider, $2, $3)
),

made AS (
    INSERT INTO user_oauth_identities (provider, issuer, provider_user_id, email, name, profile_image)
    SELECT $1::auth_provider, $2, $3, $4::text::citext, $5, $6
    WHERE
        NOT EXISTS (SELECT FROM stored)
        AND EXISTS (
            SELECT FROM sessions AS s
            WHERE s.id = homelog.current_session_id() AND s.created_at > now() - $7::interval
        )
    RETURNING id, email, name, profile_image, created_at
)

SELECT
    'created' AS verdict,
    m.id, $1::text AS provider, $2 AS issuer, $3 AS provider_user_id, m.email::text AS email, m.name, m.profile_image,
    m.created_at
FROM made AS m
UNION ALL
SELECT 'stored', s.id, $1::text, $2, $3, s.email::text, s.name, s.profile_image, s.created_at
FROM stored AS s
UNION ALL
SELECT 'forbidden', NULL, $1::text, $2, $3, NULL, NULL, NULL, NULL
WHERE NOT EXISTS (SELECT FROM made) AND NOT EXISTS (SELECT FROM stored)

-- name: unlink_identity
-- $1 the provider; $2 the versions that If-Match names, null for any. What signed in by it is signed out, but for the
-- session that asks. First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT i.id, $2::timestamptz[] IS NULL OR i.created_at = ANY ($2) AS fresh
    FROM user_oauth_identities AS i
    WHERE i.user_id = homelog.current_user_id() AND i.provider::text = $1
),

gone AS (
    DELETE FROM user_oauth_identities AS i
    WHERE
        i.user_id = homelog.current_user_id() AND i.provider::text = $1
        AND ($2 IS NULL OR i.created_at = ANY ($2))
    RETURNING i.id
),

ended AS (
    UPDATE sessions AS s
    SET ended_at = now()
    WHERE
        s.user_id = homelog.current_user_id() AND s.auth_provider = $1 AND s.ended_at IS NULL
        AND s.id IS DISTINCT FROM homelog.current_session_id()
        AND EXISTS (SELECT FROM gone)
)

SELECT true AS may, s.fresh AND g.id IS NOT NULL AS fresh, g.id
FROM seen AS s
LEFT JOIN gone AS g ON g.id = s.id
