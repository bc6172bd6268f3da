-- Indexes that nothing has scanned since the statistics began, and that keep no rule: no primary key, no UNIQUE. One
-- that a foreign key needs is listed too; without it deleting what it refers to reads the whole table.
SELECT
    i.indexrelid::regclass AS index_name,
    i.relname AS table_name,
    pg_size_pretty(pg_relation_size(i.indexrelid)) AS size,
    d.stats_reset AS since
FROM pg_stat_user_indexes AS i
INNER JOIN pg_index AS x ON i.indexrelid = x.indexrelid
INNER JOIN pg_stat_database AS d ON d.datname = current_database()
WHERE i.idx_scan = 0 AND NOT x.indisunique
ORDER BY pg_relation_size(i.indexrelid) DESC;
