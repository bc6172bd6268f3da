-- A text that nothing bounds takes a gigabyte. varchar(n) bounds, and so does a CHECK: by length(), by a pattern that
-- ends with a count, or by listing what may be.
SELECT
    a.attrelid::regclass AS table_name,
    a.attname AS column_name
FROM pg_attribute AS a
INNER JOIN pg_class AS c ON a.attrelid = c.oid
WHERE
    c.relnamespace = 'public'::regnamespace
    AND c.relkind IN ('r', 'p')
    AND a.attnum > 0
    AND NOT a.attisdropped
    AND a.atttypmod = -1
    AND a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'public.citext'::regtype, 'bytea'::regtype)
    AND NOT EXISTS (
        SELECT FROM pg_constraint AS n
        WHERE
            n.conrelid = a.attrelid
            AND n.contype = 'c'
            AND a.attnum = ANY (n.conkey)
            AND pg_get_constraintdef(n.oid) ~ concat(
                'length\(\(*', a.attname, '\)',
                '|\m', a.attname, '\)*(::text)? ~ ''\^[^*+]*\{\d+(,\d+)?\}\$''',
                '|\m', a.attname, '\)*(::text)? = ANY \('
            )
    );
