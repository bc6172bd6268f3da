-- The last runs of maintenance, of all processes: what each removed or caught up with, by task. Null is a task that
-- failed, and the service's log says why; without an end the process went first.
SELECT
    r.began_at,
    r.ended_at - r.began_at AS took,
    r.done,
    (SELECT count(*) FROM stale_days) AS sources_still_stale,
    (SELECT count(*) FROM source_retentions) AS sources_with_retention
FROM maintenance_runs AS r
ORDER BY r.began_at DESC
LIMIT 20;
