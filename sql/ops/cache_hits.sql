-- How much of what was read was in PostgreSQL's own memory. Below 95 % for tables that are used all day: more
-- shared_buffers, or less to read.
SELECT
    t.relname AS table_name,
    t.heap_blks_read + t.idx_blks_read AS blocks_read,
    round(
        100.0 * (t.heap_blks_hit + t.idx_blks_hit)
        / nullif(t.heap_blks_hit + t.idx_blks_hit + t.heap_blks_read + t.idx_blks_read, 0), 2
    ) AS hit_percent
FROM pg_statio_user_tables AS t
ORDER BY blocks_read DESC NULLS LAST;
