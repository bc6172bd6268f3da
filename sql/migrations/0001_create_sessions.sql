-- Signing in makes a session; its refresh token is opaque, stored as a hash and replaced each time it is used. A used
-- token is kept, so that a copy that turns up later is known for what it is and ends the session. An access token
-- names its session, and act_as() asks on every request whether that is still alive.
-- depends:

SET LOCAL ROLE homelog_owner;

CREATE TABLE sessions (
    id             uuid         PRIMARY KEY DEFAULT uuidv7(),
    user_id        uuid         NOT NULL,
    auth_provider  text         NOT NULL,
    created_at     timestamptz  NOT NULL DEFAULT now(),
    last_used_at   timestamptz  NOT NULL DEFAULT now(),
    expires_at     timestamptz  NOT NULL,
    ended_at       timestamptz,

    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT sessions_auth_provider_form CHECK (auth_provider ~ '^[a-z]{1,20}$')
);

COMMENT ON TABLE sessions IS 'Sign-ins: one row each, from sign-in to log-out.';
COMMENT ON COLUMN sessions.auth_provider IS 'How it was opened: password, or who vouched.';
COMMENT ON COLUMN sessions.last_used_at IS 'When its refresh token was last used.';
COMMENT ON COLUMN sessions.expires_at IS 'When its newest refresh token stops working.';
COMMENT ON COLUMN sessions.ended_at IS 'When it was ended by log-out, a new password or a stolen token; null while it lives.';
COMMENT ON CONSTRAINT sessions_user_id_fkey ON sessions IS 'This account does not exist.';
COMMENT ON CONSTRAINT sessions_auth_provider_form ON sessions IS 'A provider is one lowercase word.';

CREATE INDEX sessions_user_id_idx ON sessions (user_id);

CREATE TABLE refresh_tokens (
    token_hash   bytea        PRIMARY KEY,
    session_id   uuid         NOT NULL,
    created_at   timestamptz  NOT NULL DEFAULT now(),
    replaced_at  timestamptz,

    CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE,
    CONSTRAINT refresh_tokens_token_hash_sha256 CHECK (octet_length(token_hash) = 32)
);

COMMENT ON TABLE refresh_tokens IS 'Every refresh token that a session had; the newest one is not replaced.';
COMMENT ON COLUMN refresh_tokens.token_hash IS 'SHA-256 of the token; the token itself is stored nowhere. Secret.';
COMMENT ON CONSTRAINT refresh_tokens_session_id_fkey ON refresh_tokens IS 'This session does not exist.';
COMMENT ON CONSTRAINT refresh_tokens_token_hash_sha256 ON refresh_tokens IS 'A token is stored as its SHA-256 hash.';

CREATE INDEX refresh_tokens_session_id_idx ON refresh_tokens (session_id, created_at);

CREATE FUNCTION homelog.current_session_id() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN nullif(pg_catalog.current_setting('homelog.session_id', true), '')::pg_catalog.uuid;
END
$$;
COMMENT ON FUNCTION homelog.current_session_id() IS 'The session that this request came with, null for none.';

CREATE FUNCTION homelog.act_as(caller uuid, session uuid, named uuid[]) RETURNS void
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

CREATE FUNCTION homelog.open_session(owner uuid, provider text, first_token_hash bytea, lifetime interval) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    opened uuid;
BEGIN
    INSERT INTO sessions (user_id, auth_provider, expires_at)
    VALUES (owner, provider, now() + lifetime)
    RETURNING id INTO opened;
    INSERT INTO refresh_tokens (token_hash, session_id) VALUES (first_token_hash, opened);
    PERFORM homelog.record_login(owner, jsonb_build_object('provider', provider, 'session_id', opened));
    PERFORM set_config('homelog.user_id', owner::text, true),
            set_config('homelog.session_id', opened::text, true);
    RETURN opened;
END
$$;
COMMENT ON FUNCTION homelog.open_session(uuid, text, bytea, interval) IS
    'Opens a session for somebody who has proved who they are, and acts as them for the rest of the transaction. Called '
    'by functions that have seen the proof, never by the service itself.';

CREATE FUNCTION homelog.refresh_session(
    token bytea, successor bytea, lifetime interval, grace interval
) RETURNS TABLE (verdict text, session_id uuid, user_id uuid, auth_provider text, created_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    held  refresh_tokens;
    live  sessions;
    found text;
BEGIN
    -- The session's row is the lock: of fifty refreshes at once one rotates and the others see that it did.
    SELECT s.* INTO live
    FROM sessions AS s
    WHERE s.id = (SELECT t.session_id FROM refresh_tokens AS t WHERE t.token_hash = token)
      AND EXISTS (SELECT FROM users AS u WHERE u.id = s.user_id AND u.is_active)
    FOR NO KEY UPDATE;
    IF live.id IS NULL OR live.ended_at IS NOT NULL OR live.expires_at <= now() THEN
        RETURN QUERY SELECT 'dead', NULL::uuid, NULL::uuid, NULL::text, NULL::timestamptz;
        RETURN;
    END IF;

    SELECT t.* INTO held FROM refresh_tokens AS t WHERE t.token_hash = token;
    IF held.replaced_at IS NULL THEN
        UPDATE refresh_tokens AS t SET replaced_at = clock_timestamp() WHERE t.token_hash = token;
        INSERT INTO refresh_tokens (token_hash, session_id, created_at) VALUES (successor, live.id, clock_timestamp());
        UPDATE sessions AS s SET last_used_at = now(), expires_at = now() + lifetime WHERE s.id = live.id;
        found := 'rotated';
    ELSIF held.replaced_at > clock_timestamp() - grace AND EXISTS (
        SELECT FROM refresh_tokens AS t WHERE t.token_hash = successor AND t.replaced_at IS NULL
    ) THEN
        found := 'again';
    ELSE
        UPDATE sessions AS s SET ended_at = now() WHERE s.id = live.id;
        INSERT INTO audit_logs (user_id, event_type, details)
        VALUES (live.user_id, 'refresh_reused', jsonb_build_object('session_id', live.id));
        found := 'reused';
    END IF;
    RETURN QUERY SELECT found, live.id, live.user_id, live.auth_provider, live.created_at;
END
$$;
COMMENT ON FUNCTION homelog.refresh_session(bytea, bytea, interval, interval) IS
    'Replaces a refresh token by its successor. Verdict: rotated; again (the parent came once more within the grace: '
    'the same successor); reused (an older token: the session has been ended); dead (unknown, ended or expired).';

CREATE FUNCTION homelog.end_session_of_token(token bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    ended sessions;
BEGIN
    UPDATE sessions AS s SET ended_at = now()
    WHERE s.id = (SELECT t.session_id FROM refresh_tokens AS t WHERE t.token_hash = token) AND s.ended_at IS NULL
    RETURNING * INTO ended;
    IF ended.id IS NULL THEN
        RETURN false;
    END IF;
    INSERT INTO audit_logs (user_id, event_type, details)
    VALUES (ended.user_id, 'logout', jsonb_build_object('session_id', ended.id));
    RETURN true;
END
$$;
COMMENT ON FUNCTION homelog.end_session_of_token(bytea) IS 'Ends the session that a refresh token belongs to.';

CREATE FUNCTION homelog.end_sessions(keep uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    ended integer;
BEGIN
    UPDATE sessions AS s SET ended_at = now()
    WHERE s.user_id = homelog.current_user_id() AND s.ended_at IS NULL AND s.id IS DISTINCT FROM keep;
    GET DIAGNOSTICS ended = ROW_COUNT;
    RETURN ended;
END
$$;
COMMENT ON FUNCTION homelog.end_sessions(uuid) IS 'Ends the caller''s sessions but the one to keep; says how many.';

ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
ALTER TABLE refresh_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE refresh_tokens FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON sessions TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON sessions IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON sessions FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON sessions IS 'Operators read all.';
CREATE POLICY select_reader ON sessions FOR SELECT TO homelog_api
    USING (user_id = (SELECT homelog.current_user_id()));
COMMENT ON POLICY select_reader ON sessions IS 'One sees one''s own sessions.';
CREATE POLICY update_writer ON sessions FOR UPDATE TO homelog_api
    USING (user_id = (SELECT homelog.current_user_id()))
    WITH CHECK (user_id = (SELECT homelog.current_user_id()) AND ended_at IS NOT NULL);
COMMENT ON POLICY update_writer ON sessions IS 'One ends one''s own sessions; none comes back to life.';
CREATE POLICY owner_all ON refresh_tokens TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON refresh_tokens IS 'Only the owner''s functions touch tokens; nobody else sees even a hash.';

GRANT EXECUTE ON FUNCTION
    homelog.current_session_id(),
    homelog.act_as(uuid, uuid, uuid[]),
    homelog.refresh_session(bytea, bytea, interval, interval),
    homelog.end_session_of_token(bytea)
    TO homelog_api;
GRANT SELECT ON sessions TO homelog_api, homelog_ops;
GRANT UPDATE (ended_at) ON sessions TO homelog_api;
