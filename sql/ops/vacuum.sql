-- How near each table is to the forced vacuum against wraparound (100 %), and what is being vacuumed now.
SELECT
    c.oid::regclass AS table_name,
    age(c.relfrozenxid) AS transactions,
    round(100.0 * age(c.relfrozenxid) / current_setting('autovacuum_freeze_max_age')::bigint, 1) AS percent,
    p.phase,
    p.heap_blks_scanned,
    p.heap_blks_total
FROM pg_class AS c
LEFT JOIN pg_stat_progress_vacuum AS p ON c.oid = p.relid
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
ORDER BY transactions DESC;
