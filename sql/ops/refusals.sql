-- What was refused in the last day, and to whom most: sign-ins that failed or had to wait, and access that was denied.
SELECT
    l.event_type,
    l.details ->> 'reason' AS reason,
    l.user_id,
    count(*) AS times,
    max(l.event_time) AS last
FROM audit_logs AS l
WHERE l.event_time > now() - interval '1 day'
  AND l.event_type IN (
      'access_denied', 'login_failed', 'login_refused', 'refresh_reused', 'change_password_refused'
  )
GROUP BY l.event_type, reason, l.user_id
ORDER BY times DESC
LIMIT 50;
