-- An UPDATE that changed nothing (an empty PATCH, one that says what is stored) made a new version all the same, and so
-- refused whoever had read the row before with 412, though nothing was audited and nothing could be seen. Now only what
-- changes a row stamps it. Compared as stored (*<>) and not by the types' own equality: to that an e-mail in other letters
-- and a number with more zeros are the same, and they are shown.
-- Not on plants: the order of a plant's waterings is its version before each, so one that finds all as it makes it climbs
-- too. There the service itself leaves out the UPDATE that would change nothing.
-- depends: 0034_classify_columns

SET LOCAL ROLE homelog_owner;

-- lock: SHARE ROW EXCLUSIVE on each table, for a change of the catalogue alone: writers wait for milliseconds, readers not
-- at all. The busiest table is the last.
CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON care_intervals
    FOR EACH ROW WHEN (OLD.* *<> NEW.*)
    EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON data_validators
    FOR EACH ROW WHEN (OLD.* *<> NEW.*)
    EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON homes
    FOR EACH ROW WHEN (OLD.* *<> NEW.*)
    EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON line_protocol_sources
    FOR EACH ROW WHEN (OLD.* *<> NEW.*)
    EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON source_retentions
    FOR EACH ROW WHEN (OLD.* *<> NEW.*)
    EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON users
    FOR EACH ROW WHEN (NEW.last_login_at IS NOT DISTINCT FROM OLD.last_login_at AND OLD.* *<> NEW.*)
    EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON data_sources
    FOR EACH ROW WHEN (OLD.* *<> NEW.*)
    EXECUTE FUNCTION homelog.tg__touch_updated_at();
-- A reading is corrected in its value mostly, and by the thousand: asked first, that costs no more than no condition did.
CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON readings
    FOR EACH ROW WHEN (OLD.value <> NEW.value OR OLD.* *<> NEW.*)
    EXECUTE FUNCTION homelog.tg__touch_updated_at();
