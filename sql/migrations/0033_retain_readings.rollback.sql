-- Undoes 0033_retain_readings. Every retention is lost. What was thinned or deleted does not come back. The sums of thinned
-- hours become ordinary ones: from then on a series counts no more than the two readings that are left of such an hour
-- where it is cut, be it by an end of the range that is asked for, and a write to it makes its sums anew of those. Applied
-- again the migration does not know of them either.

SET LOCAL ROLE homelog_owner;

DROP TRIGGER _450_keep_horizon_delete ON readings;
DROP TRIGGER _450_keep_horizon_update ON readings;
DROP TRIGGER _450_keep_horizon_insert ON readings;
DROP TRIGGER _450_keep_horizon ON meter_events;
DROP FUNCTION homelog.tg__keep_meter_events();
DROP FUNCTION homelog.expire_readings(integer);
DROP FUNCTION homelog.thin_hours(uuid, timestamptz[], timestamptz, integer);
DROP FUNCTION homelog.due_retentions();
DROP FUNCTION homelog.has_rules(uuid[]);

CREATE OR REPLACE FUNCTION homelog.tg__audit_readings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    caller uuid := homelog.current_user_id();
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit_logs (user_id, source_id, entry_id, event_type, details)
        SELECT caller, source_id, CASE WHEN count(*) = 1 THEN (array_agg(id))[1] END, 'create_entry',
               jsonb_build_object('count', count(*), 'first', min(timestamp), 'last', max(timestamp),
                                  'role', session_user)
        FROM new_rows
        GROUP BY source_id;
    ELSIF TG_OP = 'UPDATE' THEN
        -- Matched by key: a statement that moves readings in time shows as old rows gone and new ones come.
        INSERT INTO audit_logs (user_id, source_id, entry_id, event_type, details)
        SELECT caller, coalesce(n.source_id, o.source_id), coalesce(n.id, o.id),
               CASE WHEN o.id IS NULL THEN 'create_entry' WHEN n.id IS NULL THEN 'delete_entry' ELSE 'update_entry' END,
               jsonb_build_object(
                   'timestamp', coalesce(n.timestamp, o.timestamp),
                   'old', homelog.reading_told(o), 'new', homelog.reading_told(n), 'role', session_user
               )
        FROM old_rows AS o
        FULL JOIN new_rows AS n ON (n.source_id, n.timestamp) = (o.source_id, o.timestamp)
        WHERE (o.id, o.value, o.quality_flag, o.notes, o.metadata)
              IS DISTINCT FROM (n.id, n.value, n.quality_flag, n.notes, n.metadata);
    ELSE
        -- Where the source itself is gone its one delete_source row has told of all its readings.
        INSERT INTO audit_logs (user_id, source_id, entry_id, event_type, details)
        SELECT caller, o.source_id, o.id, 'delete_entry',
               jsonb_build_object('timestamp', o.timestamp, 'old', homelog.reading_told(o), 'role', session_user)
        FROM old_rows AS o
        WHERE EXISTS (SELECT FROM data_sources AS s WHERE s.id = o.source_id);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION homelog.judge_batch(source uuid, sent json, replaces boolean)
RETURNS TABLE (place integer, action validator_action, rule text, detail text)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    batch record;
BEGIN
    FOR batch IN
        SELECT
            s.source_id,
            array_agg(s.place ORDER BY s.timestamp, s.place) AS places,
            array_agg(s.timestamp ORDER BY s.timestamp, s.place) AS ats,
            array_agg(s.value ORDER BY s.timestamp, s.place) AS vals,
            array_agg(s.quality_flag ORDER BY s.timestamp, s.place) AS flags
        FROM (
            SELECT
                coalesce(j.source_id, source) AS source_id, j.value, j.timestamp,
                coalesce(j.quality_flag, 'good') AS quality_flag, (j.ordinal - 1)::integer AS place
            FROM ROWS FROM (
                json_to_recordset(sent) AS (
                    source_id uuid, value double precision, timestamp timestamptz, quality_flag quality_flag
                )
            ) WITH ORDINALITY AS j (source_id, value, timestamp, quality_flag, ordinal)
        ) AS s
        WHERE s.source_id IN (SELECT v.source_id FROM data_validators AS v)
        GROUP BY s.source_id
    LOOP
        -- What is stored at their time makes duplicates and conflicts of them, whatever the rules say.
        IF NOT replaces AND EXISTS (
            SELECT FROM readings AS r
            WHERE r.source_id = batch.source_id
              AND r.timestamp BETWEEN batch.ats[1] AND batch.ats[cardinality(batch.ats)]
        ) THEN
            SELECT array_agg(t.place ORDER BY t.n), array_agg(t.at ORDER BY t.n), array_agg(t.value ORDER BY t.n),
                   array_agg(t.flag ORDER BY t.n)
            INTO batch.places, batch.ats, batch.vals, batch.flags
            FROM unnest(batch.places, batch.ats, batch.vals, batch.flags) WITH ORDINALITY
                AS t (place, at, value, flag, n)
            LEFT JOIN LATERAL (
                SELECT true AS so
                FROM readings AS r
                WHERE r.source_id = batch.source_id AND r.timestamp = t.at
                LIMIT 1
            ) AS is_taken ON true
            WHERE is_taken.so IS NULL;
            CONTINUE WHEN batch.places IS NULL;
        END IF;
        RETURN QUERY
        SELECT batch.places[j.place], j.action, j.rule, j.detail
        FROM homelog.judge(batch.source_id, batch.ats, batch.vals, batch.flags, replaces) AS j;
    END LOOP;
END
$$;

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

CREATE OR REPLACE FUNCTION homelog.sum_up_days(sources uuid[], hours timestamptz[]) RETURNS void
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

CREATE OR REPLACE FUNCTION homelog.sum_up_hours(sources uuid[], hours timestamptz[]) RETURNS void
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

DROP FUNCTION homelog.parts_of(reading_hours);
DROP FUNCTION homelog.tg__keep_horizon();
DROP FUNCTION homelog.is_summed_alike(double precision, quality_flag, double precision, quality_flag);
DROP FUNCTION homelog.thinning_told();
DROP FUNCTION homelog.horizon_told(timestamptz);
DROP FUNCTION homelog.horizon_of(uuid);
ALTER TABLE reading_hours DROP COLUMN is_thinned;
DROP TABLE reading_horizons;
DROP TABLE source_retentions;
DROP FUNCTION homelog.tg__lift_horizon();
DROP TYPE retention_action;
