-- What the service and its watchers log in as must be bound by everything else that stands here: no attribute that
-- escapes row security, nothing owned, no membership that lends another role's rights, no place to make objects in.
WITH roles AS (
    SELECT
        r.oid AS id,
        r.rolname AS name,
        r.rolsuper,
        r.rolbypassrls,
        r.rolcreaterole,
        r.rolcreatedb,
        r.rolreplication
    FROM pg_roles AS r
    WHERE r.rolname IN ('homelog_api', 'homelog_ops')
)

SELECT
    r.name AS role_name,
    wrong.power
FROM roles AS r
CROSS JOIN LATERAL (
    VALUES
    (r.rolsuper, 'is superuser'),
    (r.rolbypassrls, 'has BYPASSRLS'),
    (r.rolcreaterole, 'has CREATEROLE'),
    (r.rolcreatedb, 'has CREATEDB'),
    (r.rolreplication, 'has REPLICATION'),
    (has_database_privilege(r.id, current_database(), 'CREATE'), 'may CREATE in the database'),
    (has_database_privilege(r.id, current_database(), 'TEMP'), 'may make temporary tables')
) AS wrong (so, power)
WHERE wrong.so
UNION ALL
SELECT
    r.name AS role_name,
    'may CREATE in schema ' || n.nspname AS power
FROM roles AS r
CROSS JOIN pg_namespace AS n
WHERE has_schema_privilege(r.id, n.oid, 'CREATE')
UNION ALL
SELECT
    r.name AS role_name,
    'owns ' || pg_describe_object(d.classid, d.objid, d.objsubid) AS power
FROM roles AS r
INNER JOIN pg_shdepend AS d ON r.id = d.refobjid
WHERE
    d.refclassid = 'pg_authid'::regclass
    AND d.deptype = 'o'
    AND (
        d.dbid = 0
        OR d.dbid = (
            SELECT b.oid FROM pg_database AS b
            WHERE b.datname = current_database()
        )
    )
UNION ALL
SELECT
    r.name AS role_name,
    'is a member of ' || m.roleid::regrole AS power
FROM roles AS r
INNER JOIN pg_auth_members AS m ON r.id = m.member
WHERE m.roleid <> 'pg_monitor'::regrole OR r.name <> 'homelog_ops';
