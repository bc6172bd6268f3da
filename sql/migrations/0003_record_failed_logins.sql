-- A sign-in that fails leaves an audit row in the name of the account that was tried, which row security lets nobody
-- write who is not signed in. And one must fail whose password was changed while it was being checked: hashing holds
-- no transaction, so what was checked is confirmed, under a lock, before it opens or changes anything.
-- depends: 0002_create_care_events

SET LOCAL ROLE homelog_owner;

CREATE FUNCTION homelog.record_failed_login(tried citext) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Without the e-mail: people type passwords there, and an address without an account is still somebody's.
    INSERT INTO audit_logs (user_id, event_type, details)
    VALUES ((SELECT u.id FROM users AS u WHERE u.email = tried), 'login_failed', '{"provider": "password"}');
END
$$;
COMMENT ON FUNCTION homelog.record_failed_login(citext) IS
    'Notes that a sign-in failed, in the name of the account that has the e-mail, or of nobody.';

CREATE FUNCTION homelog.confirm_password(owner uuid, checked_hash text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM
    FROM users AS u
    JOIN user_passwords AS p ON p.user_id = u.id
    WHERE u.id = owner AND u.is_active AND p.password_hash = checked_hash
    FOR NO KEY UPDATE OF u, p;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION homelog.confirm_password(uuid, text) IS
    'Whether an active account still has the password that was checked; it stays so until the transaction ends.';

CREATE FUNCTION homelog.open_session_by_password(
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

CREATE FUNCTION homelog.change_own_password(checked_hash text, new_hash text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT homelog.confirm_password(homelog.current_user_id(), checked_hash) THEN
        RETURN false;
    END IF;
    PERFORM homelog.set_own_password(new_hash);
    PERFORM homelog.end_sessions(homelog.current_session_id());
    RETURN true;
END
$$;
COMMENT ON FUNCTION homelog.change_own_password(text, text) IS
    'Replaces the caller''s password, if it is still the one that was checked, and ends their other sessions.';

GRANT EXECUTE ON FUNCTION
    homelog.record_failed_login(citext),
    homelog.open_session_by_password(uuid, text, bytea, interval),
    homelog.change_own_password(text, text)
    TO homelog_api;
