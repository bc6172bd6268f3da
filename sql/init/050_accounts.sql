-- Accounts: who people are, their passwords in a table of their own, and the identities that others vouch for.

SET ROLE homelog_owner;

CREATE TABLE users (
    id             uuid          PRIMARY KEY DEFAULT uuidv7(),
    email          citext        NOT NULL,
    username       citext,
    display_name   varchar(100),
    role           varchar(20)   NOT NULL DEFAULT 'operator',
    is_active      boolean       NOT NULL DEFAULT true,
    created_at     timestamptz   NOT NULL DEFAULT now(),
    updated_at     timestamptz   NOT NULL DEFAULT now(),
    last_login_at  timestamptz,

    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_username_key UNIQUE (username),
    CONSTRAINT users_email_form CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+$' AND length(email) <= 254),
    CONSTRAINT users_username_length CHECK (length(username) BETWEEN 1 AND 50),
    CONSTRAINT users_role_known CHECK (role IN ('operator', 'admin'))
);

COMMENT ON TABLE users IS 'Accounts.';
COMMENT ON COLUMN users.role IS 'operator, or admin who manages accounts; an admin sees nobody''s homes, sources or plants.';
COMMENT ON COLUMN users.is_active IS 'False: nobody signs in as this account, and its sessions are dead.';
COMMENT ON CONSTRAINT users_email_key ON users IS 'This e-mail already has an account.';
COMMENT ON CONSTRAINT users_username_key ON users IS 'This username is taken.';
COMMENT ON CONSTRAINT users_email_form ON users IS 'An e-mail address is name@domain, at most 254 characters.';
COMMENT ON CONSTRAINT users_username_length ON users IS 'A username has 1 to 50 characters.';
COMMENT ON CONSTRAINT users_role_known ON users IS 'A role is operator or admin.';

CREATE TABLE user_passwords (
    user_id        uuid         PRIMARY KEY,
    password_hash  text         NOT NULL,
    is_temporary   boolean      NOT NULL DEFAULT false,
    created_at     timestamptz  NOT NULL DEFAULT now(),

    CONSTRAINT user_passwords_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT user_passwords_password_hash_argon2id CHECK (
        password_hash LIKE '$argon2id$%' AND length(password_hash) <= 500
    )
);

COMMENT ON TABLE user_passwords IS 'One row for each account that signs in with a password.';
COMMENT ON COLUMN user_passwords.password_hash IS 'Argon2id in PHC form, its own salt inside. Secret.';
COMMENT ON COLUMN user_passwords.is_temporary IS 'Set by an administrator: opens only the change of the password.';
COMMENT ON COLUMN user_passwords.created_at IS 'When the password was last changed.';
COMMENT ON CONSTRAINT user_passwords_user_id_fkey ON user_passwords IS 'This account does not exist.';
COMMENT ON CONSTRAINT user_passwords_password_hash_argon2id ON user_passwords IS 'A password is stored as an Argon2id hash.';

CREATE TABLE user_oauth_identities (
    id                uuid           PRIMARY KEY DEFAULT uuidv7(),
    user_id           uuid           NOT NULL,
    provider          auth_provider  NOT NULL,
    provider_user_id  varchar(255)   NOT NULL,
    email             citext,
    name              text,
    profile_image     text,
    access_token      text,
    refresh_token     text,
    token_expiry      timestamptz,
    created_at        timestamptz    NOT NULL DEFAULT now(),

    CONSTRAINT user_oauth_identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT user_oauth_identities_provider_provider_user_id_key UNIQUE (provider, provider_user_id),
    CONSTRAINT user_oauth_identities_user_id_provider_key UNIQUE (user_id, provider),
    CONSTRAINT user_oauth_identities_provider_user_id_not_blank CHECK (provider_user_id <> ''),
    CONSTRAINT user_oauth_identities_email_length CHECK (length(email) <= 254),
    CONSTRAINT user_oauth_identities_name_length CHECK (length(name) <= 1000),
    CONSTRAINT user_oauth_identities_profile_image_length CHECK (length(profile_image) <= 2000),
    CONSTRAINT user_oauth_identities_access_token_length CHECK (length(access_token) <= 10000),
    CONSTRAINT user_oauth_identities_refresh_token_length CHECK (length(refresh_token) <= 10000)
);

COMMENT ON TABLE user_oauth_identities IS 'Identities at LINE or Google that open an account.';
COMMENT ON COLUMN user_oauth_identities.provider_user_id IS 'The subject that the provider says; identity is this, never the e-mail.';
COMMENT ON COLUMN user_oauth_identities.access_token IS 'The provider''s token, encrypted by the service. Secret.';
COMMENT ON COLUMN user_oauth_identities.refresh_token IS 'The provider''s token, encrypted by the service. Secret.';
COMMENT ON CONSTRAINT user_oauth_identities_user_id_fkey ON user_oauth_identities IS 'This account does not exist.';
COMMENT ON CONSTRAINT user_oauth_identities_provider_provider_user_id_key ON user_oauth_identities IS
    'This identity already opens an account.';
COMMENT ON CONSTRAINT user_oauth_identities_user_id_provider_key ON user_oauth_identities IS
    'The account already has an identity of this provider.';
COMMENT ON CONSTRAINT user_oauth_identities_provider_user_id_not_blank ON user_oauth_identities IS
    'The provider must say who it is.';
COMMENT ON CONSTRAINT user_oauth_identities_email_length ON user_oauth_identities IS
    'The provider''s e-mail has at most 254 characters.';
COMMENT ON CONSTRAINT user_oauth_identities_name_length ON user_oauth_identities IS
    'The provider''s name has at most 1,000 characters.';
COMMENT ON CONSTRAINT user_oauth_identities_profile_image_length ON user_oauth_identities IS
    'The provider''s picture is a URL of at most 2,000 characters.';
COMMENT ON CONSTRAINT user_oauth_identities_access_token_length ON user_oauth_identities IS
    'A provider''s token has at most 10,000 characters, encrypted.';
COMMENT ON CONSTRAINT user_oauth_identities_refresh_token_length ON user_oauth_identities IS
    'A provider''s token has at most 10,000 characters, encrypted.';

-- Signing in is no change of the account: it must not make stale what somebody is editing on another device.
CREATE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON users
    FOR EACH ROW WHEN (NEW.last_login_at IS NOT DISTINCT FROM OLD.last_login_at)
    EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE TRIGGER _900_audit
    AFTER INSERT OR UPDATE OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_user', 'update_user', 'delete_user', '', 'names');

ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
ALTER TABLE user_passwords ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_passwords FORCE ROW LEVEL SECURITY;
ALTER TABLE user_oauth_identities ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_oauth_identities FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON users TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON users IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON users FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON users IS 'Operators read all.';
CREATE POLICY select_reader ON users FOR SELECT TO homelog_api USING (id = (SELECT homelog.current_user_id()));
COMMENT ON POLICY select_reader ON users IS 'One sees one''s own account.';
CREATE POLICY update_writer ON users FOR UPDATE TO homelog_api USING (id = (SELECT homelog.current_user_id()));
COMMENT ON POLICY update_writer ON users IS 'One changes one''s own account.';
CREATE POLICY delete_admin ON users FOR DELETE TO homelog_api USING (id = (SELECT homelog.current_user_id()));
COMMENT ON POLICY delete_admin ON users IS 'One deletes one''s own account.';

CREATE POLICY owner_all ON user_passwords TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON user_passwords IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON user_passwords FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON user_passwords IS 'Operators read all columns but the hash.';
CREATE POLICY select_reader ON user_passwords FOR SELECT TO homelog_api
    USING (user_id = (SELECT homelog.current_user_id()));
COMMENT ON POLICY select_reader ON user_passwords IS 'One sees whether one''s own password is temporary; nobody sees a hash.';

CREATE POLICY owner_all ON user_oauth_identities TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON user_oauth_identities IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON user_oauth_identities FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON user_oauth_identities IS 'Operators read all columns but the tokens.';
CREATE POLICY select_reader ON user_oauth_identities FOR SELECT TO homelog_api
    USING (user_id = (SELECT homelog.current_user_id()));
COMMENT ON POLICY select_reader ON user_oauth_identities IS 'One sees one''s own identities.';
CREATE POLICY delete_admin ON user_oauth_identities FOR DELETE TO homelog_api
    USING (user_id = (SELECT homelog.current_user_id()));
COMMENT ON POLICY delete_admin ON user_oauth_identities IS 'One unlinks one''s own identities.';

GRANT SELECT ON users TO homelog_api, homelog_ops;
GRANT UPDATE (email, username, display_name) ON users TO homelog_api;
GRANT DELETE ON users TO homelog_api;
GRANT SELECT (user_id, is_temporary, created_at) ON user_passwords TO homelog_api, homelog_ops;
GRANT SELECT (id, user_id, provider, provider_user_id, email, name, profile_image, token_expiry, created_at)
    ON user_oauth_identities TO homelog_api, homelog_ops;
GRANT DELETE ON user_oauth_identities TO homelog_api;
