-- Plants and when they want water.

SET ROLE homelog_owner;

CREATE TABLE plants (
    id          uuid              PRIMARY KEY DEFAULT uuidv7(),
    user_id     uuid              NOT NULL DEFAULT homelog.current_user_id(),
    name        text              NOT NULL,
    species     text              NOT NULL DEFAULT '',
    kind        plantkind         NOT NULL,
    room        text              NOT NULL DEFAULT '',
    moisture    double precision  NOT NULL DEFAULT 0.5,
    status      plantstatus       NOT NULL DEFAULT 'thriving',
    every       integer           NOT NULL DEFAULT 7,
    light       text              NOT NULL DEFAULT '',
    note        text              NOT NULL DEFAULT '',
    growth      jsonb             NOT NULL DEFAULT '[]',
    last_water  timestamptz,
    home_id     uuid,
    created_at  timestamptz       NOT NULL DEFAULT now(),
    updated_at  timestamptz       NOT NULL DEFAULT now(),

    CONSTRAINT plants_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT plants_home_id_fkey FOREIGN KEY (home_id) REFERENCES homes (id) ON DELETE SET NULL,
    CONSTRAINT plants_name_not_blank CHECK (name ~ '[^[:space:]]' AND length(name) <= 100),
    CONSTRAINT plants_species_length CHECK (length(species) <= 200),
    CONSTRAINT plants_room_length CHECK (length(room) <= 100),
    CONSTRAINT plants_moisture_range CHECK (moisture BETWEEN 0 AND 1),
    CONSTRAINT plants_every_range CHECK (every BETWEEN 1 AND 365),
    CONSTRAINT plants_light_length CHECK (length(light) <= 200),
    CONSTRAINT plants_note_length CHECK (length(note) <= 10000),
    CONSTRAINT plants_growth_numbers CHECK (
        CASE WHEN jsonb_typeof(growth) = 'array'
             THEN NOT jsonb_path_exists(growth, 'strict $[*] ? (@.type() != "number" || @.abs() > 1e308)')
             ELSE false
        END
    ),
    CONSTRAINT plants_growth_length CHECK (
        CASE WHEN jsonb_typeof(growth) = 'array' THEN jsonb_array_length(growth) <= 1000 ELSE true END
    ),
    -- A year of waterings later is still a date that every client can say.
    CONSTRAINT plants_last_water_range CHECK (
        last_water >= '1970-01-01 00:00+00' AND last_water < '9998-01-01 00:00+00'
    )
);

COMMENT ON TABLE plants IS 'Plants; each belongs to a person and may stand in a home.';
COMMENT ON COLUMN plants.moisture IS 'How wet the soil is, 0 to 1.';
COMMENT ON COLUMN plants.status IS 'As last written; what it is now says homelog.plant_status().';
COMMENT ON COLUMN plants.every IS 'Days between waterings.';
COMMENT ON COLUMN plants.growth IS 'Measurements, oldest first: an array of finite numbers.';
COMMENT ON COLUMN plants.last_water IS 'When it was last watered; null for never.';
COMMENT ON CONSTRAINT plants_user_id_fkey ON plants IS 'This account does not exist.';
COMMENT ON CONSTRAINT plants_home_id_fkey ON plants IS 'There is no such home where you may put things.';
COMMENT ON CONSTRAINT plants_name_not_blank ON plants IS 'A plant needs a name of at most 100 characters.';
COMMENT ON CONSTRAINT plants_species_length ON plants IS 'A species has at most 200 characters.';
COMMENT ON CONSTRAINT plants_room_length ON plants IS 'A room has at most 100 characters.';
COMMENT ON CONSTRAINT plants_moisture_range ON plants IS 'Moisture lies between 0 and 1.';
COMMENT ON CONSTRAINT plants_every_range ON plants IS 'A plant is watered every 1 to 365 days.';
COMMENT ON CONSTRAINT plants_light_length ON plants IS 'Light has at most 200 characters.';
COMMENT ON CONSTRAINT plants_note_length ON plants IS 'A note has at most 10,000 characters.';
COMMENT ON CONSTRAINT plants_growth_numbers ON plants IS 'Growth is an array of finite numbers.';
COMMENT ON CONSTRAINT plants_growth_length ON plants IS 'Growth has at most 1,000 measurements.';
COMMENT ON CONSTRAINT plants_last_water_range ON plants IS 'A watering lies between 1970 and 24 hours from now.';

CREATE INDEX plants_user_id_idx ON plants (user_id, id);
CREATE INDEX plants_home_id_idx ON plants (home_id, id);

-- These three are inlined into the queries that call them, so they keep no search_path of their own and name what
-- they use with its schema.
CREATE FUNCTION homelog.local_date(at timestamptz, zone text) RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (at AT TIME ZONE zone)::date;
COMMENT ON FUNCTION homelog.local_date(timestamptz, text) IS 'The calendar day of an instant in a time zone.';

CREATE FUNCTION homelog.plant_due_on(status plantstatus, every integer, last_water timestamptz, zone text) RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN status <> 'resting' THEN homelog.local_date(last_water, zone) + every END;
COMMENT ON FUNCTION homelog.plant_due_on(plantstatus, integer, timestamptz, text) IS
    'The local day on which a plant wants water next; null while it rests or if it was never watered.';

CREATE FUNCTION homelog.plant_status(
    status plantstatus, every integer, last_water timestamptz, zone text, at timestamptz
) RETURNS plantstatus
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN status = 'resting' OR last_water IS NULL THEN status
    WHEN homelog.local_date(last_water, zone) >= homelog.local_date(at, zone) THEN 'watered'::plantstatus
    WHEN homelog.local_date(last_water, zone) + every <= homelog.local_date(at, zone) THEN 'dry'::plantstatus
    WHEN homelog.local_date(last_water, zone) + every <= homelog.local_date(at, zone) + 2 THEN 'soon'::plantstatus
    ELSE 'thriving'::plantstatus
END;
COMMENT ON FUNCTION homelog.plant_status(plantstatus, integer, timestamptz, text, timestamptz) IS
    'A plant''s status at an instant in its home''s time zone: the one place that says it.';

CREATE TRIGGER _050_check_home_insert
    BEFORE INSERT ON plants
    FOR EACH ROW WHEN (NEW.home_id IS NOT NULL)
    EXECUTE FUNCTION homelog.tg__check_home();
CREATE TRIGGER _050_check_home_update
    BEFORE UPDATE ON plants
    FOR EACH ROW WHEN (NEW.home_id IS NOT NULL AND NEW.home_id IS DISTINCT FROM OLD.home_id)
    EXECUTE FUNCTION homelog.tg__check_home();
CREATE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON plants
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE TRIGGER _900_audit
    AFTER INSERT OR UPDATE OR DELETE ON plants
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_plant', 'update_plant', 'delete_plant', '', 'values');

ALTER TABLE plants ENABLE ROW LEVEL SECURITY;
ALTER TABLE plants FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON plants TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON plants IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON plants FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON plants IS 'Operators read all.';
CREATE POLICY select_reader ON plants FOR SELECT TO homelog_api USING (
    user_id = (SELECT homelog.current_user_id())
    OR home_id = ANY ((SELECT homelog.readable_homes())::uuid[])
);
COMMENT ON POLICY select_reader ON plants IS 'One sees one''s own plants and those of the homes that one may read.';
CREATE POLICY insert_writer ON plants FOR INSERT TO homelog_api
    WITH CHECK (user_id = (SELECT homelog.current_user_id()));
COMMENT ON POLICY insert_writer ON plants IS 'One makes plants of one''s own.';
CREATE POLICY update_writer ON plants FOR UPDATE TO homelog_api
    USING (
        user_id = (SELECT homelog.current_user_id())
        OR home_id = ANY ((SELECT homelog.writable_homes())::uuid[])
    )
    WITH CHECK (
        user_id = (SELECT homelog.current_user_id())
        OR home_id = ANY ((SELECT homelog.writable_homes())::uuid[])
    );
COMMENT ON POLICY update_writer ON plants IS 'Whoever may write to a plant''s home cares for it.';
CREATE POLICY delete_admin ON plants FOR DELETE TO homelog_api USING (
    user_id = (SELECT homelog.current_user_id())
    OR home_id = ANY ((SELECT homelog.administered_homes())::uuid[])
);
COMMENT ON POLICY delete_admin ON plants IS 'A plant''s owner and its home''s admins delete it.';

GRANT EXECUTE ON FUNCTION
    homelog.local_date(timestamptz, text),
    homelog.plant_due_on(plantstatus, integer, timestamptz, text),
    homelog.plant_status(plantstatus, integer, timestamptz, text, timestamptz)
    TO homelog_api, homelog_ops;
GRANT SELECT ON plants TO homelog_api, homelog_ops;
GRANT INSERT (id, name, species, kind, room, moisture, status, every, light, note, growth, last_water, home_id)
    ON plants TO homelog_api;
GRANT UPDATE (name, species, kind, room, moisture, status, every, light, note, growth, last_water, home_id)
    ON plants TO homelog_api;
GRANT DELETE ON plants TO homelog_api;
