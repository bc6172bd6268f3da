-- Undoes 0021_extend_care. Every interval of care is lost, when measurements were made, and what waterings would bring
-- back when they are undone.

SET LOCAL ROLE homelog_owner;

DROP VIEW shown_care_intervals;
DROP TABLE care_intervals;
DROP FUNCTION homelog.care_due_on(integer, timestamptz, text);
REVOKE UPDATE (value) ON growth_measurements FROM homelog_api;
DROP POLICY update_writer ON growth_measurements;
ALTER TABLE growth_measurements DROP COLUMN at;
ALTER POLICY insert_writer ON growth_measurements
    WITH CHECK (plant_id = ANY ((SELECT homelog.writable_plants())::uuid[]));
ALTER POLICY select_reader ON growth_measurements
    USING (plant_id = ANY ((SELECT homelog.readable_plants())::uuid[]));
COMMENT ON COLUMN growth_measurements.created_at IS NULL;
ALTER POLICY delete_writer ON care_events
    USING (plant_id = ANY ((SELECT homelog.writable_plants())::uuid[]));
ALTER POLICY insert_writer ON care_events
    WITH CHECK (plant_id = ANY ((SELECT homelog.writable_plants())::uuid[]));
ALTER POLICY select_reader ON care_events
    USING (plant_id = ANY ((SELECT homelog.readable_plants())::uuid[]));
DROP FUNCTION homelog.care_id(uuid, uuid);
DROP TRIGGER _900_audit_delete ON care_events;
DROP TRIGGER _900_audit_insert ON care_events;
CREATE TRIGGER _900_audit
    AFTER INSERT OR DELETE ON care_events
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_care', '', 'delete_care', '', 'values');
DROP TRIGGER _200_undo_watering ON care_events;
DROP FUNCTION homelog.tg__undo_watering();
ALTER TABLE care_events
    DROP COLUMN before_snoozed_until,
    DROP COLUMN before_version,
    DROP COLUMN before_status,
    DROP COLUMN before_moisture,
    DROP COLUMN before_last_water;
