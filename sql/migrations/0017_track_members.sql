-- The change feed learns of members. Who belongs to a home sees its sources, plants and their care, so they gain and lose
-- them with the membership, and when something moves from one home to another. As with sources, nothing is written for
-- each who may see it: a home keeps what left it, a plant what care for it is gone, and whoever reads asks for the homes
-- they belong to, and for those they left. So it does not matter which of two came first, somebody who left or something
-- that came. A guest's end is no event at all: it is a time, and the reader compares it with that of the cursor.
-- depends: 0016_add_home_members

SET LOCAL ROLE homelog_owner;

CREATE TABLE gained_homes (
    home_id  uuid  NOT NULL,
    user_id  uuid  NOT NULL,

    CONSTRAINT gained_homes_pkey PRIMARY KEY (home_id, user_id),
    CONSTRAINT gained_homes_home_id_user_id_fkey FOREIGN KEY (home_id, user_id)
        REFERENCES home_members (home_id, user_id) ON UPDATE CASCADE ON DELETE CASCADE
);

COMMENT ON TABLE gained_homes IS
    'Members once more, never changed with their level: xmin is the transaction by which somebody came to see a home.';
COMMENT ON CONSTRAINT gained_homes_pkey ON gained_homes IS 'A membership is noted once.';
COMMENT ON CONSTRAINT gained_homes_home_id_user_id_fkey ON gained_homes IS 'This membership does not exist.';

CREATE TABLE moved_things (
    type       change_type  NOT NULL,
    id         uuid         NOT NULL,
    placed_at  timestamptz,

    CONSTRAINT moved_things_pkey PRIMARY KEY (type, id)
) WITH (fillfactor = 70);

COMMENT ON TABLE moved_things IS
    'Sources and plants that stand elsewhere than where they were made, or belong to somebody else: xmin is the '
    'transaction that last moved them.';
COMMENT ON COLUMN moved_things.placed_at IS 'Since when it stands there; null for where it was made.';
COMMENT ON CONSTRAINT moved_things_pkey ON moved_things IS 'A thing is noted once.';

CREATE TABLE place_tombstones (
    place_id    uuid         NOT NULL,
    xid         xid8         NOT NULL DEFAULT pg_current_xact_id(),
    id          uuid         NOT NULL,
    type        change_type  NOT NULL,
    op          change_op    NOT NULL,
    came_at     timestamptz,
    deleted_at  timestamptz  NOT NULL DEFAULT now(),

    CONSTRAINT place_tombstones_pkey PRIMARY KEY (place_id, xid, id, type),
    CONSTRAINT place_tombstones_op_gone CHECK (op <> 'upsert')
);

COMMENT ON TABLE place_tombstones IS
    'Sources and plants that left a home, for all who belong or belonged to it; care that is gone from a plant, for all '
    'who see the plant.';
COMMENT ON COLUMN place_tombstones.place_id IS 'The home; of care the plant.';
COMMENT ON COLUMN place_tombstones.xid IS 'The transaction that deleted it, or took it away.';
COMMENT ON COLUMN place_tombstones.came_at IS
    'Since when it stood in the home: who had left by then never saw it there. Null for care.';
COMMENT ON CONSTRAINT place_tombstones_pkey ON place_tombstones IS 'A loss is noted once a transaction.';
COMMENT ON CONSTRAINT place_tombstones_op_gone ON place_tombstones IS 'What is gone was deleted or lost.';

-- What came to be seen, and what is seen no more

CREATE OR REPLACE FUNCTION homelog.gained_sources(since pg_snapshot) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Not gained is what some reason showed before: one that is left of several is an old one.
    RETURN ARRAY(
        SELECT r.source_id
        FROM (
            SELECT a.source_id, homelog.changed_since(g.xmin, since) AS is_new
            FROM user_source_access AS a
            LEFT JOIN gained_sources AS g ON g.source_id = a.source_id AND g.user_id = a.user_id
            WHERE a.user_id = homelog.current_user_id()
            UNION ALL
            SELECT s.id, homelog.changed_since(g.xmin, since) OR coalesce(homelog.changed_since(t.xmin, since), false)
            FROM home_members AS m
            JOIN data_sources AS s ON s.home_id = m.home_id
            LEFT JOIN gained_homes AS g ON g.home_id = m.home_id AND g.user_id = m.user_id
            LEFT JOIN moved_things AS t ON t.type = 'source' AND t.id = s.id
            WHERE m.user_id = homelog.current_user_id() AND (m.expires_at IS NULL OR m.expires_at > now())
        ) AS r
        GROUP BY r.source_id
        HAVING pg_snapshot_xmin(since) = '1' OR bool_and(r.is_new)
    );
END
$$;

CREATE FUNCTION homelog.gained_plants(since pg_snapshot) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT p.id
        FROM gained_homes AS g
        JOIN plants AS p ON p.home_id = g.home_id
        WHERE g.user_id = homelog.current_user_id() AND homelog.changed_since(g.xmin, since)
        UNION
        SELECT t.id
        FROM moved_things AS t
        WHERE t.type = 'plant' AND t.id = ANY (homelog.readable_plants()) AND homelog.changed_since(t.xmin, since)
    );
END
$$;
COMMENT ON FUNCTION homelog.gained_plants(pg_snapshot) IS
    'The plants that the caller may have come to see since the snapshot: a copy may lack their care.';

CREATE FUNCTION homelog.losses(since pg_snapshot, at timestamptz)
RETURNS TABLE (xid xid8, id uuid, type change_type, op change_op)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH own AS (
        SELECT t.xid, t.id, t.type, t.op, t.deleted_at
        FROM user_tombstones AS t
        WHERE t.user_id = homelog.current_user_id() AND t.xid >= pg_snapshot_xmin(since)
          AND homelog.gone_since(t.xmin, t.xid, since)
    ), homes_left AS (
        SELECT o.xid, o.id, o.deleted_at AS left_at FROM own AS o WHERE o.type = 'home'
        UNION ALL
        -- A time that was set only after it had come was never between two readings: that row is new. Until it was set
        -- for good, which took less than a minute, the home was seen.
        SELECT '0'::xid8, m.home_id,
               m.expires_at + CASE WHEN homelog.changed_since(m.xmin, since) THEN interval '1 minute' ELSE '0' END
        FROM home_members AS m
        WHERE m.user_id = homelog.current_user_id() AND m.expires_at <= now()
          AND (m.expires_at > at OR homelog.changed_since(m.xmin, since))
    ), lost AS (
        SELECT o.xid, o.id, o.type, o.op FROM own AS o
        UNION ALL
        SELECT h.xid, h.id, 'home', 'lost' FROM homes_left AS h
        UNION ALL
        SELECT h.xid, s.id, 'source', 'lost'
        FROM homes_left AS h
        JOIN data_sources AS s ON s.home_id = h.id
        LEFT JOIN moved_things AS m ON m.type = 'source' AND m.id = s.id
        WHERE coalesce(m.placed_at, s.created_at) <= h.left_at
        UNION ALL
        SELECT h.xid, p.id, 'plant', 'lost'
        FROM homes_left AS h
        JOIN plants AS p ON p.home_id = h.id
        LEFT JOIN moved_things AS m ON m.type = 'plant' AND m.id = p.id
        WHERE coalesce(m.placed_at, p.created_at) <= h.left_at
        UNION ALL
        SELECT t.xid, t.id, t.type, CASE WHEN t.deleted_at > place.left_at THEN 'lost' ELSE t.op END
        FROM (
            SELECT unnest(homelog.readable_homes()), NULL::timestamptz, false
            UNION
            SELECT h.id, h.left_at, false FROM homes_left AS h
            UNION ALL
            SELECT unnest(homelog.readable_plants()), NULL, true
        ) AS place (id, left_at, is_plant)
        JOIN place_tombstones AS t ON t.place_id = place.id AND t.xid >= pg_snapshot_xmin(since)
        WHERE (t.type = 'care') = place.is_plant AND homelog.gone_since(t.xmin, t.xid, since)
          AND (place.left_at IS NULL OR t.came_at <= place.left_at)
    )
    SELECT max(l.xid), l.id, l.type, min(l.op)
    FROM lost AS l
    WHERE homelog.is_unbound() OR (l.type = 'source' AND l.id = ANY (homelog.bound_sources()))
    GROUP BY l.id, l.type;
END
$$;
COMMENT ON FUNCTION homelog.losses(pg_snapshot, timestamptz) IS
    'What the caller may not see any more since the snapshot, or since that time: what is gone, was taken from them '
    'or left a home of theirs, and all that stood in the homes that they left, when they did. Some of it they may still '
    'see for another reason. '
    'A token that is bound to sources learns of these alone.';

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
    ), of_places AS (
        DELETE FROM place_tombstones WHERE deleted_at < until_then RETURNING 1
    )
    SELECT (SELECT count(*) FROM of_sources) + (SELECT count(*) FROM of_users) + (SELECT count(*) FROM of_places)
    INTO forgotten;
    RETURN forgotten;
END
$$;

-- What is noted

CREATE FUNCTION homelog.tg__gain_home() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO gained_homes (home_id, user_id) VALUES (NEW.home_id, NEW.user_id)
    ON CONFLICT (home_id, user_id) DO UPDATE SET user_id = excluded.user_id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__gain_home() IS 'Notes that a person came to see a home, or comes to see it again.';

CREATE FUNCTION homelog.tg__leave_member_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- What comes into the home refers to it: it came before this lock, or is seen only after this is committed. So what
    -- is older than the time that is noted is what the person may have seen, and no more.
    PERFORM FROM homes WHERE id = OLD.home_id FOR UPDATE;
    INSERT INTO user_tombstones (user_id, type, id, op, deleted_at)
    SELECT u.id, 'home', OLD.home_id,
           CASE WHEN EXISTS (SELECT FROM homes WHERE id = OLD.home_id) THEN 'lost'::change_op ELSE 'delete' END,
           least(OLD.expires_at, clock_timestamp())
    FROM users AS u
    WHERE u.id = OLD.user_id
    ON CONFLICT (user_id, xid, id, type) DO UPDATE SET op = excluded.op, deleted_at = excluded.deleted_at;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__leave_member_tombstone() IS
    'Notes that a person lost a home, and when: the members of a home that is deleted go with it.';

CREATE FUNCTION homelog.tg__note_move() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    what  CONSTANT change_type := TG_ARGV[0];
    moves CONSTANT boolean := TG_OP = 'DELETE' OR (NEW.id, NEW.home_id) IS DISTINCT FROM (OLD.id, OLD.home_id);
BEGIN
    IF moves AND OLD.home_id IS NOT NULL THEN
        INSERT INTO place_tombstones AS t (place_id, type, id, op, came_at)
        SELECT OLD.home_id, what, OLD.id, CASE TG_OP WHEN 'DELETE' THEN 'delete'::change_op ELSE 'lost' END,
               coalesce((SELECT m.placed_at FROM moved_things AS m WHERE m.type = what AND m.id = OLD.id), OLD.created_at)
        ON CONFLICT (place_id, xid, id, type) DO UPDATE
            SET op = excluded.op, came_at = least(t.came_at, excluded.came_at);
    END IF;
    IF TG_OP = 'DELETE' THEN
        DELETE FROM moved_things WHERE type = what AND id = OLD.id;
    ELSE
        -- After the foreign key has the home's row: see homelog.tg__leave_member_tombstone().
        INSERT INTO moved_things AS m (type, id, placed_at) VALUES (what, NEW.id, CASE WHEN moves THEN clock_timestamp() END)
        ON CONFLICT (type, id) DO UPDATE SET placed_at = coalesce(excluded.placed_at, m.placed_at);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__note_move() IS
    'Notes what left a home, and that a thing stands elsewhere now or is somebody else''s. Argument: its change_type.';

CREATE OR REPLACE FUNCTION homelog.tg__leave_care_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO place_tombstones (place_id, type, id, op) VALUES (OLD.plant_id, 'care', OLD.id, 'delete')
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__leave_care_tombstone() IS 'Notes for all who see a plant that care for it is gone.';

-- lock: SHARE ROW EXCLUSIVE on small tables, for the catalogue's rows alone; a writer that is at work ends first, so that
-- every change after this is noted.
CREATE TRIGGER _600_gain_home_insert
    AFTER INSERT ON home_members
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__gain_home();
-- Also when the time was still to come: it may have come before this is committed.
CREATE TRIGGER _600_gain_home_update
    AFTER UPDATE ON home_members
    FOR EACH ROW WHEN (OLD.expires_at IS NOT NULL AND NEW.expires_at IS DISTINCT FROM OLD.expires_at)
    EXECUTE FUNCTION homelog.tg__gain_home();
CREATE TRIGGER _600_leave_tombstone_delete
    AFTER DELETE ON home_members
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_member_tombstone();
CREATE TRIGGER _600_leave_tombstone_update
    AFTER UPDATE ON home_members
    FOR EACH ROW WHEN ((OLD.home_id, OLD.user_id) <> (NEW.home_id, NEW.user_id))
    EXECUTE FUNCTION homelog.tg__leave_member_tombstone();
CREATE TRIGGER _600_note_move_delete
    AFTER DELETE ON data_sources
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__note_move('source');
CREATE TRIGGER _600_note_move_update
    AFTER UPDATE ON data_sources
    FOR EACH ROW WHEN ((OLD.id, OLD.home_id) IS DISTINCT FROM (NEW.id, NEW.home_id))
    EXECUTE FUNCTION homelog.tg__note_move('source');
CREATE TRIGGER _600_note_move_delete
    AFTER DELETE ON plants
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__note_move('plant');
CREATE TRIGGER _600_note_move_update
    AFTER UPDATE ON plants
    FOR EACH ROW WHEN ((OLD.id, OLD.home_id, OLD.user_id) IS DISTINCT FROM (NEW.id, NEW.home_id, NEW.user_id))
    EXECUTE FUNCTION homelog.tg__note_move('plant');

-- Whoever made a home sees it as its member now.
DROP TRIGGER _600_leave_tombstone_delete ON homes;
DROP TRIGGER _600_leave_tombstone_update ON homes;
DROP FUNCTION homelog.tg__leave_home_tombstone();

-- Who sees it

ALTER TABLE gained_homes ENABLE ROW LEVEL SECURITY;
ALTER TABLE gained_homes FORCE ROW LEVEL SECURITY;
ALTER TABLE moved_things ENABLE ROW LEVEL SECURITY;
ALTER TABLE moved_things FORCE ROW LEVEL SECURITY;
ALTER TABLE place_tombstones ENABLE ROW LEVEL SECURITY;
ALTER TABLE place_tombstones FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_all ON gained_homes TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON gained_homes IS 'The owner''s functions and triggers see and do all; the API asks homelog.gained_sources() and homelog.gained_plants().';
CREATE POLICY select_ops ON gained_homes FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON gained_homes IS 'Operators read all.';
CREATE POLICY owner_all ON moved_things TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON moved_things IS 'The owner''s functions and triggers see and do all; the API asks homelog.gained_sources() and homelog.gained_plants().';
CREATE POLICY select_ops ON moved_things FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON moved_things IS 'Operators read all.';
CREATE POLICY owner_all ON place_tombstones TO homelog_owner USING (true) WITH CHECK (true);
COMMENT ON POLICY owner_all ON place_tombstones IS 'The owner''s functions and triggers see and do all; the API asks homelog.losses().';
CREATE POLICY select_ops ON place_tombstones FOR SELECT TO homelog_ops USING (true);
COMMENT ON POLICY select_ops ON place_tombstones IS 'Operators read all.';

GRANT EXECUTE ON FUNCTION homelog.gained_plants(pg_snapshot), homelog.losses(pg_snapshot, timestamptz) TO homelog_api;
GRANT SELECT ON gained_homes, moved_things, place_tombstones TO homelog_ops;

-- Those who belong to a home already came to see it now. What never moved stands where it was made.
INSERT INTO gained_homes (home_id, user_id) SELECT home_id, user_id FROM home_members;
