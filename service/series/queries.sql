-- Bad readings do not count. Said as a CASE: row security keeps the statistics of an enum from the planner, which then
-- takes <> 'bad' for no row at all where every reading has the same flag, and sorts a whole source to find its first.

-- name: frame_series
-- $1 the source; $2 the time zone, null for the home's; $3 and $4 from, as an instant or as a local day; $5 and $6 to,
-- likewise. Ends that are not named are the first reading, and just after the last.
SELECT
    s.unit,
    s.kind,
    zone.name AS tz,
    coalesce($3::timestamptz, $4::date::timestamp AT TIME ZONE zone.name, ends.first) AS since,
    coalesce(
        $5::timestamptz, $6::date::timestamp AT TIME ZONE zone.name, ends.last + interval '1 microsecond'
    ) AS until
FROM data_sources AS s
CROSS JOIN LATERAL (SELECT coalesce($2::text, homelog.zone_of_source(s.id), 'UTC') AS name) AS zone
CROSS JOIN LATERAL (
    SELECT
        (
            SELECT r.timestamp FROM readings AS r
            WHERE r.source_id = $1 AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
            ORDER BY r.timestamp LIMIT 1
        ) AS first,
        (
            SELECT r.timestamp FROM readings AS r
            WHERE r.source_id = $1 AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
            ORDER BY r.timestamp DESC LIMIT 1
        ) AS last
) AS ends
WHERE s.id = $1

-- name: series
-- $1 the source; $2 its kind; $3 the time zone; $4 from and $5 to; $6 the bucket; $7 its length in words; $8
-- whether empty buckets are listed.
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
WITH edges AS MATERIALIZED (
    SELECT array_agg(DISTINCT e.edge ORDER BY e.edge) AS at
    FROM (
        SELECT (c.local_edge AT TIME ZONE $3::text) AS edge
        FROM (SELECT CASE WHEN $6::text IN ('day', 'week', 'month', 'year') THEN $6 END AS unit) AS calendar
        CROSS JOIN generate_series(
            date_trunc(calendar.unit, $4::timestamptz AT TIME ZONE $3) - $7::text::interval,
            date_trunc(calendar.unit, $5::timestamptz AT TIME ZONE $3) + 2 * $7::interval,
            $7::interval
        ) AS c (local_edge)
        UNION ALL
        SELECT candidate.edge
        FROM (
            SELECT
                clock.step,
                grid.instant,
                date_bin(clock.step, grid.instant, date_trunc('hour', grid.instant, $3)) AS latest
            FROM (SELECT CASE WHEN $6 IN ('5m', '15m', 'hour') THEN $7::interval END AS step) AS clock
            CROSS JOIN generate_series(
                date_bin(clock.step, $4, '1970-01-01 00:00+00') - 2 * clock.step,
                date_bin(clock.step, $5, '1970-01-01 00:00+00') + 3 * clock.step,
                clock.step
            ) AS grid (instant)
            OFFSET 0  -- So that the planner does not write it out thrice below.
        ) AS at
        CROSS JOIN LATERAL (VALUES (at.latest), (at.latest + at.step)) AS candidate (edge)
        WHERE CASE
            WHEN at.latest = at.instant THEN candidate.edge = at.instant
            ELSE date_bin(at.step, candidate.edge, date_trunc('hour', candidate.edge, $3)) = candidate.edge
        END
    ) AS e
),

span AS (
    SELECT
        (
            SELECT r.timestamp FROM readings AS r
            WHERE r.source_id = $1 AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
            ORDER BY r.timestamp LIMIT 1
        ) AS first,
        (
            SELECT r.timestamp FROM readings AS r
            WHERE r.source_id = $1 AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
            ORDER BY r.timestamp DESC LIMIT 1
        ) AS last
),

-- The edges of the buckets that the range touches, and what a counter shows at each, or at the range's own end where
-- that cuts the bucket: a point on the line between the readings on either side; before the first and after the last
-- reading, what those show.
points AS (
    SELECT
        p.n,
        p.edge,
        CASE
            WHEN before.timestamp IS NULL THEN after.value
            WHEN after.timestamp IS NULL OR before.timestamp = after.timestamp THEN before.value
            ELSE before.value + (after.value - before.value)
                * (extract(EPOCH FROM cut.at - before.timestamp) / extract(EPOCH FROM after.timestamp - before.timestamp))
                ::double precision
        END AS shown
    FROM edges AS e
    CROSS JOIN LATERAL unnest(e.at) WITH ORDINALITY AS p (edge, n)
    CROSS JOIN LATERAL (SELECT least(greatest(p.edge, $4), $5) AS at) AS cut
    LEFT JOIN LATERAL (
        SELECT r.timestamp, r.value FROM readings AS r
        WHERE r.source_id = $1 AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END AND r.timestamp <= cut.at AND $2::source_kind = 'counter'
        ORDER BY r.timestamp DESC LIMIT 1
    ) AS before ON true
    LEFT JOIN LATERAL (
        SELECT r.timestamp, r.value FROM readings AS r
        WHERE r.source_id = $1 AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END AND r.timestamp >= cut.at AND $2 = 'counter'
        ORDER BY r.timestamp LIMIT 1
    ) AS after ON true
    WHERE p.n BETWEEN width_bucket($4, e.at) AND width_bucket($5 - interval '1 microsecond', e.at) + 1
),

-- Buckets and what was counted in them are put together by grouping, not by a join: the planner cannot know how many
-- buckets there are, and a nested loop over thousands would take minutes.
pieces AS (
    SELECT
        p.n,
        p.edge AS start,
        lead(p.edge) OVER by_time AS finish,
        p.shown AS shown_first,
        lead(p.shown) OVER by_time AS shown_last,
        NULL::bigint AS count,
        NULL::double precision AS min,
        NULL::double precision AS max,
        NULL::double precision AS avg,
        NULL::double precision AS sum,
        NULL::timestamptz AS first_at,
        NULL::timestamptz AS last_at
    FROM points AS p
    WINDOW by_time AS (ORDER BY p.n)
    UNION ALL
    SELECT
        width_bucket(r.timestamp, (SELECT e.at FROM edges AS e)) AS n,
        NULL, NULL, NULL, NULL,
        count(*), min(r.value), max(r.value), avg(r.value), sum(r.value), min(r.timestamp), max(r.timestamp)
    FROM readings AS r
    WHERE r.source_id = $1 AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END AND r.timestamp >= $4 AND r.timestamp < $5
    GROUP BY 1
),

buckets AS (
    SELECT
        p.n,
        max(p.start) AS start,
        max(p.finish) AS finish,
        max(p.shown_last) - max(p.shown_first) AS went_through,
        coalesce(max(p.count), 0)::integer AS count,
        max(p.min) AS min,
        max(p.max) AS max,
        max(p.avg) AS avg,
        max(p.sum) AS sum,
        max(p.first_at) AS first_at,
        max(p.last_at) AS last_at
    FROM pieces AS p
    GROUP BY p.n
)

SELECT
    b.start,
    b.finish AS "end",
    b.count,
    b.min,
    b.max,
    b.avg,
    CASE WHEN $2 <> 'counter' THEN b.sum END AS sum,
    (SELECT r.value FROM readings AS r WHERE r.source_id = $1 AND r.timestamp = b.first_at) AS first,
    (SELECT r.value FROM readings AS r WHERE r.source_id = $1 AND r.timestamp = b.last_at) AS last,
    CASE $2
        WHEN 'counter' THEN CASE WHEN covered.share > 0 OR b.count > 0 THEN b.went_through END
        WHEN 'delta' THEN b.sum
    END AS consumption,
    covered.share AS coverage
FROM buckets AS b
CROSS JOIN span
CROSS JOIN LATERAL (
    SELECT coalesce(greatest(0, extract(
        EPOCH FROM least(b.finish, span.last) - greatest(b.start, span.first)
    ) / extract(EPOCH FROM b.finish - b.start)), 0)::double precision AS share
) AS covered
WHERE b.finish IS NOT NULL AND ($8::boolean OR b.count > 0 OR ($2 = 'counter' AND covered.share > 0))
ORDER BY b.start
