-- Undoes 0017_track_members. Members' copies are told of nothing any more; what was noted for them is lost.

SET LOCAL ROLE homelog_owner;

DROP TRIGGER _600_note_move_update ON plants;
DROP TRIGGER _600_note_move_delete ON plants;
DROP TRIGGER _600_note_move_update ON data_sources;
DROP TRIGGER _600_note_move_delete ON data_sources;
DROP TRIGGER _600_leave_tombstone_update ON home_members;
DROP TRIGGER _600_leave_tombstone_delete ON home_members;
DROP TRIGGER _600_gain_home_update ON home_members;
DROP TRIGGER _600_gain_home_insert ON home_members;

CREATE FUNCTION homelog.tg__leave_home_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM homelog.leave_user_tombstone(OLD.created_by, 'home', OLD.id, CASE TG_OP
        WHEN 'UPDATE' THEN 'lost'::change_op ELSE 'delete'
    END);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__leave_home_tombstone() IS 'Notes for who made a home that it is gone, or not theirs now.';
CREATE TRIGGER _600_leave_tombstone_delete
    AFTER DELETE ON homes
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_home_tombstone();
CREATE TRIGGER _600_leave_tombstone_update
    AFTER UPDATE ON homes
    FOR EACH ROW WHEN ((OLD.id, OLD.created_by) IS DISTINCT FROM (NEW.id, NEW.created_by))
    EXECUTE FUNCTION homelog.tg__leave_home_tombstone();

CREATE OR REPLACE FUNCTION homelog.tg__leave_care_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM homelog.leave_user_tombstone(p.user_id, 'care', OLD.id, 'delete') FROM plants AS p WHERE p.id = OLD.plant_id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__leave_care_tombstone() IS 'Notes for a plant''s owner that care for it is gone.';

CREATE OR REPLACE FUNCTION homelog.forget_tombstones(keep interval) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    -- The day is for transactions that stayed open: a tombstone bears the time at which its transaction began.
    until_then timestamptz := now() - greatest(keep, homelog.change_retention()) - interval '1 day';
    forgotten  bigint;
BEGIN
    WITH of_sources AS (
        DELETE FROM source_tombstones WHERE deleted_at < until_then RETURNING 1
    ), of_users AS (
        DELETE FROM user_tombstones WHERE deleted_at < until_then RETURNING 1
    )
    SELECT (SELECT count(*) FROM of_sources) + (SELECT count(*) FROM of_users) INTO forgotten;
    RETURN forgotten;
END
$$;
COMMENT ON FUNCTION homelog.forget_tombstones(interval) IS
    'Deletes tombstones that are older, though none that a cursor may still ask for; says how many.';

CREATE OR REPLACE FUNCTION homelog.gained_sources(since pg_snapshot) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT a.source_id
        FROM user_source_access AS a
        LEFT JOIN gained_sources AS g ON g.source_id = a.source_id AND g.user_id = a.user_id
        WHERE a.user_id = homelog.current_user_id()
          AND (pg_snapshot_xmin(since) = '1' OR homelog.changed_since(g.xmin, since))
    );
END
$$;
COMMENT ON FUNCTION homelog.gained_sources(pg_snapshot) IS
    'The sources that the caller came to see since the snapshot, all for 1:1: a copy has nothing of them yet.';

DROP FUNCTION homelog.tg__note_move();
DROP FUNCTION homelog.tg__leave_member_tombstone();
DROP FUNCTION homelog.tg__gain_home();
DROP FUNCTION homelog.losses(pg_snapshot, timestamptz);
DROP FUNCTION homelog.gained_plants(pg_snapshot);
DROP TABLE place_tombstones;
DROP TABLE moved_things;
DROP TABLE gained_homes;
