-- Row security is forced, so it binds the owner too: without this policy the owner's functions, triggers and migrations
-- see no row and change none, silently.
SELECT c.oid::regclass AS table_name
FROM pg_class AS c
WHERE
    c.relnamespace = 'public'::regnamespace
    AND c.relkind IN ('r', 'p')
    AND NOT EXISTS (
        SELECT FROM pg_policy AS p
        WHERE
            p.polrelid = c.oid
            AND p.polname = 'owner_all'
            AND p.polcmd = '*'
            AND p.polpermissive
            AND p.polroles = ARRAY['homelog_owner'::regrole::oid]
            AND pg_get_expr(p.polqual, p.polrelid) = 'true'
            AND pg_get_expr(p.polwithcheck, p.polrelid) = 'true'
    );
