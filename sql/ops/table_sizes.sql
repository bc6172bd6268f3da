-- What takes the room: each table, its indexes, and what is stored beside it.
SELECT
    c.oid::regclass AS table_name,
    pg_size_pretty(pg_total_relation_size(c.oid)) AS total,
    pg_size_pretty(pg_relation_size(c.oid)) AS heap,
    pg_size_pretty(pg_indexes_size(c.oid)) AS indexes,
    c.reltuples::bigint AS rows_about
FROM pg_class AS c
WHERE c.relkind = 'r' AND c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
ORDER BY pg_total_relation_size(c.oid) DESC;
