-- Undoes 0015_refuse_truncate. Nothing is lost.

SET LOCAL ROLE homelog_owner;

DROP TRIGGER _100_refuse_truncate ON users;
DROP TRIGGER _100_refuse_truncate ON user_source_access;
DROP TRIGGER _100_refuse_truncate ON readings;
DROP TRIGGER _100_refuse_truncate ON plants;
DROP TRIGGER _100_refuse_truncate ON meter_events;
DROP TRIGGER _100_refuse_truncate ON line_protocol_sources;
DROP TRIGGER _100_refuse_truncate ON homes;
DROP TRIGGER _100_refuse_truncate ON device_tokens;
DROP TRIGGER _100_refuse_truncate ON data_validators;
DROP TRIGGER _100_refuse_truncate ON data_sources;
DROP TRIGGER _100_refuse_truncate ON care_events;
DROP FUNCTION homelog.tg__refuse_truncate();
