-- INSERT and UPDATE are granted column by column: what is not listed is the server's, whatever a body holds.
SELECT
    c.oid::regclass AS table_name,
    a.grantee::regrole AS role_name,
    a.privilege_type AS privilege
FROM pg_class AS c
CROSS JOIN LATERAL aclexplode(c.relacl) AS a
WHERE
    c.relnamespace = 'public'::regnamespace
    AND a.grantee <> c.relowner
    AND a.privilege_type NOT IN ('SELECT', 'DELETE');
