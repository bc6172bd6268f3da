-- A sensor, a script or a dashboard signs in with a token of its own: it may do little, can be bound to some sources,
-- and is taken away without touching anything else. It is found by its hash in the trip that begins the transaction, so
-- it costs no more than a session. What it does is done in its owner's name; the audit log says which token did it.
-- depends: 0010_track_changes

SET LOCAL ROLE homelog_owner;

CREATE TABLE device_tokens (
    id            uuid          PRIMARY KEY DEFAULT uuidv7(),
    user_id       uuid          NOT NULL DEFAULT homelog.current_user_id(),
    name          varchar(100)  NOT NULL,
    scopes        text[]        NOT NULL,
    source_ids    uuid[],
    token_hash    bytea         NOT NULL,
    created_at    timestamptz   NOT NULL DEFAULT now(),
    expires_at    timestamptz,
    last_used_at  timestamptz,

    CONSTRAINT device_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT device_tokens_token_hash_key UNIQUE (token_hash),
    CONSTRAINT device_tokens_token_hash_sha256 CHECK (octet_length(token_hash) = 32),
    CONSTRAINT device_tokens_name_not_blank CHECK (name ~ '[^[:space:]]'),
    CONSTRAINT device_tokens_scopes_known CHECK (
        scopes IN ('{read:data}', '{write:data}', '{read:data,write:data}', '{write:data,read:data}')
    ),
    CONSTRAINT device_tokens_source_ids_number CHECK (cardinality(source_ids) BETWEEN 1 AND 1000),
    CONSTRAINT device_tokens_expires_at_range CHECK (
        expires_at > created_at AND expires_at < '10000-01-01 00:00+00'
    )
);

COMMENT ON TABLE device_tokens IS 'What sensors and scripts sign in with, in the name of an account.';
COMMENT ON COLUMN device_tokens.scopes IS 'read:data sees sources, readings and plants; write:data logs readings and care.';
COMMENT ON COLUMN device_tokens.source_ids IS
    'All that it reaches, also when some of them are gone; null: whatever its owner reaches.';
COMMENT ON COLUMN device_tokens.token_hash IS 'SHA-256 of the token; the token itself is stored nowhere. Secret.';
COMMENT ON COLUMN device_tokens.expires_at IS 'When it stops working; null: when it is deleted.';
COMMENT ON COLUMN device_tokens.last_used_at IS 'When it was last used, to the minute; null: never.';
COMMENT ON CONSTRAINT device_tokens_user_id_fkey ON device_tokens IS 'This account does not exist.';
COMMENT ON CONSTRAINT device_tokens_token_hash_key ON device_tokens IS 'This token is taken.';
COMMENT ON CONSTRAINT device_tokens_token_hash_sha256 ON device_tokens IS 'A token is stored as its SHA-256 hash.';
COMMENT ON CONSTRAINT device_tokens_name_not_blank ON device_tokens IS 'A token needs a name.';
COMMENT ON CONSTRAINT device_tokens_scopes_known ON device_tokens IS
    'The scopes of a token are read:data, write:data or both.';
COMMENT ON CONSTRAINT device_tokens_source_ids_number ON device_tokens IS
    'A token is bound to 1 to 1,000 sources, or to none by leaving source_ids out.';
COMMENT ON CONSTRAINT device_tokens_expires_at_range ON device_tokens IS
    'A token expires after it is made, and before the year 10000.';

CREATE INDEX device_tokens_user_id_idx ON device_tokens (user_id, id);

CREATE FUNCTION homelog.current_token_id() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN nullif(pg_catalog.current_setting('homelog.token_id', true), '')::pg_catalog.uuid;
END
$$;
COMMENT ON FUNCTION homelog.current_token_id() IS 'The device token that this request came with, null for none.';

CREATE FUNCTION homelog.is_unbound() RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN coalesce(pg_catalog.current_setting('homelog.bound', true), '') = '';
END
$$;
COMMENT ON FUNCTION homelog.is_unbound() IS
    'Whether this request may reach more than sources: false with a device token that is bound to some.';

CREATE FUNCTION homelog.bound_sources() RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN coalesce(nullif(pg_catalog.current_setting('homelog.bound', true), ''), '{}')::pg_catalog.uuid[];
END
$$;
COMMENT ON FUNCTION homelog.bound_sources() IS
    'What the device token of this request is bound to, be it there still or not; nothing for one that is unbound.';

CREATE FUNCTION homelog.act_as_token(token bytea, named uuid[]) RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    held device_tokens;
BEGIN
    SELECT t.* INTO held
    FROM device_tokens AS t
    JOIN users AS u ON u.id = t.user_id
    WHERE t.token_hash = token AND u.is_active AND (t.expires_at IS NULL OR t.expires_at > now());
    IF NOT FOUND THEN
        RAISE EXCEPTION 'This token is unknown, has expired or was taken away.' USING ERRCODE = 'HL401';
    END IF;

    PERFORM set_config('homelog.user_id', held.user_id::text, true),
            set_config('homelog.session_id', '', true),
            set_config('homelog.token_id', held.id::text, true),
            set_config('homelog.bound', coalesce((
                SELECT CASE WHEN held.source_ids IS NOT NULL THEN coalesce(array_agg(b.id ORDER BY b.id), '{}')::text END
                FROM unnest(held.source_ids) AS b (id)
            ), ''), true);

    -- Whatever its owner may do, a token administers nothing, writes nothing without the scope to write, and reaches
    -- nothing that it is not bound to.
    PERFORM homelog.reach(held.user_id, named);
    PERFORM set_config('homelog.administered', '', true);
    IF NOT 'write:data' = ANY (held.scopes) THEN
        PERFORM set_config('homelog.writable', '', true);
    END IF;
    IF held.source_ids IS NOT NULL THEN
        PERFORM set_config(
            reached.setting,
            ARRAY(SELECT unnest(reached.sources) INTERSECT SELECT unnest(held.source_ids))::text,
            true
        )
        FROM (VALUES
            ('homelog.readable', homelog.readable_sources()),
            ('homelog.granted', homelog.granted_sources()),
            ('homelog.writable', homelog.writable_sources())
        ) AS reached (setting, sources);
    END IF;
    RETURN held.scopes;
END
$$;
COMMENT ON FUNCTION homelog.act_as_token(bytea, uuid[]) IS
    'Takes on the identity of a device token''s owner for this transaction, narrowed to what the token may reach; answers '
    'its scopes. HL401 for a token that is unknown or has expired, or whose account is not active.';

-- No definer: it crosses no line itself, and a second change of settings would be a tenth of the price.
CREATE FUNCTION homelog.act_as_token(token bytea, needed text, named uuid[]) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    -- One after the other: what is no token must not learn which scope it would need.
    IF NOT coalesce(needed = ANY (homelog.act_as_token(token, named)), false) THEN
        RAISE EXCEPTION '%', coalesce(format('This needs a token with the scope %s.', needed),
                                      'A device token may not do this.')
            USING ERRCODE = 'HL403';
    END IF;
END
$$;
COMMENT ON FUNCTION homelog.act_as_token(bytea, text, uuid[]) IS
    'As act_as_token(bytea, uuid[]), and HL403 for a token without the scope that is needed; null is one that none has.';

CREATE FUNCTION homelog.note_token_use() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    UPDATE device_tokens AS t SET last_used_at = now()
    WHERE t.id = homelog.current_token_id() AND (t.last_used_at < now() - interval '1 minute') IS NOT FALSE;
END
$$;
COMMENT ON FUNCTION homelog.note_token_use() IS
    'Notes that the token of this transaction is in use, at most once a minute.';

CREATE FUNCTION homelog.tg__check_token_sources() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Without an identity (a DBA in psql) nobody is there whose grants could be asked for.
    IF homelog.current_user_id() IS NOT NULL AND NOT NEW.source_ids <@ homelog.granted_sources() THEN
        RAISE EXCEPTION 'A token can be bound only to sources that you were granted.'
            USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, COLUMN = 'source_ids',
                  CONSTRAINT = 'device_tokens_source_ids_granted';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION homelog.tg__check_token_sources() IS
    'Refuses to bind a token to a source that its owner was not granted, be it foreign or unknown.';

CREATE FUNCTION homelog.tg__audit_token() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO audit_logs (user_id, event_type, details)
    VALUES (
        homelog.current_user_id(),
        CASE TG_OP WHEN 'INSERT' THEN 'create_token' ELSE 'delete_token' END,
        jsonb_strip_nulls(to_jsonb(CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END) - 'token_hash')
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__audit_token() IS 'Audits a token that is made or taken away, without its hash.';

CREATE FUNCTION homelog.tg__name_token() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    NEW.details := NEW.details || jsonb_build_object('token_id', homelog.current_token_id());
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION homelog.tg__name_token() IS 'Says in an audit row which device token did it.';

CREATE TRIGGER _050_check_sources
    BEFORE INSERT ON device_tokens
    FOR EACH ROW WHEN (NEW.source_ids IS NOT NULL)
    EXECUTE FUNCTION homelog.tg__check_token_sources();
CREATE TRIGGER _900_audit
    AFTER INSERT OR DELETE ON device_tokens
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit_token();
-- lock: SHARE ROW EXCLUSIVE on audit_logs, for the moment that it takes to note the trigger.
CREATE TRIGGER _050_name_token
    BEFORE INSERT ON audit_logs
    FOR EACH ROW WHEN (current_setting('homelog.token_id', true) <> '')
    EXECUTE FUNCTION homelog.tg__name_token();

-- A token that is bound to sources sees those and nothing else of its owner's.
CREATE OR REPLACE FUNCTION homelog.readable_plants() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT id FROM plants
        WHERE homelog.is_unbound()
          AND (user_id = homelog.current_user_id() OR home_id = ANY (homelog.readable_homes()))
    );
END
$$;

CREATE OR REPLACE FUNCTION homelog.writable_plants() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT id FROM plants
        WHERE homelog.is_unbound()
          AND (user_id = homelog.current_user_id() OR home_id = ANY (homelog.writable_homes()))
    );
END
$$;

-- lock: ACCESS EXCLUSIVE on plants, homes and user_tombstones, for the moment that it takes to change their policies.
ALTER POLICY select_reader ON plants USING (
    (SELECT homelog.is_unbound())
    AND (
        user_id = (SELECT homelog.current_user_id())
        OR home_id = ANY ((SELECT homelog.readable_homes())::uuid[])
    )
);
ALTER POLICY update_writer ON plants
    USING (
        (SELECT homelog.is_unbound())
        AND (
            user_id = (SELECT homelog.current_user_id())
            OR home_id = ANY ((SELECT homelog.writable_homes())::uuid[])
        )
    );
ALTER POLICY select_reader ON homes USING (
    (SELECT homelog.is_unbound())
    AND (
        created_by = (SELECT homelog.current_user_id())
        OR id = ANY ((SELECT homelog.readable_homes())::uuid[])
    )
);
ALTER POLICY select_reader ON user_tombstones
    USING (
        user_id = (SELECT homelog.current_user_id())
        AND ((SELECT homelog.is_unbound()) OR (type = 'source' AND id = ANY ((SELECT homelog.bound_sources())::uuid[])))
    );

CREATE OR REPLACE FUNCTION homelog.change_era() RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- What a token is bound to, because one that is bound to less was not told the rest. The timeline, because a recovery to an earlier point gives out again the numbers after it. The table, because
    -- a restore into this very database makes it anew.
    RETURN md5(concat_ws(' ',
        (SELECT system_identifier FROM pg_control_system()),
        left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        'public.user_tombstones'::regclass::oid,
        homelog.current_user_id(),
        coalesce(current_setting('homelog.bound', true), '')
    ))::uuid;
END
$$;

ALTER TABLE device_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_tokens FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON device_tokens TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON device_tokens IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON device_tokens FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON device_tokens IS 'Operators read all columns but the hash.';
CREATE POLICY select_reader ON device_tokens FOR SELECT TO homelog_api
    USING (user_id = (SELECT homelog.current_user_id()) AND (SELECT homelog.current_token_id()) IS NULL);
COMMENT ON POLICY select_reader ON device_tokens IS 'One sees one''s own tokens; a token sees none.';
CREATE POLICY insert_writer ON device_tokens FOR INSERT TO homelog_api
    WITH CHECK (user_id = (SELECT homelog.current_user_id()) AND (SELECT homelog.current_token_id()) IS NULL);
COMMENT ON POLICY insert_writer ON device_tokens IS 'One makes tokens of one''s own; a token makes none.';
CREATE POLICY delete_writer ON device_tokens FOR DELETE TO homelog_api
    USING (user_id = (SELECT homelog.current_user_id()) AND (SELECT homelog.current_token_id()) IS NULL);
COMMENT ON POLICY delete_writer ON device_tokens IS 'One takes one''s own tokens away.';

GRANT EXECUTE ON FUNCTION homelog.current_token_id(), homelog.is_unbound(), homelog.bound_sources()
    TO homelog_api, homelog_ops;
GRANT EXECUTE ON FUNCTION
    homelog.act_as_token(bytea, uuid[]),
    homelog.act_as_token(bytea, text, uuid[]),
    homelog.note_token_use()
    TO homelog_api;
GRANT SELECT (id, user_id, name, scopes, source_ids, created_at, expires_at, last_used_at)
    ON device_tokens TO homelog_api, homelog_ops;
GRANT INSERT (id, name, scopes, source_ids, token_hash, expires_at) ON device_tokens TO homelog_api;
GRANT DELETE ON device_tokens TO homelog_api;
