-- name: see_rules
-- $1 the source: 404 for a caller who does not see it, 403 for one to whom it is only public.
SELECT s.id = ANY ((SELECT homelog.granted_sources())::uuid[]) AS may, TRUE AS fresh, s.id
FROM data_sources AS s
WHERE s.id = $1

-- name: list_validators
-- $1 the source; $2 the last id of the page before, null for the first page; $3 how many rows.
SELECT
    v.id, v.source_id, v.min_value, v.max_value, v.non_decreasing, v.max_rate, v.action, v.created_at, v.updated_at,
    v.created_by
FROM data_validators AS v
WHERE v.source_id = $1 AND ($2::uuid IS NULL OR v.id > $2)
ORDER BY v.id
LIMIT $3

-- name: get_validator
-- $1 the source; $2 the validator.
SELECT
    v.id, v.source_id, v.min_value, v.max_value, v.non_decreasing, v.max_rate, v.action, v.created_at, v.updated_at,
    v.created_by
FROM data_validators AS v
WHERE v.source_id = $1 AND v.id = $2

-- name: create_validator
-- $1 the source; $2 the id, null to make one; $3 min_value; $4 max_value; $5 non_decreasing; $6 max_rate; $7 action.
-- First column: created, stored or conflict; hidden where the caller does not see the source, forbidden where they are
-- not its admin; again where the id was taken while this waited.
WITH seen AS (
    SELECT s.id, s.id = ANY ((SELECT homelog.administered_sources())::uuid[]) AS may
    FROM data_sources AS s
    WHERE s.id = $1
),

made AS (
    INSERT INTO data_validators (id, source_id, min_value, max_value, non_decreasing, max_rate, action)
    SELECT coalesce($2::uuid, uuidv7()), s.id, $3, $4, $5, $6, $7
    FROM seen AS s
    WHERE s.may
    ON CONFLICT (source_id, id) DO NOTHING
    RETURNING
        id, source_id, min_value, max_value, non_decreasing, max_rate, action, created_at, updated_at, created_by
),

known AS (
    SELECT
        v.id, v.source_id, v.min_value, v.max_value, v.non_decreasing, v.max_rate, v.action, v.created_at, v.updated_at,
        v.created_by
    FROM data_validators AS v
    WHERE v.source_id = $1 AND v.id = $2
)

SELECT
    CASE
        WHEN s.id IS NULL THEN 'hidden'
        WHEN NOT s.may THEN 'forbidden'
        WHEN m.id IS NOT NULL THEN 'created'
        WHEN k.id IS NULL THEN 'again'
        WHEN
            k.created_by = homelog.current_user_id()
            AND (k.min_value, k.max_value, k.non_decreasing, k.max_rate, k.action)
            IS NOT DISTINCT FROM ($3, $4, $5, $6, $7)
            THEN 'stored'
        ELSE 'conflict'
    END AS verdict,
    coalesce(m.id, k.id) AS id,
    coalesce(m.source_id, k.source_id) AS source_id,
    coalesce(m.min_value, k.min_value) AS min_value,
    coalesce(m.max_value, k.max_value) AS max_value,
    coalesce(m.non_decreasing, k.non_decreasing) AS non_decreasing,
    coalesce(m.max_rate, k.max_rate) AS max_rate,
    coalesce(m.action, k.action) AS action,
    coalesce(m.created_at, k.created_at) AS created_at,
    coalesce(m.updated_at, k.updated_at) AS updated_at,
    coalesce(m.created_by, k.created_by) AS created_by
FROM (VALUES ($1)) AS asked (id)
LEFT JOIN seen AS s ON s.id = asked.id
LEFT JOIN made AS m ON TRUE
LEFT JOIN known AS k ON m.id IS NULL

-- name: change_validator
-- $1 the source; $2 the validator; $3 the versions that If-Match names, null for any; $4 the fields to change.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT
        v.id,
        v.source_id = ANY ((SELECT homelog.administered_sources())::uuid[]) AS may,
        $3::timestamptz[] IS NULL OR v.updated_at = ANY ($3) AS fresh
    FROM data_validators AS v
    WHERE v.source_id = $1 AND v.id = $2
),

changed AS (
    UPDATE data_validators AS v
    SET
        min_value = CASE WHEN $4::jsonb ? 'min_value' THEN ($4 ->> 'min_value')::double precision ELSE v.min_value END,
        max_value = CASE WHEN $4 ? 'max_value' THEN ($4 ->> 'max_value')::double precision ELSE v.max_value END,
        non_decreasing = CASE
            WHEN $4 ? 'non_decreasing' THEN ($4 ->> 'non_decreasing')::boolean ELSE v.non_decreasing
        END,
        max_rate = CASE WHEN $4 ? 'max_rate' THEN ($4 ->> 'max_rate')::double precision ELSE v.max_rate END,
        action = CASE WHEN $4 ? 'action' THEN ($4 ->> 'action')::validator_action ELSE v.action END
    WHERE v.source_id = $1 AND v.id = $2 AND ($3 IS NULL OR v.updated_at = ANY ($3))
    RETURNING
        v.id, v.source_id, v.min_value, v.max_value, v.non_decreasing, v.max_rate, v.action, v.created_at,
        v.updated_at, v.created_by
)

SELECT
    s.may,
    s.fresh AND c.id IS NOT NULL AS fresh,
    c.id, c.source_id, c.min_value, c.max_value, c.non_decreasing, c.max_rate, c.action, c.created_at, c.updated_at,
    c.created_by
FROM seen AS s
LEFT JOIN changed AS c ON c.id = s.id

-- name: delete_validator
-- $1 the source; $2 the validator; $3 the versions that If-Match names, null for any.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT
        v.id,
        v.source_id = ANY ((SELECT homelog.administered_sources())::uuid[]) AS may,
        $3::timestamptz[] IS NULL OR v.updated_at = ANY ($3) AS fresh
    FROM data_validators AS v
    WHERE v.source_id = $1 AND v.id = $2
),

gone AS (
    DELETE FROM data_validators AS v
    WHERE v.source_id = $1 AND v.id = $2 AND ($3 IS NULL OR v.updated_at = ANY ($3))
    RETURNING v.id
)

SELECT s.may, s.fresh AND g.id IS NOT NULL AS fresh, g.id
FROM seen AS s
LEFT JOIN gone AS g ON g.id = s.id

-- name: check_history
-- $1 the source; $2 min_value; $3 max_value; $4 non_decreasing; $5 max_rate; $6 from and $7 to, null for open; $8 how
-- many violations are shown.
SELECT
    h.checked, h.min_value, h.max_value, h.non_decreasing, h.max_rate,
    h.ids, h.timestamps, h.vals, h.rules, h.details
FROM homelog.judge_history(
    $1,
    row($2::double precision, $3::double precision, $4::boolean, $5::double precision)::validator_rules,
    $6::timestamptz, $7::timestamptz, $8
) AS h

-- name: export_validators
-- As accounts:export_account, of the sources that the caller administers. After the readings: rules that are younger
-- would refuse some.
SELECT row_to_json(line)::text AS line
FROM data_validators AS v
CROSS JOIN LATERAL (
    SELECT
        'validator' AS type,
        concat('POST /v1/sources/', v.source_id, '/validators') AS call,
        (
            SELECT row_to_json(b)
            FROM (SELECT v.id, v.min_value, v.max_value, v.non_decreasing, v.max_rate, v.action) AS b
        ) AS body,
        (SELECT row_to_json(s) FROM (SELECT v.created_at, v.updated_at, v.created_by) AS s) AS server
) AS line
WHERE v.source_id = ANY ((SELECT homelog.administered_sources())::uuid[])
ORDER BY v.source_id, v.id
