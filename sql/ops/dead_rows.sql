-- Tables by how much of them is dead, and when they were last vacuumed and analyzed. More than a fifth for hours: look
-- for what holds vacuum back (long_transactions.sql, replication.sql).
SELECT
    s.relname AS table_name,
    s.n_live_tup AS live,
    s.n_dead_tup AS dead,
    round(100.0 * s.n_dead_tup / nullif(s.n_live_tup + s.n_dead_tup, 0), 1) AS dead_percent,
    s.n_mod_since_analyze AS changed_since_analyze,
    greatest(s.last_vacuum, s.last_autovacuum) AS last_vacuum,
    greatest(s.last_analyze, s.last_autoanalyze) AS last_analyze
FROM pg_stat_user_tables AS s
ORDER BY s.n_dead_tup DESC;
