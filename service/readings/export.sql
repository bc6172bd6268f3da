-- name: export_csv_newest_first
-- For COPY, so every parameter names its type. $1 the source; $2 from and $3 to, null for open; $4 the quality, null
-- for any. Times come as set_for_export has them written.
WITH known AS (SELECT $1::uuid = ANY (homelog.granted_sources()) AS so)

SELECT
    r.id, r.timestamp, r.value, r.quality_flag,
    CASE WHEN (SELECT k.so FROM known AS k) THEN r.notes END AS notes
FROM readings AS r
WHERE r.source_id = $1
  AND r.timestamp >= greatest($2::timestamptz, '-infinity')
  AND r.timestamp < least($3::timestamptz, 'infinity')
  AND ($4::quality_flag IS NULL OR r.quality_flag = $4)
ORDER BY r.timestamp DESC

-- name: export_csv_oldest_first
-- As export_csv_newest_first, the other way round.
WITH known AS (SELECT $1::uuid = ANY (homelog.granted_sources()) AS so)

SELECT
    r.id, r.timestamp, r.value, r.quality_flag,
    CASE WHEN (SELECT k.so FROM known AS k) THEN r.notes END AS notes
FROM readings AS r
WHERE r.source_id = $1
  AND r.timestamp >= greatest($2::timestamptz, '-infinity')
  AND r.timestamp < least($3::timestamptz, 'infinity')
  AND ($4::quality_flag IS NULL OR r.quality_flag = $4)
ORDER BY r.timestamp

-- name: export_ndjson_newest_first
-- As export_csv_newest_first, each row as the API's JSON.
WITH known AS (SELECT $1::uuid = ANY (homelog.granted_sources()) AS so)

SELECT row_to_json(e)::text AS line
FROM readings AS r
CROSS JOIN LATERAL (
    SELECT
        r.id, r.source_id, r.value, r.timestamp, r.recorded_at,
        CASE WHEN (SELECT k.so FROM known AS k) THEN r.recorded_by END AS recorded_by,
        r.quality_flag,
        CASE WHEN (SELECT k.so FROM known AS k) THEN r.notes END AS notes,
        CASE WHEN (SELECT k.so FROM known AS k) THEN r.metadata END AS metadata,
        r.updated_at
) AS e
WHERE r.source_id = $1
  AND r.timestamp >= greatest($2::timestamptz, '-infinity')
  AND r.timestamp < least($3::timestamptz, 'infinity')
  AND ($4::quality_flag IS NULL OR r.quality_flag = $4)
ORDER BY r.timestamp DESC

-- name: export_ndjson_oldest_first
-- As export_ndjson_newest_first, the other way round: $1, $2, $3 and $4 are those of export_csv_newest_first.
WITH known AS (SELECT $1::uuid = ANY (homelog.granted_sources()) AS so)

SELECT row_to_json(e)::text AS line
FROM readings AS r
CROSS JOIN LATERAL (
    SELECT
        r.id, r.source_id, r.value, r.timestamp, r.recorded_at,
        CASE WHEN (SELECT k.so FROM known AS k) THEN r.recorded_by END AS recorded_by,
        r.quality_flag,
        CASE WHEN (SELECT k.so FROM known AS k) THEN r.notes END AS notes,
        CASE WHEN (SELECT k.so FROM known AS k) THEN r.metadata END AS metadata,
        r.updated_at
) AS e
WHERE r.source_id = $1
  AND r.timestamp >= greatest($2::timestamptz, '-infinity')
  AND r.timestamp < least($3::timestamptz, 'infinity')
  AND ($4::quality_flag IS NULL OR r.quality_flag = $4)
ORDER BY r.timestamp

-- name: export_readings
-- As accounts:export_account, of the sources that the caller administers, in the order of the key.
SELECT row_to_json(line)::text AS line
FROM readings AS r
CROSS JOIN LATERAL (
    SELECT
        'reading' AS type,
        'POST /v1/readings' AS call,
        (
            SELECT row_to_json(b)
            FROM (SELECT r.id, r.source_id, r.timestamp, r.value, r.quality_flag, r.notes, r.metadata) AS b
        ) AS body,
        (SELECT row_to_json(s) FROM (SELECT r.recorded_at, r.recorded_by, r.updated_at) AS s) AS server
) AS line
WHERE r.source_id = ANY ((SELECT homelog.administered_sources())::uuid[])
ORDER BY r.source_id, r.timestamp
