-- What the API shows of a plant stood in eleven statements, and every new field would have had to be added to each. Now
-- it stands in one function, which is inlined, so that lists still find their rows by an index; a view for those who
-- read, and a function of the row for those who have just written it.
-- No row changes, and what a running service calls stays.
-- depends: 0017_track_members

SET LOCAL ROLE homelog_owner;

-- Inlined where it is called, all three: they keep no search_path of their own and name what they use with its schema.
CREATE FUNCTION homelog.shown_plant(plant plants, zone text, at timestamptz)
RETURNS TABLE (
    id          uuid,
    user_id     uuid,
    name        text,
    species     text,
    kind        plantkind,
    room        text,
    moisture    double precision,
    status      plantstatus,
    every       integer,
    light       text,
    note        text,
    growth      double precision[],
    last_water  timestamptz,
    home_id     uuid,
    created_at  timestamptz,
    updated_at  timestamptz,
    due_on      date
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    SELECT
        p.id, p.user_id, p.name, p.species, p.kind, p.room, p.moisture,
        homelog.plant_status(p.status, p.every, p.last_water, here.zone, here.at) AS status,
        p.every, p.light, p.note,
        array(SELECT g.value::double precision FROM jsonb_array_elements(p.growth) AS g (value)) AS growth,
        p.last_water, p.home_id, p.created_at, p.updated_at,
        homelog.plant_due_on(p.status, p.every, p.last_water, here.zone) AS due_on
    FROM (SELECT (plant).*) AS p
    CROSS JOIN (SELECT coalesce(zone, 'UTC') AS zone, at) AS here;
END;
COMMENT ON FUNCTION homelog.shown_plant(plants, text, timestamptz) IS
    'What the API shows of a plant, in its order, at an instant and in the time zone of the plant''s home, UTC for null: '
    'the one place that lists it.';

CREATE VIEW shown_plants WITH (security_invoker = true) AS
SELECT s.*
FROM plants AS p
LEFT JOIN homes AS h ON p.home_id = h.id
CROSS JOIN LATERAL homelog.shown_plant(p, h.timezone, now()) AS s;
COMMENT ON VIEW shown_plants IS
    'Plants as the API shows them now. Its columns stay as they are while a service is running that takes them all.';

CREATE FUNCTION homelog.shown_plant(plant plants) RETURNS SETOF shown_plants
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    SELECT s.*
    FROM (SELECT plant, (plant).home_id AS home_id) AS p
    LEFT JOIN homes AS h ON p.home_id = h.id
    CROSS JOIN LATERAL homelog.shown_plant(p.plant, h.timezone, now()) AS s;
END;
COMMENT ON FUNCTION homelog.shown_plant(plants) IS
    'A plant that this very statement wrote, as shown_plants will show it to the next.';

GRANT EXECUTE ON FUNCTION
    homelog.shown_plant(plants, text, timestamptz),
    homelog.shown_plant(plants)
    TO homelog_api, homelog_ops;
GRANT SELECT ON shown_plants TO homelog_api, homelog_ops;
