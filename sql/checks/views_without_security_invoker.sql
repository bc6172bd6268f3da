-- A view reads with its owner's rights, and a materialized view with those of whoever refreshed it: either shows
-- everyone's rows to everyone. An extension's shows none of ours.
SELECT
    c.oid::regclass AS view_name,
    c.relkind AS kind
FROM pg_class AS c
WHERE
    c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
    AND (
        c.relkind = 'm'
        OR (
            c.relkind = 'v'
            AND NOT coalesce(
                (
                    SELECT o.option_value::boolean
                    FROM pg_options_to_table(c.reloptions) AS o
                    WHERE o.option_name = 'security_invoker'
                ),
                FALSE
            )
        )
    );
