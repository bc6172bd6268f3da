-- A household is more than whoever made the home. Its members have a level there, which holds for every source and
-- plant that stands in it; a guest's ends by itself. Whoever made a home becomes its first member, an admin.
-- depends: 0015_refuse_truncate

SET LOCAL ROLE homelog_owner;

CREATE TABLE home_members (
    home_id       uuid          NOT NULL,
    user_id       uuid          NOT NULL,
    access_level  access_level  NOT NULL,
    expires_at    timestamptz,
    granted_at    timestamptz   NOT NULL DEFAULT now(),
    granted_by    uuid          DEFAULT homelog.current_user_id(),

    CONSTRAINT home_members_pkey PRIMARY KEY (home_id, user_id),
    CONSTRAINT home_members_home_id_fkey FOREIGN KEY (home_id) REFERENCES homes (id) ON DELETE CASCADE,
    CONSTRAINT home_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT home_members_granted_by_fkey FOREIGN KEY (granted_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT home_members_admin_stays CHECK (access_level <> 'admin' OR expires_at IS NULL),
    CONSTRAINT home_members_expires_at_range CHECK (
        expires_at >= '1970-01-01 00:00+00' AND expires_at < '10000-01-01 00:00+00'
    )
);

COMMENT ON TABLE home_members IS 'Who belongs to a home and what they may do with what stands there; one row for each pair.';
COMMENT ON COLUMN home_members.expires_at IS 'When a guest''s access ends; null for one who stays.';
COMMENT ON COLUMN home_members.granted_by IS 'Who invited them; null once that account is gone.';
COMMENT ON CONSTRAINT home_members_pkey ON home_members IS 'This person already belongs to this home.';
COMMENT ON CONSTRAINT home_members_home_id_fkey ON home_members IS 'This home does not exist.';
COMMENT ON CONSTRAINT home_members_user_id_fkey ON home_members IS 'This account does not exist.';
COMMENT ON CONSTRAINT home_members_granted_by_fkey ON home_members IS 'This account does not exist.';
COMMENT ON CONSTRAINT home_members_admin_stays ON home_members IS 'An admin''s access does not end by itself.';
COMMENT ON CONSTRAINT home_members_expires_at_range ON home_members IS 'Access ends between 1970 and the year 9999.';

COMMENT ON TABLE homes IS 'Places; whoever makes one is its first admin.';

CREATE INDEX home_members_user_id_idx ON home_members (user_id, home_id) INCLUDE (access_level, expires_at);
CREATE INDEX home_members_granted_by_idx ON home_members (granted_by);

INSERT INTO home_members (home_id, user_id, access_level, granted_at, granted_by)
SELECT id, created_by AS user_id, 'admin' AS access_level, created_at, created_by AS granted_by
FROM homes
WHERE created_by IS NOT NULL;

-- What a person's homes are, as before in one place each; now it is the members' rows that say it.
CREATE OR REPLACE FUNCTION homelog.readable_homes() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT home_id FROM home_members
        WHERE user_id = homelog.current_user_id() AND (expires_at IS NULL OR expires_at > now())
    );
END
$$;
CREATE OR REPLACE FUNCTION homelog.writable_homes() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT home_id FROM home_members
        WHERE user_id = homelog.current_user_id() AND access_level >= 'write'
          AND (expires_at IS NULL OR expires_at > now())
    );
END
$$;
CREATE OR REPLACE FUNCTION homelog.administered_homes() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT home_id FROM home_members
        WHERE user_id = homelog.current_user_id() AND access_level = 'admin'
    );
END
$$;

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
        SELECT array_agg(r.source_id),
               array_agg(r.source_id),
               array_agg(r.source_id) FILTER (WHERE r.access_level >= 'write'),
               array_agg(r.source_id) FILTER (WHERE r.access_level = 'admin')
        INTO readable, granted, writable, administered
        FROM (
            SELECT u.source_id, max(u.access_level) AS access_level
            FROM (
                SELECT a.source_id, a.access_level
                FROM user_source_access AS a
                WHERE a.user_id = caller
                UNION ALL
                SELECT s.id, m.access_level
                FROM home_members AS m
                JOIN data_sources AS s ON s.home_id = m.home_id
                WHERE m.user_id = caller AND (m.expires_at IS NULL OR m.expires_at > now())
            ) AS u
            GROUP BY u.source_id
        ) AS r;
    ELSIF cardinality(named) > 0 THEN
        SELECT array_agg(r.id),
               array_agg(r.id) FILTER (WHERE r.access_level IS NOT NULL),
               array_agg(r.id) FILTER (WHERE r.access_level >= 'write'),
               array_agg(r.id) FILTER (WHERE r.access_level = 'admin')
        INTO readable, granted, writable, administered
        FROM (
            SELECT s.id, s.is_public, greatest(a.access_level, m.access_level) AS access_level
            FROM data_sources AS s
            LEFT JOIN LATERAL (
                SELECT g.access_level
                FROM user_source_access AS g
                WHERE g.source_id = s.id AND g.user_id = caller
                LIMIT 1
            ) AS a ON true
            LEFT JOIN LATERAL (
                SELECT h.access_level
                FROM home_members AS h
                WHERE h.home_id = s.home_id AND h.user_id = caller AND (h.expires_at IS NULL OR h.expires_at > now())
                LIMIT 1
            ) AS m ON true
            WHERE s.id = ANY (named)
        ) AS r
        WHERE r.is_public OR r.access_level IS NOT NULL;
    END IF;

    -- All four every time: what an earlier call in this transaction set must not stay.
    PERFORM set_config('homelog.readable', coalesce(readable::text, ''), true),
            set_config('homelog.granted', coalesce(granted::text, ''), true),
            set_config('homelog.writable', coalesce(writable::text, ''), true),
            set_config('homelog.administered', coalesce(administered::text, ''), true);
END
$$;
COMMENT ON FUNCTION homelog.reach(uuid, uuid[]) IS
    'Settles which of the named sources the caller may read, write and administer, by a grant or as member of the home; '
    'null names all of them.';

CREATE FUNCTION homelog.tg__add_first_member() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO home_members (home_id, user_id, access_level) VALUES (NEW.id, NEW.created_by, 'admin');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__add_first_member() IS 'Makes whoever makes a home its first member, an admin.';

CREATE FUNCTION homelog.people_of_home(wanted uuid)
RETURNS TABLE (user_id uuid, email citext, display_name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT wanted = ANY (homelog.administered_homes()) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT u.id, u.email, u.display_name::text
    FROM home_members AS m
    JOIN users AS u ON u.id = m.user_id
    WHERE m.home_id = wanted;
END
$$;
COMMENT ON FUNCTION homelog.people_of_home(uuid) IS 'Names and e-mails of a home''s members, for its admins alone.';

CREATE FUNCTION homelog.find_invited(wanted_home uuid, wanted_id uuid, wanted_email citext)
RETURNS TABLE (user_id uuid, email citext, display_name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT wanted_home = ANY (homelog.administered_homes()) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT u.id, u.email, u.display_name::text
    FROM users AS u
    WHERE u.id = homelog.find_user(wanted_id, wanted_email);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'This account does not exist.'
            USING ERRCODE = 'foreign_key_violation', TABLE = 'home_members',
                  COLUMN = CASE WHEN wanted_id IS NULL THEN 'email' ELSE 'user_id' END,
                  CONSTRAINT = 'home_members_user_id_fkey';
    END IF;
END
$$;
COMMENT ON FUNCTION homelog.find_invited(uuid, uuid, citext) IS
    'The active account that an admin of a home names by id or e-mail to invite it; a foreign key violation where there '
    'is none, no row for anyone else who asks.';

-- Grants, and what comes of the home: who asks sees all of them or, not being an admin, nothing.
CREATE FUNCTION homelog.rights_to_source(wanted uuid)
RETURNS TABLE (
    user_id uuid, email citext, display_name text, access_level access_level, granted_at timestamptz, granted_by uuid,
    via text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT wanted = ANY (homelog.administered_sources()) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT a.user_id, u.email, u.display_name::text, a.access_level, a.granted_at, a.granted_by,
           CASE WHEN a.user_id = s.created_by THEN 'owner' ELSE 'grant' END
    FROM data_sources AS s
    JOIN user_source_access AS a ON a.source_id = s.id
    JOIN users AS u ON u.id = a.user_id
    WHERE s.id = wanted
    UNION ALL
    SELECT m.user_id, u.email, u.display_name::text, m.access_level, m.granted_at, m.granted_by, 'home'
    FROM data_sources AS s
    JOIN home_members AS m ON m.home_id = s.home_id AND (m.expires_at IS NULL OR m.expires_at > now())
    JOIN users AS u ON u.id = m.user_id
    WHERE s.id = wanted;
END
$$;
COMMENT ON FUNCTION homelog.rights_to_source(uuid) IS
    'Who may do what with a source and why: made it (owner), was granted it, or belongs to its home; for its admins alone.';

CREATE FUNCTION homelog.tg__keep_a_home_admin() RETURNS trigger
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

-- A definer, for whoever puts somebody else's plant out does not see it any more, and UPDATE asks that of them.
CREATE FUNCTION homelog.put_out_plant(wanted uuid) RETURNS plants
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    put_out plants;
BEGIN
    UPDATE plants AS p SET home_id = NULL
    WHERE p.id = wanted AND p.home_id = ANY (homelog.administered_homes()) AND homelog.current_token_id() IS NULL
    RETURNING p.* INTO put_out;
    RETURN put_out;
END
$$;
COMMENT ON FUNCTION homelog.put_out_plant(uuid) IS
    'Takes a plant out of a home that the caller administers: it is then its owner''s alone. Answers it; null where the '
    'caller may not.';

CREATE FUNCTION homelog.tg__check_owners_home() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF homelog.current_user_id() <> NEW.user_id AND NOT EXISTS (
        SELECT FROM home_members AS m
        WHERE m.home_id = NEW.home_id AND m.user_id = NEW.user_id AND (m.expires_at IS NULL OR m.expires_at > now())
    ) THEN
        RAISE EXCEPTION 'Somebody else''s plant can go only into a home that its owner belongs to.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'home_id',
                  CONSTRAINT = 'plants_home_id_owners';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION homelog.tg__check_owners_home() IS
    'Refuses to carry somebody else''s plant into a home that its owner does not belong to.';

CREATE FUNCTION homelog.tg__check_expiry() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'Access can end only in the future; to end it now, remove the member.'
        USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'expires_at',
              CONSTRAINT = 'home_members_expires_at_future';
END
$$;
COMMENT ON FUNCTION homelog.tg__check_expiry() IS 'Refuses a guest whose access would be over at once.';

CREATE FUNCTION homelog.tg__renew_guest() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    NEW.granted_at := now();
    NEW.granted_by := homelog.current_user_id();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION homelog.tg__renew_guest() IS 'A guest whose access had ended and who is invited again was granted it now.';

-- A membership has no id: what changed in one is told with its home.
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
        IF TG_NARGS > 5 THEN
            told := jsonb_build_object(TG_ARGV[5], new_row -> TG_ARGV[5]) || told;
        END IF;
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
    'source''s id, or the empty word; then values, or names where personal data must stay out; then, where a row has no '
    'id of its own, the column that says beside user_id which it is.';

-- lock: SHARE ROW EXCLUSIVE on plants, for the moment that it takes to note the trigger.
CREATE TRIGGER _051_check_owners_home
    BEFORE UPDATE ON plants
    FOR EACH ROW WHEN (NEW.home_id IS NOT NULL AND NEW.home_id IS DISTINCT FROM OLD.home_id)
    EXECUTE FUNCTION homelog.tg__check_owners_home();
-- After _900_audit: the log tells of the home before its first member.
CREATE TRIGGER _950_add_first_member
    AFTER INSERT ON homes
    FOR EACH ROW WHEN (NEW.created_by IS NOT NULL)
    EXECUTE FUNCTION homelog.tg__add_first_member();
CREATE TRIGGER _050_check_expiry
    BEFORE INSERT OR UPDATE OF expires_at ON home_members
    FOR EACH ROW WHEN (NEW.expires_at <= now())
    EXECUTE FUNCTION homelog.tg__check_expiry();
CREATE TRIGGER _060_renew_guest
    BEFORE UPDATE ON home_members
    FOR EACH ROW WHEN (OLD.expires_at <= now() AND (NEW.expires_at <= now()) IS NOT TRUE)
    EXECUTE FUNCTION homelog.tg__renew_guest();
CREATE TRIGGER _500_keep_an_admin_delete
    AFTER DELETE ON home_members
    FOR EACH ROW WHEN (OLD.access_level = 'admin')
    EXECUTE FUNCTION homelog.tg__keep_a_home_admin();
CREATE TRIGGER _500_keep_an_admin_update
    AFTER UPDATE ON home_members
    FOR EACH ROW WHEN (OLD.access_level = 'admin' AND NEW.access_level <> 'admin')
    EXECUTE FUNCTION homelog.tg__keep_a_home_admin();
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON home_members
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
CREATE TRIGGER _900_audit
    AFTER INSERT OR UPDATE OR DELETE ON home_members
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('add_member', 'change_member', 'remove_member', '', 'values', 'home_id');

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
COMMENT ON FUNCTION homelog.tg__leave_nothing_orphaned() IS
    'Before an account goes: passes on what stands in a home that others administer too, deletes what it alone '
    'administers, and takes its name off the readings that stay.';

-- An heir's account is asked for by a foreign key: two who are each other's heirs would wait for each other, so one
-- account goes at a time. A statement's trigger comes before the account's row is locked.
CREATE FUNCTION homelog.tg__go_one_by_one() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('homelog: an account goes'));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__go_one_by_one() IS 'Waits until no other account is being deleted.';
-- lock: SHARE ROW EXCLUSIVE on users, which the foreign keys above hold already.
CREATE TRIGGER _100_go_one_by_one
    BEFORE DELETE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__go_one_by_one();

ALTER TABLE home_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE home_members FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON home_members TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON home_members IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON home_members FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON home_members IS 'Operators read all.';
CREATE POLICY select_reader ON home_members FOR SELECT TO homelog_api USING (
    (SELECT homelog.is_unbound())
    AND (
        user_id = (SELECT homelog.current_user_id())
        OR home_id = ANY ((SELECT homelog.administered_homes())::uuid[])
    )
);
COMMENT ON POLICY select_reader ON home_members IS 'One sees one''s own memberships, and all of the homes that one administers.';
CREATE POLICY insert_admin ON home_members FOR INSERT TO homelog_api
    WITH CHECK (home_id = ANY ((SELECT homelog.administered_homes())::uuid[]));
COMMENT ON POLICY insert_admin ON home_members IS 'A home''s admins invite members.';
CREATE POLICY update_admin ON home_members FOR UPDATE TO homelog_api
    USING (home_id = ANY ((SELECT homelog.administered_homes())::uuid[]));
COMMENT ON POLICY update_admin ON home_members IS 'A home''s admins change what members may do.';
CREATE POLICY delete_admin ON home_members FOR DELETE TO homelog_api USING (
    user_id = (SELECT homelog.current_user_id())
    OR home_id = ANY ((SELECT homelog.administered_homes())::uuid[])
);
COMMENT ON POLICY delete_admin ON home_members IS 'A home''s admins remove members; anyone leaves by themselves.';

-- INSERT … RETURNING must see the row that its own statement made, before the trigger has made its first member.
-- lock: ACCESS EXCLUSIVE on homes, for one row of the catalogue; nothing is scanned.
ALTER POLICY select_reader ON homes USING (
    (SELECT homelog.is_unbound())
    AND (
        (created_by = (SELECT homelog.current_user_id()) AND created_at = now())
        OR id = ANY ((SELECT homelog.readable_homes())::uuid[])
    )
);
COMMENT ON POLICY select_reader ON homes IS 'One sees the homes that one belongs to, and the one that one is just making.';

GRANT EXECUTE ON FUNCTION
    homelog.people_of_home(uuid),
    homelog.find_invited(uuid, uuid, citext),
    homelog.rights_to_source(uuid),
    homelog.put_out_plant(uuid)
    TO homelog_api;
GRANT SELECT ON home_members TO homelog_api, homelog_ops;
GRANT INSERT (home_id, user_id, access_level, expires_at) ON home_members TO homelog_api;
GRANT UPDATE (access_level, expires_at) ON home_members TO homelog_api;
GRANT DELETE ON home_members TO homelog_api;
