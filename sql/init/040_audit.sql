-- The audit log: append-only for everyone, kept for ever, without foreign keys so that it outlives what it tells of.

SET ROLE homelog_owner;

CREATE TABLE audit_logs (
    id          bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_time  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    user_id     uuid,
    source_id   uuid,
    entry_id    uuid,
    event_type  text         NOT NULL,
    details     jsonb        NOT NULL DEFAULT '{}',

    CONSTRAINT audit_logs_event_type_form CHECK (event_type ~ '^[a-z][a-z_]{1,49}$'),
    CONSTRAINT audit_logs_details_object CHECK (jsonb_typeof(details) = 'object')
);

COMMENT ON TABLE audit_logs IS 'Who saw and changed what; one row an event, never changed or removed.';
COMMENT ON COLUMN audit_logs.user_id IS 'Who did it; a plain value that outlives the account; null for nobody signed in.';
COMMENT ON COLUMN audit_logs.source_id IS 'The source it happened to, if any; a plain value.';
COMMENT ON COLUMN audit_logs.entry_id IS 'The reading it happened to, if it was one; a plain value.';
COMMENT ON COLUMN audit_logs.details IS 'Old and new values and what else tells the event; never a secret.';
COMMENT ON CONSTRAINT audit_logs_event_type_form ON audit_logs IS 'An event type is lowercase words joined by _.';
COMMENT ON CONSTRAINT audit_logs_details_object ON audit_logs IS 'The details of an event are an object.';

CREATE INDEX audit_logs_event_time_idx ON audit_logs (event_time);
CREATE INDEX audit_logs_user_id_id_idx ON audit_logs (user_id, id);
CREATE INDEX audit_logs_source_id_id_idx ON audit_logs (source_id, id);

CREATE FUNCTION homelog.tg__refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'The audit log is append-only.'
        USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION homelog.tg__refuse_change() IS 'Refuses every change to the table that it stands on.';

CREATE TRIGGER _100_refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_change();

ALTER TABLE audit_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_logs FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON audit_logs TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON audit_logs IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON audit_logs FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON audit_logs IS 'Operators read all.';
CREATE POLICY select_reader ON audit_logs FOR SELECT TO homelog_api USING (
    user_id = (SELECT homelog.current_user_id())
    OR source_id = ANY ((SELECT homelog.administered_sources())::uuid[])
);
COMMENT ON POLICY select_reader ON audit_logs IS 'One reads what one did, and all of the sources that one administers.';
CREATE POLICY insert_writer ON audit_logs FOR INSERT TO homelog_api WITH CHECK (
    user_id IS NOT DISTINCT FROM (SELECT homelog.current_user_id())
);
COMMENT ON POLICY insert_writer ON audit_logs IS 'The service writes events in the name of whom it acts for.';

GRANT SELECT ON audit_logs TO homelog_api, homelog_ops;
GRANT INSERT (user_id, source_id, entry_id, event_type, details) ON audit_logs TO homelog_api;

CREATE FUNCTION homelog.tg__audit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    event     text := CASE TG_OP WHEN 'INSERT' THEN TG_ARGV[0] WHEN 'UPDATE' THEN TG_ARGV[1] ELSE TG_ARGV[2] END;
    source    text := TG_ARGV[3];
    values_in boolean := TG_ARGV[4] = 'values';
    old_row   jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - 'updated_at' END;
    new_row   jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - 'updated_at' END;
    told      jsonb;
BEGIN
    -- What goes because its source went is told by the one delete_source row.
    IF TG_OP = 'DELETE' AND source <> '' AND NOT EXISTS (
        SELECT FROM data_sources AS s WHERE s.id = (old_row ->> source)::uuid
    ) THEN
        RETURN NULL;
    END IF;

    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(key, jsonb_build_object('old', old_row -> key, 'new', new_row -> key))
        INTO told
        FROM jsonb_object_keys(new_row) AS key
        WHERE old_row -> key IS DISTINCT FROM new_row -> key AND key <> 'last_login_at';

        IF told IS NULL THEN
            RETURN NULL;
        END IF;
        IF NOT values_in THEN
            told := jsonb_build_object('changed', (SELECT jsonb_agg(key ORDER BY key) FROM jsonb_object_keys(told) AS key));
        END IF;
        told := told || jsonb_strip_nulls(jsonb_build_object('id', new_row -> 'id', 'user_id', new_row -> 'user_id'));
    ELSIF values_in THEN
        told := jsonb_strip_nulls(coalesce(new_row, old_row));
    ELSE
        told := jsonb_build_object('id', coalesce(new_row, old_row) -> 'id');
    END IF;

    INSERT INTO audit_logs (user_id, source_id, event_type, details)
    VALUES (homelog.current_user_id(), (coalesce(new_row, old_row) ->> nullif(source, ''))::uuid, event, told);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__audit() IS
    'Writes one audit row a changed row. Arguments: the events of insert, update and delete; the column that holds the '
    'source''s id, or the empty word; then values, or names where personal data must stay out.';
