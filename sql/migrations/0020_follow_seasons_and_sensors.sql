-- When a plant wants water depends on more than how often: on the season, on whether somebody put it off, and on what a
-- sensor in its pot says. Each has its columns, empty for the plants that there are, whose status stays as it was.
-- docs/decisions/0014-sensors-and-seasons.md argues the rules.
-- What a running service calls stays: the older plant_status() and plant_due_on() go in a later release.
-- depends: 0019_add_unknown_status

SET LOCAL ROLE homelog_owner;

CREATE TYPE sensor_state AS ENUM ('fresh', 'unknown');
COMMENT ON TYPE sensor_state IS 'fresh its latest reading is recent, unknown it has been silent for too long.';

-- lock: ACCESS EXCLUSIVE on plants, of which a household has some hundreds: they are scanned for the checks and the index.
-- SHARE ROW EXCLUSIVE on data_sources for the foreign key, for the catalogue's rows alone.
ALTER TABLE plants
    ADD COLUMN season_factor       double precision,
    ADD COLUMN season_from         integer,
    ADD COLUMN season_to           integer,
    ADD COLUMN snoozed_until       date,
    ADD COLUMN moisture_source_id  uuid,
    ADD COLUMN dry_below           double precision  NOT NULL DEFAULT 0.2,
    ADD COLUMN stale_after_hours   integer           NOT NULL DEFAULT 24,
    ADD COLUMN moisture_at         timestamptz,
    ADD COLUMN dry_since           timestamptz,
    ADD CONSTRAINT plants_status_stored CHECK (status <> 'unknown'),
    ADD CONSTRAINT plants_season_factor_range CHECK (season_factor BETWEEN 0.1 AND 10),
    ADD CONSTRAINT plants_season_from_month CHECK (season_from BETWEEN 1 AND 12),
    ADD CONSTRAINT plants_season_to_month CHECK (season_to BETWEEN 1 AND 12),
    ADD CONSTRAINT plants_season_whole CHECK (num_nulls(season_factor, season_from, season_to) IN (0, 3)),
    ADD CONSTRAINT plants_snoozed_until_range CHECK (snoozed_until BETWEEN '1970-01-01' AND '9999-12-31'),
    ADD CONSTRAINT plants_moisture_source_id_fkey
        FOREIGN KEY (moisture_source_id) REFERENCES data_sources (id) ON DELETE SET NULL,
    ADD CONSTRAINT plants_dry_below_range CHECK (dry_below BETWEEN 0 AND 1),
    ADD CONSTRAINT plants_stale_after_hours_range CHECK (stale_after_hours BETWEEN 1 AND 8760);

COMMENT ON COLUMN plants.moisture IS 'How wet the soil is, 0 to 1: as last written, or as its sensor last said.';
COMMENT ON COLUMN plants.status IS 'As last written; what it is now says homelog.shown_plant().';
COMMENT ON COLUMN plants.every IS 'Days between waterings, but for the season.';
COMMENT ON COLUMN plants.season_factor IS 'In the months of the season every counts so many times.';
COMMENT ON COLUMN plants.season_from IS 'The first month of the season, 1 to 12.';
COMMENT ON COLUMN plants.season_to IS 'The last month of the season; earlier than the first one across New Year.';
COMMENT ON COLUMN plants.snoozed_until IS 'Put off: it is not due before that local day. The next watering ends it.';
COMMENT ON COLUMN plants.moisture_source_id IS 'The sensor in its pot: a gauge whose unit is a share.';
COMMENT ON COLUMN plants.dry_below IS 'A moisture below this is dry; 0.05 above it, it no longer is.';
COMMENT ON COLUMN plants.stale_after_hours IS 'For how long a reading of the sensor says how the plant is.';
COMMENT ON COLUMN plants.moisture_at IS 'The time of the sensor''s reading that moisture is of; null for none.';
COMMENT ON COLUMN plants.dry_since IS 'The time of the sensor''s reading with which the soil turned dry; null while it is not.';
COMMENT ON CONSTRAINT plants_status_stored ON plants IS 'A status is unknown for want of readings, never because it was written.';
COMMENT ON CONSTRAINT plants_season_factor_range ON plants IS 'A season''s factor lies between 0.1 and 10.';
COMMENT ON CONSTRAINT plants_season_from_month ON plants IS 'A season begins in a month from 1 to 12.';
COMMENT ON CONSTRAINT plants_season_to_month ON plants IS 'A season ends in a month from 1 to 12.';
COMMENT ON CONSTRAINT plants_season_whole ON plants IS 'A season has season_factor, season_from and season_to, all three or none.';
COMMENT ON CONSTRAINT plants_snoozed_until_range ON plants IS 'A plant is put off to a day between 1970 and 9999.';
COMMENT ON CONSTRAINT plants_moisture_source_id_fkey ON plants IS 'There is no such source that was granted to you or stands in a home of yours.';
COMMENT ON CONSTRAINT plants_dry_below_range ON plants IS 'The moisture below which a plant is dry lies between 0 and 1.';
COMMENT ON CONSTRAINT plants_stale_after_hours_range ON plants IS 'A sensor may be silent for 1 to 8,760 hours.';

CREATE INDEX plants_moisture_source_id_idx ON plants (moisture_source_id);

-- When a plant wants water. All inlined: they keep no search_path of their own and name what they use with its schema.

CREATE FUNCTION homelog.watering_interval(
    every integer, season_factor double precision, season_from integer, season_to integer, watered_on date
) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN season_factor IS NULL THEN every
    WHEN CASE
            WHEN season_from <= season_to THEN date_part('month', watered_on) BETWEEN season_from AND season_to
            ELSE date_part('month', watered_on) >= season_from OR date_part('month', watered_on) <= season_to
        END THEN greatest(1, round(every * season_factor::numeric))::integer
    ELSE every
END;
COMMENT ON FUNCTION homelog.watering_interval(integer, double precision, integer, integer, date) IS
    'Days from a watering to the next. The month of the watering decides, so that the day does not move while one waits.';

CREATE FUNCTION homelog.plant_sensor(source uuid, told_at timestamptz, stale_after_hours integer, at timestamptz)
RETURNS sensor_state
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN source IS NULL THEN NULL
    WHEN told_at > at - stale_after_hours * interval '1 hour' THEN 'fresh'::sensor_state
    ELSE 'unknown'::sensor_state
END;
COMMENT ON FUNCTION homelog.plant_sensor(uuid, timestamptz, integer, timestamptz) IS
    'Whether a plant''s sensor can be believed at an instant; null for a plant without one.';

CREATE FUNCTION homelog.plant_wants_on(
    status plantstatus, watered_on date, days integer, sensor sensor_state, dry_on date
) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN status = 'resting' THEN NULL
    WHEN sensor = 'fresh' THEN CASE WHEN dry_on IS NOT NULL THEN greatest(dry_on, watered_on + 1) END
    WHEN watered_on IS NOT NULL THEN least(watered_on + days, '9999-12-31'::date)
END;
COMMENT ON FUNCTION homelog.plant_wants_on(plantstatus, date, integer, sensor_state, date) IS
    'The local day on which a plant wants water, whether or not it was put off: the one on which its sensor found it dry, '
    'or else the one that the calendar says. Null while it rests or its sensor finds it wet, or if it was never watered.';

CREATE FUNCTION homelog.plant_due_on(status plantstatus, wants_on date, snoozed_until date, sensor sensor_state)
RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN status = 'resting' OR (sensor = 'fresh' AND wants_on IS NULL) THEN NULL
    ELSE greatest(wants_on, snoozed_until)
END;
COMMENT ON FUNCTION homelog.plant_due_on(plantstatus, date, date, sensor_state) IS
    'The local day on which a plant is due: when it wants water, and not before it was put off to.';

CREATE FUNCTION homelog.plant_status(
    status plantstatus, watered_on date, wants_on date, due_on date, sensor sensor_state, today date
) RETURNS plantstatus
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN status = 'resting' THEN status
    WHEN watered_on IS NULL AND sensor IS DISTINCT FROM 'fresh'
        THEN CASE WHEN sensor IS NULL OR status IN ('dry', 'soon') THEN status ELSE 'unknown'::plantstatus END
    WHEN watered_on >= today AND sensor IS DISTINCT FROM 'unknown' THEN 'watered'::plantstatus
    WHEN watered_on >= today THEN 'unknown'::plantstatus
    WHEN wants_on <= today AND due_on <= today THEN 'dry'::plantstatus
    WHEN wants_on <= today OR due_on <= today + 2 THEN 'soon'::plantstatus
    WHEN sensor = 'unknown' THEN 'unknown'::plantstatus
    ELSE 'thriving'::plantstatus
END;
COMMENT ON FUNCTION homelog.plant_status(plantstatus, date, date, date, sensor_state, date) IS
    'A plant''s status on a local day: the one place that says it. Put off though it wants water it is soon; while its '
    'sensor is silent it is never thriving or watered, but unknown.';

-- What is shown of a plant, with more fields.

DROP FUNCTION homelog.shown_plant(plants);
DROP VIEW shown_plants;
DROP FUNCTION homelog.shown_plant(plants, text, timestamptz);

-- Who made a plant keeps it when they leave the home where it stands, and does not see that home any more.
CREATE FUNCTION homelog.timezone_of(home uuid) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER COST 1
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN (SELECT h.timezone FROM homes AS h WHERE h.id = home);
END
$$;
COMMENT ON FUNCTION homelog.timezone_of(uuid) IS
    'The time zone of a home, whoever asks. It costs more than it says, but is asked for next to no plant, and whoever '
    'asks must be inlined.';

CREATE FUNCTION homelog.plant_zone(home uuid, shown text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN shown IS NOT NULL THEN shown
    WHEN home IS NULL THEN 'UTC'
    ELSE coalesce(homelog.timezone_of(home), 'UTC')
END;
COMMENT ON FUNCTION homelog.plant_zone(uuid, text) IS
    'The time zone in which a plant has its days, the same for all who see it: its home''s, of which the caller sees that '
    'much or null, else UTC.';

-- OFFSET 0 keeps the planner from working out a day anew wherever it is used (what a time zone makes of an instant is the
-- dearest thing here), and so lets it inline the functions, which it does only for arguments that cost next to nothing.
CREATE FUNCTION homelog.shown_plant(plant plants, zone text, at timestamptz)
RETURNS TABLE (
    id                  uuid,
    user_id             uuid,
    name                text,
    species             text,
    kind                plantkind,
    room                text,
    moisture            double precision,
    status              plantstatus,
    every               integer,
    light               text,
    note                text,
    growth              double precision[],
    last_water          timestamptz,
    home_id             uuid,
    created_at          timestamptz,
    updated_at          timestamptz,
    due_on              date,
    season_factor       double precision,
    season_from         integer,
    season_to           integer,
    snoozed_until       date,
    moisture_source_id  uuid,
    dry_below           double precision,
    stale_after_hours   integer,
    moisture_at         timestamptz,
    sensor              sensor_state
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    SELECT
        p.id, p.user_id, p.name, p.species, p.kind, p.room, p.moisture,
        homelog.plant_status(p.status, days.watered_on, wish.wants_on, due.due_on, days.sensor, days.today) AS status,
        p.every, p.light, p.note,
        array(SELECT g.value::double precision FROM jsonb_array_elements(p.growth) AS g (value)) AS growth,
        p.last_water, p.home_id, p.created_at, p.updated_at, due.due_on, p.season_factor, p.season_from, p.season_to,
        p.snoozed_until, p.moisture_source_id, p.dry_below, p.stale_after_hours, p.moisture_at, days.sensor
    FROM (SELECT (plant).*) AS p
    CROSS JOIN (SELECT homelog.plant_zone((plant).home_id, zone) AS zone, at) AS here
    CROSS JOIN LATERAL (
        SELECT
            homelog.local_date(p.last_water, here.zone) AS watered_on,
            homelog.local_date(here.at, here.zone) AS today,
            homelog.local_date(p.dry_since, here.zone) AS dry_on,
            homelog.plant_sensor(p.moisture_source_id, p.moisture_at, p.stale_after_hours, here.at) AS sensor
        OFFSET 0
    ) AS days
    CROSS JOIN LATERAL (
        SELECT homelog.plant_wants_on(
            p.status, days.watered_on,
            homelog.watering_interval(p.every, p.season_factor, p.season_from, p.season_to, days.watered_on),
            days.sensor, days.dry_on
        ) AS wants_on
        OFFSET 0
    ) AS wish
    CROSS JOIN LATERAL (
        SELECT homelog.plant_due_on(p.status, wish.wants_on, p.snoozed_until, days.sensor) AS due_on
        OFFSET 0
    ) AS due;
END;
COMMENT ON FUNCTION homelog.shown_plant(plants, text, timestamptz) IS
    'What the API shows of a plant, in its order, at an instant and in the time zone of the plant''s home, which is null '
    'where there is no home or the caller does not see it: the one place that lists it.';

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

-- Which sources may be named

CREATE FUNCTION homelog.moisture_part(unit text) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN unit LIKE '\%%' OR lower(unit) IN ('percent', 'pct') THEN 100
    WHEN lower(unit) IN ('1', 'fraction') THEN 1
END;
COMMENT ON FUNCTION homelog.moisture_part(text) IS
    'What is all wet in a unit: 100 in %, percent, pct and whatever begins with %, 1 in 1 and fraction; null for a unit '
    'that is no share.';

CREATE FUNCTION homelog.reads_source(reader uuid, wanted uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM data_sources AS s
        WHERE s.id = wanted
          AND (
              EXISTS (SELECT FROM user_source_access AS a WHERE a.source_id = s.id AND a.user_id = reader)
              OR EXISTS (
                  SELECT FROM home_members AS m
                  WHERE m.home_id = s.home_id AND m.user_id = reader
                    AND (m.expires_at IS NULL OR m.expires_at > now())
              )
          )
    );
END
$$;
COMMENT ON FUNCTION homelog.reads_source(uuid, uuid) IS
    'Whether somebody may read a source by a grant or as a member of its home; that it is public does not count. For '
    'functions of ours: the service asks by naming it.';

CREATE FUNCTION homelog.tg__check_moisture_source() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    caller uuid := homelog.current_user_id();
BEGIN
    -- As for homes. The plant's owner too: what they may not read would not be followed. That a source is public is not
    -- enough: whoever follows it makes work for those who write to it.
    IF caller IS NOT NULL
       AND NOT (homelog.reads_source(caller, NEW.moisture_source_id)
                AND homelog.reads_source(NEW.user_id, NEW.moisture_source_id)) THEN
        RAISE EXCEPTION 'There is no such source that was granted to you or stands in a home of yours.'
            USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, COLUMN = 'moisture_source_id',
                  CONSTRAINT = 'plants_moisture_source_id_fkey';
    END IF;
    IF EXISTS (SELECT FROM data_sources WHERE id = NEW.moisture_source_id AND kind <> 'gauge') THEN
        RAISE EXCEPTION 'Moisture is an instant value: only a source of the kind gauge can say it.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'moisture_source_id',
                  CONSTRAINT = 'plants_moisture_source_id_gauge';
    END IF;
    IF EXISTS (
        SELECT FROM data_sources WHERE id = NEW.moisture_source_id AND homelog.moisture_part(unit) IS NULL
    ) THEN
        RAISE EXCEPTION 'Moisture is a share: the unit of its source is %%, percent or pct, or 1 or fraction for 0 to 1.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'moisture_source_id',
                  CONSTRAINT = 'plants_moisture_source_id_share';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION homelog.tg__check_moisture_source() IS
    'Lets a plant follow only a gauge whose unit is a share, and one that the caller and the plant''s owner were granted or '
    'have in their home.';

CREATE FUNCTION homelog.tg__limit_followers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- One at a time, so that two do not both become the hundredth. No lock on the source's row: whoever has that may be
    -- waiting for this plant's.
    PERFORM pg_advisory_xact_lock(hashtext('homelog: followers'), hashtext(NEW.moisture_source_id::text));
    -- Those who lost the source take no room in it.
    IF (
        SELECT count(*)
        FROM (
            SELECT
            FROM plants AS p
            WHERE p.moisture_source_id = NEW.moisture_source_id AND p.id <> NEW.id
              AND homelog.reads_source(p.user_id, p.moisture_source_id)
            LIMIT 100
        ) AS followers
    ) = 100 THEN
        RAISE EXCEPTION 'A source is the sensor of at most 100 plants.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'moisture_source_id',
                  CONSTRAINT = 'plants_moisture_source_id_followers';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION homelog.tg__limit_followers() IS
    'Keeps the work that a reading makes within bounds: each plant that follows its source is looked at.';

-- What the sensor says

CREATE FUNCTION homelog.sense(plant plants, anew boolean) RETURNS plants
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
COMMENT ON FUNCTION homelog.sense(plants, boolean) IS
    'A plant with what its source says of it: moisture, moisture_at and dry_since. Anew: whatever it said before.';

CREATE FUNCTION homelog.tg__sense_plant() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN homelog.sense(NEW, true);
END
$$;
COMMENT ON FUNCTION homelog.tg__sense_plant() IS 'Asks the sensor of a plant that has a new one, or is to judge it anew.';

CREATE FUNCTION homelog.sense_plants(sources uuid[], anew boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    -- In the order of their ids, as whoever waters many does. Whoever logs never waits for somebody else's plant: one that
    -- is being changed now is told by its next reading, or the watering that is under way.
    sensing CONSTANT uuid[] := ARRAY(
        SELECT p.id
        FROM plants AS p
        WHERE p.moisture_source_id = ANY (sources) AND homelog.reads_source(p.user_id, p.moisture_source_id)
        ORDER BY p.id
        FOR NO KEY UPDATE SKIP LOCKED
    );
BEGIN
    IF sensing <> '{}' THEN
        UPDATE plants AS p
        SET moisture = s.moisture, moisture_at = s.moisture_at, dry_since = s.dry_since
        FROM plants AS followed
        CROSS JOIN LATERAL homelog.sense(followed, anew) AS s
        WHERE followed.id = ANY (sensing) AND p.id = followed.id
          AND (p.moisture, p.moisture_at, p.dry_since) IS DISTINCT FROM (s.moisture, s.moisture_at, s.dry_since);
    END IF;
END
$$;
COMMENT ON FUNCTION homelog.sense_plants(uuid[], boolean) IS
    'Tells plants what their sensors, of all that are named, just said. Anew: whatever they said before.';

-- Who changes a source need not know who follows it, nor be hindered by them.
CREATE FUNCTION homelog.tg__sense_otherwise() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NEW.kind = 'gauge' AND homelog.moisture_part(NEW.unit) IS NOT NULL THEN
        PERFORM homelog.sense_plants(ARRAY[NEW.id], true);
    ELSE
        PERFORM FROM plants WHERE moisture_source_id = NEW.id ORDER BY id FOR NO KEY UPDATE;
        UPDATE plants SET moisture_source_id = NULL WHERE moisture_source_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__sense_otherwise() IS
    'A source with another unit or kind is read anew by the plants that follow it; what can be no moisture any more is '
    'followed by none.';

-- The plants are told here and not by triggers on latest_readings: a batch inserts there for one source and updates for
-- another, which are two triggers, and plants locked in two goes are locked in no order.
CREATE OR REPLACE FUNCTION homelog.refresh_latest_readings(sources uuid[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
    moved uuid[];
BEGIN
    PERFORM homelog.take_turns(sources);

    WITH written AS (
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
                  IS DISTINCT FROM (excluded.id, excluded.timestamp, excluded.value, excluded.quality_flag)
        RETURNING l.source_id
    )
    SELECT coalesce(array_agg(w.source_id), '{}') INTO moved FROM written AS w;

    -- Of the others the latest reading stayed, or the last one went.
    IF cardinality(moved) < cardinality(sources) THEN
        WITH gone AS (
            DELETE FROM latest_readings AS l
            WHERE l.source_id = ANY (sources) AND NOT EXISTS (SELECT FROM readings AS r WHERE r.source_id = l.source_id)
            RETURNING l.source_id
        )
        SELECT moved || array_agg(g.source_id) INTO moved FROM gone AS g;
    END IF;

    PERFORM homelog.sense_plants(moved, false);
END
$$;
COMMENT ON FUNCTION homelog.refresh_latest_readings(uuid[]) IS
    'Looks up the newest reading of these sources, each named once, and tells the plants that follow them. The triggers '
    'call it; so does a DBA who has loaded readings with triggers switched off.';

CREATE FUNCTION homelog.tg__note_watering() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    sensed plants;
BEGIN
    -- Put off in the same breath, it is the next watering that is.
    IF NEW.snoozed_until IS NOT DISTINCT FROM OLD.snoozed_until THEN
        NEW.snoozed_until := NULL;
    END IF;
    IF NEW.dry_since <= NEW.last_water THEN
        NEW.dry_since := NULL;
    END IF;
    -- What came while whoever waters had the plant locked passed it over.
    IF EXISTS (
        SELECT FROM latest_readings AS l
        WHERE l.source_id = NEW.moisture_source_id AND l.timestamp > coalesce(NEW.moisture_at, '-infinity')
    ) THEN
        sensed := homelog.sense(NEW, false);
        NEW.moisture_at := sensed.moisture_at;
        NEW.dry_since := sensed.dry_since;
        IF sensed.moisture_at > NEW.last_water THEN
            NEW.moisture := sensed.moisture;
        END IF;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION homelog.tg__note_watering() IS
    'Ends what a watering ends, whoever waters and however: it is not put off any more, and not dry until its sensor says so.';

-- Whoever waters a home changes all its plants at once.
CREATE FUNCTION homelog.tg__audit_many() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    caller CONSTANT uuid := homelog.current_user_id();
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit_logs (user_id, event_type, details)
        SELECT caller, TG_ARGV[0], jsonb_strip_nulls(to_jsonb(n) - 'updated_at') FROM new_rows AS n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO audit_logs (user_id, event_type, details)
        SELECT caller, TG_ARGV[2], jsonb_strip_nulls(to_jsonb(o) - 'updated_at') FROM old_rows AS o;
    ELSE
        -- Matched by id: a statement that changes ids shows as old rows gone and new ones come.
        INSERT INTO audit_logs (user_id, event_type, details)
        SELECT
            caller,
            CASE WHEN r.was IS NULL THEN TG_ARGV[0] WHEN r.now IS NULL THEN TG_ARGV[2] ELSE TG_ARGV[1] END,
            CASE
                WHEN r.was IS NULL OR r.now IS NULL THEN jsonb_strip_nulls(coalesce(r.now, r.was))
                ELSE told.changed || jsonb_strip_nulls(jsonb_build_object('id', r.now -> 'id', 'user_id', r.now -> 'user_id'))
            END
        FROM (
            SELECT
                CASE WHEN o.id IS NOT NULL THEN to_jsonb(o) - 'updated_at' END AS was,
                CASE WHEN n.id IS NOT NULL THEN to_jsonb(n) - 'updated_at' END AS now
            FROM old_rows AS o
            FULL JOIN new_rows AS n ON n.id = o.id
            WHERE o.updated_at IS DISTINCT FROM n.updated_at
            OFFSET 0  -- each row is made into JSON once, not once for each of its fields
        ) AS r
        LEFT JOIN LATERAL (
            SELECT jsonb_object_agg(f.key, jsonb_build_object('old', r.was -> f.key, 'new', f.value)) AS changed
            FROM jsonb_each(r.now) AS f
            WHERE r.was -> f.key IS DISTINCT FROM f.value
        ) AS told ON true
        WHERE r.was IS NULL OR r.now IS NULL OR told.changed IS NOT NULL;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__audit_many() IS
    'As homelog.tg__audit(), with values, once a statement: for what is changed thousands at a time. Only a new version, '
    'which is another updated_at, is an update. Arguments: the events of insert, update and delete.';

-- lock: SHARE ROW EXCLUSIVE on plants, held already.
CREATE TRIGGER _052_check_moisture_source_insert
    BEFORE INSERT ON plants
    FOR EACH ROW WHEN (NEW.moisture_source_id IS NOT NULL)
    EXECUTE FUNCTION homelog.tg__check_moisture_source();
CREATE TRIGGER _052_check_moisture_source_update
    BEFORE UPDATE ON plants
    FOR EACH ROW
    WHEN (NEW.moisture_source_id IS NOT NULL AND NEW.moisture_source_id IS DISTINCT FROM OLD.moisture_source_id)
    EXECUTE FUNCTION homelog.tg__check_moisture_source();
CREATE TRIGGER _053_limit_followers_insert
    BEFORE INSERT ON plants
    FOR EACH ROW WHEN (NEW.moisture_source_id IS NOT NULL)
    EXECUTE FUNCTION homelog.tg__limit_followers();
CREATE TRIGGER _053_limit_followers_update
    BEFORE UPDATE ON plants
    FOR EACH ROW
    WHEN (NEW.moisture_source_id IS NOT NULL AND NEW.moisture_source_id IS DISTINCT FROM OLD.moisture_source_id)
    EXECUTE FUNCTION homelog.tg__limit_followers();
CREATE TRIGGER _055_note_watering
    BEFORE UPDATE ON plants
    FOR EACH ROW WHEN (NEW.last_water > coalesce(OLD.last_water, '-infinity'))
    EXECUTE FUNCTION homelog.tg__note_watering();
CREATE TRIGGER _060_sense_insert
    BEFORE INSERT ON plants
    FOR EACH ROW WHEN (NEW.moisture_source_id IS NOT NULL)
    EXECUTE FUNCTION homelog.tg__sense_plant();
CREATE TRIGGER _060_sense_update
    BEFORE UPDATE ON plants
    FOR EACH ROW
    WHEN (
        (OLD.moisture_source_id, OLD.dry_below, OLD.stale_after_hours)
        IS DISTINCT FROM (NEW.moisture_source_id, NEW.dry_below, NEW.stale_after_hours)
        -- A watering that is taken back: the soil is as the sensor says.
        OR (NEW.moisture_source_id IS NOT NULL AND coalesce(NEW.last_water, '-infinity') < OLD.last_water)
    )
    EXECUTE FUNCTION homelog.tg__sense_plant();

-- lock: SHARE ROW EXCLUSIVE on data_sources, held already.
CREATE TRIGGER _500_sense_otherwise
    AFTER UPDATE ON data_sources
    FOR EACH ROW WHEN ((OLD.unit, OLD.kind) IS DISTINCT FROM (NEW.unit, NEW.kind))
    EXECUTE FUNCTION homelog.tg__sense_otherwise();

-- A reading is in the log already: that it moved a plant's moisture is neither audited nor a new version of the plant,
-- which somebody may be editing. Readings move moisture_at or dry_since while nothing else that could move them changed.
DROP TRIGGER _100_touch_updated_at ON plants;
CREATE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON plants
    FOR EACH ROW
    WHEN (
        (OLD.moisture_at, OLD.dry_since) IS NOT DISTINCT FROM (NEW.moisture_at, NEW.dry_since)
        OR (OLD.moisture_source_id, OLD.dry_below, OLD.stale_after_hours, OLD.last_water)
        IS DISTINCT FROM (NEW.moisture_source_id, NEW.dry_below, NEW.stale_after_hours, NEW.last_water)
    )
    EXECUTE FUNCTION homelog.tg__touch_updated_at();
DROP TRIGGER _900_audit ON plants;
CREATE TRIGGER _900_audit_insert
    AFTER INSERT ON plants REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__audit_many('create_plant', 'update_plant', 'delete_plant');
CREATE TRIGGER _900_audit_update
    AFTER UPDATE ON plants REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__audit_many('create_plant', 'update_plant', 'delete_plant');
CREATE TRIGGER _900_audit_delete
    AFTER DELETE ON plants REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__audit_many('create_plant', 'update_plant', 'delete_plant');

GRANT EXECUTE ON FUNCTION
    homelog.watering_interval(integer, double precision, integer, integer, date),
    homelog.plant_sensor(uuid, timestamptz, integer, timestamptz),
    homelog.plant_wants_on(plantstatus, date, integer, sensor_state, date),
    homelog.plant_due_on(plantstatus, date, date, sensor_state),
    homelog.plant_status(plantstatus, date, date, date, sensor_state, date),
    homelog.timezone_of(uuid),
    homelog.plant_zone(uuid, text),
    homelog.shown_plant(plants, text, timestamptz),
    homelog.shown_plant(plants)
    TO homelog_api, homelog_ops;
GRANT SELECT ON shown_plants TO homelog_api, homelog_ops;
GRANT INSERT (season_factor, season_from, season_to, snoozed_until, moisture_source_id, dry_below, stale_after_hours)
    ON plants TO homelog_api;
GRANT UPDATE (season_factor, season_from, season_to, snoozed_until, moisture_source_id, dry_below, stale_after_hours)
    ON plants TO homelog_api;
