-- Each list says itself whose rows it wants: row security alone, which ORs one's own rows with those of one's sources,
-- would make a filter of what is to be an index condition. It is an equality, said as two bounds of an index's whole key
-- (user_id or source_id, then id) whose values the planner cannot see. Told of the equality it may take the order from
-- the primary key, and walk everybody's rows down to those of a user or source that has been quiet for long, or read
-- all of the source's and sort them. An open end is said with least(), which is leakproof as coalesce() is
-- not. IS NOT TRUE holds for null too, and keeps the planner off the index of everybody's times.

-- name: list_own_audit
-- $1 from and $2 to, null for open; $3 the event type, null for any; $4 the last id of the page before, null for the
-- first; $5 how many rows.
SELECT l.id, l.event_time, l.user_id, l.source_id, l.entry_id, l.event_type, l.details
FROM audit_logs AS l
WHERE l.user_id >= (SELECT homelog.current_user_id())
  AND (l.user_id, l.id) < ((SELECT homelog.current_user_id()), least($4::bigint, 9223372036854775807))
  AND (l.event_time < $1::timestamptz) IS NOT TRUE
  AND (l.event_time >= $2::timestamptz) IS NOT TRUE
  AND ($3::text IS NULL OR l.event_type = $3)
ORDER BY l.user_id DESC, l.id DESC
LIMIT $5

-- name: is_admin
-- Whether the caller manages accounts, and so reads everybody's rows.
SELECT u.role = 'admin' AS is_admin
FROM users AS u
WHERE u.id = homelog.current_user_id()

-- name: list_all_audit
-- $1 from and $2 to, null for open; $3 the event type, null for any; $4 and $5 the time and the id of the last row of
-- the page before, null for the first; $6 how many rows. For admins.
SELECT l.id, l.event_time, l.user_id, l.source_id, l.entry_id, l.event_type, NULL::jsonb AS details
FROM homelog.list_audit($1, $2, $3, $4, $5, $6) AS l

-- name: list_audit_of_user
-- $1 the account; $2 from and $3 to, null for open; $4 the event type, null for any; $5 the last id of the page before,
-- null for the first; $6 how many rows. For admins.
SELECT l.id, l.event_time, l.user_id, l.source_id, l.entry_id, l.event_type, NULL::jsonb AS details
FROM homelog.list_audit_of_user($1, $2, $3, $4, $5, $6) AS l

-- name: list_source_audit
-- $1 the source; $2 from and $3 to, null for open; $4 the event type, null for any; $5 the last id of the page before,
-- null for the first; $6 how many rows.
WITH asked AS MATERIALIZED (SELECT s.id FROM data_sources AS s WHERE s.id = $1)

SELECT l.id, l.event_time, l.user_id, l.source_id, l.entry_id, l.event_type, l.details
FROM audit_logs AS l
WHERE l.source_id >= (SELECT a.id FROM asked AS a)
  AND (l.source_id, l.id) < ((SELECT a.id FROM asked AS a), least($5::bigint, 9223372036854775807))
  AND (l.event_time < $2::timestamptz) IS NOT TRUE
  AND (l.event_time >= $3::timestamptz) IS NOT TRUE
  AND ($4::text IS NULL OR l.event_type = $4)
ORDER BY l.source_id DESC, l.id DESC
LIMIT $6

-- name: export_own_audit
-- As accounts:export_account: what the caller did and what was tried in their name, oldest first. Said as two bounds of
-- the index for the reasons above.
SELECT row_to_json(line)::text AS line
FROM audit_logs AS l
CROSS JOIN LATERAL (
    SELECT
        'audit' AS type,
        NULL::text AS call,
        NULL::json AS body,
        (
            SELECT row_to_json(s)
            FROM (SELECT l.id, l.event_time, l.source_id, l.entry_id, l.event_type, l.details) AS s
        ) AS server
) AS line
WHERE l.user_id >= (SELECT homelog.current_user_id())
  AND (l.user_id, l.id) < ((SELECT homelog.current_user_id()), 9223372036854775807)
ORDER BY l.user_id, l.id
