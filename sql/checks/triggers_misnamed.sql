-- Triggers of one event fire in the order of their names, so the name holds the order: _100_touch_updated_at. Their
-- functions are called tg__….
SELECT
    t.tgrelid::regclass AS table_name,
    t.tgname AS trigger_name,
    t.tgfoid::regprocedure AS function_name
FROM pg_trigger AS t
INNER JOIN pg_class AS c ON t.tgrelid = c.oid
INNER JOIN pg_proc AS p ON t.tgfoid = p.oid
WHERE
    c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
    AND NOT t.tgisinternal
    AND NOT (
        t.tgname ~ '^_\d{3}_[a-z][a-z0-9_]*$'
        AND p.pronamespace = 'homelog'::regnamespace
        AND p.proname ~ '^tg__[a-z]'
    );
