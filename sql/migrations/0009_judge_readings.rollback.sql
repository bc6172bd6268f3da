-- The rules stay stored; nobody asks them any more.

SET LOCAL ROLE homelog_owner;

DROP TRIGGER _300_judge_update ON readings;
DROP TRIGGER _300_judge_insert ON readings;
DROP FUNCTION homelog.tg__judge_readings();
DROP FUNCTION homelog.keep_rules(uuid, timestamptz[], double precision[], quality_flag[]);
DROP FUNCTION homelog.judge_history(uuid, validator_rules, timestamptz, timestamptz, integer);
DROP FUNCTION homelog.judge_batch(uuid, json, boolean);
DROP FUNCTION homelog.judge_correction(uuid, uuid, timestamptz, timestamptz[], jsonb);
DROP FUNCTION homelog.judge_reading(uuid, uuid, double precision, timestamptz, quality_flag, boolean);
DROP FUNCTION homelog.refuse_reading(text, text, text);
DROP FUNCTION homelog.judge(uuid, timestamptz[], double precision[], quality_flag[], boolean);
DROP FUNCTION homelog.judge_in_turn(
    uuid, timestamptz[], double precision[], quality_flag[], boolean, validator_rules, validator_rules, validator_rules
);
DROP FUNCTION homelog.neighbours(uuid, timestamptz, timestamptz);
DROP FUNCTION homelog.violation_told(
    text, validator_rules, double precision, timestamptz, double precision, timestamptz, double precision, timestamptz
);
DROP FUNCTION homelog.broken_rule(
    validator_rules, double precision, timestamptz, double precision, timestamptz, double precision, timestamptz
);
DROP FUNCTION homelog.broken_rule(
    double precision, double precision, boolean, double precision, double precision, timestamptz,
    double precision, timestamptz, double precision, timestamptz
);
DROP FUNCTION homelog.is_too_steep(double precision, double precision, timestamptz, double precision, timestamptz);
DROP TYPE validator_rules;
