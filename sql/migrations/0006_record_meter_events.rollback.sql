-- Every meter event is lost: consumption drops again where a meter was swapped.

SET LOCAL ROLE homelog_owner;

DROP TABLE meter_events;
DROP FUNCTION homelog.tg__require_counter();
DROP TYPE meter_event_kind;
