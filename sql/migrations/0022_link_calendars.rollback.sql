-- Undoes 0022_link_calendars. Every calendar link is lost: who subscribed must do so anew.

SET LOCAL ROLE homelog_owner;

DROP TABLE calendar_links;
DROP FUNCTION homelog.act_by_calendar_key(bytea);
DROP FUNCTION homelog.tg__renew_calendar_link();
DROP FUNCTION homelog.tg__audit_calendar_link();
