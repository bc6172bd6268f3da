-- Collectors that speak InfluxDB's line protocol name what they log by measurement, tags and field, and know no sources.
-- Each such series of an account stands for one of its sources, or for none that is kept; one that nobody has said
-- anything about gets a source of its own when it is first seen.
-- depends: 0012_probe_grants

SET LOCAL ROLE homelog_owner;

CREATE TABLE line_protocol_sources (
    id          uuid         NOT NULL DEFAULT uuidv7(),
    user_id     uuid         NOT NULL DEFAULT homelog.current_user_id(),
    series      text         NOT NULL,
    source_id   uuid,
    is_made     boolean      NOT NULL DEFAULT false,
    created_at  timestamptz  NOT NULL DEFAULT now(),
    updated_at  timestamptz  NOT NULL DEFAULT now(),

    CONSTRAINT line_protocol_sources_pkey PRIMARY KEY (user_id, series),
    CONSTRAINT line_protocol_sources_user_id_id_key UNIQUE (user_id, id),
    CONSTRAINT line_protocol_sources_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT line_protocol_sources_source_id_fkey FOREIGN KEY (source_id)
        REFERENCES data_sources (id) ON DELETE CASCADE,
    CONSTRAINT line_protocol_sources_series_length CHECK (octet_length(series) BETWEEN 1 AND 2000)
);

COMMENT ON TABLE line_protocol_sources IS 'Which source a series of the line protocol is logged to, account by account.';
COMMENT ON COLUMN line_protocol_sources.series IS 'Measurement, sorted tags and field: temperature,room=kitchen value.';
COMMENT ON COLUMN line_protocol_sources.source_id IS 'Where its values go; null: they are not kept.';
COMMENT ON COLUMN line_protocol_sources.is_made IS 'True: the source was made when the series was first seen.';
COMMENT ON CONSTRAINT line_protocol_sources_pkey ON line_protocol_sources IS 'This series is mapped already.';
COMMENT ON CONSTRAINT line_protocol_sources_user_id_id_key ON line_protocol_sources IS
    'This id is taken by something else.';
COMMENT ON CONSTRAINT line_protocol_sources_user_id_fkey ON line_protocol_sources IS 'This account does not exist.';
COMMENT ON CONSTRAINT line_protocol_sources_source_id_fkey ON line_protocol_sources IS
    'There is no such source that you may write to.';
COMMENT ON CONSTRAINT line_protocol_sources_series_length ON line_protocol_sources IS
    'A series, with all its tags, has at most 2,000 bytes.';

CREATE INDEX line_protocol_sources_source_id_idx ON line_protocol_sources (source_id);

CREATE FUNCTION homelog.tg__check_mapped_source() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- A foreign key does not ask row security: a foreign source must look like one that is not there.
    IF NOT NEW.source_id = ANY (homelog.writable_sources()) THEN
        RAISE EXCEPTION 'There is no such source that you may write to.'
            USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, COLUMN = 'source_id',
                  CONSTRAINT = 'line_protocol_sources_source_id_fkey';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION homelog.tg__check_mapped_source() IS
    'Refuses to map a series to a source that the caller may not write to.';

-- What homelog.make_sources_of_lines() makes, the owner writes; a request may write to it from the next one on.
CREATE TRIGGER _050_check_source
    BEFORE INSERT OR UPDATE ON line_protocol_sources
    FOR EACH ROW WHEN (NEW.source_id IS NOT NULL AND current_user = 'homelog_api')
    EXECUTE FUNCTION homelog.tg__check_mapped_source();
CREATE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON line_protocol_sources
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE TRIGGER _900_audit
    AFTER INSERT OR UPDATE OR DELETE ON line_protocol_sources
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit(
        'create_line_mapping', 'update_line_mapping', 'delete_line_mapping', 'source_id', 'values');

CREATE FUNCTION homelog.make_sources_of_lines(wanted jsonb, most integer)
RETURNS TABLE (series text, source_id uuid)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    caller uuid := homelog.current_user_id();
BEGIN
    IF caller IS NULL OR NOT homelog.is_unbound() THEN
        RETURN;
    END IF;

    -- Two collectors that see a series first at the same time make one source; and the number is exact.
    PERFORM pg_advisory_xact_lock(hashtextextended(concat('homelog: line protocol ', caller), 0));
    RETURN QUERY
    WITH new AS (
        SELECT uuidv7() AS id, w.series, w.name, w.source_type, w.unit
        FROM jsonb_to_recordset(wanted) AS w (series text, name text, source_type text, unit text)
        WHERE NOT EXISTS (
            SELECT FROM line_protocol_sources AS m WHERE (m.user_id, m.series) = (caller, w.series)
        )
        ORDER BY w.series
        LIMIT greatest(0, most - (
            SELECT count(*) FROM line_protocol_sources AS m WHERE m.user_id = caller AND m.is_made
        ))
    ),

    made AS (
        INSERT INTO data_sources (id, name, source_type, unit)
        SELECT n.id, n.name, n.source_type, n.unit FROM new AS n
    ),

    granted AS (
        INSERT INTO user_source_access (user_id, source_id, access_level)
        SELECT caller, n.id, 'admin' FROM new AS n
    ),

    mapped AS (
        INSERT INTO line_protocol_sources (user_id, series, source_id, is_made)
        SELECT caller, n.series, n.id, true FROM new AS n
    )

    SELECT n.series, n.id FROM new AS n
    UNION ALL
    SELECT m.series, m.source_id
    FROM line_protocol_sources AS m
    WHERE m.user_id = caller
      AND m.series IN (SELECT w.series FROM jsonb_to_recordset(wanted) AS w (series text));
END
$$;
COMMENT ON FUNCTION homelog.make_sources_of_lines(jsonb, integer) IS
    'Makes a source, which the caller administers, for each of these series that is not mapped, while fewer than so many '
    'have been made so; answers all of them that are mapped now. A token that is bound to sources makes none.';

ALTER TABLE line_protocol_sources ENABLE ROW LEVEL SECURITY;
ALTER TABLE line_protocol_sources FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON line_protocol_sources TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON line_protocol_sources IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON line_protocol_sources FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON line_protocol_sources IS 'Operators read all.';
CREATE POLICY select_reader ON line_protocol_sources FOR SELECT TO homelog_api
    USING (user_id = (SELECT homelog.current_user_id()));
COMMENT ON POLICY select_reader ON line_protocol_sources IS 'One sees one''s own mappings.';
CREATE POLICY insert_writer ON line_protocol_sources FOR INSERT TO homelog_api
    WITH CHECK (user_id = (SELECT homelog.current_user_id()));
COMMENT ON POLICY insert_writer ON line_protocol_sources IS 'One maps series of one''s own.';
CREATE POLICY update_writer ON line_protocol_sources FOR UPDATE TO homelog_api
    USING (user_id = (SELECT homelog.current_user_id()))
    WITH CHECK (user_id = (SELECT homelog.current_user_id()));
COMMENT ON POLICY update_writer ON line_protocol_sources IS 'One maps one''s own series elsewhere.';
CREATE POLICY delete_writer ON line_protocol_sources FOR DELETE TO homelog_api
    USING (user_id = (SELECT homelog.current_user_id()));
COMMENT ON POLICY delete_writer ON line_protocol_sources IS 'One removes one''s own mappings.';

GRANT EXECUTE ON FUNCTION homelog.make_sources_of_lines(jsonb, integer) TO homelog_api;
GRANT SELECT ON line_protocol_sources TO homelog_api, homelog_ops;
GRANT INSERT (series, source_id) ON line_protocol_sources TO homelog_api;
GRANT UPDATE (source_id, is_made) ON line_protocol_sources TO homelog_api;
GRANT DELETE ON line_protocol_sources TO homelog_api;
