-- Who guesses passwords waits: after a few failures for one e-mail from one address, after many from one address or one
-- network of IPv6 whatever the e-mails, and after a few for one's own current password. A guess is counted before it is
-- checked, so that a hundred at once are no more than one after the other; the right password takes its count back, and
-- a new one is guessed anew. Nobody is locked out from elsewhere, nor anywhere for longer than a quarter of an hour. The
-- table is unlogged: counting waits for no disk, and a crash of the database forgives.
-- depends: 0030_limit_requests

SET LOCAL ROLE homelog_owner;

CREATE UNLOGGED TABLE password_guesses (
    about        bytea        PRIMARY KEY,
    began_at     timestamptz  NOT NULL DEFAULT clock_timestamp(),
    failures     integer      NOT NULL DEFAULT 0,
    waits_until  timestamptz,

    CONSTRAINT password_guesses_about_sha256 CHECK (octet_length(about) = 32),
    CONSTRAINT password_guesses_failures_not_negative CHECK (failures >= 0)
);

COMMENT ON TABLE password_guesses IS 'How often a wrong password was tried, and until when none is tried again.';
COMMENT ON COLUMN password_guesses.about IS
    'SHA-256 of what is counted: an e-mail and an address, an address, its network, or an account. People type passwords '
    'for e-mails.';
COMMENT ON COLUMN password_guesses.began_at IS 'When the first failure that still counts was.';
COMMENT ON COLUMN password_guesses.failures IS 'Guesses that were wrong or are being checked.';
COMMENT ON COLUMN password_guesses.waits_until IS 'Until when no guess is checked; null while none waits.';
COMMENT ON CONSTRAINT password_guesses_pkey ON password_guesses IS 'Guesses are counted once.';
COMMENT ON CONSTRAINT password_guesses_about_sha256 ON password_guesses IS
    'What is counted is stored as its SHA-256 hash.';
COMMENT ON CONSTRAINT password_guesses_failures_not_negative ON password_guesses IS 'Failures are counted from 0.';

-- By which counts that are over are found.
CREATE INDEX password_guesses_began_at_idx ON password_guesses (began_at);

CREATE FUNCTION homelog.count_guess(counted bytea, allowed integer, kept interval) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    held  password_guesses;
    tick  timestamptz;
BEGIN
    IF random() < 0.01 THEN
        DELETE FROM password_guesses WHERE about IN (
            SELECT g.about FROM password_guesses AS g
            WHERE g.began_at < clock_timestamp() - interval '2 days' LIMIT 1000 FOR UPDATE SKIP LOCKED
        );
    END IF;

    -- The row is the lock: guesses at once come by one after the other.
    INSERT INTO password_guesses AS g (about) VALUES (counted)
    ON CONFLICT (about) DO UPDATE SET about = g.about
    RETURNING * INTO held;
    tick := clock_timestamp();
    IF held.waits_until > tick THEN
        RETURN ceil(extract(epoch FROM held.waits_until - tick));
    END IF;
    IF held.began_at < tick - kept THEN
        held.began_at := tick;
        held.failures := 0;
    END IF;
    UPDATE password_guesses SET
        began_at = held.began_at,
        failures = held.failures + 1,
        waits_until = CASE WHEN held.failures + 1 >= allowed
            THEN tick + least(interval '15 minutes', interval '15 seconds' * 2 ^ least(held.failures + 1 - allowed, 10))
        END
    WHERE about = counted;
    RETURN 0;
END
$$;
COMMENT ON FUNCTION homelog.count_guess(bytea, integer, interval) IS
    'Counts a guess before it is checked; or, uncounted, how many seconds it has to wait. Each failure from the number '
    'allowed on doubles the wait, from 15 seconds to 15 minutes; all are forgotten a while after the first.';

CREATE FUNCTION homelog.take_guess_back(counted bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- None was waiting when this guess was counted, else it would not have been; so that what it began ends with it.
    UPDATE password_guesses SET failures = greatest(0, failures - 1), waits_until = NULL
    WHERE about = counted;
END
$$;
COMMENT ON FUNCTION homelog.take_guess_back(bytea) IS 'Uncounts one guess, and the wait that began with it.';

CREATE FUNCTION homelog.guessed_pair(tried citext, address text) RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT sha256(convert_to(
        concat_ws(
            ' ', 'sign-in', address,
            coalesce((
                SELECT extract(epoch FROM p.created_at)::text
                FROM users AS u
                JOIN user_passwords AS p ON p.user_id = u.id
                WHERE u.email = tried
            ), 'none'),
            lower(tried::text)
        ),
        'UTF8'
    ));
$$;
COMMENT ON FUNCTION homelog.guessed_pair(citext, text) IS
    'What is counted of an e-mail and the address that it is typed at; e-mails are the same as citext has it. A new '
    'password is guessed anew.';

CREATE FUNCTION homelog.guessing_address(address text) RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT sha256(convert_to('address ' || address, 'UTF8'));
$$;
COMMENT ON FUNCTION homelog.guessing_address(text) IS 'What is counted of an address, over all e-mails.';

CREATE FUNCTION homelog.guessing_site(address text) RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT CASE WHEN address LIKE '%:%/64'
        THEN sha256(convert_to('site ' || set_masklen(address::cidr, 48)::text, 'UTF8'))
    END;
$$;
COMMENT ON FUNCTION homelog.guessing_site(text) IS
    'What is counted of the /48 that an address of IPv6 is in, null for any other: one customer may be given so many.';

CREATE FUNCTION homelog.guessing_account() RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT sha256(convert_to(
        concat_ws(' ', 'account', homelog.current_user_id(), (
            SELECT extract(epoch FROM p.created_at)
            FROM user_passwords AS p
            WHERE p.user_id = homelog.current_user_id()
        )),
        'UTF8'
    ));
$$;
COMMENT ON FUNCTION homelog.guessing_account() IS
    'What is counted of an account that guesses its own password. A new one is guessed anew.';

CREATE FUNCTION homelog.try_sign_in(tried citext, address text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    -- A hundred, since one address may be a whole house, or a proxy that nobody has named; a site may be many houses.
    counted  constant bytea[] := ARRAY[
        homelog.guessing_site(address), homelog.guessing_address(address), homelog.guessed_pair(tried, address)
    ];
    allowed  constant integer[] := ARRAY[400, 100, 5];
    kept     constant interval[] := ARRAY['1 hour', '1 hour', '1 day'];
    wait     integer := 0;
BEGIN
    FOR n IN 1..3 LOOP
        CONTINUE WHEN counted[n] IS NULL;
        wait := homelog.count_guess(counted[n], allowed[n], kept[n]);
        IF wait > 0 THEN
            -- What has to wait is no failure, of its address neither.
            PERFORM homelog.take_guess_back(c.about) FROM unnest(counted[:n - 1]) AS c (about);
            EXIT;
        END IF;
    END LOOP;
    IF wait > 0 THEN
        INSERT INTO audit_logs (user_id, event_type, details) VALUES (
            (SELECT u.id FROM users AS u WHERE u.email = tried),
            'login_refused',
            jsonb_build_object('provider', 'password', 'seconds', wait)
        );
    END IF;
    RETURN wait;
END
$$;
COMMENT ON FUNCTION homelog.try_sign_in(citext, text) IS
    'Counts a sign-in that is about to be checked: 5 failures for an e-mail at an address in a day, 100 at an address and '
    '400 at a /48 of IPv6 in an hour. Or how many seconds it has to wait, which is audited in the name of the account, or '
    'of nobody.';

CREATE FUNCTION homelog.forgive_sign_in(tried citext, address text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- In the order in which they are counted.
    PERFORM homelog.take_guess_back(homelog.guessing_site(address));
    PERFORM homelog.take_guess_back(homelog.guessing_address(address));
    DELETE FROM password_guesses WHERE about = homelog.guessed_pair(tried, address);
END
$$;
COMMENT ON FUNCTION homelog.forgive_sign_in(citext, text) IS
    'After the right password: forgets the failures for the e-mail at the address; those of others there stay.';

CREATE FUNCTION homelog.try_own_password() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    wait  integer := homelog.count_guess(homelog.guessing_account(), 5, '1 day');
BEGIN
    IF wait > 0 THEN
        INSERT INTO audit_logs (user_id, event_type, details)
        VALUES (homelog.current_user_id(), 'change_password_refused', jsonb_build_object('seconds', wait));
    END IF;
    RETURN wait;
END
$$;
COMMENT ON FUNCTION homelog.try_own_password() IS
    'As try_sign_in(), of the caller''s own current password: 5 failures of an account in a day, from wherever.';

CREATE FUNCTION homelog.forgive_own_password() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    DELETE FROM password_guesses WHERE about = homelog.guessing_account();
END
$$;
COMMENT ON FUNCTION homelog.forgive_own_password() IS 'Forgets the caller''s failures, after the right password.';

ALTER TABLE password_guesses ENABLE ROW LEVEL SECURITY;
ALTER TABLE password_guesses FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON password_guesses TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON password_guesses IS 'Only the owner''s functions touch what is counted.';

GRANT EXECUTE ON FUNCTION
    homelog.try_sign_in(citext, text),
    homelog.forgive_sign_in(citext, text),
    homelog.try_own_password(),
    homelog.forgive_own_password()
    TO homelog_api;
