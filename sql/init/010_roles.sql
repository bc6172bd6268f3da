-- Roles, schemas and the stamp.
--
-- The files of this folder are the baseline. They run in name order, in one transaction, as a superuser (or a role
-- with CREATEROLE that owns the database): by run.sh in the db container, by `homelog migrate` elsewhere.
-- Passwords come as the settings homelog.migrator_password, homelog.api_password and homelog.ops_password; a role
-- whose setting is absent cannot log in with a password. A second run stops at the stamp and changes nothing.

DO $$
BEGIN
    IF to_regclass('homelog.schema_baseline') IS NOT NULL THEN
        RAISE EXCEPTION 'Homelog''s baseline is already in this database; nothing was changed.'
            USING ERRCODE = 'duplicate_object',
                  HINT = 'Later changes are migrations: run `homelog migrate`.';
    END IF;
END
$$;

-- Roles belong to the cluster, not to the database: another database of the same cluster may have made them.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT *
        FROM (VALUES
            ('homelog_owner', 'NOLOGIN', NULL),
            ('homelog_migrator', 'LOGIN', 'homelog.migrator_password'),
            ('homelog_api', 'LOGIN', 'homelog.api_password'),
            ('homelog_ops', 'LOGIN', 'homelog.ops_password')
        ) AS roles (name, login, password_setting)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
            EXECUTE format('CREATE ROLE %I %s NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS',
                           wanted.name, wanted.login);
        END IF;
        IF nullif(current_setting(wanted.password_setting, true), '') IS NOT NULL THEN
            EXECUTE format('ALTER ROLE %I PASSWORD %L',
                           wanted.name, current_setting(wanted.password_setting));
        END IF;
    END LOOP;

    -- A CREATEROLE login that is no superuser must say that it may act as the roles it just made.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT homelog_owner, homelog_migrator TO %I WITH SET TRUE', current_user);
    END IF;

    -- Only some may hand this out; without it operators merely see less of pg_stat_*.
    BEGIN
        GRANT pg_monitor TO homelog_ops;
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE NOTICE 'pg_monitor was not granted to homelog_ops: % may not.', current_user;
    END;

    -- Migrations may make schemas and trusted extensions; roles and their settings only this file makes.
    EXECUTE format('GRANT CREATE ON DATABASE %I TO homelog_owner', current_database());
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO homelog_migrator, homelog_api, homelog_ops', current_database());
    EXECUTE format('ALTER DATABASE %I SET timezone = ''UTC''', current_database());
END
$$;

GRANT homelog_owner TO homelog_migrator WITH INHERIT FALSE, SET TRUE;

COMMENT ON ROLE homelog_owner IS 'Owns every object of Homelog; nobody logs in as it.';
COMMENT ON ROLE homelog_migrator IS 'Logs in to run migrations, each of which acts as homelog_owner.';
COMMENT ON ROLE homelog_api IS 'The service. Owns nothing, bound by row-level security.';
COMMENT ON ROLE homelog_ops IS 'People and dashboards that watch: reads all but secrets, changes nothing.';

-- A request that hangs must end before the client gives up; JIT costs more than any of these short plans gains.
ALTER ROLE homelog_api SET statement_timeout = '30s';
ALTER ROLE homelog_api SET lock_timeout = '5s';
ALTER ROLE homelog_api SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE homelog_api SET transaction_timeout = '15min';
ALTER ROLE homelog_api SET jit = 'off';
ALTER ROLE homelog_ops SET default_transaction_read_only = 'on';
ALTER ROLE homelog_ops SET statement_timeout = '5min';

CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;

CREATE SCHEMA homelog AUTHORIZATION homelog_owner;
COMMENT ON SCHEMA homelog IS 'Homelog''s functions and its record of schema versions; the tables are in public.';
CREATE SCHEMA yoyo AUTHORIZATION homelog_migrator;
COMMENT ON SCHEMA yoyo IS 'The migration tool''s own bookkeeping.';

GRANT USAGE ON SCHEMA homelog TO homelog_migrator, homelog_api, homelog_ops;
GRANT USAGE ON SCHEMA yoyo TO homelog_ops;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO homelog_owner;
GRANT USAGE ON SCHEMA public TO homelog_migrator, homelog_api, homelog_ops;

SET ROLE homelog_owner;

-- What a later migration makes is closed until it says otherwise.
ALTER DEFAULT PRIVILEGES FOR ROLE homelog_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE TABLE homelog.schema_baseline (
    version     text         PRIMARY KEY,
    applied_at  timestamptz  NOT NULL DEFAULT now()
);
COMMENT ON TABLE homelog.schema_baseline IS 'One row: the baseline that this database was made from.';

CREATE TABLE homelog.schema_migrations (
    migration_id  text         PRIMARY KEY,
    sha256        text         NOT NULL,
    applied_at    timestamptz  NOT NULL DEFAULT now(),
    applied_by    text         NOT NULL DEFAULT session_user
);
COMMENT ON TABLE homelog.schema_migrations IS
    'Each migration that this database has, with the hash of its file; written in the migration''s own transaction.';

GRANT SELECT ON homelog.schema_baseline, homelog.schema_migrations
    TO homelog_migrator, homelog_api, homelog_ops;
GRANT INSERT, DELETE ON homelog.schema_migrations TO homelog_migrator;

INSERT INTO homelog.schema_baseline (version) VALUES ('baseline-1');
