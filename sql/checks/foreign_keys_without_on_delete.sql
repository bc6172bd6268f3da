-- NO ACTION is what a foreign key does when nobody thought about it: then an account cannot be deleted because of a row
-- that nobody remembers.
SELECT
    n.conrelid::regclass AS table_name,
    n.conname AS constraint_name
FROM pg_constraint AS n
WHERE
    n.contype = 'f'
    AND n.connamespace = 'public'::regnamespace
    AND n.conparentid = 0
    AND n.confdeltype = 'a';
