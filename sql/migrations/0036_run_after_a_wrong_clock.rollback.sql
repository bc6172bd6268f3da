-- Undoes 0036_run_after_a_wrong_clock. A run that is noted in the future keeps maintenance from running again.

SET LOCAL ROLE homelog_owner;

REVOKE SELECT ON SEQUENCE audit_logs_id_seq FROM homelog_ops;

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
    IF NOT EXISTS (
        SELECT FROM maintenance_runs AS r WHERE r.began_at > now() - greatest(every, interval '0')
    ) THEN
        DELETE FROM maintenance_runs AS r
        WHERE r.began_at < now() - interval '90 days'
           OR r.id IN (SELECT old.id FROM maintenance_runs AS old ORDER BY old.id DESC OFFSET 9999);
        INSERT INTO maintenance_runs DEFAULT VALUES RETURNING id INTO run;
    END IF;
    RETURN run;
END
$$;
