-- An audit row never holds a column whose class is Secret: no trigger writes whole rows of a table that has one, unless
-- its function names the column, which it then leaves out, or is told to write names and no values.
SELECT
    t.tgrelid::regclass AS table_name,
    a.attname AS column_name,
    t.tgname AS trigger_name
FROM pg_trigger AS t
INNER JOIN pg_proc AS p ON t.tgfoid = p.oid
INNER JOIN pg_attribute AS a ON t.tgrelid = a.attrelid
WHERE
    NOT t.tgisinternal
    AND a.attnum > 0
    AND NOT a.attisdropped
    AND col_description(a.attrelid, a.attnum) ~ '\mSecret\.$'
    AND p.prosrc ~ '\m(to_jsonb?|row_to_json|jsonb?_agg)\M'
    AND p.prosrc !~ ('\m' || a.attname || '\M')
    AND encode(t.tgargs, 'escape') NOT LIKE '%\\000names\\000%';
