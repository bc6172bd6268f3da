-- Each identity has a budget of requests a minute, which holds across workers and processes: they take from it here, in
-- one atomic step. The rows are worth nothing a minute later, so the table is unlogged: taking waits for no disk, and a
-- crash gives everybody a new minute. As a device token has a budget of its own, an account has no more than a hundred.
-- lock: SHARE ROW EXCLUSIVE on device_tokens, for the moment that it takes to note the trigger.
-- depends: 0029_administer_accounts

SET LOCAL ROLE homelog_owner;

CREATE UNLOGGED TABLE request_budgets (
    identity  uuid         PRIMARY KEY,
    began_at  timestamptz  NOT NULL,
    taken     integer      NOT NULL,

    CONSTRAINT request_budgets_taken_positive CHECK (taken > 0)
) WITH (fillfactor = 50);

COMMENT ON TABLE request_budgets IS 'What was taken of each identity''s requests since its minute began.';
COMMENT ON COLUMN request_budgets.identity IS
    'An account or a session; or half of a digest, of a device token or of the client''s address.';
COMMENT ON COLUMN request_budgets.began_at IS 'When the minute began: with the first request after the one before.';
COMMENT ON COLUMN request_budgets.taken IS 'How many requests workers have taken, made yet or not.';
COMMENT ON CONSTRAINT request_budgets_pkey ON request_budgets IS 'An identity has one budget.';
COMMENT ON CONSTRAINT request_budgets_taken_positive ON request_budgets IS
    'A budget of which nothing was taken has no row.';

-- By which minutes that are over are found.
CREATE INDEX request_budgets_began_at_idx ON request_budgets (began_at);

CREATE FUNCTION homelog.take_requests(
    who uuid[], wanted integer[], most integer
) RETURNS TABLE (identity uuid, granted integer, remaining integer, seconds double precision)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    tick  timestamptz := clock_timestamp();
    over  timestamptz := tick - interval '1 minute';
BEGIN
    -- Never more than a quarter of what is left, rounded up: what a worker holds and does not use is little at the end.
    -- In the order of identities, so that two workers do not wait for each other.
    RETURN QUERY
    INSERT INTO request_budgets AS b (identity, began_at, taken)
    SELECT w.identity, tick, least(w.wanted, (most + 3) / 4)
    FROM unnest(who, wanted) AS w (identity, wanted)
    ORDER BY w.identity
    ON CONFLICT (identity) DO UPDATE SET
        began_at = CASE WHEN b.began_at > over THEN b.began_at ELSE excluded.began_at END,
        taken = CASE
            WHEN b.began_at > over THEN b.taken + greatest(0, least(excluded.taken, (most - b.taken + 3) / 4))
            ELSE excluded.taken
        END
    RETURNING
        new.identity,
        new.taken - CASE WHEN old.began_at = new.began_at THEN old.taken ELSE 0 END,
        greatest(0, most - new.taken),
        greatest(0, extract(epoch FROM new.began_at + interval '1 minute' - clock_timestamp()))::double precision;

    -- One call in a hundred clears up a thousand minutes that are over: last, and waiting for nobody's row.
    IF random() < 0.01 THEN
        DELETE FROM request_budgets WHERE identity IN (
            SELECT b.identity FROM request_budgets AS b WHERE b.began_at < over LIMIT 1000 FOR UPDATE SKIP LOCKED
        );
    END IF;
END
$$;
COMMENT ON FUNCTION homelog.take_requests(uuid[], integer[], integer) IS
    'Takes some requests of each identity''s budget of `most` a minute: how many were granted, 0 where none are left, how '
    'many remain, and for how many seconds. What is granted and not made by then lapses.';

CREATE FUNCTION homelog.tg__bound_tokens() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Those who make one at once come by one after the other, and the last sees them all.
    PERFORM pg_advisory_xact_lock(hashtext('homelog: device tokens'), hashtext(NEW.user_id::text));
    IF (
        SELECT count(*) > 100
        FROM device_tokens AS t
        WHERE t.user_id = NEW.user_id AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())
    ) THEN
        RAISE EXCEPTION 'An account has at most 100 device tokens that work: delete one that is not used any more.'
            USING ERRCODE = 'integrity_constraint_violation', TABLE = 'device_tokens', CONSTRAINT = 'device_tokens_most';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__bound_tokens() IS 'Refuses the 101st device token of an account that works.';

CREATE TRIGGER _700_bound
    AFTER INSERT ON device_tokens
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__bound_tokens();

ALTER TABLE request_budgets ENABLE ROW LEVEL SECURITY;
ALTER TABLE request_budgets FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON request_budgets TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON request_budgets IS 'Only the owner''s function touches budgets.';

GRANT EXECUTE ON FUNCTION homelog.take_requests(uuid[], integer[], integer) TO homelog_api;
