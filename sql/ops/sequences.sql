-- How much of each sequence's numbers is used up. Homelog has one, the audit log's, of 63 bits. Empty where
-- nothing has been numbered yet, or where the sequence is not for this login to see.
SELECT
    s.schemaname AS schema_name,
    s.sequencename AS sequence_name,
    s.data_type::text,
    s.last_value,
    round(100.0 * s.last_value / s.max_value, 4) AS used_percent
FROM pg_sequences AS s
ORDER BY used_percent DESC;
