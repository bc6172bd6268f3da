-- TRUNCATE runs no trigger for a row and hands none its rows: what it empties is told by no audit row, and copies that
-- follow the change feed keep it for ever. So tables whose rows are audited refuse it, to whoever may do it (their
-- owner, a superuser); DELETE does the same and leaves its trace. The service has never been able to.
-- depends: 0014_sum_up_days

SET LOCAL ROLE homelog_owner;

CREATE FUNCTION homelog.tg__refuse_truncate() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE would leave no trace in the audit log: DELETE the rows.'
        USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION homelog.tg__refuse_truncate() IS
    'Refuses to empty the table that it stands on without a trace of its rows.';

-- lock: SHARE ROW EXCLUSIVE on each table, for a change of the catalogue alone: writers wait for milliseconds.
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON care_events
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON data_sources
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON data_validators
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON device_tokens
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON homes
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON line_protocol_sources
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON meter_events
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON plants
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON readings
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON user_source_access
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
