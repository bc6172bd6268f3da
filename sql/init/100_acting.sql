-- What crosses a privilege line: taking on an identity, making accounts and sources, looking accounts up.

SET ROLE homelog_owner;

CREATE FUNCTION homelog.act_as(caller uuid, named uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF caller IS NOT NULL AND NOT EXISTS (SELECT FROM users WHERE id = caller AND is_active) THEN
        RAISE EXCEPTION 'This account is not there any more.' USING ERRCODE = 'HL401';
    END IF;

    PERFORM set_config('homelog.user_id', coalesce(caller::text, ''), true);
    PERFORM homelog.reach(caller, named);
END
$$;
COMMENT ON FUNCTION homelog.act_as(uuid, uuid[]) IS
    'Takes on an identity for this transaction: nobody (null), or an active account, else SQLSTATE HL401. For DBAs, who '
    'SET ROLE homelog_api afterwards to see what somebody sees; the service must name a session.';

-- Planned once a connection: the planner would otherwise hold a new plan for each array cheaper, and every request
-- would pay for it.
CREATE FUNCTION homelog.reach(caller uuid, named uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    readable     uuid[];
    granted      uuid[];
    writable     uuid[];
    administered uuid[];
BEGIN
    IF named IS NULL THEN
        SELECT array_agg(a.source_id),
               array_agg(a.source_id),
               array_agg(a.source_id) FILTER (WHERE a.access_level >= 'write'),
               array_agg(a.source_id) FILTER (WHERE a.access_level = 'admin')
        INTO readable, granted, writable, administered
        FROM user_source_access AS a
        WHERE a.user_id = caller;
    ELSIF cardinality(named) > 0 THEN
        SELECT array_agg(s.id),
               array_agg(s.id) FILTER (WHERE a.access_level IS NOT NULL),
               array_agg(s.id) FILTER (WHERE a.access_level >= 'write'),
               array_agg(s.id) FILTER (WHERE a.access_level = 'admin')
        INTO readable, granted, writable, administered
        FROM data_sources AS s
        LEFT JOIN user_source_access AS a ON a.source_id = s.id AND a.user_id = caller
        WHERE s.id = ANY (named) AND (s.is_public OR a.access_level IS NOT NULL);
    END IF;

    -- All five every time: what an earlier call in this transaction set must not stay.
    PERFORM set_config('homelog.readable', coalesce(readable::text, ''), true),
            set_config('homelog.granted', coalesce(granted::text, ''), true),
            set_config('homelog.writable', coalesce(writable::text, ''), true),
            set_config('homelog.administered', coalesce(administered::text, ''), true);
END
$$;
COMMENT ON FUNCTION homelog.reach(uuid, uuid[]) IS
    'Settles which of the named sources the caller may read, write and administer; null names all that were granted.';

CREATE FUNCTION homelog.register_user(
    new_id uuid, new_email citext, new_display_name text, new_password_hash text
) RETURNS users
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    made users;
BEGIN
    -- Two people who register first at the same time must not both become admin.
    IF NOT EXISTS (SELECT FROM users) THEN
        PERFORM pg_advisory_xact_lock(hashtext('homelog: the first account'));
    END IF;

    PERFORM set_config('homelog.user_id', new_id::text, true);
    INSERT INTO users (id, email, display_name, role)
    VALUES (new_id, new_email, new_display_name,
            CASE WHEN EXISTS (SELECT FROM users) THEN 'operator' ELSE 'admin' END)
    RETURNING * INTO made;
    INSERT INTO user_passwords (user_id, password_hash) VALUES (new_id, new_password_hash);
    RETURN made;
END
$$;
COMMENT ON FUNCTION homelog.register_user(uuid, citext, text, text) IS
    'Makes an account with a password and acts as it for the rest of the transaction; the first account is made admin.';

CREATE FUNCTION homelog.find_credentials(wanted citext)
RETURNS TABLE (user_id uuid, password_hash text, is_temporary boolean, is_active boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT u.id, p.password_hash, p.is_temporary, u.is_active
    FROM users AS u
    JOIN user_passwords AS p ON p.user_id = u.id
    WHERE u.email = wanted;
END
$$;
COMMENT ON FUNCTION homelog.find_credentials(citext) IS
    'What sign-in needs to check a password: by e-mail, whatever its case. The hash never leaves the service.';

CREATE FUNCTION homelog.own_credentials() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN (SELECT p.password_hash FROM user_passwords AS p WHERE p.user_id = homelog.current_user_id());
END
$$;
COMMENT ON FUNCTION homelog.own_credentials() IS 'The caller''s own password hash, to check the current password.';

CREATE FUNCTION homelog.set_own_password(new_hash text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO user_passwords AS p (user_id, password_hash)
    VALUES (homelog.current_user_id(), new_hash)
    ON CONFLICT (user_id) DO UPDATE
        SET password_hash = excluded.password_hash, is_temporary = false, created_at = now();
    INSERT INTO audit_logs (user_id, event_type) VALUES (homelog.current_user_id(), 'change_password');
END
$$;
COMMENT ON FUNCTION homelog.set_own_password(text) IS 'Gives the caller a new password, which is not temporary.';

CREATE FUNCTION homelog.rehash_password(owner uuid, old_hash text, new_hash text) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    UPDATE user_passwords SET password_hash = new_hash WHERE user_id = owner AND password_hash = old_hash;
$$;
COMMENT ON FUNCTION homelog.rehash_password(uuid, text, text) IS
    'Stores the same password under stronger parameters, unless it was changed meanwhile.';

CREATE FUNCTION homelog.record_login(owner uuid, details jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    UPDATE users SET last_login_at = now() WHERE id = owner;
    INSERT INTO audit_logs (user_id, event_type, details) VALUES (owner, 'login', record_login.details);
END
$$;
COMMENT ON FUNCTION homelog.record_login(uuid, jsonb) IS 'Notes that somebody signed in.';

CREATE FUNCTION homelog.record_view(viewed uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    caller uuid := homelog.current_user_id();
BEGIN
    -- Two first views at once, in whichever workers, write one row; only the owner sees the views of nobody.
    PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(' views ', caller, viewed), 0));
    INSERT INTO audit_logs (user_id, source_id, event_type)
    SELECT caller, viewed, 'view_source'
    WHERE viewed = ANY (homelog.readable_sources())
      AND NOT EXISTS (
          SELECT FROM audit_logs AS l
          WHERE l.source_id = viewed AND l.user_id IS NOT DISTINCT FROM caller
            AND l.event_type = 'view_source' AND l.event_time > now() - interval '1 hour'
      );
END
$$;
COMMENT ON FUNCTION homelog.record_view(uuid) IS 'Notes that the caller saw a source, at most once an hour.';

CREATE FUNCTION homelog.find_user(wanted_id uuid, wanted_email citext) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT u.id FROM users AS u
        WHERE u.is_active AND ((wanted_id IS NOT NULL AND u.id = wanted_id)
                               OR (wanted_id IS NULL AND u.email = wanted_email))
    );
END
$$;
COMMENT ON FUNCTION homelog.find_user(uuid, citext) IS
    'The active account with this id or e-mail, null if there is none: whom a grant is for.';

CREATE FUNCTION homelog.people_of_source(wanted uuid)
RETURNS TABLE (user_id uuid, email citext, display_name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT wanted = ANY (homelog.administered_sources()) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT u.id, u.email, u.display_name::text
    FROM user_source_access AS a
    JOIN users AS u ON u.id = a.user_id
    WHERE a.source_id = wanted;
END
$$;
COMMENT ON FUNCTION homelog.people_of_source(uuid) IS
    'Names and e-mails of those who were granted a source, for its admins alone.';

CREATE FUNCTION homelog.zone_of_source(wanted uuid) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT h.timezone
        FROM data_sources AS s
        JOIN homes AS h ON h.id = s.home_id
        WHERE s.id = wanted AND s.id = ANY (homelog.readable_sources())
    );
END
$$;
COMMENT ON FUNCTION homelog.zone_of_source(uuid) IS
    'The time zone of the home that a readable source stands in: whoever was granted the source counts its days, '
    'though they may not see the home.';

CREATE FUNCTION homelog.create_source(
    new_id uuid, name text, description text, source_type text, unit text, kind source_kind, home_id uuid,
    meter_number text, place_name text, address text, thumbnail_url text, is_public boolean
) RETURNS TABLE (verdict text, source data_sources)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    caller uuid := homelog.current_user_id();
    made   data_sources;
    stored data_sources;
BEGIN
    IF caller IS NULL THEN
        RAISE EXCEPTION 'Nobody is signed in.' USING ERRCODE = 'HL401';
    END IF;

    -- A deleted source's audit stays, and whoever had its id anew would administer that: the id stays with who made it.
    IF EXISTS (
        SELECT FROM audit_logs AS l
        WHERE l.source_id = new_id AND l.event_type = 'create_source' AND l.user_id IS DISTINCT FROM caller
    ) THEN
        RETURN QUERY SELECT 'conflict', NULL::data_sources;
        RETURN;
    END IF;

    INSERT INTO data_sources (id, name, description, source_type, unit, kind, home_id, meter_number, place_name,
                              address, thumbnail_url, is_public)
    VALUES (coalesce(new_id, uuidv7()), create_source.name, create_source.description, create_source.source_type,
            create_source.unit, create_source.kind, create_source.home_id, create_source.meter_number,
            create_source.place_name, create_source.address, create_source.thumbnail_url, create_source.is_public)
    ON CONFLICT (id) DO NOTHING
    RETURNING * INTO made;

    IF made.id IS NOT NULL THEN
        INSERT INTO user_source_access (user_id, source_id, access_level) VALUES (caller, made.id, 'admin');
        RETURN QUERY SELECT 'created', made;
        RETURN;
    END IF;

    -- The id is taken. A new statement sees whoever took it, even one that committed while this one waited.
    SELECT s.* INTO stored
    FROM data_sources AS s
    WHERE s.id = new_id
      AND s.created_by = caller
      AND EXISTS (SELECT FROM user_source_access AS a WHERE (a.source_id, a.user_id) = (s.id, caller))
      AND (s.name, s.description, s.source_type, s.unit, s.kind, s.home_id, s.meter_number, s.place_name,
           s.address, s.thumbnail_url, s.is_public)
          IS NOT DISTINCT FROM
          (create_source.name, create_source.description, create_source.source_type, create_source.unit,
           create_source.kind, create_source.home_id, create_source.meter_number, create_source.place_name,
           create_source.address, create_source.thumbnail_url, create_source.is_public);
    IF stored.id IS NOT NULL THEN
        RETURN QUERY SELECT 'stored', stored;
    ELSE
        RETURN QUERY SELECT 'conflict', NULL::data_sources;
    END IF;
END
$$;
COMMENT ON FUNCTION homelog.create_source(
    uuid, text, text, text, text, source_kind, uuid, text, text, text, text, boolean
) IS
    'Makes a source that the caller administers, in one step because INSERT … RETURNING cannot see what it makes '
    'visible. Verdict: created, stored (the caller already made it so) or conflict.';

CREATE FUNCTION homelog.tg__leave_nothing_orphaned() RETURNS trigger
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
COMMENT ON FUNCTION homelog.tg__leave_nothing_orphaned() IS
    'Before an account goes: deletes what it alone administers and takes its name off the readings that stay.';

CREATE TRIGGER _500_leave_nothing_orphaned
    BEFORE DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_nothing_orphaned();

GRANT EXECUTE ON FUNCTION
    homelog.register_user(uuid, citext, text, text),
    homelog.find_credentials(citext),
    homelog.own_credentials(),
    homelog.rehash_password(uuid, text, text),
    homelog.record_view(uuid),
    homelog.people_of_source(uuid),
    homelog.zone_of_source(uuid),
    homelog.create_source(uuid, text, text, text, text, source_kind, uuid, text, text, text, text, boolean)
    TO homelog_api;

RESET ROLE;
