-- What a request may do with the source that it names cost more for a person with many: joined, the generic plan of
-- reach() read every grant of the caller to find the one. As a probe it finds one row of the key.
-- depends: 0011_create_device_tokens

SET LOCAL ROLE homelog_owner;

CREATE OR REPLACE FUNCTION homelog.reach(caller uuid, named uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    readable     uuid[];
    granted      uuid[];
    writable     uuid[];
    administered uuid[];
BEGIN
    IF named IS NULL THEN
        SELECT array_agg(a.source_id),
               array_agg(a.source_id),
               array_agg(a.source_id) FILTER (WHERE a.access_level >= 'write'),
               array_agg(a.source_id) FILTER (WHERE a.access_level = 'admin')
        INTO readable, granted, writable, administered
        FROM user_source_access AS a
        WHERE a.user_id = caller;
    ELSIF cardinality(named) > 0 THEN
        SELECT array_agg(s.id),
               array_agg(s.id) FILTER (WHERE a.access_level IS NOT NULL),
               array_agg(s.id) FILTER (WHERE a.access_level >= 'write'),
               array_agg(s.id) FILTER (WHERE a.access_level = 'admin')
        INTO readable, granted, writable, administered
        FROM data_sources AS s
        LEFT JOIN LATERAL (
            SELECT g.access_level
            FROM user_source_access AS g
            WHERE g.source_id = s.id AND g.user_id = caller
            LIMIT 1
        ) AS a ON true
        WHERE s.id = ANY (named) AND (s.is_public OR a.access_level IS NOT NULL);
    END IF;

    -- All four every time: what an earlier call in this transaction set must not stay.
    PERFORM set_config('homelog.readable', coalesce(readable::text, ''), true),
            set_config('homelog.granted', coalesce(granted::text, ''), true),
            set_config('homelog.writable', coalesce(writable::text, ''), true),
            set_config('homelog.administered', coalesce(administered::text, ''), true);
END
$$;
