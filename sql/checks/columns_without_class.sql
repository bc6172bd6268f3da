-- Every column says what class of data it holds, as the last word of its COMMENT: Public tells nothing of anybody,
-- Personal tells of a person or a household, Secret opens something. What is exported, shown and kept out follows it.
SELECT
    a.attrelid::regclass AS table_name,
    a.attname AS column_name
FROM pg_attribute AS a
INNER JOIN pg_class AS c ON a.attrelid = c.oid
WHERE
    c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
    AND c.relkind IN ('r', 'p')
    AND a.attnum > 0
    AND NOT a.attisdropped
    AND coalesce(col_description(a.attrelid, a.attnum), '') !~ '(^|\S )(Public|Personal|Secret)\.$';
