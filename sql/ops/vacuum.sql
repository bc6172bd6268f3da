-- How near each table, or what it keeps out of line (TOAST), is to the forced vacuum against wraparound (100 %), and
-- what is being vacuumed now.
SELECT
    c.oid::regclass AS table_name,
    a.transactions,
    round(100.0 * a.transactions / current_setting('autovacuum_freeze_max_age')::bigint, 1) AS percent,
    p.phase,
    p.heap_blks_scanned,
    p.heap_blks_total
FROM pg_class AS c
LEFT JOIN pg_class AS t ON c.reltoastrelid = t.oid
CROSS JOIN LATERAL (SELECT greatest(age(c.relfrozenxid), age(t.relfrozenxid)) AS transactions) AS a
-- Of the whole cluster, where other databases may have tables of the same number.
LEFT JOIN pg_stat_progress_vacuum AS p ON p.relid IN (c.oid, t.oid) AND p.datname = current_database()
WHERE c.relkind = 'r' AND c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
ORDER BY a.transactions DESC;
