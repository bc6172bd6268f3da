-- A year by day of a meter that is read every minute means reading half a million rows, again and again. Each hour with
-- at least ten readings gets one row that sums it up, kept by the statements that write readings; a series takes whole
-- hours from there and reads raw what a bucket's edge, a range's end or a meter event cuts. Sparse hours have no row.
-- The hours of stored readings are summed up here, source by source.
-- depends: 0007_keep_latest_readings

SET LOCAL ROLE homelog_owner;

CREATE TABLE reading_hours (
    source_id    uuid              NOT NULL,
    hour         timestamptz       NOT NULL,
    count        integer           NOT NULL,
    min          double precision  NOT NULL,
    max          double precision  NOT NULL,
    sum          double precision  NOT NULL,
    first_at     timestamptz       NOT NULL,
    first_value  double precision  NOT NULL,
    last_at      timestamptz       NOT NULL,
    last_value   double precision  NOT NULL,
    drops        integer           NOT NULL,

    CONSTRAINT reading_hours_pkey PRIMARY KEY (source_id, hour),
    CONSTRAINT reading_hours_source_id_fkey FOREIGN KEY (source_id) REFERENCES data_sources (id) ON DELETE CASCADE,
    CONSTRAINT reading_hours_count_dense CHECK (count >= 10)
)
-- The hour that goes on is updated with each reading; the room lets the new version stay on its page.
WITH (fillfactor = 80);

COMMENT ON TABLE reading_hours IS
    'Hours of UTC with at least ten readings that are not bad, each the exact sum of these. Kept by triggers on readings.';
COMMENT ON COLUMN reading_hours.hour IS 'Its beginning, at a full hour of UTC.';
COMMENT ON COLUMN reading_hours.first_at IS 'The time of the first reading, whose value is first_value.';
COMMENT ON COLUMN reading_hours.last_at IS 'The time of the last reading, whose value is last_value.';
COMMENT ON COLUMN reading_hours.drops IS 'How many readings of the hour show less than the one before them in it.';
COMMENT ON CONSTRAINT reading_hours_pkey ON reading_hours IS 'This hour is summed up already.';
COMMENT ON CONSTRAINT reading_hours_source_id_fkey ON reading_hours IS 'This source does not exist.';
COMMENT ON CONSTRAINT reading_hours_count_dense ON reading_hours IS 'Only hours with at least ten readings are summed up.';

CREATE FUNCTION homelog.hour_of(at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN date_bin('1 hour', at, '1970-01-01 00:00+00');
COMMENT ON FUNCTION homelog.hour_of(timestamptz) IS 'The full hour of UTC in which an instant lies.';

-- Hours that follow each other are read together. An hour with a value so large that a sum might not be a number has no
-- row: no reading is refused for its sum.
CREATE FUNCTION homelog.sum_up_hours(sources uuid[], hours timestamptz[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF sources IS NULL THEN
        RETURN;
    END IF;
    PERFORM homelog.take_turns(ARRAY(SELECT DISTINCT t.source_id FROM unnest(sources) AS t (source_id)));

    WITH runs AS MATERIALIZED (
        SELECT each.source_id, min(each.hour) AS since, max(each.hour) + interval '1 hour' AS until
        FROM (
            SELECT t.source_id, t.hour,
                   t.hour - interval '1 hour' * row_number() OVER (PARTITION BY t.source_id ORDER BY t.hour) AS run
            FROM unnest(sources, hours) AS t (source_id, hour)
        ) AS each
        GROUP BY each.source_id, each.run
    ),

    fresh AS MATERIALIZED (
        SELECT runs.source_id, s.hour, s.count, s.min, s.max, s.sum,
               s.first_at, s.values[1] AS first_value, s.last_at, s.values[s.count] AS last_value,
               (SELECT count(*) FROM unnest(s.values[2:], s.values) AS pair (value, before) WHERE value < before) AS drops
        FROM runs
        CROSS JOIN LATERAL (
            SELECT b.hour, count(*) AS count, min(r.value) AS min, max(r.value) AS max,
                   sum(r.value ORDER BY r.timestamp) FILTER (WHERE abs(r.value) < 1e290) AS sum,
                   min(r.timestamp) AS first_at, max(r.timestamp) AS last_at,
                   array_agg(r.value ORDER BY r.timestamp) AS values
            FROM readings AS r
            CROSS JOIN LATERAL (SELECT homelog.hour_of(r.timestamp)) AS b (hour)
            WHERE r.source_id = runs.source_id AND r.timestamp >= runs.since AND r.timestamp < runs.until
              AND r.quality_flag <> 'bad'
            GROUP BY b.hour
            HAVING count(*) >= 10 AND greatest(max(r.value), -min(r.value)) < 1e290
        ) AS s
    ),

    kept AS (
        INSERT INTO reading_hours (source_id, hour, count, min, max, sum, first_at, first_value, last_at, last_value,
                                   drops)
        SELECT source_id, hour, count, min, max, sum, first_at, first_value, last_at, last_value, drops
        FROM fresh
        ON CONFLICT (source_id, hour) DO UPDATE
            SET count = excluded.count, min = excluded.min, max = excluded.max, sum = excluded.sum,
                first_at = excluded.first_at, first_value = excluded.first_value,
                last_at = excluded.last_at, last_value = excluded.last_value, drops = excluded.drops
    )

    -- NOT IN, because that is hashed whatever the planner takes the hours for: these are as many as a statement touches.
    DELETE FROM reading_hours AS h
    USING runs
    WHERE h.source_id = runs.source_id AND h.hour >= runs.since AND h.hour < runs.until
      AND (h.source_id, h.hour) NOT IN (SELECT f.source_id, f.hour FROM fresh AS f);
END
$$;
COMMENT ON FUNCTION homelog.sum_up_hours(uuid[], timestamptz[]) IS
    'Sums up the hours, the n-th of the n-th source, from their readings as they are now, when no other '
    'transaction writes to these. Hours that are not dense lose their row.';

CREATE FUNCTION homelog.rebuild_hours(source uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    hours timestamptz[];
BEGIN
    PERFORM homelog.take_turns(ARRAY[source]);

    DELETE FROM reading_hours AS h WHERE h.source_id = source;
    SELECT coalesce(array_agg(dense.hour), '{}') INTO hours
    FROM (
        SELECT homelog.hour_of(r.timestamp) AS hour
        FROM readings AS r
        WHERE r.source_id = source AND r.quality_flag <> 'bad'
        GROUP BY 1
        HAVING count(*) >= 10
    ) AS dense;
    PERFORM homelog.sum_up_hours(array_fill(source, ARRAY[cardinality(hours)]), hours);
END
$$;
COMMENT ON FUNCTION homelog.rebuild_hours(uuid) IS
    'Sums up all hours of a source anew: for operators, after readings were changed with triggers off. Writers to the '
    'source wait meanwhile.';

CREATE FUNCTION homelog.tg__roll_up_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    sent     integer;
    logged   readings;
    hour_in  timestamptz;
    sources  uuid[];
    hours    timestamptz[];
BEGIN
    SELECT count(*) INTO sent FROM (SELECT FROM new_rows LIMIT 2) AS n;
    IF sent = 0 THEN
        RETURN NULL;
    END IF;

    IF sent = 1 THEN
        SELECT * INTO logged FROM new_rows;
        IF logged.quality_flag = 'bad' THEN
            RETURN NULL;
        END IF;
        PERFORM homelog.take_turns(ARRAY[logged.source_id]);

        -- The commonest of all, one reading after the others of its hour: reads none of them.
        hour_in := homelog.hour_of(logged.timestamp);
        UPDATE reading_hours AS h
        SET count = h.count + 1,
            min = least(h.min, logged.value),
            max = greatest(h.max, logged.value),
            sum = h.sum + logged.value,
            last_at = logged.timestamp,
            last_value = logged.value,
            drops = h.drops + (logged.value < h.last_value)::integer
        WHERE h.source_id = logged.source_id AND h.hour = hour_in
          AND h.last_at < logged.timestamp AND abs(logged.value) < 1e290;
        IF FOUND THEN
            RETURN NULL;
        END IF;

        -- Next, one that leaves its hour as sparse as it was.
        PERFORM FROM readings AS r
        WHERE r.source_id = logged.source_id AND r.quality_flag <> 'bad'
          AND r.timestamp >= hour_in AND r.timestamp < hour_in + interval '1 hour'
        OFFSET 9 LIMIT 1;
        IF FOUND THEN
            PERFORM homelog.sum_up_hours(ARRAY[logged.source_id], ARRAY[hour_in]);
        END IF;
        RETURN NULL;
    END IF;

    SELECT array_agg(t.source_id), array_agg(t.hour) INTO sources, hours
    FROM (
        SELECT DISTINCT n.source_id, homelog.hour_of(n.timestamp) AS hour
        FROM new_rows AS n
        WHERE n.quality_flag <> 'bad'
    ) AS t;
    PERFORM homelog.sum_up_hours(sources, hours);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__roll_up_insert() IS 'Keeps reading_hours in step with readings that are logged.';

CREATE FUNCTION homelog.tg__roll_up() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    sources  uuid[];
    hours    timestamptz[];
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM reading_hours;
        RETURN NULL;
    END IF;

    IF TG_OP = 'UPDATE' THEN
        -- What began to count, no longer counts, or counts otherwise: notes and names change nothing here.
        SELECT array_agg(t.source_id), array_agg(t.hour) INTO sources, hours
        FROM (
            SELECT DISTINCT c.source_id, homelog.hour_of(c.timestamp) AS hour
            FROM (
                (
                    SELECT o.source_id, o.timestamp, o.value FROM old_rows AS o WHERE o.quality_flag <> 'bad'
                    EXCEPT
                    SELECT n.source_id, n.timestamp, n.value FROM new_rows AS n WHERE n.quality_flag <> 'bad'
                )
                UNION ALL
                (
                    SELECT n.source_id, n.timestamp, n.value FROM new_rows AS n WHERE n.quality_flag <> 'bad'
                    EXCEPT
                    SELECT o.source_id, o.timestamp, o.value FROM old_rows AS o WHERE o.quality_flag <> 'bad'
                )
            ) AS c
        ) AS t;
    ELSE
        -- Hours of a source that is gone went with it.
        WITH t AS MATERIALIZED (
            SELECT DISTINCT o.source_id, homelog.hour_of(o.timestamp) AS hour
            FROM old_rows AS o
            WHERE o.quality_flag <> 'bad'
        )

        SELECT array_agg(t.source_id), array_agg(t.hour) INTO sources, hours
        FROM t
        WHERE EXISTS (SELECT FROM data_sources AS s WHERE s.id = t.source_id);
    END IF;
    PERFORM homelog.sum_up_hours(sources, hours);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__roll_up() IS
    'Keeps reading_hours in step with readings that are corrected or removed.';

-- lock: SHARE ROW EXCLUSIVE on readings: writers wait until all hours are summed up, seconds for each million readings;
-- readers do not wait.
CREATE TRIGGER _500_roll_up_insert
    AFTER INSERT ON readings REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__roll_up_insert();
CREATE TRIGGER _500_roll_up_update
    AFTER UPDATE ON readings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__roll_up();
CREATE TRIGGER _500_roll_up_delete
    AFTER DELETE ON readings REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__roll_up();
CREATE TRIGGER _500_roll_up_truncate
    AFTER TRUNCATE ON readings
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__roll_up();

ALTER TABLE reading_hours ENABLE ROW LEVEL SECURITY;
ALTER TABLE reading_hours FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON reading_hours TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON reading_hours IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON reading_hours FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON reading_hours IS 'Operators read all.';
CREATE POLICY select_reader ON reading_hours FOR SELECT TO homelog_api
    USING (source_id = ANY ((SELECT homelog.readable_sources())::uuid[]));
COMMENT ON POLICY select_reader ON reading_hours IS 'Whoever may read the source reads the sums of its hours.';

GRANT SELECT ON reading_hours TO homelog_api, homelog_ops;
GRANT EXECUTE ON FUNCTION homelog.hour_of(timestamptz) TO homelog_api, homelog_ops;
GRANT EXECUTE ON FUNCTION homelog.rebuild_hours(uuid) TO homelog_ops;

DO $$
BEGIN
    PERFORM homelog.rebuild_hours(s.id) FROM data_sources AS s;
END
$$;
