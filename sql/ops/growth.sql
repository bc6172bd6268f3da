-- Who logs how much: readings by source in the last 30 days, as the audit log counts them, and for how long each keeps
-- them. A batch is one row of it.
SELECT
    l.source_id,
    s.name,
    s.source_type,
    sum(coalesce((l.details ->> 'count')::bigint, 1)) AS readings_in_30_days,
    r.months AS kept_for_months,
    r.action
FROM audit_logs AS l
LEFT JOIN data_sources AS s ON l.source_id = s.id
LEFT JOIN source_retentions AS r ON l.source_id = r.source_id
WHERE l.event_type = 'create_entry' AND l.event_time > now() - interval '30 days'
GROUP BY l.source_id, s.name, s.source_type, r.months, r.action
ORDER BY readings_in_30_days DESC
LIMIT 50;
