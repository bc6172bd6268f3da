-- The rules of a source (data_validators) were stored and nobody asked them. Now whoever logs or corrects a reading is
-- told which rule it breaks: the service's own statements ask homelog.judge_…(), those of others meet a trigger. Both
-- end in homelog.judge(), which alone knows what comes after what, and homelog.broken_rule(), which alone knows the
-- rules.
--
-- Readings are judged as if they had come one after the other in the order of their time. What was accepted is a
-- neighbour of what comes next, what was rejected is not, what was flagged is. No rule judges a bad reading, and it is
-- nobody's neighbour. Across a meter event there are no neighbours: another meter may start lower.
--
-- Functions that look for neighbours may not read a whole table: while that is small the planner would rather, and keep
-- the plan.
-- depends: 0008_roll_up_hours

SET LOCAL ROLE homelog_owner;

CREATE TYPE validator_rules AS (
    min_value       double precision,
    max_value       double precision,
    non_decreasing  boolean,
    max_rate        double precision
);
COMMENT ON TYPE validator_rules IS 'What the values of a source must keep to; a rule that is null asks nothing.';

-- Doubles are only as exact as they are: 1.1 is more than 0.1 above 1. So a change is too steep only if it is by more
-- than their last digits. What is clamped lies where an operation would overflow or vanish, and no meter ever shows it.
CREATE FUNCTION homelog.is_too_steep(
    max_rate double precision, value double precision, at timestamptz, other double precision, other_at timestamptz
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN max_rate IS NOT NULL AND other IS NOT NULL
    AND abs(least(greatest(value, -8e307), 8e307) - least(greatest(other, -8e307), 8e307))
        > least(greatest(max_rate, 1e-290), 1e300) * (abs(date_part('epoch', at - other_at)) / 3600)
          + 1e-12 * greatest(abs(value), abs(other), 1e-290);
COMMENT ON FUNCTION homelog.is_too_steep(
    double precision, double precision, timestamptz, double precision, timestamptz
) IS 'Whether two values differ by more than so many units an hour, whichever came first.';

-- Said of bare numbers, too: taking a row of rules apart for each of ten thousand readings would cost more than to
-- judge them.
CREATE FUNCTION homelog.broken_rule(
    min_value double precision, max_value double precision, non_decreasing boolean, max_rate double precision,
    value double precision, at timestamptz,
    before_value double precision, before_at timestamptz, after_value double precision, after_at timestamptz
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN value < min_value THEN 'min_value'
    WHEN value > max_value THEN 'max_value'
    WHEN non_decreasing AND (value < before_value OR value > after_value) THEN 'non_decreasing'
    WHEN homelog.is_too_steep(max_rate, value, at, before_value, before_at)
        OR homelog.is_too_steep(max_rate, value, at, after_value, after_at) THEN 'max_rate'
END;
COMMENT ON FUNCTION homelog.broken_rule(
    double precision, double precision, boolean, double precision, double precision, timestamptz,
    double precision, timestamptz, double precision, timestamptz
) IS 'The first rule that a value breaks between its neighbours, null if it keeps to all; a neighbour may be null.';

CREATE FUNCTION homelog.broken_rule(
    rules validator_rules, value double precision, at timestamptz,
    before_value double precision, before_at timestamptz, after_value double precision, after_at timestamptz
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN homelog.broken_rule(
    (rules).min_value, (rules).max_value, (rules).non_decreasing, (rules).max_rate,
    value, at, before_value, before_at, after_value, after_at
);
COMMENT ON FUNCTION homelog.broken_rule(
    validator_rules, double precision, timestamptz, double precision, timestamptz, double precision, timestamptz
) IS 'The first of these rules that a value breaks between its neighbours.';

CREATE FUNCTION homelog.violation_told(
    rule text, rules validator_rules, value double precision, at timestamptz,
    before_value double precision, before_at timestamptz, after_value double precision, after_at timestamptz
) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    is_before boolean := CASE rule
        WHEN 'non_decreasing' THEN value < before_value
        ELSE homelog.is_too_steep(rules.max_rate, value, at, before_value, before_at)
    END IS TRUE;
    other     double precision := CASE WHEN is_before THEN before_value ELSE after_value END;
    other_at  timestamp := CASE WHEN is_before THEN before_at ELSE after_at END AT TIME ZONE 'UTC';
    neighbour text := format(
        'the reading %s at %sZ', CASE WHEN is_before THEN 'before' ELSE 'after' END,
        replace(to_char(other_at, 'YYYY-MM-DD"T"HH24:MI:SS.US'), '.000000', '')
    );
BEGIN
    RETURN CASE rule
        WHEN 'min_value' THEN format('The value %s is below the minimum of %s.', value, rules.min_value)
        WHEN 'max_value' THEN format('The value %s is above the maximum of %s.', value, rules.max_value)
        WHEN 'non_decreasing' THEN format(
            'The value %s is %s %s, %s.', value, CASE WHEN is_before THEN 'below' ELSE 'above' END, other, neighbour
        )
        ELSE format(
            'The value %s is too far from %s, %s: more than %s an hour.', value, other, neighbour, rules.max_rate
        )
    END;
END
$$;
COMMENT ON FUNCTION homelog.violation_told(
    text, validator_rules, double precision, timestamptz, double precision, timestamptz, double precision, timestamptz
) IS 'How a value breaks a rule, as a sentence.';

CREATE FUNCTION homelog.neighbours(
    source uuid, since timestamptz, until timestamptz,
    OUT before_value double precision, OUT before_at timestamptz,
    OUT after_value double precision, OUT after_at timestamptz
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
BEGIN
    SELECT b.value, b.timestamp, a.value, a.timestamp INTO before_value, before_at, after_value, after_at
    FROM (
        SELECT
            (SELECT max(e.at) FROM meter_events AS e WHERE e.source_id = source AND e.at <= since) AS first_at,
            (SELECT min(e.at) FROM meter_events AS e WHERE e.source_id = source AND e.at > until) AS end_at
    ) AS meter
    LEFT JOIN LATERAL (
        SELECT r.value, r.timestamp
        FROM readings AS r
        WHERE r.source_id = source
          AND r.timestamp >= greatest(meter.first_at, '-infinity')
          AND r.timestamp < since
          AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
        ORDER BY r.timestamp DESC
        LIMIT 1
    ) AS b ON true
    LEFT JOIN LATERAL (
        SELECT r.value, r.timestamp
        FROM readings AS r
        WHERE r.source_id = source
          AND r.timestamp > until
          AND r.timestamp < least(meter.end_at, 'infinity')
          AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
        ORDER BY r.timestamp
        LIMIT 1
    ) AS a ON true;
END
$$;
COMMENT ON FUNCTION homelog.neighbours(uuid, timestamptz, timestamptz) IS
    'The stored readings next to a stretch of time, of the meter that hung there at its start and at its end; bad ones '
    'do not count.';

CREATE FUNCTION homelog.judge_in_turn(
    source uuid, ats timestamptz[], vals double precision[], flags quality_flag[], replaces boolean,
    reject validator_rules, flag validator_rules, strictest validator_rules
) RETURNS TABLE (place integer, action validator_action, rule text, detail text)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    last_place     integer := cardinality(ats);
    asks_around    boolean := strictest.non_decreasing OR strictest.max_rate IS NOT NULL;
    is_broken      boolean;
    events         timestamptz[];
    -- By place: how many meter events came before; the stored neighbours between it and the places next to it; what is
    -- stored at its own time.
    segments       integer[];
    before_values  double precision[];
    before_ats     timestamptz[];
    after_values   double precision[];
    after_ats      timestamptz[];
    old_values     double precision[];
    old_flags      quality_flag[];
    -- The same, with what comes after the next places where nothing lies between.
    next_values    double precision[];
    next_ats       timestamptz[];
    -- While they come: the last neighbour before a time; what stands at that time itself, and whether that was just
    -- accepted.
    before_value   double precision;
    before_at      timestamptz;
    standing       double precision;
    is_taken       boolean;
    in_turn        boolean;
    old_stays      boolean;
    places         integer[];
    actions        validator_action[];
    broken_rules   text[];
    details        text[];
BEGIN
    IF last_place = 1 THEN
        SELECT ARRAY[n.before_value], ARRAY[n.before_at], ARRAY[n.after_value], ARRAY[n.after_at]
        INTO before_values, before_ats, after_values, after_ats
        FROM homelog.neighbours(source, ats[1], ats[1]) AS n
        WHERE asks_around;
        SELECT ARRAY[r.value], ARRAY[r.quality_flag] INTO old_values, old_flags
        FROM readings AS r
        WHERE replaces AND r.source_id = source AND r.timestamp = ats[1];
    ELSIF asks_around OR replaces THEN
        events := ARRAY(
            SELECT e.at FROM meter_events AS e
            WHERE asks_around AND e.source_id = source
            ORDER BY e.at
        );
        SELECT
            array_agg(g.segment ORDER BY g.place),
            array_agg(b.value ORDER BY g.place), array_agg(b.timestamp ORDER BY g.place),
            array_agg(a.value ORDER BY g.place), array_agg(a.timestamp ORDER BY g.place),
            array_agg(o.value ORDER BY g.place), array_agg(o.quality_flag ORDER BY g.place),
            -- Whether any would break a rule if all were accepted; with bad ones among them that is not told here.
            bool_or(g.flag = 'bad' OR homelog.broken_rule(
                strictest, g.value, g.at,
                CASE WHEN b.timestamp IS NOT NULL THEN b.value WHEN g.follows THEN g.before_value END,
                CASE WHEN b.timestamp IS NOT NULL THEN b.timestamp WHEN g.follows THEN g.before_at END,
                a.value, a.timestamp
            ) IS NOT NULL)
        INTO segments, before_values, before_ats, after_values, after_ats, old_values, old_flags, is_broken
        FROM (
            SELECT
                t.place, t.at, t.value, t.flag, width_bucket(t.at, events) AS segment,
                lag(t.at) OVER in_time AS before_at, lag(t.value) OVER in_time AS before_value,
                width_bucket(lag(t.at) OVER in_time, events) = width_bucket(t.at, events) AS follows,
                lead(t.at) OVER in_time AS after_at
            FROM unnest(ats, vals, flags) WITH ORDINALITY AS t (at, value, flag, place)
            WINDOW in_time AS (ORDER BY t.place)
        ) AS g
        LEFT JOIN LATERAL (
            SELECT r.value, r.timestamp
            FROM readings AS r
            WHERE asks_around
              AND r.source_id = source
              AND r.timestamp > greatest(g.before_at, '-infinity')
              AND r.timestamp >= greatest(events[g.segment], '-infinity')
              AND r.timestamp < g.at
              AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
            ORDER BY r.timestamp DESC
            LIMIT 1
        ) AS b ON true
        LEFT JOIN LATERAL (
            SELECT r.value, r.timestamp
            FROM readings AS r
            WHERE asks_around
              AND r.source_id = source
              AND r.timestamp > g.at
              AND r.timestamp < least(g.after_at, events[g.segment + 1], 'infinity')
              AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
            ORDER BY r.timestamp
            LIMIT 1
        ) AS a ON true
        LEFT JOIN LATERAL (
            SELECT r.value, r.quality_flag
            FROM readings AS r
            WHERE replaces AND r.source_id = source AND r.timestamp = g.at
            LIMIT 1
        ) AS o ON true;
        IF NOT is_broken THEN
            RETURN;
        END IF;
    END IF;

    -- One after the other. Values that are to be replaced by others are out of the way from the start, so that a whole
    -- series may be shifted; but should the replacement of one be rejected, they are judged once more, each value
    -- counting until its replacement's turn.
    FOREACH in_turn IN ARRAY ARRAY[false, true] LOOP
        places := '{}';
        actions := '{}';
        broken_rules := '{}';
        details := '{}';
        old_stays := false;
        next_values := after_values;
        next_ats := after_ats;
        FOR i IN REVERSE last_place - 1 .. 1 LOOP
            IF next_ats[i] IS NULL AND segments[i] = segments[i + 1] THEN
                IF ats[i + 1] > ats[i] AND old_flags[i + 1] <> 'bad'
                    AND (in_turn OR flags[i + 1] <> 'bad' AND vals[i + 1] = old_values[i + 1]) THEN
                    next_values[i] := old_values[i + 1];
                    next_ats[i] := ats[i + 1];
                ELSE
                    next_values[i] := next_values[i + 1];
                    next_ats[i] := next_ats[i + 1];
                END IF;
            END IF;
        END LOOP;

        before_value := NULL;
        before_at := NULL;
        standing := NULL;
        FOR i IN 1 .. last_place LOOP
            IF i = 1 OR ats[i] > ats[i - 1] THEN
                IF segments[i] <> segments[i - 1] THEN
                    before_value := NULL;
                    before_at := NULL;
                ELSIF standing IS NOT NULL THEN
                    before_value := standing;
                    before_at := ats[i - 1];
                END IF;
                IF before_ats[i] IS NOT NULL THEN
                    before_value := before_values[i];
                    before_at := before_ats[i];
                END IF;
                standing := CASE WHEN old_flags[i] <> 'bad' THEN old_values[i] END;
                is_taken := false;
            ELSIF is_taken AND NOT replaces THEN
                -- Another one of the same time: a duplicate or a conflict, which no rule need say.
                CONTINUE;
            END IF;

            IF flags[i] = 'bad' THEN
                standing := NULL;
                is_taken := true;
                CONTINUE;
            END IF;
            -- A value that stands there already is not rejected, nor flagged if its quality does too.
            action := 'reject';
            rule := CASE WHEN standing = vals[i] THEN NULL ELSE homelog.broken_rule(
                reject, vals[i], ats[i], before_value, before_at, next_values[i], next_ats[i]
            ) END;
            IF rule IS NOT NULL THEN
                old_stays := old_stays OR NOT is_taken AND standing IS NOT NULL;
            ELSE
                IF is_taken OR standing IS DISTINCT FROM vals[i] OR old_flags[i] <> flags[i] THEN
                    action := 'flag';
                    rule := homelog.broken_rule(
                        flag, vals[i], ats[i], before_value, before_at, next_values[i], next_ats[i]
                    );
                END IF;
                standing := vals[i];
                is_taken := true;
            END IF;
            IF rule IS NOT NULL THEN
                places := places || i;
                actions := actions || action;
                broken_rules := broken_rules || rule;
                details := details || homelog.violation_told(
                    rule, CASE action WHEN 'reject' THEN reject ELSE flag END, vals[i], ats[i],
                    before_value, before_at, next_values[i], next_ats[i]
                );
            END IF;
        END LOOP;
        EXIT WHEN NOT old_stays;
    END LOOP;
    RETURN QUERY SELECT u.* FROM unnest(places, actions, broken_rules, details) AS u;
END
$$;
COMMENT ON FUNCTION homelog.judge_in_turn(
    uuid, timestamptz[], double precision[], quality_flag[], boolean, validator_rules, validator_rules, validator_rules
) IS 'Decides for homelog.judge() where that cannot tell at a glance that all keep to the rules.';

CREATE FUNCTION homelog.judge(
    source uuid, ats timestamptz[], vals double precision[], flags quality_flag[], replaces boolean
) RETURNS TABLE (place integer, action validator_action, rule text, detail text)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    last_place   integer := cardinality(ats);
    found        record;
    reject       validator_rules;
    flag         validator_rules;
    strictest    validator_rules;
    asks_around  boolean;
    must_decide  boolean := false;
    first_judged integer := 1;
    last_judged  integer := 1;
    ends         record;
BEGIN
    SELECT
        max(v.min_value) FILTER (WHERE v.action = 'reject') AS reject_min,
        min(v.max_value) FILTER (WHERE v.action = 'reject') AS reject_max,
        bool_or(v.non_decreasing) FILTER (WHERE v.action = 'reject') AS reject_decrease,
        min(v.max_rate) FILTER (WHERE v.action = 'reject') AS reject_rate,
        max(v.min_value) FILTER (WHERE v.action = 'flag') AS flag_min,
        min(v.max_value) FILTER (WHERE v.action = 'flag') AS flag_max,
        bool_or(v.non_decreasing) FILTER (WHERE v.action = 'flag') AS flag_decrease,
        min(v.max_rate) FILTER (WHERE v.action = 'flag') AS flag_rate,
        max(v.min_value) AS any_min, min(v.max_value) AS any_max, bool_or(v.non_decreasing) AS any_decrease,
        min(v.max_rate) AS any_rate, count(*) AS count
    INTO found
    FROM data_validators AS v
    WHERE v.source_id = source;
    IF found.count = 0 OR last_place = 0 THEN
        RETURN;
    END IF;
    reject := ROW(found.reject_min, found.reject_max, found.reject_decrease, found.reject_rate);
    flag := ROW(found.flag_min, found.flag_max, found.flag_decrease, found.flag_rate);
    strictest := ROW(found.any_min, found.any_max, found.any_decrease, found.any_rate);
    asks_around := strictest.non_decreasing OR strictest.max_rate IS NOT NULL;

    -- If all were accepted, would any break a rule? Nearly always not, and then there is nothing to decide. Of several
    -- at one time the one that is stored lies between the neighbours of all: what fits them all fits it.
    IF last_place > 1 THEN
        SELECT
            bool_or(homelog.broken_rule(
                strictest.min_value, strictest.max_value, strictest.non_decreasing, strictest.max_rate,
                u.value, u.at, u.before_value, u.before_at, NULL, NULL
            ) IS NOT NULL),
            min(u.place), max(u.place)
        INTO must_decide, first_judged, last_judged
        FROM (
            SELECT
                t.place, t.value, t.at,
                lag(t.value) OVER in_time AS before_value, lag(t.at) OVER in_time AS before_at
            FROM unnest(ats, vals, flags) WITH ORDINALITY AS t (at, value, flag, place)
            WHERE t.flag <> 'bad'
            WINDOW in_time AS (ORDER BY t.place)
        ) AS u;
        IF first_judged IS NULL OR NOT asks_around AND NOT must_decide THEN
            RETURN;
        END IF;
        -- Where something is stored between them, not only those at the ends have stored neighbours.
        must_decide := must_decide OR EXISTS (
            SELECT FROM readings AS r
            WHERE r.source_id = source AND r.timestamp BETWEEN ats[1] AND ats[last_place]
        ) OR EXISTS (
            SELECT FROM meter_events AS e WHERE e.source_id = source AND e.at > ats[1] AND e.at <= ats[last_place]
        );
    ELSIF flags[1] = 'bad' THEN
        RETURN;
    END IF;
    IF NOT must_decide THEN
        SELECT n.* INTO ends
        FROM homelog.neighbours(source, ats[first_judged], ats[last_judged]) AS n
        WHERE asks_around;
        IF homelog.broken_rule(
            strictest, vals[first_judged], ats[first_judged], ends.before_value, ends.before_at, NULL, NULL
        ) IS NULL AND homelog.broken_rule(
            strictest, vals[last_judged], ats[last_judged], NULL, NULL, ends.after_value, ends.after_at
        ) IS NULL THEN
            RETURN;
        END IF;
    END IF;

    RETURN QUERY
    SELECT j.*
    FROM homelog.judge_in_turn(source, ats, vals, flags, replaces, reject, flag, strictest) AS j;
END
$$;
COMMENT ON FUNCTION homelog.judge(uuid, timestamptz[], double precision[], quality_flag[], boolean) IS
    'What a source''s rules say of readings that are to be stored, or just were: a row for each that is rejected or '
    'flagged, by its place in the arrays from 1. They come in the order of their time. What is stored at these times '
    'is no neighbour, and gives way if it is replaced. The caller holds the source''s turn.';

CREATE FUNCTION homelog.refuse_reading(rule text, detail text, field text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '%', detail
        USING ERRCODE = 'check_violation', TABLE = 'readings', COLUMN = field, CONSTRAINT = 'data_validators_' || rule;
END
$$;
COMMENT ON FUNCTION homelog.refuse_reading(text, text, text) IS
    'Refuses a reading as a constraint would, in the words of the rule that it breaks.';

CREATE FUNCTION homelog.judge_reading(
    source uuid, reading uuid, reading_value double precision, reading_at timestamptz, reading_flag quality_flag,
    replaces boolean,
    OUT at timestamptz, OUT flag quality_flag
)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    verdict record;
BEGIN
    IF NOT source = ANY (homelog.writable_sources()) THEN
        RETURN;
    END IF;
    PERFORM homelog.take_turns(ARRAY[source]);

    flag := reading_flag;
    at := reading_at;
    IF at IS NULL AND reading IS NOT NULL THEN
        at := (
            SELECT r.timestamp FROM readings AS r
            WHERE r.source_id = source AND r.timestamp > now() - interval '1 day' AND r.id = reading
            ORDER BY r.timestamp DESC LIMIT 1
        );
    END IF;
    at := coalesce(at, now());

    IF EXISTS (SELECT FROM data_validators AS v WHERE v.source_id = source)
        AND (replaces OR NOT EXISTS (SELECT FROM readings AS r WHERE r.source_id = source AND r.timestamp = at)) THEN
        SELECT j.* INTO verdict
        FROM homelog.judge(source, ARRAY[at], ARRAY[reading_value], ARRAY[reading_flag], replaces) AS j;
        IF verdict.action = 'reject' THEN
            PERFORM homelog.refuse_reading(verdict.rule, verdict.detail, 'value');
        ELSIF verdict.action = 'flag' THEN
            flag := 'questionable';
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION homelog.judge_reading(uuid, uuid, double precision, timestamptz, quality_flag, boolean) IS
    'Takes the source''s turn and judges a reading that is to be logged: its time (without one, that of the reading of '
    'this id within the last day, else now) and the quality that the rules leave it; raises where they reject it. Both '
    'null for a caller who may not log.';

CREATE FUNCTION homelog.judge_correction(
    source uuid, reading uuid, reading_at timestamptz, versions timestamptz[], fields jsonb
) RETURNS quality_flag
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    stored    readings;
    new_value double precision;
    new_flag  quality_flag;
    verdict   record;
BEGIN
    IF NOT source = ANY (homelog.writable_sources()) THEN
        RETURN NULL;
    END IF;
    PERFORM homelog.take_turns(ARRAY[source]);

    IF NOT EXISTS (SELECT FROM data_validators AS v WHERE v.source_id = source) THEN
        RETURN NULL;
    END IF;
    SELECT r.* INTO stored
    FROM readings AS r
    WHERE r.source_id = source
      AND r.id = reading
      AND r.timestamp BETWEEN greatest(reading_at, '-infinity') AND least(reading_at, 'infinity')
    ORDER BY r.timestamp
    LIMIT 1;
    IF stored.id IS NULL OR NOT (versions IS NULL OR stored.updated_at = ANY (versions)) THEN
        RETURN NULL;
    END IF;

    new_value := coalesce((fields ->> 'value')::double precision, stored.value);
    new_flag := coalesce((fields ->> 'quality_flag')::quality_flag, stored.quality_flag);
    IF new_value = stored.value AND stored.quality_flag <> 'bad' THEN
        RETURN NULL;
    END IF;
    SELECT j.* INTO verdict
    FROM homelog.judge(source, ARRAY[stored.timestamp], ARRAY[new_value], ARRAY[new_flag], true) AS j;
    IF verdict.action = 'reject' THEN
        PERFORM homelog.refuse_reading(
            verdict.rule, verdict.detail, CASE WHEN fields ? 'value' THEN 'value' ELSE 'quality_flag' END
        );
    END IF;
    RETURN CASE WHEN verdict.action = 'flag' AND NOT fields ? 'quality_flag' THEN 'questionable' END;
END
$$;
COMMENT ON FUNCTION homelog.judge_correction(uuid, uuid, timestamptz, timestamptz[], jsonb) IS
    'Takes the source''s turn and judges what a correction makes of a reading: the quality that the rules ask for, '
    'null if they ask for none; raises where they reject it. A value that stays as it is, is not judged again.';

CREATE FUNCTION homelog.judge_batch(source uuid, sent json, replaces boolean)
RETURNS TABLE (place integer, action validator_action, rule text, detail text)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    batch record;
BEGIN
    FOR batch IN
        SELECT
            s.source_id,
            array_agg(s.place ORDER BY s.timestamp, s.place) AS places,
            array_agg(s.timestamp ORDER BY s.timestamp, s.place) AS ats,
            array_agg(s.value ORDER BY s.timestamp, s.place) AS vals,
            array_agg(s.quality_flag ORDER BY s.timestamp, s.place) AS flags
        FROM (
            SELECT
                coalesce(j.source_id, source) AS source_id, j.value, j.timestamp,
                coalesce(j.quality_flag, 'good') AS quality_flag, (j.ordinal - 1)::integer AS place
            FROM ROWS FROM (
                json_to_recordset(sent) AS (
                    source_id uuid, value double precision, timestamp timestamptz, quality_flag quality_flag
                )
            ) WITH ORDINALITY AS j (source_id, value, timestamp, quality_flag, ordinal)
        ) AS s
        WHERE s.source_id IN (SELECT v.source_id FROM data_validators AS v)
        GROUP BY s.source_id
    LOOP
        -- What is stored at their time makes duplicates and conflicts of them, whatever the rules say.
        IF NOT replaces AND EXISTS (
            SELECT FROM readings AS r
            WHERE r.source_id = batch.source_id
              AND r.timestamp BETWEEN batch.ats[1] AND batch.ats[cardinality(batch.ats)]
        ) THEN
            SELECT array_agg(t.place ORDER BY t.n), array_agg(t.at ORDER BY t.n), array_agg(t.value ORDER BY t.n),
                   array_agg(t.flag ORDER BY t.n)
            INTO batch.places, batch.ats, batch.vals, batch.flags
            FROM unnest(batch.places, batch.ats, batch.vals, batch.flags) WITH ORDINALITY
                AS t (place, at, value, flag, n)
            LEFT JOIN LATERAL (
                SELECT true AS so
                FROM readings AS r
                WHERE r.source_id = batch.source_id AND r.timestamp = t.at
                LIMIT 1
            ) AS is_taken ON true
            WHERE is_taken.so IS NULL;
            CONTINUE WHEN batch.places IS NULL;
        END IF;
        RETURN QUERY
        SELECT batch.places[j.place], j.action, j.rule, j.detail
        FROM homelog.judge(batch.source_id, batch.ats, batch.vals, batch.flags, replaces) AS j;
    END LOOP;
END
$$;
COMMENT ON FUNCTION homelog.judge_batch(uuid, json, boolean) IS
    'Judges a batch that is to be logged, each source''s rows by its own rules: a row for each that is rejected or '
    'flagged, by its place in the JSON array from 0. Nothing is said of a reading that is there already, or whose time '
    'is taken. The caller holds the sources'' turns.';

CREATE FUNCTION homelog.judge_history(
    source uuid, asked validator_rules, since timestamptz, until timestamptz, shown integer,
    OUT checked bigint, OUT min_value bigint, OUT max_value bigint, OUT non_decreasing bigint, OUT max_rate bigint,
    OUT ids uuid[], OUT timestamps timestamptz[], OUT vals double precision[], OUT rules text[], OUT details text[]
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    events     timestamptz[] := ARRAY(SELECT e.at FROM meter_events AS e WHERE e.source_id = source ORDER BY e.at);
    first_at   timestamptz := greatest(since, '-infinity');
    one_before timestamptz := coalesce(
        (SELECT n.before_at FROM homelog.neighbours(source, first_at, first_at) AS n), first_at
    );
BEGIN
    -- One pass in the order of the key, which holds no more than what is shown.
    SELECT
        count(*),
        count(*) FILTER (WHERE c.rule = 'min_value'), count(*) FILTER (WHERE c.rule = 'max_value'),
        count(*) FILTER (WHERE c.rule = 'non_decreasing'), count(*) FILTER (WHERE c.rule = 'max_rate'),
        coalesce(array_agg(c.id ORDER BY c.at) FILTER (WHERE c.rule IS NOT NULL AND c.nth <= shown), '{}'),
        coalesce(array_agg(c.at ORDER BY c.at) FILTER (WHERE c.rule IS NOT NULL AND c.nth <= shown), '{}'),
        coalesce(array_agg(c.value ORDER BY c.at) FILTER (WHERE c.rule IS NOT NULL AND c.nth <= shown), '{}'),
        coalesce(array_agg(c.rule ORDER BY c.at) FILTER (WHERE c.rule IS NOT NULL AND c.nth <= shown), '{}'),
        coalesce(
            array_agg(
                homelog.violation_told(c.rule, asked, c.value, c.at, c.before_value, c.before_at, NULL, NULL)
                ORDER BY c.at
            ) FILTER (WHERE c.rule IS NOT NULL AND c.nth <= shown),
            '{}'
        )
    INTO checked, min_value, max_value, non_decreasing, max_rate, ids, timestamps, vals, rules, details
    FROM (
        SELECT j.*, count(j.rule) OVER (ORDER BY j.at ROWS UNBOUNDED PRECEDING) AS nth
        FROM (
            SELECT
                p.id, p.at, p.value, p.before_value, p.before_at,
                CASE
                    WHEN width_bucket(p.before_at, events) = width_bucket(p.at, events)
                        THEN homelog.broken_rule(
                            asked.min_value, asked.max_value, asked.non_decreasing, asked.max_rate,
                            p.value, p.at, p.before_value, p.before_at, NULL, NULL
                        )
                    ELSE homelog.broken_rule(asked, p.value, p.at, NULL, NULL, NULL, NULL)
                END AS rule
            FROM (
                SELECT
                    r.id, r.timestamp AS at, r.value,
                    lag(r.value) OVER in_time AS before_value, lag(r.timestamp) OVER in_time AS before_at
                FROM readings AS r
                WHERE r.source_id = source
                  AND r.timestamp >= one_before
                  AND r.timestamp < least(until, 'infinity')
                  AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
                WINDOW in_time AS (ORDER BY r.timestamp)
            ) AS p
            WHERE p.at >= first_at
        ) AS j
    ) AS c;
END
$$;
COMMENT ON FUNCTION homelog.judge_history(uuid, validator_rules, timestamptz, timestamptz, integer) IS
    'What rules would say of what is stored, each reading against the one before it, which may lie before the range: '
    'how many were looked at, how many break each rule as their first, and the first of those that break one.';

CREATE FUNCTION homelog.keep_rules(source uuid, ats timestamptz[], vals double precision[], flags quality_flag[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    verdict     record;
    flagged_ats timestamptz[] := '{}';
BEGIN
    FOR verdict IN SELECT j.* FROM homelog.judge(source, ats, vals, flags, false) AS j LOOP
        IF verdict.action = 'reject' THEN
            PERFORM homelog.refuse_reading(verdict.rule, verdict.detail, 'value');
        END IF;
        flagged_ats := flagged_ats || ats[verdict.place];
    END LOOP;
    IF flagged_ats <> '{}' THEN
        UPDATE readings AS r SET quality_flag = 'questionable'
        WHERE r.source_id = source AND r.timestamp = ANY (flagged_ats) AND r.quality_flag <> 'questionable';
    END IF;
END
$$;
COMMENT ON FUNCTION homelog.keep_rules(uuid, timestamptz[], double precision[], quality_flag[]) IS
    'Judges readings that were just stored: raises where a rule rejects one, makes those questionable that one flags.';

CREATE FUNCTION homelog.tg__judge_readings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM data_validators) THEN
        RETURN NULL;
    END IF;
    -- Of all sources, also of those without rules: what else is kept in step takes the same turns in the same order.
    PERFORM homelog.take_turns(ARRAY(SELECT DISTINCT n.source_id FROM new_rows AS n));
    IF TG_OP = 'INSERT' THEN
        PERFORM homelog.keep_rules(b.source_id, b.ats, b.vals, b.flags)
        FROM (
            SELECT
                n.source_id, array_agg(n.timestamp ORDER BY n.timestamp) AS ats,
                array_agg(n.value ORDER BY n.timestamp) AS vals, array_agg(n.quality_flag ORDER BY n.timestamp) AS flags
            FROM new_rows AS n
            WHERE n.quality_flag <> 'bad' AND n.source_id IN (SELECT v.source_id FROM data_validators AS v)
            GROUP BY n.source_id
        ) AS b;
    ELSE
        -- A reading whose value stays as it was is not judged again; one that is moved in time is.
        PERFORM homelog.keep_rules(b.source_id, b.ats, b.vals, b.flags)
        FROM (
            SELECT
                n.source_id, array_agg(n.timestamp ORDER BY n.timestamp) AS ats,
                array_agg(n.value ORDER BY n.timestamp) AS vals, array_agg(n.quality_flag ORDER BY n.timestamp) AS flags
            FROM new_rows AS n
            WHERE n.quality_flag <> 'bad' AND n.source_id IN (SELECT v.source_id FROM data_validators AS v)
              AND NOT EXISTS (
                  SELECT FROM old_rows AS o
                  WHERE (o.source_id, o.timestamp, o.value) = (n.source_id, n.timestamp, n.value)
                    AND o.quality_flag <> 'bad'
              )
            GROUP BY n.source_id
        ) AS b;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__judge_readings() IS
    'Judges what other roles than the service write to readings; the service''s own statements do it themselves.';

CREATE TRIGGER _300_judge_insert
    AFTER INSERT ON readings REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_user <> 'homelog_api')
    EXECUTE FUNCTION homelog.tg__judge_readings();
CREATE TRIGGER _300_judge_update
    AFTER UPDATE ON readings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_user <> 'homelog_api')
    EXECUTE FUNCTION homelog.tg__judge_readings();

GRANT EXECUTE ON FUNCTION
    homelog.is_too_steep(double precision, double precision, timestamptz, double precision, timestamptz),
    homelog.broken_rule(
        double precision, double precision, boolean, double precision, double precision, timestamptz,
        double precision, timestamptz, double precision, timestamptz
    ),
    homelog.broken_rule(
        validator_rules, double precision, timestamptz, double precision, timestamptz, double precision, timestamptz
    ),
    homelog.violation_told(
        text, validator_rules, double precision, timestamptz,
        double precision, timestamptz, double precision, timestamptz
    ),
    homelog.neighbours(uuid, timestamptz, timestamptz),
    homelog.judge_in_turn(
        uuid, timestamptz[], double precision[], quality_flag[], boolean,
        validator_rules, validator_rules, validator_rules
    ),
    homelog.judge(uuid, timestamptz[], double precision[], quality_flag[], boolean),
    homelog.refuse_reading(text, text, text),
    homelog.judge_reading(uuid, uuid, double precision, timestamptz, quality_flag, boolean),
    homelog.judge_correction(uuid, uuid, timestamptz, timestamptz[], jsonb),
    homelog.judge_batch(uuid, json, boolean),
    homelog.judge_history(uuid, validator_rules, timestamptz, timestamptz, integer)
    TO homelog_api;
