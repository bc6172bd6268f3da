-- What nothing asks for any more goes by itself, and what fell behind is caught up with: the service calls these
-- functions, one small batch a transaction. Each knows itself how old a thing must be; how much at once is all that its
-- caller says. So whoever has the service's login can have done early what is due, and nothing else.
-- Nothing calls them yet. Sources whose days are of another zone than their home's are noted, to be summed up anew.
-- depends: 0031_slow_guessing

SET LOCAL ROLE homelog_owner;

CREATE TABLE maintenance_runs (
    id        uuid         PRIMARY KEY DEFAULT uuidv7(),
    began_at  timestamptz  NOT NULL DEFAULT now(),
    ended_at  timestamptz,
    done      jsonb        NOT NULL DEFAULT '{}',

    CONSTRAINT maintenance_runs_done_object CHECK (jsonb_typeof(done) = 'object' AND octet_length(done::text) <= 10000)
);

COMMENT ON TABLE maintenance_runs IS 'When the service cleaned up and what it did, of all its processes: of the last 90 days, at most 10,000 runs.';
COMMENT ON COLUMN maintenance_runs.ended_at IS 'Null while it is under way, or where its process ended first.';
COMMENT ON COLUMN maintenance_runs.done IS 'By task, how many rows it removed or things it did; null where it failed.';
COMMENT ON CONSTRAINT maintenance_runs_pkey ON maintenance_runs IS 'A run is noted once.';
COMMENT ON CONSTRAINT maintenance_runs_done_object ON maintenance_runs IS 'What a run did is an object by task.';

-- lock: SHARE ROW EXCLUSIVE on data_sources, for the foreign key of a new table: there is no row to compare.
CREATE TABLE stale_days (
    source_id  uuid         PRIMARY KEY,
    since      timestamptz  NOT NULL DEFAULT now(),

    CONSTRAINT stale_days_source_id_fkey FOREIGN KEY (source_id) REFERENCES data_sources (id) ON DELETE CASCADE
);

COMMENT ON TABLE stale_days IS
    'Sources that came into another time zone: their days are right and of no use until they are summed up anew.';
COMMENT ON CONSTRAINT stale_days_pkey ON stale_days IS 'A source is noted once.';
COMMENT ON CONSTRAINT stale_days_source_id_fkey ON stale_days IS 'This source does not exist.';

-- In the order of time as they come, so that a few summaries find the old ones.
-- lock: SHARE on each, until this file's end; they hold 90 days of deletions, and a thousand pages take milliseconds.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX source_tombstones_deleted_at_idx ON source_tombstones USING brin (deleted_at);
-- As short as the one above.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX user_tombstones_deleted_at_idx ON user_tombstones USING brin (deleted_at);
-- As short as the first.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX place_tombstones_deleted_at_idx ON place_tombstones USING brin (deleted_at);

-- One at a time

CREATE FUNCTION homelog.takes_maintenance_turn() RETURNS boolean
LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT pg_try_advisory_xact_lock(hashtext('homelog: maintenance'), 0);
$$;
COMMENT ON FUNCTION homelog.takes_maintenance_turn() IS
    'Whether nobody else cleans up; nobody else does until this transaction ends. A lock of the transaction, so that it '
    'holds behind a pooler too.';

CREATE FUNCTION homelog.begin_maintenance(every interval) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    run uuid;
BEGIN
    -- The turn first, in a statement of its own: what asks afterwards sees the run of whoever had it before.
    IF NOT homelog.takes_maintenance_turn() THEN
        RETURN NULL;
    END IF;
    -- The greatest of null and something is that: whoever names no interval, or one below zero, asks for a run now.
    IF NOT EXISTS (
        SELECT FROM maintenance_runs AS r WHERE r.began_at > now() - greatest(every, interval '0')
    ) THEN
        DELETE FROM maintenance_runs AS r
        WHERE r.began_at < now() - interval '90 days'
           OR r.id IN (SELECT old.id FROM maintenance_runs AS old ORDER BY old.id DESC OFFSET 9999);
        INSERT INTO maintenance_runs DEFAULT VALUES RETURNING id INTO run;
    END IF;
    RETURN run;
END
$$;
COMMENT ON FUNCTION homelog.begin_maintenance(interval) IS
    'Begins a run if none began so long, and nobody is in the midst of a step; answers it, else null. Of all processes that '
    'ask for the same interval, one gets it. The last 10,000 runs are noted.';

CREATE FUNCTION homelog.end_maintenance(run uuid, told jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    UPDATE maintenance_runs SET ended_at = now(), done = told WHERE id = run AND ended_at IS NULL;
$$;
COMMENT ON FUNCTION homelog.end_maintenance(uuid, jsonb) IS 'Notes what a run has done.';

CREATE FUNCTION homelog.maintenance_ended_at() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT max(r.ended_at) FROM maintenance_runs AS r;
$$;
COMMENT ON FUNCTION homelog.maintenance_ended_at() IS
    'When a run ended last, of whichever process; null for never. What the metrics tell.';

-- What goes. Each deletes at most so many rows and says how many; one that finds somebody else cleaning deletes none.

CREATE FUNCTION homelog.clean_refresh_tokens(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    removed integer := 0;
BEGIN
    IF homelog.takes_maintenance_turn() THEN
        DELETE FROM refresh_tokens WHERE token_hash = ANY (ARRAY(
            SELECT t.token_hash FROM refresh_tokens AS t
            WHERE t.replaced_at < now() - interval '30 days'
            LIMIT least(greatest(most, 0), 10000)
        ));
        GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION homelog.clean_refresh_tokens(integer) IS
    'Deletes tokens that were replaced 30 days ago. They worked for 7 days, so whoever comes with one later has had no '
    'use of it for weeks: it is unknown then, and ends no session.';

CREATE FUNCTION homelog.clean_sessions(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    removed integer := 0;
BEGIN
    IF homelog.takes_maintenance_turn() THEN
        DELETE FROM sessions WHERE id = ANY (ARRAY(
            SELECT s.id FROM sessions AS s
            WHERE least(s.ended_at, s.expires_at) < now() - interval '30 days'
            LIMIT least(greatest(most, 0), 10000)
        ));
        GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION homelog.clean_sessions(integer) IS
    'Deletes sessions that ended or expired 30 days ago, with their tokens. Nobody is shown them, and what names one is '
    'refused whether it is there or not.';

CREATE FUNCTION homelog.clean_tombstones(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    -- The day is for transactions that stayed open: a tombstone bears the time at which its transaction began.
    until_then timestamptz := now() - homelog.change_retention() - interval '1 day';
    room       integer := least(greatest(most, 0), 10000);
    removed    integer := 0;
    one        integer;
BEGIN
    IF homelog.takes_maintenance_turn() THEN
        DELETE FROM source_tombstones WHERE ctid = ANY (ARRAY(
            SELECT t.ctid FROM source_tombstones AS t WHERE t.deleted_at < until_then LIMIT room
        ));
        GET DIAGNOSTICS removed = ROW_COUNT;
        DELETE FROM user_tombstones WHERE ctid = ANY (ARRAY(
            SELECT t.ctid FROM user_tombstones AS t WHERE t.deleted_at < until_then LIMIT room - removed
        ));
        GET DIAGNOSTICS one = ROW_COUNT;
        removed := removed + one;
        DELETE FROM place_tombstones WHERE ctid = ANY (ARRAY(
            SELECT t.ctid FROM place_tombstones AS t WHERE t.deleted_at < until_then LIMIT room - removed
        ));
        GET DIAGNOSTICS one = ROW_COUNT;
        removed := removed + one;
    END IF;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION homelog.clean_tombstones(integer) IS
    'Deletes what tells of deletions that no cursor may still ask for: those of 91 days ago, where cursors are good for 90.';

CREATE FUNCTION homelog.clean_guests(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    removed integer := 0;
BEGIN
    IF homelog.takes_maintenance_turn() THEN
        DELETE FROM home_members AS m
        USING (
            SELECT g.home_id, g.user_id FROM home_members AS g
            WHERE g.expires_at < now() - homelog.change_retention() - interval '1 day'
            ORDER BY g.home_id, g.user_id
            LIMIT least(greatest(most, 0), 10000)
            FOR UPDATE SKIP LOCKED
        ) AS gone
        WHERE m.home_id = gone.home_id AND m.user_id = gone.user_id;
        GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION homelog.clean_guests(integer) IS
    'Deletes guests whose time was over 91 days ago: by then every cursor has told them so.';

CREATE FUNCTION homelog.clean_request_budgets(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    removed integer := 0;
BEGIN
    IF homelog.takes_maintenance_turn() THEN
        DELETE FROM request_budgets WHERE identity IN (
            SELECT b.identity FROM request_budgets AS b
            WHERE b.began_at < now() - interval '10 minutes'
            LIMIT least(greatest(most, 0), 10000)
            FOR UPDATE SKIP LOCKED
        );
        GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION homelog.clean_request_budgets(integer) IS 'Deletes budgets whose minute is long over.';

CREATE FUNCTION homelog.clean_password_guesses(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    removed integer := 0;
BEGIN
    IF homelog.takes_maintenance_turn() THEN
        DELETE FROM password_guesses WHERE about IN (
            SELECT g.about FROM password_guesses AS g
            WHERE g.began_at < now() - interval '2 days' AND (g.waits_until < now()) IS NOT FALSE
            LIMIT least(greatest(most, 0), 10000)
            FOR UPDATE SKIP LOCKED
        );
        GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION homelog.clean_password_guesses(integer) IS
    'Deletes counts of failures of two days ago, which count no more after one, unless somebody still has to wait.';

CREATE FUNCTION homelog.clean_spent_tickets(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    removed integer := 0;
BEGIN
    IF homelog.takes_maintenance_turn() THEN
        DELETE FROM spent_tickets WHERE ticket_hash IN (
            SELECT t.ticket_hash FROM spent_tickets AS t
            WHERE t.expires_at < now() - interval '1 hour'
            LIMIT least(greatest(most, 0), 10000)
            FOR UPDATE SKIP LOCKED
        );
        GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION homelog.clean_spent_tickets(integer) IS
    'Deletes used tickets that expired an hour ago and would not work any more anyway.';

-- What is caught up with

CREATE FUNCTION homelog.rebuild_stale_days() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    stale uuid;
BEGIN
    IF NOT homelog.takes_maintenance_turn() THEN
        RETURN 0;
    END IF;
    -- The turn before the row: who deletes a source has its turn first, too. A row that is noted again just now is of a
    -- zone that cannot be seen yet.
    -- In another order each run, the same within it: one that fails keeps no other from its turn for ever.
    SELECT d.source_id INTO stale
    FROM stale_days AS d
    ORDER BY hashtextextended(
        d.source_id::text, (SELECT (date_part('epoch', max(r.began_at)) * 1000000)::bigint FROM maintenance_runs AS r)
    ), d.source_id
    LIMIT 1;
    IF stale IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM homelog.take_turns(ARRAY[stale]);
    DELETE FROM stale_days AS d
    WHERE d.source_id = (SELECT n.source_id FROM stale_days AS n WHERE n.source_id = stale FOR UPDATE SKIP LOCKED);
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    PERFORM homelog.rebuild_days(stale);
    RETURN 1;
END
$$;
COMMENT ON FUNCTION homelog.rebuild_stale_days() IS
    'Sums up the days of one source anew that came into another time zone; says how many. Writers to it wait meanwhile.';

CREATE FUNCTION homelog.analyze_grown() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    grown regclass;
BEGIN
    IF NOT homelog.takes_maintenance_turn() THEN
        RETURN 0;
    END IF;
    FOR grown IN
        SELECT s.relid
        FROM pg_stat_user_tables AS s
        JOIN pg_class AS c ON c.oid = s.relid
        WHERE s.schemaname = 'public'
          AND s.n_mod_since_analyze > 1000 + 0.1 * greatest(c.reltuples, 0)
          AND greatest(s.last_analyze, s.last_autoanalyze, '-infinity') < now() - interval '1 minute'
        ORDER BY s.n_mod_since_analyze DESC
    LOOP
        EXECUTE format('ANALYZE (SKIP_LOCKED) %s', grown);
        -- One on which somebody else has a lock is passed over, and does not count: who asks again would ask for ever.
        PERFORM pg_stat_clear_snapshot();
        IF pg_stat_get_last_analyze_time(grown) >= now() THEN
            RETURN 1;
        END IF;
    END LOOP;
    RETURN 0;
END
$$;
COMMENT ON FUNCTION homelog.analyze_grown() IS
    'Gathers statistics of the one table that changed most since it last was analyzed, by a tenth at least, and that '
    'nobody has locked; says how many. What autovacuum does, too, where it runs and comes in time.';

-- What is noted as stale

CREATE OR REPLACE FUNCTION homelog.tg__rebuild_days() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Its row is locked already, and whoever has the source's turn may be waiting for that: the turn, which is the lock of
    -- homelog.take_turns, is taken only if it is free.
    IF pg_try_advisory_xact_lock(hashtext('homelog: readings'), hashtext(NEW.id::text) & 1023) THEN
        PERFORM homelog.rebuild_days(NEW.id);
    ELSE
        PERFORM homelog.note_stale_days(ARRAY[NEW.id]);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__rebuild_days() IS
    'Sums up the days of a source that comes into a home, in its zone; where somebody is writing to it, later.';

CREATE FUNCTION homelog.note_stale_days(sources uuid[]) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp
AS $$
    -- A row that is there is written anew: whoever sums up leaves alone what a transaction still holds.
    INSERT INTO stale_days AS d (source_id)
    SELECT s.id FROM unnest(sources) AS s (id)
    WHERE EXISTS (SELECT FROM reading_days AS r WHERE r.source_id = s.id)
    ORDER BY s.id
    ON CONFLICT (source_id) DO UPDATE SET since = d.since;
$$;
COMMENT ON FUNCTION homelog.note_stale_days(uuid[]) IS 'Notes sources whose days are to be summed up anew, if they have any.';

CREATE FUNCTION homelog.tg__note_stale_days() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM homelog.note_stale_days(CASE TG_TABLE_NAME
        WHEN 'homes' THEN ARRAY(SELECT s.id FROM data_sources AS s WHERE s.home_id = NEW.id)
        ELSE ARRAY[NEW.id]
    END);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__note_stale_days() IS
    'Notes the sources of a home that got another time zone, or a source that left its home.';

-- lock: SHARE ROW EXCLUSIVE on homes and data_sources, for the moment that it takes to note the triggers.
CREATE TRIGGER _500_note_stale_days
    AFTER UPDATE ON homes
    FOR EACH ROW WHEN (NEW.timezone IS DISTINCT FROM OLD.timezone)
    EXECUTE FUNCTION homelog.tg__note_stale_days();
CREATE TRIGGER _500_note_stale_days
    AFTER UPDATE ON data_sources
    FOR EACH ROW WHEN (NEW.home_id IS NULL AND OLD.home_id IS NOT NULL)
    EXECUTE FUNCTION homelog.tg__note_stale_days();

-- Those that fell behind until now: whose newest day begins at no midnight of their zone.
INSERT INTO stale_days (source_id)
SELECT s.id AS source_id
FROM data_sources AS s
LEFT JOIN homes AS h ON s.home_id = h.id
CROSS JOIN LATERAL (
    SELECT d.since
    FROM reading_days AS d
    WHERE d.source_id = s.id
    ORDER BY d.since DESC
    LIMIT 1
) AS newest
WHERE homelog.day_of(newest.since, coalesce(h.timezone, 'UTC')) <> newest.since;

ALTER TABLE maintenance_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE maintenance_runs FORCE ROW LEVEL SECURITY;
ALTER TABLE stale_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE stale_days FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON maintenance_runs TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON maintenance_runs IS 'Only the owner''s functions note runs.';
CREATE POLICY select_ops ON maintenance_runs FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON maintenance_runs IS 'Operators read all.';
CREATE POLICY owner_all ON stale_days TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON stale_days IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON stale_days FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON stale_days IS 'Operators read all.';

GRANT SELECT ON maintenance_runs, stale_days TO homelog_ops;
GRANT EXECUTE ON FUNCTION
    homelog.begin_maintenance(interval),
    homelog.end_maintenance(uuid, jsonb),
    homelog.maintenance_ended_at(),
    homelog.clean_refresh_tokens(integer),
    homelog.clean_sessions(integer),
    homelog.clean_tombstones(integer),
    homelog.clean_guests(integer),
    homelog.clean_request_budgets(integer),
    homelog.clean_password_guesses(integer),
    homelog.clean_spent_tickets(integer),
    homelog.rebuild_stale_days(),
    homelog.analyze_grown()
    TO homelog_api;
