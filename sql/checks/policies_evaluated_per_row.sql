-- (SELECT f()) is evaluated once a statement and leaves the planner an index condition; the bare call once a row, which
-- costs a hundredfold.
SELECT
    p.polrelid::regclass AS table_name,
    p.polname AS policy_name
FROM pg_policy AS p
WHERE
    regexp_replace(
        concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)),
        '\( SELECT homelog\.\w+\(\)', '', 'g'
    ) ~ 'homelog\.';
