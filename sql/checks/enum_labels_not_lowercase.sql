-- The API says a label as it stands here, and all its labels are lowercase.
SELECT
    e.enumtypid::regtype AS type_name,
    e.enumlabel AS label
FROM pg_enum AS e
INNER JOIN pg_type AS t ON e.enumtypid = t.oid
WHERE
    t.typnamespace = 'public'::regnamespace
    AND e.enumlabel !~ '^[a-z][a-z_]*$';
