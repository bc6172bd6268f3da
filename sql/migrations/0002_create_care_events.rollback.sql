-- The plants keep their last watering and their growth; who cared when, and the ids of what was sent, are lost.

SET LOCAL ROLE homelog_owner;

DROP TABLE growth_measurements;
DROP TABLE care_events;
DROP FUNCTION homelog.writable_plants();
DROP FUNCTION homelog.readable_plants();
DROP TYPE care_kind;
