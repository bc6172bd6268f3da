-- Two things about those who belong to a home.
-- Whoever takes several locks takes them in one order (ARCHITECTURE.md says which), so that no two wait for each other:
-- deletions now lock what they will change before they change it, and the service can lock a home before its members.
-- And an account that is not active neither counts as the admin whom a home or source keeps nor inherits while one that
-- is active could. Those that are without an active admin already stay as they are.
-- depends: 0023_mend_undo

SET LOCAL ROLE homelog_owner;

-- The order of locks

CREATE FUNCTION homelog.lock_home(wanted uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- As homelog.tg__leave_member_tombstone() locks it: a lock that grows later is two locks.
    PERFORM FROM homes WHERE id = wanted AND id = ANY (homelog.readable_homes()) FOR UPDATE;
END
$$;
COMMENT ON FUNCTION homelog.lock_home(uuid) IS
    'Locks a home that the caller sees, before its members are changed: what the next statement decides, it decides upon '
    'what whoever came before has left.';

CREATE FUNCTION homelog.lock_source(wanted uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- No stronger than homelog.tg__keep_an_admin() does: readings go on coming.
    PERFORM FROM data_sources WHERE id = wanted AND id = ANY (homelog.granted_sources()) FOR NO KEY UPDATE;
END
$$;
COMMENT ON FUNCTION homelog.lock_source(uuid) IS
    'Locks a source that was granted to the caller or stands in a home of theirs, before its grants are changed.';

CREATE FUNCTION homelog.tg__lock_what_stands_there() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM FROM data_sources WHERE home_id = OLD.id ORDER BY id FOR NO KEY UPDATE;
    PERFORM FROM plants WHERE home_id = OLD.id ORDER BY id FOR NO KEY UPDATE;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION homelog.tg__lock_what_stands_there() IS
    'Locks the sources and plants of a home that goes in the order of their ids: its foreign keys reach them in any.';

CREATE FUNCTION homelog.tg__lock_followers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM FROM plants WHERE moisture_source_id = OLD.id ORDER BY id FOR NO KEY UPDATE;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION homelog.tg__lock_followers() IS
    'Locks the plants that follow a source that goes in the order of their ids: its foreign key reaches them in any.';

CREATE FUNCTION homelog.lock_account(going uuid) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
-- Who has locked half of it keeps others waiting: better it gives up and comes again.
SET lock_timeout = '2s'
AS $$
BEGIN
    -- Wherever it may be writing just now, so that its last readings are seen; where it only reads nobody waits for it.
    PERFORM homelog.take_turns(ARRAY(
        SELECT a.source_id FROM user_source_access AS a WHERE a.user_id = going AND a.access_level >= 'write'
        UNION
        SELECT there.id
        FROM home_members AS m
        JOIN data_sources AS there ON there.home_id = m.home_id
        WHERE m.user_id = going AND m.access_level >= 'write'
        UNION
        SELECT l.source_id FROM audit_logs AS l WHERE l.user_id = going AND l.event_type = 'create_entry'
    ));

    -- Two admins of one home or source who go at once: the second waits here, and then sees that it is the last.
    PERFORM
    FROM homes AS h
    WHERE h.id IN (
        SELECT m.home_id FROM home_members AS m WHERE m.user_id = going
        UNION ALL
        SELECT m.home_id FROM home_members AS m WHERE m.granted_by = going
        UNION ALL
        SELECT made.id FROM homes AS made WHERE made.created_by = going
    )
    ORDER BY h.id
    FOR UPDATE;
    PERFORM
    FROM data_sources AS s
    WHERE s.id IN (
        SELECT a.source_id FROM user_source_access AS a WHERE a.user_id = going
        UNION ALL
        SELECT a.source_id FROM user_source_access AS a WHERE a.granted_by = going
        UNION ALL
        SELECT made.id FROM data_sources AS made WHERE made.created_by = going
        UNION ALL
        SELECT there.id
        FROM data_sources AS there
        JOIN home_members AS m ON m.home_id = there.home_id
        WHERE m.user_id = going AND m.access_level = 'admin'
    )
    ORDER BY s.id
    FOR NO KEY UPDATE;
    -- Those that may go with it; readings of the others go on coming.
    PERFORM
    FROM data_sources AS s
    WHERE s.id IN (SELECT a.source_id FROM user_source_access AS a WHERE a.user_id = going AND a.access_level = 'admin')
    ORDER BY s.id
    FOR UPDATE;
    PERFORM
    FROM plants AS p
    WHERE p.id IN (
        SELECT own.id FROM plants AS own WHERE own.user_id = going
        UNION ALL
        SELECT there.id
        FROM plants AS there
        JOIN home_members AS m ON m.home_id = there.home_id
        WHERE m.user_id = going AND m.access_level = 'admin'
        UNION ALL
        SELECT following.id
        FROM plants AS following
        JOIN user_source_access AS a ON a.source_id = following.moisture_source_id
        WHERE a.user_id = going AND a.access_level = 'admin'
        UNION ALL
        SELECT c.plant_id FROM care_events AS c WHERE c.user_id = going
        UNION ALL
        SELECT g.plant_id FROM growth_measurements AS g WHERE g.user_id = going
    )
    ORDER BY p.id
    FOR UPDATE;
END
$$;
COMMENT ON FUNCTION homelog.lock_account(uuid) IS
    'Locks, in the one order of locks, all that changes when an account goes. The account itself comes last, for all that '
    'somebody writes refers to theirs: so whoever deletes an account calls this before.';

-- A statement's trigger comes before the account's row is locked, but does not know whose it is. The service deletes the
-- caller's.
CREATE FUNCTION homelog.tg__lock_own_account() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM homelog.lock_account(homelog.current_user_id());
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__lock_own_account() IS 'Locks what changes when one deletes one''s own account.';

-- lock: SHARE ROW EXCLUSIVE on users, homes and data_sources, for a change of the catalogue alone: writers wait for
-- milliseconds.
CREATE TRIGGER _110_lock_own_account
    BEFORE DELETE ON users
    FOR EACH STATEMENT WHEN (current_user = 'homelog_api')
    EXECUTE FUNCTION homelog.tg__lock_own_account();
CREATE TRIGGER _050_lock_what_stands_there
    BEFORE DELETE ON homes
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__lock_what_stands_there();
CREATE TRIGGER _050_lock_followers
    BEFORE DELETE ON data_sources
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__lock_followers();

-- Accounts that are not active

-- Who went may have been deactivated, or deleted with their account: then what is left is no less than there was, and any
-- admin will do, who may be active again some day.
CREATE OR REPLACE FUNCTION homelog.tg__keep_an_admin() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Two admins who remove each other at the same time must not both succeed: the source's row is the lock. Where
    -- it is gone the grant goes with it.
    PERFORM FROM data_sources WHERE id = OLD.source_id FOR NO KEY UPDATE;
    IF FOUND AND NOT EXISTS (
        SELECT
        FROM user_source_access AS a
        JOIN users AS u ON u.id = a.user_id
        WHERE a.source_id = OLD.source_id AND a.access_level = 'admin'
          AND (u.is_active OR NOT EXISTS (SELECT FROM users AS gone WHERE gone.id = OLD.user_id AND gone.is_active))
    ) THEN
        RAISE EXCEPTION 'A source keeps at least one admin whose account is active.'
            USING ERRCODE = 'integrity_constraint_violation', TABLE = 'user_source_access',
                  CONSTRAINT = 'user_source_access_last_admin';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__keep_an_admin() IS
    'Refuses to leave a source without an admin, or with none but such whose accounts are not active.';

CREATE OR REPLACE FUNCTION homelog.tg__keep_a_home_admin() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- As for sources: the home's row is the lock, and where it is gone its members go with it.
    PERFORM FROM homes WHERE id = OLD.home_id FOR NO KEY UPDATE;
    IF FOUND AND NOT EXISTS (
        SELECT
        FROM home_members AS m
        JOIN users AS u ON u.id = m.user_id
        WHERE m.home_id = OLD.home_id AND m.access_level = 'admin'
          AND (u.is_active OR NOT EXISTS (SELECT FROM users AS gone WHERE gone.id = OLD.user_id AND gone.is_active))
    ) THEN
        RAISE EXCEPTION 'A home keeps at least one admin whose account is active.'
            USING ERRCODE = 'integrity_constraint_violation', TABLE = 'home_members',
                  CONSTRAINT = 'home_members_last_admin';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__keep_a_home_admin() IS
    'Refuses to leave a home without an admin, or with none but such whose accounts are not active.';

CREATE OR REPLACE FUNCTION homelog.tg__leave_nothing_orphaned() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM homelog.lock_account(OLD.id);

    -- What stands in a home with another admin passes to that admin: of several to one whose account is active, and of
    -- these to the one of longest standing.
    UPDATE plants AS p SET user_id = heir.user_id
    FROM (
        SELECT DISTINCT ON (m.home_id) m.home_id, m.user_id
        FROM home_members AS m
        JOIN users AS u ON u.id = m.user_id
        WHERE m.home_id IN (SELECT own.home_id FROM plants AS own WHERE own.user_id = OLD.id)
          AND m.access_level = 'admin' AND m.user_id <> OLD.id
        ORDER BY m.home_id, u.is_active DESC, m.granted_at, m.user_id
    ) AS heir
    WHERE p.user_id = OLD.id AND p.home_id = heir.home_id;
    INSERT INTO user_source_access AS a (user_id, source_id, access_level)
    SELECT DISTINCT ON (s.id) m.user_id, s.id, 'admin'::access_level
    FROM user_source_access AS own
    JOIN data_sources AS s ON s.id = own.source_id
    JOIN home_members AS m ON m.home_id = s.home_id AND m.access_level = 'admin' AND m.user_id <> OLD.id
    JOIN users AS u ON u.id = m.user_id
    WHERE own.user_id = OLD.id AND own.access_level = 'admin'
      -- One who is active inherits it also from one who is not.
      AND NOT EXISTS (
          SELECT
          FROM user_source_access AS other
          JOIN users AS o ON o.id = other.user_id
          WHERE other.source_id = s.id AND other.user_id <> OLD.id AND other.access_level = 'admin'
            AND o.is_active >= u.is_active
      )
    ORDER BY s.id, u.is_active DESC, m.granted_at, m.user_id
    ON CONFLICT (source_id, user_id) DO UPDATE SET access_level = 'admin';

    -- What the account alone administers goes with it. What somebody else does who is not active now stays: they may be
    -- again, and what is deleted does not come back.
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

GRANT EXECUTE ON FUNCTION homelog.lock_home(uuid), homelog.lock_source(uuid) TO homelog_api;

-- In words that need nothing read before.
COMMENT ON FUNCTION homelog.sum_up_days(uuid[], timestamptz[]) IS
    'Sums up local days anew: those in which the given hours lie, the n-th hour of the n-th source. Waits for whoever '
    'writes to these sources; takes whole hours from reading_hours and what is left of a day from its readings. A day '
    'with fewer than ten readings that are not bad loses its row, and so does a day of another zone that overlaps one of '
    'these.';
