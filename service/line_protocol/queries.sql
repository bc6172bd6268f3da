-- Mappings of series to sources. A series' text is told in one way only, so it is compared as it stands.

-- name: list_line_mappings
-- $1 the last id of the page before, null for the first page; $2 how many rows.
SELECT m.id, m.series, m.source_id, m.created_at, m.updated_at
FROM line_protocol_sources AS m
WHERE m.user_id = homelog.current_user_id() AND ($1::uuid IS NULL OR m.id > $1)
ORDER BY m.id
LIMIT $2

-- name: get_line_mapping
-- $1 the mapping.
SELECT m.id, m.series, m.source_id, m.created_at, m.updated_at
FROM line_protocol_sources AS m
WHERE m.user_id = homelog.current_user_id() AND m.id = $1

-- name: put_line_mapping
-- $1 the series; $2 the source, null for none. First column: created or replaced. A source that was made for it is no
-- more counted among those, once the user has said where the series goes.
WITH put AS (
    INSERT INTO line_protocol_sources AS m (series, source_id)
    VALUES ($1, $2)
    ON CONFLICT (user_id, series) DO UPDATE
        SET source_id = excluded.source_id, is_made = m.is_made AND m.source_id IS NOT DISTINCT FROM excluded.source_id
    RETURNING m.id, m.series, m.source_id, m.created_at, m.updated_at, old.id IS NULL AS is_new
)

SELECT
    CASE WHEN p.is_new THEN 'created' ELSE 'replaced' END AS verdict,
    p.id, p.series, p.source_id, p.created_at, p.updated_at
FROM put AS p

-- name: delete_line_mapping
-- $1 the mapping; $2 the versions that If-Match names, null for any.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT m.id, $2::timestamptz[] IS NULL OR m.updated_at = ANY ($2) AS fresh
    FROM line_protocol_sources AS m
    WHERE m.user_id = homelog.current_user_id() AND m.id = $1
),

gone AS (
    DELETE FROM line_protocol_sources AS m
    WHERE m.user_id = homelog.current_user_id() AND m.id = $1 AND ($2 IS NULL OR m.updated_at = ANY ($2))
    RETURNING m.id
)

SELECT true AS may, s.fresh AND g.id IS NOT NULL AS fresh, g.id
FROM seen AS s
LEFT JOIN gone AS g ON g.id = s.id

-- name: find_mapped_series
-- $1 the series of a write. Those that are mapped, and to what.
SELECT m.series, m.source_id
FROM line_protocol_sources AS m
WHERE m.user_id = homelog.current_user_id() AND m.series = ANY ($1::text[])

-- name: make_sources_of_lines
-- $1 the series that are not mapped, as a JSON array with name, source_type and unit of the source to make; $2 how many
-- sources may be made so. Those that are mapped now.
SELECT m.series, m.source_id
FROM homelog.make_sources_of_lines($1::jsonb, $2) AS m

-- name: export_line_mappings
-- As accounts:export_account, the caller's own. One to a source that does not come along can only be read.
SELECT row_to_json(line)::text AS line
FROM line_protocol_sources AS m
CROSS JOIN LATERAL (
    SELECT m.source_id IS NULL OR m.source_id = ANY ((SELECT homelog.administered_sources())::uuid[]) AS comes_along
) AS source
CROSS JOIN LATERAL (
    SELECT
        'line_mapping' AS type,
        CASE WHEN source.comes_along THEN 'PUT /v1/me/line-mappings' END AS call,
        (SELECT row_to_json(b) FROM (SELECT m.series, m.source_id) AS b) AS body,
        (SELECT row_to_json(s) FROM (SELECT m.id, m.is_made, m.created_at, m.updated_at) AS s) AS server
) AS line
WHERE m.user_id = homelog.current_user_id()
ORDER BY m.id
