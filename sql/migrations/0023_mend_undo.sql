-- Undoing a watering lost that the plant was put off where a later watering had taken its place, and wrote what moisture
-- was before over what the sensor had said since. A plant stayed dry by a reading that had been corrected or deleted; and
-- one that was judged anew forgot that it had turned dry more than a day before. A watering that is told late, older than
-- the last, changes history alone now: the service no longer lets it set moisture and status, and undoing another one
-- replays it. Mends of three functions; no row changes.
-- depends: 0022_link_calendars

SET LOCAL ROLE homelog_owner;

CREATE OR REPLACE FUNCTION homelog.tg__undo_watering() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    plant     plants;
    sensed    plants;
    later     care_events;
    -- What the plant was after the undone watering, and what it would have been without it.
    last_was  timestamptz := greatest(OLD.before_last_water, OLD.at);
    last_is   timestamptz := OLD.before_last_water;
    wet_was   double precision := 1;
    wet_is    double precision := OLD.before_moisture;
    state_was plantstatus := 'watered';
    state_is  plantstatus := OLD.before_status;
    -- Until when the plant was put off, if it was this watering that ended it: one that moves last_water on does.
    put_off   date := CASE WHEN OLD.at > coalesce(OLD.before_last_water, '-infinity') THEN OLD.before_snoozed_until END;
BEGIN
    SELECT * INTO plant FROM plants WHERE id = OLD.plant_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;  -- It goes, and its care with it.
    END IF;
    IF OLD.at < OLD.before_last_water THEN
        RETURN NULL;  -- It was told late and has changed nothing.
    END IF;

    -- The waterings after it were stored on top of it: each takes over what would have been before it, so that they can be
    -- undone in any order, and is replayed upon that. What somebody changed in between stands, and what was before that
    -- matters no more.
    FOR later IN
        SELECT * FROM care_events
        WHERE plant_id = OLD.plant_id AND before_version > OLD.before_version
        ORDER BY before_version
    LOOP
        IF later.before_last_water IS DISTINCT FROM last_was THEN
            last_was := later.before_last_water;
            last_is := later.before_last_water;
            put_off := NULL;
        END IF;
        IF later.before_moisture <> wet_was THEN
            wet_is := later.before_moisture;
        END IF;
        IF later.before_status <> state_was THEN
            state_is := later.before_status;
        END IF;
        UPDATE care_events
        SET before_last_water = last_is,
            before_moisture = wet_is,
            before_status = state_is,
            -- The next one that moves last_water on ends that it was put off. One that does only now ends nothing that
            -- was put off since: that stands, or a later one ended it.
            before_snoozed_until = CASE
                WHEN at <= last_is THEN before_snoozed_until
                WHEN last_was IS NULL OR at > last_was THEN coalesce(before_snoozed_until, put_off)
                WHEN before_snoozed_until IS NULL THEN put_off
            END
        WHERE id = later.id;
        IF later.before_snoozed_until IS NOT NULL OR later.at > coalesce(last_is, '-infinity') THEN
            put_off := NULL;
        END IF;
        IF later.at >= coalesce(last_was, '-infinity') THEN
            wet_was := 1;
            state_was := 'watered';
        ELSE
            wet_was := later.before_moisture;
            state_was := later.before_status;
        END IF;
        IF later.at >= coalesce(last_is, '-infinity') THEN
            wet_is := 1;
            state_is := 'watered';
        END IF;
        last_was := greatest(last_was, later.at);
        last_is := greatest(last_is, later.at);
        IF (last_was, wet_was, state_was) IS NOT DISTINCT FROM (last_is, wet_is, state_is) THEN
            RETURN NULL;
        END IF;
    END LOOP;

    IF plant.last_water IS NOT DISTINCT FROM last_was THEN
        plant.last_water := last_is;
    ELSE
        put_off := NULL;
    END IF;
    IF plant.moisture = wet_was AND (wet_was = 1 OR wet_is = 1)
       AND (last_was, wet_was) IS DISTINCT FROM (last_is, wet_is) THEN
        plant.moisture := wet_is;
        -- What the sensor said since the watering that is the latest now came after what was before.
        IF plant.moisture_source_id IS NOT NULL THEN
            sensed := homelog.sense(plant, true);
            IF sensed.moisture_at > coalesce(plant.last_water, '-infinity') THEN
                plant.moisture := sensed.moisture;
            END IF;
        END IF;
    END IF;
    UPDATE plants
    SET last_water = plant.last_water,
        moisture = plant.moisture,
        status = CASE WHEN status = state_was THEN state_is ELSE status END,
        snoozed_until = coalesce(snoozed_until, put_off)
    WHERE id = OLD.plant_id;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION homelog.sense(plant plants, anew boolean) RETURNS plants
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    patience CONSTANT interval := plant.stale_after_hours * interval '1 hour';
    -- How far back the soil's story is read: longer than a plant goes without water and a sensor without a word.
    memory   CONSTANT interval := greatest(patience, interval '31 days');
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

    -- Of a source that was taken from the plant's owner they learn nothing more. The reading with which the soil turned dry
    -- may have been corrected since, or deleted.
    IF anew OR newest IS NULL OR newest <= plant.moisture_at
       OR (plant.dry_since IS NOT NULL AND NOT EXISTS (
           SELECT FROM readings AS r
           WHERE r.source_id = plant.moisture_source_id AND r.timestamp = plant.dry_since
             AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
             AND r.value BETWEEN 0 AND part AND r.value / part < plant.dry_below
       )) THEN
        plant.moisture_at := NULL;
        plant.dry_since := NULL;
    END IF;
    IF newest IS NULL OR NOT homelog.reads_source(plant.user_id, plant.moisture_source_id) THEN
        RETURN plant;
    END IF;

    -- All readings since the last time, not the newest alone: a sensor may tell a whole day at once.
    since := greatest(plant.moisture_at, plant.last_water, newest - memory);
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

CREATE OR REPLACE FUNCTION homelog.tg__sense_plant() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    sensed CONSTANT plants := homelog.sense(NEW, true);
BEGIN
    -- Where a watering was taken back and an earlier one stands, what was read before that is of drier soil.
    IF TG_OP = 'INSERT'
       OR (OLD.moisture_source_id, OLD.dry_below, OLD.stale_after_hours)
       IS DISTINCT FROM (NEW.moisture_source_id, NEW.dry_below, NEW.stale_after_hours)
       OR sensed.moisture_at > coalesce(NEW.last_water, '-infinity') THEN
        NEW.moisture := sensed.moisture;
    END IF;
    NEW.moisture_at := sensed.moisture_at;
    NEW.dry_since := sensed.dry_since;
    RETURN NEW;
END
$$;
