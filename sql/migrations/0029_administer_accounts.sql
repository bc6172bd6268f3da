-- Admins make accounts, change their role, deactivate, reset and delete them. They reach them through functions that ask
-- first whether an admin is calling: no policy knows of admins, so that none of them costs anybody an index. A password
-- that an admin hands out opens one session, within a day, and that session only the change of the password. The last
-- admin stays, whoever asks.
-- depends: 0028_sign_in_with_providers

SET LOCAL ROLE homelog_owner;

-- lock: ACCESS EXCLUSIVE on sessions, device_tokens and user_passwords, for the moment that it takes to note a column that
-- is constant.
ALTER TABLE sessions ADD COLUMN is_gated boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN sessions.is_gated IS
    'True: the account''s password is temporary, and the session may only change it. Kept by triggers.';
ALTER TABLE device_tokens ADD COLUMN is_gated boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN device_tokens.is_gated IS
    'True: its owner''s password is temporary, and the token opens nothing meanwhile. Kept by triggers.';
ALTER TABLE user_passwords ADD COLUMN used_at timestamptz;
COMMENT ON COLUMN user_passwords.used_at IS 'When a temporary password was signed in with, which it is once; else null.';
ALTER TABLE user_passwords ADD CONSTRAINT user_passwords_used_at_temporary CHECK (used_at IS NULL OR is_temporary);
COMMENT ON CONSTRAINT user_passwords_used_at_temporary ON user_passwords IS 'Only a temporary password is used up.';

-- From now on a session that lives is one of an active account, so that a request need not ask for both.
UPDATE sessions AS s SET ended_at = now()
FROM users AS u
WHERE u.id = s.user_id AND NOT u.is_active AND s.ended_at IS NULL;
UPDATE sessions AS s SET is_gated = true
FROM user_passwords AS p
WHERE p.user_id = s.user_id AND p.is_temporary AND s.ended_at IS NULL;
UPDATE device_tokens AS t SET is_gated = true
FROM user_passwords AS p
WHERE p.user_id = t.user_id AND p.is_temporary;

-- One that was signed in with before, perhaps under this very migration, which was undone meanwhile.
UPDATE user_passwords AS p SET used_at = now()
WHERE p.is_temporary AND EXISTS (
    SELECT FROM sessions AS s
    WHERE s.user_id = p.user_id AND s.auth_provider = 'password' AND s.created_at >= p.created_at
);

-- The gate

CREATE FUNCTION homelog.refuse_gated() RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'Your password is temporary: choose one of your own with PUT /v1/me/password.'
        USING ERRCODE = 'HL4PW';
END
$$;
COMMENT ON FUNCTION homelog.refuse_gated() IS 'Raises HL4PW: while a password is temporary nothing else is open.';

-- No definer and no settings of its own: it is called on every request, by functions that have both.
CREATE FUNCTION homelog.check_session(caller uuid, session uuid, is_gate_open boolean) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    gated boolean;
BEGIN
    SELECT s.is_gated INTO gated
    FROM public.sessions AS s
    WHERE s.id = session AND s.user_id = caller AND s.ended_at IS NULL AND s.expires_at > now();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'This session has ended.' USING ERRCODE = 'HL401';
    END IF;
    IF gated AND NOT is_gate_open THEN
        PERFORM homelog.refuse_gated();
    END IF;
END
$$;
COMMENT ON FUNCTION homelog.check_session(uuid, uuid, boolean) IS
    'Whether a session may act: HL401 unless it is the caller''s and alive, HL4PW while the password is temporary, unless '
    'the gate is open. The one place that says so; whatever begins a request''s transaction calls it.';

CREATE OR REPLACE FUNCTION homelog.act_as(caller uuid, session uuid, named uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF caller IS NOT NULL THEN
        PERFORM homelog.check_session(caller, act_as.session, false);
    END IF;

    PERFORM set_config('homelog.user_id', coalesce(caller::text, ''), true),
            set_config('homelog.session_id', coalesce(act_as.session::text, ''), true);
    PERFORM homelog.reach(caller, named);
END
$$;
COMMENT ON FUNCTION homelog.act_as(uuid, uuid, uuid[]) IS
    'Takes on an identity for this transaction: nobody (null), or an active account with a live session, else HL401; '
    'HL4PW while the account''s password is temporary.';

CREATE FUNCTION homelog.act_as_gated(caller uuid, session uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM homelog.check_session(caller, act_as_gated.session, true);
    PERFORM set_config('homelog.user_id', caller::text, true),
            set_config('homelog.session_id', act_as_gated.session::text, true);
    PERFORM homelog.reach(caller, '{}');
END
$$;
COMMENT ON FUNCTION homelog.act_as_gated(uuid, uuid) IS
    'As act_as(), with a temporary password too, and without any source: to change the password, and to audit a refusal.';

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
    IF held.is_gated THEN
        PERFORM homelog.refuse_gated();
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
    'its scopes. HL401 for a token that is unknown or has expired, or whose account is not active; HL4PW while its '
    'owner''s password is temporary.';

CREATE FUNCTION homelog.act_as_gated_token(token bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM set_config('homelog.user_id', t.user_id::text, true),
            set_config('homelog.session_id', '', true),
            set_config('homelog.token_id', t.id::text, true),
            set_config('homelog.bound', coalesce(t.source_ids, '{}')::text, true)
    FROM device_tokens AS t
    JOIN users AS u ON u.id = t.user_id
    WHERE t.token_hash = token AND u.is_active AND (t.expires_at IS NULL OR t.expires_at > now());
    IF NOT FOUND THEN
        RAISE EXCEPTION 'This token is unknown, has expired or was taken away.' USING ERRCODE = 'HL401';
    END IF;
    PERFORM homelog.reach(NULL, '{}');
END
$$;
COMMENT ON FUNCTION homelog.act_as_gated_token(bytea) IS
    'As act_as_token(), with a temporary password too, and without any source: to audit a refusal.';

-- A calendar's link is one more way in, and is shut as the others are.
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
    WHERE l.key_hash = wanted AND u.is_active
      AND NOT EXISTS (SELECT FROM user_passwords AS p WHERE p.user_id = u.id AND p.is_temporary);
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
    'source; answers who that is, null where there is no such link, its account is not active, or its password is temporary.';

CREATE FUNCTION homelog.tg__gate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    active boolean;
BEGIN
    -- The account's row is the lock: whoever deactivates the account or resets its password meanwhile waits, and then
    -- finds this session or token; or was first, which is seen here.
    SELECT u.is_active INTO active FROM users AS u WHERE u.id = NEW.user_id FOR NO KEY UPDATE;
    IF NOT active THEN
        RAISE EXCEPTION 'This account is not active.' USING ERRCODE = 'HL401';
    END IF;
    NEW.is_gated := EXISTS (SELECT FROM user_passwords AS p WHERE p.user_id = NEW.user_id AND p.is_temporary);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION homelog.tg__gate() IS
    'Gates what is made while the account''s password is temporary, a session whatever it was opened with; refuses what '
    'is made for an account that is not active.';

CREATE FUNCTION homelog.tg__settle_password() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- As in tg__gate: a session is opened before or after this, never beside it.
    PERFORM FROM users AS u WHERE u.id = NEW.user_id FOR NO KEY UPDATE;
    IF NOT NEW.is_temporary THEN
        NEW.used_at := NULL;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION homelog.tg__settle_password() IS
    'Waits for sign-ins that are under way, and forgets the use of a password that is not temporary any more.';

CREATE FUNCTION homelog.tg__gate_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    gated boolean := TG_OP <> 'DELETE' AND NEW.is_temporary;
BEGIN
    UPDATE sessions AS s SET is_gated = gated
    WHERE s.user_id = coalesce(NEW.user_id, OLD.user_id) AND s.ended_at IS NULL AND s.is_gated <> gated;
    UPDATE device_tokens AS t SET is_gated = gated
    WHERE t.user_id = coalesce(NEW.user_id, OLD.user_id) AND t.is_gated <> gated;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__gate_all() IS
    'Gates the living sessions and the tokens of an account whose password becomes temporary, and frees them afterwards.';

CREATE OR REPLACE FUNCTION homelog.tg__audit_token() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO audit_logs (user_id, event_type, details)
    VALUES (
        homelog.current_user_id(),
        CASE TG_OP WHEN 'INSERT' THEN 'create_token' ELSE 'delete_token' END,
        jsonb_strip_nulls(to_jsonb(CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END) - '{token_hash,is_gated}'::text[])
    );
    RETURN NULL;
END
$$;

CREATE TRIGGER _050_gate
    BEFORE INSERT ON sessions
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__gate();
CREATE TRIGGER _060_gate
    BEFORE INSERT ON device_tokens
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__gate();
CREATE TRIGGER _050_settle
    BEFORE INSERT OR UPDATE OF is_temporary ON user_passwords
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__settle_password();
CREATE TRIGGER _500_gate_all
    AFTER INSERT OR UPDATE OF is_temporary OR DELETE ON user_passwords
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__gate_all();

-- Temporary passwords

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
    -- Refused as whoever it is the session of, which the next transaction does; and the token stays good for afterwards.
    IF live.is_gated THEN
        RETURN QUERY SELECT 'gated', live.id, live.user_id, live.auth_provider, live.created_at, successors[1];
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
    'parent came once more within the grace: the successor that it got); gated (nothing was replaced: the password is '
    'temporary); reused (an older token: the session has been ended); dead (unknown, ended or expired). However often it is '
    'refreshed, a session ends so long after signing in as is absolute.';

CREATE FUNCTION homelog.has_expired(password user_passwords) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT password.is_temporary AND password.created_at <= now() - interval '24 hours';
$$;
COMMENT ON FUNCTION homelog.has_expired(user_passwords) IS 'Whether a temporary password is older than its 24 hours.';

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
    WHERE u.email = wanted AND p.used_at IS NULL AND NOT homelog.has_expired(p);
END
$$;
COMMENT ON FUNCTION homelog.find_credentials(citext) IS
    'What sign-in needs to check a password: by e-mail, whatever its case. A temporary password that was used or has '
    'expired is none. The hash never leaves the service.';

CREATE OR REPLACE FUNCTION homelog.own_credentials() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT p.password_hash FROM user_passwords AS p
        WHERE p.user_id = homelog.current_user_id() AND NOT homelog.has_expired(p)
    );
END
$$;

CREATE FUNCTION homelog.use_password(owner uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    UPDATE user_passwords AS p SET used_at = now()
    WHERE p.user_id = owner AND p.is_temporary AND p.used_at IS NULL AND NOT homelog.has_expired(p);
    RETURN FOUND OR NOT EXISTS (SELECT FROM user_passwords AS p WHERE p.user_id = owner AND p.is_temporary);
END
$$;
COMMENT ON FUNCTION homelog.use_password(uuid) IS
    'Spends a temporary password, and leaves any other as it is; false for one that was spent or has expired.';

CREATE OR REPLACE FUNCTION homelog.open_session_by_password(
    owner uuid, checked_hash text, first_token_hash bytea, lifetime interval
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT homelog.confirm_password(owner, checked_hash) OR NOT homelog.use_password(owner) THEN
        RETURN NULL;
    END IF;
    RETURN homelog.open_session(owner, 'password', first_token_hash, lifetime);
END
$$;
COMMENT ON FUNCTION homelog.open_session_by_password(uuid, text, bytea, interval) IS
    'Opens a session for whoever knew the password that was checked; null if it has been changed, or being temporary '
    'used, meanwhile.';

CREATE FUNCTION homelog.give_password(owner uuid, new_hash text, is_temporary boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- The account before its password, as everyone locks them.
    PERFORM FROM users AS u WHERE u.id = owner FOR NO KEY UPDATE;
    INSERT INTO user_passwords AS p (user_id, password_hash, is_temporary)
    VALUES (owner, new_hash, give_password.is_temporary)
    ON CONFLICT (user_id) DO UPDATE
        SET password_hash = excluded.password_hash, is_temporary = excluded.is_temporary, created_at = now(),
            used_at = NULL;
    UPDATE sessions AS s SET ended_at = now() WHERE s.user_id = owner AND s.ended_at IS NULL;
END
$$;
COMMENT ON FUNCTION homelog.give_password(uuid, text, boolean) IS
    'Gives an account a password and ends the sessions that it has. Called by functions that have asked who may.';

-- Admins

CREATE FUNCTION homelog.demand_admin() RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF homelog.current_token_id() IS NOT NULL OR NOT EXISTS (
        SELECT FROM users AS u WHERE u.id = homelog.current_user_id() AND u.role = 'admin' AND u.is_active
    ) THEN
        RAISE EXCEPTION 'There is nothing here that you can see.' USING ERRCODE = 'HL404';
    END IF;
END
$$;
COMMENT ON FUNCTION homelog.demand_admin() IS
    'HL404 unless an admin is calling, signed in: for others the administration of accounts is not there.';

-- No definer, as check_session().
CREATE FUNCTION homelog.is_fresh(freshness interval) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM sessions AS s
        WHERE s.id = homelog.current_session_id() AND s.created_at > now() - freshness
    );
$$;
COMMENT ON FUNCTION homelog.is_fresh(interval) IS
    'Whether the caller signed in no longer ago than that. Refreshing a session makes it no younger.';

CREATE FUNCTION homelog.list_accounts(
    wanted_role text, wanted_active boolean, said text, after uuid, at_most integer
) RETURNS TABLE (account users, is_password_temp boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM homelog.demand_admin();
    -- The passwords are looked up for what is shown and no more.
    RETURN QUERY
    SELECT u, coalesce((SELECT p.is_temporary FROM user_passwords AS p WHERE p.user_id = u.id), false)
    FROM users AS u
    WHERE u.id > coalesce(after, '00000000-0000-0000-0000-000000000000')
      AND (wanted_role IS NULL OR u.role = wanted_role)
      AND (wanted_active IS NULL OR u.is_active = wanted_active)
      AND (said IS NULL OR strpos(u.email, said::citext) > 0 OR strpos(u.username, said::citext) > 0
           OR strpos(u.display_name::text::citext, said::citext) > 0)
    ORDER BY u.id
    LIMIT at_most;
END
$$;
COMMENT ON FUNCTION homelog.list_accounts(text, boolean, text, uuid, integer) IS
    'Accounts in the order of their making, for admins; filters that are null take in all.';

CREATE FUNCTION homelog.get_account(wanted uuid) RETURNS TABLE (account users, is_password_temp boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM homelog.demand_admin();
    RETURN QUERY
    SELECT u, coalesce(p.is_temporary, false)
    FROM users AS u
    LEFT JOIN user_passwords AS p ON p.user_id = u.id
    WHERE u.id = wanted;
END
$$;
COMMENT ON FUNCTION homelog.get_account(uuid) IS 'An account, for admins.';

CREATE FUNCTION homelog.make_account(
    new_email citext, new_display_name text, new_role text, new_hash text, freshness interval
) RETURNS users
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    made users;
BEGIN
    PERFORM homelog.demand_admin();
    IF new_role = 'admin' AND NOT homelog.is_fresh(freshness) THEN
        RETURN NULL;
    END IF;
    INSERT INTO users (email, display_name, role)
    VALUES (new_email, new_display_name, new_role)
    RETURNING * INTO made;
    PERFORM homelog.give_password(made.id, new_hash, true);
    RETURN made;
END
$$;
COMMENT ON FUNCTION homelog.make_account(citext, text, text, text, interval) IS
    'Makes an account with a temporary password, for admins; null, and nothing made, for an admin''s unless the caller signed '
    'in no longer ago than that.';

CREATE FUNCTION homelog.change_account(
    wanted uuid, versions timestamptz[], changes jsonb, freshness interval
) RETURNS TABLE (may boolean, fresh boolean, account users, is_password_temp boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    allowed constant boolean := NOT changes ? 'role' OR homelog.is_fresh(freshness);
BEGIN
    PERFORM homelog.demand_admin();
    RETURN QUERY
    WITH changed AS (
        UPDATE users AS u
        SET
            role = CASE WHEN changes ? 'role' THEN changes ->> 'role' ELSE u.role END,
            is_active = CASE WHEN changes ? 'is_active' THEN (changes ->> 'is_active')::boolean ELSE u.is_active END,
            display_name = CASE WHEN changes ? 'display_name' THEN changes ->> 'display_name' ELSE u.display_name END
        WHERE u.id = wanted AND allowed AND (versions IS NULL OR u.updated_at = ANY (versions))
        RETURNING u.id, u AS account
    )

    SELECT allowed, (c.id IS NOT NULL), c.account, coalesce(p.is_temporary, false)
    FROM users AS u
    LEFT JOIN changed AS c ON c.id = u.id
    LEFT JOIN user_passwords AS p ON p.user_id = u.id
    WHERE u.id = wanted;
END
$$;
COMMENT ON FUNCTION homelog.change_account(uuid, timestamptz[], jsonb, interval) IS
    'Changes what was sent of an account''s role, is_active and display_name, for admins, a role only for those who signed '
    'in no longer ago than that (else: may not); not fresh: it has no such version any more.';

CREATE FUNCTION homelog.delete_account(
    wanted uuid, versions timestamptz[], freshness interval
) RETURNS TABLE (may boolean, fresh boolean, id uuid)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM homelog.demand_admin();
    IF NOT homelog.is_fresh(freshness) THEN
        RETURN QUERY SELECT false, false, u.id FROM users AS u WHERE u.id = wanted;
        RETURN;
    END IF;
    -- As for one's own: one account at a time, and all that changes with it before its row.
    PERFORM pg_advisory_xact_lock(hashtext('homelog: an account goes'));
    PERFORM homelog.lock_account(wanted);
    RETURN QUERY
    WITH gone AS (
        DELETE FROM users AS u
        WHERE u.id = wanted AND (versions IS NULL OR u.updated_at = ANY (versions))
        RETURNING u.id
    )

    SELECT true, (g.id IS NOT NULL), u.id
    FROM users AS u
    LEFT JOIN gone AS g ON g.id = u.id
    WHERE u.id = wanted;
END
$$;
COMMENT ON FUNCTION homelog.delete_account(uuid, timestamptz[], interval) IS
    'Deletes an account and what it alone administers, for admins who signed in no longer ago than that (else: may not); '
    'not fresh: it has no such version any more.';

CREATE FUNCTION homelog.reset_password(wanted uuid, new_hash text, freshness interval)
RETURNS TABLE (may boolean, account users, is_password_temp boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM homelog.demand_admin();
    -- Whoever knows their password need not reset it; whoever does not has only found a session.
    IF wanted = homelog.current_user_id() THEN
        RAISE EXCEPTION 'This is your own account: use PUT /v1/me/password.'
            USING ERRCODE = 'integrity_constraint_violation', TABLE = 'user_passwords',
                  CONSTRAINT = 'user_passwords_own_reset';
    END IF;
    PERFORM FROM users AS u WHERE u.id = wanted FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF NOT homelog.is_fresh(freshness) THEN
        RETURN QUERY SELECT false, g.account, g.is_password_temp FROM homelog.get_account(wanted) AS g;
        RETURN;
    END IF;
    PERFORM homelog.give_password(wanted, new_hash, true);
    INSERT INTO audit_logs (user_id, event_type, details)
    VALUES (homelog.current_user_id(), 'reset_password', jsonb_build_object('id', wanted));
    RETURN QUERY SELECT true, g.account, g.is_password_temp FROM homelog.get_account(wanted) AS g;
END
$$;
COMMENT ON FUNCTION homelog.reset_password(uuid, text, interval) IS
    'Gives somebody else''s account a temporary password and ends its sessions, for admins who signed in no longer ago than '
    'that (else: may not); no row if there is no such account.';

CREATE FUNCTION homelog.list_audit(
    since timestamptz, until timestamptz, wanted_type text, before_time timestamptz, before_id bigint, at_most integer
) RETURNS TABLE (id bigint, event_time timestamptz, user_id uuid, source_id uuid, entry_id uuid, event_type text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM homelog.demand_admin();
    RETURN QUERY
    SELECT l.id, l.event_time, l.user_id, l.source_id, l.entry_id, l.event_type
    FROM audit_logs AS l
    WHERE l.event_time >= coalesce(since, '-infinity')
      AND l.event_time < coalesce(until, 'infinity')
      AND (l.event_time, l.id) < (coalesce(before_time, 'infinity'), coalesce(before_id, 9223372036854775807))
      AND (wanted_type IS NULL OR l.event_type = wanted_type)
    ORDER BY l.event_time DESC, l.id DESC
    LIMIT at_most;
END
$$;
COMMENT ON FUNCTION homelog.list_audit(timestamptz, timestamptz, text, timestamptz, bigint, integer) IS
    'Who did what, newest first, for admins: every row, none with its details.';

CREATE FUNCTION homelog.list_audit_of_user(
    wanted uuid, since timestamptz, until timestamptz, wanted_type text, before_id bigint, at_most integer
) RETURNS TABLE (id bigint, event_time timestamptz, user_id uuid, source_id uuid, entry_id uuid, event_type text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM homelog.demand_admin();
    RETURN QUERY
    SELECT l.id, l.event_time, l.user_id, l.source_id, l.entry_id, l.event_type
    FROM audit_logs AS l
    WHERE l.user_id >= wanted AND (l.user_id, l.id) < (wanted, coalesce(before_id, 9223372036854775807))
      AND (l.event_time < since) IS NOT TRUE
      AND (l.event_time >= until) IS NOT TRUE
      AND (wanted_type IS NULL OR l.event_type = wanted_type)
    ORDER BY l.user_id DESC, l.id DESC
    LIMIT at_most;
END
$$;
COMMENT ON FUNCTION homelog.list_audit_of_user(uuid, timestamptz, timestamptz, text, bigint, integer) IS
    'What one account did, newest first, for admins: without details.';

-- For operators, who are no account: whoever may act as the owner of the tables.

CREATE FUNCTION homelog.make_admin(
    new_email citext, new_display_name text, new_hash text, is_temporary boolean
) RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    made uuid;
BEGIN
    INSERT INTO users (email, display_name, role) VALUES (new_email, new_display_name, 'admin') RETURNING id INTO made;
    PERFORM homelog.give_password(made, new_hash, make_admin.is_temporary);
    RETURN made;
END
$$;
COMMENT ON FUNCTION homelog.make_admin(citext, text, text, boolean) IS
    'Makes an admin. Granted to nobody: the service must not make admins at will.';

CREATE FUNCTION homelog.recover_account(wanted citext, new_hash text, is_temporary boolean) RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    found users;
BEGIN
    SELECT u.* INTO found FROM users AS u WHERE u.email = wanted;
    IF found.id IS NULL THEN
        RETURN NULL;
    END IF;
    IF NOT found.is_active THEN
        RAISE EXCEPTION 'This account is deactivated; an admin activates it with PATCH /v1/users/{user_id} '
            '{"is_active": true}, then reset its password.' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    PERFORM homelog.give_password(found.id, new_hash, recover_account.is_temporary);
    INSERT INTO audit_logs (event_type, details) VALUES ('reset_password', jsonb_build_object('id', found.id));
    RETURN found.id;
END
$$;
COMMENT ON FUNCTION homelog.recover_account(citext, text, boolean) IS
    'Gives an active account a new password and ends its sessions; null if none has this e-mail, a sentence if the one '
    'that has it is deactivated. Granted to nobody, as make_admin().';

-- The last admin

CREATE FUNCTION homelog.tg__keep_last_admin() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Two admins who remove each other at once: the second waits here, and then sees that it is the last. It would not
    -- see it under a snapshot that is older than its turn.
    PERFORM pg_advisory_xact_lock(hashtext('homelog: an admin goes'));
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'Admins go under READ COMMITTED.' USING ERRCODE = 'feature_not_supported';
    END IF;
    IF EXISTS (SELECT FROM users AS u WHERE u.role = 'admin' AND u.is_active) THEN
        RETURN NULL;
    END IF;
    -- Where no account is left, nothing is left to administer, and the next one made is an admin again. Whoever registers
    -- just now has found an account, and is none.
    IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM users) THEN
        LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    IF EXISTS (SELECT FROM users) THEN
        RAISE EXCEPTION 'The last active admin stays: make somebody else admin first.'
            USING ERRCODE = 'integrity_constraint_violation', TABLE = 'users', CONSTRAINT = 'users_last_admin';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__keep_last_admin() IS
    'Refuses to delete, demote or deactivate the last active admin while there are accounts.';

CREATE FUNCTION homelog.tg__end_sessions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    UPDATE sessions AS s SET ended_at = now() WHERE s.user_id = NEW.id AND s.ended_at IS NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__end_sessions() IS 'Ends the sessions of an account that is deactivated, for good.';

CREATE FUNCTION homelog.tg__audit_standing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO audit_logs (user_id, event_type, details)
    SELECT homelog.current_user_id(), told.event, told.details
    FROM (VALUES
        ('change_role', NEW.role <> OLD.role, jsonb_build_object('id', NEW.id, 'old', OLD.role, 'new', NEW.role)),
        ('deactivate_user', OLD.is_active AND NOT NEW.is_active, jsonb_build_object('id', NEW.id)),
        ('activate_user', NEW.is_active AND NOT OLD.is_active, jsonb_build_object('id', NEW.id))
    ) AS told (event, happened, details)
    WHERE told.happened;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__audit_standing() IS 'Audits what an account is made or unmade.';

-- lock: SHARE ROW EXCLUSIVE on users, for the moment that it takes to note the triggers.
CREATE TRIGGER _700_keep_last_admin_delete
    AFTER DELETE ON users
    FOR EACH ROW WHEN (OLD.role = 'admin' AND OLD.is_active)
    EXECUTE FUNCTION homelog.tg__keep_last_admin();
CREATE TRIGGER _700_keep_last_admin_update
    AFTER UPDATE ON users
    FOR EACH ROW WHEN (OLD.role = 'admin' AND OLD.is_active AND NOT (NEW.role = 'admin' AND NEW.is_active))
    EXECUTE FUNCTION homelog.tg__keep_last_admin();
CREATE TRIGGER _800_end_sessions
    AFTER UPDATE ON users
    FOR EACH ROW WHEN (OLD.is_active AND NOT NEW.is_active)
    EXECUTE FUNCTION homelog.tg__end_sessions();
-- What _910 tells with its values, _900 need not tell by its name.
CREATE OR REPLACE TRIGGER _900_audit
    AFTER INSERT OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_user', 'update_user', 'delete_user', '', 'names');
CREATE TRIGGER _900_audit_update
    AFTER UPDATE ON users
    FOR EACH ROW WHEN (
        (OLD.id, OLD.email::text, OLD.username::text, OLD.display_name, OLD.created_at)
        IS DISTINCT FROM (NEW.id, NEW.email::text, NEW.username::text, NEW.display_name, NEW.created_at)
    )
    EXECUTE FUNCTION homelog.tg__audit('create_user', 'update_user', 'delete_user', '', 'names');
CREATE TRIGGER _910_audit_standing
    AFTER UPDATE ON users
    FOR EACH ROW WHEN (OLD.role <> NEW.role OR OLD.is_active <> NEW.is_active)
    EXECUTE FUNCTION homelog.tg__audit_standing();

GRANT SELECT (is_gated) ON device_tokens TO homelog_api, homelog_ops;
GRANT EXECUTE ON FUNCTION
    homelog.act_as_gated(uuid, uuid),
    homelog.act_as_gated_token(bytea),
    homelog.demand_admin(),
    homelog.list_accounts(text, boolean, text, uuid, integer),
    homelog.get_account(uuid),
    homelog.make_account(citext, text, text, text, interval),
    homelog.change_account(uuid, timestamptz[], jsonb, interval),
    homelog.delete_account(uuid, timestamptz[], interval),
    homelog.reset_password(uuid, text, interval),
    homelog.list_audit(timestamptz, timestamptz, text, timestamptz, bigint, integer),
    homelog.list_audit_of_user(uuid, timestamptz, timestamptz, text, bigint, integer)
    TO homelog_api;
