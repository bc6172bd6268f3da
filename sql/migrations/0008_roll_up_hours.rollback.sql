-- The sums of hours go; applying it again makes them anew from the readings.

SET LOCAL ROLE homelog_owner;

DROP TRIGGER _500_roll_up_truncate ON readings;
DROP TRIGGER _500_roll_up_delete ON readings;
DROP TRIGGER _500_roll_up_update ON readings;
DROP TRIGGER _500_roll_up_insert ON readings;
DROP FUNCTION homelog.tg__roll_up();
DROP FUNCTION homelog.tg__roll_up_insert();
DROP FUNCTION homelog.rebuild_hours(uuid);
DROP FUNCTION homelog.sum_up_hours(uuid[], timestamptz[]);
DROP FUNCTION homelog.hour_of(timestamptz);
DROP TABLE reading_hours;
