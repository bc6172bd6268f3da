-- Sessions and tokens stay as they are.

SET LOCAL ROLE homelog_owner;

CREATE OR REPLACE FUNCTION homelog.refresh_session(
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

DROP FUNCTION homelog.session_of_refresh_token(bytea);
DROP FUNCTION homelog.rotate_refresh_token(bytea, bytea[], interval, interval, interval);
