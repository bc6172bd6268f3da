-- Undoes 0011_create_device_tokens. Every device token is lost, and what signs in with one is locked out.

SET LOCAL ROLE homelog_owner;

CREATE OR REPLACE FUNCTION homelog.change_era() RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- The timeline, because a recovery to an earlier point gives out again the numbers after it. The table, because
    -- a restore into this very database makes it anew.
    RETURN md5(concat_ws(' ',
        (SELECT system_identifier FROM pg_control_system()),
        left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        'public.user_tombstones'::regclass::oid,
        homelog.current_user_id()
    ))::uuid;
END
$$;

-- lock: ACCESS EXCLUSIVE on plants, homes and user_tombstones, for the moment that it takes to change their policies.
ALTER POLICY select_reader ON user_tombstones USING (user_id = (SELECT homelog.current_user_id()));
ALTER POLICY select_reader ON homes USING (
    created_by = (SELECT homelog.current_user_id())
    OR id = ANY ((SELECT homelog.readable_homes())::uuid[])
);
ALTER POLICY update_writer ON plants
    USING (
        user_id = (SELECT homelog.current_user_id())
        OR home_id = ANY ((SELECT homelog.writable_homes())::uuid[])
    );
ALTER POLICY select_reader ON plants USING (
    user_id = (SELECT homelog.current_user_id())
    OR home_id = ANY ((SELECT homelog.readable_homes())::uuid[])
);

CREATE OR REPLACE FUNCTION homelog.writable_plants() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT id FROM plants
        WHERE user_id = homelog.current_user_id() OR home_id = ANY (homelog.writable_homes())
    );
END
$$;

CREATE OR REPLACE FUNCTION homelog.readable_plants() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT id FROM plants
        WHERE user_id = homelog.current_user_id() OR home_id = ANY (homelog.readable_homes())
    );
END
$$;

-- lock: ACCESS EXCLUSIVE on audit_logs, for the moment that it takes to drop the trigger.
DROP TRIGGER _050_name_token ON audit_logs;
DROP TABLE device_tokens;
DROP FUNCTION homelog.tg__name_token();
DROP FUNCTION homelog.tg__audit_token();
DROP FUNCTION homelog.tg__check_token_sources();
DROP FUNCTION homelog.note_token_use();
DROP FUNCTION homelog.act_as_token(bytea, text, uuid[]);
DROP FUNCTION homelog.act_as_token(bytea, uuid[]);
DROP FUNCTION homelog.bound_sources();
DROP FUNCTION homelog.is_unbound();
DROP FUNCTION homelog.current_token_id();
