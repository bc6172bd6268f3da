-- Readings, and the rules that a source's readings must keep.

SET ROLE homelog_owner;

-- The key is what a reading is: one value of one source at one time. Nobody can occupy another's id, one index serves
-- every query, and the table can be partitioned by time or distributed by source without a change.
CREATE TABLE readings (
    id            uuid              NOT NULL DEFAULT uuidv7(),
    source_id     uuid              NOT NULL,
    value         double precision  NOT NULL,
    timestamp     timestamptz       NOT NULL,
    recorded_at   timestamptz       NOT NULL DEFAULT now(),
    recorded_by   uuid              DEFAULT homelog.current_user_id(),
    quality_flag  quality_flag      NOT NULL DEFAULT 'good',
    notes         text,
    metadata      jsonb,
    updated_at    timestamptz       NOT NULL DEFAULT now(),

    CONSTRAINT readings_pkey PRIMARY KEY (source_id, timestamp),
    CONSTRAINT readings_source_id_fkey FOREIGN KEY (source_id) REFERENCES data_sources (id) ON DELETE CASCADE,
    CONSTRAINT readings_value_finite CHECK (value > '-Infinity' AND value < 'Infinity'),
    CONSTRAINT readings_timestamp_range CHECK (timestamp >= '1970-01-01 00:00+00' AND timestamp < '10000-01-01 00:00+00'),
    CONSTRAINT readings_notes_length CHECK (length(notes) <= 10000),
    CONSTRAINT readings_metadata_object CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 1000000)
);

COMMENT ON TABLE readings IS 'What a source showed at a time; at most one a time.';
COMMENT ON COLUMN readings.id IS 'Made by the client or here; travels with the reading, unique only as far as clients make it so.';
COMMENT ON COLUMN readings.timestamp IS 'When it was true.';
COMMENT ON COLUMN readings.recorded_at IS 'When it was stored.';
COMMENT ON COLUMN readings.recorded_by IS
    'Who stored it; null once that account is gone. Not a foreign key: its index would cost every reading 30 bytes.';
COMMENT ON COLUMN readings.metadata IS 'Whatever the sender wants to keep with it, an object.';
COMMENT ON CONSTRAINT readings_pkey ON readings IS 'The source already has a reading at this time with another value.';
COMMENT ON CONSTRAINT readings_source_id_fkey ON readings IS 'This source does not exist.';
COMMENT ON CONSTRAINT readings_value_finite ON readings IS 'A value is a finite number.';
COMMENT ON CONSTRAINT readings_timestamp_range ON readings IS 'A reading''s time lies between 1970 and 24 hours from now.';
COMMENT ON CONSTRAINT readings_notes_length ON readings IS 'Notes have at most 10,000 characters.';
COMMENT ON CONSTRAINT readings_metadata_object ON readings IS 'Metadata is an object of at most a megabyte.';

CREATE TABLE data_validators (
    id              uuid              NOT NULL DEFAULT uuidv7(),
    source_id       uuid              NOT NULL,
    min_value       double precision,
    max_value       double precision,
    non_decreasing  boolean           NOT NULL DEFAULT false,
    max_rate        double precision,
    action          validator_action  NOT NULL DEFAULT 'reject',
    created_at      timestamptz       NOT NULL DEFAULT now(),
    updated_at      timestamptz       NOT NULL DEFAULT now(),
    created_by      uuid              DEFAULT homelog.current_user_id(),

    CONSTRAINT data_validators_pkey PRIMARY KEY (source_id, id),
    CONSTRAINT data_validators_source_id_fkey FOREIGN KEY (source_id) REFERENCES data_sources (id) ON DELETE CASCADE,
    CONSTRAINT data_validators_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT data_validators_some_rule CHECK (
        min_value IS NOT NULL OR max_value IS NOT NULL OR non_decreasing OR max_rate IS NOT NULL
    ),
    CONSTRAINT data_validators_min_value_finite CHECK (min_value > '-Infinity' AND min_value < 'Infinity'),
    CONSTRAINT data_validators_max_value_finite CHECK (max_value > '-Infinity' AND max_value < 'Infinity'),
    CONSTRAINT data_validators_range_not_empty CHECK (min_value <= max_value),
    CONSTRAINT data_validators_max_rate_positive CHECK (max_rate > 0 AND max_rate < 'Infinity')
);

COMMENT ON TABLE data_validators IS 'Rules that a source''s readings must keep; a row may hold several.';
COMMENT ON COLUMN data_validators.non_decreasing IS 'True: no value is below an earlier one.';
COMMENT ON COLUMN data_validators.max_rate IS 'The steepest change allowed, in units an hour.';
COMMENT ON CONSTRAINT data_validators_pkey ON data_validators IS 'This id is taken by something else.';
COMMENT ON CONSTRAINT data_validators_source_id_fkey ON data_validators IS 'This source does not exist.';
COMMENT ON CONSTRAINT data_validators_created_by_fkey ON data_validators IS 'This account does not exist.';
COMMENT ON CONSTRAINT data_validators_some_rule ON data_validators IS 'A validator needs at least one rule.';
COMMENT ON CONSTRAINT data_validators_min_value_finite ON data_validators IS 'A minimum is a finite number.';
COMMENT ON CONSTRAINT data_validators_max_value_finite ON data_validators IS 'A maximum is a finite number.';
COMMENT ON CONSTRAINT data_validators_range_not_empty ON data_validators IS 'The minimum is not above the maximum.';
COMMENT ON CONSTRAINT data_validators_max_rate_positive ON data_validators IS 'A rate is a finite number above 0.';

CREATE INDEX data_validators_created_by_idx ON data_validators (created_by);

CREATE FUNCTION homelog.tg__audit_readings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    caller uuid := homelog.current_user_id();
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit_logs (user_id, source_id, entry_id, event_type, details)
        SELECT caller, source_id, CASE WHEN count(*) = 1 THEN (array_agg(id))[1] END, 'create_entry',
               jsonb_build_object('count', count(*), 'first', min(timestamp), 'last', max(timestamp),
                                  'role', session_user)
        FROM new_rows
        GROUP BY source_id;
    ELSIF TG_OP = 'UPDATE' THEN
        -- Matched by key: a statement that moves readings in time shows as old rows gone and new ones come.
        INSERT INTO audit_logs (user_id, source_id, entry_id, event_type, details)
        SELECT caller, coalesce(n.source_id, o.source_id), coalesce(n.id, o.id),
               CASE WHEN o.id IS NULL THEN 'create_entry' WHEN n.id IS NULL THEN 'delete_entry' ELSE 'update_entry' END,
               jsonb_build_object(
                   'timestamp', coalesce(n.timestamp, o.timestamp),
                   'old', homelog.reading_told(o), 'new', homelog.reading_told(n), 'role', session_user
               )
        FROM old_rows AS o
        FULL JOIN new_rows AS n ON (n.source_id, n.timestamp) = (o.source_id, o.timestamp)
        WHERE (o.id, o.value, o.quality_flag, o.notes, o.metadata)
              IS DISTINCT FROM (n.id, n.value, n.quality_flag, n.notes, n.metadata);
    ELSE
        -- Where the source itself is gone its one delete_source row has told of all its readings.
        INSERT INTO audit_logs (user_id, source_id, entry_id, event_type, details)
        SELECT caller, o.source_id, o.id, 'delete_entry',
               jsonb_build_object('timestamp', o.timestamp, 'old', homelog.reading_told(o), 'role', session_user)
        FROM old_rows AS o
        WHERE EXISTS (SELECT FROM data_sources AS s WHERE s.id = o.source_id);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__audit_readings() IS
    'Audits what other roles than the service write to readings; the service''s own statements do it themselves.';

CREATE FUNCTION homelog.reading_told(reading readings) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN reading.source_id IS NOT NULL THEN jsonb_strip_nulls(jsonb_build_object(
    'value', reading.value, 'quality_flag', reading.quality_flag, 'notes', reading.notes, 'metadata', reading.metadata
)) END;
COMMENT ON FUNCTION homelog.reading_told(readings) IS 'What of a reading an audit row keeps.';

-- current_user is homelog_api only in the service's own statements; the owner's functions, DBAs and restores differ.
CREATE TRIGGER _900_audit_insert
    AFTER INSERT ON readings REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_user <> 'homelog_api')
    EXECUTE FUNCTION homelog.tg__audit_readings();
CREATE TRIGGER _900_audit_update
    AFTER UPDATE ON readings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_user <> 'homelog_api')
    EXECUTE FUNCTION homelog.tg__audit_readings();
CREATE TRIGGER _900_audit_delete
    AFTER DELETE ON readings REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT WHEN (current_user <> 'homelog_api')
    EXECUTE FUNCTION homelog.tg__audit_readings();
CREATE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON readings
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();

CREATE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON data_validators
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE TRIGGER _900_audit
    AFTER INSERT OR UPDATE OR DELETE ON data_validators
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit(
        'create_validator', 'update_validator', 'delete_validator', 'source_id', 'values');

ALTER TABLE readings ENABLE ROW LEVEL SECURITY;
ALTER TABLE readings FORCE ROW LEVEL SECURITY;
ALTER TABLE data_validators ENABLE ROW LEVEL SECURITY;
ALTER TABLE data_validators FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON readings TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON readings IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON readings FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON readings IS 'Operators read all.';
CREATE POLICY select_reader ON readings FOR SELECT TO homelog_api
    USING (source_id = ANY ((SELECT homelog.readable_sources())::uuid[]));
COMMENT ON POLICY select_reader ON readings IS 'Whoever may read the source reads its readings.';
CREATE POLICY insert_writer ON readings FOR INSERT TO homelog_api
    WITH CHECK (source_id = ANY ((SELECT homelog.writable_sources())::uuid[]));
COMMENT ON POLICY insert_writer ON readings IS 'Whoever may write to the source logs readings.';
CREATE POLICY update_writer ON readings FOR UPDATE TO homelog_api
    USING (source_id = ANY ((SELECT homelog.writable_sources())::uuid[]));
COMMENT ON POLICY update_writer ON readings IS 'Whoever may write to the source corrects readings.';
CREATE POLICY delete_writer ON readings FOR DELETE TO homelog_api
    USING (source_id = ANY ((SELECT homelog.writable_sources())::uuid[]));
COMMENT ON POLICY delete_writer ON readings IS 'Whoever may write to the source removes readings.';

CREATE POLICY owner_all ON data_validators TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON data_validators IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON data_validators FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON data_validators IS 'Operators read all.';
CREATE POLICY select_reader ON data_validators FOR SELECT TO homelog_api
    USING (source_id = ANY ((SELECT homelog.granted_sources())::uuid[]));
COMMENT ON POLICY select_reader ON data_validators IS 'Whoever was granted the source sees its rules.';
CREATE POLICY insert_admin ON data_validators FOR INSERT TO homelog_api
    WITH CHECK (source_id = ANY ((SELECT homelog.administered_sources())::uuid[]));
COMMENT ON POLICY insert_admin ON data_validators IS 'A source''s admins make its rules.';
CREATE POLICY update_admin ON data_validators FOR UPDATE TO homelog_api
    USING (source_id = ANY ((SELECT homelog.administered_sources())::uuid[]));
COMMENT ON POLICY update_admin ON data_validators IS 'A source''s admins change its rules.';
CREATE POLICY delete_admin ON data_validators FOR DELETE TO homelog_api
    USING (source_id = ANY ((SELECT homelog.administered_sources())::uuid[]));
COMMENT ON POLICY delete_admin ON data_validators IS 'A source''s admins remove its rules.';

GRANT EXECUTE ON FUNCTION homelog.reading_told(readings) TO homelog_api;
GRANT SELECT ON readings, data_validators TO homelog_api, homelog_ops;
GRANT INSERT (id, source_id, value, timestamp, quality_flag, notes, metadata) ON readings TO homelog_api;
GRANT UPDATE (value, quality_flag, notes, metadata) ON readings TO homelog_api;
GRANT DELETE ON readings, data_validators TO homelog_api;
GRANT INSERT (id, source_id, min_value, max_value, non_decreasing, max_rate, action) ON data_validators TO homelog_api;
GRANT UPDATE (min_value, max_value, non_decreasing, max_rate, action) ON data_validators TO homelog_api;
