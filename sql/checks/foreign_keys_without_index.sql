-- Deleting the row that is referred to looks for those that refer to it: without an index that begins with the key's
-- columns, and holds every row, that reads the whole table under a lock.
SELECT
    n.conrelid::regclass AS table_name,
    n.conname AS constraint_name
FROM pg_constraint AS n
WHERE
    n.contype = 'f'
    AND n.connamespace = 'public'::regnamespace
    AND NOT EXISTS (
        SELECT FROM pg_index AS i
        WHERE
            i.indrelid = n.conrelid
            AND i.indisvalid
            AND i.indpred IS NULL
            AND (i.indkey::smallint[])[0:cardinality(n.conkey) - 1] @> n.conkey
    );
