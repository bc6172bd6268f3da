-- Indexes by use since the statistics began, those that nothing scans first. One of them that is no key may be dropped,
-- by a migration, unless a foreign key needs it: without it deleting what it refers to reads the whole table. A table
-- that is large and scanned whole often may lack one.
SELECT
    i.relname AS table_name,
    i.indexrelname AS index_name,
    i.idx_scan AS scans,
    i.last_idx_scan AS last_scan,
    pg_size_pretty(pg_relation_size(i.indexrelid)) AS size,
    x.indisunique AS is_unique,
    t.seq_scan AS scans_of_whole_table
FROM pg_stat_user_indexes AS i
INNER JOIN pg_index AS x ON i.indexrelid = x.indexrelid
INNER JOIN pg_stat_user_tables AS t ON i.relid = t.relid
ORDER BY i.idx_scan, pg_relation_size(i.indexrelid) DESC;
