-- Undoes 0018_show_plants. No row is lost.

SET LOCAL ROLE homelog_owner;

DROP FUNCTION homelog.shown_plant(plants);
DROP VIEW shown_plants;
DROP FUNCTION homelog.shown_plant(plants, text, timestamptz);
