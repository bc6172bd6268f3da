-- name: list_meter_events
-- $1 the source; $2 the time of the last event of the page before, null for the first page; $3 how many rows. To whom
-- the source is only public it does not show who noted them.
SELECT
    e.id, e.source_id, e.at, e.kind, e.old_value, e.new_value, e.created_at,
    CASE WHEN $1::uuid = ANY (homelog.granted_sources()) THEN e.created_by END AS created_by
FROM meter_events AS e
WHERE e.source_id = $1 AND e.at > greatest($2::timestamptz, '-infinity')
ORDER BY e.at
LIMIT $3

-- name: source_is_visible
-- $1 the source; a row if the caller may read it, so that an empty list differs from no source.
SELECT true
WHERE $1::uuid = ANY (homelog.readable_sources())

-- name: get_meter_event
-- $1 the source; $2 the event.
SELECT
    e.id, e.source_id, e.at, e.kind, e.old_value, e.new_value, e.created_at,
    CASE WHEN $1::uuid = ANY (homelog.granted_sources()) THEN e.created_by END AS created_by
FROM meter_events AS e
WHERE e.source_id = $1 AND e.id = $2

-- name: create_meter_event
-- $1 the source; $2 the id, null to make one; $3 when; $4 the kind; $5 the value before and $6 afterwards.
-- First column: created, stored, hidden, forbidden, or again: this id or this time is taken by something else, which
-- may have come while this waited for it. Stored is what the caller stored under this id; without an id the time is
-- what tells events apart, as it does readings, and whoever noted the same first did it for all. The source's turn comes
-- first, as it does for readings: an hour is thinned only where no event is in it.
WITH taken AS MATERIALIZED (
    SELECT homelog.take_turns(ARRAY[$1::uuid])
    WHERE $1 = ANY (homelog.writable_sources())
),

seen AS (
    SELECT
        $1 = ANY (homelog.readable_sources()) AS visible,
        $1 = ANY (homelog.writable_sources()) AS may
    FROM (SELECT count(*) AS turns FROM taken) AS t
),

made AS (
    INSERT INTO meter_events (id, source_id, at, kind, old_value, new_value)
    SELECT coalesce($2::uuid, uuidv7()), $1, $3, $4, $5, $6
    FROM seen
    WHERE seen.may
    ON CONFLICT DO NOTHING
    RETURNING id, source_id, at, kind, old_value, new_value, created_at, created_by
)

SELECT
    CASE
        WHEN NOT seen.visible THEN 'hidden'
        WHEN NOT seen.may THEN 'forbidden'
        WHEN m.id IS NOT NULL THEN 'created'
        WHEN e.id IS NOT NULL THEN 'stored'
        ELSE 'again'
    END AS verdict,
    coalesce(m.id, e.id) AS id,
    coalesce(m.source_id, e.source_id) AS source_id,
    coalesce(m.at, e.at) AS at,
    coalesce(m.kind, e.kind) AS kind,
    coalesce(m.old_value, e.old_value) AS old_value,
    coalesce(m.new_value, e.new_value) AS new_value,
    coalesce(m.created_at, e.created_at) AS created_at,
    coalesce(m.created_by, e.created_by) AS created_by
FROM seen
LEFT JOIN made AS m ON true
LEFT JOIN meter_events AS e
    ON m.id IS NULL AND seen.may
    AND e.source_id = $1 AND e.at = $3
    AND (e.kind, e.old_value, e.new_value) IS NOT DISTINCT FROM ($4, $5, $6)
    AND ($2 IS NULL OR (e.id = $2 AND e.created_by = homelog.current_user_id()))

-- name: delete_meter_event
-- $1 the source; $2 the event; $3 the versions that If-Match names, null for any.
-- First columns: whether the caller may, whether the version holds.
WITH taken AS MATERIALIZED (
    SELECT homelog.take_turns(ARRAY[$1::uuid])
    WHERE $1 = ANY (homelog.writable_sources())
),

seen AS (
    SELECT
        e.id,
        e.source_id = ANY (homelog.writable_sources()) AS may,
        $3::timestamptz[] IS NULL OR e.created_at = ANY ($3) AS fresh
    FROM (SELECT count(*) AS turns FROM taken) AS t
    CROSS JOIN meter_events AS e
    WHERE e.source_id = $1 AND e.id = $2
),

gone AS (
    DELETE FROM meter_events AS e
    USING seen AS s
    WHERE e.source_id = $1 AND e.id = s.id AND ($3 IS NULL OR e.created_at = ANY ($3))
    RETURNING e.id
)

SELECT s.may, s.fresh AND g.id IS NOT NULL AS fresh, g.id
FROM seen AS s
LEFT JOIN gone AS g ON g.id = s.id

-- name: suggest_meter_events
-- $1 the source; $2 from and $3 to, null for open: the reading after a drop lies between them; $4 that of the last drop
-- of the page before, null for the first page; $5 how many rows.
--
-- One pass over the readings, in the order of the key, which ends when the page is full; all that is asked of a drop is
-- a probe of the key. Only a fall to less than nine tenths is looked at: what falls less wavers. A value below zero is
-- none of a meter that began anew at zero, and none follows from a value that was below zero itself.
-- That bad readings do not count is said as in series. Before the source's horizon no event is noted any more.
--
-- Where the readings begin: the first drop may be from the last one before the range. Nowhere, if nothing counts up.
WITH begins AS (
    SELECT coalesce(
        (
            SELECT r.timestamp FROM readings AS r
            WHERE r.source_id = $1::uuid AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
              AND r.timestamp < page.first
            ORDER BY r.timestamp DESC LIMIT 1
        ),
        page.first
    ) AS at
    FROM data_sources AS s
    CROSS JOIN LATERAL (
        SELECT greatest(
            $2::timestamptz, $4::timestamptz + interval '1 microsecond', homelog.horizon_of(s.id), '-infinity'
        ) AS first
    ) AS page
    WHERE s.id = $1 AND s.kind = 'counter'
),

drops AS (
    SELECT d.id, d.timestamp, d.value
    FROM (
        SELECT w.id, w.timestamp, w.value, lag(w.value) OVER (ORDER BY w.timestamp) AS value_before
        FROM (
            SELECT r.id, r.timestamp, r.value
            FROM readings AS r
            WHERE r.source_id = $1 AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
              AND r.timestamp >= (SELECT b.at FROM begins AS b)
              AND r.timestamp < least($3::timestamptz, 'infinity')
            ORDER BY r.timestamp
            LIMIT (SELECT NULL::bigint)  -- None, but the planner does not know, and walks the key instead of sorting.
        ) AS w
    ) AS d
    WHERE d.value >= 0 AND d.value < 0.9 * d.value_before
)

SELECT
    -- When the meter showed old_value at an even pace, or as soon as a new meter can have hung there.
    greatest(
        before.timestamp + interval '1 microsecond',
        homelog.horizon_of($1),
        least(after.timestamp, before.timestamp + make_interval(secs => coalesce(rollover.share * span.seconds, 0)))
    ) AS at,
    CASE WHEN rollover.at IS NULL THEN 'reset' ELSE 'rollover' END::meter_event_kind AS kind,
    coalesce(rollover.at, before.value) AS old_value,
    0::double precision AS new_value,
    row(before.id, before.timestamp, before.value) AS before,
    row(after.id, after.timestamp, after.value) AS after
FROM drops AS after
CROSS JOIN LATERAL (
    SELECT r.id, r.timestamp, r.value FROM readings AS r
    WHERE r.source_id = $1 AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
      AND r.timestamp < after.timestamp
    ORDER BY r.timestamp DESC LIMIT 1
) AS before
LEFT JOIN LATERAL (
    SELECT r.timestamp, r.value FROM readings AS r
    WHERE r.source_id = $1 AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
      AND r.timestamp < before.timestamp
    ORDER BY r.timestamp DESC LIMIT 1
) AS earlier ON true
CROSS JOIN LATERAL (
    SELECT extract(EPOCH FROM after.timestamp - before.timestamp)::double precision AS seconds
) AS span
-- The next power of ten, if the meter stood so close below it and is so little past zero that it ran over: what flowed
-- through is a hundredth of it at most, or no more than twice what flows in that time at the pace just before.
-- Doubles hold whole numbers up to 10^15.
LEFT JOIN LATERAL (
    SELECT full_scale.value AS at, (full_scale.value - before.value) / flowed.through AS share
    FROM (SELECT power(10, floor(log(least(before.value, 1e15))) + 1) AS value) AS full_scale
    CROSS JOIN LATERAL (SELECT full_scale.value - before.value + after.value AS through) AS flowed
    WHERE full_scale.value BETWEEN 1e3 AND 1e15
      AND before.value >= 0.9 * full_scale.value
      AND after.value <= 0.1 * full_scale.value
      AND (
          flowed.through <= 0.01 * full_scale.value
          OR (
              earlier.value BETWEEN 0 AND before.value
              AND flowed.through <= 2 * (before.value - earlier.value) * span.seconds
                  / extract(EPOCH FROM before.timestamp - earlier.timestamp)::double precision
          )
      )
) AS rollover ON true
-- The last event up to the drop is not within it. Said so that it is a probe however few events the planner expects.
WHERE coalesce(
    (
        SELECT e.at FROM meter_events AS e
        WHERE e.source_id = $1 AND e.at <= after.timestamp
        ORDER BY e.at DESC LIMIT 1
    ),
    '-infinity'
) <= before.timestamp
ORDER BY after.timestamp
LIMIT $5

-- name: export_meter_events
-- As accounts:export_account, of the sources that the caller administers.
SELECT row_to_json(line)::text AS line
FROM meter_events AS e
CROSS JOIN LATERAL (
    SELECT
        'meter_event' AS type,
        concat('POST /v1/sources/', e.source_id, '/meter-events') AS call,
        (SELECT row_to_json(b) FROM (SELECT e.id, e.at, e.kind, e.old_value, e.new_value) AS b) AS body,
        (SELECT row_to_json(s) FROM (SELECT e.created_at, e.created_by) AS s) AS server
) AS line
WHERE e.source_id = ANY ((SELECT homelog.administered_sources())::uuid[])
ORDER BY e.source_id, e.at
