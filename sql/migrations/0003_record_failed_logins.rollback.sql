-- The rows that were written stay.

SET LOCAL ROLE homelog_owner;

DROP FUNCTION homelog.change_own_password(text, text);
DROP FUNCTION homelog.open_session_by_password(uuid, text, bytea, interval);
DROP FUNCTION homelog.confirm_password(uuid, text);
DROP FUNCTION homelog.record_failed_login(citext);
