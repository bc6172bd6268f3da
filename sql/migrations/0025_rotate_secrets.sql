-- The secret that refresh tokens follow from may be replaced while a lost answer is being asked for again: the
-- successor is then the one that the former secret made. So a refresh names every successor that a token may have, the
-- one to make first. And a browser's refresh and log-out prove that a page of ours asks for them before anything
-- happens, which needs the session of a token that is not used yet.
-- depends: 0024_mend_members

SET LOCAL ROLE homelog_owner;

CREATE FUNCTION homelog.rotate_refresh_token(
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

-- A service that has not been replaced yet calls it so; a later release drops it.
CREATE OR REPLACE FUNCTION homelog.refresh_session(
    token bytea, successor bytea, lifetime interval, grace interval
) RETURNS TABLE (verdict text, session_id uuid, user_id uuid, auth_provider text, created_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT r.verdict, r.session_id, r.user_id, r.auth_provider, r.created_at
    FROM homelog.rotate_refresh_token(
        token, ARRAY[refresh_session.successor], lifetime, interval '180 days', grace
    ) AS r;
END
$$;

CREATE FUNCTION homelog.session_of_refresh_token(token bytea) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT s.id
        FROM refresh_tokens AS t
        JOIN sessions AS s ON s.id = t.session_id
        WHERE t.token_hash = token AND s.ended_at IS NULL AND s.expires_at > now()
    );
END
$$;
COMMENT ON FUNCTION homelog.session_of_refresh_token(bytea) IS
    'The session that a refresh token is or was of, null for one that has ended or never was.';

GRANT EXECUTE ON FUNCTION
    homelog.rotate_refresh_token(bytea, bytea[], interval, interval, interval),
    homelog.session_of_refresh_token(bytea)
    TO homelog_api;
