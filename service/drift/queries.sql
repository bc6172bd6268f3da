-- What a database is, as facts: a kind, a name that is its own within the kind, the fact that it is part of ("table
-- public.plants"; when that one is missing or new, its parts go without saying), and properties by name, texts or lists
-- of texts, those that are as usual left out.
--
-- Each block finds whatever is there, made by whomever and in whatever schema: all but what initdb made, whose oids are
-- below 16384, what an extension made, and what is temporary. Everyone may read these catalogues.

-- name: settle
-- How definitions are written must not depend on who asks: until the transaction's end.
SELECT set_config(s.name, s.value, true) AS value
FROM (
    VALUES
    ('search_path', 'pg_catalog, pg_temp'),
    ('timezone', 'UTC'),
    ('datestyle', 'ISO, MDY'),
    ('intervalstyle', 'postgres'),
    ('extra_float_digits', '1'),
    ('bytea_output', 'hex'),
    ('quote_all_identifiers', 'off'),
    ('lock_timeout', '5s')
) AS s (name, value)

-- name: server_version
-- As a number: 180006.
SELECT current_setting('server_version_num')::int AS number

-- name: last_migration
SELECT m.migration_id
FROM homelog.schema_migrations AS m
ORDER BY m.migration_id DESC
LIMIT 1

-- name: database
SELECT
    'the' AS kind,
    'database' AS name,
    NULL AS part_of,
    jsonb_build_object(
        'encoding', pg_encoding_to_char(d.encoding),
        'connection limit', coalesce(nullif(d.datconnlimit, -1)::text, 'none'),
        'IS_TEMPLATE', CASE WHEN d.datistemplate THEN 'on' ELSE 'off' END,
        'number of large objects', (SELECT count(*) FROM pg_largeobject_metadata)::text
    ) AS properties
FROM pg_database AS d
WHERE d.datname = current_database()

-- name: roles
-- Not their passwords, nor until when these are valid: those are the deployment's.
SELECT
    'role' AS kind,
    quote_ident(r.rolname) AS name,
    NULL AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'SUPERUSER', CASE WHEN r.rolsuper THEN 'on' ELSE 'off' END,
        'BYPASSRLS', CASE WHEN r.rolbypassrls THEN 'on' ELSE 'off' END,
        'CREATEROLE', CASE WHEN r.rolcreaterole THEN 'on' ELSE 'off' END,
        'CREATEDB', CASE WHEN r.rolcreatedb THEN 'on' ELSE 'off' END,
        'REPLICATION', CASE WHEN r.rolreplication THEN 'on' ELSE 'off' END,
        'LOGIN', CASE WHEN r.rolcanlogin THEN 'on' ELSE 'off' END,
        'INHERIT', CASE WHEN r.rolinherit THEN 'on' ELSE 'off' END,
        'connection limit', coalesce(nullif(r.rolconnlimit, -1)::text, 'none'),
        'comment', shobj_description(r.oid, 'pg_authid')
    )) AS properties
FROM pg_roles AS r
WHERE r.rolname LIKE 'homelog\_%'

-- name: memberships
-- Not those of superusers, who need none, and of the database's owner, who gets them by making the roles. Nor that of
-- homelog_ops in pg_monitor, which not everyone who applies the baseline can hand out, unless it may hand that on. Of
-- PostgreSQL's own roles those that reach our rows, or stand for a superuser.
SELECT
    'membership' AS kind,
    format('of %s in %s%s', m.member::regrole, m.roleid::regrole, CASE WHEN m.roleid = 'pg_monitor'::regrole THEN ' WITH ADMIN OPTION' END) AS name,
    NULL AS part_of,
    jsonb_build_object(
        'ADMIN', CASE WHEN bool_or(m.admin_option) THEN 'on' ELSE 'off' END,
        'INHERIT', CASE WHEN bool_or(m.inherit_option) THEN 'on' ELSE 'off' END,
        'SET', CASE WHEN bool_or(m.set_option) THEN 'on' ELSE 'off' END
    ) AS properties
FROM pg_auth_members AS m
JOIN pg_roles AS g ON g.oid = m.roleid
JOIN pg_roles AS r ON r.oid = m.member
WHERE
    (
        g.rolname LIKE 'homelog\_%' OR r.rolname LIKE 'homelog\_%'
        OR m.roleid < 16384 AND m.member >= 16384
        AND g.rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
    )
    AND ((g.rolname, r.rolname) <> ('pg_monitor', 'homelog_ops') OR m.admin_option)
    AND (r.rolname LIKE 'homelog\_%' OR NOT r.rolsuper AND r.oid <> (SELECT d.datdba FROM pg_database AS d WHERE d.datname = current_database()))
GROUP BY m.member, m.roleid

-- name: settings
-- What ALTER ROLE and ALTER DATABASE set for our sessions, and for anybody's in this database.
SELECT
    'setting' AS kind,
    format(
        '%s of %s%s',
        split_part(config.text, '=', 1),
        CASE WHEN s.setrole <> 0 THEN s.setrole::regrole::text WHEN s.setdatabase <> 0 THEN 'the database' ELSE 'every role' END,
        CASE WHEN s.setrole <> 0 AND s.setdatabase <> 0 THEN ' in the database' END
    ) AS name,
    NULL AS part_of,
    jsonb_build_object('value', substr(config.text, strpos(config.text, '=') + 1)) AS properties
FROM pg_db_role_setting AS s
LEFT JOIN pg_roles AS r ON r.oid = s.setrole
CROSS JOIN LATERAL unnest(s.setconfig) AS config (text)
WHERE
    s.setdatabase IN (0, (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))
    AND (s.setrole = 0 OR s.setdatabase <> 0 OR r.rolname LIKE 'homelog\_%')

-- name: schemas
SELECT
    i.type AS kind,
    i.identity AS name,
    NULL AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'owner', n.nspowner::regrole::text,
        'comment', obj_description(n.oid, 'pg_namespace')
    )) AS properties
FROM pg_namespace AS n
CROSS JOIN LATERAL pg_identify_object('pg_namespace'::regclass, n.oid, 0) AS i
WHERE
    (n.oid >= 16384 OR n.nspname = 'public') AND n.nspname !~ '^pg_(toast_)?temp_'
    AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE (e.classid, e.objid, e.deptype) = ('pg_namespace'::regclass, n.oid, 'e'))

-- name: extensions
-- Not pg_stat_statements, which docs/database.md tells how to add.
SELECT
    'extension' AS kind,
    quote_ident(x.extname) AS name,
    NULL AS part_of,
    jsonb_build_object(
        'version', x.extversion,
        'schema', x.extnamespace::regnamespace::text
    ) AS properties
FROM pg_extension AS x
WHERE x.extname <> 'pg_stat_statements'

-- name: members
-- What extensions made, and whatever was added to them by hand: all of citext and plpgsql, which we need; of others, which go without
-- saying, only relations and definers that PUBLIC or a role of ours has something on, or that lie in our schemas, but not
-- the two views of pg_stat_statements. Owned by a superuser is as usual: each server's has another name.
SELECT
    i.type AS kind,
    format('%s of extension %I', i.identity, x.extname) AS name,
    CASE WHEN x.is_ours THEN 'extension ' || quote_ident(x.extname) END AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'owner', (SELECT r.rolname FROM pg_roles AS r WHERE r.oid = m.owner AND NOT r.rolsuper),
        'language', (SELECT l.lanname FROM pg_language AS l WHERE l.oid = p.prolang),
        'body', CASE WHEN p.prokind <> 'a' THEN coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) END,
        'library', p.probin,
        'transition', (SELECT format('%s %s %s', a.aggtransfn, a.aggfinalfn, a.agginitval) FROM pg_aggregate AS a WHERE a.aggfnoid = p.oid),
        'security', CASE WHEN p.prosecdef THEN 'DEFINER' WHEN p.oid IS NOT NULL THEN 'INVOKER' END,
        'settings', (SELECT jsonb_agg(s.text ORDER BY s.text) FROM unnest(p.proconfig) AS s (text)),
        'function', coalesce(nullif(o.oprcode, 0)::regprocedure, nullif(k.castfunc, 0)::regprocedure)::text,
        'context', CASE k.castcontext WHEN 'i' THEN 'IMPLICIT' WHEN 'a' THEN 'ASSIGNMENT' WHEN 'e' THEN 'EXPLICIT' END,
        'input and output', CASE WHEN t.typtype = 'b' THEN format('%s %s %s %s', t.typinput, t.typoutput, t.typreceive, t.typsend) END,
        'operators', (SELECT jsonb_agg(format('%s %s', a.amopstrategy, a.amopopr::regoperator) ORDER BY a.amopstrategy, a.amopopr::regoperator::text) FROM pg_amop AS a WHERE a.amopfamily = f.oid),
        'functions', (SELECT jsonb_agg(format('%s %s', a.amprocnum, a.amproc::regprocedure) ORDER BY a.amprocnum, a.amproc::regprocedure::text) FROM pg_amproc AS a WHERE a.amprocfamily = f.oid)
    )) AS properties
FROM pg_depend AS e
JOIN LATERAL (SELECT n.oid, n.extname, n.extname IN ('citext', 'plpgsql') AS is_ours FROM pg_extension AS n WHERE n.oid = e.refobjid) AS x ON true
CROSS JOIN LATERAL pg_identify_object(e.classid, e.objid, e.objsubid) AS i
LEFT JOIN pg_proc AS p ON e.classid = 'pg_proc'::regclass AND p.oid = e.objid
LEFT JOIN pg_class AS c ON e.classid = 'pg_class'::regclass AND c.oid = e.objid
LEFT JOIN pg_type AS t ON e.classid = 'pg_type'::regclass AND t.oid = e.objid
LEFT JOIN pg_operator AS o ON e.classid = 'pg_operator'::regclass AND o.oid = e.objid
LEFT JOIN pg_opclass AS oc ON e.classid = 'pg_opclass'::regclass AND oc.oid = e.objid
LEFT JOIN pg_opfamily AS f ON e.classid = 'pg_opfamily'::regclass AND f.oid = e.objid
LEFT JOIN pg_cast AS k ON e.classid = 'pg_cast'::regclass AND k.oid = e.objid
CROSS JOIN LATERAL (
    SELECT
        coalesce(p.proowner, c.relowner, t.typowner, o.oprowner, oc.opcowner, f.opfowner) AS owner,
        coalesce(p.pronamespace, c.relnamespace)::regnamespace::text AS in_schema,
        coalesce(p.proacl, c.relacl, acldefault(CASE WHEN p.oid IS NOT NULL THEN 'f' WHEN c.relkind = 'S' THEN 's' ELSE 'r' END::"char", coalesce(p.proowner, c.relowner))) AS acl
) AS m
WHERE
    (e.refclassid, e.deptype) = ('pg_extension'::regclass, 'e')
    AND (
        x.is_ours
        OR (c.oid IS NOT NULL OR p.prosecdef)
        AND (x.extname = 'pg_stat_statements' AND c.relkind = 'v' AND c.relname IN ('pg_stat_statements', 'pg_stat_statements_info')) IS NOT TRUE
        AND (
            m.in_schema IN ('public', 'homelog', 'yoyo')
            OR EXISTS (
                SELECT FROM aclexplode(m.acl) AS g
                LEFT JOIN pg_roles AS r ON r.oid = g.grantee
                WHERE g.grantee = 0 OR r.rolname LIKE 'homelog\_%'
            )
        )
    )

-- name: own_functions
-- PostgreSQL's own: no minor version changes these that are built in, so one text is enough to see that some were. What
-- is written in SQL one may change. None is a definer, or anybody's but a superuser's.
SELECT
    'the' AS kind,
    'functions of PostgreSQL' AS name,
    NULL AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'fingerprint of those built in', md5(string_agg(format('%s %s %s', p.oid, p.prosrc, p.probin), E'\n' ORDER BY p.oid) FILTER (WHERE p.oid < 10000 AND l.lanname = 'internal')),
        'definers', jsonb_agg(i.identity ORDER BY i.identity) FILTER (WHERE p.prosecdef),
        'owners', jsonb_agg(format('%s of %s', r.rolname, i.identity) ORDER BY i.identity) FILTER (WHERE NOT r.rolsuper)
    )) AS properties
FROM pg_proc AS p
JOIN pg_language AS l ON l.oid = p.prolang
JOIN pg_roles AS r ON r.oid = p.proowner
CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) AS i
WHERE p.oid < 16384

-- name: relations
-- Tables, views, sequences and composite types.
SELECT
    i.type AS kind,
    i.identity AS name,
    coalesce('column ' || owning.name, 'schema ' || c.relnamespace::regnamespace) AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'owner', c.relowner::regrole::text,
        'row security', CASE WHEN c.relkind IN ('r', 'p') THEN CASE WHEN c.relrowsecurity THEN 'on' ELSE 'off' END END,
        'forced row security', CASE WHEN c.relkind IN ('r', 'p') THEN CASE WHEN c.relforcerowsecurity THEN 'on' ELSE 'off' END END,
        'persistence', CASE WHEN c.relkind IN ('r', 'm', 'S') THEN CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END END,
        'access method', (SELECT m.amname FROM pg_am AS m WHERE m.oid = c.relam),
        'tablespace', (SELECT t.spcname FROM pg_tablespace AS t WHERE t.oid = c.reltablespace),
        'options', (
            SELECT jsonb_agg(o.text ORDER BY o.text)
            FROM (
                SELECT unnest(c.reloptions) AS text
                UNION ALL
                SELECT 'toast.' || unnest(t.reloptions) FROM pg_class AS t WHERE t.oid = c.reltoastrelid
            ) AS o
        ),
        'columns', (
            SELECT jsonb_agg(quote_ident(a.attname) ORDER BY a.attnum)
            FROM pg_attribute AS a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind <> 'S'
        ),
        'definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid, true) END,
        'parents', (SELECT jsonb_agg(h.inhparent::regclass::text ORDER BY h.inhseqno) FROM pg_inherits AS h WHERE h.inhrelid = c.oid),
        'partition key', pg_get_partkeydef(c.oid),
        'partition', pg_get_expr(c.relpartbound, c.oid),
        'type', nullif(c.reloftype, 0)::regtype::text,
        'replica identity', CASE WHEN c.relkind IN ('r', 'p') THEN CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'i' THEN 'INDEX' WHEN 'n' THEN 'NOTHING' ELSE 'DEFAULT' END END,
        'parameters', (
            SELECT
                format('AS %s START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache)
                || CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END
            FROM pg_sequence AS s
            WHERE s.seqrelid = c.oid
        ),
        'column', owning.name,
        'comment', obj_description(c.oid, 'pg_class')
    )) AS properties
FROM pg_class AS c
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, c.oid, 0) AS i
LEFT JOIN LATERAL (
    SELECT format('%s.%I', d.refobjid::regclass, a.attname) AS name
    FROM pg_depend AS d
    JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE c.relkind = 'S' AND (d.classid, d.objid, d.refclassid) = ('pg_class'::regclass, c.oid, 'pg_class'::regclass) AND d.deptype IN ('a', 'i')
) AS owning ON true
WHERE
    c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c', 'S') AND c.oid >= 16384 AND c.relpersistence <> 't'
    AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE (e.classid, e.objid, e.deptype) = ('pg_class'::regclass, c.oid, 'e'))

-- name: columns
SELECT
    'column' AS kind,
    format('%s.%I', c.oid::regclass, a.attname) AS name,
    i.type || ' ' || i.identity AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'type', format_type(a.atttypid, a.atttypmod),
        'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
        'nullability', CASE
            WHEN NOT a.attnotnull THEN 'NULL'
            ELSE coalesce('CONSTRAINT ' || nullif(n.conname, format('%s_%s_not_null', c.relname, a.attname)) || ' ', '')
                || CASE WHEN n.convalidated IS FALSE THEN 'NOT NULL NOT VALID' ELSE 'NOT NULL' END
        END,
        'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(v.adbin, v.adrelid) END,
        'generation', CASE a.attgenerated WHEN 's' THEN 'STORED ' WHEN 'v' THEN 'VIRTUAL ' END || pg_get_expr(v.adbin, v.adrelid),
        'identity', CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END,
        'storage', CASE WHEN a.attstorage <> t.typstorage THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' WHEN 'x' THEN 'EXTENDED' END END,
        'compression', CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
        'statistics target', a.attstattarget::text,
        'options', (SELECT jsonb_agg(o.text ORDER BY o.text) FROM unnest(a.attoptions) AS o (text)),
        'comment', col_description(c.oid, a.attnum)
    )) AS properties
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef AS v ON v.adrelid = a.attrelid AND v.adnum = a.attnum
LEFT JOIN pg_constraint AS n ON n.conrelid = c.oid AND n.contype = 'n' AND n.conkey[1] = a.attnum
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, c.oid, 0) AS i
WHERE
    c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND c.oid >= 16384 AND c.relpersistence <> 't' AND a.attnum > 0 AND NOT a.attisdropped
    AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE (e.classid, e.objid, e.deptype) = ('pg_class'::regclass, c.oid, 'e'))

-- name: constraints
-- Of tables and domains; NOT NULL is its column's. A superuser can switch off the triggers that a foreign key works by.
SELECT
    'constraint' AS kind,
    i.identity AS name,
    parent.type || ' ' || parent.identity AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'definition', pg_get_constraintdef(k.oid, true),
        'enforcement', CASE
            WHEN k.contype <> 'f' THEN NULL
            WHEN EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgconstraint = k.oid AND t.tgisinternal AND t.tgenabled <> 'O') THEN 'off'
            ELSE 'on'
        END,
        'comment', obj_description(k.oid, 'pg_constraint')
    )) AS properties
FROM pg_constraint AS k
CROSS JOIN LATERAL pg_identify_object('pg_constraint'::regclass, k.oid, 0) AS i
CROSS JOIN LATERAL pg_identify_object(
    CASE WHEN k.conrelid <> 0 THEN 'pg_class'::regclass ELSE 'pg_type'::regclass END, greatest(k.conrelid, k.contypid), 0
) AS parent
WHERE
    k.contype IN ('p', 'u', 'x', 'c', 'f') AND k.oid >= 16384
    AND NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = k.conrelid AND c.relpersistence = 't')
    AND NOT EXISTS (
        SELECT FROM pg_depend AS e
        WHERE
            e.deptype = 'e'
            AND ((e.classid, e.objid) = ('pg_class'::regclass, k.conrelid) OR (e.classid, e.objid) = ('pg_type'::regclass, k.contypid))
    )

-- name: indexes
SELECT
    'index' AS kind,
    format('%s on %s', x.indexrelid::regclass, x.indrelid::regclass) AS name,
    coalesce('constraint ' || its.identity, parent.type || ' ' || parent.identity) AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'definition', pg_get_indexdef(x.indexrelid),
        'validity', CASE WHEN x.indisvalid AND x.indisready AND x.indislive THEN 'valid' ELSE 'invalid' END,
        'clustering', CASE WHEN x.indisclustered THEN 'CLUSTER ON' END,
        'replica identity', CASE WHEN x.indisreplident THEN 'USING INDEX' END,
        'tablespace', (SELECT t.spcname FROM pg_tablespace AS t WHERE t.oid = c.reltablespace),
        'comment', obj_description(x.indexrelid, 'pg_class')
    )) AS properties
FROM pg_index AS x
JOIN pg_class AS c ON c.oid = x.indexrelid
JOIN pg_class AS r ON r.oid = x.indrelid
LEFT JOIN pg_constraint AS k ON k.conindid = x.indexrelid AND k.conrelid = x.indrelid AND k.contype IN ('p', 'u', 'x')
LEFT JOIN LATERAL pg_identify_object('pg_constraint'::regclass, k.oid, 0) AS its ON true
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, x.indrelid, 0) AS parent
WHERE
    x.indexrelid >= 16384 AND r.relkind <> 't' AND c.relpersistence <> 't'
    AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE (e.classid, e.objid, e.deptype) = ('pg_class'::regclass, r.oid, 'e'))

-- name: triggers
-- Not those that foreign keys work by.
SELECT
    'trigger' AS kind,
    i.identity AS name,
    parent.type || ' ' || parent.identity AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'definition', pg_get_triggerdef(t.oid),
        'firing', CASE t.tgenabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'on replicas only' WHEN 'A' THEN 'always, on replicas too' END,
        'comment', obj_description(t.oid, 'pg_trigger')
    )) AS properties
FROM pg_trigger AS t
JOIN pg_class AS c ON c.oid = t.tgrelid
CROSS JOIN LATERAL pg_identify_object('pg_trigger'::regclass, t.oid, 0) AS i
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, t.tgrelid, 0) AS parent
WHERE NOT t.tgisinternal AND c.relpersistence <> 't'

-- name: policies
SELECT
    'policy' AS kind,
    i.identity AS name,
    parent.type || ' ' || parent.identity AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'command', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
        'roles', (
            SELECT jsonb_agg(g.name ORDER BY g.name)
            FROM (SELECT CASE WHEN u.oid = 0 THEN 'PUBLIC' ELSE u.oid::regrole::text END AS name FROM unnest(p.polroles) AS u (oid)) AS g
        ),
        'combination', CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
        'USING', pg_get_expr(p.polqual, p.polrelid, true),
        'WITH CHECK', pg_get_expr(p.polwithcheck, p.polrelid, true),
        'comment', obj_description(p.oid, 'pg_policy')
    )) AS properties
FROM pg_policy AS p
JOIN pg_class AS c ON c.oid = p.polrelid
CROSS JOIN LATERAL pg_identify_object('pg_policy'::regclass, p.oid, 0) AS i
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, p.polrelid, 0) AS parent
WHERE c.relpersistence <> 't'

-- name: rules
-- Not the one that makes a view a view.
SELECT
    'rule' AS kind,
    i.identity AS name,
    parent.type || ' ' || parent.identity AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'definition', pg_get_ruledef(w.oid, true),
        'firing', CASE w.ev_enabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'on replicas only' WHEN 'A' THEN 'always, on replicas too' END,
        'comment', obj_description(w.oid, 'pg_rewrite')
    )) AS properties
FROM pg_rewrite AS w
CROSS JOIN LATERAL pg_identify_object('pg_rewrite'::regclass, w.oid, 0) AS i
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, w.ev_class, 0) AS parent
WHERE w.oid >= 16384 AND w.rulename <> '_RETURN'

-- name: functions
-- Functions, procedures and aggregates.
SELECT
    i.type AS kind,
    i.identity AS name,
    'schema ' || p.pronamespace::regnamespace AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'owner', p.proowner::regrole::text,
        'arguments', pg_get_function_arguments(p.oid),
        'result', pg_get_function_result(p.oid),
        'language', l.lanname,
        'body', CASE WHEN p.prokind <> 'a' THEN coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) END,
        'library', p.probin,
        'transition', (SELECT format('%s %s %s', a.aggtransfn, a.aggfinalfn, a.agginitval) FROM pg_aggregate AS a WHERE a.aggfnoid = p.oid),
        'security', CASE WHEN p.prosecdef THEN 'DEFINER' ELSE 'INVOKER' END,
        'volatility', CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END,
        'parallelism', CASE p.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' ELSE 'UNSAFE' END,
        'answer to null', CASE WHEN p.proisstrict THEN 'null without a call' ELSE 'as called' END,
        'leakproofness', CASE WHEN p.proleakproof THEN 'LEAKPROOF' END,
        'cost', p.procost::text,
        'rows', nullif(p.prorows, 0)::text,
        'support', CASE WHEN p.prosupport <> 0 THEN p.prosupport::text END,
        'settings', (SELECT jsonb_agg(o.text ORDER BY o.text) FROM unnest(p.proconfig) AS o (text)),
        'comment', obj_description(p.oid, 'pg_proc')
    )) AS properties
FROM pg_proc AS p
JOIN pg_language AS l ON l.oid = p.prolang
CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) AS i
WHERE
    p.oid >= 16384 AND p.pronamespace::regnamespace::text !~ '^pg_temp_'
    AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE (e.classid, e.objid, e.deptype) = ('pg_proc'::regclass, p.oid, 'e'))

-- name: types
-- Enums, domains, ranges and base types; not the types that come with a table or with another type.
SELECT
    'type' AS kind,
    i.identity AS name,
    'schema ' || t.typnamespace::regnamespace AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'owner', t.typowner::regrole::text,
        'nature', CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' ELSE 'base type' END,
        'labels', (SELECT jsonb_agg(l.enumlabel ORDER BY l.enumsortorder) FROM pg_enum AS l WHERE l.enumtypid = t.oid),
        'range of', (SELECT r.rngsubtype::regtype::text FROM pg_range AS r WHERE r.rngtypid = t.oid),
        'base', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
        'nullability', CASE WHEN t.typtype = 'd' THEN CASE WHEN t.typnotnull THEN 'NOT NULL' ELSE 'NULL' END END,
        'default', t.typdefault,
        'comment', obj_description(t.oid, 'pg_type')
    )) AS properties
FROM pg_type AS t
CROSS JOIN LATERAL pg_identify_object('pg_type'::regclass, t.oid, 0) AS i
WHERE
    t.oid >= 16384 AND t.typtype IN ('b', 'e', 'd', 'r') AND (t.typtype = 'd' OR t.typcategory <> 'A')
    AND t.typnamespace::regnamespace::text !~ '^pg_temp_'
    AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE (e.classid, e.objid, e.deptype) = ('pg_type'::regclass, t.oid, 'e'))

-- name: event_triggers
SELECT
    'event trigger' AS kind,
    i.identity AS name,
    NULL AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'definition', format('ON %s EXECUTE FUNCTION %s()', t.evtevent, t.evtfoid::regproc),
        'tags', to_jsonb(t.evttags),
        'firing', CASE t.evtenabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'on replicas only' WHEN 'A' THEN 'always, on replicas too' END
    )) AS properties
FROM pg_event_trigger AS t
CROSS JOIN LATERAL pg_identify_object('pg_event_trigger'::regclass, t.oid, 0) AS i
WHERE NOT EXISTS (SELECT FROM pg_depend AS e WHERE (e.classid, e.objid, e.deptype) = ('pg_event_trigger'::regclass, t.oid, 'e'))

-- name: publications
SELECT
    'publication' AS kind,
    quote_ident(p.pubname) AS name,
    NULL AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'scope', CASE WHEN p.puballtables THEN 'FOR ALL TABLES' END,
        'tables', (SELECT jsonb_agg(r.prrelid::regclass::text ORDER BY r.prrelid::regclass::text) FROM pg_publication_rel AS r WHERE r.prpubid = p.oid),
        'schemas', (SELECT jsonb_agg(n.pnnspid::regnamespace::text ORDER BY n.pnnspid::regnamespace::text) FROM pg_publication_namespace AS n WHERE n.pnpubid = p.oid),
        'actions', concat_ws(' ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END, CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END)
    )) AS properties
FROM pg_publication AS p

-- name: statistics_objects
SELECT
    'statistics object' AS kind,
    i.identity AS name,
    parent.type || ' ' || parent.identity AS part_of,
    jsonb_strip_nulls(jsonb_build_object(
        'definition', pg_get_statisticsobjdef(s.oid),
        'statistics target', s.stxstattarget::text,
        'comment', obj_description(s.oid, 'pg_statistic_ext')
    )) AS properties
FROM pg_statistic_ext AS s
CROSS JOIN LATERAL pg_identify_object('pg_statistic_ext'::regclass, s.oid, 0) AS i
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, s.stxrelid, 0) AS parent

-- name: other_objects
-- What no migration has made so far, by name alone.
SELECT
    i.type AS kind,
    i.identity AS name,
    NULL AS part_of,
    '{}'::jsonb AS properties
FROM (
    SELECT 'pg_am'::regclass AS catalogue, oid FROM pg_am
    UNION ALL
    SELECT 'pg_cast'::regclass AS catalogue, oid FROM pg_cast
    UNION ALL
    SELECT 'pg_collation'::regclass AS catalogue, oid FROM pg_collation
    UNION ALL
    SELECT 'pg_conversion'::regclass AS catalogue, oid FROM pg_conversion
    UNION ALL
    SELECT 'pg_foreign_data_wrapper'::regclass AS catalogue, oid FROM pg_foreign_data_wrapper
    UNION ALL
    SELECT 'pg_foreign_server'::regclass AS catalogue, oid FROM pg_foreign_server
    UNION ALL
    SELECT 'pg_language'::regclass AS catalogue, oid FROM pg_language
    UNION ALL
    SELECT 'pg_opclass'::regclass AS catalogue, oid FROM pg_opclass
    UNION ALL
    SELECT 'pg_operator'::regclass AS catalogue, oid FROM pg_operator
    UNION ALL
    SELECT 'pg_opfamily'::regclass AS catalogue, oid FROM pg_opfamily
    UNION ALL
    SELECT 'pg_subscription'::regclass AS catalogue, oid FROM pg_subscription WHERE subdbid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
    UNION ALL
    SELECT 'pg_transform'::regclass AS catalogue, oid FROM pg_transform
    UNION ALL
    SELECT 'pg_ts_config'::regclass AS catalogue, oid FROM pg_ts_config
    UNION ALL
    SELECT 'pg_ts_dict'::regclass AS catalogue, oid FROM pg_ts_dict
    UNION ALL
    SELECT 'pg_ts_parser'::regclass AS catalogue, oid FROM pg_ts_parser
    UNION ALL
    SELECT 'pg_ts_template'::regclass AS catalogue, oid FROM pg_ts_template
) AS o
CROSS JOIN LATERAL pg_identify_object(o.catalogue, o.oid, 0) AS i
WHERE
    o.oid >= 16384
    AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE (e.classid, e.objid, e.deptype) = (o.catalogue, o.oid, 'e'))

-- name: privileges
-- Each that someone holds, by a grant or as the owner, who is a fact of the object.
WITH objects AS (
    SELECT 'the' AS type, 'database' AS identity, coalesce(d.datacl, acldefault('d', d.datdba)) AS acl, d.datdba AS owner
    FROM pg_database AS d
    WHERE d.datname = current_database()
    UNION ALL
    SELECT i.type, i.identity, coalesce(n.nspacl, acldefault('n', n.nspowner)) AS acl, n.nspowner AS owner
    FROM pg_namespace AS n
    CROSS JOIN LATERAL pg_identify_object('pg_namespace'::regclass, n.oid, 0) AS i
    WHERE
        (n.oid >= 16384 OR n.nspname = 'public') AND n.nspname !~ '^pg_(toast_)?temp_'
        AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE (e.classid, e.objid, e.deptype) = ('pg_namespace'::regclass, n.oid, 'e'))
    UNION ALL
    SELECT i.type, i.identity, coalesce(c.relacl, acldefault(CASE WHEN c.relkind = 'S' THEN 's' ELSE 'r' END::"char", c.relowner)) AS acl, c.relowner AS owner
    FROM pg_class AS c
    CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, c.oid, 0) AS i
    WHERE
        c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.oid >= 16384 AND c.relpersistence <> 't'
        AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE (e.classid, e.objid, e.deptype) = ('pg_class'::regclass, c.oid, 'e'))
    UNION ALL
    SELECT 'column' AS type, format('%s.%I', c.oid::regclass, a.attname) AS identity, a.attacl AS acl, c.relowner AS owner
    FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE
        a.attacl IS NOT NULL AND NOT a.attisdropped AND c.oid >= 16384 AND c.relpersistence <> 't'
        AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE (e.classid, e.objid, e.deptype) = ('pg_class'::regclass, c.oid, 'e'))
    UNION ALL
    SELECT i.type, i.identity, coalesce(p.proacl, acldefault('f', p.proowner)) AS acl, p.proowner AS owner
    FROM pg_proc AS p
    CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) AS i
    WHERE
        p.oid >= 16384 AND p.pronamespace::regnamespace::text !~ '^pg_temp_'
        AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE (e.classid, e.objid, e.deptype) = ('pg_proc'::regclass, p.oid, 'e'))
    UNION ALL
    SELECT i.type, i.identity, coalesce(t.typacl, acldefault('T', t.typowner)) AS acl, t.typowner AS owner
    FROM pg_type AS t
    CROSS JOIN LATERAL pg_identify_object('pg_type'::regclass, t.oid, 0) AS i
    WHERE
        t.oid >= 16384 AND t.typtype IN ('b', 'e', 'd', 'r') AND (t.typtype = 'd' OR t.typcategory <> 'A')
        AND t.typnamespace::regnamespace::text !~ '^pg_temp_'
        AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE (e.classid, e.objid, e.deptype) = ('pg_type'::regclass, t.oid, 'e'))
    UNION ALL
    SELECT i.type, i.identity, coalesce(w.fdwacl, acldefault('F', w.fdwowner)) AS acl, w.fdwowner AS owner
    FROM pg_foreign_data_wrapper AS w
    CROSS JOIN LATERAL pg_identify_object('pg_foreign_data_wrapper'::regclass, w.oid, 0) AS i
    UNION ALL
    SELECT i.type, i.identity, coalesce(s.srvacl, acldefault('S', s.srvowner)) AS acl, s.srvowner AS owner
    FROM pg_foreign_server AS s
    CROSS JOIN LATERAL pg_identify_object('pg_foreign_server'::regclass, s.oid, 0) AS i
)

SELECT DISTINCT
    'privilege' AS kind,
    format(
        '%s has %s on %s %s',
        CASE g.grantee WHEN 0 THEN 'PUBLIC' WHEN o.owner THEN 'The owner' ELSE g.grantee::regrole::text END,
        option.text || g.privilege_type,
        o.type,
        o.identity
    ) AS name,
    o.type || ' ' || o.identity AS part_of,
    '{}'::jsonb AS properties
FROM objects AS o
CROSS JOIN LATERAL aclexplode(o.acl) AS g
JOIN (VALUES (false, ''), (true, 'GRANT OPTION FOR ')) AS option (is_grantable, text) ON option.is_grantable <= g.is_grantable
-- An owner's grants of columns to itself say nothing.
WHERE o.type <> 'column' OR g.grantee <> o.owner

-- name: privileges_on_others
-- What somebody added for our roles, or for everyone, to what PostgreSQL or an extension came with: what a hardened
-- server took away is its administrator's business. information_schema shows nothing that is not everyone's.
WITH objects AS (
    SELECT 'pg_class'::regclass AS catalogue, c.oid, 0 AS part, c.relacl AS acl, acldefault('r', c.relowner) AS usual
    FROM pg_class AS c
    WHERE c.relnamespace <> 'information_schema'::regnamespace
    UNION ALL
    SELECT 'pg_class'::regclass AS catalogue, a.attrelid AS oid, a.attnum AS part, a.attacl AS acl, NULL AS usual
    FROM pg_attribute AS a
    UNION ALL
    SELECT 'pg_proc'::regclass AS catalogue, p.oid, 0 AS part, p.proacl AS acl, acldefault('f', p.proowner) AS usual
    FROM pg_proc AS p
    UNION ALL
    SELECT 'pg_namespace'::regclass AS catalogue, n.oid, 0 AS part, n.nspacl AS acl, acldefault('n', n.nspowner) AS usual
    FROM pg_namespace AS n
    WHERE n.nspname NOT IN ('public', 'information_schema')
    UNION ALL
    SELECT 'pg_type'::regclass AS catalogue, t.oid, 0 AS part, t.typacl AS acl, acldefault('T', t.typowner) AS usual
    FROM pg_type AS t
    UNION ALL
    SELECT 'pg_language'::regclass AS catalogue, l.oid, 0 AS part, l.lanacl AS acl, acldefault('l', l.lanowner) AS usual
    FROM pg_language AS l
    UNION ALL
    SELECT 'pg_tablespace'::regclass AS catalogue, s.oid, 0 AS part, s.spcacl AS acl, acldefault('t', s.spcowner) AS usual
    FROM pg_tablespace AS s
    UNION ALL
    SELECT 'pg_parameter_acl'::regclass AS catalogue, p.oid, 0 AS part, p.paracl AS acl, NULL AS usual
    FROM pg_parameter_acl AS p
)

SELECT DISTINCT
    'privilege' AS kind,
    format(
        '%s has %s on %s %s',
        CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
        g.privilege_type,
        CASE i.type WHEN 'parameter ACL' THEN 'parameter' WHEN 'table column' THEN 'column' ELSE i.type END,
        i.identity
    ) AS name,
    NULL AS part_of,
    '{}'::jsonb AS properties
FROM objects AS o
LEFT JOIN pg_init_privs AS v ON (v.classoid, v.objoid, v.objsubid) = (o.catalogue, o.oid, o.part)
CROSS JOIN LATERAL aclexplode(o.acl) AS g
LEFT JOIN pg_roles AS r ON r.oid = g.grantee
CROSS JOIN LATERAL pg_identify_object(o.catalogue, o.oid, o.part) AS i
WHERE
    o.acl IS NOT NULL AND (g.grantee = 0 OR r.rolname LIKE 'homelog\_%')
    AND (
        o.oid < 16384 OR o.catalogue IN ('pg_tablespace'::regclass, 'pg_parameter_acl'::regclass)
        OR EXISTS (SELECT FROM pg_depend AS e WHERE (e.classid, e.objid, e.deptype) = (o.catalogue, o.oid, 'e'))
    )
    AND NOT EXISTS (
        SELECT FROM aclexplode(coalesce(v.initprivs, o.usual)) AS u
        WHERE (u.grantee, u.privilege_type) = (g.grantee, g.privilege_type)
    )

-- name: default_privileges
-- Who will hold what on objects yet to be made: by our roles that make some, with what PostgreSQL grants by itself; by
-- others only what somebody said.
WITH said AS (
    SELECT d.defaclrole AS maker, d.defaclobjtype AS of_type, nullif(d.defaclnamespace, 0) AS in_schema, d.defaclacl AS acl
    FROM pg_default_acl AS d
    UNION ALL
    SELECT r.oid AS maker, t.of_type::"char" AS of_type, NULL AS in_schema, acldefault(t.of_type::"char", r.oid) AS acl
    FROM pg_roles AS r
    CROSS JOIN unnest('{r,s,f,T,n}'::text[]) AS t (of_type)
    WHERE
        r.rolname IN ('homelog_owner', 'homelog_migrator')
        AND NOT EXISTS (
            SELECT FROM pg_default_acl AS d
            WHERE d.defaclrole = r.oid AND d.defaclnamespace = 0 AND d.defaclobjtype = CASE t.of_type WHEN 's' THEN 'S' ELSE t.of_type END
        )
)

SELECT DISTINCT
    'privilege' AS kind,
    format(
        '%s has %s on %s that %s will make%s',
        CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
        option.text || g.privilege_type,
        CASE s.of_type WHEN 'r' THEN 'tables' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' WHEN 'L' THEN 'large objects' ELSE 'sequences' END,
        s.maker::regrole,
        ' in schema ' || s.in_schema::regnamespace
    ) AS name,
    NULL AS part_of,
    '{}'::jsonb AS properties
FROM said AS s
CROSS JOIN LATERAL aclexplode(s.acl) AS g
JOIN (VALUES (false, ''), (true, 'GRANT OPTION FOR ')) AS option (is_grantable, text) ON option.is_grantable <= g.is_grantable
