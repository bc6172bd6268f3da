-- Undoes 0026_forget_late_writers. No row is touched; whoever deletes their account while they write may leave their id
-- on a reading again.

SET LOCAL ROLE homelog_owner;

-- lock: ACCESS EXCLUSIVE on readings, for the moment that it takes to drop the trigger.
DROP TRIGGER _300_require_account ON readings;
DROP FUNCTION homelog.tg__require_account();
