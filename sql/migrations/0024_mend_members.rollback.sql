-- Undoes 0024_mend_members. Nothing is lost.

SET LOCAL ROLE homelog_owner;

CREATE OR REPLACE FUNCTION homelog.tg__leave_nothing_orphaned() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Turns before rows, as everyone takes them who writes readings.
    PERFORM homelog.take_turns(ARRAY(
        SELECT a.source_id FROM user_source_access AS a WHERE a.user_id = OLD.id AND a.access_level = 'admin'
        UNION
        SELECT l.source_id FROM audit_logs AS l WHERE l.user_id = OLD.id AND l.event_type = 'create_entry'
    ));

    -- Two admins of one home or source who go at once: the second waits here, and then sees that it is the last.
    PERFORM
    FROM homes AS h
    JOIN home_members AS m ON m.home_id = h.id
    WHERE m.user_id = OLD.id
    ORDER BY h.id
    FOR UPDATE OF h;
    PERFORM
    FROM data_sources AS s
    JOIN user_source_access AS a ON a.source_id = s.id
    WHERE a.user_id = OLD.id AND a.access_level = 'admin'
    ORDER BY s.id
    FOR UPDATE OF s;

    -- What stands in a home with another admin passes to that admin, of several to the one of longest standing.
    UPDATE plants AS p SET user_id = heir.user_id
    FROM (
        SELECT DISTINCT ON (m.home_id) m.home_id, m.user_id
        FROM home_members AS m
        WHERE m.home_id IN (SELECT own.home_id FROM plants AS own WHERE own.user_id = OLD.id)
          AND m.access_level = 'admin' AND m.user_id <> OLD.id
        ORDER BY m.home_id, m.granted_at, m.user_id
    ) AS heir
    WHERE p.user_id = OLD.id AND p.home_id = heir.home_id;
    INSERT INTO user_source_access AS a (user_id, source_id, access_level)
    SELECT DISTINCT ON (s.id) m.user_id, s.id, 'admin'::access_level
    FROM user_source_access AS own
    JOIN data_sources AS s ON s.id = own.source_id
    JOIN home_members AS m ON m.home_id = s.home_id AND m.access_level = 'admin' AND m.user_id <> OLD.id
    WHERE own.user_id = OLD.id AND own.access_level = 'admin'
      AND NOT EXISTS (
          SELECT FROM user_source_access AS other
          WHERE other.source_id = s.id AND other.user_id <> OLD.id AND other.access_level = 'admin'
      )
    ORDER BY s.id, m.granted_at, m.user_id
    ON CONFLICT (source_id, user_id) DO UPDATE SET access_level = 'admin';

    -- What the account alone administers goes with it.
    DELETE FROM data_sources AS s
    USING user_source_access AS a
    WHERE a.source_id = s.id AND a.user_id = OLD.id AND a.access_level = 'admin'
      AND NOT EXISTS (
          SELECT FROM user_source_access AS b
          WHERE b.source_id = s.id AND b.user_id <> OLD.id AND b.access_level = 'admin'
      );
    DELETE FROM homes AS h
    USING home_members AS m
    WHERE m.home_id = h.id AND m.user_id = OLD.id AND m.access_level = 'admin'
      AND NOT EXISTS (
          SELECT FROM home_members AS b
          WHERE b.home_id = h.id AND b.user_id <> OLD.id AND b.access_level = 'admin'
      );

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

CREATE OR REPLACE FUNCTION homelog.tg__keep_a_home_admin() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- As for sources: the home's row is the lock, and where it is gone its members go with it.
    PERFORM FROM homes WHERE id = OLD.home_id FOR NO KEY UPDATE;
    IF FOUND AND NOT EXISTS (
        SELECT FROM home_members WHERE home_id = OLD.home_id AND access_level = 'admin'
    ) THEN
        RAISE EXCEPTION 'A home keeps at least one admin.'
            USING ERRCODE = 'integrity_constraint_violation', TABLE = 'home_members',
                  CONSTRAINT = 'home_members_last_admin';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__keep_a_home_admin() IS 'Refuses to leave a home without an admin.';

CREATE OR REPLACE FUNCTION homelog.tg__keep_an_admin() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Two admins who remove each other at the same time must not both succeed: the source's row is the lock. Where
    -- it is gone the grant goes with it.
    PERFORM FROM data_sources WHERE id = OLD.source_id FOR NO KEY UPDATE;
    IF FOUND AND NOT EXISTS (
        SELECT FROM user_source_access WHERE source_id = OLD.source_id AND access_level = 'admin'
    ) THEN
        RAISE EXCEPTION 'A source keeps at least one admin.'
            USING ERRCODE = 'integrity_constraint_violation', TABLE = 'user_source_access',
                  CONSTRAINT = 'user_source_access_last_admin';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__keep_an_admin() IS 'Refuses to leave a source without an admin.';

DROP TRIGGER _110_lock_own_account ON users;
DROP TRIGGER _050_lock_followers ON data_sources;
DROP TRIGGER _050_lock_what_stands_there ON homes;

DROP FUNCTION homelog.tg__lock_own_account();
DROP FUNCTION homelog.lock_account(uuid);
DROP FUNCTION homelog.tg__lock_followers();
DROP FUNCTION homelog.tg__lock_what_stands_there();
DROP FUNCTION homelog.lock_source(uuid);
DROP FUNCTION homelog.lock_home(uuid);

COMMENT ON FUNCTION homelog.sum_up_days(uuid[], timestamptz[]) IS
    'Sums up the local days in which these hours lie, the n-th of the n-th source, from their readings as they are now '
    'and from hours that are summed up, when no other transaction writes to these. Days that are not dense lose their '
    'row, and so do those of another zone that overlap.';
