-- Signing in with a provider. An identity is an issuer and its subject: whom `oidc` means is a setting, and another
-- issuer's subject of the same name must not open the account. Identities are linked, and never joined by e-mail.
-- What is carried through a browser is sealed by the service; that it is used once is kept here, for all workers.
-- depends: 0027_add_oidc_provider

SET LOCAL ROLE homelog_owner;

-- lock: ACCESS EXCLUSIVE on user_oauth_identities, which nothing in a running service writes and which is as short as
-- what a DBA put in.
ALTER TABLE user_oauth_identities ADD COLUMN issuer text;
DO $$
DECLARE
    unknown constant bigint := (SELECT count(*) FROM user_oauth_identities WHERE provider = 'oidc');
BEGIN
    -- Nobody has said whose they are, and a wrong issuer would open the account to somebody else.
    IF unknown > 0 THEN
        RAISE EXCEPTION 'Nobody knows whose the identities of oidc are (%): delete them first.', unknown;
    END IF;
END
$$;
-- Google and LINE are one issuer each; the rollback leaves no identity of another.
UPDATE user_oauth_identities
SET issuer = CASE provider WHEN 'line' THEN 'https://access.line.me' WHEN 'google' THEN 'https://accounts.google.com' END;
ALTER TABLE user_oauth_identities
    ALTER COLUMN issuer SET NOT NULL,
    ALTER COLUMN user_id SET DEFAULT homelog.current_user_id(),
    ADD CONSTRAINT user_oauth_identities_issuer_length CHECK (length(issuer) BETWEEN 1 AND 500);
COMMENT ON TABLE user_oauth_identities IS 'Identities at LINE, Google or another provider that open an account.';
COMMENT ON COLUMN user_oauth_identities.issuer IS
    'Whose subject it is: another issuer''s of the same name is somebody else.';
COMMENT ON CONSTRAINT user_oauth_identities_issuer_length ON user_oauth_identities IS
    'An issuer is a URL of at most 500 characters.';

CREATE TABLE spent_tickets (
    ticket_hash  bytea        PRIMARY KEY,
    expires_at   timestamptz  NOT NULL,

    CONSTRAINT spent_tickets_ticket_hash_sha256 CHECK (octet_length(ticket_hash) = 32)
);

COMMENT ON TABLE spent_tickets IS
    'What signing in with a provider carries through a browser or a client and has been used; forgotten once it would '
    'not work any more anyway.';
COMMENT ON COLUMN spent_tickets.ticket_hash IS 'SHA-256 of the ticket; the ticket itself is stored nowhere.';
COMMENT ON CONSTRAINT spent_tickets_ticket_hash_sha256 ON spent_tickets IS 'A ticket is stored as its SHA-256 hash.';

CREATE INDEX spent_tickets_expires_at_idx ON spent_tickets (expires_at);

CREATE FUNCTION homelog.spend_ticket(ticket bytea, until timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    spent boolean;
BEGIN
    -- Two who bring it at once: the second waits for the first, and then finds it spent.
    INSERT INTO spent_tickets (ticket_hash, expires_at) VALUES (ticket, until) ON CONFLICT DO NOTHING;
    spent := FOUND;
    DELETE FROM spent_tickets AS t
    WHERE t.ticket_hash = ANY (ARRAY(
        SELECT o.ticket_hash FROM spent_tickets AS o
        WHERE o.expires_at < now() - interval '1 hour' LIMIT 10 FOR UPDATE SKIP LOCKED
    ));
    RETURN spent;
END
$$;
COMMENT ON FUNCTION homelog.spend_ticket(bytea, timestamptz) IS
    'Whether a ticket is used for the first time; it counts as used from now on. Forgets a few that have expired.';

CREATE FUNCTION homelog.sign_in_by_identity(
    vouching auth_provider, its_issuer text, subject text, its_email citext, its_name text, its_picture text,
    may_register boolean, first_token_hash bytea, lifetime interval
) RETURNS TABLE (verdict text, session_id uuid, user_id uuid, identity_id uuid)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    known    user_oauth_identities;
    owner    users;
    new_user uuid;
BEGIN
    -- Twice at most: of two first sign-ins at once the second finds what the first has made.
    FOR round IN 1..2 LOOP
        SELECT i.* INTO known
        FROM user_oauth_identities AS i
        WHERE i.provider = vouching AND i.issuer = its_issuer AND i.provider_user_id = subject;
        IF FOUND THEN
            -- It stays active until the session is there.
            SELECT u.* INTO owner FROM users AS u WHERE u.id = known.user_id FOR NO KEY UPDATE;
            IF NOT coalesce(owner.is_active, false) THEN
                RETURN QUERY SELECT 'inactive', NULL::uuid, owner.id, known.id;
                RETURN;
            END IF;
            UPDATE user_oauth_identities AS i
            SET email = coalesce(its_email, i.email), name = its_name, profile_image = its_picture
            WHERE i.id = known.id;
            RETURN QUERY SELECT
                'opened', homelog.open_session(owner.id, vouching::text, first_token_hash, lifetime), owner.id, known.id;
            RETURN;
        END IF;

        IF its_email IS NULL OR NOT may_register THEN
            RETURN QUERY SELECT
                CASE WHEN may_register THEN 'email_required' ELSE 'closed' END, NULL::uuid, NULL::uuid, NULL::uuid;
            RETURN;
        END IF;

        -- As register_user(): two who come first at the same time must not both become admin.
        IF NOT EXISTS (SELECT FROM users) THEN
            PERFORM pg_advisory_xact_lock(hashtext('homelog: the first account'));
        END IF;
        new_user := uuidv7();
        PERFORM set_config('homelog.user_id', new_user::text, true);
        INSERT INTO users (id, email, display_name, role)
        VALUES (new_user, its_email, nullif(left(its_name, 100), ''),
                CASE WHEN EXISTS (SELECT FROM users) THEN 'operator' ELSE 'admin' END)
        ON CONFLICT (email) DO NOTHING;
        IF FOUND THEN
            INSERT INTO user_oauth_identities (user_id, provider, issuer, provider_user_id, email)
            VALUES (new_user, vouching, its_issuer, subject, its_email);
        ELSE
            PERFORM set_config('homelog.user_id', '', true);
        END IF;
    END LOOP;
    RETURN QUERY SELECT 'email_taken', NULL::uuid, NULL::uuid, NULL::uuid;
END
$$;
COMMENT ON FUNCTION homelog.sign_in_by_identity(
    auth_provider, text, text, citext, text, text, boolean, bytea, interval
) IS
    'Opens a session for whom a provider has vouched for, and acts as them for the rest of the transaction; makes the '
    'account where the identity has none. Verdict: opened; email_required, email_taken (never joined by e-mail), closed '
    '(no new accounts) or inactive.';

CREATE FUNCTION homelog.record_failed_identity(
    vouching auth_provider, its_issuer text, subject text, reason text
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO audit_logs (user_id, event_type, details)
    VALUES (
        (
            SELECT i.user_id FROM user_oauth_identities AS i
            WHERE i.provider = vouching AND i.issuer = its_issuer AND i.provider_user_id = subject
        ),
        'login_failed',
        jsonb_build_object('provider', vouching, 'reason', reason)
    );
END
$$;
COMMENT ON FUNCTION homelog.record_failed_identity(auth_provider, text, text, text) IS
    'Notes that a sign-in with a provider failed, in the name of the account that the identity opens, or of nobody.';

CREATE FUNCTION homelog.keep_provider_tokens(
    identity uuid, sealed_access_token text, sealed_refresh_token text, expiry timestamptz
) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    UPDATE user_oauth_identities SET
        access_token = sealed_access_token,
        refresh_token = coalesce(sealed_refresh_token, refresh_token),
        token_expiry = expiry
    WHERE id = identity AND user_id = homelog.current_user_id();
$$;
COMMENT ON FUNCTION homelog.keep_provider_tokens(uuid, text, text, timestamptz) IS
    'Keeps the tokens that a provider gave for one of the caller''s identities, as the service has encrypted them. A '
    'provider gives a refresh token once: without a new one the old one stays.';

CREATE FUNCTION homelog.set_first_password(new_hash text, freshness interval) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- The account before its password, as everyone locks them: of two first passwords at once the second is none.
    PERFORM FROM users AS u WHERE u.id = homelog.current_user_id() FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM user_passwords AS p WHERE p.user_id = homelog.current_user_id())
        OR NOT EXISTS (
            SELECT FROM sessions AS s
            WHERE s.id = homelog.current_session_id() AND s.created_at > now() - freshness
        )
    THEN
        RETURN false;
    END IF;
    PERFORM homelog.set_own_password(new_hash);
    PERFORM homelog.end_sessions(homelog.current_session_id());
    RETURN true;
END
$$;
COMMENT ON FUNCTION homelog.set_first_password(text, interval) IS
    'Gives the caller a password who has none, if they signed in no longer ago than that, and ends their other sessions.';

CREATE FUNCTION homelog.tg__keep_a_way_in() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Two that are unlinked at the same time must not both go: the account's row is the lock. Where it is gone, its
    -- identities go with it.
    PERFORM FROM users WHERE id = OLD.user_id FOR NO KEY UPDATE;
    IF FOUND
        AND NOT EXISTS (SELECT FROM user_passwords AS p WHERE p.user_id = OLD.user_id AND NOT p.is_temporary)
        AND NOT EXISTS (SELECT FROM user_oauth_identities AS i WHERE i.user_id = OLD.user_id)
    THEN
        RAISE EXCEPTION 'This is the only way into your account; link another provider or set a password first.'
            USING ERRCODE = 'integrity_constraint_violation', TABLE = 'user_oauth_identities',
                  CONSTRAINT = 'user_oauth_identities_last_way_in';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__keep_a_way_in() IS 'Refuses to unlink the only identity of an account without a password.';

CREATE FUNCTION homelog.tg__audit_identity() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    told user_oauth_identities := CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END;
BEGIN
    -- What goes with its account is told by delete_user.
    IF TG_OP = 'INSERT' OR EXISTS (SELECT FROM users AS u WHERE u.id = told.user_id) THEN
        INSERT INTO audit_logs (user_id, event_type, details)
        VALUES (
            homelog.current_user_id(),
            CASE TG_OP WHEN 'INSERT' THEN 'link_identity' ELSE 'unlink_identity' END,
            jsonb_build_object('id', told.id, 'user_id', told.user_id, 'provider', told.provider)
        );
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__audit_identity() IS
    'Audits an identity that is linked or unlinked, without what the provider says of the person.';

-- lock: SHARE ROW EXCLUSIVE on user_oauth_identities, as above.
CREATE TRIGGER _100_keep_a_way_in
    AFTER DELETE ON user_oauth_identities
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__keep_a_way_in();
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON user_oauth_identities
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
CREATE TRIGGER _900_audit
    AFTER INSERT OR DELETE ON user_oauth_identities
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit_identity();

ALTER TABLE spent_tickets ENABLE ROW LEVEL SECURITY;
ALTER TABLE spent_tickets FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON spent_tickets TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON spent_tickets IS 'Only the owner''s function touches tickets.';
CREATE POLICY insert_writer ON user_oauth_identities FOR INSERT TO homelog_api
    WITH CHECK (user_id = (SELECT homelog.current_user_id()));
COMMENT ON POLICY insert_writer ON user_oauth_identities IS 'One links identities to one''s own account.';

GRANT EXECUTE ON FUNCTION
    homelog.spend_ticket(bytea, timestamptz),
    homelog.sign_in_by_identity(auth_provider, text, text, citext, text, text, boolean, bytea, interval),
    homelog.record_failed_identity(auth_provider, text, text, text),
    homelog.keep_provider_tokens(uuid, text, text, timestamptz),
    homelog.set_first_password(text, interval)
    TO homelog_api;
GRANT SELECT (issuer) ON user_oauth_identities TO homelog_api, homelog_ops;
GRANT INSERT (provider, issuer, provider_user_id, email, name, profile_image) ON user_oauth_identities TO homelog_api;
