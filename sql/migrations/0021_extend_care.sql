-- Care was logged and never read. Now a watering can be undone, so it keeps what the plant was before it; care other than
-- watering has intervals of its own; and a measurement says when it was made, so that growth is seen over time.
-- Waterings and measurements of before: the former have nothing to bring back, the latter were made when they were stored.
-- depends: 0020_follow_seasons_and_sensors

SET LOCAL ROLE homelog_owner;

-- Undoing

-- lock: ACCESS EXCLUSIVE on care_events, for the catalogue's rows and one look at a table that is small.
ALTER TABLE care_events
    ADD COLUMN before_last_water     timestamptz,
    ADD COLUMN before_moisture       double precision,
    ADD COLUMN before_status         plantstatus,
    ADD COLUMN before_snoozed_until  date,
    ADD COLUMN before_version        timestamptz,
    ADD CONSTRAINT care_events_before_whole CHECK (
        num_nulls(before_moisture, before_status, before_version) IN (0, 3)
        AND (before_version IS NOT NULL OR num_nonnulls(before_last_water, before_snoozed_until) = 0)
        AND (before_version IS NULL OR kind = 'water')
    );

COMMENT ON COLUMN care_events.before_last_water IS 'The plant''s last_water before this watering.';
COMMENT ON COLUMN care_events.before_moisture IS 'The plant''s moisture before this watering; null for other care.';
COMMENT ON COLUMN care_events.before_status IS 'The plant''s stored status before this watering; null for other care.';
COMMENT ON COLUMN care_events.before_snoozed_until IS 'The plant''s snoozed_until before this watering.';
COMMENT ON COLUMN care_events.before_version IS
    'The plant''s updated_at before this watering: it climbs, so it is the order in which a plant''s waterings were stored.';
COMMENT ON CONSTRAINT care_events_before_whole ON care_events IS
    'A watering keeps all that the plant was before it, other care nothing.';

CREATE FUNCTION homelog.tg__undo_watering() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    watered plants;
    later   care_events;
    -- What the undone watering made of last_water, and what it would be without it.
    made    timestamptz := greatest(OLD.before_last_water, OLD.at);
    due     timestamptz := OLD.before_last_water;
    newest  boolean := true;
    -- Only one that moved last_water on ended that the plant was put off.
    advanced CONSTANT boolean := OLD.at > coalesce(OLD.before_last_water, '-infinity');
BEGIN
    SELECT * INTO watered FROM plants WHERE id = OLD.plant_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;  -- It goes, and its care with it.
    END IF;

    -- The waterings after it were stored on top of it: the next one takes over what was before, so that they can be
    -- undone in any order. What somebody changed in between stands, and what was before that matters no more.
    FOR later IN
        SELECT * FROM care_events
        WHERE plant_id = OLD.plant_id AND before_version > OLD.before_version
        ORDER BY before_version
    LOOP
        UPDATE care_events
        SET before_last_water = CASE
                WHEN before_last_water IS NOT DISTINCT FROM made THEN due ELSE before_last_water
            END,
            before_moisture = CASE
                WHEN newest AND before_moisture = 1 THEN OLD.before_moisture ELSE before_moisture
            END,
            before_status = CASE
                WHEN newest AND before_status = 'watered' THEN OLD.before_status ELSE before_status
            END,
            before_snoozed_until = CASE
                WHEN newest AND advanced THEN coalesce(before_snoozed_until, OLD.before_snoozed_until)
                ELSE before_snoozed_until
            END
        WHERE id = later.id;
        newest := false;
        IF later.before_last_water IS DISTINCT FROM made THEN
            RETURN NULL;
        END IF;
        made := greatest(made, later.at);
        due := greatest(due, later.at);
        IF made = due THEN
            RETURN NULL;
        END IF;
    END LOOP;

    UPDATE plants
    SET last_water = CASE WHEN last_water = made THEN due ELSE last_water END,
        moisture = CASE WHEN newest AND moisture = 1 THEN OLD.before_moisture ELSE moisture END,
        status = CASE WHEN newest AND status = 'watered' THEN OLD.before_status ELSE status END,
        snoozed_until = CASE
            WHEN newest AND advanced THEN coalesce(snoozed_until, OLD.before_snoozed_until) ELSE snoozed_until
        END
    WHERE id = OLD.plant_id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__undo_watering() IS
    'Makes of a plant what it were without a watering that is deleted, but for what was changed since.';

CREATE TRIGGER _200_undo_watering
    AFTER DELETE ON care_events
    FOR EACH ROW WHEN (OLD.before_version IS NOT NULL)
    EXECUTE FUNCTION homelog.tg__undo_watering();

-- lock: SHARE ROW EXCLUSIVE on care_events, held already.
DROP TRIGGER _900_audit ON care_events;
CREATE TRIGGER _900_audit_insert
    AFTER INSERT ON care_events REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__audit_many('create_care', '', 'delete_care');
CREATE TRIGGER _900_audit_delete
    AFTER DELETE ON care_events REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__audit_many('create_care', '', 'delete_care');

CREATE FUNCTION homelog.care_id(many uuid, plant uuid) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN regexp_replace(
    encode(sha256(uuid_send(many) || uuid_send(plant)), 'hex'), '^(.{12}).(.{3}).(.{15}).*', '\18\28\3'
)::uuid;
COMMENT ON FUNCTION homelog.care_id(uuid, uuid) IS
    'The id (RFC 9562, version 8) of the care for one plant within care for many that has this id: the same when it is '
    'sent again.';

-- Whoever sees a plant sees its care. Asked of the plant and not of an array of all that one sees: care for one plant is
-- one probe, and care for ten thousand at once not ten thousand searches of an array of as many.
-- lock: ACCESS EXCLUSIVE on care_events and growth_measurements, for the moment that it takes to change their policies.
ALTER POLICY select_reader ON care_events
    USING (EXISTS (
        SELECT FROM plants AS p
        WHERE p.id = care_events.plant_id
    ));
ALTER POLICY insert_writer ON care_events WITH CHECK (EXISTS (
    SELECT FROM plants AS p
    WHERE p.id = care_events.plant_id
      AND (
          p.user_id = (SELECT homelog.current_user_id())
          OR p.home_id = ANY ((SELECT homelog.writable_homes())::uuid[])
      )
));
ALTER POLICY delete_writer ON care_events USING (EXISTS (
    SELECT FROM plants AS p
    WHERE p.id = care_events.plant_id
      AND (
          p.user_id = (SELECT homelog.current_user_id())
          OR p.home_id = ANY ((SELECT homelog.writable_homes())::uuid[])
      )
));
ALTER POLICY select_reader ON growth_measurements
    USING (EXISTS (
        SELECT FROM plants AS p
        WHERE p.id = growth_measurements.plant_id
    ));
ALTER POLICY insert_writer ON growth_measurements WITH CHECK (EXISTS (
    SELECT FROM plants AS p
    WHERE p.id = growth_measurements.plant_id
      AND (
          p.user_id = (SELECT homelog.current_user_id())
          OR p.home_id = ANY ((SELECT homelog.writable_homes())::uuid[])
      )
));

-- Growth over time

-- lock: ACCESS EXCLUSIVE on growth_measurements, for as long as it takes to write a table that is small.
ALTER TABLE growth_measurements ADD COLUMN at timestamptz;
UPDATE growth_measurements SET at = created_at;
ALTER TABLE growth_measurements
    ALTER COLUMN at SET DEFAULT now(),
    ALTER COLUMN at SET NOT NULL,
    ADD CONSTRAINT growth_measurements_at_range CHECK (
        at >= '1970-01-01 00:00+00' AND at < '10000-01-01 00:00+00'
    );

COMMENT ON COLUMN growth_measurements.at IS 'When it was measured.';
COMMENT ON COLUMN growth_measurements.created_at IS 'When it was stored.';
COMMENT ON CONSTRAINT growth_measurements_at_range ON growth_measurements IS
    'A measurement lies between 1970 and 24 hours from now.';

CREATE POLICY update_writer ON growth_measurements FOR UPDATE TO homelog_api USING (EXISTS (
    SELECT FROM plants AS p
    WHERE p.id = growth_measurements.plant_id
      AND (
          p.user_id = (SELECT homelog.current_user_id())
          OR p.home_id = ANY ((SELECT homelog.writable_homes())::uuid[])
      )
));
COMMENT ON POLICY update_writer ON growth_measurements IS 'Whoever may care for a plant corrects its measurements.';

-- Intervals

CREATE TABLE care_intervals (
    plant_id    uuid         NOT NULL,
    kind        care_kind    NOT NULL,
    every       integer      NOT NULL,
    created_at  timestamptz  NOT NULL DEFAULT now(),
    updated_at  timestamptz  NOT NULL DEFAULT now(),

    CONSTRAINT care_intervals_pkey PRIMARY KEY (plant_id, kind),
    CONSTRAINT care_intervals_plant_id_fkey FOREIGN KEY (plant_id) REFERENCES plants (id) ON DELETE CASCADE,
    CONSTRAINT care_intervals_kind_not_water CHECK (kind <> 'water'),
    CONSTRAINT care_intervals_every_range CHECK (every BETWEEN 1 AND 3650)
);

COMMENT ON TABLE care_intervals IS 'How often a plant wants care other than water.';
COMMENT ON COLUMN care_intervals.every IS 'Days from one time to the next.';
COMMENT ON CONSTRAINT care_intervals_pkey ON care_intervals IS 'A plant has one interval for each kind of care.';
COMMENT ON CONSTRAINT care_intervals_plant_id_fkey ON care_intervals IS 'This plant does not exist.';
COMMENT ON CONSTRAINT care_intervals_kind_not_water ON care_intervals IS
    'How often a plant is watered is a field of its own: every.';
COMMENT ON CONSTRAINT care_intervals_every_range ON care_intervals IS 'Care is due every 1 to 3,650 days.';

CREATE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON care_intervals
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE TRIGGER _100_refuse_truncate
    BEFORE TRUNCATE ON care_intervals
    FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();
CREATE TRIGGER _900_audit
    AFTER INSERT OR UPDATE OR DELETE ON care_intervals
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit(
        'create_interval', 'update_interval', 'delete_interval', '', 'values'
    );

-- Inlined, so it keeps no search_path of its own.
CREATE FUNCTION homelog.care_due_on(every integer, last_at timestamptz, zone text) RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN last_at IS NOT NULL THEN least(homelog.local_date(last_at, zone) + every, date '9999-12-31') END;
COMMENT ON FUNCTION homelog.care_due_on(integer, timestamptz, text) IS
    'The local day on which care is due next, no later than every client can say; null if it was never done.';

CREATE VIEW shown_care_intervals WITH (security_invoker = true) AS
SELECT
    i.plant_id, i.kind, i.every, done.at AS last_at,
    homelog.care_due_on(i.every, done.at, homelog.plant_zone(p.home_id, h.timezone)) AS due_on,
    i.created_at, i.updated_at
FROM care_intervals AS i
INNER JOIN plants AS p ON i.plant_id = p.id
LEFT JOIN homes AS h ON p.home_id = h.id
LEFT JOIN LATERAL (
    SELECT c.at
    FROM care_events AS c
    WHERE c.plant_id = i.plant_id AND c.kind = i.kind
    ORDER BY c.at DESC
    LIMIT 1
) AS done ON true;
COMMENT ON VIEW shown_care_intervals IS
    'Intervals of care as the API shows them: when it was last done, and the day in the plant''s home on which it is due.';

ALTER TABLE care_intervals ENABLE ROW LEVEL SECURITY;
ALTER TABLE care_intervals FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON care_intervals TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON care_intervals IS 'The owner''s functions and triggers see and do all.';
CREATE POLICY select_ops ON care_intervals FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON care_intervals IS 'Operators read all.';
CREATE POLICY select_reader ON care_intervals FOR SELECT TO homelog_api
    USING (EXISTS (
        SELECT FROM plants AS p
        WHERE p.id = care_intervals.plant_id
    ));
COMMENT ON POLICY select_reader ON care_intervals IS 'Whoever sees a plant sees how often it wants care.';
CREATE POLICY insert_admin ON care_intervals FOR INSERT TO homelog_api WITH CHECK (EXISTS (
    SELECT FROM plants AS p
    WHERE p.id = care_intervals.plant_id
      AND (
          p.user_id = (SELECT homelog.current_user_id())
          OR p.home_id = ANY ((SELECT homelog.administered_homes())::uuid[])
      )
));
COMMENT ON POLICY insert_admin ON care_intervals IS 'A plant''s owner and its home''s admins say how often it wants care.';
CREATE POLICY update_admin ON care_intervals FOR UPDATE TO homelog_api USING (EXISTS (
    SELECT FROM plants AS p
    WHERE p.id = care_intervals.plant_id
      AND (
          p.user_id = (SELECT homelog.current_user_id())
          OR p.home_id = ANY ((SELECT homelog.administered_homes())::uuid[])
      )
));
COMMENT ON POLICY update_admin ON care_intervals IS 'A plant''s owner and its home''s admins change how often it wants care.';
CREATE POLICY delete_admin ON care_intervals FOR DELETE TO homelog_api USING (EXISTS (
    SELECT FROM plants AS p
    WHERE p.id = care_intervals.plant_id
      AND (
          p.user_id = (SELECT homelog.current_user_id())
          OR p.home_id = ANY ((SELECT homelog.administered_homes())::uuid[])
      )
));
COMMENT ON POLICY delete_admin ON care_intervals IS 'A plant''s owner and its home''s admins end an interval.';

GRANT EXECUTE ON FUNCTION homelog.care_id(uuid, uuid) TO homelog_api;
GRANT EXECUTE ON FUNCTION homelog.care_due_on(integer, timestamptz, text) TO homelog_api, homelog_ops;
GRANT INSERT (before_last_water, before_moisture, before_status, before_snoozed_until, before_version)
    ON care_events TO homelog_api;
GRANT INSERT (at), UPDATE (value) ON growth_measurements TO homelog_api;
GRANT SELECT ON care_intervals, shown_care_intervals TO homelog_api, homelog_ops;
GRANT INSERT (plant_id, kind, every) ON care_intervals TO homelog_api;
GRANT UPDATE (every) ON care_intervals TO homelog_api;
GRANT DELETE ON care_intervals TO homelog_api;
