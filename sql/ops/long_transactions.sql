-- Transactions that have been open for longer than a minute. While one is open nothing that died since is vacuumed
-- anywhere, and every copy that follows the change feed is sent again what came after it.
SELECT
    a.pid,
    a.usename AS role,
    a.application_name AS program,
    a.client_addr AS address,
    a.state,
    now() - a.xact_start AS open_for,
    now() - a.state_change AS in_state_for,
    age(a.backend_xmin) AS transactions_held_back,
    left(a.query, 100) AS query
FROM pg_stat_activity AS a
WHERE a.xact_start < now() - interval '1 minute'
ORDER BY a.xact_start;
