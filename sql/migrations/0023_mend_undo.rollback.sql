-- Undoes 0023_mend_undo: the functions are as they were. Nothing is lost.

SET LOCAL ROLE homelog_owner;

CREATE OR REPLACE FUNCTION homelog.sense(plant plants, anew boolean) RETURNS plants
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    patience CONSTANT interval := plant.stale_after_hours * interval '1 hour';
    -- In decimals: 0.1 + 0.05 in binary is more than 0.15, and a sensor that says 0.15 would not do.
    wet_from CONSTANT double precision := least(plant.dry_below::numeric + 0.05, 1);
    newest   timestamptz;
    part     double precision;
    said     double precision;
    since    timestamptz;
    wet_at   timestamptz;
    dry_at   timestamptz;
BEGIN
    -- What is no share of anything is the sensor's fault and says nothing, here and below. Bad
    -- ones are said as a CASE: why, says service/series/queries.sql.
    SELECT homelog.moisture_part(s.unit) INTO part
    FROM data_sources AS s
    WHERE s.id = plant.moisture_source_id AND s.kind = 'gauge';
    SELECT r.timestamp, r.value INTO newest, said
    FROM latest_readings AS l
    CROSS JOIN LATERAL (
        SELECT w.timestamp, w.value
        FROM readings AS w
        WHERE w.source_id = l.source_id AND w.timestamp > l.timestamp - patience
          AND CASE w.quality_flag WHEN 'bad' THEN false ELSE true END AND w.value BETWEEN 0 AND part
        ORDER BY w.timestamp DESC
        LIMIT 1
    ) AS r
    WHERE l.source_id = plant.moisture_source_id;

    -- Of a source that was taken from the plant's owner they learn nothing more.
    IF anew OR newest IS NULL OR newest <= plant.moisture_at THEN
        plant.moisture_at := NULL;
        plant.dry_since := NULL;
    END IF;
    IF newest IS NULL OR NOT homelog.reads_source(plant.user_id, plant.moisture_source_id) THEN
        RETURN plant;
    END IF;

    -- All readings since the last time, not the newest alone: a sensor may tell a whole day at once.
    since := greatest(plant.moisture_at, plant.last_water, newest - patience);
    SELECT max(r.timestamp) INTO wet_at
    FROM readings AS r
    WHERE r.source_id = plant.moisture_source_id AND r.timestamp > since AND r.timestamp <= newest
      AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
      AND r.value BETWEEN 0 AND part AND r.value / part >= wet_from;
    SELECT min(r.timestamp) INTO dry_at
    FROM readings AS r
    WHERE r.source_id = plant.moisture_source_id AND r.timestamp > greatest(since, wet_at) AND r.timestamp <= newest
      AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
      AND r.value BETWEEN 0 AND part AND r.value / part < plant.dry_below;

    plant.dry_since := CASE WHEN wet_at IS NULL THEN coalesce(plant.dry_since, dry_at) ELSE dry_at END;
    plant.moisture := said / part;
    plant.moisture_at := newest;
    RETURN plant;
END
$$;

CREATE OR REPLACE FUNCTION homelog.tg__undo_watering() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    watered plants;
    later   care_events;
    -- What the undone watering made of last_water, and what it would be without it.
    made    timestamptz := greatest(OLD.before_last_water, OLD.at);
    due     timestamptz := OLD.before_last_water;
    newest  boolean := true;
    -- Only one that moved last_water on ended that the plant was put off.
    advanced CONSTANT boolean := OLD.at > coalesce(OLD.before_last_water, '-infinity');
BEGIN
    SELECT * INTO watered FROM plants WHERE id = OLD.plant_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;  -- It goes, and its care with it.
    END IF;

    -- The waterings after it were stored on top of it: the next one takes over what was before, so that they can be
    -- undone in any order. What somebody changed in between stands, and what was before that matters no more.
    FOR later IN
        SELECT * FROM care_events
        WHERE plant_id = OLD.plant_id AND before_version > OLD.before_version
        ORDER BY before_version
    LOOP
        UPDATE care_events
        SET before_last_water = CASE
                WHEN before_last_water IS NOT DISTINCT FROM made THEN due ELSE before_last_water
            END,
            before_moisture = CASE
                WHEN newest AND before_moisture = 1 THEN OLD.before_moisture ELSE before_moisture
            END,
            before_status = CASE
                WHEN newest AND before_status = 'watered' THEN OLD.before_status ELSE before_status
            END,
            before_snoozed_until = CASE
                WHEN newest AND advanced THEN coalesce(before_snoozed_until, OLD.before_snoozed_until)
                ELSE before_snoozed_until
            END
        WHERE id = later.id;
        newest := false;
        IF later.before_last_water IS DISTINCT FROM made THEN
            RETURN NULL;
        END IF;
        made := greatest(made, later.at);
        due := greatest(due, later.at);
        IF made = due THEN
            RETURN NULL;
        END IF;
    END LOOP;

    UPDATE plants
    SET last_water = CASE WHEN last_water = made THEN due ELSE last_water END,
        moisture = CASE WHEN newest AND moisture = 1 THEN OLD.before_moisture ELSE moisture END,
        status = CASE WHEN newest AND status = 'watered' THEN OLD.before_status ELSE status END,
        snoozed_until = CASE
            WHEN newest AND advanced THEN coalesce(snoozed_until, OLD.before_snoozed_until) ELSE snoozed_until
        END
    WHERE id = OLD.plant_id;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION homelog.tg__sense_plant() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN homelog.sense(NEW, true);
END
$$;
