-- Every list of sources shows the newest reading of each, and finding it was a descent of the largest index there is,
-- under a row-level policy that was set up anew for each. So the newest reading of each source is kept in a table of its
-- own, in step with readings whoever writes them and however: by the statement that wrote, before it ends.
-- Deleting an account takes its turns first from now on: it locks sources, then changes readings, and would otherwise
-- wait for the turn of somebody who waits for one of those sources.
-- Existing readings: one probe of the key for each source, while writers wait.
-- depends: 0006_record_meter_events

SET LOCAL ROLE homelog_owner;

-- A third of each page is left free: a new version then fits beside the old one and no index changes.
CREATE TABLE latest_readings (
    source_id     uuid              NOT NULL,
    id            uuid              NOT NULL,
    timestamp     timestamptz       NOT NULL,
    value         double precision  NOT NULL,
    quality_flag  quality_flag      NOT NULL,

    CONSTRAINT latest_readings_pkey PRIMARY KEY (source_id),
    CONSTRAINT latest_readings_source_id_fkey FOREIGN KEY (source_id) REFERENCES data_sources (id) ON DELETE CASCADE
) WITH (fillfactor = 70);

COMMENT ON TABLE latest_readings IS
    'The newest reading of each source that has any, whatever its quality; kept by triggers on readings alone.';
COMMENT ON COLUMN latest_readings.id IS 'The reading''s.';
COMMENT ON COLUMN latest_readings.timestamp IS 'When it was true; no reading of the source is later.';
COMMENT ON CONSTRAINT latest_readings_pkey ON latest_readings IS 'The source already has a latest reading.';
COMMENT ON CONSTRAINT latest_readings_source_id_fkey ON latest_readings IS 'This source does not exist.';

ALTER TABLE latest_readings ENABLE ROW LEVEL SECURITY;
ALTER TABLE latest_readings FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON latest_readings TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON latest_readings IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON latest_readings FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON latest_readings IS 'Operators read all.';
-- IN where the other tables have ANY: whoever asks for many sources finds each by the key, and then ANY would sort the
-- whole array for each, while IN looks it up in a hash table that is made once.
CREATE POLICY select_reader ON latest_readings FOR SELECT TO homelog_api
    USING (source_id IN (SELECT unnest((SELECT homelog.readable_sources()))));
COMMENT ON POLICY select_reader ON latest_readings IS 'Whoever may read the source reads its latest reading.';

-- Planned once a connection, and by the key even if that was when the tables were nearly empty.
CREATE FUNCTION homelog.refresh_latest_readings(sources uuid[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
    written bigint;
BEGIN
    PERFORM homelog.take_turns(sources);

    INSERT INTO latest_readings AS l (source_id, id, timestamp, value, quality_flag)
    SELECT s.source_id, r.id, r.timestamp, r.value, r.quality_flag
    FROM unnest(sources) AS s (source_id)
    CROSS JOIN LATERAL (
        SELECT w.id, w.timestamp, w.value, w.quality_flag
        FROM readings AS w
        WHERE w.source_id = s.source_id
        ORDER BY w.timestamp DESC
        LIMIT 1
    ) AS r
    ON CONFLICT (source_id) DO UPDATE
        SET
            id = excluded.id,
            timestamp = excluded.timestamp,
            value = excluded.value,
            quality_flag = excluded.quality_flag
        WHERE (l.id, l.timestamp, l.value, l.quality_flag)
              IS DISTINCT FROM (excluded.id, excluded.timestamp, excluded.value, excluded.quality_flag);
    GET DIAGNOSTICS written = ROW_COUNT;

    -- Of the others the latest reading stayed, or the last one went.
    IF written < cardinality(sources) THEN
        DELETE FROM latest_readings AS l
        WHERE l.source_id = ANY (sources) AND NOT EXISTS (SELECT FROM readings AS r WHERE r.source_id = l.source_id);
    END IF;
END
$$;
COMMENT ON FUNCTION homelog.refresh_latest_readings(uuid[]) IS
    'Looks up the newest reading of these sources, each named once. The triggers call it; so does a DBA who has loaded '
    'readings with triggers switched off.';

CREATE FUNCTION homelog.tg__keep_latest_readings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    touched uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        touched := ARRAY(SELECT DISTINCT n.source_id FROM new_rows AS n);
    ELSIF TG_OP = 'UPDATE' THEN
        touched := ARRAY(SELECT n.source_id FROM new_rows AS n UNION SELECT o.source_id FROM old_rows AS o);
    ELSIF TG_OP = 'DELETE' THEN
        -- Where the source itself goes its row here goes with it; and a turn must not be waited for, since whoever has
        -- it may be waiting for the source.
        touched := ARRAY(
            SELECT gone.source_id
            FROM (SELECT DISTINCT o.source_id FROM old_rows AS o) AS gone
            WHERE EXISTS (SELECT FROM data_sources AS s WHERE s.id = gone.source_id)
        );
    ELSE
        DELETE FROM latest_readings;
    END IF;

    -- Looked up anew rather than made out from the rows that were written: that holds for every way of writing.
    IF touched <> '{}' THEN
        PERFORM homelog.refresh_latest_readings(touched);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__keep_latest_readings() IS 'Keeps latest_readings in step with what was written to readings.';

CREATE OR REPLACE FUNCTION homelog.tg__leave_nothing_orphaned() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Turns before rows, as everyone takes them who writes readings.
    PERFORM homelog.take_turns(ARRAY(
        SELECT a.source_id FROM user_source_access AS a WHERE a.user_id = OLD.id AND a.access_level = 'admin'
        UNION
        SELECT l.source_id FROM audit_logs AS l WHERE l.user_id = OLD.id AND l.event_type = 'create_entry'
    ));

    -- Two admins of one source who go at once: the second waits here, and then sees that it is the last.
    PERFORM
    FROM data_sources AS s
    JOIN user_source_access AS a ON a.source_id = s.id
    WHERE a.user_id = OLD.id AND a.access_level = 'admin'
    ORDER BY s.id
    FOR UPDATE OF s;

    -- What the account alone administers goes with it.
    DELETE FROM data_sources AS s
    USING user_source_access AS a
    WHERE a.source_id = s.id AND a.user_id = OLD.id AND a.access_level = 'admin'
      AND NOT EXISTS (
          SELECT FROM user_source_access AS b
          WHERE b.source_id = s.id AND b.user_id <> OLD.id AND b.access_level = 'admin'
      );
    DELETE FROM homes WHERE created_by = OLD.id;

    -- What stays forgets who recorded it. There is no index on recorded_by; the audit log knows where to look.
    UPDATE readings SET recorded_by = NULL
    WHERE recorded_by = OLD.id
      AND source_id IN (
          SELECT DISTINCT l.source_id FROM audit_logs AS l
          WHERE l.user_id = OLD.id AND l.event_type = 'create_entry'
      );
    RETURN OLD;
END
$$;
-- lock: SHARE ROW EXCLUSIVE on readings until this file's end: nothing is written between the triggers and what follows.
CREATE TRIGGER _400_keep_latest_insert
    AFTER INSERT ON readings REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__keep_latest_readings();
CREATE TRIGGER _400_keep_latest_update
    AFTER UPDATE ON readings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__keep_latest_readings();
CREATE TRIGGER _400_keep_latest_delete
    AFTER DELETE ON readings REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__keep_latest_readings();
CREATE TRIGGER _400_keep_latest_truncate
    AFTER TRUNCATE ON readings
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__keep_latest_readings();

-- Without turns: the lock above keeps writers out, and one that has its turn may be waiting for it.
INSERT INTO latest_readings (source_id, id, timestamp, value, quality_flag)
SELECT s.id AS source_id, r.id, r.timestamp, r.value, r.quality_flag
FROM data_sources AS s
CROSS JOIN LATERAL (
    SELECT w.id, w.timestamp, w.value, w.quality_flag
    FROM readings AS w
    WHERE w.source_id = s.id
    ORDER BY w.timestamp DESC
    LIMIT 1
) AS r;

GRANT SELECT ON latest_readings TO homelog_api, homelog_ops;
