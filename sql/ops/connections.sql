-- Connections by role, program and state, with how many the server grants in all.
SELECT
    a.usename AS role,
    a.application_name AS program,
    a.state,
    count(*) AS connections,
    max(now() - a.state_change) AS longest_in_state,
    current_setting('max_connections')::integer AS max_connections
FROM pg_stat_activity AS a
WHERE a.backend_type = 'client backend'
GROUP BY a.usename, a.application_name, a.state
ORDER BY connections DESC;
