-- Undoes 0019_add_unknown_status. A label is never removed: unknown stays, and nothing says it any more.

SET LOCAL ROLE homelog_owner;

COMMENT ON TYPE plantstatus IS
    'dry needs water now, soon due within 1–2 days, thriving well watered and healthy, watered today, '
    'resting dormant for a season.';
