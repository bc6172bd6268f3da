-- A meter is swapped, runs over its last digit or is set back to zero, and its values drop without anything having
-- flowed back. Each such moment becomes a row, so that consumption runs on across it.
-- depends: 0005_take_turns

SET LOCAL ROLE homelog_owner;

CREATE TYPE meter_event_kind AS ENUM ('swap', 'rollover', 'reset');
COMMENT ON TYPE meter_event_kind IS
    'Why a counter''s values jump: swap another meter hangs there, rollover it ran over its last digit, reset it was set '
    'back.';

CREATE TABLE meter_events (
    id          uuid              NOT NULL DEFAULT uuidv7(),
    source_id   uuid              NOT NULL,
    at          timestamptz       NOT NULL,
    kind        meter_event_kind  NOT NULL,
    old_value   double precision,
    new_value   double precision,
    created_at  timestamptz       NOT NULL DEFAULT now(),
    created_by  uuid              DEFAULT homelog.current_user_id(),

    CONSTRAINT meter_events_pkey PRIMARY KEY (source_id, id),
    CONSTRAINT meter_events_source_id_at_key UNIQUE (source_id, at),
    CONSTRAINT meter_events_source_id_fkey FOREIGN KEY (source_id) REFERENCES data_sources (id) ON DELETE CASCADE,
    CONSTRAINT meter_events_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT meter_events_at_range CHECK (at >= '1970-01-01 00:00+00' AND at < '10000-01-01 00:00+00'),
    CONSTRAINT meter_events_old_value_finite CHECK (old_value > '-Infinity' AND old_value < 'Infinity'),
    CONSTRAINT meter_events_new_value_finite CHECK (new_value > '-Infinity' AND new_value < 'Infinity')
);

COMMENT ON TABLE meter_events IS 'Moments at which a meter''s values jump though nothing flowed.';
COMMENT ON COLUMN meter_events.at IS 'From then on readings are of the meter as it is afterwards.';
COMMENT ON COLUMN meter_events.old_value IS 'What it would have shown just then; null: what the last reading before said.';
COMMENT ON COLUMN meter_events.new_value IS 'What it showed from then on; null: what the first reading afterwards says.';
COMMENT ON COLUMN meter_events.created_by IS 'Who noted it; null once that account is gone.';
COMMENT ON CONSTRAINT meter_events_pkey ON meter_events IS 'This id is taken by something else.';
COMMENT ON CONSTRAINT meter_events_source_id_at_key ON meter_events IS 'The source already has an event at this time.';
COMMENT ON CONSTRAINT meter_events_source_id_fkey ON meter_events IS 'This source does not exist.';
COMMENT ON CONSTRAINT meter_events_created_by_fkey ON meter_events IS 'This account does not exist.';
COMMENT ON CONSTRAINT meter_events_at_range ON meter_events IS 'A meter event lies between 1970 and 24 hours from now.';
COMMENT ON CONSTRAINT meter_events_old_value_finite ON meter_events IS 'The value before is a finite number.';
COMMENT ON CONSTRAINT meter_events_new_value_finite ON meter_events IS 'The value afterwards is a finite number.';

CREATE INDEX meter_events_created_by_idx ON meter_events (created_by);

-- After the insert, so that row security has refused who may not write before anything is told of the source, and so
-- that an event that is stored already stays so, whatever became of the source.
CREATE FUNCTION homelog.tg__require_counter() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM data_sources AS s WHERE s.id = NEW.source_id AND s.kind <> 'counter') THEN
        RAISE EXCEPTION 'Only a counter has meter events.'
            USING ERRCODE = 'check_violation', TABLE = 'meter_events', COLUMN = 'kind',
                  CONSTRAINT = 'meter_events_of_counter';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__require_counter() IS 'Refuses the events of a source that does not count up.';

CREATE TRIGGER _200_require_counter
    AFTER INSERT OR UPDATE OF source_id ON meter_events
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__require_counter();
CREATE TRIGGER _900_audit
    AFTER INSERT OR UPDATE OR DELETE ON meter_events
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit(
        'create_meter_event', 'update_meter_event', 'delete_meter_event', 'source_id', 'values');

ALTER TABLE meter_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE meter_events FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON meter_events TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON meter_events IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON meter_events FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON meter_events IS 'Operators read all.';
CREATE POLICY select_reader ON meter_events FOR SELECT TO homelog_api
    USING (source_id = ANY ((SELECT homelog.readable_sources())::uuid[]));
COMMENT ON POLICY select_reader ON meter_events IS 'Whoever may read the source sees them: its consumption follows them.';
CREATE POLICY insert_writer ON meter_events FOR INSERT TO homelog_api
    WITH CHECK (source_id = ANY ((SELECT homelog.writable_sources())::uuid[]));
COMMENT ON POLICY insert_writer ON meter_events IS 'Whoever may write to the source notes them.';
CREATE POLICY delete_writer ON meter_events FOR DELETE TO homelog_api
    USING (source_id = ANY ((SELECT homelog.writable_sources())::uuid[]));
COMMENT ON POLICY delete_writer ON meter_events IS 'Whoever may write to the source removes them.';

GRANT SELECT ON meter_events TO homelog_api, homelog_ops;
GRANT INSERT (id, source_id, at, kind, old_value, new_value) ON meter_events TO homelog_api;
GRANT DELETE ON meter_events TO homelog_api;
