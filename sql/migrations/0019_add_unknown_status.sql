-- A plant whose sensor has fallen silent must not be called fine: its status gets a label for that. In a file of its own,
-- since a label cannot be used in the transaction that adds it. No row has it yet.
-- depends: 0018_show_plants

SET LOCAL ROLE homelog_owner;

ALTER TYPE plantstatus ADD VALUE IF NOT EXISTS 'unknown';
COMMENT ON TYPE plantstatus IS
    'dry needs water now, soon due within 1–2 days, thriving well watered and healthy, watered today, '
    'resting dormant for a season, unknown its sensor is silent.';
