-- A timestamp without a zone is a different instant for each reader.
SELECT
    a.attrelid::regclass AS table_name,
    a.attname AS column_name,
    format_type(a.atttypid, a.atttypmod) AS type_name
FROM pg_attribute AS a
INNER JOIN pg_class AS c ON a.attrelid = c.oid
INNER JOIN pg_type AS t ON a.atttypid = t.oid
WHERE
    c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
    AND c.relkind IN ('r', 'p', 'v', 'm', 'c')
    AND a.attnum > 0
    AND NOT a.attisdropped
    AND ARRAY[a.atttypid, t.typelem, t.typbasetype]
        && ARRAY['timestamp'::regtype, 'time'::regtype, 'timetz'::regtype]::oid[];
