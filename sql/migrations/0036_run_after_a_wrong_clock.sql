-- A run that is noted in the future, as a clock leaves it that was wrong and was put right, kept maintenance from ever
-- running again. And homelog_ops sees how much of the audit log's numbers is used up, which sql/ops/sequences.sql asks.
-- depends: 0035_touch_what_changed

SET LOCAL ROLE homelog_owner;

CREATE OR REPLACE FUNCTION homelog.begin_maintenance(every interval) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    run uuid;
BEGIN
    -- The turn first, in a statement of its own: what asks afterwards sees the run of whoever had it before.
    IF NOT homelog.takes_maintenance_turn() THEN
        RETURN NULL;
    END IF;
    -- The greatest of null and something is that: whoever names no interval, or one below zero, asks for a run now.
    -- By the clock, and not by when this began, which may be before whoever had the turn began.
    IF NOT EXISTS (
        SELECT FROM maintenance_runs AS r
        WHERE r.began_at > now() - greatest(every, interval '0') AND r.began_at <= clock_timestamp()
    ) THEN
        DELETE FROM maintenance_runs AS r
        WHERE r.began_at < now() - interval '90 days'
           OR r.id IN (SELECT old.id FROM maintenance_runs AS old ORDER BY old.id DESC OFFSET 9999);
        INSERT INTO maintenance_runs DEFAULT VALUES RETURNING id INTO run;
    END IF;
    RETURN run;
END
$$;

GRANT SELECT ON SEQUENCE audit_logs_id_seq TO homelog_ops;
