-- A meter that is read each minute leaves half a million readings a year, which nobody looks at one by one any more. So
-- a source's admins may say for how many months its readings are kept, and what becomes of older ones: deleted, or
-- thinned, which leaves the sums of their hours and days, and the first and last reading of each such hour.
-- Sums of thinned hours cannot be made again. Before the horizon up to which a source was thinned or emptied, nothing is
-- logged, corrected or deleted any more, whoever tries; the sums stand.
-- No source has a retention yet: nothing is deleted until somebody says so.
-- depends: 0032_maintain_tables

SET LOCAL ROLE homelog_owner;

CREATE TYPE retention_action AS ENUM ('thin', 'delete');
COMMENT ON TYPE retention_action IS
    'What becomes of readings that are older than a source keeps them: thin the sums of their hours and days stay, '
    'delete nothing does.';

-- lock: SHARE ROW EXCLUSIVE on data_sources and users, for the foreign keys of a new table: there is no row to compare.
CREATE TABLE source_retentions (
    source_id   uuid              NOT NULL,
    months      integer           NOT NULL,
    action      retention_action  NOT NULL DEFAULT 'thin',
    created_at  timestamptz       NOT NULL DEFAULT now(),
    updated_at  timestamptz       NOT NULL DEFAULT now(),
    created_by  uuid              DEFAULT homelog.current_user_id(),

    CONSTRAINT source_retentions_pkey PRIMARY KEY (source_id),
    CONSTRAINT source_retentions_source_id_fkey FOREIGN KEY (source_id) REFERENCES data_sources (id) ON DELETE CASCADE,
    CONSTRAINT source_retentions_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT source_retentions_months_range CHECK (months BETWEEN 1 AND 1200)
);

COMMENT ON TABLE source_retentions IS 'For how long the readings of a source are kept; without a row for ever.';
COMMENT ON COLUMN source_retentions.months IS
    'Readings of local days that ended so many months ago are thinned or deleted when the service next cleans up.';
COMMENT ON COLUMN source_retentions.created_by IS 'Who said so first; null once that account is gone.';
COMMENT ON CONSTRAINT source_retentions_pkey ON source_retentions IS 'This source has a retention already.';
COMMENT ON CONSTRAINT source_retentions_source_id_fkey ON source_retentions IS 'This source does not exist.';
COMMENT ON CONSTRAINT source_retentions_created_by_fkey ON source_retentions IS 'This account does not exist.';
COMMENT ON CONSTRAINT source_retentions_months_range ON source_retentions IS 'Readings are kept for 1 to 1,200 months.';

CREATE INDEX source_retentions_created_by_idx ON source_retentions (created_by);

CREATE TABLE reading_horizons (
    source_id      uuid         NOT NULL,
    thinned_until  timestamptz,
    deleted_until  timestamptz,

    CONSTRAINT reading_horizons_pkey PRIMARY KEY (source_id),
    CONSTRAINT reading_horizons_source_id_fkey FOREIGN KEY (source_id) REFERENCES data_sources (id) ON DELETE CASCADE,
    CONSTRAINT reading_horizons_some_end CHECK (num_nonnulls(thinned_until, deleted_until) > 0)
);

COMMENT ON TABLE reading_horizons IS
    'Up to when a source''s readings were thinned or deleted by its retention: before that nothing is written any more.';
COMMENT ON COLUMN reading_horizons.thinned_until IS
    'Up to when full hours were thinned. It stays when the retention goes: their readings do not come back.';
COMMENT ON COLUMN reading_horizons.deleted_until IS
    'Up to when all were deleted. It goes with the retention: then older readings may be logged again.';
COMMENT ON CONSTRAINT reading_horizons_pkey ON reading_horizons IS 'A source has one horizon.';
COMMENT ON CONSTRAINT reading_horizons_source_id_fkey ON reading_horizons IS 'This source does not exist.';
COMMENT ON CONSTRAINT reading_horizons_some_end ON reading_horizons IS 'A source without a horizon has no row.';

-- lock: ACCESS EXCLUSIVE on reading_hours, for an instant: a constant default rewrites nothing.
ALTER TABLE reading_hours ADD COLUMN is_thinned boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN reading_hours.is_thinned IS
    'Whether of its readings only the first and the last are left: then this row is all that tells of the others.';

-- Where it ends

CREATE FUNCTION homelog.horizon_of(source uuid) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT greatest(h.thinned_until, h.deleted_until)
    FROM reading_horizons AS h
    WHERE h.source_id = $1;
END;
COMMENT ON FUNCTION homelog.horizon_of(uuid) IS
    'Before when nothing is written to a source any more, as far as the caller sees it; null if there is no such time.';

CREATE FUNCTION homelog.horizon_told(until timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN format(
    'By its retention this source keeps no single readings from before %sZ; nothing is logged, changed or deleted there.',
    to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
);
COMMENT ON FUNCTION homelog.horizon_told(timestamptz) IS 'What somebody is told who writes before a source''s horizon.';

CREATE FUNCTION homelog.thinning_told() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'The readings of this hour were thinned by now: if this one was among them the sums have it, if not it stays out.';
COMMENT ON FUNCTION homelog.thinning_told() IS 'What somebody is told who sends again what thinning may have removed.';

CREATE FUNCTION homelog.is_summed_alike(
    value double precision, flag quality_flag, other_value double precision, other_flag quality_flag
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(value = other_value AND flag = other_flag, false);
COMMENT ON FUNCTION homelog.is_summed_alike(double precision, quality_flag, double precision, quality_flag) IS
    'Whether a reading may become another one before a source''s horizon: notes and metadata are in no sum.';

CREATE FUNCTION homelog.tg__keep_horizon() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    until timestamptz;
BEGIN
    -- The triggers before this one have the sources' turns, so a horizon is not moved before this transaction ends.
    IF NOT EXISTS (SELECT FROM reading_horizons) THEN
        RETURN NULL;
    END IF;

    IF TG_OP = 'INSERT' THEN
        SELECT max(greatest(h.thinned_until, h.deleted_until)) INTO until
        FROM (SELECT n.source_id, min(n.timestamp) AS at FROM new_rows AS n GROUP BY n.source_id) AS w
        JOIN reading_horizons AS h ON h.source_id = w.source_id AND w.at < greatest(h.thinned_until, h.deleted_until);
    ELSIF TG_OP = 'UPDATE' THEN
        SELECT max(greatest(h.thinned_until, h.deleted_until)) INTO until
        FROM old_rows AS o
        FULL JOIN new_rows AS n ON (n.source_id, n.timestamp) = (o.source_id, o.timestamp)
        JOIN reading_horizons AS h
            ON h.source_id = coalesce(n.source_id, o.source_id)
            AND coalesce(n.timestamp, o.timestamp) < greatest(h.thinned_until, h.deleted_until)
        WHERE NOT homelog.is_summed_alike(o.value, o.quality_flag, n.value, n.quality_flag);
    ELSE
        SELECT max(greatest(h.thinned_until, h.deleted_until)) INTO until
        FROM (SELECT o.source_id, min(o.timestamp) AS at FROM old_rows AS o GROUP BY o.source_id) AS w
        JOIN reading_horizons AS h ON h.source_id = w.source_id AND w.at < greatest(h.thinned_until, h.deleted_until);
    END IF;
    IF until IS NOT NULL THEN
        RAISE EXCEPTION '%', homelog.horizon_told(until)
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'readings_timestamp_retained',
                  COLUMN = CASE TG_OP WHEN 'INSERT' THEN 'timestamp' ELSE '' END;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__keep_horizon() IS
    'Refuses what would change sums that cannot be made again: writes before the horizon of a source.';

CREATE FUNCTION homelog.tg__keep_meter_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    until timestamptz;
BEGIN
    -- In its turn: an hour is thinned only where no event is in it.
    PERFORM homelog.take_turns(ARRAY[OLD.source_id, NEW.source_id]);
    SELECT max(greatest(h.thinned_until, h.deleted_until)) INTO until
    FROM (VALUES (OLD.source_id, OLD.at), (NEW.source_id, NEW.at)) AS w (source_id, at)
    JOIN reading_horizons AS h ON h.source_id = w.source_id AND w.at < greatest(h.thinned_until, h.deleted_until);
    IF until IS NOT NULL THEN
        RAISE EXCEPTION '%', homelog.horizon_told(until)
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'meter_events_at_retained',
                  COLUMN = CASE TG_OP WHEN 'INSERT' THEN 'at' ELSE '' END;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__keep_meter_events() IS
    'Refuses events before the horizon of a source: what flowed there is known in sums that no event was in.';

-- Sums stand where their readings are gone

CREATE FUNCTION homelog.parts_of(hour reading_hours)
RETURNS TABLE (
    at timestamptz, value double precision,
    count integer, min double precision, max double precision, sum double precision, drops integer
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    VALUES
    (
        (hour).first_at, (hour).first_value,
        (hour).count - 1, (hour).min, (hour).max, (hour).sum - (hour).last_value,
        -- The way from the first part to the last is looked at by whoever puts them together.
        (hour).drops - ((hour).last_value < (hour).first_value)::integer
    ),
    ((hour).last_at, (hour).last_value, 1, (hour).last_value, (hour).last_value, (hour).last_value, 0);
$$;
COMMENT ON FUNCTION homelog.parts_of(reading_hours) IS
    'A thinned hour in two parts, for whom an edge cuts it: all its readings but the last count where the first one lies, '
    'the last one where it lies.';

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
            WHERE NOT coalesce((
                SELECT k.is_thinned FROM reading_hours AS k WHERE k.source_id = t.source_id AND k.hour = t.hour
            ), false)
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
               EXISTS (
                   SELECT FROM reading_horizons AS o
                   WHERE o.source_id = d.source_id AND greatest(o.thinned_until, o.deleted_until) > d.since
               ) AS is_past,
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
        WHERE d.opens + cardinality(h.firsts) * interval '1 hour' = d.shuts AND NOT d.is_past
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
        WHERE gap.since < gap.until AND s.count > 0 AND NOT d.is_past
        UNION ALL
        -- Before the horizon hour by hour, so that no more is read than what no sum tells of: whole hours,
        SELECT d.source_id, d.since, k.count, k.min, k.max, k.sum, k.drops,
               k.first_at, k.first_value, k.last_at, k.last_value
        FROM days AS d
        JOIN reading_hours AS k ON k.source_id = d.source_id AND k.hour >= d.opens AND k.hour < d.shuts
        WHERE d.is_past
        UNION ALL
        -- thinned ones that a midnight cuts,
        SELECT d.source_id, d.since, p.count, p.min, p.max, p.sum, p.drops, p.at, p.value, p.at, p.value
        FROM days AS d
        CROSS JOIN LATERAL (
            VALUES (homelog.hour_of(d.since), d.since), (d.shuts, d.until)
        ) AS cut (hour, midnight)
        JOIN reading_hours AS k ON k.source_id = d.source_id AND k.hour = cut.hour AND k.is_thinned
        CROSS JOIN LATERAL homelog.parts_of(k) AS p
        WHERE d.is_past AND cut.hour < cut.midnight AND p.at >= d.since AND p.at < d.until
        UNION ALL
        -- and the readings of all others.
        SELECT d.source_id, d.since, s.count, s.min, s.max, s.sum,
               (SELECT count(*) FROM unnest(s.values[2:], s.values) AS pair (value, before) WHERE value < before),
               s.first_at, s.values[1], s.last_at, s.values[s.count]
        FROM days AS d
        CROSS JOIN LATERAL (
            SELECT h.hour
            FROM generate_series(
                homelog.hour_of(d.since), d.until - interval '1 microsecond', interval '1 hour'
            ) AS h (hour)
            WHERE NOT EXISTS (
                SELECT FROM reading_hours AS k
                WHERE k.source_id = d.source_id AND k.hour = h.hour
                  AND (k.is_thinned OR (k.hour >= d.opens AND k.hour < d.shuts))
            )
            OFFSET 0  -- First, so that what a thinned hour still holds is not read.
        ) AS g
        CROSS JOIN LATERAL (
            SELECT count(*) AS count, min(r.value) AS min, max(r.value) AS max,
                   sum(r.value ORDER BY r.timestamp) FILTER (WHERE abs(r.value) < 1e290) AS sum,
                   min(r.timestamp) AS first_at, max(r.timestamp) AS last_at,
                   array_agg(r.value ORDER BY r.timestamp) AS values
            FROM readings AS r
            WHERE r.source_id = d.source_id
              AND r.timestamp >= greatest(g.hour, d.since) AND r.timestamp < least(g.hour + interval '1 hour', d.until)
              AND r.quality_flag <> 'bad'
        ) AS s
        WHERE d.is_past AND s.count > 0
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

CREATE OR REPLACE FUNCTION homelog.rebuild_hours(source uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    hours timestamptz[];
BEGIN
    PERFORM homelog.take_turns(ARRAY[source]);

    DELETE FROM reading_hours AS h WHERE h.source_id = source AND NOT h.is_thinned;
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

-- What a batch may not hold

CREATE OR REPLACE FUNCTION homelog.judge_batch(source uuid, sent json, replaces boolean)
RETURNS TABLE (place integer, action validator_action, rule text, detail text)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    has_horizons boolean := EXISTS (SELECT FROM reading_horizons);
    batch        record;
BEGIN
    -- What the trigger below would refuse, and what it would not if thinning had left it: a null action.
    RETURN QUERY
    SELECT (j.ordinal - 1)::integer, CASE WHEN NOT is_gone.so THEN 'reject'::validator_action END, 'retention',
           CASE WHEN is_gone.so THEN homelog.thinning_told() ELSE homelog.horizon_told(h.until) END
    FROM ROWS FROM (
        json_to_recordset(sent) AS (
            source_id uuid, value double precision, timestamp timestamptz, quality_flag quality_flag
        )
    ) WITH ORDINALITY AS j (source_id, value, timestamp, quality_flag, ordinal)
    CROSS JOIN LATERAL (SELECT homelog.horizon_of(coalesce(j.source_id, source))) AS h (until)
    CROSS JOIN LATERAL (
        SELECT NOT replaces AND EXISTS (
            SELECT FROM reading_hours AS k
            WHERE k.source_id = coalesce(j.source_id, source) AND k.hour = homelog.hour_of(j.timestamp)
              AND k.is_thinned AND j.timestamp > k.first_at AND j.timestamp < k.last_at
              AND (j.quality_flag = 'bad' OR j.value BETWEEN k.min AND k.max)  -- No sum tells of a bad one.
        )
    ) AS is_gone (so)
    WHERE has_horizons
      AND j.timestamp < h.until
      AND NOT EXISTS (
          SELECT FROM readings AS r
          WHERE r.source_id = coalesce(j.source_id, source) AND r.timestamp = j.timestamp
            AND (
                NOT replaces
                OR homelog.is_summed_alike(r.value, r.quality_flag, j.value, coalesce(j.quality_flag, 'good'))
            )
      );

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
          AND NOT (has_horizons AND coalesce(s.timestamp < homelog.horizon_of(s.source_id), false))
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

CREATE FUNCTION homelog.has_rules(sources uuid[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM data_validators AS v WHERE v.source_id = ANY (sources))
        OR EXISTS (SELECT FROM reading_horizons AS h WHERE h.source_id = ANY (sources));
END
$$;
COMMENT ON FUNCTION homelog.has_rules(uuid[]) IS
    'Whether any of these sources has rules, be it only how old a reading may be. Volatile, so that it sees what was '
    'committed before it is called: in the statement that waited for its turn, what others made meanwhile.';

-- What is told of it

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
    ELSIF current_setting('homelog.expires', true) <> '' THEN
        -- Nothing would be gained by deleting what the log keeps word for word.
        INSERT INTO audit_logs (user_id, source_id, event_type, details)
        SELECT caller, o.source_id, 'expire_entries',
               jsonb_build_object('action', current_setting('homelog.expires'), 'count', count(*),
                                  'first', min(o.timestamp), 'last', max(o.timestamp))
        FROM old_rows AS o
        GROUP BY o.source_id;
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

-- What is done

CREATE FUNCTION homelog.thin_hours(source uuid, hours timestamptz[], ends timestamptz, room integer)
RETURNS TABLE (removed integer, until timestamptz)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    firsts  timestamptz[];
    lasts   timestamptz[];
    stop    timestamptz;
    most    integer;
BEGIN
    SELECT array_agg(k.first_at ORDER BY k.hour), array_agg(k.last_at ORDER BY k.hour) INTO firsts, lasts
    FROM reading_hours AS k
    WHERE k.source_id = source AND k.hour = ANY (hours);
    stop := coalesce((
        SELECT r.timestamp FROM readings AS r
        WHERE r.source_id = source AND r.timestamp > firsts[1]
        ORDER BY r.timestamp
        OFFSET room LIMIT 1
    ), 'infinity');
    SELECT count(*) INTO most FROM unnest(firsts) AS f (at) WHERE f.at < stop;
    until := CASE WHEN most < cardinality(hours) THEN hours[most] + interval '1 hour' ELSE ends END;

    -- First what keeps the sums as they are: the deletion sums up again what it touches. Of the last hour some readings
    -- may be left, which count no more but in its sums: the next step goes on there.
    INSERT INTO reading_horizons AS h (source_id, thinned_until) VALUES (source, until)
    ON CONFLICT (source_id) DO UPDATE SET thinned_until = greatest(h.thinned_until, excluded.thinned_until);
    UPDATE reading_hours AS h SET is_thinned = true
    WHERE h.source_id = source AND h.hour = ANY (hours[:most]) AND NOT h.is_thinned;
    -- Between the first and the last of all, too, so that no plan walks the whole source.
    DELETE FROM readings AS r
    USING unnest(firsts[:most], lasts[:most]) AS t (first_at, last_at)
    WHERE r.source_id = source AND r.timestamp > t.first_at AND r.timestamp < t.last_at
      AND r.timestamp > firsts[1] AND r.timestamp < least(stop, lasts[most]);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION homelog.thin_hours(uuid, timestamptz[], timestamptz, integer) IS
    'Thins hours of a source, in the order of time: as many as hold so many readings, and of one that holds more those '
    'first. Says how many readings went and up to when the source is thinned: all of them done, to the end that it is told.';

CREATE FUNCTION homelog.expire_readings(most integer)
RETURNS TABLE (source_id uuid, action retention_action, removed integer, until timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
DECLARE
    kept    source_retentions;
    due     record;
    room    integer := least(greatest(most, 1), 10000);
    hours   timestamptz[];
    whole   timestamptz;
    first   timestamptz;
    stop    timestamptz;
BEGIN
    IF NOT homelog.takes_maintenance_turn() THEN
        RETURN;
    END IF;
    -- In another order each run, the same within it: one that fails keeps no other from its turn for ever.
    SELECT d.source_id INTO due
    FROM homelog.due_retentions() AS d
    ORDER BY hashtextextended(
        d.source_id::text, (SELECT (date_part('epoch', max(r.began_at)) * 1000000)::bigint FROM maintenance_runs AS r)
    ), d.source_id
    LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    source_id := due.source_id;
    removed := 0;

    -- The turn before the row: who deletes the source has its turn first, too. Who takes the retention back meanwhile
    -- either is seen here or waits.
    PERFORM homelog.take_turns(ARRAY[source_id]);
    SELECT r.* INTO kept FROM source_retentions AS r WHERE r.source_id = due.source_id FOR SHARE;
    SELECT d.* INTO due FROM homelog.due_retentions() AS d WHERE d.source_id = due.source_id;
    action := kept.action;
    IF kept.source_id IS NULL OR due.cut IS NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM set_config('homelog.expires', action::text, true);

    IF action = 'thin' THEN
        IF due.unfinished IS NOT NULL THEN
            SELECT t.removed, t.until INTO removed, until
            FROM homelog.thin_hours(due.source_id, ARRAY[due.unfinished], due.since, room) AS t;
        ELSE
            -- Hours that a midnight cuts, or a meter event, stay as they are: they are answered in parts.
            hours := ARRAY(
                SELECT k.hour
                FROM reading_hours AS k
                WHERE k.source_id = due.source_id AND k.hour >= due.since AND k.hour + interval '1 hour' <= due.cut
                  AND NOT k.is_thinned
                  AND homelog.day_of(k.hour, due.zone)
                      = homelog.day_of(k.hour + interval '1 hour' - interval '1 microsecond', due.zone)
                  AND NOT EXISTS (
                      SELECT FROM meter_events AS m
                      WHERE m.source_id = due.source_id AND m.at >= k.hour AND m.at < k.hour + interval '1 hour'
                  )
                ORDER BY k.hour
                LIMIT room / 10 + 1  -- An hour has ten readings at least.
            );
            SELECT t.removed, t.until INTO removed, until
            FROM homelog.thin_hours(
                due.source_id, hours,
                CASE
                    WHEN cardinality(hours) > room / 10 THEN hours[cardinality(hours)] + interval '1 hour'
                    ELSE due.cut
                END,
                room
            ) AS t;
        END IF;
    ELSE
        -- A thinned hour goes as a whole, once all of it is due.
        SELECT h.hour INTO whole FROM reading_hours AS h
        WHERE h.source_id = due.source_id AND h.hour = homelog.hour_of(due.cut) AND h.is_thinned;
        whole := coalesce(whole, due.cut);
        SELECT r.timestamp INTO first FROM readings AS r
        WHERE r.source_id = due.source_id AND r.timestamp < whole
        ORDER BY r.timestamp LIMIT 1;
        SELECT r.timestamp INTO stop FROM readings AS r
        WHERE r.source_id = due.source_id AND r.timestamp < whole
        ORDER BY r.timestamp OFFSET room LIMIT 1;

        -- Full hours, so that none is summed up anew of what is left. One that holds more is thinned first.
        IF homelog.hour_of(first) < homelog.hour_of(stop) THEN
            until := homelog.hour_of(stop);
        ELSIF stop IS NOT NULL THEN
            until := stop;
            hours := ARRAY(
                SELECT k.hour
                FROM reading_hours AS k
                WHERE k.source_id = due.source_id AND k.hour = homelog.hour_of(stop) AND k.hour + interval '1 hour' <= whole
                  AND NOT EXISTS (
                      SELECT FROM meter_events AS m
                      WHERE m.source_id = due.source_id AND m.at >= k.hour AND m.at < k.hour + interval '1 hour'
                  )
            );
            IF hours <> '{}' THEN
                SELECT t.removed, homelog.hour_of(stop) INTO removed, until
                FROM homelog.thin_hours(due.source_id, hours, hours[1] + interval '1 hour', room) AS t;
                until := CASE WHEN removed = 0 THEN stop ELSE until END;
            END IF;
        ELSE
            until := due.cut;
        END IF;

        INSERT INTO reading_horizons AS h (source_id, deleted_until) VALUES (due.source_id, until)
        ON CONFLICT (source_id) DO UPDATE SET
            deleted_until = greatest(h.deleted_until, excluded.deleted_until),
            thinned_until = CASE WHEN h.thinned_until > excluded.deleted_until THEN h.thinned_until END;
        IF removed = 0 THEN
            DELETE FROM reading_hours AS h
            WHERE h.source_id = due.source_id AND h.hour <= until - interval '1 hour' AND h.is_thinned;
            DELETE FROM readings AS r WHERE r.source_id = due.source_id AND r.timestamp < least(until, whole);
            GET DIAGNOSTICS removed = ROW_COUNT;
            DELETE FROM changed_days AS c
            WHERE c.source_id = due.source_id AND c.day < (until AT TIME ZONE 'UTC')::date;
        END IF;
    END IF;
    PERFORM set_config('homelog.expires', '', true);
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION homelog.expire_readings(integer) IS
    'Thins or deletes so many readings at most of one source, as its retention has it, the oldest first; says of which '
    'and up to when. No row where no source has any that are due. What is due nobody says but source_retentions.';

CREATE FUNCTION homelog.due_retentions()
RETURNS TABLE (source_id uuid, zone text, cut timestamptz, since timestamptz, unfinished timestamptz)
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT r.source_id, z.zone, c.cut, d.since, left_over.hour
    FROM source_retentions AS r
    JOIN data_sources AS s ON s.id = r.source_id
    LEFT JOIN homes AS h ON h.id = s.home_id
    LEFT JOIN reading_horizons AS o ON o.source_id = r.source_id
    CROSS JOIN LATERAL (SELECT coalesce(h.timezone, 'UTC')::text) AS z (zone)
    CROSS JOIN LATERAL (SELECT homelog.day_of(now() - make_interval(months => r.months), z.zone)) AS c (cut)
    CROSS JOIN LATERAL (
        SELECT coalesce(
            CASE r.action WHEN 'delete' THEN o.deleted_until ELSE greatest(o.thinned_until, o.deleted_until) END,
            '-infinity'
        )
    ) AS d (since)
    LEFT JOIN LATERAL (
        SELECT k.hour
        FROM (
            SELECT t.hour, t.first_at, t.last_at
            FROM reading_hours AS t
            WHERE t.source_id = r.source_id AND t.hour < o.thinned_until AND t.is_thinned
            ORDER BY t.hour DESC
            LIMIT 1
        ) AS k
        WHERE r.action = 'thin' AND EXISTS (
            SELECT FROM readings AS e
            WHERE e.source_id = r.source_id AND e.timestamp > k.first_at AND e.timestamp < k.last_at
        )
    ) AS left_over ON true
    WHERE d.since < c.cut OR left_over.hour IS NOT NULL;
$$;
COMMENT ON FUNCTION homelog.due_retentions() IS
    'The sources that have something to thin or delete: up to which local midnight, and from when on; and the hour that '
    'was thinned last where some of its readings are still there.';

CREATE FUNCTION homelog.tg__lift_horizon() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- What was deleted leaves nothing that could be wrong. What was thinned does.
    DELETE FROM reading_horizons AS h WHERE h.source_id = OLD.source_id AND h.thinned_until IS NULL;
    UPDATE reading_horizons AS h SET deleted_until = NULL WHERE h.source_id = OLD.source_id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__lift_horizon() IS
    'Where readings are not to be deleted any more, or not so soon, older ones may be logged again.';

CREATE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON source_retentions
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON source_retentions
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
CREATE TRIGGER _500_lift_horizon
    AFTER UPDATE OR DELETE ON source_retentions
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__lift_horizon();
CREATE TRIGGER _900_audit
    AFTER INSERT OR UPDATE OR DELETE ON source_retentions
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit(
        'create_retention', 'change_retention', 'delete_retention', 'source_id', 'values');

-- The owner alone passes: what goes with its source, and what homelog.expire_readings() does.
-- lock: SHARE ROW EXCLUSIVE on readings, for the moment that it takes to note the triggers.
CREATE TRIGGER _450_keep_horizon_insert
    AFTER INSERT ON readings REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_user <> 'homelog_owner')
    EXECUTE FUNCTION homelog.tg__keep_horizon();
CREATE TRIGGER _450_keep_horizon_update
    AFTER UPDATE ON readings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_user <> 'homelog_owner')
    EXECUTE FUNCTION homelog.tg__keep_horizon();
CREATE TRIGGER _450_keep_horizon_delete
    AFTER DELETE ON readings REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_user <> 'homelog_owner')
    EXECUTE FUNCTION homelog.tg__keep_horizon();

-- lock: SHARE ROW EXCLUSIVE on meter_events, as short.
CREATE TRIGGER _450_keep_horizon
    AFTER INSERT OR UPDATE OR DELETE ON meter_events
    FOR EACH ROW WHEN (current_user <> 'homelog_owner')
    EXECUTE FUNCTION homelog.tg__keep_meter_events();

ALTER TABLE source_retentions ENABLE ROW LEVEL SECURITY;
ALTER TABLE source_retentions FORCE ROW LEVEL SECURITY;
ALTER TABLE reading_horizons ENABLE ROW LEVEL SECURITY;
ALTER TABLE reading_horizons FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON source_retentions TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON source_retentions IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON source_retentions FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON source_retentions IS 'Operators read all.';
CREATE POLICY select_reader ON source_retentions FOR SELECT TO homelog_api
    USING (source_id = ANY ((SELECT homelog.granted_sources())::uuid[]));
COMMENT ON POLICY select_reader ON source_retentions IS 'Whoever was granted the source sees how long it keeps readings.';
CREATE POLICY insert_admin ON source_retentions FOR INSERT TO homelog_api
    WITH CHECK (source_id = ANY ((SELECT homelog.administered_sources())::uuid[]));
COMMENT ON POLICY insert_admin ON source_retentions IS 'A source''s admins say how long it keeps readings.';
CREATE POLICY update_admin ON source_retentions FOR UPDATE TO homelog_api
    USING (source_id = ANY ((SELECT homelog.administered_sources())::uuid[]));
COMMENT ON POLICY update_admin ON source_retentions IS 'A source''s admins change how long it keeps readings.';
CREATE POLICY delete_admin ON source_retentions FOR DELETE TO homelog_api
    USING (source_id = ANY ((SELECT homelog.administered_sources())::uuid[]));
COMMENT ON POLICY delete_admin ON source_retentions IS 'A source''s admins have it keep readings for ever again.';

CREATE POLICY owner_all ON reading_horizons TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON reading_horizons IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON reading_horizons FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON reading_horizons IS 'Operators read all.';
CREATE POLICY select_reader ON reading_horizons FOR SELECT TO homelog_api
    USING (source_id = ANY ((SELECT homelog.readable_sources())::uuid[]));
COMMENT ON POLICY select_reader ON reading_horizons IS 'Whoever may read the source knows since when it has single readings.';

GRANT SELECT ON source_retentions, reading_horizons TO homelog_api, homelog_ops;
GRANT INSERT (source_id, months, action) ON source_retentions TO homelog_api;
GRANT UPDATE (months, action) ON source_retentions TO homelog_api;
GRANT DELETE ON source_retentions TO homelog_api;
GRANT EXECUTE ON FUNCTION
    homelog.has_rules(uuid[]),
    homelog.horizon_of(uuid),
    homelog.horizon_told(timestamptz),
    homelog.thinning_told(),
    homelog.is_summed_alike(double precision, quality_flag, double precision, quality_flag),
    homelog.parts_of(reading_hours)
    TO homelog_api, homelog_ops;
GRANT EXECUTE ON FUNCTION homelog.expire_readings(integer) TO homelog_api;
