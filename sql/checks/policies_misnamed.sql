-- A policy's name says its verb and the least level it takes (select_reader, insert_writer, update_admin), so that a
-- list of names is the matrix. One policy a verb and role: a second one is OR-ed in and turns an index condition into a
-- filter.
WITH policies AS (
    SELECT
        p.polrelid,
        p.polname,
        p.polcmd,
        p.polpermissive,
        p.polroles::regrole[]::text[] AS roles,
        count(*) OVER (PARTITION BY p.polrelid, p.polcmd, p.polroles) AS alike
    FROM pg_policy AS p
)

SELECT
    p.polrelid::regclass AS table_name,
    p.polname AS policy_name,
    p.roles,
    p.alike
FROM policies AS p
WHERE
    NOT p.polpermissive
    OR p.alike > 1
    OR NOT CASE
        WHEN p.polname = 'owner_all' THEN p.polcmd = '*' AND p.roles = '{homelog_owner}'
        WHEN p.polname = 'select_ops' THEN p.polcmd = 'r' AND p.roles = '{homelog_ops}'
        ELSE
            p.roles = '{homelog_api}'
            AND p.polname ~ CASE p.polcmd
                WHEN 'r' THEN '^select_(reader|writer|admin)$'
                WHEN 'a' THEN '^insert_(reader|writer|admin)$'
                WHEN 'w' THEN '^update_(reader|writer|admin)$'
                WHEN 'd' THEN '^delete_(reader|writer|admin)$'
                ELSE '^$'
            END
    END;
