-- Bad readings do not count. Said as a CASE: row security keeps the statistics of an enum from the planner, which then
-- takes <> 'bad' for no row at all where every reading has the same flag, and sorts a whole source to find its first.

-- name: frame_series
-- $1 the sources; $2 the time zone, null for that of each one's home; $3 and $4 from, as an instant or as a local day;
-- $5 and $6 to, likewise. Ends that are not named are the first reading, and just after the last.
--
-- The statements that follow are planned once a connection: their plans are the same whatever is asked, and making one
-- takes longer than most answers.
WITH planning AS MATERIALIZED (SELECT set_config('plan_cache_mode', 'force_generic_plan', true))

SELECT
    s.id AS source_id,
    s.unit,
    s.kind,
    zone.name AS tz,
    coalesce($3::timestamptz, $4::date::timestamp AT TIME ZONE zone.name, ends.first) AS since,
    coalesce(
        $5::timestamptz, $6::date::timestamp AT TIME ZONE zone.name, ends.last + interval '1 microsecond'
    ) AS until,
    EXISTS (
        SELECT FROM reading_days AS d
        WHERE d.source_id = asked.id
    ) AS has_days,
    (
        SELECT h.thinned_until FROM reading_horizons AS h
        WHERE h.source_id = asked.id
    ) AS thinned_until
FROM planning
CROSS JOIN unnest($1::uuid[]) WITH ORDINALITY AS asked (id, place)
INNER JOIN data_sources AS s ON asked.id = s.id
CROSS JOIN LATERAL (SELECT coalesce($2::text, homelog.zone_of_source(s.id), 'UTC') AS name) AS zone
CROSS JOIN LATERAL (
    SELECT
        (
            SELECT r.timestamp FROM readings AS r
            WHERE r.source_id = asked.id AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
            ORDER BY r.timestamp LIMIT 1
        ) AS first,
        (
            SELECT r.timestamp FROM readings AS r
            WHERE r.source_id = asked.id AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
            ORDER BY r.timestamp DESC LIMIT 1
        ) AS last
) AS ends
ORDER BY asked.place

-- name: series_of_days
-- $1 the sources; for each of them $2 its kind, $3 the time zone, $4 from and $5 to.
--
-- The days that need no more than what is summed up already: those whose two midnights are the zone's, within the range
-- and without a meter event or a value of 1e290 and more that concerns them. Of these it says what `series` says, which
-- answers for all others.
--
-- A counter's value at a midnight is on the line from the last reading before it to the first one from then on. Those
-- are at the ends of the day before and the day after; where one of these has no row the reading is looked up.
WITH
asked AS MATERIALIZED (
    SELECT a.place, a.source_id, a.kind, a.zone, a.since, a.until
    FROM unnest((SELECT $1::uuid[]), $2::source_kind[], $3::text[], $4::timestamptz[], $5::timestamptz[])
        WITH ORDINALITY AS a (source_id, kind, zone, since, until, place)
),

events AS MATERIALIZED (
    SELECT a.place, m.at
    FROM asked AS a
    INNER JOIN meter_events AS m ON a.source_id = m.source_id AND a.kind = 'counter'
),

-- With what stands on either side: the days there, which may lie outside the range. A midnight is looked at once, by the
-- day that begins there.
days AS (
    SELECT
        d.*,
        lag(d.until) OVER by_time = d.since AS follows, lead(d.since) OVER by_time = d.until AS leads,
        lag(d.last_at) OVER by_time AS before_at, lag(d.last_value) OVER by_time AS before_value,
        lead(d.first_at) OVER by_time AS after_at, lead(d.first_value) OVER by_time AS after_value,
        lead(d.begins) OVER by_time AS next_begins
    FROM (
        SELECT
            a.place, a.source_id, a.kind, a.zone, a.since AS earliest, a.until AS latest, s.*,
            date_trunc('day', s.since, a.zone) = s.since AS begins
        FROM asked AS a
        CROSS JOIN LATERAL (
            SELECT
                r.since, r.until, r.count, r.min, r.max, r.sum, r.drops,
                r.first_at, r.first_value, r.last_at, r.last_value
            FROM reading_days AS r
            WHERE r.source_id = a.source_id AND r.since >= a.since - interval '48 hours' AND r.since <= a.until
            OFFSET 0  -- The key is walked once a source, however few days there are as yet.
        ) AS s
    ) AS d
    WINDOW by_time AS (PARTITION BY d.place ORDER BY d.since)
),

neighboured AS (
    SELECT
        d.place, d.kind, d.since, d.until, d.count, d.min, d.max, d.sum, d.drops,
        d.first_at, d.first_value, d.last_at, d.last_value,
        CASE WHEN d.follows THEN d.before_at ELSE (
            SELECT r.timestamp FROM readings AS r
            WHERE r.source_id = d.source_id AND r.timestamp < d.since
              AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
            ORDER BY r.timestamp DESC LIMIT 1
        ) END AS before_at,
        CASE WHEN d.follows THEN d.before_value ELSE (
            SELECT r.value FROM readings AS r
            WHERE r.source_id = d.source_id AND r.timestamp < d.since
              AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
            ORDER BY r.timestamp DESC LIMIT 1
        ) END AS before_value,
        CASE WHEN d.leads THEN d.after_at ELSE (
            SELECT r.timestamp FROM readings AS r
            WHERE r.source_id = d.source_id AND r.timestamp >= d.until
              AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
            ORDER BY r.timestamp LIMIT 1
        ) END AS after_at,
        CASE WHEN d.leads THEN d.after_value ELSE (
            SELECT r.value FROM readings AS r
            WHERE r.source_id = d.source_id AND r.timestamp >= d.until
              AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
            ORDER BY r.timestamp LIMIT 1
        ) END AS after_value
    FROM days AS d
    WHERE d.since >= d.earliest AND d.until <= d.latest
      -- Two midnights of the zone with no third between them: no day is as short as half of that, and a longer one is
      -- left to the other statement.
      AND d.begins AND CASE WHEN d.leads THEN d.next_begins ELSE date_trunc('day', d.until, d.zone) = d.until END
      AND d.until - d.since < interval '36 hours'
    OFFSET 0  -- So that the planner does not write these out wherever they are named.
)

SELECT
    d.place,
    d.since AS start,
    d.until AS "end",
    d.count,
    d.min,
    d.max,
    d.sum / d.count AS avg,
    CASE WHEN d.kind <> 'counter' THEN d.sum END AS sum,
    d.first_value AS first,
    d.last_value AS last,
    CASE d.kind
        WHEN 'counter' THEN CASE
            WHEN d.after_at IS NULL THEN d.last_value
            WHEN d.after_at = d.until THEN d.after_value
            ELSE d.last_value + (d.after_value - d.last_value) * (
                date_part('epoch', d.until - d.last_at) / date_part('epoch', d.after_at - d.last_at)
            )
        END - CASE
            WHEN d.before_at IS NULL OR d.first_at = d.since THEN d.first_value
            ELSE d.before_value + (d.first_value - d.before_value) * (
                date_part('epoch', d.since - d.before_at) / date_part('epoch', d.first_at - d.before_at)
            )
        END
        WHEN 'delta' THEN d.sum
    END AS consumption,
    CASE
        WHEN known.since = d.since AND known.until = d.until THEN 1
        ELSE date_part('epoch', known.until - known.since) / date_part('epoch', d.until - d.since)
    END AS coverage,
    CASE
        WHEN d.kind <> 'counter' THEN NULL
        WHEN d.first_at = known.since AND d.after_at = d.until THEN 0
        ELSE (
            date_part('epoch', d.first_at - known.since)
            + CASE WHEN d.after_at = d.until THEN 0 ELSE date_part('epoch', known.until - d.last_at) END
        ) / date_part('epoch', known.until - known.since)
    END AS estimated,
    -- A fall across a midnight is in the days on both sides.
    CASE WHEN d.kind = 'counter' THEN
        d.drops
        + CASE WHEN d.first_value < d.before_value AND d.first_at > d.since THEN 1 ELSE 0 END
        + CASE WHEN d.after_value < d.last_value THEN 1 ELSE 0 END
    END AS drops
FROM neighboured AS d
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN d.before_at IS NULL THEN d.first_at ELSE d.since END AS since,
        CASE WHEN d.after_at IS NULL THEN d.last_at ELSE d.until END AS until
) AS known
WHERE coalesce(greatest(abs(d.before_value), abs(d.after_value)), 0) < 1e290
  AND NOT EXISTS (
      SELECT FROM events AS m
      WHERE m.place = d.place
        AND m.at > coalesce(d.before_at, d.first_at) AND m.at <= coalesce(d.after_at, d.last_at)
  )
ORDER BY d.place, d.since

-- name: series
-- $1 the sources; for each of them $2 its kind, $3 the time zone, $4 from and $5 to; $6 the bucket; $7 its length in
-- words; $8 whether empty buckets are listed. A source may be asked for again with another range.
--
-- Calendar buckets begin at local midnights, whatever their length in hours. Their edges start one bucket early: of two
-- midnights in a night the second counts, and from may lie between them. Hours and parts of them are stretches of real
-- time that begin where the local clock shows a multiple of them: an hour that the clock shows twice is two buckets.
--
-- The edges of the latter are found from the clock at each UTC instant of a grid. If it shows an edge just then, that is
-- one; else its last edge and its next may be, by its setting at that instant, and are if the clock as it is set there
-- says so too. So an edge is found from the instant before it or from the one after it, unless the clock was changed on
-- both sides. Offsets may be anything: Kiritimati's was -10:40 until 1979, Liberia's -0:44:30 until 1972. The grid
-- reaches two steps beyond the range: with one change of the clock between them, edges are less than that apart.
--
-- The kind of edges that is not asked for has a null step or unit, and so makes no rows, under whichever plan.
--
-- Of values of 1e290 and more neither sums nor differences need be numbers, so there are none: of a bucket that has one,
-- or of a counter that shows one beside an edge.
--
-- What a range holds is put together from pieces in the order of time, each inside one bucket and of one meter: whole
-- hours that are summed up already, and the readings of all that lies between these. On the way from one piece to the
-- next a counter's value runs along a straight line. Meter events are pieces too: the way to one ends at its old value,
-- the way from it begins at its new one.
WITH
-- The sources with their buckets as arrays of edges, one more than buckets. edges are the calendar's; cuts the same, but
-- no further than the range; opens the first whole hour from each cut on, shuts the last one up to it. Then where the
-- readings of the source begin and end, and a counter's last before the range and first after it.
asked AS MATERIALIZED (
    SELECT
        a.place, a.source_id, a.kind, a.since, a.until,
        buckets.edges, buckets.cuts, buckets.opens, buckets.shuts,
        (SELECT h.thinned_until FROM reading_horizons AS h WHERE h.source_id = a.source_id) AS thinned_until,
        first.timestamp AS first, last.timestamp AS last,
        entry.timestamp AS entry_at, entry.value AS entry_value,
        exit.timestamp AS exit_at, exit.value AS exit_value
    FROM unnest((SELECT $1::uuid[]), $2::source_kind[], $3::text[], $4::timestamptz[], $5::timestamptz[])
        WITH ORDINALITY AS a (source_id, kind, zone, since, until, place)
    CROSS JOIN LATERAL (
        SELECT array_agg(DISTINCT e.edge ORDER BY e.edge) AS at
        FROM (
            SELECT (c.local_edge AT TIME ZONE a.zone) AS edge
            FROM (SELECT CASE WHEN $6::text IN ('day', 'week', 'month', 'year') THEN $6 END AS unit) AS calendar
            CROSS JOIN generate_series(
                date_trunc(calendar.unit, a.since AT TIME ZONE a.zone) - $7::text::interval,
                date_trunc(calendar.unit, a.until AT TIME ZONE a.zone) + 2 * $7::interval,
                $7::interval
            ) AS c (local_edge)
            UNION ALL
            SELECT candidate.edge
            FROM (
                SELECT
                    clock.step,
                    grid.instant,
                    date_bin(clock.step, grid.instant, date_trunc('hour', grid.instant, a.zone)) AS latest
                FROM (SELECT CASE WHEN $6 IN ('5m', '15m', 'hour') THEN $7::interval END AS step) AS clock
                CROSS JOIN generate_series(
                    date_bin(clock.step, a.since, '1970-01-01 00:00+00') - 2 * clock.step,
                    date_bin(clock.step, a.until, '1970-01-01 00:00+00') + 3 * clock.step,
                    clock.step
                ) AS grid (instant)
                OFFSET 0  -- So that the planner does not write it out thrice below.
            ) AS clocked
            CROSS JOIN LATERAL (VALUES (clocked.latest), (clocked.latest + clocked.step)) AS candidate (edge)
            WHERE CASE
                WHEN clocked.latest = clocked.instant THEN candidate.edge = clocked.instant
                ELSE date_bin(clocked.step, candidate.edge, date_trunc('hour', candidate.edge, a.zone)) = candidate.edge
            END
        ) AS e
    ) AS made
    CROSS JOIN LATERAL (
        SELECT
            array_agg(c.edge ORDER BY c.edge) AS edges,
            array_agg(cut.at ORDER BY c.edge) AS cuts,
            array_agg(homelog.hour_of(cut.at + interval '1 hour' - interval '1 microsecond') ORDER BY c.edge) AS opens,
            array_agg(homelog.hour_of(cut.at) - interval '1 hour' ORDER BY c.edge) AS shuts
        FROM unnest(made.at[
            width_bucket(a.since, made.at):width_bucket(a.until - interval '1 microsecond', made.at) + 1
        ]) AS c (edge)
        CROSS JOIN LATERAL (SELECT least(greatest(c.edge, a.since), a.until)) AS cut (at)
    ) AS buckets
    LEFT JOIN LATERAL (
        SELECT r.timestamp FROM readings AS r
        WHERE r.source_id = a.source_id AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
        ORDER BY r.timestamp LIMIT 1
    ) AS first ON true
    LEFT JOIN LATERAL (
        SELECT r.timestamp FROM readings AS r
        WHERE r.source_id = a.source_id AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
        ORDER BY r.timestamp DESC LIMIT 1
    ) AS last ON true
    LEFT JOIN LATERAL (
        SELECT r.timestamp, r.value FROM readings AS r
        WHERE r.source_id = a.source_id AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
          AND r.timestamp < a.since AND a.kind = 'counter'
        ORDER BY r.timestamp DESC LIMIT 1
    ) AS entry ON true
    LEFT JOIN LATERAL (
        SELECT r.timestamp, r.value FROM readings AS r
        WHERE r.source_id = a.source_id AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
          AND r.timestamp >= a.until AND a.kind = 'counter'
        ORDER BY r.timestamp LIMIT 1
    ) AS exit ON true
),

-- A counter's meter events between the reading before the range and the one after it, each beside its neighbours.
noted AS (
    SELECT
        a.place, m.at, m.old_value, m.new_value,
        before.timestamp AS before_at, before.value AS before_value,
        after.timestamp AS after_at, after.value AS after_value,
        lag(m.at) OVER by_time AS earlier_at, lag(m.new_value) OVER by_time AS earlier_value,
        lead(m.at) OVER by_time AS later_at, lead(m.old_value) OVER by_time AS later_value
    FROM asked AS a
    INNER JOIN meter_events AS m
        ON a.source_id = m.source_id
        AND m.at > coalesce(a.entry_at, a.first) AND m.at <= coalesce(a.exit_at, a.last) AND a.kind = 'counter'
    CROSS JOIN LATERAL (
        SELECT r.timestamp, r.value FROM readings AS r
        WHERE r.source_id = a.source_id AND r.timestamp < m.at
          AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
        ORDER BY r.timestamp DESC LIMIT 1
    ) AS before
    CROSS JOIN LATERAL (
        SELECT r.timestamp, r.value FROM readings AS r
        WHERE r.source_id = a.source_id AND r.timestamp >= m.at
          AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
        ORDER BY r.timestamp LIMIT 1
    ) AS after
    WINDOW by_time AS (PARTITION BY a.place ORDER BY m.at)
),

-- What an event does not say is what its neighbour shows, a reading or another event: nothing is known to have flowed
-- between the two. Where neither of two events says it, any value will do.
events AS MATERIALIZED (
    SELECT
        e.place,
        e.at,
        coalesce(
            e.old_value,
            CASE WHEN e.earlier_at > e.before_at THEN coalesce(e.earlier_value, 0) ELSE e.before_value END
        ) AS old_value,
        coalesce(
            e.new_value,
            CASE WHEN e.later_at <= e.after_at THEN coalesce(e.later_value, 0) ELSE e.after_value END
        ) AS new_value
    FROM noted AS e
),

-- Days and longer buckets take all their whole hours at once, where none is missing and no event is among them.
runs AS MATERIALIZED (
    SELECT
        b.place, b.n, b.opens AS since, b.shuts AS until,
        b.opens + (cardinality(h.firsts) - 1) * interval '1 hour' = b.shuts AND NOT EXISTS (
            SELECT FROM events AS m WHERE m.place = b.place AND m.at >= b.since AND m.at < b.until
        ) AS is_whole,
        h.count, h.min, h.max, h.sum,
        h.drops + CASE WHEN b.kind = 'counter' THEN (
            SELECT count(*) FROM (SELECT unnest(h.firsts[2:]) AS value, unnest(h.lasts) AS before) AS pair
            WHERE pair.value < pair.before
        ) ELSE 0 END AS drops,
        h.first_at, h.firsts[1] AS first_value, h.last_at, h.lasts[cardinality(h.lasts)] AS last_value
    FROM (
        SELECT
            a.place, a.source_id, a.kind, c.n, c.since, c.opens,
            a.cuts[c.n + 1] AS until, a.shuts[c.n + 1] AS shuts
        FROM asked AS a
        CROSS JOIN LATERAL unnest(a.cuts, a.opens) WITH ORDINALITY AS c (since, opens, n)
        WHERE $6 IN ('day', 'week', 'month', 'year')
        OFFSET 0  -- An array would be searched anew for each hour.
    ) AS b
    CROSS JOIN LATERAL (
        SELECT
            sum(w.count) AS count, min(w.min) AS min, max(w.max) AS max, sum(w.sum) AS sum, sum(w.drops) AS drops,
            min(w.first_at) AS first_at, array_agg(w.first_value ORDER BY w.hour) AS firsts,
            max(w.last_at) AS last_at, array_agg(w.last_value ORDER BY w.hour) AS lasts
        FROM reading_hours AS w
        WHERE w.source_id = b.source_id AND w.hour >= b.opens AND w.hour <= b.shuts
    ) AS h
    WHERE h.count > 0
),

-- What is summed up already, in the order of time: these runs; hours one by one elsewhere, as far as no edge or event
-- is in them; and the end of the range, so that there is something after the last gap.
stretches AS (
    SELECT
        r.place, r.n, r.since, r.until + interval '1 hour' AS until, r.count, r.min, r.max, r.sum, r.drops,
        r.first_at, r.first_value, r.last_at, r.last_value
    FROM runs AS r
    WHERE r.is_whole
    UNION ALL
    SELECT
        a.place, h.n, h.hour AS since, h.hour + interval '1 hour' AS until, h.count, h.min, h.max, h.sum, h.drops,
        h.first_at, h.first_value, h.last_at, h.last_value
    FROM (
        SELECT r.place, r.since, r.until FROM runs AS r WHERE NOT r.is_whole
        UNION ALL
        SELECT b.place, b.since, b.until FROM asked AS b WHERE $6 = 'hour'
    ) AS apart
    INNER JOIN asked AS a ON apart.place = a.place
    CROSS JOIN LATERAL (
        SELECT
            w.hour, w.count, w.min, w.max, w.sum, w.drops, w.first_at, w.first_value, w.last_at, w.last_value,
            width_bucket(w.hour, a.cuts) AS n
        FROM reading_hours AS w
        WHERE w.source_id = a.source_id AND w.hour >= apart.since AND w.hour <= apart.until
        OFFSET 0
    ) AS h
    WHERE h.hour <= a.shuts[h.n + 1] AND NOT EXISTS (
        SELECT FROM events AS m WHERE m.place = a.place AND m.at >= h.hour AND m.at < h.hour + interval '1 hour'
    )
    UNION ALL
    SELECT
        a.place, cardinality(a.cuts) AS n, a.until AS since, a.until, 0 AS count, NULL AS min, NULL AS max, NULL AS sum,
        0 AS drops, NULL AS first_at, NULL AS first_value, NULL AS last_at, NULL AS last_value
    FROM asked AS a
),

summed AS MATERIALIZED (
    SELECT
        s.place, s.n, s.since, s.count, s.min, s.max, s.sum, s.drops,
        s.first_at, s.first_value, s.last_at, s.last_value,
        lag(s.until) OVER (PARTITION BY s.place ORDER BY s.since) AS gap_since
    FROM stretches AS s
),

gaps AS MATERIALIZED (
    SELECT s.place, coalesce(s.gap_since, a.since) AS since, s.since AS until
    FROM summed AS s
    INNER JOIN asked AS a ON s.place = a.place
    WHERE coalesce(s.gap_since, a.since) < s.since
),

-- What no hour covers is read, and summed up by bucket and by the meter that hung there.
raw AS (
    SELECT
        g.place, r.n, r.count, r.min, r.max, r.sum,
        CASE WHEN a.kind = 'counter' AND r.count > 1 THEN (
            SELECT count(*) FROM (SELECT unnest(r.values[2:]) AS value, unnest(r.values) AS before) AS pair
            WHERE pair.value < pair.before
        ) ELSE 0 END AS drops,
        r.first_at, r.values[1] AS first_value, r.last_at, r.values[r.count] AS last_value
    FROM gaps AS g
    INNER JOIN asked AS a ON g.place = a.place
    CROSS JOIN LATERAL (SELECT array_agg(m.at ORDER BY m.at) AS at FROM events AS m WHERE m.place = g.place) AS changes
    CROSS JOIN LATERAL (
        SELECT
            width_bucket(i.timestamp, a.cuts) AS n,
            count(*) AS count, min(i.value) AS min, max(i.value) AS max,
            sum(i.value) FILTER (WHERE abs(i.value) < 1e290) AS sum,
            min(i.timestamp) AS first_at, max(i.timestamp) AS last_at,
            array_agg(i.value ORDER BY i.timestamp) AS values
        FROM readings AS i
        WHERE i.source_id = a.source_id AND i.timestamp >= g.since AND i.timestamp < g.until
          AND CASE i.quality_flag WHEN 'bad' THEN false ELSE true END
          AND CASE WHEN i.timestamp < a.thinned_until THEN NOT coalesce((
              SELECT w.is_thinned FROM reading_hours AS w
              WHERE w.source_id = a.source_id AND w.hour = homelog.hour_of(i.timestamp)
          ), false) ELSE true END
        GROUP BY
            n, CASE WHEN changes.at IS NOT NULL THEN width_bucket(i.timestamp, changes.at) END,
            -- Between those that were thinned, so that what is put together comes in the order of time.
            CASE WHEN i.timestamp < a.thinned_until THEN homelog.hour_of(i.timestamp) END
    ) AS r
),

-- Of a thinned hour that an edge cuts the first and the last reading are there, and the sum of all.
parted AS (
    SELECT
        g.place, width_bucket(part.at, a.cuts) AS n, part.count, part.min, part.max, part.sum, part.drops,
        part.at, part.value
    FROM gaps AS g
    INNER JOIN asked AS a ON g.place = a.place AND g.since < a.thinned_until
    INNER JOIN reading_hours AS w
        ON a.source_id = w.source_id AND w.hour > g.since - interval '1 hour' AND w.hour < g.until AND w.is_thinned
    CROSS JOIN LATERAL homelog.parts_of(w) AS part
    WHERE part.at >= g.since AND part.at < g.until
),

pieces AS MATERIALIZED (
    SELECT
        s.place, s.n, true AS is_reading, s.count, s.min, s.max, s.sum, s.drops,
        s.first_at, s.first_value, s.last_at, s.last_value
    FROM summed AS s
    WHERE s.count > 0
    UNION ALL
    SELECT
        r.place, r.n, true AS is_reading, r.count, r.min, r.max, r.sum, r.drops,
        r.first_at, r.first_value, r.last_at, r.last_value
    FROM raw AS r
    UNION ALL
    SELECT
        p.place, p.n, true AS is_reading, p.count, p.min, p.max, p.sum, p.drops,
        p.at AS first_at, p.value AS first_value, p.at AS last_at, p.value AS last_value
    FROM parted AS p
    UNION ALL
    SELECT
        m.place, width_bucket(m.at, a.cuts) AS n, false AS is_reading, 0 AS count, NULL AS min, NULL AS max, NULL AS sum,
        0 AS drops, m.at AS first_at, m.old_value AS first_value, m.at AS last_at, m.new_value AS last_value
    FROM events AS m
    INNER JOIN asked AS a ON m.place = a.place
    UNION ALL
    SELECT
        a.place, ends.n, true AS is_reading, 0 AS count, NULL AS min, NULL AS max, NULL AS sum,
        0 AS drops, ends.at AS first_at, ends.value AS first_value, ends.at AS last_at, ends.value AS last_value
    FROM asked AS a
    CROSS JOIN LATERAL (
        VALUES
        (0, a.entry_at, a.entry_value),
        (cardinality(a.cuts), coalesce(a.exit_at, 'infinity'), a.exit_value)
    ) AS ends (n, at, value)
    WHERE a.kind = 'counter' AND ends.at IS NOT NULL
),

-- Each piece with the one before it. A fall between two pieces of one bucket is in that bucket like those in a piece.
linked AS MATERIALIZED (
    SELECT
        l.place, l.n, l.is_reading, l.count, l.min, l.max, l.sum, l.first_at, l.first_value, l.last_at, l.last_value,
        l.before_at,
        l.before_value,
        link.falls,
        link.is_inside,
        l.drops + (link.falls AND link.is_inside)::integer AS drops
    FROM (
        SELECT p.*, lag(p.last_at) OVER by_time AS before_at, lag(p.last_value) OVER by_time AS before_value
        FROM pieces AS p
        -- A reading at the time of an event is of the meter as it is afterwards.
        WINDOW by_time AS (PARTITION BY p.place ORDER BY p.first_at, p.is_reading)
    ) AS l
    INNER JOIN asked AS a ON l.place = a.place
    CROSS JOIN LATERAL (
        SELECT
            coalesce(l.first_value < l.before_value, false) AS falls,
            coalesce(l.before_at >= a.cuts[l.n], false) AS is_inside
    ) AS link
),

-- Buckets and what is in them are put together by grouping, not by a join: the planner cannot know how many there are,
-- and a nested loop over thousands would take minutes.
parts AS (
    -- What a counter shows at an edge: a point on the line between the pieces on either side; before the first and after
    -- the last reading, what those show. It runs on across meters: what came before an event is added.
    SELECT
        l.place,
        edge.n,
        CASE
            WHEN abs(l.first_value) >= 1e290 THEN NULL
            WHEN abs(l.before_value) >= 1e290 AND l.first_at > a.cuts[edge.n] THEN NULL
            WHEN l.before_at IS NULL THEN l.first_value
            WHEN l.first_at = 'infinity' THEN l.before_value
            WHEN l.first_at = a.cuts[edge.n] THEN l.first_value
            ELSE l.before_value + (l.first_value - l.before_value) * (
                date_part('epoch', a.cuts[edge.n] - l.before_at) / date_part('epoch', l.first_at - l.before_at)
            )
        END + CASE WHEN EXISTS (SELECT FROM events AS m) THEN (
            SELECT CASE WHEN coalesce(max(size.larger), 0) < 1e290 THEN
                coalesce(sum(m.old_value - m.new_value) FILTER (WHERE size.larger < 1e290), 0)
            END
            FROM events AS m
            CROSS JOIN LATERAL (SELECT greatest(abs(m.old_value), abs(m.new_value))) AS size (larger)
            WHERE m.place = l.place AND (m.at < l.first_at OR (l.is_reading AND m.at = l.first_at))
        ) ELSE 0 END AS shown,
        l.before_at AS knot_before,
        l.first_at AS knot_after,
        l.falls,
        NULL::bigint AS count, NULL::double precision AS min, NULL::double precision AS max,
        NULL::double precision AS sum, NULL::bigint AS drops, NULL::timestamptz AS first_at,
        NULL::double precision AS first_value, NULL::timestamptz AS last_at, NULL::double precision AS last_value
    FROM linked AS l
    INNER JOIN asked AS a ON l.place = a.place
    CROSS JOIN LATERAL generate_series(coalesce(width_bucket(l.before_at, a.cuts), 0) + 1, l.n) AS edge (n)
    WHERE a.kind = 'counter' AND NOT l.is_inside
    UNION ALL
    SELECT
        l.place, l.n, NULL, NULL, NULL, NULL, l.count, l.min, l.max, l.sum, l.drops,
        CASE WHEN l.count > 0 THEN l.first_at END, CASE WHEN l.count > 0 THEN l.first_value END,
        CASE WHEN l.count > 0 THEN l.last_at END, CASE WHEN l.count > 0 THEN l.last_value END
    FROM linked AS l
    WHERE l.n > 0
    UNION ALL
    SELECT
        a.place, generate_subscripts(a.cuts, 1),
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM asked AS a
    WHERE $8::boolean
),

buckets AS (
    SELECT
        p.place, p.n,
        max(p.shown) AS shown, max(p.knot_before) AS knot_before, max(p.knot_after) AS knot_after,
        bool_or(p.falls) AS falls,
        coalesce(sum(p.count), 0)::integer AS count, min(p.min) AS min, max(p.max) AS max,
        CASE WHEN greatest(max(p.max), -min(p.min)) < 1e290 THEN sum(p.sum) END AS sum,
        coalesce(sum(p.drops), 0) AS drops, count(p.first_at) AS pieces,
        min(p.first_at) AS first_at, min(p.first_value) AS first_value,
        max(p.last_at) AS last_at, min(p.last_value) AS last_value
    FROM parts AS p
    GROUP BY p.place, p.n
),

between_edges AS (
    SELECT
        b.*,
        lead(b.shown) OVER by_time AS next_shown, lead(b.knot_before) OVER by_time AS next_knot_before,
        lead(b.knot_after) OVER by_time AS next_knot_after, lead(b.falls) OVER by_time AS next_falls
    FROM buckets AS b
    WINDOW by_time AS (PARTITION BY b.place ORDER BY b.n)
)

SELECT
    b.place,
    e.start,
    e.end,
    b.count,
    b.min,
    b.max,
    b.sum / nullif(b.count, 0) AS avg,
    CASE WHEN a.kind <> 'counter' THEN b.sum END AS sum,
    CASE WHEN b.pieces < 2 THEN b.first_value ELSE (
        SELECT r.value FROM readings AS r WHERE r.source_id = a.source_id AND r.timestamp = b.first_at
    ) END AS first,
    CASE WHEN b.pieces < 2 THEN b.last_value ELSE (
        SELECT r.value FROM readings AS r WHERE r.source_id = a.source_id AND r.timestamp = b.last_at
    ) END AS last,
    CASE a.kind
        WHEN 'counter' THEN CASE WHEN covered.share > 0 OR b.count > 0 THEN b.next_shown - b.shown END
        WHEN 'delta' THEN b.sum
    END AS consumption,
    covered.share AS coverage,
    CASE WHEN a.kind = 'counter' AND (covered.share > 0 OR b.count > 0) THEN
        CASE
            WHEN known.until <= known.since THEN 0
            WHEN b.knot_after > known.until THEN 1
            ELSE (
                date_part('epoch', b.knot_after - known.since) + CASE
                    WHEN b.next_knot_after = known.until THEN 0
                    ELSE date_part('epoch', known.until - b.next_knot_before)
                END
            ) / date_part('epoch', known.until - known.since)
        END
    END AS estimated,
    -- A fall across an edge is in the buckets on both sides; one that spans a whole bucket is counted at its first edge.
    CASE WHEN a.kind = 'counter' THEN (
        b.drops
        + CASE WHEN b.falls AND b.knot_after > e.cut THEN 1 ELSE 0 END
        + CASE WHEN b.next_falls AND b.next_knot_before >= e.cut THEN 1 ELSE 0 END
    )::integer END AS drops
FROM between_edges AS b
INNER JOIN asked AS a ON b.place = a.place
CROSS JOIN LATERAL (
    SELECT a.edges[b.n] AS start, a.edges[b.n + 1] AS "end", a.cuts[b.n] AS cut, a.cuts[b.n + 1] AS next_cut
    OFFSET 0
) AS e
CROSS JOIN LATERAL (
    SELECT coalesce(greatest(
        0, date_part('epoch', least(e.end, a.last) - greatest(e.start, a.first)) / date_part('epoch', e.end - e.start)
    ), 0) AS share
    OFFSET 0
) AS covered
CROSS JOIN LATERAL (SELECT greatest(e.cut, a.first) AS since, least(e.next_cut, a.last) AS until) AS known
WHERE e.end IS NOT NULL AND ($8 OR b.count > 0 OR (a.kind = 'counter' AND covered.share > 0))
ORDER BY b.place, b.n
