-- The sums of days go; applying it again makes them anew from the readings.

SET LOCAL ROLE homelog_owner;

DROP TRIGGER _500_rebuild_days ON data_sources;
DROP FUNCTION homelog.tg__rebuild_days();

CREATE OR REPLACE FUNCTION homelog.tg__roll_up() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    sources  uuid[];
    hours    timestamptz[];
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM reading_hours;
        RETURN NULL;
    END IF;

    IF TG_OP = 'UPDATE' THEN
        -- What began to count, no longer counts, or counts otherwise: notes and names change nothing here.
        SELECT array_agg(t.source_id), array_agg(t.hour) INTO sources, hours
        FROM (
            SELECT DISTINCT c.source_id, homelog.hour_of(c.timestamp) AS hour
            FROM (
                (
                    SELECT o.source_id, o.timestamp, o.value FROM old_rows AS o WHERE o.quality_flag <> 'bad'
                    EXCEPT
                    SELECT n.source_id, n.timestamp, n.value FROM new_rows AS n WHERE n.quality_flag <> 'bad'
                )
                UNION ALL
                (
                    SELECT n.source_id, n.timestamp, n.value FROM new_rows AS n WHERE n.quality_flag <> 'bad'
                    EXCEPT
                    SELECT o.source_id, o.timestamp, o.value FROM old_rows AS o WHERE o.quality_flag <> 'bad'
                )
            ) AS c
        ) AS t;
    ELSE
        -- Hours of a source that is gone went with it.
        WITH t AS MATERIALIZED (
            SELECT DISTINCT o.source_id, homelog.hour_of(o.timestamp) AS hour
            FROM old_rows AS o
            WHERE o.quality_flag <> 'bad'
        )

        SELECT array_agg(t.source_id), array_agg(t.hour) INTO sources, hours
        FROM t
        WHERE EXISTS (SELECT FROM data_sources AS s WHERE s.id = t.source_id);
    END IF;
    PERFORM homelog.sum_up_hours(sources, hours);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__roll_up() IS
    'Keeps reading_hours in step with readings that are corrected or removed.';

CREATE OR REPLACE FUNCTION homelog.tg__roll_up_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    sent     integer;
    logged   readings;
    hour_in  timestamptz;
    sources  uuid[];
    hours    timestamptz[];
BEGIN
    SELECT count(*) INTO sent FROM (SELECT FROM new_rows LIMIT 2) AS n;
    IF sent = 0 THEN
        RETURN NULL;
    END IF;

    IF sent = 1 THEN
        SELECT * INTO logged FROM new_rows;
        IF logged.quality_flag = 'bad' THEN
            RETURN NULL;
        END IF;
        PERFORM homelog.take_turns(ARRAY[logged.source_id]);

        -- The commonest of all, one reading after the others of its hour: reads none of them.
        hour_in := homelog.hour_of(logged.timestamp);
        UPDATE reading_hours AS h
        SET count = h.count + 1,
            min = least(h.min, logged.value),
            max = greatest(h.max, logged.value),
            sum = h.sum + logged.value,
            last_at = logged.timestamp,
            last_value = logged.value,
            drops = h.drops + (logged.value < h.last_value)::integer
        WHERE h.source_id = logged.source_id AND h.hour = hour_in
          AND h.last_at < logged.timestamp AND abs(logged.value) < 1e290;
        IF FOUND THEN
            RETURN NULL;
        END IF;

        -- Next, one that leaves its hour as sparse as it was.
        PERFORM FROM readings AS r
        WHERE r.source_id = logged.source_id AND r.quality_flag <> 'bad'
          AND r.timestamp >= hour_in AND r.timestamp < hour_in + interval '1 hour'
        OFFSET 9 LIMIT 1;
        IF FOUND THEN
            PERFORM homelog.sum_up_hours(ARRAY[logged.source_id], ARRAY[hour_in]);
        END IF;
        RETURN NULL;
    END IF;

    SELECT array_agg(t.source_id), array_agg(t.hour) INTO sources, hours
    FROM (
        SELECT DISTINCT n.source_id, homelog.hour_of(n.timestamp) AS hour
        FROM new_rows AS n
        WHERE n.quality_flag <> 'bad'
    ) AS t;
    PERFORM homelog.sum_up_hours(sources, hours);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__roll_up_insert() IS 'Keeps reading_hours in step with readings that are logged.';

CREATE OR REPLACE FUNCTION homelog.rebuild_hours(source uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    hours timestamptz[];
BEGIN
    PERFORM homelog.take_turns(ARRAY[source]);

    DELETE FROM reading_hours AS h WHERE h.source_id = source;
    SELECT coalesce(array_agg(dense.hour), '{}') INTO hours
    FROM (
        SELECT homelog.hour_of(r.timestamp) AS hour
        FROM readings AS r
        WHERE r.source_id = source AND r.quality_flag <> 'bad'
        GROUP BY 1
        HAVING count(*) >= 10
    ) AS dense;
    PERFORM homelog.sum_up_hours(array_fill(source, ARRAY[cardinality(hours)]), hours);
END
$$;
COMMENT ON FUNCTION homelog.rebuild_hours(uuid) IS
    'Sums up all hours of a source anew: for operators, after readings were changed with triggers off. Writers to the '
    'source wait meanwhile.';

DROP FUNCTION homelog.rebuild_days(uuid);
DROP FUNCTION homelog.sum_up_days(uuid[], timestamptz[]);
DROP FUNCTION homelog.day_after(timestamptz, text);
DROP FUNCTION homelog.day_of(timestamptz, text);
DROP TABLE reading_days;
