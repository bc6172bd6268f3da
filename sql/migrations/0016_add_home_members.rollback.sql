-- Undoes 0016_add_home_members. Members and guests are forgotten: a home is its maker's again, and what stood there is theirs who had it directly.
-- What passed to another admin stays theirs.

SET LOCAL ROLE homelog_owner;

ALTER POLICY select_reader ON homes USING (
    (SELECT homelog.is_unbound())
    AND (
        created_by = (SELECT homelog.current_user_id())
        OR id = ANY ((SELECT homelog.readable_homes())::uuid[])
    )
);
COMMENT ON POLICY select_reader ON homes IS 'One sees the homes that one may read.';
COMMENT ON TABLE homes IS 'Places; whoever made one administers it.';
DROP TRIGGER _950_add_first_member ON homes;
DROP TRIGGER _051_check_owners_home ON plants;
DROP TRIGGER _100_go_one_by_one ON users;

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
CREATE OR REPLACE FUNCTION homelog.reach(caller uuid, named uuid[]) RETURNS void
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
        LEFT JOIN LATERAL (
            SELECT g.access_level
            FROM user_source_access AS g
            WHERE g.source_id = s.id AND g.user_id = caller
            LIMIT 1
        ) AS a ON true
        WHERE s.id = ANY (named) AND (s.is_public OR a.access_level IS NOT NULL);
    END IF;

    -- All four every time: what an earlier call in this transaction set must not stay.
    PERFORM set_config('homelog.readable', coalesce(readable::text, ''), true),
            set_config('homelog.granted', coalesce(granted::text, ''), true),
            set_config('homelog.writable', coalesce(writable::text, ''), true),
            set_config('homelog.administered', coalesce(administered::text, ''), true);
END
$$;
COMMENT ON FUNCTION homelog.reach(uuid, uuid[]) IS
    'Settles which of the named sources the caller may read, write and administer; null names all that were granted.';
CREATE OR REPLACE FUNCTION homelog.readable_homes() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(SELECT id FROM homes WHERE created_by = homelog.current_user_id());
END
$$;
CREATE OR REPLACE FUNCTION homelog.writable_homes() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(SELECT id FROM homes WHERE created_by = homelog.current_user_id());
END
$$;
CREATE OR REPLACE FUNCTION homelog.administered_homes() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(SELECT id FROM homes WHERE created_by = homelog.current_user_id());
END
$$;

DROP FUNCTION homelog.put_out_plant(uuid);
DROP FUNCTION homelog.rights_to_source(uuid);
DROP FUNCTION homelog.find_invited(uuid, uuid, citext);
DROP FUNCTION homelog.people_of_home(uuid);
DROP TABLE home_members;
DROP FUNCTION homelog.tg__check_owners_home();
DROP FUNCTION homelog.tg__check_expiry();
DROP FUNCTION homelog.tg__renew_guest();
DROP FUNCTION homelog.tg__go_one_by_one();
DROP FUNCTION homelog.tg__keep_a_home_admin();
DROP FUNCTION homelog.tg__add_first_member();

CREATE OR REPLACE FUNCTION homelog.tg__audit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    event     text := CASE TG_OP WHEN 'INSERT' THEN TG_ARGV[0] WHEN 'UPDATE' THEN TG_ARGV[1] ELSE TG_ARGV[2] END;
    source    text := TG_ARGV[3];
    values_in boolean := TG_ARGV[4] = 'values';
    old_row   jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - 'updated_at' END;
    new_row   jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - 'updated_at' END;
    told      jsonb;
BEGIN
    -- What goes because its source went is told by the one delete_source row.
    IF TG_OP = 'DELETE' AND source <> '' AND NOT EXISTS (
        SELECT FROM data_sources AS s WHERE s.id = (old_row ->> source)::uuid
    ) THEN
        RETURN NULL;
    END IF;

    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(key, jsonb_build_object('old', old_row -> key, 'new', new_row -> key))
        INTO told
        FROM jsonb_object_keys(new_row) AS key
        WHERE old_row -> key IS DISTINCT FROM new_row -> key AND key <> 'last_login_at';

        IF told IS NULL THEN
            RETURN NULL;
        END IF;
        IF NOT values_in THEN
            told := jsonb_build_object('changed', (SELECT jsonb_agg(key ORDER BY key) FROM jsonb_object_keys(told) AS key));
        END IF;
        told := told || jsonb_strip_nulls(jsonb_build_object('id', new_row -> 'id', 'user_id', new_row -> 'user_id'));
    ELSIF values_in THEN
        told := jsonb_strip_nulls(coalesce(new_row, old_row));
    ELSE
        told := jsonb_build_object('id', coalesce(new_row, old_row) -> 'id');
    END IF;

    INSERT INTO audit_logs (user_id, source_id, event_type, details)
    VALUES (homelog.current_user_id(), (coalesce(new_row, old_row) ->> nullif(source, ''))::uuid, event, told);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__audit() IS
    'Writes one audit row a changed row. Arguments: the events of insert, update and delete; the column that holds the '
    'source''s id, or the empty word; then values, or names where personal data must stay out.';
