-- Who waits for whom, the longest first, and what ends the blocker, as a superuser (`homelog psql --role superuser`): a
-- statement that runs is cancelled, a session that idles in its transaction can only be ended.
SELECT
    w.pid AS waiting,
    w.usename AS waiting_role,
    now() - w.state_change AS for_long,
    l.locktype AS lock,
    l.relation::regclass AS on_table,
    b.pid AS blocker,
    b.usename AS blocker_role,
    b.application_name AS blocker_program,
    b.state AS blocker_state,
    now() - b.xact_start AS blocker_began,
    format(
        'SELECT %s(%s)', CASE b.state WHEN 'active' THEN 'pg_cancel_backend' ELSE 'pg_terminate_backend' END, b.pid
    ) AS ends_it,
    left(w.query, 100) AS waiting_query,
    left(b.query, 100) AS blocker_query
FROM pg_stat_activity AS w
CROSS JOIN unnest(pg_blocking_pids(w.pid)) AS blocking (pid)
INNER JOIN pg_stat_activity AS b ON blocking.pid = b.pid
LEFT JOIN pg_locks AS l ON w.pid = l.pid AND NOT l.granted
ORDER BY w.state_change;
