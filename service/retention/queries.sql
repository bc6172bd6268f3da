-- name: get_retention
-- $1 the source.
SELECT
    r.source_id, r.months, r.action, h.thinned_until, h.deleted_until, r.created_at, r.updated_at, r.created_by
FROM source_retentions AS r
LEFT JOIN reading_horizons AS h ON r.source_id = h.source_id
WHERE r.source_id = $1

-- name: put_retention
-- $1 the source; $2 the versions that If-Match names, null for any; $3 months; $4 the action.
-- First column: created, replaced or stored (it said so already); hidden where the caller does not see the source,
-- forbidden where they are not its admin, stale.
WITH seen AS (
    SELECT
        s.id,
        s.id = ANY ((SELECT homelog.administered_sources())::uuid[]) AS may,
        $2::timestamptz[] IS NULL OR coalesce(r.updated_at = ANY ($2), false) AS fresh,
        coalesce((r.months, r.action) = ($3::integer, $4::retention_action), false) AS is_so,
        r.created_at, r.updated_at, r.created_by
    FROM data_sources AS s
    LEFT JOIN source_retentions AS r ON s.id = r.source_id
    WHERE s.id = $1
),

put AS (
    INSERT INTO source_retentions AS r (source_id, months, action)
    SELECT s.id, $3, $4
    FROM seen AS s
    WHERE s.may AND s.fresh AND NOT s.is_so
    ON CONFLICT (source_id) DO UPDATE SET months = excluded.months, action = excluded.action
        WHERE $2 IS NULL OR r.updated_at = ANY ($2)
    RETURNING r.source_id, r.created_at, r.updated_at, r.created_by, old.source_id IS NULL AS is_new
)

SELECT
    CASE
        WHEN s.id IS NULL THEN 'hidden'
        WHEN NOT s.may THEN 'forbidden'
        WHEN NOT s.fresh THEN 'stale'
        WHEN s.is_so THEN 'stored'
        WHEN p.source_id IS NULL THEN 'stale'
        WHEN p.is_new THEN 'created'
        ELSE 'replaced'
    END AS verdict,
    s.id AS source_id,
    $3 AS months,
    $4 AS action,
    h.thinned_until,
    CASE WHEN s.is_so THEN h.deleted_until END AS deleted_until,  -- It is lifted by what changes the retention.
    coalesce(p.created_at, s.created_at) AS created_at,
    coalesce(p.updated_at, s.updated_at) AS updated_at,
    CASE WHEN p.source_id IS NOT NULL THEN p.created_by ELSE s.created_by END AS created_by
FROM (VALUES ($1)) AS asked (id)
LEFT JOIN seen AS s ON s.id = asked.id
LEFT JOIN put AS p ON s.id = p.source_id
LEFT JOIN reading_horizons AS h ON s.id = h.source_id

-- name: delete_retention
-- $1 the source; $2 the versions that If-Match names, null for any.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT
        r.source_id,
        r.source_id = ANY ((SELECT homelog.administered_sources())::uuid[]) AS may,
        $2::timestamptz[] IS NULL OR r.updated_at = ANY ($2) AS fresh
    FROM source_retentions AS r
    WHERE r.source_id = $1
),

gone AS (
    DELETE FROM source_retentions AS r
    WHERE r.source_id = $1 AND ($2 IS NULL OR r.updated_at = ANY ($2))
    RETURNING r.source_id
)

SELECT s.may, s.fresh AND g.source_id IS NOT NULL AS fresh, g.source_id
FROM seen AS s
LEFT JOIN gone AS g ON s.source_id = g.source_id

-- name: export_retentions
-- As accounts:export_account, of the sources that the caller administers. After the readings, which may be older.
SELECT row_to_json(line)::text AS line
FROM source_retentions AS r
LEFT JOIN reading_horizons AS h ON r.source_id = h.source_id
CROSS JOIN LATERAL (
    SELECT
        'retention' AS type,
        concat('PUT /v1/sources/', r.source_id, '/retention') AS call,
        (SELECT row_to_json(b) FROM (SELECT r.months, r.action) AS b) AS body,
        (
            SELECT row_to_json(s)
            FROM (
                SELECT h.thinned_until, h.deleted_until, r.created_at, r.updated_at, r.created_by
            ) AS s
        ) AS server
) AS line
WHERE r.source_id = ANY ((SELECT homelog.administered_sources())::uuid[])
ORDER BY r.source_id

-- name: export_horizons
-- As export_retentions. To be read: no call moves a horizon, and what was thinned stays so when the retention goes.
SELECT row_to_json(line)::text AS line
FROM reading_horizons AS h
CROSS JOIN LATERAL (
    SELECT
        'horizon' AS type,
        NULL::text AS call,
        NULL::json AS body,
        (SELECT row_to_json(s) FROM (SELECT h.source_id, h.thinned_until, h.deleted_until) AS s) AS server
) AS line
WHERE h.source_id = ANY ((SELECT homelog.administered_sources())::uuid[])
ORDER BY h.source_id

-- name: export_thinned_hours
-- As export_retentions. To be read: the sums of hours whose readings are gone, which no reading makes again.
SELECT row_to_json(line)::text AS line
FROM reading_hours AS h
CROSS JOIN LATERAL (
    SELECT
        'thinned_hour' AS type,
        NULL::text AS call,
        NULL::json AS body,
        (
            SELECT row_to_json(s)
            FROM (
                SELECT
                    h.source_id, h.hour, h.count, h.min, h.max, h.sum, h.first_at, h.first_value, h.last_at, h.last_value,
                    h.drops
            ) AS s
        ) AS server
) AS line
WHERE h.source_id = ANY ((SELECT homelog.administered_sources())::uuid[]) AND h.is_thinned
ORDER BY h.source_id, h.hour
