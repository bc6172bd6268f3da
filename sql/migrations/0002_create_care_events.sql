-- A watering or a measurement may be sent twice by a phone that lost the answer. Each becomes a row with an id that
-- the client may choose, so that the second one is known; and who cared for a plant, and when, is kept.
-- depends: 0001_create_sessions

SET LOCAL ROLE homelog_owner;

CREATE TYPE care_kind AS ENUM ('water', 'fertilise', 'repot', 'prune', 'mist', 'observe', 'treat');
COMMENT ON TYPE care_kind IS 'What somebody did for a plant.';

CREATE TABLE care_events (
    id          uuid         PRIMARY KEY DEFAULT uuidv7(),
    plant_id    uuid         NOT NULL,
    user_id     uuid         DEFAULT homelog.current_user_id(),
    kind        care_kind    NOT NULL,
    at          timestamptz  NOT NULL DEFAULT now(),
    note        text         NOT NULL DEFAULT '',
    created_at  timestamptz  NOT NULL DEFAULT now(),

    CONSTRAINT care_events_plant_id_fkey FOREIGN KEY (plant_id) REFERENCES plants (id) ON DELETE CASCADE,
    CONSTRAINT care_events_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT care_events_at_range CHECK (at >= '1970-01-01 00:00+00' AND at < '10000-01-01 00:00+00'),
    CONSTRAINT care_events_note_length CHECK (length(note) <= 10000)
);

COMMENT ON TABLE care_events IS 'Who did what for which plant, and when.';
COMMENT ON COLUMN care_events.user_id IS 'Who did it; null once that account is gone.';
COMMENT ON COLUMN care_events.at IS 'When it was done.';
COMMENT ON COLUMN care_events.created_at IS 'When it was stored.';
COMMENT ON CONSTRAINT care_events_plant_id_fkey ON care_events IS 'This plant does not exist.';
COMMENT ON CONSTRAINT care_events_user_id_fkey ON care_events IS 'This account does not exist.';
COMMENT ON CONSTRAINT care_events_at_range ON care_events IS 'Care lies between 1970 and 24 hours from now.';
COMMENT ON CONSTRAINT care_events_note_length ON care_events IS 'A note has at most 10,000 characters.';

CREATE INDEX care_events_plant_id_idx ON care_events (plant_id, at);
CREATE INDEX care_events_user_id_idx ON care_events (user_id);

CREATE TABLE growth_measurements (
    id          uuid              PRIMARY KEY DEFAULT uuidv7(),
    plant_id    uuid              NOT NULL,
    user_id     uuid              DEFAULT homelog.current_user_id(),
    value       double precision  NOT NULL,
    created_at  timestamptz       NOT NULL DEFAULT now(),

    CONSTRAINT growth_measurements_plant_id_fkey FOREIGN KEY (plant_id) REFERENCES plants (id) ON DELETE CASCADE,
    CONSTRAINT growth_measurements_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT growth_measurements_value_finite CHECK (value BETWEEN -1e308 AND 1e308)
);

COMMENT ON TABLE growth_measurements IS 'Each value that was appended to a plant''s growth, so that it is appended once.';
COMMENT ON COLUMN growth_measurements.user_id IS 'Who measured; null once that account is gone.';
COMMENT ON CONSTRAINT growth_measurements_plant_id_fkey ON growth_measurements IS 'This plant does not exist.';
COMMENT ON CONSTRAINT growth_measurements_user_id_fkey ON growth_measurements IS 'This account does not exist.';
COMMENT ON CONSTRAINT growth_measurements_value_finite ON growth_measurements IS 'A measurement is a finite number.';

CREATE INDEX growth_measurements_plant_id_idx ON growth_measurements (plant_id);
CREATE INDEX growth_measurements_user_id_idx ON growth_measurements (user_id);

CREATE FUNCTION homelog.readable_plants() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT id FROM plants
        WHERE user_id = homelog.current_user_id() OR home_id = ANY (homelog.readable_homes())
    );
END
$$;
COMMENT ON FUNCTION homelog.readable_plants() IS 'The plants that the caller may see.';

CREATE FUNCTION homelog.writable_plants() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT id FROM plants
        WHERE user_id = homelog.current_user_id() OR home_id = ANY (homelog.writable_homes())
    );
END
$$;
COMMENT ON FUNCTION homelog.writable_plants() IS 'The plants that the caller may care for.';

ALTER TABLE care_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE care_events FORCE ROW LEVEL SECURITY;
ALTER TABLE growth_measurements ENABLE ROW LEVEL SECURITY;
ALTER TABLE growth_measurements FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON care_events TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON care_events IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON care_events FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON care_events IS 'Operators read all.';
CREATE POLICY select_reader ON care_events FOR SELECT TO homelog_api
    USING (plant_id = ANY ((SELECT homelog.readable_plants())::uuid[]));
COMMENT ON POLICY select_reader ON care_events IS 'Whoever sees a plant sees its care.';
CREATE POLICY insert_writer ON care_events FOR INSERT TO homelog_api
    WITH CHECK (plant_id = ANY ((SELECT homelog.writable_plants())::uuid[]));
COMMENT ON POLICY insert_writer ON care_events IS 'Whoever may care for a plant logs it.';
CREATE POLICY delete_writer ON care_events FOR DELETE TO homelog_api
    USING (plant_id = ANY ((SELECT homelog.writable_plants())::uuid[]));
COMMENT ON POLICY delete_writer ON care_events IS 'Whoever may care for a plant undoes it.';

CREATE POLICY owner_all ON growth_measurements TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON growth_measurements IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON growth_measurements FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON growth_measurements IS 'Operators read all.';
CREATE POLICY select_reader ON growth_measurements FOR SELECT TO homelog_api
    USING (plant_id = ANY ((SELECT homelog.readable_plants())::uuid[]));
COMMENT ON POLICY select_reader ON growth_measurements IS 'Whoever sees a plant sees its measurements.';
CREATE POLICY insert_writer ON growth_measurements FOR INSERT TO homelog_api
    WITH CHECK (plant_id = ANY ((SELECT homelog.writable_plants())::uuid[]));
COMMENT ON POLICY insert_writer ON growth_measurements IS 'Whoever may care for a plant measures it.';

CREATE TRIGGER _900_audit
    AFTER INSERT OR DELETE ON care_events
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_care', '', 'delete_care', '', 'values');

GRANT EXECUTE ON FUNCTION homelog.readable_plants(), homelog.writable_plants() TO homelog_api;
GRANT SELECT ON care_events, growth_measurements TO homelog_api, homelog_ops;
GRANT INSERT (id, plant_id, kind, at, note) ON care_events TO homelog_api;
GRANT INSERT (id, plant_id, value) ON growth_measurements TO homelog_api;
GRANT DELETE ON care_events TO homelog_api;
