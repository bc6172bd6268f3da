-- CREATE INDEX CONCURRENTLY that was interrupted leaves an index that every write keeps and no query uses.
SELECT
    i.indrelid::regclass AS table_name,
    i.indexrelid::regclass AS index_name
FROM pg_index AS i
INNER JOIN pg_class AS c ON i.indrelid = c.oid
WHERE
    c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
    AND NOT (i.indisvalid AND i.indisready AND i.indislive);
