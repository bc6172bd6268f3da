-- Whoever deletes their account while a reading of theirs is on its way must not leave their name on it: a reading's
-- recorded_by is no foreign key, which would have seen to that. The account waits for its turn at every source that it
-- may write to (homelog.lock_account); so who writes afterwards must learn that there is no account any more.
-- depends: 0025_rotate_secrets

SET LOCAL ROLE homelog_owner;

-- Not by the snapshot of the statement that inserts, which may be older than the account's end: by one of its own.
CREATE FUNCTION homelog.tg__require_account() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM users AS u WHERE u.id = homelog.current_user_id()) THEN
        RAISE EXCEPTION 'This account is not there any more.' USING ERRCODE = 'HL401';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__require_account() IS 'Refuses what an account writes that was deleted meanwhile.';

-- lock: SHARE ROW EXCLUSIVE on readings, for the moment that it takes to note the trigger.
CREATE TRIGGER _300_require_account
    AFTER INSERT ON readings
    FOR EACH STATEMENT WHEN (current_user = 'homelog_api')
    EXECUTE FUNCTION homelog.tg__require_account();
