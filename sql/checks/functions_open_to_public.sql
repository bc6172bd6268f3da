-- PostgreSQL lets everyone execute a new function; ours cross privilege lines, so each says for whom it is. Our
-- functions are in schema homelog: one elsewhere escapes its default privileges.
SELECT p.oid::regprocedure AS function_name
FROM pg_proc AS p
WHERE
    p.pronamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    )
    AND (
        p.pronamespace <> 'homelog'::regnamespace
        OR EXISTS (
            SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
            WHERE a.grantee = 0
        )
    );
