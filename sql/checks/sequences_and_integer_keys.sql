-- Integer keys tell how many there are, can be guessed, and cannot be made by a phone that is offline. Only the audit
-- log counts.
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
    AND (a.attrelid, a.attname) <> ('public.audit_logs'::regclass, 'id')
    AND (
        a.attidentity <> ''
        OR pg_get_serial_sequence(a.attrelid::regclass::text, a.attname) IS NOT NULL
        OR EXISTS (
            SELECT FROM pg_attrdef AS d
            WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND pg_get_expr(d.adbin, d.adrelid) ~ 'nextval'
        )
        OR (
            a.atttypid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)
            AND EXISTS (
                SELECT FROM pg_constraint AS n
                WHERE n.conrelid = a.attrelid AND n.contype IN ('p', 'f') AND a.attnum = ANY (n.conkey)
            )
        )
    );
