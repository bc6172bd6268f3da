-- Most that is asked for a year is asked by day, and a year by day from hours means 8,760 of them, put together again
-- and again. Each local day with at least ten readings gets one row that sums it up, kept by the statements that write
-- readings; a series takes it where midnights are the edges of its buckets. Sparse days have no row.
-- The days of stored readings are summed up here, source by source.
-- depends: 0013_map_line_protocol

SET LOCAL ROLE homelog_owner;

CREATE TABLE reading_days (
    source_id    uuid              NOT NULL,
    since        timestamptz       NOT NULL,
    until        timestamptz       NOT NULL,
    count        integer           NOT NULL,
    min          double precision  NOT NULL,
    max          double precision  NOT NULL,
    sum          double precision  NOT NULL,
    first_at     timestamptz       NOT NULL,
    first_value  double precision  NOT NULL,
    last_at      timestamptz       NOT NULL,
    last_value   double precision  NOT NULL,
    drops        integer           NOT NULL,

    CONSTRAINT reading_days_pkey PRIMARY KEY (source_id, since),
    CONSTRAINT reading_days_source_id_fkey FOREIGN KEY (source_id) REFERENCES data_sources (id) ON DELETE CASCADE,
    CONSTRAINT reading_days_until_range CHECK (until > since AND until - since <= interval '48 hours'),
    CONSTRAINT reading_days_count_dense CHECK (count >= 10)
)
-- The day that goes on is updated with each reading; the room lets the new version stay on its page.
WITH (fillfactor = 80);

COMMENT ON TABLE reading_days IS
    'Local days with at least ten readings that are not bad, each the exact sum of these. Kept by triggers on readings. '
    'A row names the instants of its midnights, so it stays true whatever zone the source is in later; those of one '
    'source do not overlap.';
COMMENT ON COLUMN reading_days.since IS 'Its beginning, a midnight in the zone of the source''s home as it was then.';
COMMENT ON COLUMN reading_days.until IS 'The next midnight there.';
COMMENT ON COLUMN reading_days.first_at IS 'The time of the first reading, whose value is first_value.';
COMMENT ON COLUMN reading_days.last_at IS 'The time of the last reading, whose value is last_value.';
COMMENT ON COLUMN reading_days.drops IS 'How many readings of the day show less than the one before them in it.';
COMMENT ON CONSTRAINT reading_days_pkey ON reading_days IS 'This day is summed up already.';
COMMENT ON CONSTRAINT reading_days_source_id_fkey ON reading_days IS 'This source does not exist.';
COMMENT ON CONSTRAINT reading_days_until_range ON reading_days IS 'A day ends after it begins, within 48 hours.';
COMMENT ON CONSTRAINT reading_days_count_dense ON reading_days IS 'Only days with at least ten readings are summed up.';

CREATE FUNCTION homelog.day_of(at timestamptz, zone text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN date_trunc('day', at, zone) <= at THEN date_trunc('day', at, zone)
    ELSE (date_trunc('day', at AT TIME ZONE zone) - interval '1 day') AT TIME ZONE zone
END;
COMMENT ON FUNCTION homelog.day_of(timestamptz, text) IS
    'The local midnight that begins the day in which an instant lies. Of two midnights in a night the second counts, and '
    'what the clock shows between them is of the day before.';

CREATE FUNCTION homelog.day_after(midnight timestamptz, zone text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (date_trunc('day', midnight AT TIME ZONE zone) + interval '1 day') AT TIME ZONE zone;
COMMENT ON FUNCTION homelog.day_after(timestamptz, text) IS 'The local midnight that follows another.';

-- A day is put together from its whole hours, where each of them has its row, and the readings that a midnight cuts off;
-- else from its readings. A day with a value so large that a sum might not be a number has no row.
CREATE FUNCTION homelog.sum_up_days(sources uuid[], hours timestamptz[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF sources IS NULL THEN
        RETURN;
    END IF;
    PERFORM homelog.take_turns(ARRAY(SELECT DISTINCT t.source_id FROM unnest(sources) AS t (source_id)));

    WITH days AS MATERIALIZED (
        SELECT d.source_id, d.since, l.until,
               homelog.hour_of(d.since + interval '1 hour' - interval '1 microsecond') AS opens,
               homelog.hour_of(l.until) AS shuts
        FROM (
            SELECT DISTINCT half.source_id, z.zone, homelog.day_of(e.at, z.zone) AS since
            FROM (
                -- Half days: no local day is as short, so that the days at their ends are all.
                SELECT t.source_id, min(t.hour) AS since, max(t.hour) + interval '1 hour' - interval '1 microsecond' AS until
                FROM unnest(sources, hours) AS t (source_id, hour)
                GROUP BY t.source_id, date_bin('12 hours', t.hour, '1970-01-01 00:00+00')
            ) AS half
            INNER JOIN (
                SELECT s.id, coalesce(h.timezone, 'UTC') AS zone
                FROM data_sources AS s
                LEFT JOIN homes AS h ON h.id = s.home_id
                WHERE s.id = ANY (ARRAY(SELECT DISTINCT u.id FROM unnest(sources) AS u (id)))
            ) AS z ON z.id = half.source_id
            CROSS JOIN LATERAL (VALUES (half.since), (half.until)) AS e (at)
        ) AS d
        CROSS JOIN LATERAL (SELECT homelog.day_after(d.since, d.zone) OFFSET 0) AS l (until)
    ),

    whole AS MATERIALIZED (
        SELECT d.source_id, d.since, d.opens, d.shuts, h.count, h.min, h.max, h.sum,
               h.drops + (
                   SELECT count(*) FROM unnest(h.firsts[2:], h.lasts) AS pair (value, before) WHERE value < before
               ) AS drops,
               h.first_at, h.firsts[1] AS first_value, h.last_at, h.lasts[cardinality(h.lasts)] AS last_value
        FROM days AS d
        CROSS JOIN LATERAL (
            SELECT sum(w.count) AS count, min(w.min) AS min, max(w.max) AS max, sum(w.sum ORDER BY w.hour) AS sum,
                   sum(w.drops) AS drops,
                   min(w.first_at) AS first_at, array_agg(w.first_value ORDER BY w.hour) AS firsts,
                   max(w.last_at) AS last_at, array_agg(w.last_value ORDER BY w.hour) AS lasts
            FROM reading_hours AS w
            WHERE w.source_id = d.source_id AND w.hour >= d.opens AND w.hour < d.shuts
        ) AS h
        WHERE d.opens + cardinality(h.firsts) * interval '1 hour' = d.shuts
    ),

    pieces AS (
        SELECT w.source_id, w.since, w.count, w.min, w.max, w.sum, w.drops,
               w.first_at, w.first_value, w.last_at, w.last_value
        FROM whole AS w
        UNION ALL
        SELECT d.source_id, d.since, s.count, s.min, s.max, s.sum,
               (SELECT count(*) FROM unnest(s.values[2:], s.values) AS pair (value, before) WHERE value < before),
               s.first_at, s.values[1], s.last_at, s.values[s.count]
        FROM days AS d
        LEFT JOIN whole AS w ON w.source_id = d.source_id AND w.since = d.since
        CROSS JOIN LATERAL (
            VALUES (d.since, coalesce(w.opens, d.until)), (coalesce(w.shuts, d.until), d.until)
        ) AS gap (since, until)
        CROSS JOIN LATERAL (
            SELECT count(*) AS count, min(r.value) AS min, max(r.value) AS max,
                   sum(r.value ORDER BY r.timestamp) FILTER (WHERE abs(r.value) < 1e290) AS sum,
                   min(r.timestamp) AS first_at, max(r.timestamp) AS last_at,
                   array_agg(r.value ORDER BY r.timestamp) AS values
            FROM readings AS r
            WHERE r.source_id = d.source_id AND r.timestamp >= gap.since AND r.timestamp < gap.until
              AND r.quality_flag <> 'bad'
        ) AS s
        WHERE gap.since < gap.until AND s.count > 0
    ),

    fresh AS MATERIALIZED (
        SELECT p.source_id, p.since, d.until, p.count, p.min, p.max, p.sum,
               p.first_at, p.firsts[1] AS first_value, p.last_at, p.lasts[cardinality(p.lasts)] AS last_value,
               p.drops + (
                   SELECT count(*) FROM unnest(p.firsts[2:], p.lasts) AS pair (value, before) WHERE value < before
               ) AS drops
        FROM (
            SELECT each.source_id, each.since, sum(each.count) AS count, min(each.min) AS min, max(each.max) AS max,
                   sum(each.sum ORDER BY each.first_at) AS sum, sum(each.drops) AS drops,
                   min(each.first_at) AS first_at, array_agg(each.first_value ORDER BY each.first_at) AS firsts,
                   max(each.last_at) AS last_at, array_agg(each.last_value ORDER BY each.first_at) AS lasts
            FROM pieces AS each
            GROUP BY each.source_id, each.since
            HAVING sum(each.count) >= 10 AND greatest(max(each.max), -min(each.min)) < 1e290
        ) AS p
        INNER JOIN days AS d ON d.source_id = p.source_id AND d.since = p.since
    ),

    kept AS (
        INSERT INTO reading_days (source_id, since, until, count, min, max, sum, first_at, first_value, last_at,
                                  last_value, drops)
        SELECT source_id, since, until, count, min, max, sum, first_at, first_value, last_at, last_value, drops
        FROM fresh
        ON CONFLICT (source_id, since) DO UPDATE
            SET until = excluded.until, count = excluded.count, min = excluded.min, max = excluded.max,
                sum = excluded.sum, first_at = excluded.first_at, first_value = excluded.first_value,
                last_at = excluded.last_at, last_value = excluded.last_value, drops = excluded.drops
    )

    -- Those that overlap, too: they are of a zone that the source was in before. NOT IN, because that is hashed whatever
    -- the planner takes the days for.
    DELETE FROM reading_days AS h
    USING days AS d
    WHERE h.source_id = d.source_id
      AND h.since > d.since - interval '48 hours' AND h.since < d.until AND h.until > d.since
      AND (h.source_id, h.since) NOT IN (SELECT f.source_id, f.since FROM fresh AS f);
END
$$;
COMMENT ON FUNCTION homelog.sum_up_days(uuid[], timestamptz[]) IS
    'Sums up the local days in which these hours lie, the n-th of the n-th source, from their readings as they are now '
    'and from hours that are summed up, when no other transaction writes to these. Days that are not dense lose their '
    'row, and so do those of another zone that overlap.';

CREATE FUNCTION homelog.rebuild_days(source uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    hours timestamptz[];
BEGIN
    PERFORM homelog.take_turns(ARRAY[source]);

    DELETE FROM reading_days AS d WHERE d.source_id = source;
    -- An hour out of twelve names each day: none is as short.
    SELECT coalesce(array_agg(h.hour), '{}') INTO hours
    FROM (SELECT min(r.timestamp) AS first, max(r.timestamp) AS last FROM readings AS r WHERE r.source_id = source) AS ends
    CROSS JOIN generate_series(
        homelog.hour_of(ends.first), ends.last + interval '12 hours', interval '12 hours'
    ) AS h (hour);
    PERFORM homelog.sum_up_days(array_fill(source, ARRAY[cardinality(hours)]), hours);
END
$$;
COMMENT ON FUNCTION homelog.rebuild_days(uuid) IS
    'Sums up all days of a source anew, in the zone that it is in now: for operators, after a home got another zone. '
    'Writers to the source wait meanwhile.';

CREATE OR REPLACE FUNCTION homelog.rebuild_hours(source uuid) RETURNS void
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
    PERFORM homelog.rebuild_days(source);
END
$$;
COMMENT ON FUNCTION homelog.rebuild_hours(uuid) IS
    'Sums up all hours of a source anew, and then its days: for operators, after readings were changed with triggers '
    'off. Writers to the source wait meanwhile.';

CREATE OR REPLACE FUNCTION homelog.tg__roll_up_insert() RETURNS trigger
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

        -- Next, one that leaves its hour as sparse as it was.
        IF NOT FOUND THEN
            PERFORM FROM readings AS r
            WHERE r.source_id = logged.source_id AND r.quality_flag <> 'bad'
              AND r.timestamp >= hour_in AND r.timestamp < hour_in + interval '1 hour'
            OFFSET 9 LIMIT 1;
            IF FOUND THEN
                PERFORM homelog.sum_up_hours(ARRAY[logged.source_id], ARRAY[hour_in]);
            END IF;
        END IF;

        -- Its day likewise. Which day that is, is asked only where one may be dense.
        UPDATE reading_days AS d
        SET count = d.count + 1,
            min = least(d.min, logged.value),
            max = greatest(d.max, logged.value),
            sum = d.sum + logged.value,
            last_at = logged.timestamp,
            last_value = logged.value,
            drops = d.drops + (logged.value < d.last_value)::integer
        WHERE d.source_id = logged.source_id
          AND d.since > logged.timestamp - interval '48 hours' AND d.since <= logged.timestamp
          AND d.until > logged.timestamp
          AND d.last_at < logged.timestamp AND abs(logged.value) < 1e290;
        IF NOT FOUND THEN
            PERFORM FROM readings AS r
            WHERE r.source_id = logged.source_id AND r.quality_flag <> 'bad'
              AND r.timestamp > logged.timestamp - interval '48 hours'
              AND r.timestamp < logged.timestamp + interval '48 hours'
            OFFSET 9 LIMIT 1;
            IF FOUND THEN
                PERFORM homelog.sum_up_days(ARRAY[logged.source_id], ARRAY[hour_in]);
            END IF;
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
    PERFORM homelog.sum_up_days(sources, hours);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__roll_up_insert() IS
    'Keeps reading_hours and reading_days in step with readings that are logged.';

CREATE OR REPLACE FUNCTION homelog.tg__roll_up() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    sources  uuid[];
    hours    timestamptz[];
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM reading_hours;
        DELETE FROM reading_days;
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
    PERFORM homelog.sum_up_days(sources, hours);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__roll_up() IS
    'Keeps reading_hours and reading_days in step with readings that are corrected or removed.';

CREATE FUNCTION homelog.tg__rebuild_days() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Its row is locked already, and whoever has the source's turn may be waiting for that: the turn, which is the lock of
    -- homelog.take_turns, is taken only if it is free.
    IF pg_try_advisory_xact_lock(hashtext('homelog: readings'), hashtext(NEW.id::text) & 1023) THEN
        PERFORM homelog.rebuild_days(NEW.id);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__rebuild_days() IS
    'Sums up the days of a source that comes into a home, in its zone, unless somebody is writing to it.';

-- A source that leaves its home keeps its days as they are; so does one whose home gets another zone, because nobody
-- knows how many stand there.
CREATE TRIGGER _500_rebuild_days
    AFTER UPDATE OF home_id ON data_sources
    FOR EACH ROW WHEN (NEW.home_id IS NOT NULL AND NEW.home_id IS DISTINCT FROM OLD.home_id)
    EXECUTE FUNCTION homelog.tg__rebuild_days();

ALTER TABLE reading_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE reading_days FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON reading_days TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON reading_days IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON reading_days FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON reading_days IS 'Operators read all.';
CREATE POLICY select_reader ON reading_days FOR SELECT TO homelog_api
    USING (source_id = ANY ((SELECT homelog.readable_sources())::uuid[]));
COMMENT ON POLICY select_reader ON reading_days IS 'Whoever may read the source reads the sums of its days.';

GRANT SELECT ON reading_days TO homelog_api, homelog_ops;
GRANT EXECUTE ON FUNCTION homelog.day_of(timestamptz, text), homelog.day_after(timestamptz, text)
    TO homelog_api, homelog_ops;
GRANT EXECUTE ON FUNCTION homelog.rebuild_days(uuid) TO homelog_ops;

-- lock: SHARE ROW EXCLUSIVE on data_sources from the trigger above on: nobody changes a source until all days are summed
-- up, tens of milliseconds for a year of each; readings are written and read meanwhile, those of a source that is
-- summed up wait for the end.
DO $$
BEGIN
    PERFORM homelog.rebuild_days(s.id) FROM data_sources AS s;
END
$$;
