-- Each step is a transaction of its own, in nobody's name: what is due the functions know, and one process at a time.

-- name: begin_maintenance
-- $1 how long ago the last run must have begun at least. The run; null where it is too early, or somebody is in the
-- midst of a step.
SELECT homelog.begin_maintenance($1) AS run

-- name: end_maintenance
-- $1 the run; $2 what it did, by task.
SELECT homelog.end_maintenance($1, $2)

-- name: last_end
-- When a run of any process ended last; null for never.
SELECT homelog.maintenance_ended_at() AS ended_at

-- name: expire_readings
-- $1 about how many at once. How many went; whether there may be more.
SELECT coalesce(sum(removed), 0)::integer AS done, count(source_id) > 0 AS more
FROM homelog.expire_readings($1)

-- name: clean_refresh_tokens
-- $1 how many at most. How many went; whether there may be more.
SELECT r.done, r.done >= $1 AS more
FROM homelog.clean_refresh_tokens($1) AS r (done)

-- name: clean_sessions
-- As clean_refresh_tokens.
SELECT r.done, r.done >= $1 AS more
FROM homelog.clean_sessions($1) AS r (done)

-- name: clean_guests
-- As clean_refresh_tokens.
SELECT r.done, r.done >= $1 AS more
FROM homelog.clean_guests($1) AS r (done)

-- name: clean_tombstones
-- As clean_refresh_tokens.
SELECT r.done, r.done >= $1 AS more
FROM homelog.clean_tombstones($1) AS r (done)

-- name: clean_request_budgets
-- As clean_refresh_tokens.
SELECT r.done, r.done >= $1 AS more
FROM homelog.clean_request_budgets($1) AS r (done)

-- name: clean_password_guesses
-- As clean_refresh_tokens.
SELECT r.done, r.done >= $1 AS more
FROM homelog.clean_password_guesses($1) AS r (done)

-- name: clean_spent_tickets
-- As clean_refresh_tokens.
SELECT r.done, r.done >= $1 AS more
FROM homelog.clean_spent_tickets($1) AS r (done)

-- name: rebuild_stale_days
-- One source at a time. How many were summed up anew; whether there may be more.
SELECT r.done, r.done > 0 AS more
FROM homelog.rebuild_stale_days() AS r (done)

-- name: analyze_grown
-- One table at a time. How many were analyzed; whether there may be more.
SELECT r.done, r.done > 0 AS more
FROM homelog.analyze_grown() AS r (done)
