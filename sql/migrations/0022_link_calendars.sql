-- Calendar apps sign in with nothing but an address. So a person may have one address with a secret in it, which shows
-- when their plants want water and nothing else; it is found by its hash, and taken away or replaced at will.
-- Nothing reads the table yet, so no row and no running service is affected.
-- depends: 0021_extend_care

SET LOCAL ROLE homelog_owner;

CREATE TABLE calendar_links (
    user_id     uuid         NOT NULL DEFAULT homelog.current_user_id(),
    key_hash    bytea        NOT NULL,
    created_at  timestamptz  NOT NULL DEFAULT now(),

    CONSTRAINT calendar_links_pkey PRIMARY KEY (user_id),
    CONSTRAINT calendar_links_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT calendar_links_key_hash_key UNIQUE (key_hash),
    CONSTRAINT calendar_links_key_hash_sha256 CHECK (octet_length(key_hash) = 32)
);

COMMENT ON TABLE calendar_links IS 'Whose plants are shown to whoever has a secret address; at most one each.';
COMMENT ON COLUMN calendar_links.key_hash IS
    'SHA-256 of the key in the address; the key itself is stored nowhere. Secret.';
COMMENT ON COLUMN calendar_links.created_at IS 'When the key that works now was made.';
COMMENT ON CONSTRAINT calendar_links_pkey ON calendar_links IS 'This person already has a calendar link.';
COMMENT ON CONSTRAINT calendar_links_user_id_fkey ON calendar_links IS 'This account does not exist.';
COMMENT ON CONSTRAINT calendar_links_key_hash_key ON calendar_links IS 'This key is taken.';
COMMENT ON CONSTRAINT calendar_links_key_hash_sha256 ON calendar_links IS 'A key is stored as its SHA-256 hash.';

CREATE FUNCTION homelog.act_by_calendar_key(wanted bytea) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    owner uuid;
BEGIN
    -- Whoever has the address must not come to write as its owner, whatever the service does next.
    IF NOT current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'A calendar link only reads.' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

    SELECT u.id INTO owner
    FROM calendar_links AS l
    JOIN users AS u ON u.id = l.user_id
    WHERE l.key_hash = wanted AND u.is_active;
    IF FOUND THEN
        -- Whoever had signed in to this transaction has no part in what follows.
        PERFORM set_config('homelog.user_id', owner::text, true),
                set_config('homelog.session_id', '', true),
                set_config('homelog.token_id', '', true),
                set_config('homelog.bound', '', true);
        PERFORM homelog.reach(owner, '{}');
    END IF;
    RETURN owner;
END
$$;
COMMENT ON FUNCTION homelog.act_by_calendar_key(bytea) IS
    'Takes on the identity of whose calendar link has this hash, for the rest of a read-only transaction, reaching no '
    'source; answers who that is, null where there is no such link or its account is not active.';

CREATE FUNCTION homelog.tg__renew_calendar_link() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    NEW.created_at := now();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION homelog.tg__renew_calendar_link() IS 'A link with another key was made now.';

CREATE FUNCTION homelog.tg__audit_calendar_link() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO audit_logs (user_id, event_type)
    VALUES (
        homelog.current_user_id(),
        CASE TG_OP
            WHEN 'INSERT' THEN 'create_calendar_link'
            WHEN 'UPDATE' THEN 'replace_calendar_link'
            ELSE 'delete_calendar_link'
        END
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__audit_calendar_link() IS
    'Audits a calendar link that is made, replaced or taken away, and nothing of its key.';

CREATE TRIGGER _100_renew_calendar_link
    BEFORE UPDATE ON calendar_links
    FOR EACH ROW WHEN (NEW.key_hash <> OLD.key_hash)
    EXECUTE FUNCTION homelog.tg__renew_calendar_link();
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON calendar_links
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
CREATE TRIGGER _900_audit
    AFTER INSERT OR DELETE ON calendar_links
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit_calendar_link();
CREATE TRIGGER _900_audit_update
    AFTER UPDATE ON calendar_links
    FOR EACH ROW WHEN (NEW.key_hash <> OLD.key_hash)
    EXECUTE FUNCTION homelog.tg__audit_calendar_link();

ALTER TABLE calendar_links ENABLE ROW LEVEL SECURITY;
ALTER TABLE calendar_links FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON calendar_links TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON calendar_links IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON calendar_links FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON calendar_links IS 'Operators read all columns but the hash.';
CREATE POLICY select_reader ON calendar_links FOR SELECT TO homelog_api
    USING (user_id = (SELECT homelog.current_user_id()) AND (SELECT homelog.current_token_id()) IS NULL);
COMMENT ON POLICY select_reader ON calendar_links IS 'One sees one''s own link; a device token sees none.';
CREATE POLICY insert_writer ON calendar_links FOR INSERT TO homelog_api
    WITH CHECK (user_id = (SELECT homelog.current_user_id()) AND (SELECT homelog.current_token_id()) IS NULL);
COMMENT ON POLICY insert_writer ON calendar_links IS 'One makes a link of one''s own; a device token makes none.';
CREATE POLICY update_writer ON calendar_links FOR UPDATE TO homelog_api
    USING (user_id = (SELECT homelog.current_user_id()) AND (SELECT homelog.current_token_id()) IS NULL)
    WITH CHECK (user_id = (SELECT homelog.current_user_id()) AND (SELECT homelog.current_token_id()) IS NULL);
COMMENT ON POLICY update_writer ON calendar_links IS 'One replaces the key of one''s own link.';
CREATE POLICY delete_writer ON calendar_links FOR DELETE TO homelog_api
    USING (user_id = (SELECT homelog.current_user_id()) AND (SELECT homelog.current_token_id()) IS NULL);
COMMENT ON POLICY delete_writer ON calendar_links IS 'One takes one''s own link away.';

GRANT EXECUTE ON FUNCTION homelog.act_by_calendar_key(bytea) TO homelog_api;
GRANT SELECT (user_id, created_at) ON calendar_links TO homelog_api, homelog_ops;
GRANT INSERT (key_hash) ON calendar_links TO homelog_api;
GRANT UPDATE (key_hash) ON calendar_links TO homelog_api;
GRANT DELETE ON calendar_links TO homelog_api;
