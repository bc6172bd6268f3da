-- Enum types. Labels are lowercase and are what the API says; a label is never removed, only added by a migration.

SET ROLE homelog_owner;

CREATE TYPE auth_provider AS ENUM ('line', 'google');
COMMENT ON TYPE auth_provider IS 'Who vouches for a linked identity.';

CREATE TYPE access_level AS ENUM ('read', 'write', 'admin');
COMMENT ON TYPE access_level IS
    'What a grant allows, each level with those before it: read sees; write logs, corrects and deletes readings; '
    'admin edits, shares and deletes the object.';

CREATE TYPE source_kind AS ENUM ('gauge', 'counter', 'delta');
COMMENT ON TYPE source_kind IS
    'How values add up: gauge is an instant value, counter a meter that only climbs, delta an amount per interval.';

CREATE TYPE quality_flag AS ENUM ('good', 'questionable', 'bad', 'estimated');
COMMENT ON TYPE quality_flag IS 'How far a reading can be trusted; bad ones count in no total.';

CREATE TYPE validator_action AS ENUM ('reject', 'flag');
COMMENT ON TYPE validator_action IS
    'What happens to a reading that breaks a rule: it is refused, or stored as questionable.';

CREATE TYPE plantkind AS ENUM ('monstera', 'fig', 'pothos', 'snake', 'succulent');
COMMENT ON TYPE plantkind IS
    'monstera Monstera deliciosa, fig Fiddle leaf fig, pothos Pothos, snake Snake plant, succulent Succulent or cactus.';

CREATE TYPE plantstatus AS ENUM ('dry', 'soon', 'thriving', 'watered', 'resting');
COMMENT ON TYPE plantstatus IS
    'dry needs water now, soon due within 1–2 days, thriving well watered and healthy, watered today, '
    'resting dormant for a season.';
