-- Data sources: meters and sensors, and who may do what with each.

SET ROLE homelog_owner;

CREATE TABLE data_sources (
    id             uuid          PRIMARY KEY DEFAULT uuidv7(),
    name           varchar(100)  NOT NULL,
    description    text,
    source_type    varchar(50)   NOT NULL,
    unit           varchar(20)   NOT NULL,
    kind           source_kind   NOT NULL DEFAULT 'gauge',
    home_id        uuid,
    meter_number   varchar(100),
    place_name     varchar(200),
    address        text,
    thumbnail_url  text,
    is_public      boolean       NOT NULL DEFAULT false,
    created_at     timestamptz   NOT NULL DEFAULT now(),
    updated_at     timestamptz   NOT NULL DEFAULT now(),
    created_by     uuid          DEFAULT homelog.current_user_id(),

    CONSTRAINT data_sources_home_id_fkey FOREIGN KEY (home_id) REFERENCES homes (id) ON DELETE SET NULL,
    CONSTRAINT data_sources_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT data_sources_name_not_blank CHECK (name ~ '[^[:space:]]'),
    CONSTRAINT data_sources_description_length CHECK (length(description) <= 10000),
    CONSTRAINT data_sources_source_type_not_blank CHECK (source_type ~ '[^[:space:]]'),
    CONSTRAINT data_sources_unit_not_blank CHECK (unit ~ '[^[:space:]]'),
    CONSTRAINT data_sources_address_length CHECK (length(address) <= 500),
    CONSTRAINT data_sources_thumbnail_url_form CHECK (thumbnail_url ~ '^https?://' AND length(thumbnail_url) <= 2000)
);

COMMENT ON TABLE data_sources IS 'Meters, sensors and whatever else readings come from.';
COMMENT ON COLUMN data_sources.source_type IS 'electric, water, gas, heat, temperature or any other word.';
COMMENT ON COLUMN data_sources.unit IS 'The unit of every value: kWh, m³, °C.';
COMMENT ON COLUMN data_sources.kind IS 'How values add up.';
COMMENT ON COLUMN data_sources.is_public IS 'True: anyone who names it may read it, less address, number, people and notes.';
COMMENT ON COLUMN data_sources.created_by IS 'Who made it; null once that account is gone.';
COMMENT ON CONSTRAINT data_sources_home_id_fkey ON data_sources IS 'There is no such home where you may put things.';
COMMENT ON CONSTRAINT data_sources_created_by_fkey ON data_sources IS 'This account does not exist.';
COMMENT ON CONSTRAINT data_sources_name_not_blank ON data_sources IS 'A source needs a name.';
COMMENT ON CONSTRAINT data_sources_description_length ON data_sources IS 'A description has at most 10,000 characters.';
COMMENT ON CONSTRAINT data_sources_source_type_not_blank ON data_sources IS 'A source needs a type.';
COMMENT ON CONSTRAINT data_sources_unit_not_blank ON data_sources IS 'A source needs a unit.';
COMMENT ON CONSTRAINT data_sources_address_length ON data_sources IS 'An address has at most 500 characters.';
COMMENT ON CONSTRAINT data_sources_thumbnail_url_form ON data_sources IS
    'A thumbnail is an http or https URL of at most 2,000 characters.';

CREATE INDEX data_sources_home_id_idx ON data_sources (home_id);
CREATE INDEX data_sources_created_by_idx ON data_sources (created_by);

CREATE TABLE user_source_access (
    user_id       uuid          NOT NULL,
    source_id     uuid          NOT NULL,
    access_level  access_level  NOT NULL,
    granted_at    timestamptz   NOT NULL DEFAULT now(),
    granted_by    uuid          DEFAULT homelog.current_user_id(),

    CONSTRAINT user_source_access_pkey PRIMARY KEY (source_id, user_id),
    CONSTRAINT user_source_access_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT user_source_access_source_id_fkey FOREIGN KEY (source_id) REFERENCES data_sources (id) ON DELETE CASCADE,
    CONSTRAINT user_source_access_granted_by_fkey FOREIGN KEY (granted_by) REFERENCES users (id) ON DELETE SET NULL
);

COMMENT ON TABLE user_source_access IS 'Grants: what a user may do with a source; one row for each pair.';
COMMENT ON COLUMN user_source_access.granted_by IS 'Who granted it; null once that account is gone.';
COMMENT ON CONSTRAINT user_source_access_pkey ON user_source_access IS 'This person already has access to this source.';
COMMENT ON CONSTRAINT user_source_access_user_id_fkey ON user_source_access IS 'This account does not exist.';
COMMENT ON CONSTRAINT user_source_access_source_id_fkey ON user_source_access IS 'This source does not exist.';
COMMENT ON CONSTRAINT user_source_access_granted_by_fkey ON user_source_access IS 'This account does not exist.';

CREATE INDEX user_source_access_user_id_idx ON user_source_access (user_id, source_id) INCLUDE (access_level);
CREATE INDEX user_source_access_granted_by_idx ON user_source_access (granted_by);

CREATE FUNCTION homelog.tg__keep_an_admin() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Two admins who remove each other at the same time must not both succeed: the source's row is the lock. Where
    -- it is gone the grant goes with it.
    PERFORM FROM data_sources WHERE id = OLD.source_id FOR NO KEY UPDATE;
    IF FOUND AND NOT EXISTS (
        SELECT FROM user_source_access WHERE source_id = OLD.source_id AND access_level = 'admin'
    ) THEN
        RAISE EXCEPTION 'A source keeps at least one admin.'
            USING ERRCODE = 'integrity_constraint_violation', TABLE = 'user_source_access',
                  CONSTRAINT = 'user_source_access_last_admin';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__keep_an_admin() IS 'Refuses to leave a source without an admin.';

CREATE FUNCTION homelog.tg__audit_source_deletion() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO audit_logs (user_id, source_id, event_type, details)
    SELECT homelog.current_user_id(), OLD.id, 'delete_source',
           jsonb_strip_nulls(jsonb_build_object('name', OLD.name, 'readings', count(*),
                                                'first', min(r.timestamp), 'last', max(r.timestamp)))
    FROM readings AS r
    WHERE r.source_id = OLD.id;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION homelog.tg__audit_source_deletion() IS
    'Leaves one audit row for a source that goes, with the count and range of the readings that go with it.';

CREATE TRIGGER _050_check_home_insert
    BEFORE INSERT ON data_sources
    FOR EACH ROW WHEN (NEW.home_id IS NOT NULL)
    EXECUTE FUNCTION homelog.tg__check_home();
CREATE TRIGGER _050_check_home_update
    BEFORE UPDATE ON data_sources
    FOR EACH ROW WHEN (NEW.home_id IS NOT NULL AND NEW.home_id IS DISTINCT FROM OLD.home_id)
    EXECUTE FUNCTION homelog.tg__check_home();
CREATE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON data_sources
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE TRIGGER _800_audit_deletion
    BEFORE DELETE ON data_sources
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit_source_deletion();
CREATE TRIGGER _900_audit
    AFTER INSERT OR UPDATE ON data_sources
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_source', 'update_source', '', 'id', 'values');

CREATE TRIGGER _500_keep_an_admin_delete
    AFTER DELETE ON user_source_access
    FOR EACH ROW WHEN (OLD.access_level = 'admin')
    EXECUTE FUNCTION homelog.tg__keep_an_admin();
CREATE TRIGGER _500_keep_an_admin_update
    AFTER UPDATE ON user_source_access
    FOR EACH ROW WHEN (OLD.access_level = 'admin' AND NEW.access_level <> 'admin')
    EXECUTE FUNCTION homelog.tg__keep_an_admin();
CREATE TRIGGER _900_audit
    AFTER INSERT OR UPDATE OR DELETE ON user_source_access
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('grant_access', 'change_access', 'revoke_access', 'source_id', 'values');

ALTER TABLE data_sources ENABLE ROW LEVEL SECURITY;
ALTER TABLE data_sources FORCE ROW LEVEL SECURITY;
ALTER TABLE user_source_access ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_source_access FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON data_sources TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON data_sources IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON data_sources FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON data_sources IS 'Operators read all.';
CREATE POLICY select_reader ON data_sources FOR SELECT TO homelog_api
    USING (id = ANY ((SELECT homelog.readable_sources())::uuid[]));
COMMENT ON POLICY select_reader ON data_sources IS 'One sees sources granted, and the public one that one names.';
CREATE POLICY update_admin ON data_sources FOR UPDATE TO homelog_api
    USING (id = ANY ((SELECT homelog.administered_sources())::uuid[]));
COMMENT ON POLICY update_admin ON data_sources IS 'A source''s admins change it.';
CREATE POLICY delete_admin ON data_sources FOR DELETE TO homelog_api
    USING (id = ANY ((SELECT homelog.administered_sources())::uuid[]));
COMMENT ON POLICY delete_admin ON data_sources IS 'A source''s admins delete it.';

CREATE POLICY owner_all ON user_source_access TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON user_source_access IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON user_source_access FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON user_source_access IS 'Operators read all.';
CREATE POLICY select_reader ON user_source_access FOR SELECT TO homelog_api USING (
    user_id = (SELECT homelog.current_user_id())
    OR source_id = ANY ((SELECT homelog.administered_sources())::uuid[])
);
COMMENT ON POLICY select_reader ON user_source_access IS 'One sees one''s own grants, and all of the sources that one administers.';
CREATE POLICY insert_admin ON user_source_access FOR INSERT TO homelog_api
    WITH CHECK (source_id = ANY ((SELECT homelog.administered_sources())::uuid[]));
COMMENT ON POLICY insert_admin ON user_source_access IS 'A source''s admins grant access.';
CREATE POLICY update_admin ON user_source_access FOR UPDATE TO homelog_api
    USING (source_id = ANY ((SELECT homelog.administered_sources())::uuid[]));
COMMENT ON POLICY update_admin ON user_source_access IS 'A source''s admins change grants.';
CREATE POLICY delete_admin ON user_source_access FOR DELETE TO homelog_api USING (
    user_id = (SELECT homelog.current_user_id())
    OR source_id = ANY ((SELECT homelog.administered_sources())::uuid[])
);
COMMENT ON POLICY delete_admin ON user_source_access IS 'A source''s admins revoke grants; anyone gives up their own.';

-- Sources are made by homelog.create_source(), which makes the creator's grant too: no INSERT here.
GRANT SELECT ON data_sources, user_source_access TO homelog_api, homelog_ops;
GRANT UPDATE (name, description, source_type, unit, kind, home_id, meter_number, place_name, address, thumbnail_url,
              is_public)
    ON data_sources TO homelog_api;
GRANT DELETE ON data_sources, user_source_access TO homelog_api;
GRANT INSERT (user_id, source_id, access_level) ON user_source_access TO homelog_api;
GRANT UPDATE (access_level) ON user_source_access TO homelog_api;
