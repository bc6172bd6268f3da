-- Undoes 0013_map_line_protocol. The sources and their readings stay; which series they are of is lost.

SET LOCAL ROLE homelog_owner;

DROP FUNCTION homelog.make_sources_of_lines(jsonb, integer);
DROP TABLE line_protocol_sources;
DROP FUNCTION homelog.tg__check_mapped_source();
