-- Everybody is signed out: without the table no session can be alive.

SET LOCAL ROLE homelog_owner;

DROP FUNCTION homelog.end_sessions(uuid);
DROP FUNCTION homelog.end_session_of_token(bytea);
DROP FUNCTION homelog.refresh_session(bytea, bytea, interval, interval);
DROP FUNCTION homelog.open_session(uuid, text, bytea, interval);
DROP FUNCTION homelog.act_as(uuid, uuid, uuid[]);
DROP FUNCTION homelog.current_session_id();
DROP TABLE refresh_tokens;
DROP TABLE sessions;
