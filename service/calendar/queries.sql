-- Calendar links, whose keys come as digests that nothing here reads back, and the plants that they show.

-- name: get_calendar_link
SELECT l.created_at
FROM calendar_links AS l
WHERE l.user_id = homelog.current_user_id()

-- name: create_calendar_link
-- $1 the digest of its key. Of two that come at once the later one stays.
INSERT INTO calendar_links (key_hash)
VALUES ($1)
ON CONFLICT (user_id) DO UPDATE SET key_hash = $1
RETURNING created_at

-- name: delete_calendar_link
-- $1 the versions that If-Match names, null for any.
-- First columns: whether the caller may, whether the version holds.
WITH seen AS (
    SELECT l.user_id, $1::timestamptz[] IS NULL OR l.created_at = ANY ($1) AS fresh
    FROM calendar_links AS l
    WHERE l.user_id = homelog.current_user_id()
),

gone AS (
    DELETE FROM calendar_links AS l
    WHERE l.user_id = homelog.current_user_id() AND ($1 IS NULL OR l.created_at = ANY ($1))
    RETURNING l.user_id, l.created_at
)

SELECT true AS may, s.fresh AND g.user_id IS NOT NULL AS fresh, g.created_at
FROM seen AS s
LEFT JOIN gone AS g ON g.user_id = s.user_id

-- name: act_by_calendar_key
-- $1 the digest of the key. No row where there is no such link or its account is not active.
SELECT k.user_id
FROM homelog.act_by_calendar_key($1) AS k (user_id)
WHERE k.user_id IS NOT NULL

-- name: list_waterings
-- $1 how many rows. Each plant once, on the day that it wants water, by its home's calendar; what is overdue or was
-- never watered on today. What stands on today has changed when the day began: that it does, and what a sensor says,
-- is no new version of the plant. What rests, or is wet by its sensor, wants none. One's own come first: nobody who takes
-- one into a home crowds them out.
SELECT
    p.id AS plant_id,
    p.name,
    p.room,
    h.name AS home,
    shown.due_on,
    greatest(shown.due_on, today.day) AS day,
    greatest(
        p.updated_at,
        h.updated_at,
        CASE WHEN shown.due_on > today.day THEN NULL ELSE today.day::timestamp AT TIME ZONE today.zone END
    ) AS modified
FROM plants AS p
LEFT JOIN homes AS h ON p.home_id = h.id
CROSS JOIN LATERAL homelog.shown_plant(p, h.timezone, now()) AS shown
CROSS JOIN LATERAL (
    SELECT homelog.local_date(now(), z.zone) AS day, z.zone
    FROM (VALUES (homelog.plant_zone(p.home_id, h.timezone))) AS z (zone)
) AS today
WHERE p.status <> 'resting'
  AND (shown.due_on IS NOT NULL OR shown.sensor IS DISTINCT FROM 'fresh')
ORDER BY p.user_id <> (SELECT homelog.current_user_id()), day, plant_id
LIMIT $1

-- name: export_calendar_link
-- As accounts:export_account: that there is a link, whose key nobody can read out.
SELECT row_to_json(line)::text AS line
FROM calendar_links AS l
CROSS JOIN LATERAL (
    SELECT
        'calendar_link' AS type,
        NULL::text AS call,
        NULL::json AS body,
        (SELECT row_to_json(s) FROM (SELECT l.created_at) AS s) AS server
) AS line
WHERE l.user_id = homelog.current_user_id()
