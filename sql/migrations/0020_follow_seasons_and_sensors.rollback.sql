-- Undoes 0020_follow_seasons_and_sensors. Seasons, what was put off, and which sensor is in which pot are lost.

SET LOCAL ROLE homelog_owner;

DROP TRIGGER _500_sense_otherwise ON data_sources;
DROP TRIGGER _900_audit_delete ON plants;
DROP TRIGGER _900_audit_update ON plants;
DROP TRIGGER _900_audit_insert ON plants;
DROP TRIGGER _100_touch_updated_at ON plants;
DROP TRIGGER _060_sense_update ON plants;
DROP TRIGGER _060_sense_insert ON plants;
DROP TRIGGER _055_note_watering ON plants;
DROP TRIGGER _053_limit_followers_update ON plants;
DROP TRIGGER _053_limit_followers_insert ON plants;
DROP TRIGGER _052_check_moisture_source_update ON plants;
DROP TRIGGER _052_check_moisture_source_insert ON plants;
CREATE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON plants
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE TRIGGER _900_audit
    AFTER INSERT OR UPDATE OR DELETE ON plants
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_plant', 'update_plant', 'delete_plant', '', 'values');

-- Planned once a connection, and by the key even if that was when the tables were nearly empty.
CREATE OR REPLACE FUNCTION homelog.refresh_latest_readings(sources uuid[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
    written bigint;
BEGIN
    PERFORM homelog.take_turns(sources);

    INSERT INTO latest_readings AS l (source_id, id, timestamp, value, quality_flag)
    SELECT s.source_id, r.id, r.timestamp, r.value, r.quality_flag
    FROM unnest(sources) AS s (source_id)
    CROSS JOIN LATERAL (
        SELECT w.id, w.timestamp, w.value, w.quality_flag
        FROM readings AS w
        WHERE w.source_id = s.source_id
        ORDER BY w.timestamp DESC
        LIMIT 1
    ) AS r
    ON CONFLICT (source_id) DO UPDATE
        SET
            id = excluded.id,
            timestamp = excluded.timestamp,
            value = excluded.value,
            quality_flag = excluded.quality_flag
        WHERE (l.id, l.timestamp, l.value, l.quality_flag)
              IS DISTINCT FROM (excluded.id, excluded.timestamp, excluded.value, excluded.quality_flag);
    GET DIAGNOSTICS written = ROW_COUNT;

    -- Of the others the latest reading stayed, or the last one went.
    IF written < cardinality(sources) THEN
        DELETE FROM latest_readings AS l
        WHERE l.source_id = ANY (sources) AND NOT EXISTS (SELECT FROM readings AS r WHERE r.source_id = l.source_id);
    END IF;
END
$$;
COMMENT ON FUNCTION homelog.refresh_latest_readings(uuid[]) IS
    'Looks up the newest reading of these sources, each named once. The triggers call it; so does a DBA who has loaded '
    'readings with triggers switched off.';

DROP FUNCTION homelog.tg__audit_many();
DROP FUNCTION homelog.tg__note_watering();
DROP FUNCTION homelog.tg__sense_otherwise();
DROP FUNCTION homelog.sense_plants(uuid[], boolean);
DROP FUNCTION homelog.tg__sense_plant();
DROP FUNCTION homelog.sense(plants, boolean);
DROP FUNCTION homelog.tg__limit_followers();
DROP FUNCTION homelog.tg__check_moisture_source();
DROP FUNCTION homelog.reads_source(uuid, uuid);
DROP FUNCTION homelog.moisture_part(text);
DROP FUNCTION homelog.shown_plant(plants);
DROP VIEW shown_plants;
DROP FUNCTION homelog.shown_plant(plants, text, timestamptz);
DROP FUNCTION homelog.plant_zone(uuid, text);
DROP FUNCTION homelog.timezone_of(uuid);
DROP FUNCTION homelog.plant_status(plantstatus, date, date, date, sensor_state, date);
DROP FUNCTION homelog.plant_due_on(plantstatus, date, date, sensor_state);
DROP FUNCTION homelog.plant_wants_on(plantstatus, date, integer, sensor_state, date);
DROP FUNCTION homelog.plant_sensor(uuid, timestamptz, integer, timestamptz);
DROP FUNCTION homelog.watering_interval(integer, double precision, integer, integer, date);

ALTER TABLE plants
    DROP CONSTRAINT plants_status_stored,
    DROP COLUMN season_factor,
    DROP COLUMN season_from,
    DROP COLUMN season_to,
    DROP COLUMN snoozed_until,
    DROP COLUMN moisture_source_id,
    DROP COLUMN dry_below,
    DROP COLUMN stale_after_hours,
    DROP COLUMN moisture_at,
    DROP COLUMN dry_since;
DROP TYPE sensor_state;
COMMENT ON COLUMN plants.moisture IS 'How wet the soil is, 0 to 1.';
COMMENT ON COLUMN plants.status IS 'As last written; what it is now says homelog.plant_status().';
COMMENT ON COLUMN plants.every IS 'Days between waterings.';

-- Inlined where it is called, all three: they keep no search_path of their own and name what they use with its schema.
CREATE FUNCTION homelog.shown_plant(plant plants, zone text, at timestamptz)
RETURNS TABLE (
    id          uuid,
    user_id     uuid,
    name        text,
    species     text,
    kind        plantkind,
    room        text,
    moisture    double precision,
    status      plantstatus,
    every       integer,
    light       text,
    note        text,
    growth      double precision[],
    last_water  timestamptz,
    home_id     uuid,
    created_at  timestamptz,
    updated_at  timestamptz,
    due_on      date
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    SELECT
        p.id, p.user_id, p.name, p.species, p.kind, p.room, p.moisture,
        homelog.plant_status(p.status, p.every, p.last_water, here.zone, here.at) AS status,
        p.every, p.light, p.note,
        array(SELECT g.value::double precision FROM jsonb_array_elements(p.growth) AS g (value)) AS growth,
        p.last_water, p.home_id, p.created_at, p.updated_at,
        homelog.plant_due_on(p.status, p.every, p.last_water, here.zone) AS due_on
    FROM (SELECT (plant).*) AS p
    CROSS JOIN (SELECT coalesce(zone, 'UTC') AS zone, at) AS here;
END;
COMMENT ON FUNCTION homelog.shown_plant(plants, text, timestamptz) IS
    'What the API shows of a plant, in its order, at an instant and in the time zone of the plant''s home, UTC for null: '
    'the one place that lists it.';

CREATE VIEW shown_plants WITH (security_invoker = true) AS
SELECT s.*
FROM plants AS p
LEFT JOIN homes AS h ON p.home_id = h.id
CROSS JOIN LATERAL homelog.shown_plant(p, h.timezone, now()) AS s;
COMMENT ON VIEW shown_plants IS
    'Plants as the API shows them now. Its columns stay as they are while a service is running that takes them all.';

CREATE FUNCTION homelog.shown_plant(plant plants) RETURNS SETOF shown_plants
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    SELECT s.*
    FROM (SELECT plant, (plant).home_id AS home_id) AS p
    LEFT JOIN homes AS h ON p.home_id = h.id
    CROSS JOIN LATERAL homelog.shown_plant(p.plant, h.timezone, now()) AS s;
END;
COMMENT ON FUNCTION homelog.shown_plant(plants) IS
    'A plant that this very statement wrote, as shown_plants will show it to the next.';

GRANT EXECUTE ON FUNCTION
    homelog.shown_plant(plants, text, timestamptz),
    homelog.shown_plant(plants)
    TO homelog_api, homelog_ops;
GRANT SELECT ON shown_plants TO homelog_api, homelog_ops;
