-- What is kept in step with readings (the latest one, hourly sums, rules that look at neighbours) must see what the
-- writer before committed. So one writer at a time works at each source; writers to different sources do not wait for
-- each other, but for the chance of sharing one of 1,024 locks: a batch of very many sources must not fill the server's
-- lock table.
-- depends: 0004_name_grantees

SET LOCAL ROLE homelog_owner;

CREATE FUNCTION homelog.take_turns(sources uuid[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Under a snapshot that is older than its turn a writer would compute from what is not there any more.
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'Readings are written under READ COMMITTED.' USING ERRCODE = 'feature_not_supported';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('homelog: readings'), turn.bucket)
    FROM (
        SELECT DISTINCT hashtext(s.id::text) & 1023 AS bucket
        FROM unnest(sources) AS s (id)
        ORDER BY bucket
    ) AS turn;
END
$$;
COMMENT ON FUNCTION homelog.take_turns(uuid[]) IS
    'Waits until no other transaction writes to these sources, and keeps others waiting until this one ends. Always in '
    'one order, so that no two wait for each other. What a statement of its own asks afterwards sees what they wrote.';

GRANT EXECUTE ON FUNCTION homelog.take_turns(uuid[]) TO homelog_api;
