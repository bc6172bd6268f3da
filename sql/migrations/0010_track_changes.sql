-- Whoever keeps a copy (a phone that is often offline) asks what changed since it last asked, and must miss nothing,
-- however transactions overlap. A cursor holds the snapshot that the copy was made of: whatever that did not show has the
-- number of its oldest open transaction, or a later one. A row tells by xmin which transaction wrote it, so stored here
-- is only what rows cannot tell: on which days a source's readings changed, so that nobody reads a million of them to
-- find the one; what is gone; and who came to see a source. docs/decisions/0012-changes-follow-snapshots.md argues why
-- nothing is skipped.
-- Nothing reads the new tables yet. The triggers cost a logged reading two more small rows.
-- depends: 0009_judge_readings

SET LOCAL ROLE homelog_owner;

CREATE TYPE change_type AS ENUM ('home', 'source', 'validator', 'meter_event', 'reading', 'plant', 'care');
COMMENT ON TYPE change_type IS 'What changed.';

CREATE TYPE change_op AS ENUM ('upsert', 'delete', 'lost');
COMMENT ON TYPE change_op IS
    'How it changed: upsert it was made or changed, delete it is gone, lost it is there and the reader may not see it '
    'any more.';

-- The numbers of these two are their rows' own xmin: an upsert that changes no value still makes a new row of it, in
-- place (no indexed value changes, and pages keep room), and a number of another cluster cannot come in by a restore.
CREATE TABLE changed_sources (
    source_id  uuid  PRIMARY KEY,

    CONSTRAINT changed_sources_source_id_fkey FOREIGN KEY (source_id) REFERENCES data_sources (id) ON DELETE CASCADE
) WITH (fillfactor = 70);

COMMENT ON TABLE changed_sources IS
    'Sources whose readings were logged or corrected; xmin is the transaction that last did. Keeps quiet ones unread.';
COMMENT ON CONSTRAINT changed_sources_pkey ON changed_sources IS 'A source is noted once.';
COMMENT ON CONSTRAINT changed_sources_source_id_fkey ON changed_sources IS 'This source does not exist.';

CREATE TABLE changed_days (
    source_id  uuid  NOT NULL,
    day        date  NOT NULL,

    CONSTRAINT changed_days_pkey PRIMARY KEY (source_id, day),
    CONSTRAINT changed_days_source_id_fkey FOREIGN KEY (source_id) REFERENCES data_sources (id) ON DELETE CASCADE
) WITH (fillfactor = 70);

COMMENT ON TABLE changed_days IS
    'Days with readings that were logged or corrected; xmin is the transaction that last did.';
COMMENT ON COLUMN changed_days.day IS 'Of the readings'' own times, in UTC.';
COMMENT ON CONSTRAINT changed_days_pkey ON changed_days IS 'A day of a source is noted once.';
COMMENT ON CONSTRAINT changed_days_source_id_fkey ON changed_days IS 'This source does not exist.';

CREATE TABLE gained_sources (
    user_id    uuid  NOT NULL,
    source_id  uuid  NOT NULL,

    CONSTRAINT gained_sources_pkey PRIMARY KEY (source_id, user_id),
    CONSTRAINT gained_sources_source_id_user_id_fkey FOREIGN KEY (source_id, user_id)
        REFERENCES user_source_access (source_id, user_id) ON UPDATE CASCADE ON DELETE CASCADE
);

COMMENT ON TABLE gained_sources IS
    'Grants once more, never changed with their level: xmin is the transaction by which somebody came to see a source.';
COMMENT ON CONSTRAINT gained_sources_pkey ON gained_sources IS 'A grant is noted once.';
COMMENT ON CONSTRAINT gained_sources_source_id_user_id_fkey ON gained_sources IS 'This grant does not exist.';

-- What is gone is found by number, which xmin has no index for. A number that a restore brought in is some other
-- cluster's; so whoever reads asks xmin as well. No foreign keys: what a row tells of is gone, and a lock on whom it is
-- for would make a deletion wait for theirs.
CREATE TABLE source_tombstones (
    source_id   uuid         NOT NULL,
    xid         xid8         NOT NULL DEFAULT pg_current_xact_id(),
    id          uuid         NOT NULL,
    type        change_type  NOT NULL,
    deleted_at  timestamptz  NOT NULL DEFAULT now(),

    CONSTRAINT source_tombstones_pkey PRIMARY KEY (source_id, xid, id, type)
);

COMMENT ON TABLE source_tombstones IS 'What is gone from a source that is still there; for all who see the source.';
COMMENT ON COLUMN source_tombstones.xid IS 'The transaction that deleted it.';
COMMENT ON CONSTRAINT source_tombstones_pkey ON source_tombstones IS 'A deletion is noted once a transaction.';

CREATE TABLE user_tombstones (
    user_id     uuid         NOT NULL,
    xid         xid8         NOT NULL DEFAULT pg_current_xact_id(),
    id          uuid         NOT NULL,
    type        change_type  NOT NULL,
    op          change_op    NOT NULL,
    deleted_at  timestamptz  NOT NULL DEFAULT now(),

    CONSTRAINT user_tombstones_pkey PRIMARY KEY (user_id, xid, id, type),
    CONSTRAINT user_tombstones_op_gone CHECK (op <> 'upsert')
);

COMMENT ON TABLE user_tombstones IS 'What one person does not see any more, because it is gone or not theirs to see.';
COMMENT ON COLUMN user_tombstones.xid IS 'The transaction that deleted it, or took it away.';
COMMENT ON CONSTRAINT user_tombstones_pkey ON user_tombstones IS 'A loss is noted once a transaction.';
COMMENT ON CONSTRAINT user_tombstones_op_gone ON user_tombstones IS 'What is gone was deleted or lost.';

-- Where reading begins

CREATE FUNCTION homelog.change_retention() RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN interval '90 days';
COMMENT ON FUNCTION homelog.change_retention() IS 'How long a cursor of the change feed is good for.';

CREATE FUNCTION homelog.change_era() RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- The timeline, because a recovery to an earlier point gives out again the numbers after it. The table, because
    -- a restore into this very database makes it anew.
    RETURN md5(concat_ws(' ',
        (SELECT system_identifier FROM pg_control_system()),
        left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        'public.user_tombstones'::regclass::oid,
        homelog.current_user_id()
    ))::uuid;
END
$$;
COMMENT ON FUNCTION homelog.change_era() IS
    'Within which transaction numbers of the caller''s cursors mean anything: this history of this database, this account.';

CREATE FUNCTION homelog.change_snapshot() RETURNS pg_snapshot
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- After a crash, numbers that did not reach the disk are given out again: one that a snapshot calls over, because
    -- its transaction was rolled back just now, could then be that of a change. So what is not yet on disk goes there.
    IF pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn() THEN
        PERFORM pg_logical_emit_message(false, 'homelog', '', true);
    END IF;
    RETURN pg_current_snapshot();
END
$$;
COMMENT ON FUNCTION homelog.change_snapshot() IS
    'What this transaction sees, for good: no number that is over in it is ever given out again.';

-- These two are inlined where they are called, so they keep no search_path of their own.
CREATE FUNCTION homelog.changed_since(row_xmin xid, since pg_snapshot) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN pg_catalog.age(row_xmin) <= pg_catalog.age(pg_catalog.pg_snapshot_xmin(since)::xid);
COMMENT ON FUNCTION homelog.changed_since(xid, pg_snapshot) IS
    'Whether a row is newer than the snapshot, or may be: it was written by the oldest transaction that was open then, or '
    'by a later one, which is less than 2^31 transactions ago. Of 1:1: every row is.';

CREATE FUNCTION homelog.gone_since(row_xmin xid, gone_xid xid8, since pg_snapshot) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN NOT pg_catalog.pg_visible_in_snapshot(gone_xid, since) AND homelog.changed_since(row_xmin, since);
COMMENT ON FUNCTION homelog.gone_since(xid, xid8, pg_snapshot) IS
    'Whether a tombstone is newer than the snapshot. No more than that: told again, it could take away what was made anew.';

-- Members of a home, when they come, gain its sources too: that is to be asked here.
CREATE FUNCTION homelog.gained_sources(since pg_snapshot) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT a.source_id
        FROM user_source_access AS a
        LEFT JOIN gained_sources AS g ON g.source_id = a.source_id AND g.user_id = a.user_id
        WHERE a.user_id = homelog.current_user_id()
          AND (pg_snapshot_xmin(since) = '1' OR homelog.changed_since(g.xmin, since))
    );
END
$$;
COMMENT ON FUNCTION homelog.gained_sources(pg_snapshot) IS
    'The sources that the caller came to see since the snapshot, all for 1:1: a copy has nothing of them yet.';

-- A function, because no one statement promises to read span after span in order and to stop when it has enough. Planned
-- once a connection, as homelog.reach() is.
CREATE FUNCTION homelog.changed_readings(since pg_snapshot, last_source uuid, last_time timestamptz, most integer)
RETURNS SETOF readings
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    gained uuid[] := homelog.gained_sources(since);
    busy   uuid[] := ARRAY(
        SELECT s.source_id FROM changed_sources AS s
        WHERE homelog.changed_since(s.xmin, since) AND NOT s.source_id = ANY (gained)
    );
    span   record;
    found  integer;
BEGIN
    FOR span IN
        SELECT g.source_id, '-infinity'::timestamptz AS first, 'infinity'::timestamptz AS until
        FROM unnest(gained) AS g (source_id)
        WHERE last_source IS NULL OR g.source_id >= last_source
        UNION ALL
        SELECT d.source_id, d.day AT TIME ZONE 'UTC', (d.day + 1) AT TIME ZONE 'UTC'
        FROM changed_days AS d
        WHERE d.source_id = ANY (busy)
          AND homelog.changed_since(d.xmin, since)
          AND (last_source IS NULL OR (d.source_id, d.day) >= (last_source, (last_time AT TIME ZONE 'UTC')::date))
        ORDER BY source_id, first
    LOOP
        RETURN QUERY
        SELECT r.* FROM readings AS r
        WHERE r.source_id = span.source_id
          AND r.timestamp >= span.first
          AND r.timestamp < span.until
          AND r.timestamp > CASE WHEN span.source_id = last_source THEN last_time ELSE '-infinity' END
          AND (span.until = 'infinity' OR homelog.changed_since(r.xmin, since))
        ORDER BY r.timestamp
        LIMIT most;
        GET DIAGNOSTICS found = ROW_COUNT;
        most := most - found;
        EXIT WHEN most <= 0;
    END LOOP;
END
$$;
COMMENT ON FUNCTION homelog.changed_readings(pg_snapshot, uuid, timestamptz, integer) IS
    'The first of the readings that the caller is to be told of since the snapshot, after one of a source and time: all of '
    'the sources gained since, and of the others what changed on days on which something did.';

CREATE FUNCTION homelog.forget_tombstones(keep interval) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    -- The day is for transactions that stayed open: a tombstone bears the time at which its transaction began.
    until_then timestamptz := now() - greatest(keep, homelog.change_retention()) - interval '1 day';
    forgotten  bigint;
BEGIN
    WITH of_sources AS (
        DELETE FROM source_tombstones WHERE deleted_at < until_then RETURNING 1
    ), of_users AS (
        DELETE FROM user_tombstones WHERE deleted_at < until_then RETURNING 1
    )
    SELECT (SELECT count(*) FROM of_sources) + (SELECT count(*) FROM of_users) INTO forgotten;
    RETURN forgotten;
END
$$;
COMMENT ON FUNCTION homelog.forget_tombstones(interval) IS
    'Deletes tombstones that are older, though none that a cursor may still ask for; says how many.';

-- What rows cannot tell

CREATE FUNCTION homelog.tg__track_changes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    there uuid[];
BEGIN
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        PERFORM homelog.take_turns(ARRAY(SELECT DISTINCT n.source_id FROM new_rows AS n));
        -- What this transaction has noted stands.
        INSERT INTO changed_sources AS c (source_id)
        SELECT DISTINCT n.source_id FROM new_rows AS n ORDER BY n.source_id
        ON CONFLICT (source_id) DO UPDATE SET source_id = excluded.source_id
            WHERE c.xmin <> pg_current_xact_id()::xid;
        INSERT INTO changed_days AS d (source_id, day)
        SELECT DISTINCT n.source_id, (n.timestamp AT TIME ZONE 'UTC')::date AS day FROM new_rows AS n
        ORDER BY n.source_id, day
        ON CONFLICT (source_id, day) DO UPDATE SET day = excluded.day
            WHERE d.xmin <> pg_current_xact_id()::xid;
    END IF;

    IF TG_OP = 'UPDATE' THEN
        -- Only a DBA gives a reading another id. EXCEPT, not a join: planned for one row it would be slow for many.
        INSERT INTO source_tombstones (type, source_id, id)
        SELECT 'reading'::change_type, o.source_id, o.id FROM old_rows AS o
        EXCEPT
        SELECT 'reading'::change_type, n.source_id, n.id FROM new_rows AS n
        ON CONFLICT DO NOTHING;
    ELSIF TG_OP = 'DELETE' THEN
        -- The readings of a source that went are told by its own deletion, be they a million.
        there := ARRAY(
            SELECT s.id FROM data_sources AS s WHERE s.id IN (SELECT DISTINCT o.source_id FROM old_rows AS o)
        );
        INSERT INTO source_tombstones (type, source_id, id)
        SELECT 'reading', o.source_id, o.id FROM old_rows AS o WHERE o.source_id = ANY (there)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__track_changes() IS 'Notes the days on which readings changed, and readings that are gone.';

CREATE FUNCTION homelog.tg__leave_source_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO source_tombstones (type, source_id, id)
    SELECT TG_ARGV[0]::change_type, s.id, OLD.id FROM data_sources AS s WHERE s.id = OLD.source_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__leave_source_tombstone() IS
    'Notes that something is gone from a source, unless the source went. Argument: its change_type.';

CREATE FUNCTION homelog.leave_user_tombstone(reader uuid, gone change_type, gone_id uuid, how change_op) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO user_tombstones (user_id, type, id, op)
    SELECT reader, gone, gone_id, how
    WHERE reader IS NOT NULL
    ON CONFLICT (user_id, xid, id, type) DO UPDATE SET op = excluded.op;
END
$$;
COMMENT ON FUNCTION homelog.leave_user_tombstone(uuid, change_type, uuid, change_op) IS
    'Notes that a person does not see something any more.';

CREATE FUNCTION homelog.tg__leave_grant_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM homelog.leave_user_tombstone(OLD.user_id, 'source', OLD.source_id, CASE
        WHEN EXISTS (SELECT FROM data_sources WHERE id = OLD.source_id) THEN 'lost'::change_op ELSE 'delete'
    END);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__leave_grant_tombstone() IS
    'Notes that a person lost a source: the grants of a source that is deleted go with it.';

CREATE FUNCTION homelog.tg__gain_source() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO gained_sources (user_id, source_id) VALUES (NEW.user_id, NEW.source_id);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__gain_source() IS 'Notes that a person came to see a source.';

-- A home is seen by who made it, a plant and its care by the plant's owner. Members of a home, when they come, see them
-- too: these three are to ask who they are.
CREATE FUNCTION homelog.tg__leave_home_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM homelog.leave_user_tombstone(OLD.created_by, 'home', OLD.id, CASE TG_OP
        WHEN 'UPDATE' THEN 'lost'::change_op ELSE 'delete'
    END);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__leave_home_tombstone() IS 'Notes for who made a home that it is gone, or not theirs now.';

CREATE FUNCTION homelog.tg__leave_plant_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    how change_op := CASE TG_OP WHEN 'UPDATE' THEN 'lost' ELSE 'delete' END;
BEGIN
    PERFORM homelog.leave_user_tombstone(OLD.user_id, 'plant', OLD.id, how);
    PERFORM homelog.leave_user_tombstone(OLD.user_id, 'care', c.id, how) FROM care_events AS c WHERE c.plant_id = OLD.id;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    -- Whose it is now has nothing of its care: written anew, it is sent.
    UPDATE care_events SET plant_id = plant_id WHERE plant_id = OLD.id;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION homelog.tg__leave_plant_tombstone() IS
    'Notes for a plant''s owner that it and its care are gone, or not theirs now. Before the plant goes: its care goes with it.';

CREATE FUNCTION homelog.tg__leave_care_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM homelog.leave_user_tombstone(p.user_id, 'care', OLD.id, 'delete') FROM plants AS p WHERE p.id = OLD.plant_id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__leave_care_tombstone() IS 'Notes for a plant''s owner that care for it is gone.';

CREATE FUNCTION homelog.tg__forget_tombstones() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    DELETE FROM user_tombstones WHERE user_id = OLD.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__forget_tombstones() IS 'Deletes what was noted for an account that goes.';

-- lock: SHARE ROW EXCLUSIVE on readings and the small tables, for the catalogue's rows alone; a writer that is at work
-- ends first, so that every change after this is noted.
CREATE TRIGGER _600_track_changes_insert
    AFTER INSERT ON readings REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__track_changes();
CREATE TRIGGER _600_track_changes_update
    AFTER UPDATE ON readings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__track_changes();
CREATE TRIGGER _600_track_changes_delete
    AFTER DELETE ON readings REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__track_changes();

CREATE TRIGGER _600_leave_tombstone_delete
    AFTER DELETE ON data_validators
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_source_tombstone('validator');
CREATE TRIGGER _600_leave_tombstone_update
    AFTER UPDATE ON data_validators
    FOR EACH ROW WHEN ((OLD.source_id, OLD.id) <> (NEW.source_id, NEW.id))
    EXECUTE FUNCTION homelog.tg__leave_source_tombstone('validator');
CREATE TRIGGER _600_leave_tombstone_delete
    AFTER DELETE ON meter_events
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_source_tombstone('meter_event');
CREATE TRIGGER _600_leave_tombstone_update
    AFTER UPDATE ON meter_events
    FOR EACH ROW WHEN ((OLD.source_id, OLD.id) <> (NEW.source_id, NEW.id))
    EXECUTE FUNCTION homelog.tg__leave_source_tombstone('meter_event');

CREATE TRIGGER _600_gain_source
    AFTER INSERT ON user_source_access
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__gain_source();
CREATE TRIGGER _600_leave_tombstone_delete
    AFTER DELETE ON user_source_access
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_grant_tombstone();
CREATE TRIGGER _600_leave_tombstone_update
    AFTER UPDATE ON user_source_access
    FOR EACH ROW WHEN ((OLD.source_id, OLD.user_id) <> (NEW.source_id, NEW.user_id))
    EXECUTE FUNCTION homelog.tg__leave_grant_tombstone();

CREATE TRIGGER _600_leave_tombstone_delete
    AFTER DELETE ON homes
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_home_tombstone();
CREATE TRIGGER _600_leave_tombstone_update
    AFTER UPDATE ON homes
    FOR EACH ROW WHEN ((OLD.id, OLD.created_by) IS DISTINCT FROM (NEW.id, NEW.created_by))
    EXECUTE FUNCTION homelog.tg__leave_home_tombstone();
CREATE TRIGGER _600_leave_tombstone_delete
    BEFORE DELETE ON plants
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_plant_tombstone();
CREATE TRIGGER _600_leave_tombstone_update
    BEFORE UPDATE ON plants
    FOR EACH ROW WHEN ((OLD.id, OLD.user_id) <> (NEW.id, NEW.user_id))
    EXECUTE FUNCTION homelog.tg__leave_plant_tombstone();
CREATE TRIGGER _600_leave_tombstone_delete
    AFTER DELETE ON care_events
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_care_tombstone();
CREATE TRIGGER _600_leave_tombstone_update
    AFTER UPDATE ON care_events
    FOR EACH ROW WHEN ((OLD.plant_id, OLD.id) <> (NEW.plant_id, NEW.id))
    EXECUTE FUNCTION homelog.tg__leave_care_tombstone();
CREATE TRIGGER _600_forget_tombstones
    AFTER DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__forget_tombstones();

-- Who sees it

ALTER TABLE changed_sources ENABLE ROW LEVEL SECURITY;
ALTER TABLE changed_sources FORCE ROW LEVEL SECURITY;
ALTER TABLE changed_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE changed_days FORCE ROW LEVEL SECURITY;
ALTER TABLE gained_sources ENABLE ROW LEVEL SECURITY;
ALTER TABLE gained_sources FORCE ROW LEVEL SECURITY;
ALTER TABLE source_tombstones ENABLE ROW LEVEL SECURITY;
ALTER TABLE source_tombstones FORCE ROW LEVEL SECURITY;
ALTER TABLE user_tombstones ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_tombstones FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON changed_sources TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON changed_sources IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON changed_sources FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON changed_sources IS 'Operators read all.';
CREATE POLICY select_reader ON changed_sources FOR SELECT TO homelog_api
    USING (source_id = ANY ((SELECT homelog.granted_sources())::uuid[]));
COMMENT ON POLICY select_reader ON changed_sources IS 'Whoever was granted the source follows its changes.';

CREATE POLICY owner_all ON changed_days TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON changed_days IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON changed_days FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON changed_days IS 'Operators read all.';
CREATE POLICY select_reader ON changed_days FOR SELECT TO homelog_api
    USING (source_id = ANY ((SELECT homelog.granted_sources())::uuid[]));
COMMENT ON POLICY select_reader ON changed_days IS 'Whoever was granted the source follows its changes.';

CREATE POLICY owner_all ON gained_sources TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON gained_sources IS 'The owner''s functions and triggers see and do all; the API asks homelog.gained_sources().';
CREATE POLICY select_ops ON gained_sources FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON gained_sources IS 'Operators read all.';

CREATE POLICY owner_all ON source_tombstones TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON source_tombstones IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON source_tombstones FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON source_tombstones IS 'Operators read all.';
CREATE POLICY select_reader ON source_tombstones FOR SELECT TO homelog_api
    USING (source_id = ANY ((SELECT homelog.granted_sources())::uuid[]));
COMMENT ON POLICY select_reader ON source_tombstones IS 'Whoever was granted the source learns what is gone from it.';

CREATE POLICY owner_all ON user_tombstones TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON user_tombstones IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON user_tombstones FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON user_tombstones IS 'Operators read all.';
CREATE POLICY select_reader ON user_tombstones FOR SELECT TO homelog_api
    USING (user_id = (SELECT homelog.current_user_id()));
COMMENT ON POLICY select_reader ON user_tombstones IS 'One learns what one does not see any more.';

GRANT EXECUTE ON FUNCTION
    homelog.change_retention(),
    homelog.change_era(),
    homelog.change_snapshot(),
    homelog.changed_since(xid, pg_snapshot),
    homelog.gone_since(xid, xid8, pg_snapshot),
    homelog.gained_sources(pg_snapshot),
    homelog.changed_readings(pg_snapshot, uuid, timestamptz, integer)
    TO homelog_api;
GRANT SELECT ON changed_sources, changed_days, source_tombstones, user_tombstones TO homelog_api, homelog_ops;
GRANT SELECT ON gained_sources TO homelog_ops;

-- Those who see a source already came to see it now: there is no cursor from before.
INSERT INTO gained_sources (user_id, source_id) SELECT user_id, source_id FROM user_source_access;
