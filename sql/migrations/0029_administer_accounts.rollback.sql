-- Undoes 0029_administer_accounts. Accounts keep their roles, and sessions that were ended stay so. A temporary password
-- that has not been changed is an ordinary one afterwards, and still shows as temporary. Done again, it counts as used if
-- it ever was, as its sessions tell.

SET LOCAL ROLE homelog_owner;

UPDATE sessions AS s SET ended_at = now()
WHERE s.is_gated AND s.ended_at IS NULL;

CREATE OR REPLACE TRIGGER _900_audit
    AFTER INSERT OR UPDATE OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_user', 'update_user', 'delete_user', '', 'names');
DROP TRIGGER _900_audit_update ON users;
DROP TRIGGER _910_audit_standing ON users;
DROP TRIGGER _800_end_sessions ON users;
DROP TRIGGER _700_keep_last_admin_update ON users;
DROP TRIGGER _700_keep_last_admin_delete ON users;
DROP FUNCTION homelog.tg__audit_standing();
DROP FUNCTION homelog.tg__end_sessions();
DROP FUNCTION homelog.tg__keep_last_admin();
DROP FUNCTION homelog.recover_account(citext, text, boolean);
DROP FUNCTION homelog.make_admin(citext, text, text, boolean);
DROP FUNCTION homelog.list_audit_of_user(uuid, timestamptz, timestamptz, text, bigint, integer);
DROP FUNCTION homelog.list_audit(timestamptz, timestamptz, text, timestamptz, bigint, integer);
DROP FUNCTION homelog.reset_password(uuid, text, interval);
DROP FUNCTION homelog.delete_account(uuid, timestamptz[], interval);
DROP FUNCTION homelog.change_account(uuid, timestamptz[], jsonb, interval);
DROP FUNCTION homelog.make_account(citext, text, text, text, interval);
DROP FUNCTION homelog.get_account(uuid);
DROP FUNCTION homelog.list_accounts(text, boolean, text, uuid, integer);
DROP FUNCTION homelog.is_fresh(interval);
DROP FUNCTION homelog.demand_admin();
DROP FUNCTION homelog.give_password(uuid, text, boolean);

CREATE OR REPLACE FUNCTION homelog.open_session_by_password(
    owner uuid, checked_hash text, first_token_hash bytea, lifetime interval
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT homelog.confirm_password(owner, checked_hash) THEN
        RETURN NULL;
    END IF;
    RETURN homelog.open_session(owner, 'password', first_token_hash, lifetime);
END
$$;
COMMENT ON FUNCTION homelog.open_session_by_password(uuid, text, bytea, interval) IS
    'Opens a session for whoever knew the password that was checked; null if it has been changed meanwhile.';

CREATE OR REPLACE FUNCTION homelog.act_by_calendar_key(wanted bytea) RETURNS uuid
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

DROP FUNCTION homelog.use_password(uuid);

CREATE OR REPLACE FUNCTION homelog.own_credentials() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN (SELECT p.password_hash FROM user_passwords AS p WHERE p.user_id = homelog.current_user_id());
END
$$;

CREATE OR REPLACE FUNCTION homelog.find_credentials(wanted citext)
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

DROP FUNCTION homelog.has_expired(user_passwords);

CREATE OR REPLACE FUNCTION homelog.rotate_refresh_token(
    token bytea, successors bytea[], lifetime interval, absolute interval, grace interval
) RETURNS TABLE (
    verdict text, session_id uuid, user_id uuid, auth_provider text, created_at timestamptz, successor bytea
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    held  refresh_tokens;
    live  sessions;
    found text;
    next  bytea;
BEGIN
    -- The session's row is the lock: of fifty refreshes at once one rotates and the others see that it did.
    SELECT s.* INTO live
    FROM sessions AS s
    WHERE s.id = (SELECT t.session_id FROM refresh_tokens AS t WHERE t.token_hash = token)
      AND EXISTS (SELECT FROM users AS u WHERE u.id = s.user_id AND u.is_active)
    FOR NO KEY UPDATE;
    IF live.id IS NULL OR live.ended_at IS NOT NULL OR least(live.expires_at, live.created_at + absolute) <= now() THEN
        RETURN QUERY SELECT 'dead', NULL::uuid, NULL::uuid, NULL::text, NULL::timestamptz, NULL::bytea;
        RETURN;
    END IF;

    SELECT t.* INTO held FROM refresh_tokens AS t WHERE t.token_hash = token;
    IF held.replaced_at IS NULL THEN
        next := successors[1];
        UPDATE refresh_tokens AS t SET replaced_at = clock_timestamp() WHERE t.token_hash = token;
        INSERT INTO refresh_tokens (token_hash, session_id, created_at) VALUES (next, live.id, clock_timestamp());
        UPDATE sessions AS s
        SET last_used_at = now(), expires_at = least(now() + lifetime, live.created_at + absolute)
        WHERE s.id = live.id;
        found := 'rotated';
    ELSE
        SELECT t.token_hash INTO next
        FROM refresh_tokens AS t
        WHERE t.token_hash = ANY (successors) AND t.session_id = live.id AND t.replaced_at IS NULL
          AND held.replaced_at > clock_timestamp() - grace;
        IF next IS NOT NULL THEN
            found := 'again';
        ELSE
            UPDATE sessions AS s SET ended_at = now() WHERE s.id = live.id;
            INSERT INTO audit_logs (user_id, event_type, details)
            VALUES (live.user_id, 'refresh_reused', jsonb_build_object('session_id', live.id));
            found := 'reused';
        END IF;
    END IF;
    RETURN QUERY SELECT found, live.id, live.user_id, live.auth_provider, live.created_at, next;
END
$$;
COMMENT ON FUNCTION homelog.rotate_refresh_token(bytea, bytea[], interval, interval, interval) IS
    'Replaces a refresh token by the first of its successors and says which one it has. Verdict: rotated; again (the '
    'parent came once more within the grace: the successor that it got); reused (an older token: the session has been '
    'ended); dead (unknown, ended or expired). However often it is refreshed, a session ends so long after signing in as '
    'is absolute.';

DROP TRIGGER _500_gate_all ON user_passwords;
DROP TRIGGER _050_settle ON user_passwords;
CREATE OR REPLACE FUNCTION homelog.tg__audit_token() RETURNS trigger
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

DROP TRIGGER _060_gate ON device_tokens;
DROP TRIGGER _050_gate ON sessions;
DROP FUNCTION homelog.tg__gate_all();
DROP FUNCTION homelog.tg__settle_password();
DROP FUNCTION homelog.tg__gate();

CREATE OR REPLACE FUNCTION homelog.act_as_token(token bytea, named uuid[]) RETURNS text[]
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

DROP FUNCTION homelog.act_as_gated_token(bytea);
DROP FUNCTION homelog.act_as_gated(uuid, uuid);

CREATE OR REPLACE FUNCTION homelog.act_as(caller uuid, session uuid, named uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF caller IS NOT NULL AND NOT EXISTS (
        SELECT FROM sessions AS s
        JOIN users AS u ON u.id = s.user_id
        WHERE s.id = act_as.session AND s.user_id = caller AND u.is_active
          AND s.ended_at IS NULL AND s.expires_at > now()
    ) THEN
        RAISE EXCEPTION 'This session has ended.' USING ERRCODE = 'HL401';
    END IF;

    PERFORM set_config('homelog.user_id', coalesce(caller::text, ''), true),
            set_config('homelog.session_id', coalesce(act_as.session::text, ''), true);
    PERFORM homelog.reach(caller, named);
END
$$;
COMMENT ON FUNCTION homelog.act_as(uuid, uuid, uuid[]) IS
    'Takes on an identity for this transaction: nobody (null), or an active account with a live session, else HL401.';

DROP FUNCTION homelog.check_session(uuid, uuid, boolean);
DROP FUNCTION homelog.refuse_gated();
ALTER TABLE user_passwords DROP COLUMN used_at;
ALTER TABLE device_tokens DROP COLUMN is_gated;
ALTER TABLE sessions DROP COLUMN is_gated;
