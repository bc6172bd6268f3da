-- Whoever owns a table may switch its row security off, and a definer function does all that its owner may: everything
-- is homelog_owner's, as whom nobody logs in, but for what an extension brings.
SELECT
    c.oid::regclass::text AS object_name,
    c.relowner::regrole AS owner_name
FROM pg_class AS c
WHERE
    c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
    AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND c.relowner <> 'homelog_owner'::regrole
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
UNION ALL
SELECT
    p.oid::regprocedure::text AS object_name,
    p.proowner::regrole AS owner_name
FROM pg_proc AS p
WHERE
    p.pronamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
    AND p.proowner <> 'homelog_owner'::regrole
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    );
