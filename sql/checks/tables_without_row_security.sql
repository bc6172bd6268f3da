-- A table without row security, or one that does not FORCE it upon its owner, shows everyone's rows to whoever may
-- SELECT: one forgotten line is a leak.
SELECT
    c.oid::regclass AS table_name,
    c.relrowsecurity AS enabled,
    c.relforcerowsecurity AS forced
FROM pg_class AS c
WHERE
    c.relnamespace = 'public'::regnamespace
    AND c.relkind IN ('r', 'p')
    AND NOT (c.relrowsecurity AND c.relforcerowsecurity);
