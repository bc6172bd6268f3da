-- Undoes 0007_keep_latest_readings. Nothing is lost: every row is a copy of a reading.

SET LOCAL ROLE homelog_owner;

DROP TRIGGER _400_keep_latest_truncate ON readings;
DROP TRIGGER _400_keep_latest_delete ON readings;
DROP TRIGGER _400_keep_latest_update ON readings;
DROP TRIGGER _400_keep_latest_insert ON readings;
DROP FUNCTION homelog.tg__keep_latest_readings();
DROP FUNCTION homelog.refresh_latest_readings(uuid[]);
DROP TABLE latest_readings;

CREATE OR REPLACE FUNCTION homelog.tg__leave_nothing_orphaned() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Two admins of one source who go at once: the second waits here, and then sees that it is the last.
    PERFORM
    FROM data_sources AS s
    JOIN user_source_access AS a ON a.source_id = s.id
    WHERE a.user_id = OLD.id AND a.access_level = 'admin'
    ORDER BY s.id
    FOR UPDATE OF s;

    -- What the account alone administers goes with it.
    DELETE FROM data_sources AS s
    USING user_source_access AS a
    WHERE a.source_id = s.id AND a.user_id = OLD.id AND a.access_level = 'admin'
      AND NOT EXISTS (
          SELECT FROM user_source_access AS b
          WHERE b.source_id = s.id AND b.user_id <> OLD.id AND b.access_level = 'admin'
      );
    DELETE FROM homes WHERE created_by = OLD.id;

    -- What stays forgets who recorded it. There is no index on recorded_by; the audit log knows where to look.
    UPDATE readings SET recorded_by = NULL
    WHERE recorded_by = OLD.id
      AND source_id IN (
          SELECT DISTINCT l.source_id FROM audit_logs AS l
          WHERE l.user_id = OLD.id AND l.event_type = 'create_entry'
      );
    RETURN OLD;
END
$$;
