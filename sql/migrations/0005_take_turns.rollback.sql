-- No row is touched.

SET LOCAL ROLE homelog_owner;

DROP FUNCTION homelog.take_turns(uuid[]);
