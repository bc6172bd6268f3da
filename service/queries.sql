-- The statements around every request's own: begin as somebody, commit, and what is read once at start.

-- name: begin_read
-- BEGIN travels in one trip with act_as below. One snapshot for all that is asked: what the caller may reach and what
-- they are shown are of the same moment.
BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY

-- name: begin_write
BEGIN

-- name: act_as
-- $1 the caller, null for nobody; $2 their session; $3 the sources that the request names, null for all granted ones.
SELECT homelog.act_as($1::uuid, $2::uuid, $3::uuid[])

-- name: act_as_token
-- $1 the digest of a device token; $2 the scope that the route needs, null where no token may; $3 as in act_as.
SELECT homelog.act_as_token($1::bytea, $2::text, $3::uuid[])

-- name: act_as_any_token
-- $1 the digest of a device token, whatever its scopes; $2 the sources that the request names.
SELECT homelog.act_as_token($1::bytea, $2::uuid[])

-- name: act_as_gated
-- $1 the caller; $2 their session, whose password may be temporary. No source is reached.
SELECT homelog.act_as_gated($1::uuid, $2::uuid)

-- name: act_as_gated_token
-- $1 the digest of a device token, whose owner's password may be temporary. No source is reached.
SELECT homelog.act_as_gated_token($1::bytea)

-- name: note_token_use
-- Of the device token that the transaction acts for.
SELECT homelog.note_token_use()

-- name: commit
COMMIT

-- name: rollback
ROLLBACK

-- name: set_for_export
-- What a slow client takes to be told counts as the statement's time; transaction_timeout still ends it. Rows come in
-- the key's order from the first one on: a sort would keep the client waiting, and the range in memory or on disk. And
-- they are written the same whatever a DBA has set: times as ISO has them in UTC, numbers with every digit they need.
SELECT
    set_config('statement_timeout', '0', true),
    set_config('enable_sort', 'off', true),
    set_config('datestyle', 'ISO', true),
    set_config('timezone', 'UTC', true),
    set_config('extra_float_digits', '1', true)

-- name: set_for_long
-- Until the transaction ends; lock_timeout still ends who waits for somebody else.
SELECT set_config('statement_timeout', '10min', true)

-- name: schema_version
-- The newest migration, else the baseline: compared with what the code needs.
SELECT coalesce(
    (SELECT max(m.migration_id) FROM homelog.schema_migrations AS m),
    (SELECT b.version FROM homelog.schema_baseline AS b)
)

-- name: login_role
-- What the service logged in as; it must be bound by row-level security.
SELECT
    r.rolname::text AS name,
    r.rolsuper AS superuser,
    r.rolbypassrls AS bypasses_rls,
    EXISTS (
        SELECT FROM pg_class AS c
        WHERE c.relname = 'readings' AND pg_has_role(r.oid, c.relowner, 'MEMBER')
    ) AS owner
FROM pg_roles AS r
WHERE r.rolname = session_user

-- name: constraint_sentences
-- The sentence of every constraint, and its column where it has just one.
SELECT
    c.conname::text AS name,
    obj_description(c.oid, 'pg_constraint') AS sentence,
    CASE WHEN cardinality(c.conkey) = 1 THEN (
        SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    ) END AS column_name
FROM pg_constraint AS c
JOIN pg_namespace AS n ON n.oid = c.connamespace
WHERE n.nspname = 'public' AND c.conrelid <> 0

-- name: timezones
-- Every zone that a home may have.
SELECT z.name
FROM pg_timezone_names AS z
WHERE z.name !~ '^(posix|right)/|^(posixrules|localtime|Factory)$'

-- name: audit
-- $1 the source, $2 the reading, $3 the event, $4 the details; in the name of whoever the transaction acts for.
INSERT INTO audit_logs (user_id, source_id, entry_id, event_type, details)
VALUES (homelog.current_user_id(), $1, $2, $3, $4)

-- name: audit_view
-- $1 the source.
SELECT homelog.record_view($1)
