-- A constraint's COMMENT is the sentence that the API answers when it is violated; everything else's is what a DBA reads
-- in psql. Of keys only those that say something of their own need one: a plain id's primary key does not.
WITH objects AS (
    SELECT
        'relation' AS what,
        c.oid::regclass::text AS name,
        'pg_class'::regclass AS catalogue,
        c.oid AS id
    FROM pg_class AS c
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
    UNION ALL
    SELECT
        'type' AS what,
        t.oid::regtype::text AS name,
        'pg_type'::regclass AS catalogue,
        t.oid AS id
    FROM pg_type AS t
    LEFT JOIN pg_class AS c ON t.typrelid = c.oid
    WHERE
        t.typnamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
        AND (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c')
    UNION ALL
    SELECT
        'function' AS what,
        p.oid::regprocedure::text AS name,
        'pg_proc'::regclass AS catalogue,
        p.oid AS id
    FROM pg_proc AS p
    WHERE p.pronamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
    UNION ALL
    SELECT
        'policy' AS what,
        p.polname || ' on ' || p.polrelid::regclass AS name,
        'pg_policy'::regclass AS catalogue,
        p.oid AS id
    FROM pg_policy AS p
    UNION ALL
    SELECT
        'constraint' AS what,
        n.conname::text AS name,
        'pg_constraint'::regclass AS catalogue,
        n.oid AS id
    FROM pg_constraint AS n
    WHERE
        n.connamespace = 'public'::regnamespace
        AND n.conparentid = 0
        AND (n.contype IN ('c', 'u', 'f', 'x') OR (n.contype = 'p' AND cardinality(n.conkey) > 1))
)

SELECT
    o.what,
    o.name
FROM objects AS o
WHERE
    coalesce(obj_description(o.id, o.catalogue::name), '') !~ '\S'
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = o.catalogue AND d.objid = o.id AND d.deptype = 'e'
    );
