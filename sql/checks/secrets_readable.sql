-- A column whose class is Secret (the last word of its COMMENT) is read by the owner's functions alone: no role that logs
-- in may select it, so no mistake in a query can answer or log it.
SELECT
    a.attrelid::regclass AS table_name,
    a.attname AS column_name,
    r.rolname AS role_name
FROM pg_attribute AS a
CROSS JOIN pg_roles AS r
WHERE
    a.attnum > 0
    AND NOT a.attisdropped
    AND a.attrelid IN (
        SELECT c.oid FROM pg_class AS c
        WHERE
            c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
            AND c.relkind IN ('r', 'p', 'v', 'm')
    )
    AND col_description(a.attrelid, a.attnum) ~ '\mSecret\.$'
    AND r.rolname IN ('homelog_api', 'homelog_ops', 'homelog_migrator')
    AND has_column_privilege(r.oid, a.attrelid, a.attnum, 'SELECT');
