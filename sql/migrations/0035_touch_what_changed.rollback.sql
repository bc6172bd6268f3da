-- Undoes 0035_touch_what_changed. Nothing is lost: an UPDATE that changes nothing makes a new version again.

SET LOCAL ROLE homelog_owner;

CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON readings
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON data_sources
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON users
    FOR EACH ROW WHEN (NEW.last_login_at IS NOT DISTINCT FROM OLD.last_login_at)
    EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON source_retentions
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON line_protocol_sources
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON homes
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON data_validators
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();
CREATE OR REPLACE TRIGGER _100_touch_updated_at
    BEFORE UPDATE ON care_intervals
    FOR EACH ROW EXECUTE FUNCTION homelog.tg__touch_updated_at();
