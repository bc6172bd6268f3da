-- Undoes 0028_sign_in_with_providers. Identities stay and open nothing until it is done again. Those of another issuer than
-- Google's and LINE's own would be somebody else's then: they go, unless an account has no other way in, which stops this.

SET LOCAL ROLE homelog_owner;

DO $$
DECLARE
    locked_out bigint;
BEGIN
    LOCK TABLE user_oauth_identities IN SHARE ROW EXCLUSIVE MODE;
    SELECT count(DISTINCT i.user_id) INTO locked_out
    FROM user_oauth_identities AS i
    WHERE NOT EXISTS (SELECT FROM user_passwords AS p WHERE p.user_id = i.user_id AND NOT p.is_temporary)
      AND NOT EXISTS (
          SELECT FROM user_oauth_identities AS o
          WHERE o.user_id = i.user_id
            AND (o.provider, o.issuer) IN (('google', 'https://accounts.google.com'), ('line', 'https://access.line.me'))
      );
    IF locked_out > 0 THEN
        RAISE EXCEPTION 'This would lock accounts out (%): their only way in is an identity of another issuer than Google''s '
            'and LINE''s own. Delete them, or have them set a password first.', locked_out;
    END IF;
END
$$;
DELETE FROM user_oauth_identities
WHERE (provider, issuer) NOT IN (('google', 'https://accounts.google.com'), ('line', 'https://access.line.me'));

DROP POLICY insert_writer ON user_oauth_identities;
DROP TRIGGER _900_audit ON user_oauth_identities;
DROP TRIGGER _100_refuse_truncate ON user_oauth_identities;
DROP TRIGGER _100_keep_a_way_in ON user_oauth_identities;
DROP FUNCTION homelog.tg__audit_identity();
DROP FUNCTION homelog.tg__keep_a_way_in();
DROP FUNCTION homelog.set_first_password(text, interval);
DROP FUNCTION homelog.keep_provider_tokens(uuid, text, text, timestamptz);
DROP FUNCTION homelog.record_failed_identity(auth_provider, text, text, text);
DROP FUNCTION homelog.sign_in_by_identity(auth_provider, text, text, citext, text, text, boolean, bytea, interval);
DROP FUNCTION homelog.spend_ticket(bytea, timestamptz);
DROP TABLE spent_tickets;
REVOKE INSERT (provider, issuer, provider_user_id, email, name, profile_image) ON user_oauth_identities
    FROM homelog_api;
ALTER TABLE user_oauth_identities DROP COLUMN issuer, ALTER COLUMN user_id DROP DEFAULT;
COMMENT ON TABLE user_oauth_identities IS 'Identities at LINE or Google that open an account.';
