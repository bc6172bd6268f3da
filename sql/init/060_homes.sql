-- Homes: a place with a time zone, where a household's sources and plants stand.

SET ROLE homelog_owner;

CREATE TABLE homes (
    id          uuid          PRIMARY KEY DEFAULT uuidv7(),
    name        varchar(100)  NOT NULL,
    address     text,
    timezone    varchar(50)   NOT NULL DEFAULT 'UTC',
    created_at  timestamptz   NOT NULL DEFAULT now(),
    updated_at  timestamptz   NOT NULL DEFAULT now(),
    created_by  uuid          DEFAULT homelog.current_user_id(),

    CONSTRAINT homes_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT homes_name_not_blank CHECK (name ~ '[^[:space:]]'),
    CONSTRAINT homes_address_length CHECK (length(address) <= 500)
);

COMMENT ON TABLE homes IS 'Places; whoever made one administers it.';
COMMENT ON COLUMN homes.timezone IS 'An IANA name of PostgreSQL''s own list: the days and months of what stands here.';
COMMENT ON COLUMN homes.created_by IS 'Who made it; null once that account is gone.';
COMMENT ON CONSTRAINT homes_created_by_fkey ON homes IS 'This account does not exist.';
COMMENT ON CONSTRAINT homes_name_not_blank ON homes IS 'A home needs a name.';
COMMENT ON CONSTRAINT homes_address_length ON homes IS 'An address has at most 500 characters.';

CREATE INDEX homes_created_by_idx ON homes (created_by);

CREATE FUNCTION homelog.is_timezone(name text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM pg_timezone_names AS known
        WHERE known.name = is_timezone.name
          AND known.name !~ '^(posix|right)/|^(posixrules|localtime|Factory)$'
    );
END
$$;
COMMENT ON FUNCTION homelog.is_timezone(text) IS
    'Whether PostgreSQL knows this IANA zone by exactly this name; AT TIME ZONE alone would take FOO3 as an offset.';

CREATE FUNCTION homelog.tg__check_timezone() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT homelog.is_timezone(NEW.timezone) THEN
        RAISE EXCEPTION 'A time zone is an IANA name such as Europe/Copenhagen.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'timezone',
                  CONSTRAINT = 'homes_timezone_known';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION homelog.tg__check_timezone() IS 'Refuses a time zone that PostgreSQL does not list.';

-- Reading the list of zones takes milliseconds: only a zone that is new is looked up.
CREATE TRIGGER _050_check_timezone_insert
    BEFORE INSERT ON homes
    FOR EACH ROW WHEN (NEW.timezone <> 'UTC')
    EXECUTE FUNCTION homelog.tg__check_timezone();
CREATE TRIGGER _050_check_timezone_update
    BEFORE UPDATE ON homes
    FOR EACH ROW WHEN (NEW.timezone IS DISTINCT FROM OLD.timezone)
    EXECUTE FUNCTION homelog.tg__check_timezone();
CREATE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON homes
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE TRIGGER _900_audit
    AFTER INSERT OR UPDATE OR DELETE ON homes
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_home', 'update_home', 'delete_home', '', 'values');

-- What a person's homes are is asked here and nowhere else. Definer, because the answer must not depend on the
-- policies that are built from it; plants and homes are not per-source tables, so these may read tables.
CREATE FUNCTION homelog.readable_homes() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(SELECT id FROM homes WHERE created_by = homelog.current_user_id());
END
$$;
COMMENT ON FUNCTION homelog.readable_homes() IS 'The homes that the caller may see.';

CREATE FUNCTION homelog.writable_homes() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(SELECT id FROM homes WHERE created_by = homelog.current_user_id());
END
$$;
COMMENT ON FUNCTION homelog.writable_homes() IS 'The homes where the caller may put things and care for them.';

CREATE FUNCTION homelog.administered_homes() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(SELECT id FROM homes WHERE created_by = homelog.current_user_id());
END
$$;
COMMENT ON FUNCTION homelog.administered_homes() IS 'The homes that the caller administers.';

CREATE FUNCTION homelog.tg__check_home() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- A foreign key does not ask row security: a home that is somebody else's must look like one that is not there.
    -- Without an identity (a DBA in psql) the foreign key alone decides.
    IF homelog.current_user_id() IS NOT NULL AND NOT NEW.home_id = ANY (homelog.writable_homes()) THEN
        RAISE EXCEPTION 'There is no such home where you may put things.'
            USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, COLUMN = 'home_id',
                  CONSTRAINT = TG_TABLE_NAME || '_home_id_fkey';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION homelog.tg__check_home() IS 'Lets a caller put things only into homes where they may write.';

ALTER TABLE homes ENABLE ROW LEVEL SECURITY;
ALTER TABLE homes FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON homes TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON homes IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON homes FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON homes IS 'Operators read all.';
-- created_by stands beside the function so that INSERT … RETURNING sees the row that its own statement made.
CREATE POLICY select_reader ON homes FOR SELECT TO homelog_api USING (
    created_by = (SELECT homelog.current_user_id())
    OR id = ANY ((SELECT homelog.readable_homes())::uuid[])
);
COMMENT ON POLICY select_reader ON homes IS 'One sees the homes that one may read.';
CREATE POLICY insert_writer ON homes FOR INSERT TO homelog_api
    WITH CHECK (created_by = (SELECT homelog.current_user_id()));
COMMENT ON POLICY insert_writer ON homes IS 'One makes homes of one''s own.';
CREATE POLICY update_admin ON homes FOR UPDATE TO homelog_api
    USING (id = ANY ((SELECT homelog.administered_homes())::uuid[]));
COMMENT ON POLICY update_admin ON homes IS 'A home''s admins change it.';
CREATE POLICY delete_admin ON homes FOR DELETE TO homelog_api
    USING (id = ANY ((SELECT homelog.administered_homes())::uuid[]));
COMMENT ON POLICY delete_admin ON homes IS 'A home''s admins delete it.';

GRANT EXECUTE ON FUNCTION
    homelog.is_timezone(text),
    homelog.readable_homes(),
    homelog.writable_homes(),
    homelog.administered_homes()
    TO homelog_api;
GRANT SELECT ON homes TO homelog_api, homelog_ops;
GRANT INSERT (id, name, address, timezone) ON homes TO homelog_api;
GRANT UPDATE (name, address, timezone) ON homes TO homelog_api;
GRANT DELETE ON homes TO homelog_api;
