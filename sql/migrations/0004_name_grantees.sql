-- The answer to a grant names the person, whom row security hides from everyone but themselves: people_of_source()
-- cannot see a row that its own statement is making. And a person who is not there must be refused before the grant is
-- made, with a pointer to the field that named them.
-- depends: 0003_record_failed_logins

SET LOCAL ROLE homelog_owner;

CREATE FUNCTION homelog.find_grantee(wanted_source uuid, wanted_id uuid, wanted_email citext)
RETURNS TABLE (user_id uuid, email citext, display_name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT wanted_source = ANY (homelog.administered_sources()) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT u.id, u.email, u.display_name::text
    FROM users AS u
    WHERE u.id = homelog.find_user(wanted_id, wanted_email);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'This account does not exist.'
            USING ERRCODE = 'foreign_key_violation', TABLE = 'user_source_access',
                  COLUMN = CASE WHEN wanted_id IS NULL THEN 'email' ELSE 'user_id' END,
                  CONSTRAINT = 'user_source_access_user_id_fkey';
    END IF;
END
$$;
COMMENT ON FUNCTION homelog.find_grantee(uuid, uuid, citext) IS
    'The active account that an admin of a source names by id or e-mail to grant it access; a foreign key violation '
    'where there is none, no row for anyone else who asks.';

GRANT EXECUTE ON FUNCTION homelog.find_grantee(uuid, uuid, citext) TO homelog_api;
