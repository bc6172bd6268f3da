-- The catalogue as docs/schema.md tells it: of the schemas public and homelog, in an order that never changes.

-- name: tables
SELECT
    c.relnamespace::regnamespace::text AS schema,
    c.relname::text AS name,
    obj_description(c.oid, 'pg_class') AS comment
FROM pg_class AS c
WHERE c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace) AND c.relkind IN ('r', 'p')
ORDER BY c.relnamespace::regnamespace::text DESC, c.relname ASC

-- name: columns
-- The class of its data is the last word of its comment.
SELECT
    c.relname::text AS of_table,
    a.attname::text AS name,
    format_type(a.atttypid, a.atttypmod) AS type,
    a.attnotnull AS is_required,
    pg_get_expr(d.adbin, d.adrelid) AS default_value,
    nullif(regexp_replace(col_description(c.oid, a.attnum), ' ?(Public|Personal|Secret)\.$', ''), '') AS comment,
    lower(substring(col_description(c.oid, a.attnum) FROM '(Public|Personal|Secret)\.$')) AS data_class
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum

-- name: constraints
-- Foreign keys last; NOT NULL stands in its column.
SELECT
    c.relname::text AS of_table,
    k.conname::text AS name,
    k.contype::text AS kind,
    pg_get_constraintdef(k.oid, true) AS definition,
    obj_description(k.oid, 'pg_constraint') AS sentence,
    f.relname::text AS referenced,
    array(
        SELECT a.attname::text
        FROM unnest(k.conkey) WITH ORDINALITY AS key (number, place)
        JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = key.number
        ORDER BY key.place
    ) AS columns
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid
LEFT JOIN pg_class AS f ON f.oid = k.confrelid
WHERE c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace) AND k.contype IN ('p', 'u', 'x', 'c', 'f')
ORDER BY c.relname, array_position('{p,u,x,c,f}', k.contype::text), k.conname

-- name: indexes
-- Those that no constraint made.
SELECT c.relname::text AS of_table, i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indrelid
WHERE
    c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
    AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid)
ORDER BY c.relname, i.indexrelid::regclass::text

-- name: policies
SELECT
    c.relname::text AS of_table,
    p.polname::text AS name,
    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'all' END
        AS verb,
    array(SELECT r.rolname::text FROM pg_roles AS r WHERE r.oid = ANY (p.polroles) ORDER BY r.rolname) AS roles,
    obj_description(p.oid, 'pg_policy') AS comment
FROM pg_policy AS p
JOIN pg_class AS c ON c.oid = p.polrelid
ORDER BY c.relname, array_position('{owner_all,select_ops}', p.polname::text), array_position('{r,a,w,d}', p.polcmd::text)

-- name: triggers
SELECT c.relname::text AS of_table, t.tgname::text AS name, t.tgfoid::regproc::text AS function
FROM pg_trigger AS t
JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace) AND NOT t.tgisinternal
ORDER BY c.relname, t.tgname

-- name: privileges
-- What each login may do, with the columns where it is not all of them.
SELECT
    c.relname::text AS of_table,
    r.rolname::text AS role,
    p.name AS verb,
    CASE WHEN NOT has_table_privilege(r.oid, c.oid, p.name) THEN held.columns END AS columns
FROM pg_class AS c
CROSS JOIN pg_roles AS r
CROSS JOIN (
    VALUES (1, 'SELECT'), (2, 'INSERT'), (3, 'UPDATE'), (4, 'DELETE')
) AS p (place, name)
CROSS JOIN LATERAL (
    SELECT array_agg(a.attname::text ORDER BY a.attnum) AS columns
    FROM pg_attribute AS a
    WHERE
        a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        -- A column has no privilege DELETE, and asking for it is an error.
        AND has_column_privilege(r.oid, c.oid, a.attnum, CASE WHEN p.name <> 'DELETE' THEN p.name ELSE 'REFERENCES' END)
) AS held
WHERE
    c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace) AND c.relkind IN ('r', 'p')
    AND r.rolname IN ('homelog_api', 'homelog_migrator', 'homelog_ops')
    AND (has_table_privilege(r.oid, c.oid, p.name) OR (p.name <> 'DELETE' AND held.columns IS NOT NULL))
ORDER BY c.relname, r.rolname, p.place

-- name: enums
SELECT
    t.typname::text AS name,
    obj_description(t.oid, 'pg_type') AS comment,
    array(SELECT e.enumlabel::text FROM pg_enum AS e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS labels
FROM pg_type AS t
WHERE t.typnamespace IN ('public'::regnamespace, 'homelog'::regnamespace) AND t.typtype = 'e'
ORDER BY t.typname

-- name: functions
SELECT
    p.proname::text AS name,
    pg_get_function_identity_arguments(p.oid) AS arguments,
    pg_get_function_result(p.oid) AS result,
    p.prosecdef AS is_definer,
    has_function_privilege('homelog_api', p.oid, 'EXECUTE') AS is_for_api,
    obj_description(p.oid, 'pg_proc') AS comment
FROM pg_proc AS p
WHERE p.pronamespace = 'homelog'::regnamespace
ORDER BY p.proname, pg_get_function_identity_arguments(p.oid)

-- name: roles
SELECT
    r.rolname::text AS name,
    r.rolcanlogin AS can_log_in,
    coalesce(r.rolconfig, '{}') AS settings,
    array(
        SELECT g.rolname::text
        FROM pg_auth_members AS m
        JOIN pg_roles AS g ON g.oid = m.roleid
        WHERE m.member = r.oid
        ORDER BY g.rolname
    ) AS member_of,
    shobj_description(r.oid, 'pg_authid') AS comment
FROM pg_roles AS r
WHERE r.rolname LIKE 'homelog\_%'
ORDER BY array_position('{homelog_owner,homelog_migrator,homelog_api,homelog_ops}', r.rolname::text)
