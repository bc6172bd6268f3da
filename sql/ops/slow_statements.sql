-- Statements in this database by the time that they took in all, with their names: readings:log_batch is in
-- service/readings/queries.sql.
-- Needs, once and as a superuser: CREATE EXTENSION pg_stat_statements; without it this says that the relation does not
-- exist. The embedded server and docker compose have it loaded; a PostgreSQL of your own needs it among its
-- shared_preload_libraries, and a restart.
SELECT
    coalesce(substring(s.query FROM '/\* ([a-z_]+:[a-z_]+) \*/'), left(s.query, 60)) AS name,
    r.rolname AS role,
    s.calls,
    round(s.total_exec_time::numeric) AS total_ms,
    round(s.mean_exec_time::numeric, 2) AS mean_ms,
    round(s.max_exec_time::numeric, 2) AS max_ms,
    s.rows,
    s.shared_blks_read AS blocks_read,
    s.temp_blks_written AS temporary_blocks
FROM pg_stat_statements AS s
INNER JOIN pg_database AS d ON s.dbid = d.oid
LEFT JOIN pg_roles AS r ON s.userid = r.oid
WHERE d.datname = current_database()
ORDER BY s.total_exec_time DESC
LIMIT 50;
