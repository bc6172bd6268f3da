-- A definer function on the caller's search_path runs whatever the caller puts there. The empty path makes citext
-- case-sensitive without a word; a path that does not end with pg_temp lets a temporary table shadow ours.
-- Trigger functions run in whatever session writes, so theirs is pinned too.
SELECT
    p.oid::regprocedure AS function_name,
    p.proconfig AS settings
FROM pg_proc AS p
WHERE
    p.pronamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
    AND (p.prosecdef OR p.prorettype = 'trigger'::regtype)
    AND NOT EXISTS (
        SELECT FROM unnest(p.proconfig) AS s (setting)
        WHERE replace(s.setting, '"', '') = 'search_path=pg_catalog, public, pg_temp'
    )
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    );
