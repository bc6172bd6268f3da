-- The audit log is append-only: nobody but its owner, as whom nobody logs in, may change or empty it; nor may anyone
-- hold the privileges by which a trigger or a rule could be put upon it.
SELECT
    a.grantee::regrole AS role_name,
    a.privilege_type AS privilege
FROM pg_class AS c
CROSS JOIN LATERAL aclexplode(c.relacl) AS a
WHERE
    c.oid = 'public.audit_logs'::regclass
    AND a.grantee <> c.relowner
    AND a.privilege_type NOT IN ('SELECT', 'INSERT')
UNION ALL
SELECT
    r.rolname::regrole AS role_name,
    p.privilege
FROM pg_roles AS r
CROSS JOIN (VALUES ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS p (privilege)
WHERE
    r.rolname IN ('homelog_api', 'homelog_ops', 'homelog_migrator')
    AND (
        has_table_privilege(r.oid, 'public.audit_logs', p.privilege)
        OR (p.privilege = 'UPDATE' AND has_any_column_privilege(r.oid, 'public.audit_logs', p.privilege))
    );
