-- What a backup and a restore ask: as a superuser, or as somebody else whom row security does not filter.

-- name: describe_database
-- Whom row security does not filter sees all; only some may see the hashes of passwords.
SELECT
    r.rolsuper AS is_superuser,
    r.rolsuper OR r.rolbypassrls AS sees_all,
    has_table_privilege('pg_authid', 'SELECT') AS sees_passwords,
    current_setting('server_version_num')::integer / 10000 AS major,
    current_setting('server_version') AS version,
    d.datname::text AS name,
    pg_encoding_to_char(d.encoding)::text AS encoding,
    CASE d.datlocprovider WHEN 'b' THEN d.datlocale END AS locale,
    to_regclass('homelog.schema_migrations') IS NOT NULL AS has_baseline
FROM pg_database AS d
INNER JOIN pg_roles AS r ON r.rolname = current_user
WHERE d.datname = current_database()

-- name: get_schema
-- The schema's version: its last migration.
SELECT coalesce(max(m.migration_id), 'baseline-1') AS schema
FROM homelog.schema_migrations AS m

-- name: export_snapshot
-- What others must be told to see the same.
SELECT pg_export_snapshot() AS snapshot

-- name: list_tables
-- Every table, but what belongs to an extension; no materialized view, which is made anew from the tables and need not
-- be what it was. `is_kept` is false of what says how the database was
-- made or cleaned and of what PostgreSQL itself drops after a crash: a database with no other rows holds nothing.
SELECT
    n.nspname::text AS schema,
    c.relname::text AS name,
    c.relpersistence = 'p'
    AND n.nspname <> 'yoyo'
    AND NOT (n.nspname = 'homelog' AND c.relname IN ('schema_baseline', 'schema_migrations'))
    AND NOT (n.nspname = 'public' AND c.relname = 'maintenance_runs') AS is_kept
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
WHERE c.relkind IN ('r', 'p')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND n.nspname !~ '^pg_temp'
  AND NOT EXISTS (
      SELECT FROM pg_depend AS d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
  )
ORDER BY 1, 2

-- name: list_strangers
-- What people made in this database, in words: not what it had from its beginning, nor an extension's, nor, where there
-- is a Homelog, what that has made as homelog_owner and in yoyo's schema. A large object is always somebody's.
SELECT pg_describe_object(o.catalogue, o.oid, 0) AS stranger
FROM (
    SELECT 'pg_class'::regclass, c.oid, c.relowner, c.relnamespace FROM pg_class AS c
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, p.proowner, p.pronamespace FROM pg_proc AS p
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, t.typowner, t.typnamespace FROM pg_type AS t
    UNION ALL
    SELECT 'pg_operator'::regclass, o.oid, o.oprowner, o.oprnamespace FROM pg_operator AS o
    UNION ALL
    SELECT 'pg_collation'::regclass, c.oid, c.collowner, c.collnamespace FROM pg_collation AS c
    UNION ALL
    SELECT 'pg_ts_config'::regclass, c.oid, c.cfgowner, c.cfgnamespace FROM pg_ts_config AS c
    UNION ALL
    SELECT 'pg_ts_dict'::regclass, d.oid, d.dictowner, d.dictnamespace FROM pg_ts_dict AS d
    UNION ALL
    SELECT 'pg_namespace'::regclass, n.oid, n.nspowner, n.oid FROM pg_namespace AS n
    WHERE n.nspname <> 'public' AND n.nspname !~ '^pg_'
    UNION ALL
    SELECT 'pg_foreign_server'::regclass, s.oid, s.srvowner, NULL FROM pg_foreign_server AS s
    UNION ALL
    SELECT 'pg_publication'::regclass, p.oid, p.pubowner, NULL FROM pg_publication AS p
    UNION ALL
    SELECT 'pg_subscription'::regclass, b.oid, b.subowner, NULL FROM pg_subscription AS b
    WHERE b.subdbid = (SELECT h.oid FROM pg_database AS h WHERE h.datname = current_database())
    UNION ALL
    SELECT 'pg_event_trigger'::regclass, e.oid, e.evtowner, NULL FROM pg_event_trigger AS e
    UNION ALL
    SELECT 'pg_largeobject'::regclass, l.oid, NULL, NULL FROM pg_largeobject_metadata AS l
) AS o (catalogue, oid, owner, schema)
WHERE o.oid >= 16384
  AND NOT EXISTS (
      SELECT FROM pg_depend AS d
      WHERE d.classid = o.catalogue AND d.objid = o.oid AND d.deptype IN ('e', 'i')
  )
  AND (
      to_regclass('homelog.schema_migrations') IS NULL
      OR o.owner IS DISTINCT FROM to_regrole('homelog_owner') AND o.schema IS DISTINCT FROM to_regnamespace('yoyo')
  )
ORDER BY 1

-- name: find_database
-- $1 its name: its owner's name, its comment, and how many clients are connected to it (PostgreSQL's own workers make
-- room).
SELECT
    d.datdba::regrole::text AS owner,
    shobj_description(d.oid, 'pg_database') AS comment,
    (
        SELECT count(*)
        FROM pg_stat_activity AS a
        WHERE a.datid = d.oid AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
    ) AS connected
FROM pg_database AS d
WHERE d.datname = $1::text

-- name: list_roles
-- Homelog's roles, and whoever else owns something in this database or was granted something in it or on it, and all
-- their members and the members of these; not the roles that every cluster has.
WITH RECURSIVE here AS (
    SELECT d.oid FROM pg_database AS d
    WHERE d.datname = current_database()
),

ours (oid) AS (
    SELECT r.oid
    FROM pg_roles AS r
    CROSS JOIN here
    WHERE r.rolname ~ '^homelog_'
       OR EXISTS (
           SELECT FROM pg_shdepend AS s
           WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
             AND (
                 s.dbid = here.oid AND s.deptype IN ('o', 'a', 'r') AND s.classid <> 'pg_extension'::regclass
                 OR s.classid = 'pg_database'::regclass AND s.objid = here.oid AND s.deptype = 'a'
                 -- A catalogue of the whole cluster, of which each database has its own.
                 OR s.classid = 'pg_subscription'::regclass AND s.deptype = 'o'
                 AND s.objid IN (SELECT b.oid FROM pg_subscription AS b WHERE b.subdbid = here.oid)
             )
       )
    UNION
    SELECT m.member
    FROM pg_auth_members AS m
    INNER JOIN ours AS o ON m.roleid = o.oid
)

SELECT r.rolname::text AS role
FROM pg_roles AS r
WHERE r.oid >= 16384 AND r.oid IN (SELECT o.oid FROM ours AS o)
ORDER BY r.rolname COLLATE "C"

-- name: role_statements
-- What makes the roles $1 anew in another cluster, and what is the database's own. Homelog's roles are given the same
-- attributes there, whether they are there or not. Any other of that name may be somebody else, so that one that is
-- there gets no more than its memberships in Homelog's roles and its privileges in the database; and what reaches past
-- this database, as SUPERUSER and the roles of PostgreSQL's own do, goes to none of them.
WITH ours AS (
    SELECT
        r.*,
        -- The roles that must be new there for a statement about this one to be run.
        CASE WHEN r.rolname ~ '^homelog_' THEN '{}' ELSE ARRAY[r.rolname::text] END AS new
    FROM pg_roles AS r
    WHERE r.rolname = ANY($1::text [])
),

settings AS (
    SELECT
        o.rolname,
        coalesce(o.new, '{}') AS new,
        d.datname,
        config.place,
        split_part(config.line, '=', 1) AS name,
        substr(config.line, strpos(config.line, '=') + 1) AS value
    FROM pg_db_role_setting AS s
    LEFT JOIN ours AS o ON s.setrole = o.oid
    LEFT JOIN pg_database AS d ON s.setdatabase = d.oid
    CROSS JOIN LATERAL unnest(s.setconfig) WITH ORDINALITY AS config (line, place)
    WHERE (s.setrole = 0 OR o.oid IS NOT NULL)
      AND (d.datname = current_database() OR (s.setdatabase = 0 AND s.setrole <> 0))
),

statements (part, subject, new, statement) AS (
    SELECT 0, '', '{}'::text [], format('DO %L;', format(
        'BEGIN PERFORM set_config(''homelog.new_roles'', ARRAY('
        'SELECT name FROM unnest(%L::text[]) AS name WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)'
        ')::text, false); END',
        $1::text []
    ))
    UNION ALL
    SELECT 1, rolname, '{}', format('DO %L;', format(
        'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %L) THEN CREATE ROLE %I; END IF; END',
        rolname, rolname
    ))
    FROM ours
    UNION ALL
    SELECT 2, rolname, new, format(
        'ALTER ROLE %I%s %s %s CONNECTION LIMIT %s%s;',
        rolname,
        CASE
            WHEN new = '{}' THEN concat_ws(
                ' ',
                '',
                CASE WHEN rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END,
                CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END,
                CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END,
                CASE WHEN rolreplication THEN 'REPLICATION' ELSE 'NOREPLICATION' END,
                CASE WHEN rolbypassrls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END
            )
        END,
        CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END,
        CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END,
        rolconnlimit,
        ' VALID UNTIL ' || quote_literal(rolvaliduntil)
    )
    FROM ours
    UNION ALL
    SELECT 3, rolname, new, format('COMMENT ON ROLE %I IS %L;', rolname, shobj_description(oid, 'pg_authid'))
    FROM ours
    WHERE shobj_description(oid, 'pg_authid') IS NOT NULL
    UNION ALL
    -- PostgreSQL keeps one row for each who granted it; together they are what the member may.
    SELECT
        4,
        member.rolname,
        CASE WHEN granted.rolname ~ '^homelog_' THEN '{}' ELSE coalesce(known.new, '{}') || member.new END,
        format(
            'GRANT %I TO %I WITH ADMIN %s, INHERIT %s, SET %s;',
            granted.rolname,
            member.rolname,
            bool_or(m.admin_option)::text,
            bool_or(m.inherit_option)::text,
            bool_or(m.set_option)::text
        )
    FROM pg_auth_members AS m
    INNER JOIN ours AS member ON m.member = member.oid
    INNER JOIN pg_roles AS granted ON m.roleid = granted.oid
    LEFT JOIN ours AS known ON granted.oid = known.oid
    WHERE known.oid IS NOT NULL OR (granted.rolname ~ '^pg_' AND member.new = '{}')
    GROUP BY granted.rolname, member.rolname, known.new, member.new
    UNION ALL
    -- From here on with %I for the database, which may have another name then. Of a list the catalogue keeps the quotes
    -- that its parts need.
    SELECT
        5,
        concat(rolname, ' ', datname, ' ', to_char(place, '0000')),
        new,
        CASE
            WHEN rolname IS NULL THEN 'ALTER DATABASE %I'
            ELSE replace(format('ALTER ROLE %I', rolname), '%', '%%')
                 || CASE WHEN datname IS NULL THEN '' ELSE ' IN DATABASE %I' END
        END || replace(format(
            ' SET %I = %s',
            name,
            CASE
                WHEN name IN ('search_path', 'temp_tablespaces') OR name LIKE '%\_preload\_libraries' THEN value
                ELSE quote_literal(value)
            END
        ), '%', '%%')
    FROM settings
    UNION ALL
    SELECT 6, '', '{}', 'REVOKE ALL ON DATABASE %I FROM PUBLIC'
    FROM pg_database
    WHERE datname = current_database() AND datacl IS NOT NULL
    UNION ALL
    SELECT
        7,
        concat(o.rolname, ' ', a.privilege_type),
        '{}',
        format('GRANT %s ON DATABASE ', a.privilege_type) || '%I TO '
        || replace(coalesce(quote_ident(o.rolname), 'PUBLIC'), '%', '%%')
        || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    FROM pg_database AS d
    CROSS JOIN LATERAL aclexplode(d.datacl) AS a
    LEFT JOIN ours AS o ON a.grantee = o.oid
    WHERE d.datname = current_database() AND (a.grantee = 0 OR o.oid IS NOT NULL)
    UNION ALL
    SELECT 8, '', '{}', format('ALTER DATABASE %%I CONNECTION LIMIT %s', datconnlimit)
    FROM pg_database
    WHERE datname = current_database() AND datconnlimit >= 0
    UNION ALL
    SELECT
        9,
        '',
        '{}',
        'COMMENT ON DATABASE %I IS ' || replace(quote_literal(shobj_description(oid, 'pg_database')), '%', '%%')
    FROM pg_database
    WHERE datname = current_database() AND shobj_description(oid, 'pg_database') IS NOT NULL
)

SELECT
    CASE
        WHEN part < 5 AND new = '{}' THEN statement
        ELSE format('DO %L;', format(
            CASE
                WHEN new = '{}' THEN 'BEGIN %s END'
                ELSE 'BEGIN IF %2$L::text[] <@ current_setting(''homelog.new_roles'')::text[] THEN %1$s END IF; END'
            END,
            CASE WHEN part < 5 THEN statement ELSE format('EXECUTE format(%L, current_database());', statement) END,
            new
        ))
    END AS statement
FROM statements
ORDER BY part, subject COLLATE "C", statements.statement COLLATE "C"

-- name: password_statements
-- What gives the roles $1 their passwords, by their hashes: those of Homelog's that have none in the other cluster, and
-- of the others those that are new there.
SELECT format('DO %L;', format(
    'BEGIN IF %s THEN ALTER ROLE %I PASSWORD %L; END IF; END',
    format(
        CASE
            WHEN a.rolname ~ '^homelog_' THEN '(SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = %L)'
            ELSE '%L = ANY(current_setting(''homelog.new_roles'')::text[])'
        END,
        a.rolname
    ),
    a.rolname,
    a.rolpassword
)) AS statement
FROM pg_authid AS a
WHERE a.rolname = ANY($1::text []) AND a.rolpassword IS NOT NULL
ORDER BY a.rolname COLLATE "C"
