--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: homelog; Type: SCHEMA; Schema: -; Owner: homelog_owner
--

CREATE SCHEMA homelog;

ALTER SCHEMA homelog OWNER TO homelog_owner;

--
-- Name: SCHEMA homelog; Type: COMMENT; Schema: -; Owner: homelog_owner
--

COMMENT ON SCHEMA homelog IS 'Homelog''s functions and its record of schema versions; the tables are in public.';

--
-- Name: yoyo; Type: SCHEMA; Schema: -; Owner: homelog_migrator
--

CREATE SCHEMA yoyo;

ALTER SCHEMA yoyo OWNER TO homelog_migrator;

--
-- Name: SCHEMA yoyo; Type: COMMENT; Schema: -; Owner: homelog_migrator
--

COMMENT ON SCHEMA yoyo IS 'The migration tool''s own bookkeeping.';

--
-- Name: citext; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;

--
-- Name: EXTENSION citext; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION citext IS 'data type for case-insensitive character strings';

--
-- Name: access_level; Type: TYPE; Schema: public; Owner: homelog_owner
--

CREATE TYPE public.access_level AS ENUM (
    'read',
    'write',
    'admin'
);

ALTER TYPE public.access_level OWNER TO homelog_owner;

--
-- Name: TYPE access_level; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TYPE public.access_level IS 'What a grant allows, each level with those before it: read sees; write logs, corrects and deletes readings; admin edits, shares and deletes the object.';

--
-- Name: auth_provider; Type: TYPE; Schema: public; Owner: homelog_owner
--

CREATE TYPE public.auth_provider AS ENUM (
    'line',
    'google',
    'oidc'
);

ALTER TYPE public.auth_provider OWNER TO homelog_owner;

--
-- Name: TYPE auth_provider; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TYPE public.auth_provider IS 'Who vouches for a linked identity: line, google, or oidc, the OpenID Connect provider that the service is told of.';

--
-- Name: care_kind; Type: TYPE; Schema: public; Owner: homelog_owner
--

CREATE TYPE public.care_kind AS ENUM (
    'water',
    'fertilise',
    'repot',
    'prune',
    'mist',
    'observe',
    'treat'
);

ALTER TYPE public.care_kind OWNER TO homelog_owner;

--
-- Name: TYPE care_kind; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TYPE public.care_kind IS 'What somebody did for a plant.';

--
-- Name: change_op; Type: TYPE; Schema: public; Owner: homelog_owner
--

CREATE TYPE public.change_op AS ENUM (
    'upsert',
    'delete',
    'lost'
);

ALTER TYPE public.change_op OWNER TO homelog_owner;

--
-- Name: TYPE change_op; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TYPE public.change_op IS 'How it changed: upsert it was made or changed, delete it is gone, lost it is there and the reader may not see it any more.';

--
-- Name: change_type; Type: TYPE; Schema: public; Owner: homelog_owner
--

CREATE TYPE public.change_type AS ENUM (
    'home',
    'source',
    'validator',
    'meter_event',
    'reading',
    'plant',
    'care'
);

ALTER TYPE public.change_type OWNER TO homelog_owner;

--
-- Name: TYPE change_type; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TYPE public.change_type IS 'What changed.';

--
-- Name: meter_event_kind; Type: TYPE; Schema: public; Owner: homelog_owner
--

CREATE TYPE public.meter_event_kind AS ENUM (
    'swap',
    'rollover',
    'reset'
);

ALTER TYPE public.meter_event_kind OWNER TO homelog_owner;

--
-- Name: TYPE meter_event_kind; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TYPE public.meter_event_kind IS 'Why a counter''s values jump: swap another meter hangs there, rollover it ran over its last digit, reset it was set back.';

--
-- Name: plantkind; Type: TYPE; Schema: public; Owner: homelog_owner
--

CREATE TYPE public.plantkind AS ENUM (
    'monstera',
    'fig',
    'pothos',
    'snake',
    'succulent'
);

ALTER TYPE public.plantkind OWNER TO homelog_owner;

--
-- Name: TYPE plantkind; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TYPE public.plantkind IS 'monstera Monstera deliciosa, fig Fiddle leaf fig, pothos Pothos, snake Snake plant, succulent Succulent or cactus.';

--
-- Name: plantstatus; Type: TYPE; Schema: public; Owner: homelog_owner
--

CREATE TYPE public.plantstatus AS ENUM (
    'dry',
    'soon',
    'thriving',
    'watered',
    'resting',
    'unknown'
);

ALTER TYPE public.plantstatus OWNER TO homelog_owner;

--
-- Name: TYPE plantstatus; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TYPE public.plantstatus IS 'dry needs water now, soon due within 1–2 days, thriving well watered and healthy, watered today, resting dormant for a season, unknown its sensor is silent.';

--
-- Name: quality_flag; Type: TYPE; Schema: public; Owner: homelog_owner
--

CREATE TYPE public.quality_flag AS ENUM (
    'good',
    'questionable',
    'bad',
    'estimated'
);

ALTER TYPE public.quality_flag OWNER TO homelog_owner;

--
-- Name: TYPE quality_flag; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TYPE public.quality_flag IS 'How far a reading can be trusted; bad ones count in no total.';

--
-- Name: retention_action; Type: TYPE; Schema: public; Owner: homelog_owner
--

CREATE TYPE public.retention_action AS ENUM (
    'thin',
    'delete'
);

ALTER TYPE public.retention_action OWNER TO homelog_owner;

--
-- Name: TYPE retention_action; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TYPE public.retention_action IS 'What becomes of readings that are older than a source keeps them: thin the sums of their hours and days stay, delete nothing does.';

--
-- Name: sensor_state; Type: TYPE; Schema: public; Owner: homelog_owner
--

CREATE TYPE public.sensor_state AS ENUM (
    'fresh',
    'unknown'
);

ALTER TYPE public.sensor_state OWNER TO homelog_owner;

--
-- Name: TYPE sensor_state; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TYPE public.sensor_state IS 'fresh its latest reading is recent, unknown it has been silent for too long.';

--
-- Name: source_kind; Type: TYPE; Schema: public; Owner: homelog_owner
--

CREATE TYPE public.source_kind AS ENUM (
    'gauge',
    'counter',
    'delta'
);

ALTER TYPE public.source_kind OWNER TO homelog_owner;

--
-- Name: TYPE source_kind; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TYPE public.source_kind IS 'How values add up: gauge is an instant value, counter a meter that only climbs, delta an amount per interval.';

--
-- Name: validator_action; Type: TYPE; Schema: public; Owner: homelog_owner
--

CREATE TYPE public.validator_action AS ENUM (
    'reject',
    'flag'
);

ALTER TYPE public.validator_action OWNER TO homelog_owner;

--
-- Name: TYPE validator_action; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TYPE public.validator_action IS 'What happens to a reading that breaks a rule: it is refused, or stored as questionable.';

--
-- Name: validator_rules; Type: TYPE; Schema: public; Owner: homelog_owner
--

CREATE TYPE public.validator_rules AS (
	min_value double precision,
	max_value double precision,
	non_decreasing boolean,
	max_rate double precision
);

ALTER TYPE public.validator_rules OWNER TO homelog_owner;

--
-- Name: TYPE validator_rules; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TYPE public.validator_rules IS 'What the values of a source must keep to; a rule that is null asks nothing.';

--
-- Name: act_as(uuid, uuid[]); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.act_as(caller uuid, named uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF caller IS NOT NULL AND NOT EXISTS (SELECT FROM users WHERE id = caller AND is_active) THEN
        RAISE EXCEPTION 'This account is not there any more.' USING ERRCODE = 'HL401';
    END IF;

    PERFORM set_config('homelog.user_id', coalesce(caller::text, ''), true);
    PERFORM homelog.reach(caller, named);
END
$$;

ALTER FUNCTION homelog.act_as(caller uuid, named uuid[]) OWNER TO homelog_owner;

--
-- Name: FUNCTION act_as(caller uuid, named uuid[]); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.act_as(caller uuid, named uuid[]) IS 'Takes on an identity for this transaction: nobody (null), or an active account, else SQLSTATE HL401. For DBAs, who SET ROLE homelog_api afterwards to see what somebody sees; the service must name a session.';

--
-- Name: act_as(uuid, uuid, uuid[]); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.act_as(caller uuid, session uuid, named uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF caller IS NOT NULL THEN
        PERFORM homelog.check_session(caller, act_as.session, false);
    END IF;

    PERFORM set_config('homelog.user_id', coalesce(caller::text, ''), true),
            set_config('homelog.session_id', coalesce(act_as.session::text, ''), true);
    PERFORM homelog.reach(caller, named);
END
$$;

ALTER FUNCTION homelog.act_as(caller uuid, session uuid, named uuid[]) OWNER TO homelog_owner;

--
-- Name: FUNCTION act_as(caller uuid, session uuid, named uuid[]); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.act_as(caller uuid, session uuid, named uuid[]) IS 'Takes on an identity for this transaction: nobody (null), or an active account with a live session, else HL401; HL4PW while the account''s password is temporary.';

--
-- Name: act_as_gated(uuid, uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.act_as_gated(caller uuid, session uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM homelog.check_session(caller, act_as_gated.session, true);
    PERFORM set_config('homelog.user_id', caller::text, true),
            set_config('homelog.session_id', act_as_gated.session::text, true);
    PERFORM homelog.reach(caller, '{}');
END
$$;

ALTER FUNCTION homelog.act_as_gated(caller uuid, session uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION act_as_gated(caller uuid, session uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.act_as_gated(caller uuid, session uuid) IS 'As act_as(), with a temporary password too, and without any source: to change the password, and to audit a refusal.';

--
-- Name: act_as_gated_token(bytea); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.act_as_gated_token(token bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM set_config('homelog.user_id', t.user_id::text, true),
            set_config('homelog.session_id', '', true),
            set_config('homelog.token_id', t.id::text, true),
            set_config('homelog.bound', coalesce(t.source_ids, '{}')::text, true)
    FROM device_tokens AS t
    JOIN users AS u ON u.id = t.user_id
    WHERE t.token_hash = token AND u.is_active AND (t.expires_at IS NULL OR t.expires_at > now());
    IF NOT FOUND THEN
        RAISE EXCEPTION 'This token is unknown, has expired or was taken away.' USING ERRCODE = 'HL401';
    END IF;
    PERFORM homelog.reach(NULL, '{}');
END
$$;

ALTER FUNCTION homelog.act_as_gated_token(token bytea) OWNER TO homelog_owner;

--
-- Name: FUNCTION act_as_gated_token(token bytea); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.act_as_gated_token(token bytea) IS 'As act_as_token(), with a temporary password too, and without any source: to audit a refusal.';

--
-- Name: act_as_token(bytea, uuid[]); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.act_as_token(token bytea, named uuid[]) RETURNS text[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    held device_tokens;
BEGIN
    SELECT t.* INTO held
    FROM device_tokens AS t
    JOIN users AS u ON u.id = t.user_id
    WHERE t.token_hash = token AND u.is_active AND (t.expires_at IS NULL OR t.expires_at > now());
    IF NOT FOUND THEN
        RAISE EXCEPTION 'This token is unknown, has expired or was taken away.' USING ERRCODE = 'HL401';
    END IF;
    IF held.is_gated THEN
        PERFORM homelog.refuse_gated();
    END IF;

    PERFORM set_config('homelog.user_id', held.user_id::text, true),
            set_config('homelog.session_id', '', true),
            set_config('homelog.token_id', held.id::text, true),
            set_config('homelog.bound', coalesce((
                SELECT CASE WHEN held.source_ids IS NOT NULL THEN coalesce(array_agg(b.id ORDER BY b.id), '{}')::text END
                FROM unnest(held.source_ids) AS b (id)
            ), ''), true);

    -- Whatever its owner may do, a token administers nothing, writes nothing without the scope to write, and reaches
    -- nothing that it is not bound to.
    PERFORM homelog.reach(held.user_id, named);
    PERFORM set_config('homelog.administered', '', true);
    IF NOT 'write:data' = ANY (held.scopes) THEN
        PERFORM set_config('homelog.writable', '', true);
    END IF;
    IF held.source_ids IS NOT NULL THEN
        PERFORM set_config(
            reached.setting,
            ARRAY(SELECT unnest(reached.sources) INTERSECT SELECT unnest(held.source_ids))::text,
            true
        )
        FROM (VALUES
            ('homelog.readable', homelog.readable_sources()),
            ('homelog.granted', homelog.granted_sources()),
            ('homelog.writable', homelog.writable_sources())
        ) AS reached (setting, sources);
    END IF;
    RETURN held.scopes;
END
$$;

ALTER FUNCTION homelog.act_as_token(token bytea, named uuid[]) OWNER TO homelog_owner;

--
-- Name: FUNCTION act_as_token(token bytea, named uuid[]); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.act_as_token(token bytea, named uuid[]) IS 'Takes on the identity of a device token''s owner for this transaction, narrowed to what the token may reach; answers its scopes. HL401 for a token that is unknown or has expired, or whose account is not active; HL4PW while its owner''s password is temporary.';

--
-- Name: act_as_token(bytea, text, uuid[]); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.act_as_token(token bytea, needed text, named uuid[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- One after the other: what is no token must not learn which scope it would need.
    IF NOT coalesce(needed = ANY (homelog.act_as_token(token, named)), false) THEN
        RAISE EXCEPTION '%', coalesce(format('This needs a token with the scope %s.', needed),
                                      'A device token may not do this.')
            USING ERRCODE = 'HL403';
    END IF;
END
$$;

ALTER FUNCTION homelog.act_as_token(token bytea, needed text, named uuid[]) OWNER TO homelog_owner;

--
-- Name: FUNCTION act_as_token(token bytea, needed text, named uuid[]); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.act_as_token(token bytea, needed text, named uuid[]) IS 'As act_as_token(bytea, uuid[]), and HL403 for a token without the scope that is needed; null is one that none has.';

--
-- Name: act_by_calendar_key(bytea); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.act_by_calendar_key(wanted bytea) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    owner uuid;
BEGIN
    -- Whoever has the address must not come to write as its owner, whatever the service does next.
    IF NOT current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'A calendar link only reads.' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

    SELECT u.id INTO owner
    FROM calendar_links AS l
    JOIN users AS u ON u.id = l.user_id
    WHERE l.key_hash = wanted AND u.is_active
      AND NOT EXISTS (SELECT FROM user_passwords AS p WHERE p.user_id = u.id AND p.is_temporary);
    IF FOUND THEN
        -- Whoever had signed in to this transaction has no part in what follows.
        PERFORM set_config('homelog.user_id', owner::text, true),
                set_config('homelog.session_id', '', true),
                set_config('homelog.token_id', '', true),
                set_config('homelog.bound', '', true);
        PERFORM homelog.reach(owner, '{}');
    END IF;
    RETURN owner;
END
$$;

ALTER FUNCTION homelog.act_by_calendar_key(wanted bytea) OWNER TO homelog_owner;

--
-- Name: FUNCTION act_by_calendar_key(wanted bytea); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.act_by_calendar_key(wanted bytea) IS 'Takes on the identity of whose calendar link has this hash, for the rest of a read-only transaction, reaching no source; answers who that is, null where there is no such link, its account is not active, or its password is temporary.';

--
-- Name: administered_homes(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.administered_homes() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN ARRAY(
        SELECT home_id FROM home_members
        WHERE user_id = homelog.current_user_id() AND access_level = 'admin'
    );
END
$$;

ALTER FUNCTION homelog.administered_homes() OWNER TO homelog_owner;

--
-- Name: FUNCTION administered_homes(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.administered_homes() IS 'The homes that the caller administers.';

--
-- Name: administered_sources(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.administered_sources() RETURNS uuid[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
BEGIN
    RETURN coalesce(nullif(pg_catalog.current_setting('homelog.administered', true), ''), '{}')::pg_catalog.uuid[];
END
$$;

ALTER FUNCTION homelog.administered_sources() OWNER TO homelog_owner;

--
-- Name: FUNCTION administered_sources(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.administered_sources() IS 'Of the sources that this request names, those it administers.';

--
-- Name: analyze_grown(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.analyze_grown() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    grown regclass;
BEGIN
    IF NOT homelog.takes_maintenance_turn() THEN
        RETURN 0;
    END IF;
    FOR grown IN
        SELECT s.relid
        FROM pg_stat_user_tables AS s
        JOIN pg_class AS c ON c.oid = s.relid
        WHERE s.schemaname = 'public'
          AND s.n_mod_since_analyze > 1000 + 0.1 * greatest(c.reltuples, 0)
          AND greatest(s.last_analyze, s.last_autoanalyze, '-infinity') < now() - interval '1 minute'
        ORDER BY s.n_mod_since_analyze DESC
    LOOP
        EXECUTE format('ANALYZE (SKIP_LOCKED) %s', grown);
        -- One on which somebody else has a lock is passed over, and does not count: who asks again would ask for ever.
        PERFORM pg_stat_clear_snapshot();
        IF pg_stat_get_last_analyze_time(grown) >= now() THEN
            RETURN 1;
        END IF;
    END LOOP;
    RETURN 0;
END
$$;

ALTER FUNCTION homelog.analyze_grown() OWNER TO homelog_owner;

--
-- Name: FUNCTION analyze_grown(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.analyze_grown() IS 'Gathers statistics of the one table that changed most since it last was analyzed, by a tenth at least, and that nobody has locked; says how many. What autovacuum does, too, where it runs and comes in time.';

--
-- Name: begin_maintenance(interval); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.begin_maintenance(every interval) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    run uuid;
BEGIN
    -- The turn first, in a statement of its own: what asks afterwards sees the run of whoever had it before.
    IF NOT homelog.takes_maintenance_turn() THEN
        RETURN NULL;
    END IF;
    -- The greatest of null and something is that: whoever names no interval, or one below zero, asks for a run now.
    -- By the clock, and not by when this began, which may be before whoever had the turn began.
    IF NOT EXISTS (
        SELECT FROM maintenance_runs AS r
        WHERE r.began_at > now() - greatest(every, interval '0') AND r.began_at <= clock_timestamp()
    ) THEN
        DELETE FROM maintenance_runs AS r
        WHERE r.began_at < now() - interval '90 days'
           OR r.id IN (SELECT old.id FROM maintenance_runs AS old ORDER BY old.id DESC OFFSET 9999);
        INSERT INTO maintenance_runs DEFAULT VALUES RETURNING id INTO run;
    END IF;
    RETURN run;
END
$$;

ALTER FUNCTION homelog.begin_maintenance(every interval) OWNER TO homelog_owner;

--
-- Name: FUNCTION begin_maintenance(every interval); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.begin_maintenance(every interval) IS 'Begins a run if none began so long, and nobody is in the midst of a step; answers it, else null. Of all processes that ask for the same interval, one gets it. The last 10,000 runs are noted.';

--
-- Name: bound_sources(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.bound_sources() RETURNS uuid[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
BEGIN
    RETURN coalesce(nullif(pg_catalog.current_setting('homelog.bound', true), ''), '{}')::pg_catalog.uuid[];
END
$$;

ALTER FUNCTION homelog.bound_sources() OWNER TO homelog_owner;

--
-- Name: FUNCTION bound_sources(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.bound_sources() IS 'What the device token of this request is bound to, be it there still or not; nothing for one that is unbound.';

--
-- Name: is_too_steep(double precision, double precision, timestamp with time zone, double precision, timestamp with time zone); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.is_too_steep(max_rate double precision, value double precision, at timestamp with time zone, other double precision, other_at timestamp with time zone) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((max_rate IS NOT NULL) AND (other IS NOT NULL) AND (abs((LEAST(GREATEST(value, ('-80000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::numeric)::double precision), ('80000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::numeric)::double precision) - LEAST(GREATEST(other, ('-80000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::numeric)::double precision), ('80000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::numeric)::double precision))) > ((LEAST(GREATEST(max_rate, (0.00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001)::double precision), ('1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::numeric)::double precision) * (abs(date_part('epoch'::text, (at - other_at))) / (3600)::double precision)) + ((0.000000000001)::double precision * GREATEST(abs(value), abs(other), (0.00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001)::double precision)))));

ALTER FUNCTION homelog.is_too_steep(max_rate double precision, value double precision, at timestamp with time zone, other double precision, other_at timestamp with time zone) OWNER TO homelog_owner;

--
-- Name: FUNCTION is_too_steep(max_rate double precision, value double precision, at timestamp with time zone, other double precision, other_at timestamp with time zone); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.is_too_steep(max_rate double precision, value double precision, at timestamp with time zone, other double precision, other_at timestamp with time zone) IS 'Whether two values differ by more than so many units an hour, whichever came first.';

--
-- Name: broken_rule(double precision, double precision, boolean, double precision, double precision, timestamp with time zone, double precision, timestamp with time zone, double precision, timestamp with time zone); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.broken_rule(min_value double precision, max_value double precision, non_decreasing boolean, max_rate double precision, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (value < min_value) THEN 'min_value'::text WHEN (value > max_value) THEN 'max_value'::text WHEN (non_decreasing AND ((value < before_value) OR (value > after_value))) THEN 'non_decreasing'::text WHEN (homelog.is_too_steep(max_rate, value, at, before_value, before_at) OR homelog.is_too_steep(max_rate, value, at, after_value, after_at)) THEN 'max_rate'::text ELSE NULL::text END;

ALTER FUNCTION homelog.broken_rule(min_value double precision, max_value double precision, non_decreasing boolean, max_rate double precision, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone) OWNER TO homelog_owner;

--
-- Name: FUNCTION broken_rule(min_value double precision, max_value double precision, non_decreasing boolean, max_rate double precision, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.broken_rule(min_value double precision, max_value double precision, non_decreasing boolean, max_rate double precision, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone) IS 'The first rule that a value breaks between its neighbours, null if it keeps to all; a neighbour may be null.';

--
-- Name: broken_rule(public.validator_rules, double precision, timestamp with time zone, double precision, timestamp with time zone, double precision, timestamp with time zone); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.broken_rule(rules public.validator_rules, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN homelog.broken_rule((rules).min_value, (rules).max_value, (rules).non_decreasing, (rules).max_rate, value, at, before_value, before_at, after_value, after_at);

ALTER FUNCTION homelog.broken_rule(rules public.validator_rules, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone) OWNER TO homelog_owner;

--
-- Name: FUNCTION broken_rule(rules public.validator_rules, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.broken_rule(rules public.validator_rules, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone) IS 'The first of these rules that a value breaks between its neighbours.';

--
-- Name: local_date(timestamp with time zone, text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.local_date(at timestamp with time zone, zone text) RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN ((at AT TIME ZONE zone))::date;

ALTER FUNCTION homelog.local_date(at timestamp with time zone, zone text) OWNER TO homelog_owner;

--
-- Name: FUNCTION local_date(at timestamp with time zone, zone text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.local_date(at timestamp with time zone, zone text) IS 'The calendar day of an instant in a time zone.';

--
-- Name: care_due_on(integer, timestamp with time zone, text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.care_due_on(every integer, last_at timestamp with time zone, zone text) RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN (last_at IS NOT NULL) THEN LEAST((homelog.local_date(last_at, zone) + every), '9999-12-31'::date) ELSE NULL::date END;

ALTER FUNCTION homelog.care_due_on(every integer, last_at timestamp with time zone, zone text) OWNER TO homelog_owner;

--
-- Name: FUNCTION care_due_on(every integer, last_at timestamp with time zone, zone text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.care_due_on(every integer, last_at timestamp with time zone, zone text) IS 'The local day on which care is due next, no later than every client can say; null if it was never done.';

--
-- Name: care_id(uuid, uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.care_id(many uuid, plant uuid) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (regexp_replace(encode(sha256((uuid_send(many) || uuid_send(plant))), 'hex'::text), '^(.{12}).(.{3}).(.{15}).*'::text, '\18\28\3'::text))::uuid;

ALTER FUNCTION homelog.care_id(many uuid, plant uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION care_id(many uuid, plant uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.care_id(many uuid, plant uuid) IS 'The id (RFC 9562, version 8) of the care for one plant within care for many that has this id: the same when it is sent again.';

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: users; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.users (
    id uuid DEFAULT uuidv7() NOT NULL,
    email public.citext NOT NULL,
    username public.citext,
    display_name character varying(100),
    role character varying(20) DEFAULT 'operator'::character varying NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    last_login_at timestamp with time zone,
    CONSTRAINT users_email_form CHECK (((email OPERATOR(public.~) '^[^@[:space:]]+@[^@[:space:]]+$'::public.citext) AND (length((email)::text) <= 254))),
    CONSTRAINT users_role_known CHECK (((role)::text = ANY ((ARRAY['operator'::character varying, 'admin'::character varying])::text[]))),
    CONSTRAINT users_username_length CHECK (((length((username)::text) >= 1) AND (length((username)::text) <= 50)))
);

ALTER TABLE ONLY public.users FORCE ROW LEVEL SECURITY;

ALTER TABLE public.users OWNER TO homelog_owner;

--
-- Name: TABLE users; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.users IS 'Accounts.';

--
-- Name: COLUMN users.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.users.id IS 'Personal.';

--
-- Name: COLUMN users.email; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.users.email IS 'Personal.';

--
-- Name: COLUMN users.username; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.users.username IS 'Personal.';

--
-- Name: COLUMN users.display_name; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.users.display_name IS 'Personal.';

--
-- Name: COLUMN users.role; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.users.role IS 'operator, or admin who manages accounts; an admin sees nobody''s homes, sources or plants. Personal.';

--
-- Name: COLUMN users.is_active; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.users.is_active IS 'False: nobody signs in as this account, and its sessions are dead. Personal.';

--
-- Name: COLUMN users.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.users.created_at IS 'Personal.';

--
-- Name: COLUMN users.updated_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.users.updated_at IS 'Personal.';

--
-- Name: COLUMN users.last_login_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.users.last_login_at IS 'Personal.';

--
-- Name: CONSTRAINT users_email_form ON users; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT users_email_form ON public.users IS 'An e-mail address is name@domain, at most 254 characters.';

--
-- Name: CONSTRAINT users_role_known ON users; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT users_role_known ON public.users IS 'A role is operator or admin.';

--
-- Name: CONSTRAINT users_username_length ON users; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT users_username_length ON public.users IS 'A username has 1 to 50 characters.';

--
-- Name: change_account(uuid, timestamp with time zone[], jsonb, interval); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.change_account(wanted uuid, versions timestamp with time zone[], changes jsonb, freshness interval) RETURNS TABLE(may boolean, fresh boolean, account public.users, is_password_temp boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    allowed constant boolean := NOT changes ? 'role' OR homelog.is_fresh(freshness);
BEGIN
    PERFORM homelog.demand_admin();
    RETURN QUERY
    WITH changed AS (
        UPDATE users AS u
        SET
            role = CASE WHEN changes ? 'role' THEN changes ->> 'role' ELSE u.role END,
            is_active = CASE WHEN changes ? 'is_active' THEN (changes ->> 'is_active')::boolean ELSE u.is_active END,
            display_name = CASE WHEN changes ? 'display_name' THEN changes ->> 'display_name' ELSE u.display_name END
        WHERE u.id = wanted AND allowed AND (versions IS NULL OR u.updated_at = ANY (versions))
        RETURNING u.id, u AS account
    )

    SELECT allowed, (c.id IS NOT NULL), c.account, coalesce(p.is_temporary, false)
    FROM users AS u
    LEFT JOIN changed AS c ON c.id = u.id
    LEFT JOIN user_passwords AS p ON p.user_id = u.id
    WHERE u.id = wanted;
END
$$;

ALTER FUNCTION homelog.change_account(wanted uuid, versions timestamp with time zone[], changes jsonb, freshness interval) OWNER TO homelog_owner;

--
-- Name: FUNCTION change_account(wanted uuid, versions timestamp with time zone[], changes jsonb, freshness interval); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.change_account(wanted uuid, versions timestamp with time zone[], changes jsonb, freshness interval) IS 'Changes what was sent of an account''s role, is_active and display_name, for admins, a role only for those who signed in no longer ago than that (else: may not); not fresh: it has no such version any more.';

--
-- Name: change_era(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.change_era() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- What a token is bound to, because one that is bound to less was not told the rest. The timeline, because a recovery to an earlier point gives out again the numbers after it. The table, because
    -- a restore into this very database makes it anew.
    RETURN md5(concat_ws(' ',
        (SELECT system_identifier FROM pg_control_system()),
        left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        'public.user_tombstones'::regclass::oid,
        homelog.current_user_id(),
        coalesce(current_setting('homelog.bound', true), '')
    ))::uuid;
END
$$;

ALTER FUNCTION homelog.change_era() OWNER TO homelog_owner;

--
-- Name: FUNCTION change_era(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.change_era() IS 'Within which transaction numbers of the caller''s cursors mean anything: this history of this database, this account.';

--
-- Name: change_own_password(text, text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.change_own_password(checked_hash text, new_hash text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT homelog.confirm_password(homelog.current_user_id(), checked_hash) THEN
        RETURN false;
    END IF;
    PERFORM homelog.set_own_password(new_hash);
    PERFORM homelog.end_sessions(homelog.current_session_id());
    RETURN true;
END
$$;

ALTER FUNCTION homelog.change_own_password(checked_hash text, new_hash text) OWNER TO homelog_owner;

--
-- Name: FUNCTION change_own_password(checked_hash text, new_hash text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.change_own_password(checked_hash text, new_hash text) IS 'Replaces the caller''s password, if it is still the one that was checked, and ends their other sessions.';

--
-- Name: change_retention(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.change_retention() RETURNS interval
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '90 days'::interval;

ALTER FUNCTION homelog.change_retention() OWNER TO homelog_owner;

--
-- Name: FUNCTION change_retention(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.change_retention() IS 'How long a cursor of the change feed is good for.';

--
-- Name: change_snapshot(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.change_snapshot() RETURNS pg_snapshot
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- After a crash, numbers that did not reach the disk are given out again: one that a snapshot calls over, because
    -- its transaction was rolled back just now, could then be that of a change. So what is not yet on disk goes there.
    IF pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn() THEN
        PERFORM pg_logical_emit_message(false, 'homelog', '', true);
    END IF;
    RETURN pg_current_snapshot();
END
$$;

ALTER FUNCTION homelog.change_snapshot() OWNER TO homelog_owner;

--
-- Name: FUNCTION change_snapshot(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.change_snapshot() IS 'What this transaction sees, for good: no number that is over in it is ever given out again.';

--
-- Name: current_user_id(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.current_user_id() RETURNS uuid
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
BEGIN
    RETURN nullif(pg_catalog.current_setting('homelog.user_id', true), '')::pg_catalog.uuid;
END
$$;

ALTER FUNCTION homelog.current_user_id() OWNER TO homelog_owner;

--
-- Name: FUNCTION current_user_id(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.current_user_id() IS 'The account that this transaction acts for, null for nobody.';

--
-- Name: readings; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.readings (
    id uuid DEFAULT uuidv7() NOT NULL,
    source_id uuid NOT NULL,
    value double precision NOT NULL,
    "timestamp" timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    recorded_by uuid DEFAULT homelog.current_user_id(),
    quality_flag public.quality_flag DEFAULT 'good'::public.quality_flag NOT NULL,
    notes text,
    metadata jsonb,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT readings_metadata_object CHECK (((jsonb_typeof(metadata) = 'object'::text) AND (octet_length((metadata)::text) <= 1000000))),
    CONSTRAINT readings_notes_length CHECK ((length(notes) <= 10000)),
    CONSTRAINT readings_timestamp_range CHECK ((("timestamp" >= '1970-01-01 00:00:00+00'::timestamp with time zone) AND ("timestamp" < '10000-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT readings_value_finite CHECK (((value > '-Infinity'::double precision) AND (value < 'Infinity'::double precision)))
);

ALTER TABLE ONLY public.readings FORCE ROW LEVEL SECURITY;

ALTER TABLE public.readings OWNER TO homelog_owner;

--
-- Name: TABLE readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.readings IS 'What a source showed at a time; at most one a time.';

--
-- Name: COLUMN readings.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.readings.id IS 'Made by the client or here; travels with the reading, unique only as far as clients make it so. Public.';

--
-- Name: COLUMN readings.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.readings.source_id IS 'Public.';

--
-- Name: COLUMN readings.value; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.readings.value IS 'Personal.';

--
-- Name: COLUMN readings."timestamp"; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.readings."timestamp" IS 'When it was true. Personal.';

--
-- Name: COLUMN readings.recorded_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.readings.recorded_at IS 'When it was stored. Personal.';

--
-- Name: COLUMN readings.recorded_by; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.readings.recorded_by IS 'Who stored it; null once that account is gone. Not a foreign key: its index would cost every reading 30 bytes. Personal.';

--
-- Name: COLUMN readings.quality_flag; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.readings.quality_flag IS 'Personal.';

--
-- Name: COLUMN readings.notes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.readings.notes IS 'Personal.';

--
-- Name: COLUMN readings.metadata; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.readings.metadata IS 'Whatever the sender wants to keep with it, an object. Personal.';

--
-- Name: COLUMN readings.updated_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.readings.updated_at IS 'Personal.';

--
-- Name: CONSTRAINT readings_metadata_object ON readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT readings_metadata_object ON public.readings IS 'Metadata is an object of at most a megabyte.';

--
-- Name: CONSTRAINT readings_notes_length ON readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT readings_notes_length ON public.readings IS 'Notes have at most 10,000 characters.';

--
-- Name: CONSTRAINT readings_timestamp_range ON readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT readings_timestamp_range ON public.readings IS 'A reading''s time lies between 1970 and 24 hours from now.';

--
-- Name: CONSTRAINT readings_value_finite ON readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT readings_value_finite ON public.readings IS 'A value is a finite number.';

--
-- Name: changed_readings(pg_snapshot, uuid, timestamp with time zone, integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.changed_readings(since pg_snapshot, last_source uuid, last_time timestamp with time zone, most integer) RETURNS SETOF public.readings
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    gained uuid[] := homelog.gained_sources(since);
    busy   uuid[] := ARRAY(
        SELECT s.source_id FROM changed_sources AS s
        WHERE homelog.changed_since(s.xmin, since) AND NOT s.source_id = ANY (gained)
    );
    span   record;
    found  integer;
BEGIN
    FOR span IN
        SELECT g.source_id, '-infinity'::timestamptz AS first, 'infinity'::timestamptz AS until
        FROM unnest(gained) AS g (source_id)
        WHERE last_source IS NULL OR g.source_id >= last_source
        UNION ALL
        SELECT d.source_id, d.day AT TIME ZONE 'UTC', (d.day + 1) AT TIME ZONE 'UTC'
        FROM changed_days AS d
        WHERE d.source_id = ANY (busy)
          AND homelog.changed_since(d.xmin, since)
          AND (last_source IS NULL OR (d.source_id, d.day) >= (last_source, (last_time AT TIME ZONE 'UTC')::date))
        ORDER BY source_id, first
    LOOP
        RETURN QUERY
        SELECT r.* FROM readings AS r
        WHERE r.source_id = span.source_id
          AND r.timestamp >= span.first
          AND r.timestamp < span.until
          AND r.timestamp > CASE WHEN span.source_id = last_source THEN last_time ELSE '-infinity' END
          AND (span.until = 'infinity' OR homelog.changed_since(r.xmin, since))
        ORDER BY r.timestamp
        LIMIT most;
        GET DIAGNOSTICS found = ROW_COUNT;
        most := most - found;
        EXIT WHEN most <= 0;
    END LOOP;
END
$$;

ALTER FUNCTION homelog.changed_readings(since pg_snapshot, last_source uuid, last_time timestamp with time zone, most integer) OWNER TO homelog_owner;

--
-- Name: FUNCTION changed_readings(since pg_snapshot, last_source uuid, last_time timestamp with time zone, most integer); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.changed_readings(since pg_snapshot, last_source uuid, last_time timestamp with time zone, most integer) IS 'The first of the readings that the caller is to be told of since the snapshot, after one of a source and time: all of the sources gained since, and of the others what changed on days on which something did.';

--
-- Name: changed_since(xid, pg_snapshot); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.changed_since(row_xmin xid, since pg_snapshot) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (age(row_xmin) <= age((pg_snapshot_xmin(since))::xid));

ALTER FUNCTION homelog.changed_since(row_xmin xid, since pg_snapshot) OWNER TO homelog_owner;

--
-- Name: FUNCTION changed_since(row_xmin xid, since pg_snapshot); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.changed_since(row_xmin xid, since pg_snapshot) IS 'Whether a row is newer than the snapshot, or may be: it was written by the oldest transaction that was open then, or by a later one, which is less than 2^31 transactions ago. Of 1:1: every row is.';

--
-- Name: check_session(uuid, uuid, boolean); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.check_session(caller uuid, session uuid, is_gate_open boolean) RETURNS void
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    gated boolean;
BEGIN
    SELECT s.is_gated INTO gated
    FROM public.sessions AS s
    WHERE s.id = session AND s.user_id = caller AND s.ended_at IS NULL AND s.expires_at > now();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'This session has ended.' USING ERRCODE = 'HL401';
    END IF;
    IF gated AND NOT is_gate_open THEN
        PERFORM homelog.refuse_gated();
    END IF;
END
$$;

ALTER FUNCTION homelog.check_session(caller uuid, session uuid, is_gate_open boolean) OWNER TO homelog_owner;

--
-- Name: FUNCTION check_session(caller uuid, session uuid, is_gate_open boolean); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.check_session(caller uuid, session uuid, is_gate_open boolean) IS 'Whether a session may act: HL401 unless it is the caller''s and alive, HL4PW while the password is temporary, unless the gate is open. The one place that says so; whatever begins a request''s transaction calls it.';

--
-- Name: clean_guests(integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.clean_guests(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    removed integer := 0;
BEGIN
    IF homelog.takes_maintenance_turn() THEN
        DELETE FROM home_members AS m
        USING (
            SELECT g.home_id, g.user_id FROM home_members AS g
            WHERE g.expires_at < now() - homelog.change_retention() - interval '1 day'
            ORDER BY g.home_id, g.user_id
            LIMIT least(greatest(most, 0), 10000)
            FOR UPDATE SKIP LOCKED
        ) AS gone
        WHERE m.home_id = gone.home_id AND m.user_id = gone.user_id;
        GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    RETURN removed;
END
$$;

ALTER FUNCTION homelog.clean_guests(most integer) OWNER TO homelog_owner;

--
-- Name: FUNCTION clean_guests(most integer); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.clean_guests(most integer) IS 'Deletes guests whose time was over 91 days ago: by then every cursor has told them so.';

--
-- Name: clean_password_guesses(integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.clean_password_guesses(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    removed integer := 0;
BEGIN
    IF homelog.takes_maintenance_turn() THEN
        DELETE FROM password_guesses WHERE about IN (
            SELECT g.about FROM password_guesses AS g
            WHERE g.began_at < now() - interval '2 days' AND (g.waits_until < now()) IS NOT FALSE
            LIMIT least(greatest(most, 0), 10000)
            FOR UPDATE SKIP LOCKED
        );
        GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    RETURN removed;
END
$$;

ALTER FUNCTION homelog.clean_password_guesses(most integer) OWNER TO homelog_owner;

--
-- Name: FUNCTION clean_password_guesses(most integer); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.clean_password_guesses(most integer) IS 'Deletes counts of failures of two days ago, which count no more after one, unless somebody still has to wait.';

--
-- Name: clean_refresh_tokens(integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.clean_refresh_tokens(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    removed integer := 0;
BEGIN
    IF homelog.takes_maintenance_turn() THEN
        DELETE FROM refresh_tokens WHERE token_hash = ANY (ARRAY(
            SELECT t.token_hash FROM refresh_tokens AS t
            WHERE t.replaced_at < now() - interval '30 days'
            LIMIT least(greatest(most, 0), 10000)
        ));
        GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    RETURN removed;
END
$$;

ALTER FUNCTION homelog.clean_refresh_tokens(most integer) OWNER TO homelog_owner;

--
-- Name: FUNCTION clean_refresh_tokens(most integer); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.clean_refresh_tokens(most integer) IS 'Deletes tokens that were replaced 30 days ago. They worked for 7 days, so whoever comes with one later has had no use of it for weeks: it is unknown then, and ends no session.';

--
-- Name: clean_request_budgets(integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.clean_request_budgets(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    removed integer := 0;
BEGIN
    IF homelog.takes_maintenance_turn() THEN
        DELETE FROM request_budgets WHERE identity IN (
            SELECT b.identity FROM request_budgets AS b
            WHERE b.began_at < now() - interval '10 minutes'
            LIMIT least(greatest(most, 0), 10000)
            FOR UPDATE SKIP LOCKED
        );
        GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    RETURN removed;
END
$$;

ALTER FUNCTION homelog.clean_request_budgets(most integer) OWNER TO homelog_owner;

--
-- Name: FUNCTION clean_request_budgets(most integer); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.clean_request_budgets(most integer) IS 'Deletes budgets whose minute is long over.';

--
-- Name: clean_sessions(integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.clean_sessions(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    removed integer := 0;
BEGIN
    IF homelog.takes_maintenance_turn() THEN
        DELETE FROM sessions WHERE id = ANY (ARRAY(
            SELECT s.id FROM sessions AS s
            WHERE least(s.ended_at, s.expires_at) < now() - interval '30 days'
            LIMIT least(greatest(most, 0), 10000)
        ));
        GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    RETURN removed;
END
$$;

ALTER FUNCTION homelog.clean_sessions(most integer) OWNER TO homelog_owner;

--
-- Name: FUNCTION clean_sessions(most integer); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.clean_sessions(most integer) IS 'Deletes sessions that ended or expired 30 days ago, with their tokens. Nobody is shown them, and what names one is refused whether it is there or not.';

--
-- Name: clean_spent_tickets(integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.clean_spent_tickets(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    removed integer := 0;
BEGIN
    IF homelog.takes_maintenance_turn() THEN
        DELETE FROM spent_tickets WHERE ticket_hash IN (
            SELECT t.ticket_hash FROM spent_tickets AS t
            WHERE t.expires_at < now() - interval '1 hour'
            LIMIT least(greatest(most, 0), 10000)
            FOR UPDATE SKIP LOCKED
        );
        GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    RETURN removed;
END
$$;

ALTER FUNCTION homelog.clean_spent_tickets(most integer) OWNER TO homelog_owner;

--
-- Name: FUNCTION clean_spent_tickets(most integer); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.clean_spent_tickets(most integer) IS 'Deletes used tickets that expired an hour ago and would not work any more anyway.';

--
-- Name: clean_tombstones(integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.clean_tombstones(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    -- The day is for transactions that stayed open: a tombstone bears the time at which its transaction began.
    until_then timestamptz := now() - homelog.change_retention() - interval '1 day';
    room       integer := least(greatest(most, 0), 10000);
    removed    integer := 0;
    one        integer;
BEGIN
    IF homelog.takes_maintenance_turn() THEN
        DELETE FROM source_tombstones WHERE ctid = ANY (ARRAY(
            SELECT t.ctid FROM source_tombstones AS t WHERE t.deleted_at < until_then LIMIT room
        ));
        GET DIAGNOSTICS removed = ROW_COUNT;
        DELETE FROM user_tombstones WHERE ctid = ANY (ARRAY(
            SELECT t.ctid FROM user_tombstones AS t WHERE t.deleted_at < until_then LIMIT room - removed
        ));
        GET DIAGNOSTICS one = ROW_COUNT;
        removed := removed + one;
        DELETE FROM place_tombstones WHERE ctid = ANY (ARRAY(
            SELECT t.ctid FROM place_tombstones AS t WHERE t.deleted_at < until_then LIMIT room - removed
        ));
        GET DIAGNOSTICS one = ROW_COUNT;
        removed := removed + one;
    END IF;
    RETURN removed;
END
$$;

ALTER FUNCTION homelog.clean_tombstones(most integer) OWNER TO homelog_owner;

--
-- Name: FUNCTION clean_tombstones(most integer); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.clean_tombstones(most integer) IS 'Deletes what tells of deletions that no cursor may still ask for: those of 91 days ago, where cursors are good for 90.';

--
-- Name: confirm_password(uuid, text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.confirm_password(owner uuid, checked_hash text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM
    FROM users AS u
    JOIN user_passwords AS p ON p.user_id = u.id
    WHERE u.id = owner AND u.is_active AND p.password_hash = checked_hash
    FOR NO KEY UPDATE OF u, p;
    RETURN FOUND;
END
$$;

ALTER FUNCTION homelog.confirm_password(owner uuid, checked_hash text) OWNER TO homelog_owner;

--
-- Name: FUNCTION confirm_password(owner uuid, checked_hash text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.confirm_password(owner uuid, checked_hash text) IS 'Whether an active account still has the password that was checked; it stays so until the transaction ends.';

--
-- Name: count_guess(bytea, integer, interval); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.count_guess(counted bytea, allowed integer, kept interval) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    held  password_guesses;
    tick  timestamptz;
BEGIN
    IF random() < 0.01 THEN
        DELETE FROM password_guesses WHERE about IN (
            SELECT g.about FROM password_guesses AS g
            WHERE g.began_at < clock_timestamp() - interval '2 days' LIMIT 1000 FOR UPDATE SKIP LOCKED
        );
    END IF;

    -- The row is the lock: guesses at once come by one after the other.
    INSERT INTO password_guesses AS g (about) VALUES (counted)
    ON CONFLICT (about) DO UPDATE SET about = g.about
    RETURNING * INTO held;
    tick := clock_timestamp();
    IF held.waits_until > tick THEN
        RETURN ceil(extract(epoch FROM held.waits_until - tick));
    END IF;
    IF held.began_at < tick - kept THEN
        held.began_at := tick;
        held.failures := 0;
    END IF;
    UPDATE password_guesses SET
        began_at = held.began_at,
        failures = held.failures + 1,
        waits_until = CASE WHEN held.failures + 1 >= allowed
            THEN tick + least(interval '15 minutes', interval '15 seconds' * 2 ^ least(held.failures + 1 - allowed, 10))
        END
    WHERE about = counted;
    RETURN 0;
END
$$;

ALTER FUNCTION homelog.count_guess(counted bytea, allowed integer, kept interval) OWNER TO homelog_owner;

--
-- Name: FUNCTION count_guess(counted bytea, allowed integer, kept interval); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.count_guess(counted bytea, allowed integer, kept interval) IS 'Counts a guess before it is checked; or, uncounted, how many seconds it has to wait. Each failure from the number allowed on doubles the wait, from 15 seconds to 15 minutes; all are forgotten a while after the first.';

--
-- Name: data_sources; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.data_sources (
    id uuid DEFAULT uuidv7() NOT NULL,
    name character varying(100) NOT NULL,
    description text,
    source_type character varying(50) NOT NULL,
    unit character varying(20) NOT NULL,
    kind public.source_kind DEFAULT 'gauge'::public.source_kind NOT NULL,
    home_id uuid,
    meter_number character varying(100),
    place_name character varying(200),
    address text,
    thumbnail_url text,
    is_public boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by uuid DEFAULT homelog.current_user_id(),
    CONSTRAINT data_sources_address_length CHECK ((length(address) <= 500)),
    CONSTRAINT data_sources_description_length CHECK ((length(description) <= 10000)),
    CONSTRAINT data_sources_name_not_blank CHECK (((name)::text ~ '[^[:space:]]'::text)),
    CONSTRAINT data_sources_source_type_not_blank CHECK (((source_type)::text ~ '[^[:space:]]'::text)),
    CONSTRAINT data_sources_thumbnail_url_form CHECK (((thumbnail_url ~ '^https?://'::text) AND (length(thumbnail_url) <= 2000))),
    CONSTRAINT data_sources_unit_not_blank CHECK (((unit)::text ~ '[^[:space:]]'::text))
);

ALTER TABLE ONLY public.data_sources FORCE ROW LEVEL SECURITY;

ALTER TABLE public.data_sources OWNER TO homelog_owner;

--
-- Name: TABLE data_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.data_sources IS 'Meters, sensors and whatever else readings come from.';

--
-- Name: COLUMN data_sources.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_sources.id IS 'Public.';

--
-- Name: COLUMN data_sources.name; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_sources.name IS 'Personal.';

--
-- Name: COLUMN data_sources.description; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_sources.description IS 'Personal.';

--
-- Name: COLUMN data_sources.source_type; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_sources.source_type IS 'electric, water, gas, heat, temperature or any other word. Personal.';

--
-- Name: COLUMN data_sources.unit; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_sources.unit IS 'The unit of every value: kWh, m³, °C. Personal.';

--
-- Name: COLUMN data_sources.kind; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_sources.kind IS 'How values add up. Personal.';

--
-- Name: COLUMN data_sources.home_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_sources.home_id IS 'Public.';

--
-- Name: COLUMN data_sources.meter_number; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_sources.meter_number IS 'Personal.';

--
-- Name: COLUMN data_sources.place_name; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_sources.place_name IS 'Personal.';

--
-- Name: COLUMN data_sources.address; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_sources.address IS 'Personal.';

--
-- Name: COLUMN data_sources.thumbnail_url; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_sources.thumbnail_url IS 'Personal.';

--
-- Name: COLUMN data_sources.is_public; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_sources.is_public IS 'True: anyone who names it may read it, less address, number, people and notes. Personal.';

--
-- Name: COLUMN data_sources.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_sources.created_at IS 'Personal.';

--
-- Name: COLUMN data_sources.updated_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_sources.updated_at IS 'Personal.';

--
-- Name: COLUMN data_sources.created_by; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_sources.created_by IS 'Who made it; null once that account is gone. Personal.';

--
-- Name: CONSTRAINT data_sources_address_length ON data_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_sources_address_length ON public.data_sources IS 'An address has at most 500 characters.';

--
-- Name: CONSTRAINT data_sources_description_length ON data_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_sources_description_length ON public.data_sources IS 'A description has at most 10,000 characters.';

--
-- Name: CONSTRAINT data_sources_name_not_blank ON data_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_sources_name_not_blank ON public.data_sources IS 'A source needs a name.';

--
-- Name: CONSTRAINT data_sources_source_type_not_blank ON data_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_sources_source_type_not_blank ON public.data_sources IS 'A source needs a type.';

--
-- Name: CONSTRAINT data_sources_thumbnail_url_form ON data_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_sources_thumbnail_url_form ON public.data_sources IS 'A thumbnail is an http or https URL of at most 2,000 characters.';

--
-- Name: CONSTRAINT data_sources_unit_not_blank ON data_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_sources_unit_not_blank ON public.data_sources IS 'A source needs a unit.';

--
-- Name: create_source(uuid, text, text, text, text, public.source_kind, uuid, text, text, text, text, boolean); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.create_source(new_id uuid, name text, description text, source_type text, unit text, kind public.source_kind, home_id uuid, meter_number text, place_name text, address text, thumbnail_url text, is_public boolean) RETURNS TABLE(verdict text, source public.data_sources)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    caller uuid := homelog.current_user_id();
    made   data_sources;
    stored data_sources;
BEGIN
    IF caller IS NULL THEN
        RAISE EXCEPTION 'Nobody is signed in.' USING ERRCODE = 'HL401';
    END IF;

    -- A deleted source's audit stays, and whoever had its id anew would administer that: the id stays with who made it.
    IF EXISTS (
        SELECT FROM audit_logs AS l
        WHERE l.source_id = new_id AND l.event_type = 'create_source' AND l.user_id IS DISTINCT FROM caller
    ) THEN
        RETURN QUERY SELECT 'conflict', NULL::data_sources;
        RETURN;
    END IF;

    INSERT INTO data_sources (id, name, description, source_type, unit, kind, home_id, meter_number, place_name,
                              address, thumbnail_url, is_public)
    VALUES (coalesce(new_id, uuidv7()), create_source.name, create_source.description, create_source.source_type,
            create_source.unit, create_source.kind, create_source.home_id, create_source.meter_number,
            create_source.place_name, create_source.address, create_source.thumbnail_url, create_source.is_public)
    ON CONFLICT (id) DO NOTHING
    RETURNING * INTO made;

    IF made.id IS NOT NULL THEN
        INSERT INTO user_source_access (user_id, source_id, access_level) VALUES (caller, made.id, 'admin');
        RETURN QUERY SELECT 'created', made;
        RETURN;
    END IF;

    -- The id is taken. A new statement sees whoever took it, even one that committed while this one waited.
    SELECT s.* INTO stored
    FROM data_sources AS s
    WHERE s.id = new_id
      AND s.created_by = caller
      AND EXISTS (SELECT FROM user_source_access AS a WHERE (a.source_id, a.user_id) = (s.id, caller))
      AND (s.name, s.description, s.source_type, s.unit, s.kind, s.home_id, s.meter_number, s.place_name,
           s.address, s.thumbnail_url, s.is_public)
          IS NOT DISTINCT FROM
          (create_source.name, create_source.description, create_source.source_type, create_source.unit,
           create_source.kind, create_source.home_id, create_source.meter_number, create_source.place_name,
           create_source.address, create_source.thumbnail_url, create_source.is_public);
    IF stored.id IS NOT NULL THEN
        RETURN QUERY SELECT 'stored', stored;
    ELSE
        RETURN QUERY SELECT 'conflict', NULL::data_sources;
    END IF;
END
$$;

ALTER FUNCTION homelog.create_source(new_id uuid, name text, description text, source_type text, unit text, kind public.source_kind, home_id uuid, meter_number text, place_name text, address text, thumbnail_url text, is_public boolean) OWNER TO homelog_owner;

--
-- Name: FUNCTION create_source(new_id uuid, name text, description text, source_type text, unit text, kind public.source_kind, home_id uuid, meter_number text, place_name text, address text, thumbnail_url text, is_public boolean); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.create_source(new_id uuid, name text, description text, source_type text, unit text, kind public.source_kind, home_id uuid, meter_number text, place_name text, address text, thumbnail_url text, is_public boolean) IS 'Makes a source that the caller administers, in one step because INSERT … RETURNING cannot see what it makes visible. Verdict: created, stored (the caller already made it so) or conflict.';

--
-- Name: current_session_id(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.current_session_id() RETURNS uuid
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
BEGIN
    RETURN nullif(pg_catalog.current_setting('homelog.session_id', true), '')::pg_catalog.uuid;
END
$$;

ALTER FUNCTION homelog.current_session_id() OWNER TO homelog_owner;

--
-- Name: FUNCTION current_session_id(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.current_session_id() IS 'The session that this request came with, null for none.';

--
-- Name: current_token_id(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.current_token_id() RETURNS uuid
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
BEGIN
    RETURN nullif(pg_catalog.current_setting('homelog.token_id', true), '')::pg_catalog.uuid;
END
$$;

ALTER FUNCTION homelog.current_token_id() OWNER TO homelog_owner;

--
-- Name: FUNCTION current_token_id(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.current_token_id() IS 'The device token that this request came with, null for none.';

--
-- Name: day_after(timestamp with time zone, text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.day_after(midnight timestamp with time zone, zone text) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((date_trunc('day'::text, (midnight AT TIME ZONE zone)) + '1 day'::interval) AT TIME ZONE zone);

ALTER FUNCTION homelog.day_after(midnight timestamp with time zone, zone text) OWNER TO homelog_owner;

--
-- Name: FUNCTION day_after(midnight timestamp with time zone, zone text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.day_after(midnight timestamp with time zone, zone text) IS 'The local midnight that follows another.';

--
-- Name: day_of(timestamp with time zone, text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.day_of(at timestamp with time zone, zone text) RETURNS timestamp with time zone
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN (date_trunc('day'::text, at, zone) <= at) THEN date_trunc('day'::text, at, zone) ELSE ((date_trunc('day'::text, (at AT TIME ZONE zone)) - '1 day'::interval) AT TIME ZONE zone) END;

ALTER FUNCTION homelog.day_of(at timestamp with time zone, zone text) OWNER TO homelog_owner;

--
-- Name: FUNCTION day_of(at timestamp with time zone, zone text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.day_of(at timestamp with time zone, zone text) IS 'The local midnight that begins the day in which an instant lies. Of two midnights in a night the second counts, and what the clock shows between them is of the day before.';

--
-- Name: delete_account(uuid, timestamp with time zone[], interval); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.delete_account(wanted uuid, versions timestamp with time zone[], freshness interval) RETURNS TABLE(may boolean, fresh boolean, id uuid)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM homelog.demand_admin();
    IF NOT homelog.is_fresh(freshness) THEN
        RETURN QUERY SELECT false, false, u.id FROM users AS u WHERE u.id = wanted;
        RETURN;
    END IF;
    -- As for one's own: one account at a time, and all that changes with it before its row.
    PERFORM pg_advisory_xact_lock(hashtext('homelog: an account goes'));
    PERFORM homelog.lock_account(wanted);
    RETURN QUERY
    WITH gone AS (
        DELETE FROM users AS u
        WHERE u.id = wanted AND (versions IS NULL OR u.updated_at = ANY (versions))
        RETURNING u.id
    )

    SELECT true, (g.id IS NOT NULL), u.id
    FROM users AS u
    LEFT JOIN gone AS g ON g.id = u.id
    WHERE u.id = wanted;
END
$$;

ALTER FUNCTION homelog.delete_account(wanted uuid, versions timestamp with time zone[], freshness interval) OWNER TO homelog_owner;

--
-- Name: FUNCTION delete_account(wanted uuid, versions timestamp with time zone[], freshness interval); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.delete_account(wanted uuid, versions timestamp with time zone[], freshness interval) IS 'Deletes an account and what it alone administers, for admins who signed in no longer ago than that (else: may not); not fresh: it has no such version any more.';

--
-- Name: demand_admin(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.demand_admin() RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF homelog.current_token_id() IS NOT NULL OR NOT EXISTS (
        SELECT FROM users AS u WHERE u.id = homelog.current_user_id() AND u.role = 'admin' AND u.is_active
    ) THEN
        RAISE EXCEPTION 'There is nothing here that you can see.' USING ERRCODE = 'HL404';
    END IF;
END
$$;

ALTER FUNCTION homelog.demand_admin() OWNER TO homelog_owner;

--
-- Name: FUNCTION demand_admin(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.demand_admin() IS 'HL404 unless an admin is calling, signed in: for others the administration of accounts is not there.';

--
-- Name: due_retentions(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.due_retentions() RETURNS TABLE(source_id uuid, zone text, cut timestamp with time zone, since timestamp with time zone, unfinished timestamp with time zone)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT r.source_id, z.zone, c.cut, d.since, left_over.hour
    FROM source_retentions AS r
    JOIN data_sources AS s ON s.id = r.source_id
    LEFT JOIN homes AS h ON h.id = s.home_id
    LEFT JOIN reading_horizons AS o ON o.source_id = r.source_id
    CROSS JOIN LATERAL (SELECT coalesce(h.timezone, 'UTC')::text) AS z (zone)
    CROSS JOIN LATERAL (SELECT homelog.day_of(now() - make_interval(months => r.months), z.zone)) AS c (cut)
    CROSS JOIN LATERAL (
        SELECT coalesce(
            CASE r.action WHEN 'delete' THEN o.deleted_until ELSE greatest(o.thinned_until, o.deleted_until) END,
            '-infinity'
        )
    ) AS d (since)
    LEFT JOIN LATERAL (
        SELECT k.hour
        FROM (
            SELECT t.hour, t.first_at, t.last_at
            FROM reading_hours AS t
            WHERE t.source_id = r.source_id AND t.hour < o.thinned_until AND t.is_thinned
            ORDER BY t.hour DESC
            LIMIT 1
        ) AS k
        WHERE r.action = 'thin' AND EXISTS (
            SELECT FROM readings AS e
            WHERE e.source_id = r.source_id AND e.timestamp > k.first_at AND e.timestamp < k.last_at
        )
    ) AS left_over ON true
    WHERE d.since < c.cut OR left_over.hour IS NOT NULL;
$$;

ALTER FUNCTION homelog.due_retentions() OWNER TO homelog_owner;

--
-- Name: FUNCTION due_retentions(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.due_retentions() IS 'The sources that have something to thin or delete: up to which local midnight, and from when on; and the hour that was thinned last where some of its readings are still there.';

--
-- Name: end_maintenance(uuid, jsonb); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.end_maintenance(run uuid, told jsonb) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    UPDATE maintenance_runs SET ended_at = now(), done = told WHERE id = run AND ended_at IS NULL;
$$;

ALTER FUNCTION homelog.end_maintenance(run uuid, told jsonb) OWNER TO homelog_owner;

--
-- Name: FUNCTION end_maintenance(run uuid, told jsonb); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.end_maintenance(run uuid, told jsonb) IS 'Notes what a run has done.';

--
-- Name: end_session_of_token(bytea); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.end_session_of_token(token bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    ended sessions;
BEGIN
    UPDATE sessions AS s SET ended_at = now()
    WHERE s.id = (SELECT t.session_id FROM refresh_tokens AS t WHERE t.token_hash = token) AND s.ended_at IS NULL
    RETURNING * INTO ended;
    IF ended.id IS NULL THEN
        RETURN false;
    END IF;
    INSERT INTO audit_logs (user_id, event_type, details)
    VALUES (ended.user_id, 'logout', jsonb_build_object('session_id', ended.id));
    RETURN true;
END
$$;

ALTER FUNCTION homelog.end_session_of_token(token bytea) OWNER TO homelog_owner;

--
-- Name: FUNCTION end_session_of_token(token bytea); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.end_session_of_token(token bytea) IS 'Ends the session that a refresh token belongs to.';

--
-- Name: end_sessions(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.end_sessions(keep uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    ended integer;
BEGIN
    UPDATE sessions AS s SET ended_at = now()
    WHERE s.user_id = homelog.current_user_id() AND s.ended_at IS NULL AND s.id IS DISTINCT FROM keep;
    GET DIAGNOSTICS ended = ROW_COUNT;
    RETURN ended;
END
$$;

ALTER FUNCTION homelog.end_sessions(keep uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION end_sessions(keep uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.end_sessions(keep uuid) IS 'Ends the caller''s sessions but the one to keep; says how many.';

--
-- Name: expire_readings(integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.expire_readings(most integer) RETURNS TABLE(source_id uuid, action public.retention_action, removed integer, until timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
#variable_conflict use_column
DECLARE
    kept    source_retentions;
    due     record;
    room    integer := least(greatest(most, 1), 10000);
    hours   timestamptz[];
    whole   timestamptz;
    first   timestamptz;
    stop    timestamptz;
BEGIN
    IF NOT homelog.takes_maintenance_turn() THEN
        RETURN;
    END IF;
    -- In another order each run, the same within it: one that fails keeps no other from its turn for ever.
    SELECT d.source_id INTO due
    FROM homelog.due_retentions() AS d
    ORDER BY hashtextextended(
        d.source_id::text, (SELECT (date_part('epoch', max(r.began_at)) * 1000000)::bigint FROM maintenance_runs AS r)
    ), d.source_id
    LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    source_id := due.source_id;
    removed := 0;

    -- The turn before the row: who deletes the source has its turn first, too. Who takes the retention back meanwhile
    -- either is seen here or waits.
    PERFORM homelog.take_turns(ARRAY[source_id]);
    SELECT r.* INTO kept FROM source_retentions AS r WHERE r.source_id = due.source_id FOR SHARE;
    SELECT d.* INTO due FROM homelog.due_retentions() AS d WHERE d.source_id = due.source_id;
    action := kept.action;
    IF kept.source_id IS NULL OR due.cut IS NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM set_config('homelog.expires', action::text, true);

    IF action = 'thin' THEN
        IF due.unfinished IS NOT NULL THEN
            SELECT t.removed, t.until INTO removed, until
            FROM homelog.thin_hours(due.source_id, ARRAY[due.unfinished], due.since, room) AS t;
        ELSE
            -- Hours that a midnight cuts, or a meter event, stay as they are: they are answered in parts.
            hours := ARRAY(
                SELECT k.hour
                FROM reading_hours AS k
                WHERE k.source_id = due.source_id AND k.hour >= due.since AND k.hour + interval '1 hour' <= due.cut
                  AND NOT k.is_thinned
                  AND homelog.day_of(k.hour, due.zone)
                      = homelog.day_of(k.hour + interval '1 hour' - interval '1 microsecond', due.zone)
                  AND NOT EXISTS (
                      SELECT FROM meter_events AS m
                      WHERE m.source_id = due.source_id AND m.at >= k.hour AND m.at < k.hour + interval '1 hour'
                  )
                ORDER BY k.hour
                LIMIT room / 10 + 1  -- An hour has ten readings at least.
            );
            SELECT t.removed, t.until INTO removed, until
            FROM homelog.thin_hours(
                due.source_id, hours,
                CASE
                    WHEN cardinality(hours) > room / 10 THEN hours[cardinality(hours)] + interval '1 hour'
                    ELSE due.cut
                END,
                room
            ) AS t;
        END IF;
    ELSE
        -- A thinned hour goes as a whole, once all of it is due.
        SELECT h.hour INTO whole FROM reading_hours AS h
        WHERE h.source_id = due.source_id AND h.hour = homelog.hour_of(due.cut) AND h.is_thinned;
        whole := coalesce(whole, due.cut);
        SELECT r.timestamp INTO first FROM readings AS r
        WHERE r.source_id = due.source_id AND r.timestamp < whole
        ORDER BY r.timestamp LIMIT 1;
        SELECT r.timestamp INTO stop FROM readings AS r
        WHERE r.source_id = due.source_id AND r.timestamp < whole
        ORDER BY r.timestamp OFFSET room LIMIT 1;

        -- Full hours, so that none is summed up anew of what is left. One that holds more is thinned first.
        IF homelog.hour_of(first) < homelog.hour_of(stop) THEN
            until := homelog.hour_of(stop);
        ELSIF stop IS NOT NULL THEN
            until := stop;
            hours := ARRAY(
                SELECT k.hour
                FROM reading_hours AS k
                WHERE k.source_id = due.source_id AND k.hour = homelog.hour_of(stop) AND k.hour + interval '1 hour' <= whole
                  AND NOT EXISTS (
                      SELECT FROM meter_events AS m
                      WHERE m.source_id = due.source_id AND m.at >= k.hour AND m.at < k.hour + interval '1 hour'
                  )
            );
            IF hours <> '{}' THEN
                SELECT t.removed, homelog.hour_of(stop) INTO removed, until
                FROM homelog.thin_hours(due.source_id, hours, hours[1] + interval '1 hour', room) AS t;
                until := CASE WHEN removed = 0 THEN stop ELSE until END;
            END IF;
        ELSE
            until := due.cut;
        END IF;

        INSERT INTO reading_horizons AS h (source_id, deleted_until) VALUES (due.source_id, until)
        ON CONFLICT (source_id) DO UPDATE SET
            deleted_until = greatest(h.deleted_until, excluded.deleted_until),
            thinned_until = CASE WHEN h.thinned_until > excluded.deleted_until THEN h.thinned_until END;
        IF removed = 0 THEN
            DELETE FROM reading_hours AS h
            WHERE h.source_id = due.source_id AND h.hour <= until - interval '1 hour' AND h.is_thinned;
            DELETE FROM readings AS r WHERE r.source_id = due.source_id AND r.timestamp < least(until, whole);
            GET DIAGNOSTICS removed = ROW_COUNT;
            DELETE FROM changed_days AS c
            WHERE c.source_id = due.source_id AND c.day < (until AT TIME ZONE 'UTC')::date;
        END IF;
    END IF;
    PERFORM set_config('homelog.expires', '', true);
    RETURN NEXT;
END
$$;

ALTER FUNCTION homelog.expire_readings(most integer) OWNER TO homelog_owner;

--
-- Name: FUNCTION expire_readings(most integer); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.expire_readings(most integer) IS 'Thins or deletes so many readings at most of one source, as its retention has it, the oldest first; says of which and up to when. No row where no source has any that are due. What is due nobody says but source_retentions.';

--
-- Name: find_credentials(public.citext); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.find_credentials(wanted public.citext) RETURNS TABLE(user_id uuid, password_hash text, is_temporary boolean, is_active boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    SELECT u.id, p.password_hash, p.is_temporary, u.is_active
    FROM users AS u
    JOIN user_passwords AS p ON p.user_id = u.id
    WHERE u.email = wanted AND p.used_at IS NULL AND NOT homelog.has_expired(p);
END
$$;

ALTER FUNCTION homelog.find_credentials(wanted public.citext) OWNER TO homelog_owner;

--
-- Name: FUNCTION find_credentials(wanted public.citext); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.find_credentials(wanted public.citext) IS 'What sign-in needs to check a password: by e-mail, whatever its case. A temporary password that was used or has expired is none. The hash never leaves the service.';

--
-- Name: find_grantee(uuid, uuid, public.citext); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.find_grantee(wanted_source uuid, wanted_id uuid, wanted_email public.citext) RETURNS TABLE(user_id uuid, email public.citext, display_name text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT wanted_source = ANY (homelog.administered_sources()) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT u.id, u.email, u.display_name::text
    FROM users AS u
    WHERE u.id = homelog.find_user(wanted_id, wanted_email);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'This account does not exist.'
            USING ERRCODE = 'foreign_key_violation', TABLE = 'user_source_access',
                  COLUMN = CASE WHEN wanted_id IS NULL THEN 'email' ELSE 'user_id' END,
                  CONSTRAINT = 'user_source_access_user_id_fkey';
    END IF;
END
$$;

ALTER FUNCTION homelog.find_grantee(wanted_source uuid, wanted_id uuid, wanted_email public.citext) OWNER TO homelog_owner;

--
-- Name: FUNCTION find_grantee(wanted_source uuid, wanted_id uuid, wanted_email public.citext); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.find_grantee(wanted_source uuid, wanted_id uuid, wanted_email public.citext) IS 'The active account that an admin of a source names by id or e-mail to grant it access; a foreign key violation where there is none, no row for anyone else who asks.';

--
-- Name: find_invited(uuid, uuid, public.citext); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.find_invited(wanted_home uuid, wanted_id uuid, wanted_email public.citext) RETURNS TABLE(user_id uuid, email public.citext, display_name text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT wanted_home = ANY (homelog.administered_homes()) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT u.id, u.email, u.display_name::text
    FROM users AS u
    WHERE u.id = homelog.find_user(wanted_id, wanted_email);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'This account does not exist.'
            USING ERRCODE = 'foreign_key_violation', TABLE = 'home_members',
                  COLUMN = CASE WHEN wanted_id IS NULL THEN 'email' ELSE 'user_id' END,
                  CONSTRAINT = 'home_members_user_id_fkey';
    END IF;
END
$$;

ALTER FUNCTION homelog.find_invited(wanted_home uuid, wanted_id uuid, wanted_email public.citext) OWNER TO homelog_owner;

--
-- Name: FUNCTION find_invited(wanted_home uuid, wanted_id uuid, wanted_email public.citext); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.find_invited(wanted_home uuid, wanted_id uuid, wanted_email public.citext) IS 'The active account that an admin of a home names by id or e-mail to invite it; a foreign key violation where there is none, no row for anyone else who asks.';

--
-- Name: find_user(uuid, public.citext); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.find_user(wanted_id uuid, wanted_email public.citext) RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN (
        SELECT u.id FROM users AS u
        WHERE u.is_active AND ((wanted_id IS NOT NULL AND u.id = wanted_id)
                               OR (wanted_id IS NULL AND u.email = wanted_email))
    );
END
$$;

ALTER FUNCTION homelog.find_user(wanted_id uuid, wanted_email public.citext) OWNER TO homelog_owner;

--
-- Name: FUNCTION find_user(wanted_id uuid, wanted_email public.citext); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.find_user(wanted_id uuid, wanted_email public.citext) IS 'The active account with this id or e-mail, null if there is none: whom a grant is for.';

--
-- Name: forget_tombstones(interval); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.forget_tombstones(keep interval) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    -- The day is for transactions that stayed open: a tombstone bears the time at which its transaction began.
    until_then timestamptz := now() - greatest(keep, homelog.change_retention()) - interval '1 day';
    forgotten  bigint;
BEGIN
    WITH of_sources AS (
        DELETE FROM source_tombstones WHERE deleted_at < until_then RETURNING 1
    ), of_users AS (
        DELETE FROM user_tombstones WHERE deleted_at < until_then RETURNING 1
    ), of_places AS (
        DELETE FROM place_tombstones WHERE deleted_at < until_then RETURNING 1
    )
    SELECT (SELECT count(*) FROM of_sources) + (SELECT count(*) FROM of_users) + (SELECT count(*) FROM of_places)
    INTO forgotten;
    RETURN forgotten;
END
$$;

ALTER FUNCTION homelog.forget_tombstones(keep interval) OWNER TO homelog_owner;

--
-- Name: FUNCTION forget_tombstones(keep interval); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.forget_tombstones(keep interval) IS 'Deletes tombstones that are older, though none that a cursor may still ask for; says how many.';

--
-- Name: forgive_own_password(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.forgive_own_password() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    DELETE FROM password_guesses WHERE about = homelog.guessing_account();
END
$$;

ALTER FUNCTION homelog.forgive_own_password() OWNER TO homelog_owner;

--
-- Name: FUNCTION forgive_own_password(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.forgive_own_password() IS 'Forgets the caller''s failures, after the right password.';

--
-- Name: forgive_sign_in(public.citext, text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.forgive_sign_in(tried public.citext, address text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- In the order in which they are counted.
    PERFORM homelog.take_guess_back(homelog.guessing_site(address));
    PERFORM homelog.take_guess_back(homelog.guessing_address(address));
    DELETE FROM password_guesses WHERE about = homelog.guessed_pair(tried, address);
END
$$;

ALTER FUNCTION homelog.forgive_sign_in(tried public.citext, address text) OWNER TO homelog_owner;

--
-- Name: FUNCTION forgive_sign_in(tried public.citext, address text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.forgive_sign_in(tried public.citext, address text) IS 'After the right password: forgets the failures for the e-mail at the address; those of others there stay.';

--
-- Name: gained_plants(pg_snapshot); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.gained_plants(since pg_snapshot) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN ARRAY(
        SELECT p.id
        FROM gained_homes AS g
        JOIN plants AS p ON p.home_id = g.home_id
        WHERE g.user_id = homelog.current_user_id() AND homelog.changed_since(g.xmin, since)
        UNION
        SELECT t.id
        FROM moved_things AS t
        WHERE t.type = 'plant' AND t.id = ANY (homelog.readable_plants()) AND homelog.changed_since(t.xmin, since)
    );
END
$$;

ALTER FUNCTION homelog.gained_plants(since pg_snapshot) OWNER TO homelog_owner;

--
-- Name: FUNCTION gained_plants(since pg_snapshot); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.gained_plants(since pg_snapshot) IS 'The plants that the caller may have come to see since the snapshot: a copy may lack their care.';

--
-- Name: gained_sources(pg_snapshot); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.gained_sources(since pg_snapshot) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- Not gained is what some reason showed before: one that is left of several is an old one.
    RETURN ARRAY(
        SELECT r.source_id
        FROM (
            SELECT a.source_id, homelog.changed_since(g.xmin, since) AS is_new
            FROM user_source_access AS a
            LEFT JOIN gained_sources AS g ON g.source_id = a.source_id AND g.user_id = a.user_id
            WHERE a.user_id = homelog.current_user_id()
            UNION ALL
            SELECT s.id, homelog.changed_since(g.xmin, since) OR coalesce(homelog.changed_since(t.xmin, since), false)
            FROM home_members AS m
            JOIN data_sources AS s ON s.home_id = m.home_id
            LEFT JOIN gained_homes AS g ON g.home_id = m.home_id AND g.user_id = m.user_id
            LEFT JOIN moved_things AS t ON t.type = 'source' AND t.id = s.id
            WHERE m.user_id = homelog.current_user_id() AND (m.expires_at IS NULL OR m.expires_at > now())
        ) AS r
        GROUP BY r.source_id
        HAVING pg_snapshot_xmin(since) = '1' OR bool_and(r.is_new)
    );
END
$$;

ALTER FUNCTION homelog.gained_sources(since pg_snapshot) OWNER TO homelog_owner;

--
-- Name: FUNCTION gained_sources(since pg_snapshot); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.gained_sources(since pg_snapshot) IS 'The sources that the caller came to see since the snapshot, all for 1:1: a copy has nothing of them yet.';

--
-- Name: get_account(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.get_account(wanted uuid) RETURNS TABLE(account public.users, is_password_temp boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM homelog.demand_admin();
    RETURN QUERY
    SELECT u, coalesce(p.is_temporary, false)
    FROM users AS u
    LEFT JOIN user_passwords AS p ON p.user_id = u.id
    WHERE u.id = wanted;
END
$$;

ALTER FUNCTION homelog.get_account(wanted uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION get_account(wanted uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.get_account(wanted uuid) IS 'An account, for admins.';

--
-- Name: give_password(uuid, text, boolean); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.give_password(owner uuid, new_hash text, is_temporary boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- The account before its password, as everyone locks them.
    PERFORM FROM users AS u WHERE u.id = owner FOR NO KEY UPDATE;
    INSERT INTO user_passwords AS p (user_id, password_hash, is_temporary)
    VALUES (owner, new_hash, give_password.is_temporary)
    ON CONFLICT (user_id) DO UPDATE
        SET password_hash = excluded.password_hash, is_temporary = excluded.is_temporary, created_at = now(),
            used_at = NULL;
    UPDATE sessions AS s SET ended_at = now() WHERE s.user_id = owner AND s.ended_at IS NULL;
END
$$;

ALTER FUNCTION homelog.give_password(owner uuid, new_hash text, is_temporary boolean) OWNER TO homelog_owner;

--
-- Name: FUNCTION give_password(owner uuid, new_hash text, is_temporary boolean); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.give_password(owner uuid, new_hash text, is_temporary boolean) IS 'Gives an account a password and ends the sessions that it has. Called by functions that have asked who may.';

--
-- Name: gone_since(xid, xid8, pg_snapshot); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.gone_since(row_xmin xid, gone_xid xid8, since pg_snapshot) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN ((NOT pg_visible_in_snapshot(gone_xid, since)) AND homelog.changed_since(row_xmin, since));

ALTER FUNCTION homelog.gone_since(row_xmin xid, gone_xid xid8, since pg_snapshot) OWNER TO homelog_owner;

--
-- Name: FUNCTION gone_since(row_xmin xid, gone_xid xid8, since pg_snapshot); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.gone_since(row_xmin xid, gone_xid xid8, since pg_snapshot) IS 'Whether a tombstone is newer than the snapshot. No more than that: told again, it could take away what was made anew.';

--
-- Name: granted_sources(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.granted_sources() RETURNS uuid[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
BEGIN
    RETURN coalesce(nullif(pg_catalog.current_setting('homelog.granted', true), ''), '{}')::pg_catalog.uuid[];
END
$$;

ALTER FUNCTION homelog.granted_sources() OWNER TO homelog_owner;

--
-- Name: FUNCTION granted_sources(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.granted_sources() IS 'The readable sources less those that are readable only for being public: strangers see fewer columns of these.';

--
-- Name: guessed_pair(public.citext, text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.guessed_pair(tried public.citext, address text) RETURNS bytea
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT sha256(convert_to(
        concat_ws(
            ' ', 'sign-in', address,
            coalesce((
                SELECT extract(epoch FROM p.created_at)::text
                FROM users AS u
                JOIN user_passwords AS p ON p.user_id = u.id
                WHERE u.email = tried
            ), 'none'),
            lower(tried::text)
        ),
        'UTF8'
    ));
$$;

ALTER FUNCTION homelog.guessed_pair(tried public.citext, address text) OWNER TO homelog_owner;

--
-- Name: FUNCTION guessed_pair(tried public.citext, address text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.guessed_pair(tried public.citext, address text) IS 'What is counted of an e-mail and the address that it is typed at; e-mails are the same as citext has it. A new password is guessed anew.';

--
-- Name: guessing_account(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.guessing_account() RETURNS bytea
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT sha256(convert_to(
        concat_ws(' ', 'account', homelog.current_user_id(), (
            SELECT extract(epoch FROM p.created_at)
            FROM user_passwords AS p
            WHERE p.user_id = homelog.current_user_id()
        )),
        'UTF8'
    ));
$$;

ALTER FUNCTION homelog.guessing_account() OWNER TO homelog_owner;

--
-- Name: FUNCTION guessing_account(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.guessing_account() IS 'What is counted of an account that guesses its own password. A new one is guessed anew.';

--
-- Name: guessing_address(text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.guessing_address(address text) RETURNS bytea
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT sha256(convert_to('address ' || address, 'UTF8'));
$$;

ALTER FUNCTION homelog.guessing_address(address text) OWNER TO homelog_owner;

--
-- Name: FUNCTION guessing_address(address text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.guessing_address(address text) IS 'What is counted of an address, over all e-mails.';

--
-- Name: guessing_site(text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.guessing_site(address text) RETURNS bytea
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT CASE WHEN address LIKE '%:%/64'
        THEN sha256(convert_to('site ' || set_masklen(address::cidr, 48)::text, 'UTF8'))
    END;
$$;

ALTER FUNCTION homelog.guessing_site(address text) OWNER TO homelog_owner;

--
-- Name: FUNCTION guessing_site(address text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.guessing_site(address text) IS 'What is counted of the /48 that an address of IPv6 is in, null for any other: one customer may be given so many.';

--
-- Name: user_passwords; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.user_passwords (
    user_id uuid NOT NULL,
    password_hash text NOT NULL,
    is_temporary boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT user_passwords_password_hash_argon2id CHECK (((password_hash ~~ '$argon2id$%'::text) AND (length(password_hash) <= 500))),
    CONSTRAINT user_passwords_used_at_temporary CHECK (((used_at IS NULL) OR is_temporary))
);

ALTER TABLE ONLY public.user_passwords FORCE ROW LEVEL SECURITY;

ALTER TABLE public.user_passwords OWNER TO homelog_owner;

--
-- Name: TABLE user_passwords; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.user_passwords IS 'One row for each account that signs in with a password.';

--
-- Name: COLUMN user_passwords.user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_passwords.user_id IS 'Personal.';

--
-- Name: COLUMN user_passwords.password_hash; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_passwords.password_hash IS 'Argon2id in PHC form, its own salt inside. Secret.';

--
-- Name: COLUMN user_passwords.is_temporary; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_passwords.is_temporary IS 'Set by an administrator: opens only the change of the password. Personal.';

--
-- Name: COLUMN user_passwords.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_passwords.created_at IS 'When the password was last changed. Personal.';

--
-- Name: COLUMN user_passwords.used_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_passwords.used_at IS 'When a temporary password was signed in with, which it is once; else null. Personal.';

--
-- Name: CONSTRAINT user_passwords_password_hash_argon2id ON user_passwords; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_passwords_password_hash_argon2id ON public.user_passwords IS 'A password is stored as an Argon2id hash.';

--
-- Name: CONSTRAINT user_passwords_used_at_temporary ON user_passwords; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_passwords_used_at_temporary ON public.user_passwords IS 'Only a temporary password is used up.';

--
-- Name: has_expired(public.user_passwords); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.has_expired(password public.user_passwords) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT password.is_temporary AND password.created_at <= now() - interval '24 hours';
$$;

ALTER FUNCTION homelog.has_expired(password public.user_passwords) OWNER TO homelog_owner;

--
-- Name: FUNCTION has_expired(password public.user_passwords); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.has_expired(password public.user_passwords) IS 'Whether a temporary password is older than its 24 hours.';

--
-- Name: has_rules(uuid[]); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.has_rules(sources uuid[]) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN EXISTS (SELECT FROM data_validators AS v WHERE v.source_id = ANY (sources))
        OR EXISTS (SELECT FROM reading_horizons AS h WHERE h.source_id = ANY (sources));
END
$$;

ALTER FUNCTION homelog.has_rules(sources uuid[]) OWNER TO homelog_owner;

--
-- Name: FUNCTION has_rules(sources uuid[]); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.has_rules(sources uuid[]) IS 'Whether any of these sources has rules, be it only how old a reading may be. Volatile, so that it sees what was committed before it is called: in the statement that waited for its turn, what others made meanwhile.';

--
-- Name: reading_horizons; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.reading_horizons (
    source_id uuid NOT NULL,
    thinned_until timestamp with time zone,
    deleted_until timestamp with time zone,
    CONSTRAINT reading_horizons_some_end CHECK ((num_nonnulls(thinned_until, deleted_until) > 0))
);

ALTER TABLE ONLY public.reading_horizons FORCE ROW LEVEL SECURITY;

ALTER TABLE public.reading_horizons OWNER TO homelog_owner;

--
-- Name: TABLE reading_horizons; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.reading_horizons IS 'Up to when a source''s readings were thinned or deleted by its retention: before that nothing is written any more.';

--
-- Name: COLUMN reading_horizons.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_horizons.source_id IS 'Public.';

--
-- Name: COLUMN reading_horizons.thinned_until; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_horizons.thinned_until IS 'Up to when full hours were thinned. It stays when the retention goes: their readings do not come back. Personal.';

--
-- Name: COLUMN reading_horizons.deleted_until; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_horizons.deleted_until IS 'Up to when all were deleted. It goes with the retention: then older readings may be logged again. Personal.';

--
-- Name: CONSTRAINT reading_horizons_some_end ON reading_horizons; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT reading_horizons_some_end ON public.reading_horizons IS 'A source without a horizon has no row.';

--
-- Name: horizon_of(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.horizon_of(source uuid) RETURNS timestamp with time zone
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
 SELECT GREATEST(h.thinned_until, h.deleted_until) AS "greatest"
    FROM public.reading_horizons h
   WHERE (h.source_id = horizon_of.source);
END;

ALTER FUNCTION homelog.horizon_of(source uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION horizon_of(source uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.horizon_of(source uuid) IS 'Before when nothing is written to a source any more, as far as the caller sees it; null if there is no such time.';

--
-- Name: horizon_told(timestamp with time zone); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.horizon_told(until timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN format('By its retention this source keeps no single readings from before %sZ; nothing is logged, changed or deleted there.'::text, to_char((until AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS'::text));

ALTER FUNCTION homelog.horizon_told(until timestamp with time zone) OWNER TO homelog_owner;

--
-- Name: FUNCTION horizon_told(until timestamp with time zone); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.horizon_told(until timestamp with time zone) IS 'What somebody is told who writes before a source''s horizon.';

--
-- Name: hour_of(timestamp with time zone); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.hour_of(at timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN date_bin('01:00:00'::interval, at, '1970-01-01 00:00:00+00'::timestamp with time zone);

ALTER FUNCTION homelog.hour_of(at timestamp with time zone) OWNER TO homelog_owner;

--
-- Name: FUNCTION hour_of(at timestamp with time zone); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.hour_of(at timestamp with time zone) IS 'The full hour of UTC in which an instant lies.';

--
-- Name: is_fresh(interval); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.is_fresh(freshness interval) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT EXISTS (
        SELECT FROM sessions AS s
        WHERE s.id = homelog.current_session_id() AND s.created_at > now() - freshness
    );
$$;

ALTER FUNCTION homelog.is_fresh(freshness interval) OWNER TO homelog_owner;

--
-- Name: FUNCTION is_fresh(freshness interval); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.is_fresh(freshness interval) IS 'Whether the caller signed in no longer ago than that. Refreshing a session makes it no younger.';

--
-- Name: is_summed_alike(double precision, public.quality_flag, double precision, public.quality_flag); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.is_summed_alike(value double precision, flag public.quality_flag, other_value double precision, other_flag public.quality_flag) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN COALESCE(((value = other_value) AND (flag = other_flag)), false);

ALTER FUNCTION homelog.is_summed_alike(value double precision, flag public.quality_flag, other_value double precision, other_flag public.quality_flag) OWNER TO homelog_owner;

--
-- Name: FUNCTION is_summed_alike(value double precision, flag public.quality_flag, other_value double precision, other_flag public.quality_flag); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.is_summed_alike(value double precision, flag public.quality_flag, other_value double precision, other_flag public.quality_flag) IS 'Whether a reading may become another one before a source''s horizon: notes and metadata are in no sum.';

--
-- Name: is_timezone(text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.is_timezone(name text) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $_$
BEGIN
    RETURN EXISTS (
        SELECT FROM pg_timezone_names AS known
        WHERE known.name = is_timezone.name
          AND known.name !~ '^(posix|right)/|^(posixrules|localtime|Factory)$'
    );
END
$_$;

ALTER FUNCTION homelog.is_timezone(name text) OWNER TO homelog_owner;

--
-- Name: FUNCTION is_timezone(name text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.is_timezone(name text) IS 'Whether PostgreSQL knows this IANA zone by exactly this name; AT TIME ZONE alone would take FOO3 as an offset.';

--
-- Name: is_unbound(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.is_unbound() RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
BEGIN
    RETURN coalesce(pg_catalog.current_setting('homelog.bound', true), '') = '';
END
$$;

ALTER FUNCTION homelog.is_unbound() OWNER TO homelog_owner;

--
-- Name: FUNCTION is_unbound(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.is_unbound() IS 'Whether this request may reach more than sources: false with a device token that is bound to some.';

--
-- Name: judge(uuid, timestamp with time zone[], double precision[], public.quality_flag[], boolean); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.judge(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[], replaces boolean) RETURNS TABLE(place integer, action public.validator_action, rule text, detail text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
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

ALTER FUNCTION homelog.judge(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[], replaces boolean) OWNER TO homelog_owner;

--
-- Name: FUNCTION judge(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[], replaces boolean); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.judge(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[], replaces boolean) IS 'What a source''s rules say of readings that are to be stored, or just were: a row for each that is rejected or flagged, by its place in the arrays from 1. They come in the order of their time. What is stored at these times is no neighbour, and gives way if it is replaced. The caller holds the source''s turn.';

--
-- Name: judge_batch(uuid, json, boolean); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.judge_batch(source uuid, sent json, replaces boolean) RETURNS TABLE(place integer, action public.validator_action, rule text, detail text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
DECLARE
    has_horizons boolean := EXISTS (SELECT FROM reading_horizons);
    batch        record;
BEGIN
    -- What the trigger below would refuse, and what it would not if thinning had left it: a null action.
    RETURN QUERY
    SELECT (j.ordinal - 1)::integer, CASE WHEN NOT is_gone.so THEN 'reject'::validator_action END, 'retention',
           CASE WHEN is_gone.so THEN homelog.thinning_told() ELSE homelog.horizon_told(h.until) END
    FROM ROWS FROM (
        json_to_recordset(sent) AS (
            source_id uuid, value double precision, timestamp timestamptz, quality_flag quality_flag
        )
    ) WITH ORDINALITY AS j (source_id, value, timestamp, quality_flag, ordinal)
    CROSS JOIN LATERAL (SELECT homelog.horizon_of(coalesce(j.source_id, source))) AS h (until)
    CROSS JOIN LATERAL (
        SELECT NOT replaces AND EXISTS (
            SELECT FROM reading_hours AS k
            WHERE k.source_id = coalesce(j.source_id, source) AND k.hour = homelog.hour_of(j.timestamp)
              AND k.is_thinned AND j.timestamp > k.first_at AND j.timestamp < k.last_at
              AND (j.quality_flag = 'bad' OR j.value BETWEEN k.min AND k.max)  -- No sum tells of a bad one.
        )
    ) AS is_gone (so)
    WHERE has_horizons
      AND j.timestamp < h.until
      AND NOT EXISTS (
          SELECT FROM readings AS r
          WHERE r.source_id = coalesce(j.source_id, source) AND r.timestamp = j.timestamp
            AND (
                NOT replaces
                OR homelog.is_summed_alike(r.value, r.quality_flag, j.value, coalesce(j.quality_flag, 'good'))
            )
      );

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
          AND NOT (has_horizons AND coalesce(s.timestamp < homelog.horizon_of(s.source_id), false))
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

ALTER FUNCTION homelog.judge_batch(source uuid, sent json, replaces boolean) OWNER TO homelog_owner;

--
-- Name: FUNCTION judge_batch(source uuid, sent json, replaces boolean); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.judge_batch(source uuid, sent json, replaces boolean) IS 'Judges a batch that is to be logged, each source''s rows by its own rules: a row for each that is rejected or flagged, by its place in the JSON array from 0. Nothing is said of a reading that is there already, or whose time is taken. The caller holds the sources'' turns.';

--
-- Name: judge_correction(uuid, uuid, timestamp with time zone, timestamp with time zone[], jsonb); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.judge_correction(source uuid, reading uuid, reading_at timestamp with time zone, versions timestamp with time zone[], fields jsonb) RETURNS public.quality_flag
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
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

ALTER FUNCTION homelog.judge_correction(source uuid, reading uuid, reading_at timestamp with time zone, versions timestamp with time zone[], fields jsonb) OWNER TO homelog_owner;

--
-- Name: FUNCTION judge_correction(source uuid, reading uuid, reading_at timestamp with time zone, versions timestamp with time zone[], fields jsonb); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.judge_correction(source uuid, reading uuid, reading_at timestamp with time zone, versions timestamp with time zone[], fields jsonb) IS 'Takes the source''s turn and judges what a correction makes of a reading: the quality that the rules ask for, null if they ask for none; raises where they reject it. A value that stays as it is, is not judged again.';

--
-- Name: judge_history(uuid, public.validator_rules, timestamp with time zone, timestamp with time zone, integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.judge_history(source uuid, asked public.validator_rules, since timestamp with time zone, until timestamp with time zone, shown integer, OUT checked bigint, OUT min_value bigint, OUT max_value bigint, OUT non_decreasing bigint, OUT max_rate bigint, OUT ids uuid[], OUT timestamps timestamp with time zone[], OUT vals double precision[], OUT rules text[], OUT details text[]) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
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

ALTER FUNCTION homelog.judge_history(source uuid, asked public.validator_rules, since timestamp with time zone, until timestamp with time zone, shown integer, OUT checked bigint, OUT min_value bigint, OUT max_value bigint, OUT non_decreasing bigint, OUT max_rate bigint, OUT ids uuid[], OUT timestamps timestamp with time zone[], OUT vals double precision[], OUT rules text[], OUT details text[]) OWNER TO homelog_owner;

--
-- Name: FUNCTION judge_history(source uuid, asked public.validator_rules, since timestamp with time zone, until timestamp with time zone, shown integer, OUT checked bigint, OUT min_value bigint, OUT max_value bigint, OUT non_decreasing bigint, OUT max_rate bigint, OUT ids uuid[], OUT timestamps timestamp with time zone[], OUT vals double precision[], OUT rules text[], OUT details text[]); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.judge_history(source uuid, asked public.validator_rules, since timestamp with time zone, until timestamp with time zone, shown integer, OUT checked bigint, OUT min_value bigint, OUT max_value bigint, OUT non_decreasing bigint, OUT max_rate bigint, OUT ids uuid[], OUT timestamps timestamp with time zone[], OUT vals double precision[], OUT rules text[], OUT details text[]) IS 'What rules would say of what is stored, each reading against the one before it, which may lie before the range: how many were looked at, how many break each rule as their first, and the first of those that break one.';

--
-- Name: judge_in_turn(uuid, timestamp with time zone[], double precision[], public.quality_flag[], boolean, public.validator_rules, public.validator_rules, public.validator_rules); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.judge_in_turn(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[], replaces boolean, reject public.validator_rules, flag public.validator_rules, strictest public.validator_rules) RETURNS TABLE(place integer, action public.validator_action, rule text, detail text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
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

ALTER FUNCTION homelog.judge_in_turn(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[], replaces boolean, reject public.validator_rules, flag public.validator_rules, strictest public.validator_rules) OWNER TO homelog_owner;

--
-- Name: FUNCTION judge_in_turn(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[], replaces boolean, reject public.validator_rules, flag public.validator_rules, strictest public.validator_rules); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.judge_in_turn(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[], replaces boolean, reject public.validator_rules, flag public.validator_rules, strictest public.validator_rules) IS 'Decides for homelog.judge() where that cannot tell at a glance that all keep to the rules.';

--
-- Name: judge_reading(uuid, uuid, double precision, timestamp with time zone, public.quality_flag, boolean); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.judge_reading(source uuid, reading uuid, reading_value double precision, reading_at timestamp with time zone, reading_flag public.quality_flag, replaces boolean, OUT at timestamp with time zone, OUT flag public.quality_flag) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
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

ALTER FUNCTION homelog.judge_reading(source uuid, reading uuid, reading_value double precision, reading_at timestamp with time zone, reading_flag public.quality_flag, replaces boolean, OUT at timestamp with time zone, OUT flag public.quality_flag) OWNER TO homelog_owner;

--
-- Name: FUNCTION judge_reading(source uuid, reading uuid, reading_value double precision, reading_at timestamp with time zone, reading_flag public.quality_flag, replaces boolean, OUT at timestamp with time zone, OUT flag public.quality_flag); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.judge_reading(source uuid, reading uuid, reading_value double precision, reading_at timestamp with time zone, reading_flag public.quality_flag, replaces boolean, OUT at timestamp with time zone, OUT flag public.quality_flag) IS 'Takes the source''s turn and judges a reading that is to be logged: its time (without one, that of the reading of this id within the last day, else now) and the quality that the rules leave it; raises where they reject it. Both null for a caller who may not log.';

--
-- Name: keep_provider_tokens(uuid, text, text, timestamp with time zone); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.keep_provider_tokens(identity uuid, sealed_access_token text, sealed_refresh_token text, expiry timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    UPDATE user_oauth_identities SET
        access_token = sealed_access_token,
        refresh_token = coalesce(sealed_refresh_token, refresh_token),
        token_expiry = expiry
    WHERE id = identity AND user_id = homelog.current_user_id();
$$;

ALTER FUNCTION homelog.keep_provider_tokens(identity uuid, sealed_access_token text, sealed_refresh_token text, expiry timestamp with time zone) OWNER TO homelog_owner;

--
-- Name: FUNCTION keep_provider_tokens(identity uuid, sealed_access_token text, sealed_refresh_token text, expiry timestamp with time zone); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.keep_provider_tokens(identity uuid, sealed_access_token text, sealed_refresh_token text, expiry timestamp with time zone) IS 'Keeps the tokens that a provider gave for one of the caller''s identities, as the service has encrypted them. A provider gives a refresh token once: without a new one the old one stays.';

--
-- Name: keep_rules(uuid, timestamp with time zone[], double precision[], public.quality_flag[]); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.keep_rules(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
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

ALTER FUNCTION homelog.keep_rules(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[]) OWNER TO homelog_owner;

--
-- Name: FUNCTION keep_rules(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[]); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.keep_rules(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[]) IS 'Judges readings that were just stored: raises where a rule rejects one, makes those questionable that one flags.';

--
-- Name: leave_user_tombstone(uuid, public.change_type, uuid, public.change_op); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.leave_user_tombstone(reader uuid, gone public.change_type, gone_id uuid, how public.change_op) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO user_tombstones (user_id, type, id, op)
    SELECT reader, gone, gone_id, how
    WHERE reader IS NOT NULL
    ON CONFLICT (user_id, xid, id, type) DO UPDATE SET op = excluded.op;
END
$$;

ALTER FUNCTION homelog.leave_user_tombstone(reader uuid, gone public.change_type, gone_id uuid, how public.change_op) OWNER TO homelog_owner;

--
-- Name: FUNCTION leave_user_tombstone(reader uuid, gone public.change_type, gone_id uuid, how public.change_op); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.leave_user_tombstone(reader uuid, gone public.change_type, gone_id uuid, how public.change_op) IS 'Notes that a person does not see something any more.';

--
-- Name: list_accounts(text, boolean, text, uuid, integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.list_accounts(wanted_role text, wanted_active boolean, said text, after uuid, at_most integer) RETURNS TABLE(account public.users, is_password_temp boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM homelog.demand_admin();
    -- The passwords are looked up for what is shown and no more.
    RETURN QUERY
    SELECT u, coalesce((SELECT p.is_temporary FROM user_passwords AS p WHERE p.user_id = u.id), false)
    FROM users AS u
    WHERE u.id > coalesce(after, '00000000-0000-0000-0000-000000000000')
      AND (wanted_role IS NULL OR u.role = wanted_role)
      AND (wanted_active IS NULL OR u.is_active = wanted_active)
      AND (said IS NULL OR strpos(u.email, said::citext) > 0 OR strpos(u.username, said::citext) > 0
           OR strpos(u.display_name::text::citext, said::citext) > 0)
    ORDER BY u.id
    LIMIT at_most;
END
$$;

ALTER FUNCTION homelog.list_accounts(wanted_role text, wanted_active boolean, said text, after uuid, at_most integer) OWNER TO homelog_owner;

--
-- Name: FUNCTION list_accounts(wanted_role text, wanted_active boolean, said text, after uuid, at_most integer); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.list_accounts(wanted_role text, wanted_active boolean, said text, after uuid, at_most integer) IS 'Accounts in the order of their making, for admins; filters that are null take in all.';

--
-- Name: list_audit(timestamp with time zone, timestamp with time zone, text, timestamp with time zone, bigint, integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.list_audit(since timestamp with time zone, until timestamp with time zone, wanted_type text, before_time timestamp with time zone, before_id bigint, at_most integer) RETURNS TABLE(id bigint, event_time timestamp with time zone, user_id uuid, source_id uuid, entry_id uuid, event_type text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM homelog.demand_admin();
    RETURN QUERY
    SELECT l.id, l.event_time, l.user_id, l.source_id, l.entry_id, l.event_type
    FROM audit_logs AS l
    WHERE l.event_time >= coalesce(since, '-infinity')
      AND l.event_time < coalesce(until, 'infinity')
      AND (l.event_time, l.id) < (coalesce(before_time, 'infinity'), coalesce(before_id, 9223372036854775807))
      AND (wanted_type IS NULL OR l.event_type = wanted_type)
    ORDER BY l.event_time DESC, l.id DESC
    LIMIT at_most;
END
$$;

ALTER FUNCTION homelog.list_audit(since timestamp with time zone, until timestamp with time zone, wanted_type text, before_time timestamp with time zone, before_id bigint, at_most integer) OWNER TO homelog_owner;

--
-- Name: FUNCTION list_audit(since timestamp with time zone, until timestamp with time zone, wanted_type text, before_time timestamp with time zone, before_id bigint, at_most integer); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.list_audit(since timestamp with time zone, until timestamp with time zone, wanted_type text, before_time timestamp with time zone, before_id bigint, at_most integer) IS 'Who did what, newest first, for admins: every row, none with its details.';

--
-- Name: list_audit_of_user(uuid, timestamp with time zone, timestamp with time zone, text, bigint, integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.list_audit_of_user(wanted uuid, since timestamp with time zone, until timestamp with time zone, wanted_type text, before_id bigint, at_most integer) RETURNS TABLE(id bigint, event_time timestamp with time zone, user_id uuid, source_id uuid, entry_id uuid, event_type text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM homelog.demand_admin();
    RETURN QUERY
    SELECT l.id, l.event_time, l.user_id, l.source_id, l.entry_id, l.event_type
    FROM audit_logs AS l
    WHERE l.user_id >= wanted AND (l.user_id, l.id) < (wanted, coalesce(before_id, 9223372036854775807))
      AND (l.event_time < since) IS NOT TRUE
      AND (l.event_time >= until) IS NOT TRUE
      AND (wanted_type IS NULL OR l.event_type = wanted_type)
    ORDER BY l.user_id DESC, l.id DESC
    LIMIT at_most;
END
$$;

ALTER FUNCTION homelog.list_audit_of_user(wanted uuid, since timestamp with time zone, until timestamp with time zone, wanted_type text, before_id bigint, at_most integer) OWNER TO homelog_owner;

--
-- Name: FUNCTION list_audit_of_user(wanted uuid, since timestamp with time zone, until timestamp with time zone, wanted_type text, before_id bigint, at_most integer); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.list_audit_of_user(wanted uuid, since timestamp with time zone, until timestamp with time zone, wanted_type text, before_id bigint, at_most integer) IS 'What one account did, newest first, for admins: without details.';

--
-- Name: lock_account(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.lock_account(going uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET lock_timeout TO '2s'
    AS $$
BEGIN
    -- Wherever it may be writing just now, so that its last readings are seen; where it only reads nobody waits for it.
    PERFORM homelog.take_turns(ARRAY(
        SELECT a.source_id FROM user_source_access AS a WHERE a.user_id = going AND a.access_level >= 'write'
        UNION
        SELECT there.id
        FROM home_members AS m
        JOIN data_sources AS there ON there.home_id = m.home_id
        WHERE m.user_id = going AND m.access_level >= 'write'
        UNION
        SELECT l.source_id FROM audit_logs AS l WHERE l.user_id = going AND l.event_type = 'create_entry'
    ));

    -- Two admins of one home or source who go at once: the second waits here, and then sees that it is the last.
    PERFORM
    FROM homes AS h
    WHERE h.id IN (
        SELECT m.home_id FROM home_members AS m WHERE m.user_id = going
        UNION ALL
        SELECT m.home_id FROM home_members AS m WHERE m.granted_by = going
        UNION ALL
        SELECT made.id FROM homes AS made WHERE made.created_by = going
    )
    ORDER BY h.id
    FOR UPDATE;
    PERFORM
    FROM data_sources AS s
    WHERE s.id IN (
        SELECT a.source_id FROM user_source_access AS a WHERE a.user_id = going
        UNION ALL
        SELECT a.source_id FROM user_source_access AS a WHERE a.granted_by = going
        UNION ALL
        SELECT made.id FROM data_sources AS made WHERE made.created_by = going
        UNION ALL
        SELECT there.id
        FROM data_sources AS there
        JOIN home_members AS m ON m.home_id = there.home_id
        WHERE m.user_id = going AND m.access_level = 'admin'
    )
    ORDER BY s.id
    FOR NO KEY UPDATE;
    -- Those that may go with it; readings of the others go on coming.
    PERFORM
    FROM data_sources AS s
    WHERE s.id IN (SELECT a.source_id FROM user_source_access AS a WHERE a.user_id = going AND a.access_level = 'admin')
    ORDER BY s.id
    FOR UPDATE;
    PERFORM
    FROM plants AS p
    WHERE p.id IN (
        SELECT own.id FROM plants AS own WHERE own.user_id = going
        UNION ALL
        SELECT there.id
        FROM plants AS there
        JOIN home_members AS m ON m.home_id = there.home_id
        WHERE m.user_id = going AND m.access_level = 'admin'
        UNION ALL
        SELECT following.id
        FROM plants AS following
        JOIN user_source_access AS a ON a.source_id = following.moisture_source_id
        WHERE a.user_id = going AND a.access_level = 'admin'
        UNION ALL
        SELECT c.plant_id FROM care_events AS c WHERE c.user_id = going
        UNION ALL
        SELECT g.plant_id FROM growth_measurements AS g WHERE g.user_id = going
    )
    ORDER BY p.id
    FOR UPDATE;
END
$$;

ALTER FUNCTION homelog.lock_account(going uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION lock_account(going uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.lock_account(going uuid) IS 'Locks, in the one order of locks, all that changes when an account goes. The account itself comes last, for all that somebody writes refers to theirs: so whoever deletes an account calls this before.';

--
-- Name: lock_home(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.lock_home(wanted uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- As homelog.tg__leave_member_tombstone() locks it: a lock that grows later is two locks.
    PERFORM FROM homes WHERE id = wanted AND id = ANY (homelog.readable_homes()) FOR UPDATE;
END
$$;

ALTER FUNCTION homelog.lock_home(wanted uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION lock_home(wanted uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.lock_home(wanted uuid) IS 'Locks a home that the caller sees, before its members are changed: what the next statement decides, it decides upon what whoever came before has left.';

--
-- Name: lock_source(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.lock_source(wanted uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- No stronger than homelog.tg__keep_an_admin() does: readings go on coming.
    PERFORM FROM data_sources WHERE id = wanted AND id = ANY (homelog.granted_sources()) FOR NO KEY UPDATE;
END
$$;

ALTER FUNCTION homelog.lock_source(wanted uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION lock_source(wanted uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.lock_source(wanted uuid) IS 'Locks a source that was granted to the caller or stands in a home of theirs, before its grants are changed.';

--
-- Name: losses(pg_snapshot, timestamp with time zone); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.losses(since pg_snapshot, at timestamp with time zone) RETURNS TABLE(xid xid8, id uuid, type public.change_type, op public.change_op)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    WITH own AS (
        SELECT t.xid, t.id, t.type, t.op, t.deleted_at
        FROM user_tombstones AS t
        WHERE t.user_id = homelog.current_user_id() AND t.xid >= pg_snapshot_xmin(since)
          AND homelog.gone_since(t.xmin, t.xid, since)
    ), homes_left AS (
        SELECT o.xid, o.id, o.deleted_at AS left_at FROM own AS o WHERE o.type = 'home'
        UNION ALL
        -- A time that was set only after it had come was never between two readings: that row is new. Until it was set
        -- for good, which took less than a minute, the home was seen.
        SELECT '0'::xid8, m.home_id,
               m.expires_at + CASE WHEN homelog.changed_since(m.xmin, since) THEN interval '1 minute' ELSE '0' END
        FROM home_members AS m
        WHERE m.user_id = homelog.current_user_id() AND m.expires_at <= now()
          AND (m.expires_at > at OR homelog.changed_since(m.xmin, since))
    ), lost AS (
        SELECT o.xid, o.id, o.type, o.op FROM own AS o
        UNION ALL
        SELECT h.xid, h.id, 'home', 'lost' FROM homes_left AS h
        UNION ALL
        SELECT h.xid, s.id, 'source', 'lost'
        FROM homes_left AS h
        JOIN data_sources AS s ON s.home_id = h.id
        LEFT JOIN moved_things AS m ON m.type = 'source' AND m.id = s.id
        WHERE coalesce(m.placed_at, s.created_at) <= h.left_at
        UNION ALL
        SELECT h.xid, p.id, 'plant', 'lost'
        FROM homes_left AS h
        JOIN plants AS p ON p.home_id = h.id
        LEFT JOIN moved_things AS m ON m.type = 'plant' AND m.id = p.id
        WHERE coalesce(m.placed_at, p.created_at) <= h.left_at
        UNION ALL
        SELECT t.xid, t.id, t.type, CASE WHEN t.deleted_at > place.left_at THEN 'lost' ELSE t.op END
        FROM (
            SELECT unnest(homelog.readable_homes()), NULL::timestamptz, false
            UNION
            SELECT h.id, h.left_at, false FROM homes_left AS h
            UNION ALL
            SELECT unnest(homelog.readable_plants()), NULL, true
        ) AS place (id, left_at, is_plant)
        JOIN place_tombstones AS t ON t.place_id = place.id AND t.xid >= pg_snapshot_xmin(since)
        WHERE (t.type = 'care') = place.is_plant AND homelog.gone_since(t.xmin, t.xid, since)
          AND (place.left_at IS NULL OR t.came_at <= place.left_at)
    )
    SELECT max(l.xid), l.id, l.type, min(l.op)
    FROM lost AS l
    WHERE homelog.is_unbound() OR (l.type = 'source' AND l.id = ANY (homelog.bound_sources()))
    GROUP BY l.id, l.type;
END
$$;

ALTER FUNCTION homelog.losses(since pg_snapshot, at timestamp with time zone) OWNER TO homelog_owner;

--
-- Name: FUNCTION losses(since pg_snapshot, at timestamp with time zone); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.losses(since pg_snapshot, at timestamp with time zone) IS 'What the caller may not see any more since the snapshot, or since that time: what is gone, was taken from them or left a home of theirs, and all that stood in the homes that they left, when they did. Some of it they may still see for another reason. A token that is bound to sources learns of these alone.';

--
-- Name: maintenance_ended_at(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.maintenance_ended_at() RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT max(r.ended_at) FROM maintenance_runs AS r;
$$;

ALTER FUNCTION homelog.maintenance_ended_at() OWNER TO homelog_owner;

--
-- Name: FUNCTION maintenance_ended_at(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.maintenance_ended_at() IS 'When a run ended last, of whichever process; null for never. What the metrics tell.';

--
-- Name: make_account(public.citext, text, text, text, interval); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.make_account(new_email public.citext, new_display_name text, new_role text, new_hash text, freshness interval) RETURNS public.users
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    made users;
BEGIN
    PERFORM homelog.demand_admin();
    IF new_role = 'admin' AND NOT homelog.is_fresh(freshness) THEN
        RETURN NULL;
    END IF;
    INSERT INTO users (email, display_name, role)
    VALUES (new_email, new_display_name, new_role)
    RETURNING * INTO made;
    PERFORM homelog.give_password(made.id, new_hash, true);
    RETURN made;
END
$$;

ALTER FUNCTION homelog.make_account(new_email public.citext, new_display_name text, new_role text, new_hash text, freshness interval) OWNER TO homelog_owner;

--
-- Name: FUNCTION make_account(new_email public.citext, new_display_name text, new_role text, new_hash text, freshness interval); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.make_account(new_email public.citext, new_display_name text, new_role text, new_hash text, freshness interval) IS 'Makes an account with a temporary password, for admins; null, and nothing made, for an admin''s unless the caller signed in no longer ago than that.';

--
-- Name: make_admin(public.citext, text, text, boolean); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.make_admin(new_email public.citext, new_display_name text, new_hash text, is_temporary boolean) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    made uuid;
BEGIN
    INSERT INTO users (email, display_name, role) VALUES (new_email, new_display_name, 'admin') RETURNING id INTO made;
    PERFORM homelog.give_password(made, new_hash, make_admin.is_temporary);
    RETURN made;
END
$$;

ALTER FUNCTION homelog.make_admin(new_email public.citext, new_display_name text, new_hash text, is_temporary boolean) OWNER TO homelog_owner;

--
-- Name: FUNCTION make_admin(new_email public.citext, new_display_name text, new_hash text, is_temporary boolean); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.make_admin(new_email public.citext, new_display_name text, new_hash text, is_temporary boolean) IS 'Makes an admin. Granted to nobody: the service must not make admins at will.';

--
-- Name: make_sources_of_lines(jsonb, integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.make_sources_of_lines(wanted jsonb, most integer) RETURNS TABLE(series text, source_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    caller uuid := homelog.current_user_id();
BEGIN
    IF caller IS NULL OR NOT homelog.is_unbound() THEN
        RETURN;
    END IF;

    -- Two collectors that see a series first at the same time make one source; and the number is exact.
    PERFORM pg_advisory_xact_lock(hashtextextended(concat('homelog: line protocol ', caller), 0));
    RETURN QUERY
    WITH new AS (
        SELECT uuidv7() AS id, w.series, w.name, w.source_type, w.unit
        FROM jsonb_to_recordset(wanted) AS w (series text, name text, source_type text, unit text)
        WHERE NOT EXISTS (
            SELECT FROM line_protocol_sources AS m WHERE (m.user_id, m.series) = (caller, w.series)
        )
        ORDER BY w.series
        LIMIT greatest(0, most - (
            SELECT count(*) FROM line_protocol_sources AS m WHERE m.user_id = caller AND m.is_made
        ))
    ),

    made AS (
        INSERT INTO data_sources (id, name, source_type, unit)
        SELECT n.id, n.name, n.source_type, n.unit FROM new AS n
    ),

    granted AS (
        INSERT INTO user_source_access (user_id, source_id, access_level)
        SELECT caller, n.id, 'admin' FROM new AS n
    ),

    mapped AS (
        INSERT INTO line_protocol_sources (user_id, series, source_id, is_made)
        SELECT caller, n.series, n.id, true FROM new AS n
    )

    SELECT n.series, n.id FROM new AS n
    UNION ALL
    SELECT m.series, m.source_id
    FROM line_protocol_sources AS m
    WHERE m.user_id = caller
      AND m.series IN (SELECT w.series FROM jsonb_to_recordset(wanted) AS w (series text));
END
$$;

ALTER FUNCTION homelog.make_sources_of_lines(wanted jsonb, most integer) OWNER TO homelog_owner;

--
-- Name: FUNCTION make_sources_of_lines(wanted jsonb, most integer); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.make_sources_of_lines(wanted jsonb, most integer) IS 'Makes a source, which the caller administers, for each of these series that is not mapped, while fewer than so many have been made so; answers all of them that are mapped now. A token that is bound to sources makes none.';

--
-- Name: moisture_part(text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.moisture_part(unit text) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ((unit ~~ '\%%'::text) OR (lower(unit) = ANY (ARRAY['percent'::text, 'pct'::text]))) THEN 100 WHEN (lower(unit) = ANY (ARRAY['1'::text, 'fraction'::text])) THEN 1 ELSE NULL::integer END;

ALTER FUNCTION homelog.moisture_part(unit text) OWNER TO homelog_owner;

--
-- Name: FUNCTION moisture_part(unit text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.moisture_part(unit text) IS 'What is all wet in a unit: 100 in %, percent, pct and whatever begins with %, 1 in 1 and fraction; null for a unit that is no share.';

--
-- Name: neighbours(uuid, timestamp with time zone, timestamp with time zone); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.neighbours(source uuid, since timestamp with time zone, until timestamp with time zone, OUT before_value double precision, OUT before_at timestamp with time zone, OUT after_value double precision, OUT after_at timestamp with time zone) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
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

ALTER FUNCTION homelog.neighbours(source uuid, since timestamp with time zone, until timestamp with time zone, OUT before_value double precision, OUT before_at timestamp with time zone, OUT after_value double precision, OUT after_at timestamp with time zone) OWNER TO homelog_owner;

--
-- Name: FUNCTION neighbours(source uuid, since timestamp with time zone, until timestamp with time zone, OUT before_value double precision, OUT before_at timestamp with time zone, OUT after_value double precision, OUT after_at timestamp with time zone); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.neighbours(source uuid, since timestamp with time zone, until timestamp with time zone, OUT before_value double precision, OUT before_at timestamp with time zone, OUT after_value double precision, OUT after_at timestamp with time zone) IS 'The stored readings next to a stretch of time, of the meter that hung there at its start and at its end; bad ones do not count.';

--
-- Name: note_stale_days(uuid[]); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.note_stale_days(sources uuid[]) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    -- A row that is there is written anew: whoever sums up leaves alone what a transaction still holds.
    INSERT INTO stale_days AS d (source_id)
    SELECT s.id FROM unnest(sources) AS s (id)
    WHERE EXISTS (SELECT FROM reading_days AS r WHERE r.source_id = s.id)
    ORDER BY s.id
    ON CONFLICT (source_id) DO UPDATE SET since = d.since;
$$;

ALTER FUNCTION homelog.note_stale_days(sources uuid[]) OWNER TO homelog_owner;

--
-- Name: FUNCTION note_stale_days(sources uuid[]); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.note_stale_days(sources uuid[]) IS 'Notes sources whose days are to be summed up anew, if they have any.';

--
-- Name: note_token_use(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.note_token_use() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    UPDATE device_tokens AS t SET last_used_at = now()
    WHERE t.id = homelog.current_token_id() AND (t.last_used_at < now() - interval '1 minute') IS NOT FALSE;
END
$$;

ALTER FUNCTION homelog.note_token_use() OWNER TO homelog_owner;

--
-- Name: FUNCTION note_token_use(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.note_token_use() IS 'Notes that the token of this transaction is in use, at most once a minute.';

--
-- Name: open_session(uuid, text, bytea, interval); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.open_session(owner uuid, provider text, first_token_hash bytea, lifetime interval) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    opened uuid;
BEGIN
    INSERT INTO sessions (user_id, auth_provider, expires_at)
    VALUES (owner, provider, now() + lifetime)
    RETURNING id INTO opened;
    INSERT INTO refresh_tokens (token_hash, session_id) VALUES (first_token_hash, opened);
    PERFORM homelog.record_login(owner, jsonb_build_object('provider', provider, 'session_id', opened));
    PERFORM set_config('homelog.user_id', owner::text, true),
            set_config('homelog.session_id', opened::text, true);
    RETURN opened;
END
$$;

ALTER FUNCTION homelog.open_session(owner uuid, provider text, first_token_hash bytea, lifetime interval) OWNER TO homelog_owner;

--
-- Name: FUNCTION open_session(owner uuid, provider text, first_token_hash bytea, lifetime interval); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.open_session(owner uuid, provider text, first_token_hash bytea, lifetime interval) IS 'Opens a session for somebody who has proved who they are, and acts as them for the rest of the transaction. Called by functions that have seen the proof, never by the service itself.';

--
-- Name: open_session_by_password(uuid, text, bytea, interval); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.open_session_by_password(owner uuid, checked_hash text, first_token_hash bytea, lifetime interval) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT homelog.confirm_password(owner, checked_hash) OR NOT homelog.use_password(owner) THEN
        RETURN NULL;
    END IF;
    RETURN homelog.open_session(owner, 'password', first_token_hash, lifetime);
END
$$;

ALTER FUNCTION homelog.open_session_by_password(owner uuid, checked_hash text, first_token_hash bytea, lifetime interval) OWNER TO homelog_owner;

--
-- Name: FUNCTION open_session_by_password(owner uuid, checked_hash text, first_token_hash bytea, lifetime interval); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.open_session_by_password(owner uuid, checked_hash text, first_token_hash bytea, lifetime interval) IS 'Opens a session for whoever knew the password that was checked; null if it has been changed, or being temporary used, meanwhile.';

--
-- Name: own_credentials(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.own_credentials() RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN (
        SELECT p.password_hash FROM user_passwords AS p
        WHERE p.user_id = homelog.current_user_id() AND NOT homelog.has_expired(p)
    );
END
$$;

ALTER FUNCTION homelog.own_credentials() OWNER TO homelog_owner;

--
-- Name: FUNCTION own_credentials(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.own_credentials() IS 'The caller''s own password hash, to check the current password.';

--
-- Name: reading_hours; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.reading_hours (
    source_id uuid NOT NULL,
    hour timestamp with time zone NOT NULL,
    count integer NOT NULL,
    min double precision NOT NULL,
    max double precision NOT NULL,
    sum double precision NOT NULL,
    first_at timestamp with time zone NOT NULL,
    first_value double precision NOT NULL,
    last_at timestamp with time zone NOT NULL,
    last_value double precision NOT NULL,
    drops integer NOT NULL,
    is_thinned boolean DEFAULT false NOT NULL,
    CONSTRAINT reading_hours_count_dense CHECK ((count >= 10))
)
WITH (fillfactor='80');

ALTER TABLE ONLY public.reading_hours FORCE ROW LEVEL SECURITY;

ALTER TABLE public.reading_hours OWNER TO homelog_owner;

--
-- Name: TABLE reading_hours; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.reading_hours IS 'Hours of UTC with at least ten readings that are not bad, each the exact sum of these. Kept by triggers on readings.';

--
-- Name: COLUMN reading_hours.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_hours.source_id IS 'Public.';

--
-- Name: COLUMN reading_hours.hour; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_hours.hour IS 'Its beginning, at a full hour of UTC. Personal.';

--
-- Name: COLUMN reading_hours.count; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_hours.count IS 'Personal.';

--
-- Name: COLUMN reading_hours.min; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_hours.min IS 'Personal.';

--
-- Name: COLUMN reading_hours.max; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_hours.max IS 'Personal.';

--
-- Name: COLUMN reading_hours.sum; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_hours.sum IS 'Personal.';

--
-- Name: COLUMN reading_hours.first_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_hours.first_at IS 'The time of the first reading, whose value is first_value. Personal.';

--
-- Name: COLUMN reading_hours.first_value; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_hours.first_value IS 'Personal.';

--
-- Name: COLUMN reading_hours.last_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_hours.last_at IS 'The time of the last reading, whose value is last_value. Personal.';

--
-- Name: COLUMN reading_hours.last_value; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_hours.last_value IS 'Personal.';

--
-- Name: COLUMN reading_hours.drops; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_hours.drops IS 'How many readings of the hour show less than the one before them in it. Personal.';

--
-- Name: COLUMN reading_hours.is_thinned; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_hours.is_thinned IS 'Whether of its readings only the first and the last are left: then this row is all that tells of the others. Personal.';

--
-- Name: CONSTRAINT reading_hours_count_dense ON reading_hours; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT reading_hours_count_dense ON public.reading_hours IS 'Only hours with at least ten readings are summed up.';

--
-- Name: parts_of(public.reading_hours); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.parts_of(hour public.reading_hours) RETURNS TABLE(at timestamp with time zone, value double precision, count integer, min double precision, max double precision, sum double precision, drops integer)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    VALUES
    (
        (hour).first_at, (hour).first_value,
        (hour).count - 1, (hour).min, (hour).max, (hour).sum - (hour).last_value,
        -- The way from the first part to the last is looked at by whoever puts them together.
        (hour).drops - ((hour).last_value < (hour).first_value)::integer
    ),
    ((hour).last_at, (hour).last_value, 1, (hour).last_value, (hour).last_value, (hour).last_value, 0);
$$;

ALTER FUNCTION homelog.parts_of(hour public.reading_hours) OWNER TO homelog_owner;

--
-- Name: FUNCTION parts_of(hour public.reading_hours); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.parts_of(hour public.reading_hours) IS 'A thinned hour in two parts, for whom an edge cuts it: all its readings but the last count where the first one lies, the last one where it lies.';

--
-- Name: people_of_home(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.people_of_home(wanted uuid) RETURNS TABLE(user_id uuid, email public.citext, display_name text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT wanted = ANY (homelog.administered_homes()) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT u.id, u.email, u.display_name::text
    FROM home_members AS m
    JOIN users AS u ON u.id = m.user_id
    WHERE m.home_id = wanted;
END
$$;

ALTER FUNCTION homelog.people_of_home(wanted uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION people_of_home(wanted uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.people_of_home(wanted uuid) IS 'Names and e-mails of a home''s members, for its admins alone.';

--
-- Name: people_of_source(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.people_of_source(wanted uuid) RETURNS TABLE(user_id uuid, email public.citext, display_name text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT wanted = ANY (homelog.administered_sources()) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT u.id, u.email, u.display_name::text
    FROM user_source_access AS a
    JOIN users AS u ON u.id = a.user_id
    WHERE a.source_id = wanted;
END
$$;

ALTER FUNCTION homelog.people_of_source(wanted uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION people_of_source(wanted uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.people_of_source(wanted uuid) IS 'Names and e-mails of those who were granted a source, for its admins alone.';

--
-- Name: plant_due_on(public.plantstatus, date, date, public.sensor_state); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.plant_due_on(status public.plantstatus, wants_on date, snoozed_until date, sensor public.sensor_state) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ((status = 'resting'::public.plantstatus) OR ((sensor = 'fresh'::public.sensor_state) AND (wants_on IS NULL))) THEN NULL::date ELSE GREATEST(wants_on, snoozed_until) END;

ALTER FUNCTION homelog.plant_due_on(status public.plantstatus, wants_on date, snoozed_until date, sensor public.sensor_state) OWNER TO homelog_owner;

--
-- Name: FUNCTION plant_due_on(status public.plantstatus, wants_on date, snoozed_until date, sensor public.sensor_state); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.plant_due_on(status public.plantstatus, wants_on date, snoozed_until date, sensor public.sensor_state) IS 'The local day on which a plant is due: when it wants water, and not before it was put off to.';

--
-- Name: plant_due_on(public.plantstatus, integer, timestamp with time zone, text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.plant_due_on(status public.plantstatus, every integer, last_water timestamp with time zone, zone text) RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN (status <> 'resting'::public.plantstatus) THEN (homelog.local_date(last_water, zone) + every) ELSE NULL::date END;

ALTER FUNCTION homelog.plant_due_on(status public.plantstatus, every integer, last_water timestamp with time zone, zone text) OWNER TO homelog_owner;

--
-- Name: FUNCTION plant_due_on(status public.plantstatus, every integer, last_water timestamp with time zone, zone text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.plant_due_on(status public.plantstatus, every integer, last_water timestamp with time zone, zone text) IS 'The local day on which a plant wants water next; null while it rests or if it was never watered.';

--
-- Name: plant_sensor(uuid, timestamp with time zone, integer, timestamp with time zone); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.plant_sensor(source uuid, told_at timestamp with time zone, stale_after_hours integer, at timestamp with time zone) RETURNS public.sensor_state
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN (source IS NULL) THEN NULL::public.sensor_state WHEN (told_at > (at - ((stale_after_hours)::double precision * '01:00:00'::interval))) THEN 'fresh'::public.sensor_state ELSE 'unknown'::public.sensor_state END;

ALTER FUNCTION homelog.plant_sensor(source uuid, told_at timestamp with time zone, stale_after_hours integer, at timestamp with time zone) OWNER TO homelog_owner;

--
-- Name: FUNCTION plant_sensor(source uuid, told_at timestamp with time zone, stale_after_hours integer, at timestamp with time zone); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.plant_sensor(source uuid, told_at timestamp with time zone, stale_after_hours integer, at timestamp with time zone) IS 'Whether a plant''s sensor can be believed at an instant; null for a plant without one.';

--
-- Name: plant_status(public.plantstatus, integer, timestamp with time zone, text, timestamp with time zone); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.plant_status(status public.plantstatus, every integer, last_water timestamp with time zone, zone text, at timestamp with time zone) RETURNS public.plantstatus
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN ((status = 'resting'::public.plantstatus) OR (last_water IS NULL)) THEN status WHEN (homelog.local_date(last_water, zone) >= homelog.local_date(at, zone)) THEN 'watered'::public.plantstatus WHEN ((homelog.local_date(last_water, zone) + every) <= homelog.local_date(at, zone)) THEN 'dry'::public.plantstatus WHEN ((homelog.local_date(last_water, zone) + every) <= (homelog.local_date(at, zone) + 2)) THEN 'soon'::public.plantstatus ELSE 'thriving'::public.plantstatus END;

ALTER FUNCTION homelog.plant_status(status public.plantstatus, every integer, last_water timestamp with time zone, zone text, at timestamp with time zone) OWNER TO homelog_owner;

--
-- Name: FUNCTION plant_status(status public.plantstatus, every integer, last_water timestamp with time zone, zone text, at timestamp with time zone); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.plant_status(status public.plantstatus, every integer, last_water timestamp with time zone, zone text, at timestamp with time zone) IS 'A plant''s status at an instant in its home''s time zone: the one place that says it.';

--
-- Name: plant_status(public.plantstatus, date, date, date, public.sensor_state, date); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.plant_status(status public.plantstatus, watered_on date, wants_on date, due_on date, sensor public.sensor_state, today date) RETURNS public.plantstatus
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (status = 'resting'::public.plantstatus) THEN status WHEN ((watered_on IS NULL) AND (sensor IS DISTINCT FROM 'fresh'::public.sensor_state)) THEN CASE WHEN ((sensor IS NULL) OR (status = ANY (ARRAY['dry'::public.plantstatus, 'soon'::public.plantstatus]))) THEN status ELSE 'unknown'::public.plantstatus END WHEN ((watered_on >= today) AND (sensor IS DISTINCT FROM 'unknown'::public.sensor_state)) THEN 'watered'::public.plantstatus WHEN (watered_on >= today) THEN 'unknown'::public.plantstatus WHEN ((wants_on <= today) AND (due_on <= today)) THEN 'dry'::public.plantstatus WHEN ((wants_on <= today) OR (due_on <= (today + 2))) THEN 'soon'::public.plantstatus WHEN (sensor = 'unknown'::public.sensor_state) THEN 'unknown'::public.plantstatus ELSE 'thriving'::public.plantstatus END;

ALTER FUNCTION homelog.plant_status(status public.plantstatus, watered_on date, wants_on date, due_on date, sensor public.sensor_state, today date) OWNER TO homelog_owner;

--
-- Name: FUNCTION plant_status(status public.plantstatus, watered_on date, wants_on date, due_on date, sensor public.sensor_state, today date); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.plant_status(status public.plantstatus, watered_on date, wants_on date, due_on date, sensor public.sensor_state, today date) IS 'A plant''s status on a local day: the one place that says it. Put off though it wants water it is soon; while its sensor is silent it is never thriving or watered, but unknown.';

--
-- Name: plant_wants_on(public.plantstatus, date, integer, public.sensor_state, date); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.plant_wants_on(status public.plantstatus, watered_on date, days integer, sensor public.sensor_state, dry_on date) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (status = 'resting'::public.plantstatus) THEN NULL::date WHEN (sensor = 'fresh'::public.sensor_state) THEN CASE WHEN (dry_on IS NOT NULL) THEN GREATEST(dry_on, (watered_on + 1)) ELSE NULL::date END WHEN (watered_on IS NOT NULL) THEN LEAST((watered_on + days), '9999-12-31'::date) ELSE NULL::date END;

ALTER FUNCTION homelog.plant_wants_on(status public.plantstatus, watered_on date, days integer, sensor public.sensor_state, dry_on date) OWNER TO homelog_owner;

--
-- Name: FUNCTION plant_wants_on(status public.plantstatus, watered_on date, days integer, sensor public.sensor_state, dry_on date); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.plant_wants_on(status public.plantstatus, watered_on date, days integer, sensor public.sensor_state, dry_on date) IS 'The local day on which a plant wants water, whether or not it was put off: the one on which its sensor found it dry, or else the one that the calendar says. Null while it rests or its sensor finds it wet, or if it was never watered.';

--
-- Name: timezone_of(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.timezone_of(home uuid) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER COST 1 PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN (SELECT h.timezone FROM homes AS h WHERE h.id = home);
END
$$;

ALTER FUNCTION homelog.timezone_of(home uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION timezone_of(home uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.timezone_of(home uuid) IS 'The time zone of a home, whoever asks. It costs more than it says, but is asked for next to no plant, and whoever asks must be inlined.';

--
-- Name: plant_zone(uuid, text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.plant_zone(home uuid, shown text) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN (shown IS NOT NULL) THEN shown WHEN (home IS NULL) THEN 'UTC'::text ELSE COALESCE(homelog.timezone_of(home), 'UTC'::text) END;

ALTER FUNCTION homelog.plant_zone(home uuid, shown text) OWNER TO homelog_owner;

--
-- Name: FUNCTION plant_zone(home uuid, shown text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.plant_zone(home uuid, shown text) IS 'The time zone in which a plant has its days, the same for all who see it: its home''s, of which the caller sees that much or null, else UTC.';

--
-- Name: plants; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.plants (
    id uuid DEFAULT uuidv7() NOT NULL,
    user_id uuid DEFAULT homelog.current_user_id() NOT NULL,
    name text NOT NULL,
    species text DEFAULT ''::text NOT NULL,
    kind public.plantkind NOT NULL,
    room text DEFAULT ''::text NOT NULL,
    moisture double precision DEFAULT 0.5 NOT NULL,
    status public.plantstatus DEFAULT 'thriving'::public.plantstatus NOT NULL,
    every integer DEFAULT 7 NOT NULL,
    light text DEFAULT ''::text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    growth jsonb DEFAULT '[]'::jsonb NOT NULL,
    last_water timestamp with time zone,
    home_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    season_factor double precision,
    season_from integer,
    season_to integer,
    snoozed_until date,
    moisture_source_id uuid,
    dry_below double precision DEFAULT 0.2 NOT NULL,
    stale_after_hours integer DEFAULT 24 NOT NULL,
    moisture_at timestamp with time zone,
    dry_since timestamp with time zone,
    CONSTRAINT plants_dry_below_range CHECK (((dry_below >= (0)::double precision) AND (dry_below <= (1)::double precision))),
    CONSTRAINT plants_every_range CHECK (((every >= 1) AND (every <= 365))),
    CONSTRAINT plants_growth_length CHECK (
CASE
    WHEN (jsonb_typeof(growth) = 'array'::text) THEN (jsonb_array_length(growth) <= 1000)
    ELSE true
END),
    CONSTRAINT plants_growth_numbers CHECK (
CASE
    WHEN (jsonb_typeof(growth) = 'array'::text) THEN (NOT jsonb_path_exists(growth, 'strict $[*]?(@.type() != "number" || @.abs() > 100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000)'::jsonpath))
    ELSE false
END),
    CONSTRAINT plants_last_water_range CHECK (((last_water >= '1970-01-01 00:00:00+00'::timestamp with time zone) AND (last_water < '9998-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT plants_light_length CHECK ((length(light) <= 200)),
    CONSTRAINT plants_moisture_range CHECK (((moisture >= (0)::double precision) AND (moisture <= (1)::double precision))),
    CONSTRAINT plants_name_not_blank CHECK (((name ~ '[^[:space:]]'::text) AND (length(name) <= 100))),
    CONSTRAINT plants_note_length CHECK ((length(note) <= 10000)),
    CONSTRAINT plants_room_length CHECK ((length(room) <= 100)),
    CONSTRAINT plants_season_factor_range CHECK (((season_factor >= (0.1)::double precision) AND (season_factor <= (10)::double precision))),
    CONSTRAINT plants_season_from_month CHECK (((season_from >= 1) AND (season_from <= 12))),
    CONSTRAINT plants_season_to_month CHECK (((season_to >= 1) AND (season_to <= 12))),
    CONSTRAINT plants_season_whole CHECK ((num_nulls(season_factor, season_from, season_to) = ANY (ARRAY[0, 3]))),
    CONSTRAINT plants_snoozed_until_range CHECK (((snoozed_until >= '1970-01-01'::date) AND (snoozed_until <= '9999-12-31'::date))),
    CONSTRAINT plants_species_length CHECK ((length(species) <= 200)),
    CONSTRAINT plants_stale_after_hours_range CHECK (((stale_after_hours >= 1) AND (stale_after_hours <= 8760))),
    CONSTRAINT plants_status_stored CHECK ((status <> 'unknown'::public.plantstatus))
);

ALTER TABLE ONLY public.plants FORCE ROW LEVEL SECURITY;

ALTER TABLE public.plants OWNER TO homelog_owner;

--
-- Name: TABLE plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.plants IS 'Plants; each belongs to a person and may stand in a home.';

--
-- Name: COLUMN plants.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.id IS 'Public.';

--
-- Name: COLUMN plants.user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.user_id IS 'Personal.';

--
-- Name: COLUMN plants.name; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.name IS 'Personal.';

--
-- Name: COLUMN plants.species; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.species IS 'Personal.';

--
-- Name: COLUMN plants.kind; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.kind IS 'Personal.';

--
-- Name: COLUMN plants.room; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.room IS 'Personal.';

--
-- Name: COLUMN plants.moisture; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.moisture IS 'How wet the soil is, 0 to 1: as last written, or as its sensor last said. Personal.';

--
-- Name: COLUMN plants.status; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.status IS 'As last written; what it is now says homelog.shown_plant(). Personal.';

--
-- Name: COLUMN plants.every; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.every IS 'Days between waterings, but for the season. Personal.';

--
-- Name: COLUMN plants.light; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.light IS 'Personal.';

--
-- Name: COLUMN plants.note; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.note IS 'Personal.';

--
-- Name: COLUMN plants.growth; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.growth IS 'Measurements, oldest first: an array of finite numbers. Personal.';

--
-- Name: COLUMN plants.last_water; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.last_water IS 'When it was last watered; null for never. Personal.';

--
-- Name: COLUMN plants.home_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.home_id IS 'Public.';

--
-- Name: COLUMN plants.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.created_at IS 'Personal.';

--
-- Name: COLUMN plants.updated_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.updated_at IS 'Personal.';

--
-- Name: COLUMN plants.season_factor; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.season_factor IS 'In the months of the season every counts so many times. Personal.';

--
-- Name: COLUMN plants.season_from; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.season_from IS 'The first month of the season, 1 to 12. Personal.';

--
-- Name: COLUMN plants.season_to; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.season_to IS 'The last month of the season; earlier than the first one across New Year. Personal.';

--
-- Name: COLUMN plants.snoozed_until; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.snoozed_until IS 'Put off: it is not due before that local day. The next watering ends it. Personal.';

--
-- Name: COLUMN plants.moisture_source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.moisture_source_id IS 'The sensor in its pot: a gauge whose unit is a share. Public.';

--
-- Name: COLUMN plants.dry_below; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.dry_below IS 'A moisture below this is dry; 0.05 above it, it no longer is. Personal.';

--
-- Name: COLUMN plants.stale_after_hours; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.stale_after_hours IS 'For how long a reading of the sensor says how the plant is. Personal.';

--
-- Name: COLUMN plants.moisture_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.moisture_at IS 'The time of the sensor''s reading that moisture is of; null for none. Personal.';

--
-- Name: COLUMN plants.dry_since; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.plants.dry_since IS 'The time of the sensor''s reading with which the soil turned dry; null while it is not. Personal.';

--
-- Name: CONSTRAINT plants_dry_below_range ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_dry_below_range ON public.plants IS 'The moisture below which a plant is dry lies between 0 and 1.';

--
-- Name: CONSTRAINT plants_every_range ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_every_range ON public.plants IS 'A plant is watered every 1 to 365 days.';

--
-- Name: CONSTRAINT plants_growth_length ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_growth_length ON public.plants IS 'Growth has at most 1,000 measurements.';

--
-- Name: CONSTRAINT plants_growth_numbers ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_growth_numbers ON public.plants IS 'Growth is an array of finite numbers.';

--
-- Name: CONSTRAINT plants_last_water_range ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_last_water_range ON public.plants IS 'A watering lies between 1970 and 24 hours from now.';

--
-- Name: CONSTRAINT plants_light_length ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_light_length ON public.plants IS 'Light has at most 200 characters.';

--
-- Name: CONSTRAINT plants_moisture_range ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_moisture_range ON public.plants IS 'Moisture lies between 0 and 1.';

--
-- Name: CONSTRAINT plants_name_not_blank ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_name_not_blank ON public.plants IS 'A plant needs a name of at most 100 characters.';

--
-- Name: CONSTRAINT plants_note_length ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_note_length ON public.plants IS 'A note has at most 10,000 characters.';

--
-- Name: CONSTRAINT plants_room_length ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_room_length ON public.plants IS 'A room has at most 100 characters.';

--
-- Name: CONSTRAINT plants_season_factor_range ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_season_factor_range ON public.plants IS 'A season''s factor lies between 0.1 and 10.';

--
-- Name: CONSTRAINT plants_season_from_month ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_season_from_month ON public.plants IS 'A season begins in a month from 1 to 12.';

--
-- Name: CONSTRAINT plants_season_to_month ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_season_to_month ON public.plants IS 'A season ends in a month from 1 to 12.';

--
-- Name: CONSTRAINT plants_season_whole ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_season_whole ON public.plants IS 'A season has season_factor, season_from and season_to, all three or none.';

--
-- Name: CONSTRAINT plants_snoozed_until_range ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_snoozed_until_range ON public.plants IS 'A plant is put off to a day between 1970 and 9999.';

--
-- Name: CONSTRAINT plants_species_length ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_species_length ON public.plants IS 'A species has at most 200 characters.';

--
-- Name: CONSTRAINT plants_stale_after_hours_range ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_stale_after_hours_range ON public.plants IS 'A sensor may be silent for 1 to 8,760 hours.';

--
-- Name: CONSTRAINT plants_status_stored ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_status_stored ON public.plants IS 'A status is unknown for want of readings, never because it was written.';

--
-- Name: put_out_plant(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.put_out_plant(wanted uuid) RETURNS public.plants
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    put_out plants;
BEGIN
    UPDATE plants AS p SET home_id = NULL
    WHERE p.id = wanted AND p.home_id = ANY (homelog.administered_homes()) AND homelog.current_token_id() IS NULL
    RETURNING p.* INTO put_out;
    RETURN put_out;
END
$$;

ALTER FUNCTION homelog.put_out_plant(wanted uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION put_out_plant(wanted uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.put_out_plant(wanted uuid) IS 'Takes a plant out of a home that the caller administers: it is then its owner''s alone. Answers it; null where the caller may not.';

--
-- Name: reach(uuid, uuid[]); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.reach(caller uuid, named uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    readable     uuid[];
    granted      uuid[];
    writable     uuid[];
    administered uuid[];
BEGIN
    IF named IS NULL THEN
        SELECT array_agg(r.source_id),
               array_agg(r.source_id),
               array_agg(r.source_id) FILTER (WHERE r.access_level >= 'write'),
               array_agg(r.source_id) FILTER (WHERE r.access_level = 'admin')
        INTO readable, granted, writable, administered
        FROM (
            SELECT u.source_id, max(u.access_level) AS access_level
            FROM (
                SELECT a.source_id, a.access_level
                FROM user_source_access AS a
                WHERE a.user_id = caller
                UNION ALL
                SELECT s.id, m.access_level
                FROM home_members AS m
                JOIN data_sources AS s ON s.home_id = m.home_id
                WHERE m.user_id = caller AND (m.expires_at IS NULL OR m.expires_at > now())
            ) AS u
            GROUP BY u.source_id
        ) AS r;
    ELSIF cardinality(named) > 0 THEN
        SELECT array_agg(r.id),
               array_agg(r.id) FILTER (WHERE r.access_level IS NOT NULL),
               array_agg(r.id) FILTER (WHERE r.access_level >= 'write'),
               array_agg(r.id) FILTER (WHERE r.access_level = 'admin')
        INTO readable, granted, writable, administered
        FROM (
            SELECT s.id, s.is_public, greatest(a.access_level, m.access_level) AS access_level
            FROM data_sources AS s
            LEFT JOIN LATERAL (
                SELECT g.access_level
                FROM user_source_access AS g
                WHERE g.source_id = s.id AND g.user_id = caller
                LIMIT 1
            ) AS a ON true
            LEFT JOIN LATERAL (
                SELECT h.access_level
                FROM home_members AS h
                WHERE h.home_id = s.home_id AND h.user_id = caller AND (h.expires_at IS NULL OR h.expires_at > now())
                LIMIT 1
            ) AS m ON true
            WHERE s.id = ANY (named)
        ) AS r
        WHERE r.is_public OR r.access_level IS NOT NULL;
    END IF;

    -- All four every time: what an earlier call in this transaction set must not stay.
    PERFORM set_config('homelog.readable', coalesce(readable::text, ''), true),
            set_config('homelog.granted', coalesce(granted::text, ''), true),
            set_config('homelog.writable', coalesce(writable::text, ''), true),
            set_config('homelog.administered', coalesce(administered::text, ''), true);
END
$$;

ALTER FUNCTION homelog.reach(caller uuid, named uuid[]) OWNER TO homelog_owner;

--
-- Name: FUNCTION reach(caller uuid, named uuid[]); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.reach(caller uuid, named uuid[]) IS 'Settles which of the named sources the caller may read, write and administer, by a grant or as member of the home; null names all of them.';

--
-- Name: readable_homes(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.readable_homes() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN ARRAY(
        SELECT home_id FROM home_members
        WHERE user_id = homelog.current_user_id() AND (expires_at IS NULL OR expires_at > now())
    );
END
$$;

ALTER FUNCTION homelog.readable_homes() OWNER TO homelog_owner;

--
-- Name: FUNCTION readable_homes(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.readable_homes() IS 'The homes that the caller may see.';

--
-- Name: readable_plants(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.readable_plants() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN ARRAY(
        SELECT id FROM plants
        WHERE homelog.is_unbound()
          AND (user_id = homelog.current_user_id() OR home_id = ANY (homelog.readable_homes()))
    );
END
$$;

ALTER FUNCTION homelog.readable_plants() OWNER TO homelog_owner;

--
-- Name: FUNCTION readable_plants(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.readable_plants() IS 'The plants that the caller may see.';

--
-- Name: readable_sources(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.readable_sources() RETURNS uuid[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
BEGIN
    RETURN coalesce(nullif(pg_catalog.current_setting('homelog.readable', true), ''), '{}')::pg_catalog.uuid[];
END
$$;

ALTER FUNCTION homelog.readable_sources() OWNER TO homelog_owner;

--
-- Name: FUNCTION readable_sources(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.readable_sources() IS 'Of the sources that this request names, those it may read: granted, or public and named.';

--
-- Name: reading_told(public.readings); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.reading_told(reading public.readings) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN ((reading).source_id IS NOT NULL) THEN jsonb_strip_nulls(jsonb_build_object('value', (reading).value, 'quality_flag', (reading).quality_flag, 'notes', (reading).notes, 'metadata', (reading).metadata)) ELSE NULL::jsonb END;

ALTER FUNCTION homelog.reading_told(reading public.readings) OWNER TO homelog_owner;

--
-- Name: FUNCTION reading_told(reading public.readings); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.reading_told(reading public.readings) IS 'What of a reading an audit row keeps.';

--
-- Name: reads_source(uuid, uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.reads_source(reader uuid, wanted uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM data_sources AS s
        WHERE s.id = wanted
          AND (
              EXISTS (SELECT FROM user_source_access AS a WHERE a.source_id = s.id AND a.user_id = reader)
              OR EXISTS (
                  SELECT FROM home_members AS m
                  WHERE m.home_id = s.home_id AND m.user_id = reader
                    AND (m.expires_at IS NULL OR m.expires_at > now())
              )
          )
    );
END
$$;

ALTER FUNCTION homelog.reads_source(reader uuid, wanted uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION reads_source(reader uuid, wanted uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.reads_source(reader uuid, wanted uuid) IS 'Whether somebody may read a source by a grant or as a member of its home; that it is public does not count. For functions of ours: the service asks by naming it.';

--
-- Name: rebuild_days(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.rebuild_days(source uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    hours timestamptz[];
BEGIN
    PERFORM homelog.take_turns(ARRAY[source]);

    DELETE FROM reading_days AS d WHERE d.source_id = source;
    -- An hour out of twelve names each day: none is as short.
    SELECT coalesce(array_agg(h.hour), '{}') INTO hours
    FROM (SELECT min(r.timestamp) AS first, max(r.timestamp) AS last FROM readings AS r WHERE r.source_id = source) AS ends
    CROSS JOIN generate_series(
        homelog.hour_of(ends.first), ends.last + interval '12 hours', interval '12 hours'
    ) AS h (hour);
    PERFORM homelog.sum_up_days(array_fill(source, ARRAY[cardinality(hours)]), hours);
END
$$;

ALTER FUNCTION homelog.rebuild_days(source uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION rebuild_days(source uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.rebuild_days(source uuid) IS 'Sums up all days of a source anew, in the zone that it is in now: for operators, after a home got another zone. Writers to the source wait meanwhile.';

--
-- Name: rebuild_hours(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.rebuild_hours(source uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    hours timestamptz[];
BEGIN
    PERFORM homelog.take_turns(ARRAY[source]);

    DELETE FROM reading_hours AS h WHERE h.source_id = source AND NOT h.is_thinned;
    SELECT coalesce(array_agg(dense.hour), '{}') INTO hours
    FROM (
        SELECT homelog.hour_of(r.timestamp) AS hour
        FROM readings AS r
        WHERE r.source_id = source AND r.quality_flag <> 'bad'
        GROUP BY 1
        HAVING count(*) >= 10
    ) AS dense;
    PERFORM homelog.sum_up_hours(array_fill(source, ARRAY[cardinality(hours)]), hours);
    PERFORM homelog.rebuild_days(source);
END
$$;

ALTER FUNCTION homelog.rebuild_hours(source uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION rebuild_hours(source uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.rebuild_hours(source uuid) IS 'Sums up all hours of a source anew, and then its days: for operators, after readings were changed with triggers off. Writers to the source wait meanwhile.';

--
-- Name: rebuild_stale_days(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.rebuild_stale_days() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    stale uuid;
BEGIN
    IF NOT homelog.takes_maintenance_turn() THEN
        RETURN 0;
    END IF;
    -- The turn before the row: who deletes a source has its turn first, too. A row that is noted again just now is of a
    -- zone that cannot be seen yet.
    -- In another order each run, the same within it: one that fails keeps no other from its turn for ever.
    SELECT d.source_id INTO stale
    FROM stale_days AS d
    ORDER BY hashtextextended(
        d.source_id::text, (SELECT (date_part('epoch', max(r.began_at)) * 1000000)::bigint FROM maintenance_runs AS r)
    ), d.source_id
    LIMIT 1;
    IF stale IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM homelog.take_turns(ARRAY[stale]);
    DELETE FROM stale_days AS d
    WHERE d.source_id = (SELECT n.source_id FROM stale_days AS n WHERE n.source_id = stale FOR UPDATE SKIP LOCKED);
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    PERFORM homelog.rebuild_days(stale);
    RETURN 1;
END
$$;

ALTER FUNCTION homelog.rebuild_stale_days() OWNER TO homelog_owner;

--
-- Name: FUNCTION rebuild_stale_days(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.rebuild_stale_days() IS 'Sums up the days of one source anew that came into another time zone; says how many. Writers to it wait meanwhile.';

--
-- Name: record_failed_identity(public.auth_provider, text, text, text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.record_failed_identity(vouching public.auth_provider, its_issuer text, subject text, reason text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO audit_logs (user_id, event_type, details)
    VALUES (
        (
            SELECT i.user_id FROM user_oauth_identities AS i
            WHERE i.provider = vouching AND i.issuer = its_issuer AND i.provider_user_id = subject
        ),
        'login_failed',
        jsonb_build_object('provider', vouching, 'reason', reason)
    );
END
$$;

ALTER FUNCTION homelog.record_failed_identity(vouching public.auth_provider, its_issuer text, subject text, reason text) OWNER TO homelog_owner;

--
-- Name: FUNCTION record_failed_identity(vouching public.auth_provider, its_issuer text, subject text, reason text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.record_failed_identity(vouching public.auth_provider, its_issuer text, subject text, reason text) IS 'Notes that a sign-in with a provider failed, in the name of the account that the identity opens, or of nobody.';

--
-- Name: record_failed_login(public.citext); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.record_failed_login(tried public.citext) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- Without the e-mail: people type passwords there, and an address without an account is still somebody's.
    INSERT INTO audit_logs (user_id, event_type, details)
    VALUES ((SELECT u.id FROM users AS u WHERE u.email = tried), 'login_failed', '{"provider": "password"}');
END
$$;

ALTER FUNCTION homelog.record_failed_login(tried public.citext) OWNER TO homelog_owner;

--
-- Name: FUNCTION record_failed_login(tried public.citext); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.record_failed_login(tried public.citext) IS 'Notes that a sign-in failed, in the name of the account that has the e-mail, or of nobody.';

--
-- Name: record_login(uuid, jsonb); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.record_login(owner uuid, details jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    UPDATE users SET last_login_at = now() WHERE id = owner;
    INSERT INTO audit_logs (user_id, event_type, details) VALUES (owner, 'login', record_login.details);
END
$$;

ALTER FUNCTION homelog.record_login(owner uuid, details jsonb) OWNER TO homelog_owner;

--
-- Name: FUNCTION record_login(owner uuid, details jsonb); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.record_login(owner uuid, details jsonb) IS 'Notes that somebody signed in.';

--
-- Name: record_view(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.record_view(viewed uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    caller uuid := homelog.current_user_id();
BEGIN
    -- Two first views at once, in whichever workers, write one row; only the owner sees the views of nobody.
    PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(' views ', caller, viewed), 0));
    INSERT INTO audit_logs (user_id, source_id, event_type)
    SELECT caller, viewed, 'view_source'
    WHERE viewed = ANY (homelog.readable_sources())
      AND NOT EXISTS (
          SELECT FROM audit_logs AS l
          WHERE l.source_id = viewed AND l.user_id IS NOT DISTINCT FROM caller
            AND l.event_type = 'view_source' AND l.event_time > now() - interval '1 hour'
      );
END
$$;

ALTER FUNCTION homelog.record_view(viewed uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION record_view(viewed uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.record_view(viewed uuid) IS 'Notes that the caller saw a source, at most once an hour.';

--
-- Name: recover_account(public.citext, text, boolean); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.recover_account(wanted public.citext, new_hash text, is_temporary boolean) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    found users;
BEGIN
    SELECT u.* INTO found FROM users AS u WHERE u.email = wanted;
    IF found.id IS NULL THEN
        RETURN NULL;
    END IF;
    IF NOT found.is_active THEN
        RAISE EXCEPTION 'This account is deactivated; an admin activates it with PATCH /v1/users/{user_id} '
            '{"is_active": true}, then reset its password.' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    PERFORM homelog.give_password(found.id, new_hash, recover_account.is_temporary);
    INSERT INTO audit_logs (event_type, details) VALUES ('reset_password', jsonb_build_object('id', found.id));
    RETURN found.id;
END
$$;

ALTER FUNCTION homelog.recover_account(wanted public.citext, new_hash text, is_temporary boolean) OWNER TO homelog_owner;

--
-- Name: FUNCTION recover_account(wanted public.citext, new_hash text, is_temporary boolean); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.recover_account(wanted public.citext, new_hash text, is_temporary boolean) IS 'Gives an active account a new password and ends its sessions; null if none has this e-mail, a sentence if the one that has it is deactivated. Granted to nobody, as make_admin().';

--
-- Name: refresh_latest_readings(uuid[]); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.refresh_latest_readings(sources uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    moved uuid[];
BEGIN
    PERFORM homelog.take_turns(sources);

    WITH written AS (
        INSERT INTO latest_readings AS l (source_id, id, timestamp, value, quality_flag)
        SELECT s.source_id, r.id, r.timestamp, r.value, r.quality_flag
        FROM unnest(sources) AS s (source_id)
        CROSS JOIN LATERAL (
            SELECT w.id, w.timestamp, w.value, w.quality_flag
            FROM readings AS w
            WHERE w.source_id = s.source_id
            ORDER BY w.timestamp DESC
            LIMIT 1
        ) AS r
        ON CONFLICT (source_id) DO UPDATE
            SET
                id = excluded.id,
                timestamp = excluded.timestamp,
                value = excluded.value,
                quality_flag = excluded.quality_flag
            WHERE (l.id, l.timestamp, l.value, l.quality_flag)
                  IS DISTINCT FROM (excluded.id, excluded.timestamp, excluded.value, excluded.quality_flag)
        RETURNING l.source_id
    )
    SELECT coalesce(array_agg(w.source_id), '{}') INTO moved FROM written AS w;

    -- Of the others the latest reading stayed, or the last one went.
    IF cardinality(moved) < cardinality(sources) THEN
        WITH gone AS (
            DELETE FROM latest_readings AS l
            WHERE l.source_id = ANY (sources) AND NOT EXISTS (SELECT FROM readings AS r WHERE r.source_id = l.source_id)
            RETURNING l.source_id
        )
        SELECT moved || array_agg(g.source_id) INTO moved FROM gone AS g;
    END IF;

    PERFORM homelog.sense_plants(moved, false);
END
$$;

ALTER FUNCTION homelog.refresh_latest_readings(sources uuid[]) OWNER TO homelog_owner;

--
-- Name: FUNCTION refresh_latest_readings(sources uuid[]); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.refresh_latest_readings(sources uuid[]) IS 'Looks up the newest reading of these sources, each named once, and tells the plants that follow them. The triggers call it; so does a DBA who has loaded readings with triggers switched off.';

--
-- Name: refresh_session(bytea, bytea, interval, interval); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.refresh_session(token bytea, successor bytea, lifetime interval, grace interval) RETURNS TABLE(verdict text, session_id uuid, user_id uuid, auth_provider text, created_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT r.verdict, r.session_id, r.user_id, r.auth_provider, r.created_at
    FROM homelog.rotate_refresh_token(
        token, ARRAY[refresh_session.successor], lifetime, interval '180 days', grace
    ) AS r;
END
$$;

ALTER FUNCTION homelog.refresh_session(token bytea, successor bytea, lifetime interval, grace interval) OWNER TO homelog_owner;

--
-- Name: FUNCTION refresh_session(token bytea, successor bytea, lifetime interval, grace interval); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.refresh_session(token bytea, successor bytea, lifetime interval, grace interval) IS 'Replaces a refresh token by its successor. Verdict: rotated; again (the parent came once more within the grace: the same successor); reused (an older token: the session has been ended); dead (unknown, ended or expired).';

--
-- Name: refuse_gated(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.refuse_gated() RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'Your password is temporary: choose one of your own with PUT /v1/me/password.'
        USING ERRCODE = 'HL4PW';
END
$$;

ALTER FUNCTION homelog.refuse_gated() OWNER TO homelog_owner;

--
-- Name: FUNCTION refuse_gated(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.refuse_gated() IS 'Raises HL4PW: while a password is temporary nothing else is open.';

--
-- Name: refuse_reading(text, text, text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.refuse_reading(rule text, detail text, field text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION '%', detail
        USING ERRCODE = 'check_violation', TABLE = 'readings', COLUMN = field, CONSTRAINT = 'data_validators_' || rule;
END
$$;

ALTER FUNCTION homelog.refuse_reading(rule text, detail text, field text) OWNER TO homelog_owner;

--
-- Name: FUNCTION refuse_reading(rule text, detail text, field text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.refuse_reading(rule text, detail text, field text) IS 'Refuses a reading as a constraint would, in the words of the rule that it breaks.';

--
-- Name: register_user(uuid, public.citext, text, text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.register_user(new_id uuid, new_email public.citext, new_display_name text, new_password_hash text) RETURNS public.users
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    made users;
BEGIN
    -- Two people who register first at the same time must not both become admin.
    IF NOT EXISTS (SELECT FROM users) THEN
        PERFORM pg_advisory_xact_lock(hashtext('homelog: the first account'));
    END IF;

    PERFORM set_config('homelog.user_id', new_id::text, true);
    INSERT INTO users (id, email, display_name, role)
    VALUES (new_id, new_email, new_display_name,
            CASE WHEN EXISTS (SELECT FROM users) THEN 'operator' ELSE 'admin' END)
    RETURNING * INTO made;
    INSERT INTO user_passwords (user_id, password_hash) VALUES (new_id, new_password_hash);
    RETURN made;
END
$$;

ALTER FUNCTION homelog.register_user(new_id uuid, new_email public.citext, new_display_name text, new_password_hash text) OWNER TO homelog_owner;

--
-- Name: FUNCTION register_user(new_id uuid, new_email public.citext, new_display_name text, new_password_hash text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.register_user(new_id uuid, new_email public.citext, new_display_name text, new_password_hash text) IS 'Makes an account with a password and acts as it for the rest of the transaction; the first account is made admin.';

--
-- Name: rehash_password(uuid, text, text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.rehash_password(owner uuid, old_hash text, new_hash text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    UPDATE user_passwords SET password_hash = new_hash WHERE user_id = owner AND password_hash = old_hash;
$$;

ALTER FUNCTION homelog.rehash_password(owner uuid, old_hash text, new_hash text) OWNER TO homelog_owner;

--
-- Name: FUNCTION rehash_password(owner uuid, old_hash text, new_hash text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.rehash_password(owner uuid, old_hash text, new_hash text) IS 'Stores the same password under stronger parameters, unless it was changed meanwhile.';

--
-- Name: reset_password(uuid, text, interval); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.reset_password(wanted uuid, new_hash text, freshness interval) RETURNS TABLE(may boolean, account public.users, is_password_temp boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM homelog.demand_admin();
    -- Whoever knows their password need not reset it; whoever does not has only found a session.
    IF wanted = homelog.current_user_id() THEN
        RAISE EXCEPTION 'This is your own account: use PUT /v1/me/password.'
            USING ERRCODE = 'integrity_constraint_violation', TABLE = 'user_passwords',
                  CONSTRAINT = 'user_passwords_own_reset';
    END IF;
    PERFORM FROM users AS u WHERE u.id = wanted FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF NOT homelog.is_fresh(freshness) THEN
        RETURN QUERY SELECT false, g.account, g.is_password_temp FROM homelog.get_account(wanted) AS g;
        RETURN;
    END IF;
    PERFORM homelog.give_password(wanted, new_hash, true);
    INSERT INTO audit_logs (user_id, event_type, details)
    VALUES (homelog.current_user_id(), 'reset_password', jsonb_build_object('id', wanted));
    RETURN QUERY SELECT true, g.account, g.is_password_temp FROM homelog.get_account(wanted) AS g;
END
$$;

ALTER FUNCTION homelog.reset_password(wanted uuid, new_hash text, freshness interval) OWNER TO homelog_owner;

--
-- Name: FUNCTION reset_password(wanted uuid, new_hash text, freshness interval); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.reset_password(wanted uuid, new_hash text, freshness interval) IS 'Gives somebody else''s account a temporary password and ends its sessions, for admins who signed in no longer ago than that (else: may not); no row if there is no such account.';

--
-- Name: rights_to_source(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.rights_to_source(wanted uuid) RETURNS TABLE(user_id uuid, email public.citext, display_name text, access_level public.access_level, granted_at timestamp with time zone, granted_by uuid, via text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT wanted = ANY (homelog.administered_sources()) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT a.user_id, u.email, u.display_name::text, a.access_level, a.granted_at, a.granted_by,
           CASE WHEN a.user_id = s.created_by THEN 'owner' ELSE 'grant' END
    FROM data_sources AS s
    JOIN user_source_access AS a ON a.source_id = s.id
    JOIN users AS u ON u.id = a.user_id
    WHERE s.id = wanted
    UNION ALL
    SELECT m.user_id, u.email, u.display_name::text, m.access_level, m.granted_at, m.granted_by, 'home'
    FROM data_sources AS s
    JOIN home_members AS m ON m.home_id = s.home_id AND (m.expires_at IS NULL OR m.expires_at > now())
    JOIN users AS u ON u.id = m.user_id
    WHERE s.id = wanted;
END
$$;

ALTER FUNCTION homelog.rights_to_source(wanted uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION rights_to_source(wanted uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.rights_to_source(wanted uuid) IS 'Who may do what with a source and why: made it (owner), was granted it, or belongs to its home; for its admins alone.';

--
-- Name: rotate_refresh_token(bytea, bytea[], interval, interval, interval); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.rotate_refresh_token(token bytea, successors bytea[], lifetime interval, absolute interval, grace interval) RETURNS TABLE(verdict text, session_id uuid, user_id uuid, auth_provider text, created_at timestamp with time zone, successor bytea)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    held  refresh_tokens;
    live  sessions;
    found text;
    next  bytea;
BEGIN
    -- The session's row is the lock: of fifty refreshes at once one rotates and the others see that it did.
    SELECT s.* INTO live
    FROM sessions AS s
    WHERE s.id = (SELECT t.session_id FROM refresh_tokens AS t WHERE t.token_hash = token)
      AND EXISTS (SELECT FROM users AS u WHERE u.id = s.user_id AND u.is_active)
    FOR NO KEY UPDATE;
    IF live.id IS NULL OR live.ended_at IS NOT NULL OR least(live.expires_at, live.created_at + absolute) <= now() THEN
        RETURN QUERY SELECT 'dead', NULL::uuid, NULL::uuid, NULL::text, NULL::timestamptz, NULL::bytea;
        RETURN;
    END IF;
    -- Refused as whoever it is the session of, which the next transaction does; and the token stays good for afterwards.
    IF live.is_gated THEN
        RETURN QUERY SELECT 'gated', live.id, live.user_id, live.auth_provider, live.created_at, successors[1];
        RETURN;
    END IF;

    SELECT t.* INTO held FROM refresh_tokens AS t WHERE t.token_hash = token;
    IF held.replaced_at IS NULL THEN
        next := successors[1];
        UPDATE refresh_tokens AS t SET replaced_at = clock_timestamp() WHERE t.token_hash = token;
        INSERT INTO refresh_tokens (token_hash, session_id, created_at) VALUES (next, live.id, clock_timestamp());
        UPDATE sessions AS s
        SET last_used_at = now(), expires_at = least(now() + lifetime, live.created_at + absolute)
        WHERE s.id = live.id;
        found := 'rotated';
    ELSE
        SELECT t.token_hash INTO next
        FROM refresh_tokens AS t
        WHERE t.token_hash = ANY (successors) AND t.session_id = live.id AND t.replaced_at IS NULL
          AND held.replaced_at > clock_timestamp() - grace;
        IF next IS NOT NULL THEN
            found := 'again';
        ELSE
            UPDATE sessions AS s SET ended_at = now() WHERE s.id = live.id;
            INSERT INTO audit_logs (user_id, event_type, details)
            VALUES (live.user_id, 'refresh_reused', jsonb_build_object('session_id', live.id));
            found := 'reused';
        END IF;
    END IF;
    RETURN QUERY SELECT found, live.id, live.user_id, live.auth_provider, live.created_at, next;
END
$$;

ALTER FUNCTION homelog.rotate_refresh_token(token bytea, successors bytea[], lifetime interval, absolute interval, grace interval) OWNER TO homelog_owner;

--
-- Name: FUNCTION rotate_refresh_token(token bytea, successors bytea[], lifetime interval, absolute interval, grace interval); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.rotate_refresh_token(token bytea, successors bytea[], lifetime interval, absolute interval, grace interval) IS 'Replaces a refresh token by the first of its successors and says which one it has. Verdict: rotated; again (the parent came once more within the grace: the successor that it got); gated (nothing was replaced: the password is temporary); reused (an older token: the session has been ended); dead (unknown, ended or expired). However often it is refreshed, a session ends so long after signing in as is absolute.';

--
-- Name: sense(public.plants, boolean); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.sense(plant public.plants, anew boolean) RETURNS public.plants
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    patience CONSTANT interval := plant.stale_after_hours * interval '1 hour';
    -- How far back the soil's story is read: longer than a plant goes without water and a sensor without a word.
    memory   CONSTANT interval := greatest(patience, interval '31 days');
    -- In decimals: 0.1 + 0.05 in binary is more than 0.15, and a sensor that says 0.15 would not do.
    wet_from CONSTANT double precision := least(plant.dry_below::numeric + 0.05, 1);
    newest   timestamptz;
    part     double precision;
    said     double precision;
    since    timestamptz;
    wet_at   timestamptz;
    dry_at   timestamptz;
BEGIN
    -- What is no share of anything is the sensor's fault and says nothing, here and below. Bad
    -- ones are said as a CASE: why, says service/series/queries.sql.
    SELECT homelog.moisture_part(s.unit) INTO part
    FROM data_sources AS s
    WHERE s.id = plant.moisture_source_id AND s.kind = 'gauge';
    SELECT r.timestamp, r.value INTO newest, said
    FROM latest_readings AS l
    CROSS JOIN LATERAL (
        SELECT w.timestamp, w.value
        FROM readings AS w
        WHERE w.source_id = l.source_id AND w.timestamp > l.timestamp - patience
          AND CASE w.quality_flag WHEN 'bad' THEN false ELSE true END AND w.value BETWEEN 0 AND part
        ORDER BY w.timestamp DESC
        LIMIT 1
    ) AS r
    WHERE l.source_id = plant.moisture_source_id;

    -- Of a source that was taken from the plant's owner they learn nothing more. The reading with which the soil turned dry
    -- may have been corrected since, or deleted.
    IF anew OR newest IS NULL OR newest <= plant.moisture_at
       OR (plant.dry_since IS NOT NULL AND NOT EXISTS (
           SELECT FROM readings AS r
           WHERE r.source_id = plant.moisture_source_id AND r.timestamp = plant.dry_since
             AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
             AND r.value BETWEEN 0 AND part AND r.value / part < plant.dry_below
       )) THEN
        plant.moisture_at := NULL;
        plant.dry_since := NULL;
    END IF;
    IF newest IS NULL OR NOT homelog.reads_source(plant.user_id, plant.moisture_source_id) THEN
        RETURN plant;
    END IF;

    -- All readings since the last time, not the newest alone: a sensor may tell a whole day at once.
    since := greatest(plant.moisture_at, plant.last_water, newest - memory);
    SELECT max(r.timestamp) INTO wet_at
    FROM readings AS r
    WHERE r.source_id = plant.moisture_source_id AND r.timestamp > since AND r.timestamp <= newest
      AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
      AND r.value BETWEEN 0 AND part AND r.value / part >= wet_from;
    SELECT min(r.timestamp) INTO dry_at
    FROM readings AS r
    WHERE r.source_id = plant.moisture_source_id AND r.timestamp > greatest(since, wet_at) AND r.timestamp <= newest
      AND CASE r.quality_flag WHEN 'bad' THEN false ELSE true END
      AND r.value BETWEEN 0 AND part AND r.value / part < plant.dry_below;

    plant.dry_since := CASE WHEN wet_at IS NULL THEN coalesce(plant.dry_since, dry_at) ELSE dry_at END;
    plant.moisture := said / part;
    plant.moisture_at := newest;
    RETURN plant;
END
$$;

ALTER FUNCTION homelog.sense(plant public.plants, anew boolean) OWNER TO homelog_owner;

--
-- Name: FUNCTION sense(plant public.plants, anew boolean); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.sense(plant public.plants, anew boolean) IS 'A plant with what its source says of it: moisture, moisture_at and dry_since. Anew: whatever it said before.';

--
-- Name: sense_plants(uuid[], boolean); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.sense_plants(sources uuid[], anew boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    -- In the order of their ids, as whoever waters many does. Whoever logs never waits for somebody else's plant: one that
    -- is being changed now is told by its next reading, or the watering that is under way.
    sensing CONSTANT uuid[] := ARRAY(
        SELECT p.id
        FROM plants AS p
        WHERE p.moisture_source_id = ANY (sources) AND homelog.reads_source(p.user_id, p.moisture_source_id)
        ORDER BY p.id
        FOR NO KEY UPDATE SKIP LOCKED
    );
BEGIN
    IF sensing <> '{}' THEN
        UPDATE plants AS p
        SET moisture = s.moisture, moisture_at = s.moisture_at, dry_since = s.dry_since
        FROM plants AS followed
        CROSS JOIN LATERAL homelog.sense(followed, anew) AS s
        WHERE followed.id = ANY (sensing) AND p.id = followed.id
          AND (p.moisture, p.moisture_at, p.dry_since) IS DISTINCT FROM (s.moisture, s.moisture_at, s.dry_since);
    END IF;
END
$$;

ALTER FUNCTION homelog.sense_plants(sources uuid[], anew boolean) OWNER TO homelog_owner;

--
-- Name: FUNCTION sense_plants(sources uuid[], anew boolean); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.sense_plants(sources uuid[], anew boolean) IS 'Tells plants what their sensors, of all that are named, just said. Anew: whatever they said before.';

--
-- Name: session_of_refresh_token(bytea); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.session_of_refresh_token(token bytea) RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN (
        SELECT s.id
        FROM refresh_tokens AS t
        JOIN sessions AS s ON s.id = t.session_id
        WHERE t.token_hash = token AND s.ended_at IS NULL AND s.expires_at > now()
    );
END
$$;

ALTER FUNCTION homelog.session_of_refresh_token(token bytea) OWNER TO homelog_owner;

--
-- Name: FUNCTION session_of_refresh_token(token bytea); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.session_of_refresh_token(token bytea) IS 'The session that a refresh token is or was of, null for one that has ended or never was.';

--
-- Name: set_first_password(text, interval); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.set_first_password(new_hash text, freshness interval) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- The account before its password, as everyone locks them: of two first passwords at once the second is none.
    PERFORM FROM users AS u WHERE u.id = homelog.current_user_id() FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM user_passwords AS p WHERE p.user_id = homelog.current_user_id())
        OR NOT EXISTS (
            SELECT FROM sessions AS s
            WHERE s.id = homelog.current_session_id() AND s.created_at > now() - freshness
        )
    THEN
        RETURN false;
    END IF;
    PERFORM homelog.set_own_password(new_hash);
    PERFORM homelog.end_sessions(homelog.current_session_id());
    RETURN true;
END
$$;

ALTER FUNCTION homelog.set_first_password(new_hash text, freshness interval) OWNER TO homelog_owner;

--
-- Name: FUNCTION set_first_password(new_hash text, freshness interval); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.set_first_password(new_hash text, freshness interval) IS 'Gives the caller a password who has none, if they signed in no longer ago than that, and ends their other sessions.';

--
-- Name: set_own_password(text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.set_own_password(new_hash text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO user_passwords AS p (user_id, password_hash)
    VALUES (homelog.current_user_id(), new_hash)
    ON CONFLICT (user_id) DO UPDATE
        SET password_hash = excluded.password_hash, is_temporary = false, created_at = now();
    INSERT INTO audit_logs (user_id, event_type) VALUES (homelog.current_user_id(), 'change_password');
END
$$;

ALTER FUNCTION homelog.set_own_password(new_hash text) OWNER TO homelog_owner;

--
-- Name: FUNCTION set_own_password(new_hash text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.set_own_password(new_hash text) IS 'Gives the caller a new password, which is not temporary.';

--
-- Name: watering_interval(integer, double precision, integer, integer, date); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.watering_interval(every integer, season_factor double precision, season_from integer, season_to integer, watered_on date) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (season_factor IS NULL) THEN every WHEN CASE WHEN (season_from <= season_to) THEN ((date_part('month'::text, watered_on) >= (season_from)::double precision) AND (date_part('month'::text, watered_on) <= (season_to)::double precision)) ELSE ((date_part('month'::text, watered_on) >= (season_from)::double precision) OR (date_part('month'::text, watered_on) <= (season_to)::double precision)) END THEN (GREATEST((1)::numeric, round(((every)::numeric * (season_factor)::numeric))))::integer ELSE every END;

ALTER FUNCTION homelog.watering_interval(every integer, season_factor double precision, season_from integer, season_to integer, watered_on date) OWNER TO homelog_owner;

--
-- Name: FUNCTION watering_interval(every integer, season_factor double precision, season_from integer, season_to integer, watered_on date); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.watering_interval(every integer, season_factor double precision, season_from integer, season_to integer, watered_on date) IS 'Days from a watering to the next. The month of the watering decides, so that the day does not move while one waits.';

--
-- Name: shown_plant(public.plants, text, timestamp with time zone); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.shown_plant(plant public.plants, zone text, at timestamp with time zone) RETURNS TABLE(id uuid, user_id uuid, name text, species text, kind public.plantkind, room text, moisture double precision, status public.plantstatus, every integer, light text, note text, growth double precision[], last_water timestamp with time zone, home_id uuid, created_at timestamp with time zone, updated_at timestamp with time zone, due_on date, season_factor double precision, season_from integer, season_to integer, snoozed_until date, moisture_source_id uuid, dry_below double precision, stale_after_hours integer, moisture_at timestamp with time zone, sensor public.sensor_state)
    LANGUAGE sql STABLE ROWS 1 PARALLEL SAFE
    BEGIN ATOMIC
 SELECT p.id,
     p.user_id,
     p.name,
     p.species,
     p.kind,
     p.room,
     p.moisture,
     homelog.plant_status(p.status, days.watered_on, wish.wants_on, due.due_on, days.sensor, days.today) AS status,
     p.every,
     p.light,
     p.note,
     ARRAY( SELECT (g.value)::double precision AS value
            FROM jsonb_array_elements(p.growth) g(value)) AS growth,
     p.last_water,
     p.home_id,
     p.created_at,
     p.updated_at,
     due.due_on,
     p.season_factor,
     p.season_from,
     p.season_to,
     p.snoozed_until,
     p.moisture_source_id,
     p.dry_below,
     p.stale_after_hours,
     p.moisture_at,
     days.sensor
    FROM ((((( SELECT (shown_plant.plant).id AS id,
             (shown_plant.plant).user_id AS user_id,
             (shown_plant.plant).name AS name,
             (shown_plant.plant).species AS species,
             (shown_plant.plant).kind AS kind,
             (shown_plant.plant).room AS room,
             (shown_plant.plant).moisture AS moisture,
             (shown_plant.plant).status AS status,
             (shown_plant.plant).every AS every,
             (shown_plant.plant).light AS light,
             (shown_plant.plant).note AS note,
             (shown_plant.plant).growth AS growth,
             (shown_plant.plant).last_water AS last_water,
             (shown_plant.plant).home_id AS home_id,
             (shown_plant.plant).created_at AS created_at,
             (shown_plant.plant).updated_at AS updated_at,
             (shown_plant.plant).season_factor AS season_factor,
             (shown_plant.plant).season_from AS season_from,
             (shown_plant.plant).season_to AS season_to,
             (shown_plant.plant).snoozed_until AS snoozed_until,
             (shown_plant.plant).moisture_source_id AS moisture_source_id,
             (shown_plant.plant).dry_below AS dry_below,
             (shown_plant.plant).stale_after_hours AS stale_after_hours,
             (shown_plant.plant).moisture_at AS moisture_at,
             (shown_plant.plant).dry_since AS dry_since) p
      CROSS JOIN ( SELECT homelog.plant_zone((shown_plant.plant).home_id, shown_plant.zone) AS zone,
             shown_plant.at AS at) here)
      CROSS JOIN LATERAL ( SELECT homelog.local_date(p.last_water, here.zone) AS watered_on,
             homelog.local_date(here.at, here.zone) AS today,
             homelog.local_date(p.dry_since, here.zone) AS dry_on,
             homelog.plant_sensor(p.moisture_source_id, p.moisture_at, p.stale_after_hours, here.at) AS sensor
          OFFSET 0) days)
      CROSS JOIN LATERAL ( SELECT homelog.plant_wants_on(p.status, days.watered_on, homelog.watering_interval(p.every, p.season_factor, p.season_from, p.season_to, days.watered_on), days.sensor, days.dry_on) AS wants_on
          OFFSET 0) wish)
      CROSS JOIN LATERAL ( SELECT homelog.plant_due_on(p.status, wish.wants_on, p.snoozed_until, days.sensor) AS due_on
          OFFSET 0) due);
END;

ALTER FUNCTION homelog.shown_plant(plant public.plants, zone text, at timestamp with time zone) OWNER TO homelog_owner;

--
-- Name: FUNCTION shown_plant(plant public.plants, zone text, at timestamp with time zone); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.shown_plant(plant public.plants, zone text, at timestamp with time zone) IS 'What the API shows of a plant, in its order, at an instant and in the time zone of the plant''s home, which is null where there is no home or the caller does not see it: the one place that lists it.';

--
-- Name: homes; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.homes (
    id uuid DEFAULT uuidv7() NOT NULL,
    name character varying(100) NOT NULL,
    address text,
    timezone character varying(50) DEFAULT 'UTC'::character varying NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by uuid DEFAULT homelog.current_user_id(),
    CONSTRAINT homes_address_length CHECK ((length(address) <= 500)),
    CONSTRAINT homes_name_not_blank CHECK (((name)::text ~ '[^[:space:]]'::text))
);

ALTER TABLE ONLY public.homes FORCE ROW LEVEL SECURITY;

ALTER TABLE public.homes OWNER TO homelog_owner;

--
-- Name: TABLE homes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.homes IS 'Places; whoever makes one is its first admin.';

--
-- Name: COLUMN homes.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.homes.id IS 'Public.';

--
-- Name: COLUMN homes.name; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.homes.name IS 'Personal.';

--
-- Name: COLUMN homes.address; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.homes.address IS 'Personal.';

--
-- Name: COLUMN homes.timezone; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.homes.timezone IS 'An IANA name of PostgreSQL''s own list: the days and months of what stands here. Personal.';

--
-- Name: COLUMN homes.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.homes.created_at IS 'Personal.';

--
-- Name: COLUMN homes.updated_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.homes.updated_at IS 'Personal.';

--
-- Name: COLUMN homes.created_by; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.homes.created_by IS 'Who made it; null once that account is gone. Personal.';

--
-- Name: CONSTRAINT homes_address_length ON homes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT homes_address_length ON public.homes IS 'An address has at most 500 characters.';

--
-- Name: CONSTRAINT homes_name_not_blank ON homes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT homes_name_not_blank ON public.homes IS 'A home needs a name.';

--
-- Name: shown_plants; Type: VIEW; Schema: public; Owner: homelog_owner
--

CREATE VIEW public.shown_plants WITH (security_invoker='true') AS
 SELECT s.id,
    s.user_id,
    s.name,
    s.species,
    s.kind,
    s.room,
    s.moisture,
    s.status,
    s.every,
    s.light,
    s.note,
    s.growth,
    s.last_water,
    s.home_id,
    s.created_at,
    s.updated_at,
    s.due_on,
    s.season_factor,
    s.season_from,
    s.season_to,
    s.snoozed_until,
    s.moisture_source_id,
    s.dry_below,
    s.stale_after_hours,
    s.moisture_at,
    s.sensor
   FROM ((public.plants p
     LEFT JOIN public.homes h ON ((p.home_id = h.id)))
     CROSS JOIN LATERAL homelog.shown_plant(p.*, (h.timezone)::text, now()) s(id, user_id, name, species, kind, room, moisture, status, every, light, note, growth, last_water, home_id, created_at, updated_at, due_on, season_factor, season_from, season_to, snoozed_until, moisture_source_id, dry_below, stale_after_hours, moisture_at, sensor));

ALTER VIEW public.shown_plants OWNER TO homelog_owner;

--
-- Name: VIEW shown_plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON VIEW public.shown_plants IS 'Plants as the API shows them now. Its columns stay as they are while a service is running that takes them all.';

--
-- Name: shown_plant(public.plants); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.shown_plant(plant public.plants) RETURNS SETOF public.shown_plants
    LANGUAGE sql STABLE ROWS 1 PARALLEL SAFE
    BEGIN ATOMIC
 SELECT s.id,
     s.user_id,
     s.name,
     s.species,
     s.kind,
     s.room,
     s.moisture,
     s.status,
     s.every,
     s.light,
     s.note,
     s.growth,
     s.last_water,
     s.home_id,
     s.created_at,
     s.updated_at,
     s.due_on,
     s.season_factor,
     s.season_from,
     s.season_to,
     s.snoozed_until,
     s.moisture_source_id,
     s.dry_below,
     s.stale_after_hours,
     s.moisture_at,
     s.sensor
    FROM ((( SELECT shown_plant.plant AS plant,
             (shown_plant.plant).home_id AS home_id) p
      LEFT JOIN public.homes h ON ((p.home_id = h.id)))
      CROSS JOIN LATERAL homelog.shown_plant(p.plant, (h.timezone)::text, now()) s(id, user_id, name, species, kind, room, moisture, status, every, light, note, growth, last_water, home_id, created_at, updated_at, due_on, season_factor, season_from, season_to, snoozed_until, moisture_source_id, dry_below, stale_after_hours, moisture_at, sensor));
END;

ALTER FUNCTION homelog.shown_plant(plant public.plants) OWNER TO homelog_owner;

--
-- Name: FUNCTION shown_plant(plant public.plants); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.shown_plant(plant public.plants) IS 'A plant that this very statement wrote, as shown_plants will show it to the next.';

--
-- Name: sign_in_by_identity(public.auth_provider, text, text, public.citext, text, text, boolean, bytea, interval); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.sign_in_by_identity(vouching public.auth_provider, its_issuer text, subject text, its_email public.citext, its_name text, its_picture text, may_register boolean, first_token_hash bytea, lifetime interval) RETURNS TABLE(verdict text, session_id uuid, user_id uuid, identity_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    known    user_oauth_identities;
    owner    users;
    new_user uuid;
BEGIN
    -- Twice at most: of two first sign-ins at once the second finds what the first has made.
    FOR round IN 1..2 LOOP
        SELECT i.* INTO known
        FROM user_oauth_identities AS i
        WHERE i.provider = vouching AND i.issuer = its_issuer AND i.provider_user_id = subject;
        IF FOUND THEN
            -- It stays active until the session is there.
            SELECT u.* INTO owner FROM users AS u WHERE u.id = known.user_id FOR NO KEY UPDATE;
            IF NOT coalesce(owner.is_active, false) THEN
                RETURN QUERY SELECT 'inactive', NULL::uuid, owner.id, known.id;
                RETURN;
            END IF;
            UPDATE user_oauth_identities AS i
            SET email = coalesce(its_email, i.email), name = its_name, profile_image = its_picture
            WHERE i.id = known.id;
            RETURN QUERY SELECT
                'opened', homelog.open_session(owner.id, vouching::text, first_token_hash, lifetime), owner.id, known.id;
            RETURN;
        END IF;

        IF its_email IS NULL OR NOT may_register THEN
            RETURN QUERY SELECT
                CASE WHEN may_register THEN 'email_required' ELSE 'closed' END, NULL::uuid, NULL::uuid, NULL::uuid;
            RETURN;
        END IF;

        -- As register_user(): two who come first at the same time must not both become admin.
        IF NOT EXISTS (SELECT FROM users) THEN
            PERFORM pg_advisory_xact_lock(hashtext('homelog: the first account'));
        END IF;
        new_user := uuidv7();
        PERFORM set_config('homelog.user_id', new_user::text, true);
        INSERT INTO users (id, email, display_name, role)
        VALUES (new_user, its_email, nullif(left(its_name, 100), ''),
                CASE WHEN EXISTS (SELECT FROM users) THEN 'operator' ELSE 'admin' END)
        ON CONFLICT (email) DO NOTHING;
        IF FOUND THEN
            INSERT INTO user_oauth_identities (user_id, provider, issuer, provider_user_id, email)
            VALUES (new_user, vouching, its_issuer, subject, its_email);
        ELSE
            PERFORM set_config('homelog.user_id', '', true);
        END IF;
    END LOOP;
    RETURN QUERY SELECT 'email_taken', NULL::uuid, NULL::uuid, NULL::uuid;
END
$$;

ALTER FUNCTION homelog.sign_in_by_identity(vouching public.auth_provider, its_issuer text, subject text, its_email public.citext, its_name text, its_picture text, may_register boolean, first_token_hash bytea, lifetime interval) OWNER TO homelog_owner;

--
-- Name: FUNCTION sign_in_by_identity(vouching public.auth_provider, its_issuer text, subject text, its_email public.citext, its_name text, its_picture text, may_register boolean, first_token_hash bytea, lifetime interval); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.sign_in_by_identity(vouching public.auth_provider, its_issuer text, subject text, its_email public.citext, its_name text, its_picture text, may_register boolean, first_token_hash bytea, lifetime interval) IS 'Opens a session for whom a provider has vouched for, and acts as them for the rest of the transaction; makes the account where the identity has none. Verdict: opened; email_required, email_taken (never joined by e-mail), closed (no new accounts) or inactive.';

--
-- Name: spend_ticket(bytea, timestamp with time zone); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.spend_ticket(ticket bytea, until timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    spent boolean;
BEGIN
    -- Two who bring it at once: the second waits for the first, and then finds it spent.
    INSERT INTO spent_tickets (ticket_hash, expires_at) VALUES (ticket, until) ON CONFLICT DO NOTHING;
    spent := FOUND;
    DELETE FROM spent_tickets AS t
    WHERE t.ticket_hash = ANY (ARRAY(
        SELECT o.ticket_hash FROM spent_tickets AS o
        WHERE o.expires_at < now() - interval '1 hour' LIMIT 10 FOR UPDATE SKIP LOCKED
    ));
    RETURN spent;
END
$$;

ALTER FUNCTION homelog.spend_ticket(ticket bytea, until timestamp with time zone) OWNER TO homelog_owner;

--
-- Name: FUNCTION spend_ticket(ticket bytea, until timestamp with time zone); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.spend_ticket(ticket bytea, until timestamp with time zone) IS 'Whether a ticket is used for the first time; it counts as used from now on. Forgets a few that have expired.';

--
-- Name: sum_up_days(uuid[], timestamp with time zone[]); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.sum_up_days(sources uuid[], hours timestamp with time zone[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF sources IS NULL THEN
        RETURN;
    END IF;
    PERFORM homelog.take_turns(ARRAY(SELECT DISTINCT t.source_id FROM unnest(sources) AS t (source_id)));

    WITH days AS MATERIALIZED (
        SELECT d.source_id, d.since, l.until,
               EXISTS (
                   SELECT FROM reading_horizons AS o
                   WHERE o.source_id = d.source_id AND greatest(o.thinned_until, o.deleted_until) > d.since
               ) AS is_past,
               homelog.hour_of(d.since + interval '1 hour' - interval '1 microsecond') AS opens,
               homelog.hour_of(l.until) AS shuts
        FROM (
            SELECT DISTINCT half.source_id, z.zone, homelog.day_of(e.at, z.zone) AS since
            FROM (
                -- Half days: no local day is as short, so that the days at their ends are all.
                SELECT t.source_id, min(t.hour) AS since, max(t.hour) + interval '1 hour' - interval '1 microsecond' AS until
                FROM unnest(sources, hours) AS t (source_id, hour)
                GROUP BY t.source_id, date_bin('12 hours', t.hour, '1970-01-01 00:00+00')
            ) AS half
            INNER JOIN (
                SELECT s.id, coalesce(h.timezone, 'UTC') AS zone
                FROM data_sources AS s
                LEFT JOIN homes AS h ON h.id = s.home_id
                WHERE s.id = ANY (ARRAY(SELECT DISTINCT u.id FROM unnest(sources) AS u (id)))
            ) AS z ON z.id = half.source_id
            CROSS JOIN LATERAL (VALUES (half.since), (half.until)) AS e (at)
        ) AS d
        CROSS JOIN LATERAL (SELECT homelog.day_after(d.since, d.zone) OFFSET 0) AS l (until)
    ),

    whole AS MATERIALIZED (
        SELECT d.source_id, d.since, d.opens, d.shuts, h.count, h.min, h.max, h.sum,
               h.drops + (
                   SELECT count(*) FROM unnest(h.firsts[2:], h.lasts) AS pair (value, before) WHERE value < before
               ) AS drops,
               h.first_at, h.firsts[1] AS first_value, h.last_at, h.lasts[cardinality(h.lasts)] AS last_value
        FROM days AS d
        CROSS JOIN LATERAL (
            SELECT sum(w.count) AS count, min(w.min) AS min, max(w.max) AS max, sum(w.sum ORDER BY w.hour) AS sum,
                   sum(w.drops) AS drops,
                   min(w.first_at) AS first_at, array_agg(w.first_value ORDER BY w.hour) AS firsts,
                   max(w.last_at) AS last_at, array_agg(w.last_value ORDER BY w.hour) AS lasts
            FROM reading_hours AS w
            WHERE w.source_id = d.source_id AND w.hour >= d.opens AND w.hour < d.shuts
        ) AS h
        WHERE d.opens + cardinality(h.firsts) * interval '1 hour' = d.shuts AND NOT d.is_past
    ),

    pieces AS (
        SELECT w.source_id, w.since, w.count, w.min, w.max, w.sum, w.drops,
               w.first_at, w.first_value, w.last_at, w.last_value
        FROM whole AS w
        UNION ALL
        SELECT d.source_id, d.since, s.count, s.min, s.max, s.sum,
               (SELECT count(*) FROM unnest(s.values[2:], s.values) AS pair (value, before) WHERE value < before),
               s.first_at, s.values[1], s.last_at, s.values[s.count]
        FROM days AS d
        LEFT JOIN whole AS w ON w.source_id = d.source_id AND w.since = d.since
        CROSS JOIN LATERAL (
            VALUES (d.since, coalesce(w.opens, d.until)), (coalesce(w.shuts, d.until), d.until)
        ) AS gap (since, until)
        CROSS JOIN LATERAL (
            SELECT count(*) AS count, min(r.value) AS min, max(r.value) AS max,
                   sum(r.value ORDER BY r.timestamp) FILTER (WHERE abs(r.value) < 1e290) AS sum,
                   min(r.timestamp) AS first_at, max(r.timestamp) AS last_at,
                   array_agg(r.value ORDER BY r.timestamp) AS values
            FROM readings AS r
            WHERE r.source_id = d.source_id AND r.timestamp >= gap.since AND r.timestamp < gap.until
              AND r.quality_flag <> 'bad'
        ) AS s
        WHERE gap.since < gap.until AND s.count > 0 AND NOT d.is_past
        UNION ALL
        -- Before the horizon hour by hour, so that no more is read than what no sum tells of: whole hours,
        SELECT d.source_id, d.since, k.count, k.min, k.max, k.sum, k.drops,
               k.first_at, k.first_value, k.last_at, k.last_value
        FROM days AS d
        JOIN reading_hours AS k ON k.source_id = d.source_id AND k.hour >= d.opens AND k.hour < d.shuts
        WHERE d.is_past
        UNION ALL
        -- thinned ones that a midnight cuts,
        SELECT d.source_id, d.since, p.count, p.min, p.max, p.sum, p.drops, p.at, p.value, p.at, p.value
        FROM days AS d
        CROSS JOIN LATERAL (
            VALUES (homelog.hour_of(d.since), d.since), (d.shuts, d.until)
        ) AS cut (hour, midnight)
        JOIN reading_hours AS k ON k.source_id = d.source_id AND k.hour = cut.hour AND k.is_thinned
        CROSS JOIN LATERAL homelog.parts_of(k) AS p
        WHERE d.is_past AND cut.hour < cut.midnight AND p.at >= d.since AND p.at < d.until
        UNION ALL
        -- and the readings of all others.
        SELECT d.source_id, d.since, s.count, s.min, s.max, s.sum,
               (SELECT count(*) FROM unnest(s.values[2:], s.values) AS pair (value, before) WHERE value < before),
               s.first_at, s.values[1], s.last_at, s.values[s.count]
        FROM days AS d
        CROSS JOIN LATERAL (
            SELECT h.hour
            FROM generate_series(
                homelog.hour_of(d.since), d.until - interval '1 microsecond', interval '1 hour'
            ) AS h (hour)
            WHERE NOT EXISTS (
                SELECT FROM reading_hours AS k
                WHERE k.source_id = d.source_id AND k.hour = h.hour
                  AND (k.is_thinned OR (k.hour >= d.opens AND k.hour < d.shuts))
            )
            OFFSET 0  -- First, so that what a thinned hour still holds is not read.
        ) AS g
        CROSS JOIN LATERAL (
            SELECT count(*) AS count, min(r.value) AS min, max(r.value) AS max,
                   sum(r.value ORDER BY r.timestamp) FILTER (WHERE abs(r.value) < 1e290) AS sum,
                   min(r.timestamp) AS first_at, max(r.timestamp) AS last_at,
                   array_agg(r.value ORDER BY r.timestamp) AS values
            FROM readings AS r
            WHERE r.source_id = d.source_id
              AND r.timestamp >= greatest(g.hour, d.since) AND r.timestamp < least(g.hour + interval '1 hour', d.until)
              AND r.quality_flag <> 'bad'
        ) AS s
        WHERE d.is_past AND s.count > 0
    ),

    fresh AS MATERIALIZED (
        SELECT p.source_id, p.since, d.until, p.count, p.min, p.max, p.sum,
               p.first_at, p.firsts[1] AS first_value, p.last_at, p.lasts[cardinality(p.lasts)] AS last_value,
               p.drops + (
                   SELECT count(*) FROM unnest(p.firsts[2:], p.lasts) AS pair (value, before) WHERE value < before
               ) AS drops
        FROM (
            SELECT each.source_id, each.since, sum(each.count) AS count, min(each.min) AS min, max(each.max) AS max,
                   sum(each.sum ORDER BY each.first_at) AS sum, sum(each.drops) AS drops,
                   min(each.first_at) AS first_at, array_agg(each.first_value ORDER BY each.first_at) AS firsts,
                   max(each.last_at) AS last_at, array_agg(each.last_value ORDER BY each.first_at) AS lasts
            FROM pieces AS each
            GROUP BY each.source_id, each.since
            HAVING sum(each.count) >= 10 AND greatest(max(each.max), -min(each.min)) < 1e290
        ) AS p
        INNER JOIN days AS d ON d.source_id = p.source_id AND d.since = p.since
    ),

    kept AS (
        INSERT INTO reading_days (source_id, since, until, count, min, max, sum, first_at, first_value, last_at,
                                  last_value, drops)
        SELECT source_id, since, until, count, min, max, sum, first_at, first_value, last_at, last_value, drops
        FROM fresh
        ON CONFLICT (source_id, since) DO UPDATE
            SET until = excluded.until, count = excluded.count, min = excluded.min, max = excluded.max,
                sum = excluded.sum, first_at = excluded.first_at, first_value = excluded.first_value,
                last_at = excluded.last_at, last_value = excluded.last_value, drops = excluded.drops
    )

    -- Those that overlap, too: they are of a zone that the source was in before. NOT IN, because that is hashed whatever
    -- the planner takes the days for.
    DELETE FROM reading_days AS h
    USING days AS d
    WHERE h.source_id = d.source_id
      AND h.since > d.since - interval '48 hours' AND h.since < d.until AND h.until > d.since
      AND (h.source_id, h.since) NOT IN (SELECT f.source_id, f.since FROM fresh AS f);
END
$$;

ALTER FUNCTION homelog.sum_up_days(sources uuid[], hours timestamp with time zone[]) OWNER TO homelog_owner;

--
-- Name: FUNCTION sum_up_days(sources uuid[], hours timestamp with time zone[]); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.sum_up_days(sources uuid[], hours timestamp with time zone[]) IS 'Sums up local days anew: those in which the given hours lie, the n-th hour of the n-th source. Waits for whoever writes to these sources; takes whole hours from reading_hours and what is left of a day from its readings. A day with fewer than ten readings that are not bad loses its row, and so does a day of another zone that overlaps one of these.';

--
-- Name: sum_up_hours(uuid[], timestamp with time zone[]); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.sum_up_hours(sources uuid[], hours timestamp with time zone[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF sources IS NULL THEN
        RETURN;
    END IF;
    PERFORM homelog.take_turns(ARRAY(SELECT DISTINCT t.source_id FROM unnest(sources) AS t (source_id)));

    WITH runs AS MATERIALIZED (
        SELECT each.source_id, min(each.hour) AS since, max(each.hour) + interval '1 hour' AS until
        FROM (
            SELECT t.source_id, t.hour,
                   t.hour - interval '1 hour' * row_number() OVER (PARTITION BY t.source_id ORDER BY t.hour) AS run
            FROM unnest(sources, hours) AS t (source_id, hour)
            WHERE NOT coalesce((
                SELECT k.is_thinned FROM reading_hours AS k WHERE k.source_id = t.source_id AND k.hour = t.hour
            ), false)
        ) AS each
        GROUP BY each.source_id, each.run
    ),

    fresh AS MATERIALIZED (
        SELECT runs.source_id, s.hour, s.count, s.min, s.max, s.sum,
               s.first_at, s.values[1] AS first_value, s.last_at, s.values[s.count] AS last_value,
               (SELECT count(*) FROM unnest(s.values[2:], s.values) AS pair (value, before) WHERE value < before) AS drops
        FROM runs
        CROSS JOIN LATERAL (
            SELECT b.hour, count(*) AS count, min(r.value) AS min, max(r.value) AS max,
                   sum(r.value ORDER BY r.timestamp) FILTER (WHERE abs(r.value) < 1e290) AS sum,
                   min(r.timestamp) AS first_at, max(r.timestamp) AS last_at,
                   array_agg(r.value ORDER BY r.timestamp) AS values
            FROM readings AS r
            CROSS JOIN LATERAL (SELECT homelog.hour_of(r.timestamp)) AS b (hour)
            WHERE r.source_id = runs.source_id AND r.timestamp >= runs.since AND r.timestamp < runs.until
              AND r.quality_flag <> 'bad'
            GROUP BY b.hour
            HAVING count(*) >= 10 AND greatest(max(r.value), -min(r.value)) < 1e290
        ) AS s
    ),

    kept AS (
        INSERT INTO reading_hours (source_id, hour, count, min, max, sum, first_at, first_value, last_at, last_value,
                                   drops)
        SELECT source_id, hour, count, min, max, sum, first_at, first_value, last_at, last_value, drops
        FROM fresh
        ON CONFLICT (source_id, hour) DO UPDATE
            SET count = excluded.count, min = excluded.min, max = excluded.max, sum = excluded.sum,
                first_at = excluded.first_at, first_value = excluded.first_value,
                last_at = excluded.last_at, last_value = excluded.last_value, drops = excluded.drops
    )

    -- NOT IN, because that is hashed whatever the planner takes the hours for: these are as many as a statement touches.
    DELETE FROM reading_hours AS h
    USING runs
    WHERE h.source_id = runs.source_id AND h.hour >= runs.since AND h.hour < runs.until
      AND (h.source_id, h.hour) NOT IN (SELECT f.source_id, f.hour FROM fresh AS f);
END
$$;

ALTER FUNCTION homelog.sum_up_hours(sources uuid[], hours timestamp with time zone[]) OWNER TO homelog_owner;

--
-- Name: FUNCTION sum_up_hours(sources uuid[], hours timestamp with time zone[]); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.sum_up_hours(sources uuid[], hours timestamp with time zone[]) IS 'Sums up the hours, the n-th of the n-th source, from their readings as they are now, when no other transaction writes to these. Hours that are not dense lose their row.';

--
-- Name: take_guess_back(bytea); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.take_guess_back(counted bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- None was waiting when this guess was counted, else it would not have been; so that what it began ends with it.
    UPDATE password_guesses SET failures = greatest(0, failures - 1), waits_until = NULL
    WHERE about = counted;
END
$$;

ALTER FUNCTION homelog.take_guess_back(counted bytea) OWNER TO homelog_owner;

--
-- Name: FUNCTION take_guess_back(counted bytea); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.take_guess_back(counted bytea) IS 'Uncounts one guess, and the wait that began with it.';

--
-- Name: take_requests(uuid[], integer[], integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.take_requests(who uuid[], wanted integer[], most integer) RETURNS TABLE(identity uuid, granted integer, remaining integer, seconds double precision)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    tick  timestamptz := clock_timestamp();
    over  timestamptz := tick - interval '1 minute';
BEGIN
    -- Never more than a quarter of what is left, rounded up: what a worker holds and does not use is little at the end.
    -- In the order of identities, so that two workers do not wait for each other.
    RETURN QUERY
    INSERT INTO request_budgets AS b (identity, began_at, taken)
    SELECT w.identity, tick, least(w.wanted, (most + 3) / 4)
    FROM unnest(who, wanted) AS w (identity, wanted)
    ORDER BY w.identity
    ON CONFLICT (identity) DO UPDATE SET
        began_at = CASE WHEN b.began_at > over THEN b.began_at ELSE excluded.began_at END,
        taken = CASE
            WHEN b.began_at > over THEN b.taken + greatest(0, least(excluded.taken, (most - b.taken + 3) / 4))
            ELSE excluded.taken
        END
    RETURNING
        new.identity,
        new.taken - CASE WHEN old.began_at = new.began_at THEN old.taken ELSE 0 END,
        greatest(0, most - new.taken),
        greatest(0, extract(epoch FROM new.began_at + interval '1 minute' - clock_timestamp()))::double precision;

    -- One call in a hundred clears up a thousand minutes that are over: last, and waiting for nobody's row.
    IF random() < 0.01 THEN
        DELETE FROM request_budgets WHERE identity IN (
            SELECT b.identity FROM request_budgets AS b WHERE b.began_at < over LIMIT 1000 FOR UPDATE SKIP LOCKED
        );
    END IF;
END
$$;

ALTER FUNCTION homelog.take_requests(who uuid[], wanted integer[], most integer) OWNER TO homelog_owner;

--
-- Name: FUNCTION take_requests(who uuid[], wanted integer[], most integer); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.take_requests(who uuid[], wanted integer[], most integer) IS 'Takes some requests of each identity''s budget of `most` a minute: how many were granted, 0 where none are left, how many remain, and for how many seconds. What is granted and not made by then lapses.';

--
-- Name: take_turns(uuid[]); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.take_turns(sources uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- Under a snapshot that is older than its turn a writer would compute from what is not there any more.
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'Readings are written under READ COMMITTED.' USING ERRCODE = 'feature_not_supported';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('homelog: readings'), turn.bucket)
    FROM (
        SELECT DISTINCT hashtext(s.id::text) & 1023 AS bucket
        FROM unnest(sources) AS s (id)
        ORDER BY bucket
    ) AS turn;
END
$$;

ALTER FUNCTION homelog.take_turns(sources uuid[]) OWNER TO homelog_owner;

--
-- Name: FUNCTION take_turns(sources uuid[]); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.take_turns(sources uuid[]) IS 'Waits until no other transaction writes to these sources, and keeps others waiting until this one ends. Always in one order, so that no two wait for each other. What a statement of its own asks afterwards sees what they wrote.';

--
-- Name: takes_maintenance_turn(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.takes_maintenance_turn() RETURNS boolean
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT pg_try_advisory_xact_lock(hashtext('homelog: maintenance'), 0);
$$;

ALTER FUNCTION homelog.takes_maintenance_turn() OWNER TO homelog_owner;

--
-- Name: FUNCTION takes_maintenance_turn(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.takes_maintenance_turn() IS 'Whether nobody else cleans up; nobody else does until this transaction ends. A lock of the transaction, so that it holds behind a pooler too.';

--
-- Name: tg__add_first_member(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__add_first_member() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO home_members (home_id, user_id, access_level) VALUES (NEW.id, NEW.created_by, 'admin');
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__add_first_member() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__add_first_member(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__add_first_member() IS 'Makes whoever makes a home its first member, an admin.';

--
-- Name: tg__audit(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__audit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    event     text := CASE TG_OP WHEN 'INSERT' THEN TG_ARGV[0] WHEN 'UPDATE' THEN TG_ARGV[1] ELSE TG_ARGV[2] END;
    source    text := TG_ARGV[3];
    values_in boolean := TG_ARGV[4] = 'values';
    old_row   jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - 'updated_at' END;
    new_row   jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - 'updated_at' END;
    told      jsonb;
BEGIN
    -- What goes because its source went is told by the one delete_source row.
    IF TG_OP = 'DELETE' AND source <> '' AND NOT EXISTS (
        SELECT FROM data_sources AS s WHERE s.id = (old_row ->> source)::uuid
    ) THEN
        RETURN NULL;
    END IF;

    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(key, jsonb_build_object('old', old_row -> key, 'new', new_row -> key))
        INTO told
        FROM jsonb_object_keys(new_row) AS key
        WHERE old_row -> key IS DISTINCT FROM new_row -> key AND key <> 'last_login_at';

        IF told IS NULL THEN
            RETURN NULL;
        END IF;
        IF NOT values_in THEN
            told := jsonb_build_object('changed', (SELECT jsonb_agg(key ORDER BY key) FROM jsonb_object_keys(told) AS key));
        END IF;
        told := told || jsonb_strip_nulls(jsonb_build_object('id', new_row -> 'id', 'user_id', new_row -> 'user_id'));
        IF TG_NARGS > 5 THEN
            told := jsonb_build_object(TG_ARGV[5], new_row -> TG_ARGV[5]) || told;
        END IF;
    ELSIF values_in THEN
        told := jsonb_strip_nulls(coalesce(new_row, old_row));
    ELSE
        told := jsonb_build_object('id', coalesce(new_row, old_row) -> 'id');
    END IF;

    INSERT INTO audit_logs (user_id, source_id, event_type, details)
    VALUES (homelog.current_user_id(), (coalesce(new_row, old_row) ->> nullif(source, ''))::uuid, event, told);
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__audit() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__audit(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__audit() IS 'Writes one audit row a changed row. Arguments: the events of insert, update and delete; the column that holds the source''s id, or the empty word; then values, or names where personal data must stay out; then, where a row has no id of its own, the column that says beside user_id which it is.';

--
-- Name: tg__audit_calendar_link(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__audit_calendar_link() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO audit_logs (user_id, event_type)
    VALUES (
        homelog.current_user_id(),
        CASE TG_OP
            WHEN 'INSERT' THEN 'create_calendar_link'
            WHEN 'UPDATE' THEN 'replace_calendar_link'
            ELSE 'delete_calendar_link'
        END
    );
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__audit_calendar_link() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__audit_calendar_link(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__audit_calendar_link() IS 'Audits a calendar link that is made, replaced or taken away, and nothing of its key.';

--
-- Name: tg__audit_identity(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__audit_identity() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    told user_oauth_identities := CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END;
BEGIN
    -- What goes with its account is told by delete_user.
    IF TG_OP = 'INSERT' OR EXISTS (SELECT FROM users AS u WHERE u.id = told.user_id) THEN
        INSERT INTO audit_logs (user_id, event_type, details)
        VALUES (
            homelog.current_user_id(),
            CASE TG_OP WHEN 'INSERT' THEN 'link_identity' ELSE 'unlink_identity' END,
            jsonb_build_object('id', told.id, 'user_id', told.user_id, 'provider', told.provider)
        );
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__audit_identity() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__audit_identity(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__audit_identity() IS 'Audits an identity that is linked or unlinked, without what the provider says of the person.';

--
-- Name: tg__audit_many(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__audit_many() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    caller CONSTANT uuid := homelog.current_user_id();
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit_logs (user_id, event_type, details)
        SELECT caller, TG_ARGV[0], jsonb_strip_nulls(to_jsonb(n) - 'updated_at') FROM new_rows AS n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO audit_logs (user_id, event_type, details)
        SELECT caller, TG_ARGV[2], jsonb_strip_nulls(to_jsonb(o) - 'updated_at') FROM old_rows AS o;
    ELSE
        -- Matched by id: a statement that changes ids shows as old rows gone and new ones come.
        INSERT INTO audit_logs (user_id, event_type, details)
        SELECT
            caller,
            CASE WHEN r.was IS NULL THEN TG_ARGV[0] WHEN r.now IS NULL THEN TG_ARGV[2] ELSE TG_ARGV[1] END,
            CASE
                WHEN r.was IS NULL OR r.now IS NULL THEN jsonb_strip_nulls(coalesce(r.now, r.was))
                ELSE told.changed || jsonb_strip_nulls(jsonb_build_object('id', r.now -> 'id', 'user_id', r.now -> 'user_id'))
            END
        FROM (
            SELECT
                CASE WHEN o.id IS NOT NULL THEN to_jsonb(o) - 'updated_at' END AS was,
                CASE WHEN n.id IS NOT NULL THEN to_jsonb(n) - 'updated_at' END AS now
            FROM old_rows AS o
            FULL JOIN new_rows AS n ON n.id = o.id
            WHERE o.updated_at IS DISTINCT FROM n.updated_at
            OFFSET 0  -- each row is made into JSON once, not once for each of its fields
        ) AS r
        LEFT JOIN LATERAL (
            SELECT jsonb_object_agg(f.key, jsonb_build_object('old', r.was -> f.key, 'new', f.value)) AS changed
            FROM jsonb_each(r.now) AS f
            WHERE r.was -> f.key IS DISTINCT FROM f.value
        ) AS told ON true
        WHERE r.was IS NULL OR r.now IS NULL OR told.changed IS NOT NULL;
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__audit_many() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__audit_many(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__audit_many() IS 'As homelog.tg__audit(), with values, once a statement: for what is changed thousands at a time. Only a new version, which is another updated_at, is an update. Arguments: the events of insert, update and delete.';

--
-- Name: tg__audit_readings(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__audit_readings() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    caller uuid := homelog.current_user_id();
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit_logs (user_id, source_id, entry_id, event_type, details)
        SELECT caller, source_id, CASE WHEN count(*) = 1 THEN (array_agg(id))[1] END, 'create_entry',
               jsonb_build_object('count', count(*), 'first', min(timestamp), 'last', max(timestamp),
                                  'role', session_user)
        FROM new_rows
        GROUP BY source_id;
    ELSIF TG_OP = 'UPDATE' THEN
        -- Matched by key: a statement that moves readings in time shows as old rows gone and new ones come.
        INSERT INTO audit_logs (user_id, source_id, entry_id, event_type, details)
        SELECT caller, coalesce(n.source_id, o.source_id), coalesce(n.id, o.id),
               CASE WHEN o.id IS NULL THEN 'create_entry' WHEN n.id IS NULL THEN 'delete_entry' ELSE 'update_entry' END,
               jsonb_build_object(
                   'timestamp', coalesce(n.timestamp, o.timestamp),
                   'old', homelog.reading_told(o), 'new', homelog.reading_told(n), 'role', session_user
               )
        FROM old_rows AS o
        FULL JOIN new_rows AS n ON (n.source_id, n.timestamp) = (o.source_id, o.timestamp)
        WHERE (o.id, o.value, o.quality_flag, o.notes, o.metadata)
              IS DISTINCT FROM (n.id, n.value, n.quality_flag, n.notes, n.metadata);
    ELSIF current_setting('homelog.expires', true) <> '' THEN
        -- Nothing would be gained by deleting what the log keeps word for word.
        INSERT INTO audit_logs (user_id, source_id, event_type, details)
        SELECT caller, o.source_id, 'expire_entries',
               jsonb_build_object('action', current_setting('homelog.expires'), 'count', count(*),
                                  'first', min(o.timestamp), 'last', max(o.timestamp))
        FROM old_rows AS o
        GROUP BY o.source_id;
    ELSE
        -- Where the source itself is gone its one delete_source row has told of all its readings.
        INSERT INTO audit_logs (user_id, source_id, entry_id, event_type, details)
        SELECT caller, o.source_id, o.id, 'delete_entry',
               jsonb_build_object('timestamp', o.timestamp, 'old', homelog.reading_told(o), 'role', session_user)
        FROM old_rows AS o
        WHERE EXISTS (SELECT FROM data_sources AS s WHERE s.id = o.source_id);
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__audit_readings() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__audit_readings(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__audit_readings() IS 'Audits what other roles than the service write to readings; the service''s own statements do it themselves.';

--
-- Name: tg__audit_source_deletion(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__audit_source_deletion() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO audit_logs (user_id, source_id, event_type, details)
    SELECT homelog.current_user_id(), OLD.id, 'delete_source',
           jsonb_strip_nulls(jsonb_build_object('name', OLD.name, 'readings', count(*),
                                                'first', min(r.timestamp), 'last', max(r.timestamp)))
    FROM readings AS r
    WHERE r.source_id = OLD.id;
    RETURN OLD;
END
$$;

ALTER FUNCTION homelog.tg__audit_source_deletion() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__audit_source_deletion(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__audit_source_deletion() IS 'Leaves one audit row for a source that goes, with the count and range of the readings that go with it.';

--
-- Name: tg__audit_standing(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__audit_standing() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO audit_logs (user_id, event_type, details)
    SELECT homelog.current_user_id(), told.event, told.details
    FROM (VALUES
        ('change_role', NEW.role <> OLD.role, jsonb_build_object('id', NEW.id, 'old', OLD.role, 'new', NEW.role)),
        ('deactivate_user', OLD.is_active AND NOT NEW.is_active, jsonb_build_object('id', NEW.id)),
        ('activate_user', NEW.is_active AND NOT OLD.is_active, jsonb_build_object('id', NEW.id))
    ) AS told (event, happened, details)
    WHERE told.happened;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__audit_standing() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__audit_standing(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__audit_standing() IS 'Audits what an account is made or unmade.';

--
-- Name: tg__audit_token(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__audit_token() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO audit_logs (user_id, event_type, details)
    VALUES (
        homelog.current_user_id(),
        CASE TG_OP WHEN 'INSERT' THEN 'create_token' ELSE 'delete_token' END,
        jsonb_strip_nulls(to_jsonb(CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END) - '{token_hash,is_gated}'::text[])
    );
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__audit_token() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__audit_token(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__audit_token() IS 'Audits a token that is made or taken away, without its hash.';

--
-- Name: tg__bound_tokens(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__bound_tokens() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- Those who make one at once come by one after the other, and the last sees them all.
    PERFORM pg_advisory_xact_lock(hashtext('homelog: device tokens'), hashtext(NEW.user_id::text));
    IF (
        SELECT count(*) > 100
        FROM device_tokens AS t
        WHERE t.user_id = NEW.user_id AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())
    ) THEN
        RAISE EXCEPTION 'An account has at most 100 device tokens that work: delete one that is not used any more.'
            USING ERRCODE = 'integrity_constraint_violation', TABLE = 'device_tokens', CONSTRAINT = 'device_tokens_most';
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__bound_tokens() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__bound_tokens(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__bound_tokens() IS 'Refuses the 101st device token of an account that works.';

--
-- Name: tg__check_expiry(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__check_expiry() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION 'Access can end only in the future; to end it now, remove the member.'
        USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'expires_at',
              CONSTRAINT = 'home_members_expires_at_future';
END
$$;

ALTER FUNCTION homelog.tg__check_expiry() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__check_expiry(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__check_expiry() IS 'Refuses a guest whose access would be over at once.';

--
-- Name: tg__check_home(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__check_home() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- A foreign key does not ask row security: a home that is somebody else's must look like one that is not there.
    -- Without an identity (a DBA in psql) the foreign key alone decides.
    IF homelog.current_user_id() IS NOT NULL AND NOT NEW.home_id = ANY (homelog.writable_homes()) THEN
        RAISE EXCEPTION 'There is no such home where you may put things.'
            USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, COLUMN = 'home_id',
                  CONSTRAINT = TG_TABLE_NAME || '_home_id_fkey';
    END IF;
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__check_home() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__check_home(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__check_home() IS 'Lets a caller put things only into homes where they may write.';

--
-- Name: tg__check_mapped_source(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__check_mapped_source() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- A foreign key does not ask row security: a foreign source must look like one that is not there.
    IF NOT NEW.source_id = ANY (homelog.writable_sources()) THEN
        RAISE EXCEPTION 'There is no such source that you may write to.'
            USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, COLUMN = 'source_id',
                  CONSTRAINT = 'line_protocol_sources_source_id_fkey';
    END IF;
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__check_mapped_source() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__check_mapped_source(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__check_mapped_source() IS 'Refuses to map a series to a source that the caller may not write to.';

--
-- Name: tg__check_moisture_source(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__check_moisture_source() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    caller uuid := homelog.current_user_id();
BEGIN
    -- As for homes. The plant's owner too: what they may not read would not be followed. That a source is public is not
    -- enough: whoever follows it makes work for those who write to it.
    IF caller IS NOT NULL
       AND NOT (homelog.reads_source(caller, NEW.moisture_source_id)
                AND homelog.reads_source(NEW.user_id, NEW.moisture_source_id)) THEN
        RAISE EXCEPTION 'There is no such source that was granted to you or stands in a home of yours.'
            USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, COLUMN = 'moisture_source_id',
                  CONSTRAINT = 'plants_moisture_source_id_fkey';
    END IF;
    IF EXISTS (SELECT FROM data_sources WHERE id = NEW.moisture_source_id AND kind <> 'gauge') THEN
        RAISE EXCEPTION 'Moisture is an instant value: only a source of the kind gauge can say it.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'moisture_source_id',
                  CONSTRAINT = 'plants_moisture_source_id_gauge';
    END IF;
    IF EXISTS (
        SELECT FROM data_sources WHERE id = NEW.moisture_source_id AND homelog.moisture_part(unit) IS NULL
    ) THEN
        RAISE EXCEPTION 'Moisture is a share: the unit of its source is %%, percent or pct, or 1 or fraction for 0 to 1.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'moisture_source_id',
                  CONSTRAINT = 'plants_moisture_source_id_share';
    END IF;
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__check_moisture_source() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__check_moisture_source(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__check_moisture_source() IS 'Lets a plant follow only a gauge whose unit is a share, and one that the caller and the plant''s owner were granted or have in their home.';

--
-- Name: tg__check_owners_home(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__check_owners_home() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF homelog.current_user_id() <> NEW.user_id AND NOT EXISTS (
        SELECT FROM home_members AS m
        WHERE m.home_id = NEW.home_id AND m.user_id = NEW.user_id AND (m.expires_at IS NULL OR m.expires_at > now())
    ) THEN
        RAISE EXCEPTION 'Somebody else''s plant can go only into a home that its owner belongs to.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'home_id',
                  CONSTRAINT = 'plants_home_id_owners';
    END IF;
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__check_owners_home() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__check_owners_home(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__check_owners_home() IS 'Refuses to carry somebody else''s plant into a home that its owner does not belong to.';

--
-- Name: tg__check_timezone(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__check_timezone() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT homelog.is_timezone(NEW.timezone) THEN
        RAISE EXCEPTION 'A time zone is an IANA name such as Europe/Copenhagen.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'timezone',
                  CONSTRAINT = 'homes_timezone_known';
    END IF;
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__check_timezone() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__check_timezone(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__check_timezone() IS 'Refuses a time zone that PostgreSQL does not list.';

--
-- Name: tg__check_token_sources(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__check_token_sources() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- Without an identity (a DBA in psql) nobody is there whose grants could be asked for.
    IF homelog.current_user_id() IS NOT NULL AND NOT NEW.source_ids <@ homelog.granted_sources() THEN
        RAISE EXCEPTION 'A token can be bound only to sources that you were granted.'
            USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, COLUMN = 'source_ids',
                  CONSTRAINT = 'device_tokens_source_ids_granted';
    END IF;
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__check_token_sources() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__check_token_sources(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__check_token_sources() IS 'Refuses to bind a token to a source that its owner was not granted, be it foreign or unknown.';

--
-- Name: tg__end_sessions(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__end_sessions() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    UPDATE sessions AS s SET ended_at = now() WHERE s.user_id = NEW.id AND s.ended_at IS NULL;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__end_sessions() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__end_sessions(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__end_sessions() IS 'Ends the sessions of an account that is deactivated, for good.';

--
-- Name: tg__forget_tombstones(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__forget_tombstones() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    DELETE FROM user_tombstones WHERE user_id = OLD.id;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__forget_tombstones() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__forget_tombstones(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__forget_tombstones() IS 'Deletes what was noted for an account that goes.';

--
-- Name: tg__gain_home(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__gain_home() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO gained_homes (home_id, user_id) VALUES (NEW.home_id, NEW.user_id)
    ON CONFLICT (home_id, user_id) DO UPDATE SET user_id = excluded.user_id;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__gain_home() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__gain_home(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__gain_home() IS 'Notes that a person came to see a home, or comes to see it again.';

--
-- Name: tg__gain_source(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__gain_source() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO gained_sources (user_id, source_id) VALUES (NEW.user_id, NEW.source_id);
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__gain_source() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__gain_source(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__gain_source() IS 'Notes that a person came to see a source.';

--
-- Name: tg__gate(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__gate() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    active boolean;
BEGIN
    -- The account's row is the lock: whoever deactivates the account or resets its password meanwhile waits, and then
    -- finds this session or token; or was first, which is seen here.
    SELECT u.is_active INTO active FROM users AS u WHERE u.id = NEW.user_id FOR NO KEY UPDATE;
    IF NOT active THEN
        RAISE EXCEPTION 'This account is not active.' USING ERRCODE = 'HL401';
    END IF;
    NEW.is_gated := EXISTS (SELECT FROM user_passwords AS p WHERE p.user_id = NEW.user_id AND p.is_temporary);
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__gate() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__gate(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__gate() IS 'Gates what is made while the account''s password is temporary, a session whatever it was opened with; refuses what is made for an account that is not active.';

--
-- Name: tg__gate_all(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__gate_all() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    gated boolean := TG_OP <> 'DELETE' AND NEW.is_temporary;
BEGIN
    UPDATE sessions AS s SET is_gated = gated
    WHERE s.user_id = coalesce(NEW.user_id, OLD.user_id) AND s.ended_at IS NULL AND s.is_gated <> gated;
    UPDATE device_tokens AS t SET is_gated = gated
    WHERE t.user_id = coalesce(NEW.user_id, OLD.user_id) AND t.is_gated <> gated;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__gate_all() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__gate_all(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__gate_all() IS 'Gates the living sessions and the tokens of an account whose password becomes temporary, and frees them afterwards.';

--
-- Name: tg__go_one_by_one(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__go_one_by_one() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('homelog: an account goes'));
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__go_one_by_one() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__go_one_by_one(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__go_one_by_one() IS 'Waits until no other account is being deleted.';

--
-- Name: tg__judge_readings(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__judge_readings() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
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

ALTER FUNCTION homelog.tg__judge_readings() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__judge_readings(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__judge_readings() IS 'Judges what other roles than the service write to readings; the service''s own statements do it themselves.';

--
-- Name: tg__keep_a_home_admin(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__keep_a_home_admin() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- As for sources: the home's row is the lock, and where it is gone its members go with it.
    PERFORM FROM homes WHERE id = OLD.home_id FOR NO KEY UPDATE;
    IF FOUND AND NOT EXISTS (
        SELECT
        FROM home_members AS m
        JOIN users AS u ON u.id = m.user_id
        WHERE m.home_id = OLD.home_id AND m.access_level = 'admin'
          AND (u.is_active OR NOT EXISTS (SELECT FROM users AS gone WHERE gone.id = OLD.user_id AND gone.is_active))
    ) THEN
        RAISE EXCEPTION 'A home keeps at least one admin whose account is active.'
            USING ERRCODE = 'integrity_constraint_violation', TABLE = 'home_members',
                  CONSTRAINT = 'home_members_last_admin';
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__keep_a_home_admin() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__keep_a_home_admin(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__keep_a_home_admin() IS 'Refuses to leave a home without an admin, or with none but such whose accounts are not active.';

--
-- Name: tg__keep_a_way_in(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__keep_a_way_in() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- Two that are unlinked at the same time must not both go: the account's row is the lock. Where it is gone, its
    -- identities go with it.
    PERFORM FROM users WHERE id = OLD.user_id FOR NO KEY UPDATE;
    IF FOUND
        AND NOT EXISTS (SELECT FROM user_passwords AS p WHERE p.user_id = OLD.user_id AND NOT p.is_temporary)
        AND NOT EXISTS (SELECT FROM user_oauth_identities AS i WHERE i.user_id = OLD.user_id)
    THEN
        RAISE EXCEPTION 'This is the only way into your account; link another provider or set a password first.'
            USING ERRCODE = 'integrity_constraint_violation', TABLE = 'user_oauth_identities',
                  CONSTRAINT = 'user_oauth_identities_last_way_in';
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__keep_a_way_in() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__keep_a_way_in(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__keep_a_way_in() IS 'Refuses to unlink the only identity of an account without a password.';

--
-- Name: tg__keep_an_admin(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__keep_an_admin() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- Two admins who remove each other at the same time must not both succeed: the source's row is the lock. Where
    -- it is gone the grant goes with it.
    PERFORM FROM data_sources WHERE id = OLD.source_id FOR NO KEY UPDATE;
    IF FOUND AND NOT EXISTS (
        SELECT
        FROM user_source_access AS a
        JOIN users AS u ON u.id = a.user_id
        WHERE a.source_id = OLD.source_id AND a.access_level = 'admin'
          AND (u.is_active OR NOT EXISTS (SELECT FROM users AS gone WHERE gone.id = OLD.user_id AND gone.is_active))
    ) THEN
        RAISE EXCEPTION 'A source keeps at least one admin whose account is active.'
            USING ERRCODE = 'integrity_constraint_violation', TABLE = 'user_source_access',
                  CONSTRAINT = 'user_source_access_last_admin';
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__keep_an_admin() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__keep_an_admin(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__keep_an_admin() IS 'Refuses to leave a source without an admin, or with none but such whose accounts are not active.';

--
-- Name: tg__keep_horizon(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__keep_horizon() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    until timestamptz;
BEGIN
    -- The triggers before this one have the sources' turns, so a horizon is not moved before this transaction ends.
    IF NOT EXISTS (SELECT FROM reading_horizons) THEN
        RETURN NULL;
    END IF;

    IF TG_OP = 'INSERT' THEN
        SELECT max(greatest(h.thinned_until, h.deleted_until)) INTO until
        FROM (SELECT n.source_id, min(n.timestamp) AS at FROM new_rows AS n GROUP BY n.source_id) AS w
        JOIN reading_horizons AS h ON h.source_id = w.source_id AND w.at < greatest(h.thinned_until, h.deleted_until);
    ELSIF TG_OP = 'UPDATE' THEN
        SELECT max(greatest(h.thinned_until, h.deleted_until)) INTO until
        FROM old_rows AS o
        FULL JOIN new_rows AS n ON (n.source_id, n.timestamp) = (o.source_id, o.timestamp)
        JOIN reading_horizons AS h
            ON h.source_id = coalesce(n.source_id, o.source_id)
            AND coalesce(n.timestamp, o.timestamp) < greatest(h.thinned_until, h.deleted_until)
        WHERE NOT homelog.is_summed_alike(o.value, o.quality_flag, n.value, n.quality_flag);
    ELSE
        SELECT max(greatest(h.thinned_until, h.deleted_until)) INTO until
        FROM (SELECT o.source_id, min(o.timestamp) AS at FROM old_rows AS o GROUP BY o.source_id) AS w
        JOIN reading_horizons AS h ON h.source_id = w.source_id AND w.at < greatest(h.thinned_until, h.deleted_until);
    END IF;
    IF until IS NOT NULL THEN
        RAISE EXCEPTION '%', homelog.horizon_told(until)
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'readings_timestamp_retained',
                  COLUMN = CASE TG_OP WHEN 'INSERT' THEN 'timestamp' ELSE '' END;
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__keep_horizon() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__keep_horizon(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__keep_horizon() IS 'Refuses what would change sums that cannot be made again: writes before the horizon of a source.';

--
-- Name: tg__keep_last_admin(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__keep_last_admin() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- Two admins who remove each other at once: the second waits here, and then sees that it is the last. It would not
    -- see it under a snapshot that is older than its turn.
    PERFORM pg_advisory_xact_lock(hashtext('homelog: an admin goes'));
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'Admins go under READ COMMITTED.' USING ERRCODE = 'feature_not_supported';
    END IF;
    IF EXISTS (SELECT FROM users AS u WHERE u.role = 'admin' AND u.is_active) THEN
        RETURN NULL;
    END IF;
    -- Where no account is left, nothing is left to administer, and the next one made is an admin again. Whoever registers
    -- just now has found an account, and is none.
    IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM users) THEN
        LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    IF EXISTS (SELECT FROM users) THEN
        RAISE EXCEPTION 'The last active admin stays: make somebody else admin first.'
            USING ERRCODE = 'integrity_constraint_violation', TABLE = 'users', CONSTRAINT = 'users_last_admin';
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__keep_last_admin() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__keep_last_admin(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__keep_last_admin() IS 'Refuses to delete, demote or deactivate the last active admin while there are accounts.';

--
-- Name: tg__keep_latest_readings(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__keep_latest_readings() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    touched uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        touched := ARRAY(SELECT DISTINCT n.source_id FROM new_rows AS n);
    ELSIF TG_OP = 'UPDATE' THEN
        touched := ARRAY(SELECT n.source_id FROM new_rows AS n UNION SELECT o.source_id FROM old_rows AS o);
    ELSIF TG_OP = 'DELETE' THEN
        -- Where the source itself goes its row here goes with it; and a turn must not be waited for, since whoever has
        -- it may be waiting for the source.
        touched := ARRAY(
            SELECT gone.source_id
            FROM (SELECT DISTINCT o.source_id FROM old_rows AS o) AS gone
            WHERE EXISTS (SELECT FROM data_sources AS s WHERE s.id = gone.source_id)
        );
    ELSE
        DELETE FROM latest_readings;
    END IF;

    -- Looked up anew rather than made out from the rows that were written: that holds for every way of writing.
    IF touched <> '{}' THEN
        PERFORM homelog.refresh_latest_readings(touched);
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__keep_latest_readings() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__keep_latest_readings(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__keep_latest_readings() IS 'Keeps latest_readings in step with what was written to readings.';

--
-- Name: tg__keep_meter_events(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__keep_meter_events() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    until timestamptz;
BEGIN
    -- In its turn: an hour is thinned only where no event is in it.
    PERFORM homelog.take_turns(ARRAY[OLD.source_id, NEW.source_id]);
    SELECT max(greatest(h.thinned_until, h.deleted_until)) INTO until
    FROM (VALUES (OLD.source_id, OLD.at), (NEW.source_id, NEW.at)) AS w (source_id, at)
    JOIN reading_horizons AS h ON h.source_id = w.source_id AND w.at < greatest(h.thinned_until, h.deleted_until);
    IF until IS NOT NULL THEN
        RAISE EXCEPTION '%', homelog.horizon_told(until)
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'meter_events_at_retained',
                  COLUMN = CASE TG_OP WHEN 'INSERT' THEN 'at' ELSE '' END;
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__keep_meter_events() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__keep_meter_events(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__keep_meter_events() IS 'Refuses events before the horizon of a source: what flowed there is known in sums that no event was in.';

--
-- Name: tg__leave_care_tombstone(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__leave_care_tombstone() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO place_tombstones (place_id, type, id, op) VALUES (OLD.plant_id, 'care', OLD.id, 'delete')
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__leave_care_tombstone() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__leave_care_tombstone(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__leave_care_tombstone() IS 'Notes for all who see a plant that care for it is gone.';

--
-- Name: tg__leave_grant_tombstone(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__leave_grant_tombstone() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM homelog.leave_user_tombstone(OLD.user_id, 'source', OLD.source_id, CASE
        WHEN EXISTS (SELECT FROM data_sources WHERE id = OLD.source_id) THEN 'lost'::change_op ELSE 'delete'
    END);
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__leave_grant_tombstone() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__leave_grant_tombstone(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__leave_grant_tombstone() IS 'Notes that a person lost a source: the grants of a source that is deleted go with it.';

--
-- Name: tg__leave_member_tombstone(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__leave_member_tombstone() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- What comes into the home refers to it: it came before this lock, or is seen only after this is committed. So what
    -- is older than the time that is noted is what the person may have seen, and no more.
    PERFORM FROM homes WHERE id = OLD.home_id FOR UPDATE;
    INSERT INTO user_tombstones (user_id, type, id, op, deleted_at)
    SELECT u.id, 'home', OLD.home_id,
           CASE WHEN EXISTS (SELECT FROM homes WHERE id = OLD.home_id) THEN 'lost'::change_op ELSE 'delete' END,
           least(OLD.expires_at, clock_timestamp())
    FROM users AS u
    WHERE u.id = OLD.user_id
    ON CONFLICT (user_id, xid, id, type) DO UPDATE SET op = excluded.op, deleted_at = excluded.deleted_at;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__leave_member_tombstone() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__leave_member_tombstone(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__leave_member_tombstone() IS 'Notes that a person lost a home, and when: the members of a home that is deleted go with it.';

--
-- Name: tg__leave_nothing_orphaned(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__leave_nothing_orphaned() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM homelog.lock_account(OLD.id);

    -- What stands in a home with another admin passes to that admin: of several to one whose account is active, and of
    -- these to the one of longest standing.
    UPDATE plants AS p SET user_id = heir.user_id
    FROM (
        SELECT DISTINCT ON (m.home_id) m.home_id, m.user_id
        FROM home_members AS m
        JOIN users AS u ON u.id = m.user_id
        WHERE m.home_id IN (SELECT own.home_id FROM plants AS own WHERE own.user_id = OLD.id)
          AND m.access_level = 'admin' AND m.user_id <> OLD.id
        ORDER BY m.home_id, u.is_active DESC, m.granted_at, m.user_id
    ) AS heir
    WHERE p.user_id = OLD.id AND p.home_id = heir.home_id;
    INSERT INTO user_source_access AS a (user_id, source_id, access_level)
    SELECT DISTINCT ON (s.id) m.user_id, s.id, 'admin'::access_level
    FROM user_source_access AS own
    JOIN data_sources AS s ON s.id = own.source_id
    JOIN home_members AS m ON m.home_id = s.home_id AND m.access_level = 'admin' AND m.user_id <> OLD.id
    JOIN users AS u ON u.id = m.user_id
    WHERE own.user_id = OLD.id AND own.access_level = 'admin'
      -- One who is active inherits it also from one who is not.
      AND NOT EXISTS (
          SELECT
          FROM user_source_access AS other
          JOIN users AS o ON o.id = other.user_id
          WHERE other.source_id = s.id AND other.user_id <> OLD.id AND other.access_level = 'admin'
            AND o.is_active >= u.is_active
      )
    ORDER BY s.id, u.is_active DESC, m.granted_at, m.user_id
    ON CONFLICT (source_id, user_id) DO UPDATE SET access_level = 'admin';

    -- What the account alone administers goes with it. What somebody else does who is not active now stays: they may be
    -- again, and what is deleted does not come back.
    DELETE FROM data_sources AS s
    USING user_source_access AS a
    WHERE a.source_id = s.id AND a.user_id = OLD.id AND a.access_level = 'admin'
      AND NOT EXISTS (
          SELECT FROM user_source_access AS b
          WHERE b.source_id = s.id AND b.user_id <> OLD.id AND b.access_level = 'admin'
      );
    DELETE FROM homes AS h
    USING home_members AS m
    WHERE m.home_id = h.id AND m.user_id = OLD.id AND m.access_level = 'admin'
      AND NOT EXISTS (
          SELECT FROM home_members AS b
          WHERE b.home_id = h.id AND b.user_id <> OLD.id AND b.access_level = 'admin'
      );

    -- What stays forgets who recorded it. There is no index on recorded_by; the audit log knows where to look.
    UPDATE readings SET recorded_by = NULL
    WHERE recorded_by = OLD.id
      AND source_id IN (
          SELECT DISTINCT l.source_id FROM audit_logs AS l
          WHERE l.user_id = OLD.id AND l.event_type = 'create_entry'
      );
    RETURN OLD;
END
$$;

ALTER FUNCTION homelog.tg__leave_nothing_orphaned() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__leave_nothing_orphaned(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__leave_nothing_orphaned() IS 'Before an account goes: passes on what stands in a home that others administer too, deletes what it alone administers, and takes its name off the readings that stay.';

--
-- Name: tg__leave_plant_tombstone(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__leave_plant_tombstone() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    how change_op := CASE TG_OP WHEN 'UPDATE' THEN 'lost' ELSE 'delete' END;
BEGIN
    PERFORM homelog.leave_user_tombstone(OLD.user_id, 'plant', OLD.id, how);
    PERFORM homelog.leave_user_tombstone(OLD.user_id, 'care', c.id, how) FROM care_events AS c WHERE c.plant_id = OLD.id;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    -- Whose it is now has nothing of its care: written anew, it is sent.
    UPDATE care_events SET plant_id = plant_id WHERE plant_id = OLD.id;
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__leave_plant_tombstone() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__leave_plant_tombstone(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__leave_plant_tombstone() IS 'Notes for a plant''s owner that it and its care are gone, or not theirs now. Before the plant goes: its care goes with it.';

--
-- Name: tg__leave_source_tombstone(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__leave_source_tombstone() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO source_tombstones (type, source_id, id)
    SELECT TG_ARGV[0]::change_type, s.id, OLD.id FROM data_sources AS s WHERE s.id = OLD.source_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__leave_source_tombstone() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__leave_source_tombstone(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__leave_source_tombstone() IS 'Notes that something is gone from a source, unless the source went. Argument: its change_type.';

--
-- Name: tg__lift_horizon(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__lift_horizon() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- What was deleted leaves nothing that could be wrong. What was thinned does.
    DELETE FROM reading_horizons AS h WHERE h.source_id = OLD.source_id AND h.thinned_until IS NULL;
    UPDATE reading_horizons AS h SET deleted_until = NULL WHERE h.source_id = OLD.source_id;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__lift_horizon() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__lift_horizon(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__lift_horizon() IS 'Where readings are not to be deleted any more, or not so soon, older ones may be logged again.';

--
-- Name: tg__limit_followers(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__limit_followers() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- One at a time, so that two do not both become the hundredth. No lock on the source's row: whoever has that may be
    -- waiting for this plant's.
    PERFORM pg_advisory_xact_lock(hashtext('homelog: followers'), hashtext(NEW.moisture_source_id::text));
    -- Those who lost the source take no room in it.
    IF (
        SELECT count(*)
        FROM (
            SELECT
            FROM plants AS p
            WHERE p.moisture_source_id = NEW.moisture_source_id AND p.id <> NEW.id
              AND homelog.reads_source(p.user_id, p.moisture_source_id)
            LIMIT 100
        ) AS followers
    ) = 100 THEN
        RAISE EXCEPTION 'A source is the sensor of at most 100 plants.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'moisture_source_id',
                  CONSTRAINT = 'plants_moisture_source_id_followers';
    END IF;
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__limit_followers() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__limit_followers(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__limit_followers() IS 'Keeps the work that a reading makes within bounds: each plant that follows its source is looked at.';

--
-- Name: tg__lock_followers(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__lock_followers() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM FROM plants WHERE moisture_source_id = OLD.id ORDER BY id FOR NO KEY UPDATE;
    RETURN OLD;
END
$$;

ALTER FUNCTION homelog.tg__lock_followers() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__lock_followers(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__lock_followers() IS 'Locks the plants that follow a source that goes in the order of their ids: its foreign key reaches them in any.';

--
-- Name: tg__lock_own_account(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__lock_own_account() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM homelog.lock_account(homelog.current_user_id());
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__lock_own_account() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__lock_own_account(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__lock_own_account() IS 'Locks what changes when one deletes one''s own account.';

--
-- Name: tg__lock_what_stands_there(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__lock_what_stands_there() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM FROM data_sources WHERE home_id = OLD.id ORDER BY id FOR NO KEY UPDATE;
    PERFORM FROM plants WHERE home_id = OLD.id ORDER BY id FOR NO KEY UPDATE;
    RETURN OLD;
END
$$;

ALTER FUNCTION homelog.tg__lock_what_stands_there() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__lock_what_stands_there(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__lock_what_stands_there() IS 'Locks the sources and plants of a home that goes in the order of their ids: its foreign keys reach them in any.';

--
-- Name: tg__name_token(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__name_token() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    NEW.details := NEW.details || jsonb_build_object('token_id', homelog.current_token_id());
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__name_token() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__name_token(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__name_token() IS 'Says in an audit row which device token did it.';

--
-- Name: tg__note_move(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__note_move() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    what  CONSTANT change_type := TG_ARGV[0];
    moves CONSTANT boolean := TG_OP = 'DELETE' OR (NEW.id, NEW.home_id) IS DISTINCT FROM (OLD.id, OLD.home_id);
BEGIN
    IF moves AND OLD.home_id IS NOT NULL THEN
        INSERT INTO place_tombstones AS t (place_id, type, id, op, came_at)
        SELECT OLD.home_id, what, OLD.id, CASE TG_OP WHEN 'DELETE' THEN 'delete'::change_op ELSE 'lost' END,
               coalesce((SELECT m.placed_at FROM moved_things AS m WHERE m.type = what AND m.id = OLD.id), OLD.created_at)
        ON CONFLICT (place_id, xid, id, type) DO UPDATE
            SET op = excluded.op, came_at = least(t.came_at, excluded.came_at);
    END IF;
    IF TG_OP = 'DELETE' THEN
        DELETE FROM moved_things WHERE type = what AND id = OLD.id;
    ELSE
        -- After the foreign key has the home's row: see homelog.tg__leave_member_tombstone().
        INSERT INTO moved_things AS m (type, id, placed_at) VALUES (what, NEW.id, CASE WHEN moves THEN clock_timestamp() END)
        ON CONFLICT (type, id) DO UPDATE SET placed_at = coalesce(excluded.placed_at, m.placed_at);
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__note_move() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__note_move(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__note_move() IS 'Notes what left a home, and that a thing stands elsewhere now or is somebody else''s. Argument: its change_type.';

--
-- Name: tg__note_stale_days(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__note_stale_days() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM homelog.note_stale_days(CASE TG_TABLE_NAME
        WHEN 'homes' THEN ARRAY(SELECT s.id FROM data_sources AS s WHERE s.home_id = NEW.id)
        ELSE ARRAY[NEW.id]
    END);
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__note_stale_days() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__note_stale_days(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__note_stale_days() IS 'Notes the sources of a home that got another time zone, or a source that left its home.';

--
-- Name: tg__note_watering(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__note_watering() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    sensed plants;
BEGIN
    -- Put off in the same breath, it is the next watering that is.
    IF NEW.snoozed_until IS NOT DISTINCT FROM OLD.snoozed_until THEN
        NEW.snoozed_until := NULL;
    END IF;
    IF NEW.dry_since <= NEW.last_water THEN
        NEW.dry_since := NULL;
    END IF;
    -- What came while whoever waters had the plant locked passed it over.
    IF EXISTS (
        SELECT FROM latest_readings AS l
        WHERE l.source_id = NEW.moisture_source_id AND l.timestamp > coalesce(NEW.moisture_at, '-infinity')
    ) THEN
        sensed := homelog.sense(NEW, false);
        NEW.moisture_at := sensed.moisture_at;
        NEW.dry_since := sensed.dry_since;
        IF sensed.moisture_at > NEW.last_water THEN
            NEW.moisture := sensed.moisture;
        END IF;
    END IF;
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__note_watering() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__note_watering(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__note_watering() IS 'Ends what a watering ends, whoever waters and however: it is not put off any more, and not dry until its sensor says so.';

--
-- Name: tg__rebuild_days(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__rebuild_days() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- Its row is locked already, and whoever has the source's turn may be waiting for that: the turn, which is the lock of
    -- homelog.take_turns, is taken only if it is free.
    IF pg_try_advisory_xact_lock(hashtext('homelog: readings'), hashtext(NEW.id::text) & 1023) THEN
        PERFORM homelog.rebuild_days(NEW.id);
    ELSE
        PERFORM homelog.note_stale_days(ARRAY[NEW.id]);
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__rebuild_days() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__rebuild_days(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__rebuild_days() IS 'Sums up the days of a source that comes into a home, in its zone; where somebody is writing to it, later.';

--
-- Name: tg__refuse_change(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION 'The audit log is append-only.'
        USING ERRCODE = 'insufficient_privilege';
END
$$;

ALTER FUNCTION homelog.tg__refuse_change() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__refuse_change(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__refuse_change() IS 'Refuses every change to the table that it stands on.';

--
-- Name: tg__refuse_truncate(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__refuse_truncate() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE would leave no trace in the audit log: DELETE the rows.'
        USING ERRCODE = 'insufficient_privilege';
END
$$;

ALTER FUNCTION homelog.tg__refuse_truncate() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__refuse_truncate(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__refuse_truncate() IS 'Refuses to empty the table that it stands on without a trace of its rows.';

--
-- Name: tg__renew_calendar_link(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__renew_calendar_link() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    NEW.created_at := now();
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__renew_calendar_link() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__renew_calendar_link(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__renew_calendar_link() IS 'A link with another key was made now.';

--
-- Name: tg__renew_guest(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__renew_guest() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    NEW.granted_at := now();
    NEW.granted_by := homelog.current_user_id();
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__renew_guest() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__renew_guest(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__renew_guest() IS 'A guest whose access had ended and who is invited again was granted it now.';

--
-- Name: tg__require_account(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__require_account() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM users AS u WHERE u.id = homelog.current_user_id()) THEN
        RAISE EXCEPTION 'This account is not there any more.' USING ERRCODE = 'HL401';
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__require_account() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__require_account(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__require_account() IS 'Refuses what an account writes that was deleted meanwhile.';

--
-- Name: tg__require_counter(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__require_counter() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM data_sources AS s WHERE s.id = NEW.source_id AND s.kind <> 'counter') THEN
        RAISE EXCEPTION 'Only a counter has meter events.'
            USING ERRCODE = 'check_violation', TABLE = 'meter_events', COLUMN = 'kind',
                  CONSTRAINT = 'meter_events_of_counter';
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__require_counter() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__require_counter(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__require_counter() IS 'Refuses the events of a source that does not count up.';

--
-- Name: tg__roll_up(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__roll_up() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    sources  uuid[];
    hours    timestamptz[];
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM reading_hours;
        DELETE FROM reading_days;
        RETURN NULL;
    END IF;

    IF TG_OP = 'UPDATE' THEN
        -- What began to count, no longer counts, or counts otherwise: notes and names change nothing here.
        SELECT array_agg(t.source_id), array_agg(t.hour) INTO sources, hours
        FROM (
            SELECT DISTINCT c.source_id, homelog.hour_of(c.timestamp) AS hour
            FROM (
                (
                    SELECT o.source_id, o.timestamp, o.value FROM old_rows AS o WHERE o.quality_flag <> 'bad'
                    EXCEPT
                    SELECT n.source_id, n.timestamp, n.value FROM new_rows AS n WHERE n.quality_flag <> 'bad'
                )
                UNION ALL
                (
                    SELECT n.source_id, n.timestamp, n.value FROM new_rows AS n WHERE n.quality_flag <> 'bad'
                    EXCEPT
                    SELECT o.source_id, o.timestamp, o.value FROM old_rows AS o WHERE o.quality_flag <> 'bad'
                )
            ) AS c
        ) AS t;
    ELSE
        -- Hours of a source that is gone went with it.
        WITH t AS MATERIALIZED (
            SELECT DISTINCT o.source_id, homelog.hour_of(o.timestamp) AS hour
            FROM old_rows AS o
            WHERE o.quality_flag <> 'bad'
        )

        SELECT array_agg(t.source_id), array_agg(t.hour) INTO sources, hours
        FROM t
        WHERE EXISTS (SELECT FROM data_sources AS s WHERE s.id = t.source_id);
    END IF;
    PERFORM homelog.sum_up_hours(sources, hours);
    PERFORM homelog.sum_up_days(sources, hours);
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__roll_up() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__roll_up(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__roll_up() IS 'Keeps reading_hours and reading_days in step with readings that are corrected or removed.';

--
-- Name: tg__roll_up_insert(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__roll_up_insert() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    sent     integer;
    logged   readings;
    hour_in  timestamptz;
    sources  uuid[];
    hours    timestamptz[];
BEGIN
    SELECT count(*) INTO sent FROM (SELECT FROM new_rows LIMIT 2) AS n;
    IF sent = 0 THEN
        RETURN NULL;
    END IF;

    IF sent = 1 THEN
        SELECT * INTO logged FROM new_rows;
        IF logged.quality_flag = 'bad' THEN
            RETURN NULL;
        END IF;
        PERFORM homelog.take_turns(ARRAY[logged.source_id]);

        -- The commonest of all, one reading after the others of its hour: reads none of them.
        hour_in := homelog.hour_of(logged.timestamp);
        UPDATE reading_hours AS h
        SET count = h.count + 1,
            min = least(h.min, logged.value),
            max = greatest(h.max, logged.value),
            sum = h.sum + logged.value,
            last_at = logged.timestamp,
            last_value = logged.value,
            drops = h.drops + (logged.value < h.last_value)::integer
        WHERE h.source_id = logged.source_id AND h.hour = hour_in
          AND h.last_at < logged.timestamp AND abs(logged.value) < 1e290;

        -- Next, one that leaves its hour as sparse as it was.
        IF NOT FOUND THEN
            PERFORM FROM readings AS r
            WHERE r.source_id = logged.source_id AND r.quality_flag <> 'bad'
              AND r.timestamp >= hour_in AND r.timestamp < hour_in + interval '1 hour'
            OFFSET 9 LIMIT 1;
            IF FOUND THEN
                PERFORM homelog.sum_up_hours(ARRAY[logged.source_id], ARRAY[hour_in]);
            END IF;
        END IF;

        -- Its day likewise. Which day that is, is asked only where one may be dense.
        UPDATE reading_days AS d
        SET count = d.count + 1,
            min = least(d.min, logged.value),
            max = greatest(d.max, logged.value),
            sum = d.sum + logged.value,
            last_at = logged.timestamp,
            last_value = logged.value,
            drops = d.drops + (logged.value < d.last_value)::integer
        WHERE d.source_id = logged.source_id
          AND d.since > logged.timestamp - interval '48 hours' AND d.since <= logged.timestamp
          AND d.until > logged.timestamp
          AND d.last_at < logged.timestamp AND abs(logged.value) < 1e290;
        IF NOT FOUND THEN
            PERFORM FROM readings AS r
            WHERE r.source_id = logged.source_id AND r.quality_flag <> 'bad'
              AND r.timestamp > logged.timestamp - interval '48 hours'
              AND r.timestamp < logged.timestamp + interval '48 hours'
            OFFSET 9 LIMIT 1;
            IF FOUND THEN
                PERFORM homelog.sum_up_days(ARRAY[logged.source_id], ARRAY[hour_in]);
            END IF;
        END IF;
        RETURN NULL;
    END IF;

    SELECT array_agg(t.source_id), array_agg(t.hour) INTO sources, hours
    FROM (
        SELECT DISTINCT n.source_id, homelog.hour_of(n.timestamp) AS hour
        FROM new_rows AS n
        WHERE n.quality_flag <> 'bad'
    ) AS t;
    PERFORM homelog.sum_up_hours(sources, hours);
    PERFORM homelog.sum_up_days(sources, hours);
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__roll_up_insert() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__roll_up_insert(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__roll_up_insert() IS 'Keeps reading_hours and reading_days in step with readings that are logged.';

--
-- Name: tg__sense_otherwise(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__sense_otherwise() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF NEW.kind = 'gauge' AND homelog.moisture_part(NEW.unit) IS NOT NULL THEN
        PERFORM homelog.sense_plants(ARRAY[NEW.id], true);
    ELSE
        PERFORM FROM plants WHERE moisture_source_id = NEW.id ORDER BY id FOR NO KEY UPDATE;
        UPDATE plants SET moisture_source_id = NULL WHERE moisture_source_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__sense_otherwise() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__sense_otherwise(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__sense_otherwise() IS 'A source with another unit or kind is read anew by the plants that follow it; what can be no moisture any more is followed by none.';

--
-- Name: tg__sense_plant(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__sense_plant() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    sensed CONSTANT plants := homelog.sense(NEW, true);
BEGIN
    -- Where a watering was taken back and an earlier one stands, what was read before that is of drier soil.
    IF TG_OP = 'INSERT'
       OR (OLD.moisture_source_id, OLD.dry_below, OLD.stale_after_hours)
       IS DISTINCT FROM (NEW.moisture_source_id, NEW.dry_below, NEW.stale_after_hours)
       OR sensed.moisture_at > coalesce(NEW.last_water, '-infinity') THEN
        NEW.moisture := sensed.moisture;
    END IF;
    NEW.moisture_at := sensed.moisture_at;
    NEW.dry_since := sensed.dry_since;
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__sense_plant() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__sense_plant(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__sense_plant() IS 'Asks the sensor of a plant that has a new one, or is to judge it anew.';

--
-- Name: tg__settle_password(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__settle_password() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- As in tg__gate: a session is opened before or after this, never beside it.
    PERFORM FROM users AS u WHERE u.id = NEW.user_id FOR NO KEY UPDATE;
    IF NOT NEW.is_temporary THEN
        NEW.used_at := NULL;
    END IF;
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__settle_password() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__settle_password(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__settle_password() IS 'Waits for sign-ins that are under way, and forgets the use of a password that is not temporary any more.';

--
-- Name: tg__touch_updated_at(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__touch_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- The version of a row is its updated_at, so it must climb even for two changes within one microsecond or one
    -- transaction, and for a transaction that began before the one it waited for.
    NEW.updated_at := greatest(now(), OLD.updated_at + interval '1 microsecond');
    RETURN NEW;
END
$$;

ALTER FUNCTION homelog.tg__touch_updated_at() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__touch_updated_at(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__touch_updated_at() IS 'Stamps a changed row; the stamp always climbs.';

--
-- Name: tg__track_changes(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__track_changes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    there uuid[];
BEGIN
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        PERFORM homelog.take_turns(ARRAY(SELECT DISTINCT n.source_id FROM new_rows AS n));
        -- What this transaction has noted stands.
        INSERT INTO changed_sources AS c (source_id)
        SELECT DISTINCT n.source_id FROM new_rows AS n ORDER BY n.source_id
        ON CONFLICT (source_id) DO UPDATE SET source_id = excluded.source_id
            WHERE c.xmin <> pg_current_xact_id()::xid;
        INSERT INTO changed_days AS d (source_id, day)
        SELECT DISTINCT n.source_id, (n.timestamp AT TIME ZONE 'UTC')::date AS day FROM new_rows AS n
        ORDER BY n.source_id, day
        ON CONFLICT (source_id, day) DO UPDATE SET day = excluded.day
            WHERE d.xmin <> pg_current_xact_id()::xid;
    END IF;

    IF TG_OP = 'UPDATE' THEN
        -- Only a DBA gives a reading another id. EXCEPT, not a join: planned for one row it would be slow for many.
        INSERT INTO source_tombstones (type, source_id, id)
        SELECT 'reading'::change_type, o.source_id, o.id FROM old_rows AS o
        EXCEPT
        SELECT 'reading'::change_type, n.source_id, n.id FROM new_rows AS n
        ON CONFLICT DO NOTHING;
    ELSIF TG_OP = 'DELETE' THEN
        -- The readings of a source that went are told by its own deletion, be they a million.
        there := ARRAY(
            SELECT s.id FROM data_sources AS s WHERE s.id IN (SELECT DISTINCT o.source_id FROM old_rows AS o)
        );
        INSERT INTO source_tombstones (type, source_id, id)
        SELECT 'reading', o.source_id, o.id FROM old_rows AS o WHERE o.source_id = ANY (there)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__track_changes() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__track_changes(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__track_changes() IS 'Notes the days on which readings changed, and readings that are gone.';

--
-- Name: tg__undo_watering(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.tg__undo_watering() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    plant     plants;
    sensed    plants;
    later     care_events;
    -- What the plant was after the undone watering, and what it would have been without it.
    last_was  timestamptz := greatest(OLD.before_last_water, OLD.at);
    last_is   timestamptz := OLD.before_last_water;
    wet_was   double precision := 1;
    wet_is    double precision := OLD.before_moisture;
    state_was plantstatus := 'watered';
    state_is  plantstatus := OLD.before_status;
    -- Until when the plant was put off, if it was this watering that ended it: one that moves last_water on does.
    put_off   date := CASE WHEN OLD.at > coalesce(OLD.before_last_water, '-infinity') THEN OLD.before_snoozed_until END;
BEGIN
    SELECT * INTO plant FROM plants WHERE id = OLD.plant_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;  -- It goes, and its care with it.
    END IF;
    IF OLD.at < OLD.before_last_water THEN
        RETURN NULL;  -- It was told late and has changed nothing.
    END IF;

    -- The waterings after it were stored on top of it: each takes over what would have been before it, so that they can be
    -- undone in any order, and is replayed upon that. What somebody changed in between stands, and what was before that
    -- matters no more.
    FOR later IN
        SELECT * FROM care_events
        WHERE plant_id = OLD.plant_id AND before_version > OLD.before_version
        ORDER BY before_version
    LOOP
        IF later.before_last_water IS DISTINCT FROM last_was THEN
            last_was := later.before_last_water;
            last_is := later.before_last_water;
            put_off := NULL;
        END IF;
        IF later.before_moisture <> wet_was THEN
            wet_is := later.before_moisture;
        END IF;
        IF later.before_status <> state_was THEN
            state_is := later.before_status;
        END IF;
        UPDATE care_events
        SET before_last_water = last_is,
            before_moisture = wet_is,
            before_status = state_is,
            -- The next one that moves last_water on ends that it was put off. One that does only now ends nothing that
            -- was put off since: that stands, or a later one ended it.
            before_snoozed_until = CASE
                WHEN at <= last_is THEN before_snoozed_until
                WHEN last_was IS NULL OR at > last_was THEN coalesce(before_snoozed_until, put_off)
                WHEN before_snoozed_until IS NULL THEN put_off
            END
        WHERE id = later.id;
        IF later.before_snoozed_until IS NOT NULL OR later.at > coalesce(last_is, '-infinity') THEN
            put_off := NULL;
        END IF;
        IF later.at >= coalesce(last_was, '-infinity') THEN
            wet_was := 1;
            state_was := 'watered';
        ELSE
            wet_was := later.before_moisture;
            state_was := later.before_status;
        END IF;
        IF later.at >= coalesce(last_is, '-infinity') THEN
            wet_is := 1;
            state_is := 'watered';
        END IF;
        last_was := greatest(last_was, later.at);
        last_is := greatest(last_is, later.at);
        IF (last_was, wet_was, state_was) IS NOT DISTINCT FROM (last_is, wet_is, state_is) THEN
            RETURN NULL;
        END IF;
    END LOOP;

    IF plant.last_water IS NOT DISTINCT FROM last_was THEN
        plant.last_water := last_is;
    ELSE
        put_off := NULL;
    END IF;
    IF plant.moisture = wet_was AND (wet_was = 1 OR wet_is = 1)
       AND (last_was, wet_was) IS DISTINCT FROM (last_is, wet_is) THEN
        plant.moisture := wet_is;
        -- What the sensor said since the watering that is the latest now came after what was before.
        IF plant.moisture_source_id IS NOT NULL THEN
            sensed := homelog.sense(plant, true);
            IF sensed.moisture_at > coalesce(plant.last_water, '-infinity') THEN
                plant.moisture := sensed.moisture;
            END IF;
        END IF;
    END IF;
    UPDATE plants
    SET last_water = plant.last_water,
        moisture = plant.moisture,
        status = CASE WHEN status = state_was THEN state_is ELSE status END,
        snoozed_until = coalesce(snoozed_until, put_off)
    WHERE id = OLD.plant_id;
    RETURN NULL;
END
$$;

ALTER FUNCTION homelog.tg__undo_watering() OWNER TO homelog_owner;

--
-- Name: FUNCTION tg__undo_watering(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.tg__undo_watering() IS 'Makes of a plant what it were without a watering that is deleted, but for what was changed since.';

--
-- Name: thin_hours(uuid, timestamp with time zone[], timestamp with time zone, integer); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.thin_hours(source uuid, hours timestamp with time zone[], ends timestamp with time zone, room integer) RETURNS TABLE(removed integer, until timestamp with time zone)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
DECLARE
    firsts  timestamptz[];
    lasts   timestamptz[];
    stop    timestamptz;
    most    integer;
BEGIN
    SELECT array_agg(k.first_at ORDER BY k.hour), array_agg(k.last_at ORDER BY k.hour) INTO firsts, lasts
    FROM reading_hours AS k
    WHERE k.source_id = source AND k.hour = ANY (hours);
    stop := coalesce((
        SELECT r.timestamp FROM readings AS r
        WHERE r.source_id = source AND r.timestamp > firsts[1]
        ORDER BY r.timestamp
        OFFSET room LIMIT 1
    ), 'infinity');
    SELECT count(*) INTO most FROM unnest(firsts) AS f (at) WHERE f.at < stop;
    until := CASE WHEN most < cardinality(hours) THEN hours[most] + interval '1 hour' ELSE ends END;

    -- First what keeps the sums as they are: the deletion sums up again what it touches. Of the last hour some readings
    -- may be left, which count no more but in its sums: the next step goes on there.
    INSERT INTO reading_horizons AS h (source_id, thinned_until) VALUES (source, until)
    ON CONFLICT (source_id) DO UPDATE SET thinned_until = greatest(h.thinned_until, excluded.thinned_until);
    UPDATE reading_hours AS h SET is_thinned = true
    WHERE h.source_id = source AND h.hour = ANY (hours[:most]) AND NOT h.is_thinned;
    -- Between the first and the last of all, too, so that no plan walks the whole source.
    DELETE FROM readings AS r
    USING unnest(firsts[:most], lasts[:most]) AS t (first_at, last_at)
    WHERE r.source_id = source AND r.timestamp > t.first_at AND r.timestamp < t.last_at
      AND r.timestamp > firsts[1] AND r.timestamp < least(stop, lasts[most]);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN NEXT;
END
$$;

ALTER FUNCTION homelog.thin_hours(source uuid, hours timestamp with time zone[], ends timestamp with time zone, room integer) OWNER TO homelog_owner;

--
-- Name: FUNCTION thin_hours(source uuid, hours timestamp with time zone[], ends timestamp with time zone, room integer); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.thin_hours(source uuid, hours timestamp with time zone[], ends timestamp with time zone, room integer) IS 'Thins hours of a source, in the order of time: as many as hold so many readings, and of one that holds more those first. Says how many readings went and up to when the source is thinned: all of them done, to the end that it is told.';

--
-- Name: thinning_told(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.thinning_told() RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 'The readings of this hour were thinned by now: if this one was among them the sums have it, if not it stays out.'::text;

ALTER FUNCTION homelog.thinning_told() OWNER TO homelog_owner;

--
-- Name: FUNCTION thinning_told(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.thinning_told() IS 'What somebody is told who sends again what thinning may have removed.';

--
-- Name: try_own_password(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.try_own_password() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    wait  integer := homelog.count_guess(homelog.guessing_account(), 5, '1 day');
BEGIN
    IF wait > 0 THEN
        INSERT INTO audit_logs (user_id, event_type, details)
        VALUES (homelog.current_user_id(), 'change_password_refused', jsonb_build_object('seconds', wait));
    END IF;
    RETURN wait;
END
$$;

ALTER FUNCTION homelog.try_own_password() OWNER TO homelog_owner;

--
-- Name: FUNCTION try_own_password(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.try_own_password() IS 'As try_sign_in(), of the caller''s own current password: 5 failures of an account in a day, from wherever.';

--
-- Name: try_sign_in(public.citext, text); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.try_sign_in(tried public.citext, address text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    -- A hundred, since one address may be a whole house, or a proxy that nobody has named; a site may be many houses.
    counted  constant bytea[] := ARRAY[
        homelog.guessing_site(address), homelog.guessing_address(address), homelog.guessed_pair(tried, address)
    ];
    allowed  constant integer[] := ARRAY[400, 100, 5];
    kept     constant interval[] := ARRAY['1 hour', '1 hour', '1 day'];
    wait     integer := 0;
BEGIN
    FOR n IN 1..3 LOOP
        CONTINUE WHEN counted[n] IS NULL;
        wait := homelog.count_guess(counted[n], allowed[n], kept[n]);
        IF wait > 0 THEN
            -- What has to wait is no failure, of its address neither.
            PERFORM homelog.take_guess_back(c.about) FROM unnest(counted[:n - 1]) AS c (about);
            EXIT;
        END IF;
    END LOOP;
    IF wait > 0 THEN
        INSERT INTO audit_logs (user_id, event_type, details) VALUES (
            (SELECT u.id FROM users AS u WHERE u.email = tried),
            'login_refused',
            jsonb_build_object('provider', 'password', 'seconds', wait)
        );
    END IF;
    RETURN wait;
END
$$;

ALTER FUNCTION homelog.try_sign_in(tried public.citext, address text) OWNER TO homelog_owner;

--
-- Name: FUNCTION try_sign_in(tried public.citext, address text); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.try_sign_in(tried public.citext, address text) IS 'Counts a sign-in that is about to be checked: 5 failures for an e-mail at an address in a day, 100 at an address and 400 at a /48 of IPv6 in an hour. Or how many seconds it has to wait, which is audited in the name of the account, or of nobody.';

--
-- Name: use_password(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.use_password(owner uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    UPDATE user_passwords AS p SET used_at = now()
    WHERE p.user_id = owner AND p.is_temporary AND p.used_at IS NULL AND NOT homelog.has_expired(p);
    RETURN FOUND OR NOT EXISTS (SELECT FROM user_passwords AS p WHERE p.user_id = owner AND p.is_temporary);
END
$$;

ALTER FUNCTION homelog.use_password(owner uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION use_password(owner uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.use_password(owner uuid) IS 'Spends a temporary password, and leaves any other as it is; false for one that was spent or has expired.';

--
-- Name: violation_told(text, public.validator_rules, double precision, timestamp with time zone, double precision, timestamp with time zone, double precision, timestamp with time zone); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.violation_told(rule text, rules public.validator_rules, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
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

ALTER FUNCTION homelog.violation_told(rule text, rules public.validator_rules, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone) OWNER TO homelog_owner;

--
-- Name: FUNCTION violation_told(rule text, rules public.validator_rules, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.violation_told(rule text, rules public.validator_rules, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone) IS 'How a value breaks a rule, as a sentence.';

--
-- Name: writable_homes(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.writable_homes() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN ARRAY(
        SELECT home_id FROM home_members
        WHERE user_id = homelog.current_user_id() AND access_level >= 'write'
          AND (expires_at IS NULL OR expires_at > now())
    );
END
$$;

ALTER FUNCTION homelog.writable_homes() OWNER TO homelog_owner;

--
-- Name: FUNCTION writable_homes(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.writable_homes() IS 'The homes where the caller may put things and care for them.';

--
-- Name: writable_plants(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.writable_plants() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN ARRAY(
        SELECT id FROM plants
        WHERE homelog.is_unbound()
          AND (user_id = homelog.current_user_id() OR home_id = ANY (homelog.writable_homes()))
    );
END
$$;

ALTER FUNCTION homelog.writable_plants() OWNER TO homelog_owner;

--
-- Name: FUNCTION writable_plants(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.writable_plants() IS 'The plants that the caller may care for.';

--
-- Name: writable_sources(); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.writable_sources() RETURNS uuid[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
BEGIN
    RETURN coalesce(nullif(pg_catalog.current_setting('homelog.writable', true), ''), '{}')::pg_catalog.uuid[];
END
$$;

ALTER FUNCTION homelog.writable_sources() OWNER TO homelog_owner;

--
-- Name: FUNCTION writable_sources(); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.writable_sources() IS 'Of the sources that this request names, those it may log to.';

--
-- Name: zone_of_source(uuid); Type: FUNCTION; Schema: homelog; Owner: homelog_owner
--

CREATE FUNCTION homelog.zone_of_source(wanted uuid) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN (
        SELECT h.timezone
        FROM data_sources AS s
        JOIN homes AS h ON h.id = s.home_id
        WHERE s.id = wanted AND s.id = ANY (homelog.readable_sources())
    );
END
$$;

ALTER FUNCTION homelog.zone_of_source(wanted uuid) OWNER TO homelog_owner;

--
-- Name: FUNCTION zone_of_source(wanted uuid); Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON FUNCTION homelog.zone_of_source(wanted uuid) IS 'The time zone of the home that a readable source stands in: whoever was granted the source counts its days, though they may not see the home.';

--
-- Name: schema_baseline; Type: TABLE; Schema: homelog; Owner: homelog_owner
--

CREATE TABLE homelog.schema_baseline (
    version text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE homelog.schema_baseline OWNER TO homelog_owner;

--
-- Name: TABLE schema_baseline; Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON TABLE homelog.schema_baseline IS 'One row: the baseline that this database was made from.';

--
-- Name: COLUMN schema_baseline.version; Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON COLUMN homelog.schema_baseline.version IS 'Public.';

--
-- Name: COLUMN schema_baseline.applied_at; Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON COLUMN homelog.schema_baseline.applied_at IS 'Public.';

--
-- Name: schema_migrations; Type: TABLE; Schema: homelog; Owner: homelog_owner
--

CREATE TABLE homelog.schema_migrations (
    migration_id text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    applied_by text DEFAULT SESSION_USER NOT NULL
);

ALTER TABLE homelog.schema_migrations OWNER TO homelog_owner;

--
-- Name: TABLE schema_migrations; Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON TABLE homelog.schema_migrations IS 'Each migration that this database has, with the hash of its file; written in the migration''s own transaction.';

--
-- Name: COLUMN schema_migrations.migration_id; Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON COLUMN homelog.schema_migrations.migration_id IS 'Public.';

--
-- Name: COLUMN schema_migrations.sha256; Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON COLUMN homelog.schema_migrations.sha256 IS 'Public.';

--
-- Name: COLUMN schema_migrations.applied_at; Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON COLUMN homelog.schema_migrations.applied_at IS 'Public.';

--
-- Name: COLUMN schema_migrations.applied_by; Type: COMMENT; Schema: homelog; Owner: homelog_owner
--

COMMENT ON COLUMN homelog.schema_migrations.applied_by IS 'Public.';

--
-- Name: audit_logs; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.audit_logs (
    id bigint NOT NULL,
    event_time timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    user_id uuid,
    source_id uuid,
    entry_id uuid,
    event_type text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT audit_logs_details_object CHECK ((jsonb_typeof(details) = 'object'::text)),
    CONSTRAINT audit_logs_event_type_form CHECK ((event_type ~ '^[a-z][a-z_]{1,49}$'::text))
);

ALTER TABLE ONLY public.audit_logs FORCE ROW LEVEL SECURITY;

ALTER TABLE public.audit_logs OWNER TO homelog_owner;

--
-- Name: TABLE audit_logs; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.audit_logs IS 'Who saw and changed what; one row an event, never changed or removed.';

--
-- Name: COLUMN audit_logs.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.audit_logs.id IS 'Public.';

--
-- Name: COLUMN audit_logs.event_time; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.audit_logs.event_time IS 'Personal.';

--
-- Name: COLUMN audit_logs.user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.audit_logs.user_id IS 'Who did it; a plain value that outlives the account; null for nobody signed in. Personal.';

--
-- Name: COLUMN audit_logs.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.audit_logs.source_id IS 'The source it happened to, if any; a plain value. Public.';

--
-- Name: COLUMN audit_logs.entry_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.audit_logs.entry_id IS 'The reading it happened to, if it was one; a plain value. Public.';

--
-- Name: COLUMN audit_logs.event_type; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.audit_logs.event_type IS 'Personal.';

--
-- Name: COLUMN audit_logs.details; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.audit_logs.details IS 'Old and new values and what else tells the event; never a secret. Personal.';

--
-- Name: CONSTRAINT audit_logs_details_object ON audit_logs; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT audit_logs_details_object ON public.audit_logs IS 'The details of an event are an object.';

--
-- Name: CONSTRAINT audit_logs_event_type_form ON audit_logs; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT audit_logs_event_type_form ON public.audit_logs IS 'An event type is lowercase words joined by _.';

--
-- Name: audit_logs_id_seq; Type: SEQUENCE; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.audit_logs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_logs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: calendar_links; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.calendar_links (
    user_id uuid DEFAULT homelog.current_user_id() NOT NULL,
    key_hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT calendar_links_key_hash_sha256 CHECK ((octet_length(key_hash) = 32))
);

ALTER TABLE ONLY public.calendar_links FORCE ROW LEVEL SECURITY;

ALTER TABLE public.calendar_links OWNER TO homelog_owner;

--
-- Name: TABLE calendar_links; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.calendar_links IS 'Whose plants are shown to whoever has a secret address; at most one each.';

--
-- Name: COLUMN calendar_links.user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.calendar_links.user_id IS 'Personal.';

--
-- Name: COLUMN calendar_links.key_hash; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.calendar_links.key_hash IS 'SHA-256 of the key in the address; the key itself is stored nowhere. Secret.';

--
-- Name: COLUMN calendar_links.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.calendar_links.created_at IS 'When the key that works now was made. Personal.';

--
-- Name: CONSTRAINT calendar_links_key_hash_sha256 ON calendar_links; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT calendar_links_key_hash_sha256 ON public.calendar_links IS 'A key is stored as its SHA-256 hash.';

--
-- Name: care_events; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.care_events (
    id uuid DEFAULT uuidv7() NOT NULL,
    plant_id uuid NOT NULL,
    user_id uuid DEFAULT homelog.current_user_id(),
    kind public.care_kind NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    before_last_water timestamp with time zone,
    before_moisture double precision,
    before_status public.plantstatus,
    before_snoozed_until date,
    before_version timestamp with time zone,
    CONSTRAINT care_events_at_range CHECK (((at >= '1970-01-01 00:00:00+00'::timestamp with time zone) AND (at < '10000-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT care_events_before_whole CHECK (((num_nulls(before_moisture, before_status, before_version) = ANY (ARRAY[0, 3])) AND ((before_version IS NOT NULL) OR (num_nonnulls(before_last_water, before_snoozed_until) = 0)) AND ((before_version IS NULL) OR (kind = 'water'::public.care_kind)))),
    CONSTRAINT care_events_note_length CHECK ((length(note) <= 10000))
);

ALTER TABLE ONLY public.care_events FORCE ROW LEVEL SECURITY;

ALTER TABLE public.care_events OWNER TO homelog_owner;

--
-- Name: TABLE care_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.care_events IS 'Who did what for which plant, and when.';

--
-- Name: COLUMN care_events.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_events.id IS 'Public.';

--
-- Name: COLUMN care_events.plant_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_events.plant_id IS 'Public.';

--
-- Name: COLUMN care_events.user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_events.user_id IS 'Who did it; null once that account is gone. Personal.';

--
-- Name: COLUMN care_events.kind; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_events.kind IS 'Personal.';

--
-- Name: COLUMN care_events.at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_events.at IS 'When it was done. Personal.';

--
-- Name: COLUMN care_events.note; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_events.note IS 'Personal.';

--
-- Name: COLUMN care_events.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_events.created_at IS 'When it was stored. Personal.';

--
-- Name: COLUMN care_events.before_last_water; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_events.before_last_water IS 'The plant''s last_water before this watering. Personal.';

--
-- Name: COLUMN care_events.before_moisture; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_events.before_moisture IS 'The plant''s moisture before this watering; null for other care. Personal.';

--
-- Name: COLUMN care_events.before_status; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_events.before_status IS 'The plant''s stored status before this watering; null for other care. Personal.';

--
-- Name: COLUMN care_events.before_snoozed_until; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_events.before_snoozed_until IS 'The plant''s snoozed_until before this watering. Personal.';

--
-- Name: COLUMN care_events.before_version; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_events.before_version IS 'The plant''s updated_at before this watering: it climbs, so it is the order in which a plant''s waterings were stored. Personal.';

--
-- Name: CONSTRAINT care_events_at_range ON care_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT care_events_at_range ON public.care_events IS 'Care lies between 1970 and 24 hours from now.';

--
-- Name: CONSTRAINT care_events_before_whole ON care_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT care_events_before_whole ON public.care_events IS 'A watering keeps all that the plant was before it, other care nothing.';

--
-- Name: CONSTRAINT care_events_note_length ON care_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT care_events_note_length ON public.care_events IS 'A note has at most 10,000 characters.';

--
-- Name: care_intervals; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.care_intervals (
    plant_id uuid NOT NULL,
    kind public.care_kind NOT NULL,
    every integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT care_intervals_every_range CHECK (((every >= 1) AND (every <= 3650))),
    CONSTRAINT care_intervals_kind_not_water CHECK ((kind <> 'water'::public.care_kind))
);

ALTER TABLE ONLY public.care_intervals FORCE ROW LEVEL SECURITY;

ALTER TABLE public.care_intervals OWNER TO homelog_owner;

--
-- Name: TABLE care_intervals; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.care_intervals IS 'How often a plant wants care other than water.';

--
-- Name: COLUMN care_intervals.plant_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_intervals.plant_id IS 'Public.';

--
-- Name: COLUMN care_intervals.kind; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_intervals.kind IS 'Personal.';

--
-- Name: COLUMN care_intervals.every; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_intervals.every IS 'Days from one time to the next. Personal.';

--
-- Name: COLUMN care_intervals.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_intervals.created_at IS 'Personal.';

--
-- Name: COLUMN care_intervals.updated_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.care_intervals.updated_at IS 'Personal.';

--
-- Name: CONSTRAINT care_intervals_every_range ON care_intervals; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT care_intervals_every_range ON public.care_intervals IS 'Care is due every 1 to 3,650 days.';

--
-- Name: CONSTRAINT care_intervals_kind_not_water ON care_intervals; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT care_intervals_kind_not_water ON public.care_intervals IS 'How often a plant is watered is a field of its own: every.';

--
-- Name: changed_days; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.changed_days (
    source_id uuid NOT NULL,
    day date NOT NULL
)
WITH (fillfactor='70');

ALTER TABLE ONLY public.changed_days FORCE ROW LEVEL SECURITY;

ALTER TABLE public.changed_days OWNER TO homelog_owner;

--
-- Name: TABLE changed_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.changed_days IS 'Days with readings that were logged or corrected; xmin is the transaction that last did.';

--
-- Name: COLUMN changed_days.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.changed_days.source_id IS 'Public.';

--
-- Name: COLUMN changed_days.day; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.changed_days.day IS 'Of the readings'' own times, in UTC. Personal.';

--
-- Name: changed_sources; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.changed_sources (
    source_id uuid NOT NULL
)
WITH (fillfactor='70');

ALTER TABLE ONLY public.changed_sources FORCE ROW LEVEL SECURITY;

ALTER TABLE public.changed_sources OWNER TO homelog_owner;

--
-- Name: TABLE changed_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.changed_sources IS 'Sources whose readings were logged or corrected; xmin is the transaction that last did. Keeps quiet ones unread.';

--
-- Name: COLUMN changed_sources.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.changed_sources.source_id IS 'Public.';

--
-- Name: data_validators; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.data_validators (
    id uuid DEFAULT uuidv7() NOT NULL,
    source_id uuid NOT NULL,
    min_value double precision,
    max_value double precision,
    non_decreasing boolean DEFAULT false NOT NULL,
    max_rate double precision,
    action public.validator_action DEFAULT 'reject'::public.validator_action NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by uuid DEFAULT homelog.current_user_id(),
    CONSTRAINT data_validators_max_rate_positive CHECK (((max_rate > (0)::double precision) AND (max_rate < 'Infinity'::double precision))),
    CONSTRAINT data_validators_max_value_finite CHECK (((max_value > '-Infinity'::double precision) AND (max_value < 'Infinity'::double precision))),
    CONSTRAINT data_validators_min_value_finite CHECK (((min_value > '-Infinity'::double precision) AND (min_value < 'Infinity'::double precision))),
    CONSTRAINT data_validators_range_not_empty CHECK ((min_value <= max_value)),
    CONSTRAINT data_validators_some_rule CHECK (((min_value IS NOT NULL) OR (max_value IS NOT NULL) OR non_decreasing OR (max_rate IS NOT NULL)))
);

ALTER TABLE ONLY public.data_validators FORCE ROW LEVEL SECURITY;

ALTER TABLE public.data_validators OWNER TO homelog_owner;

--
-- Name: TABLE data_validators; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.data_validators IS 'Rules that a source''s readings must keep; a row may hold several.';

--
-- Name: COLUMN data_validators.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_validators.id IS 'Public.';

--
-- Name: COLUMN data_validators.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_validators.source_id IS 'Public.';

--
-- Name: COLUMN data_validators.min_value; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_validators.min_value IS 'Personal.';

--
-- Name: COLUMN data_validators.max_value; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_validators.max_value IS 'Personal.';

--
-- Name: COLUMN data_validators.non_decreasing; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_validators.non_decreasing IS 'True: no value is below an earlier one. Personal.';

--
-- Name: COLUMN data_validators.max_rate; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_validators.max_rate IS 'The steepest change allowed, in units an hour. Personal.';

--
-- Name: COLUMN data_validators.action; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_validators.action IS 'Personal.';

--
-- Name: COLUMN data_validators.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_validators.created_at IS 'Personal.';

--
-- Name: COLUMN data_validators.updated_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_validators.updated_at IS 'Personal.';

--
-- Name: COLUMN data_validators.created_by; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.data_validators.created_by IS 'Personal.';

--
-- Name: CONSTRAINT data_validators_max_rate_positive ON data_validators; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_validators_max_rate_positive ON public.data_validators IS 'A rate is a finite number above 0.';

--
-- Name: CONSTRAINT data_validators_max_value_finite ON data_validators; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_validators_max_value_finite ON public.data_validators IS 'A maximum is a finite number.';

--
-- Name: CONSTRAINT data_validators_min_value_finite ON data_validators; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_validators_min_value_finite ON public.data_validators IS 'A minimum is a finite number.';

--
-- Name: CONSTRAINT data_validators_range_not_empty ON data_validators; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_validators_range_not_empty ON public.data_validators IS 'The minimum is not above the maximum.';

--
-- Name: CONSTRAINT data_validators_some_rule ON data_validators; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_validators_some_rule ON public.data_validators IS 'A validator needs at least one rule.';

--
-- Name: device_tokens; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.device_tokens (
    id uuid DEFAULT uuidv7() NOT NULL,
    user_id uuid DEFAULT homelog.current_user_id() NOT NULL,
    name character varying(100) NOT NULL,
    scopes text[] NOT NULL,
    source_ids uuid[],
    token_hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    is_gated boolean DEFAULT false NOT NULL,
    CONSTRAINT device_tokens_expires_at_range CHECK (((expires_at > created_at) AND (expires_at < '10000-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT device_tokens_name_not_blank CHECK (((name)::text ~ '[^[:space:]]'::text)),
    CONSTRAINT device_tokens_scopes_known CHECK (((((scopes = '{read:data}'::text[]) OR (scopes = '{write:data}'::text[])) OR (scopes = '{read:data,write:data}'::text[])) OR (scopes = '{write:data,read:data}'::text[]))),
    CONSTRAINT device_tokens_source_ids_number CHECK (((cardinality(source_ids) >= 1) AND (cardinality(source_ids) <= 1000))),
    CONSTRAINT device_tokens_token_hash_sha256 CHECK ((octet_length(token_hash) = 32))
);

ALTER TABLE ONLY public.device_tokens FORCE ROW LEVEL SECURITY;

ALTER TABLE public.device_tokens OWNER TO homelog_owner;

--
-- Name: TABLE device_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.device_tokens IS 'What sensors and scripts sign in with, in the name of an account.';

--
-- Name: COLUMN device_tokens.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.device_tokens.id IS 'Public.';

--
-- Name: COLUMN device_tokens.user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.device_tokens.user_id IS 'Personal.';

--
-- Name: COLUMN device_tokens.name; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.device_tokens.name IS 'Personal.';

--
-- Name: COLUMN device_tokens.scopes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.device_tokens.scopes IS 'read:data sees sources, readings and plants; write:data logs readings and care. Personal.';

--
-- Name: COLUMN device_tokens.source_ids; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.device_tokens.source_ids IS 'All that it reaches, also when some of them are gone; null: whatever its owner reaches. Public.';

--
-- Name: COLUMN device_tokens.token_hash; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.device_tokens.token_hash IS 'SHA-256 of the token; the token itself is stored nowhere. Secret.';

--
-- Name: COLUMN device_tokens.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.device_tokens.created_at IS 'Personal.';

--
-- Name: COLUMN device_tokens.expires_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.device_tokens.expires_at IS 'When it stops working; null: when it is deleted. Personal.';

--
-- Name: COLUMN device_tokens.last_used_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.device_tokens.last_used_at IS 'When it was last used, to the minute; null: never. Personal.';

--
-- Name: COLUMN device_tokens.is_gated; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.device_tokens.is_gated IS 'True: its owner''s password is temporary, and the token opens nothing meanwhile. Kept by triggers. Personal.';

--
-- Name: CONSTRAINT device_tokens_expires_at_range ON device_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT device_tokens_expires_at_range ON public.device_tokens IS 'A token expires after it is made, and before the year 10000.';

--
-- Name: CONSTRAINT device_tokens_name_not_blank ON device_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT device_tokens_name_not_blank ON public.device_tokens IS 'A token needs a name.';

--
-- Name: CONSTRAINT device_tokens_scopes_known ON device_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT device_tokens_scopes_known ON public.device_tokens IS 'The scopes of a token are read:data, write:data or both.';

--
-- Name: CONSTRAINT device_tokens_source_ids_number ON device_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT device_tokens_source_ids_number ON public.device_tokens IS 'A token is bound to 1 to 1,000 sources, or to none by leaving source_ids out.';

--
-- Name: CONSTRAINT device_tokens_token_hash_sha256 ON device_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT device_tokens_token_hash_sha256 ON public.device_tokens IS 'A token is stored as its SHA-256 hash.';

--
-- Name: gained_homes; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.gained_homes (
    home_id uuid NOT NULL,
    user_id uuid NOT NULL
);

ALTER TABLE ONLY public.gained_homes FORCE ROW LEVEL SECURITY;

ALTER TABLE public.gained_homes OWNER TO homelog_owner;

--
-- Name: TABLE gained_homes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.gained_homes IS 'Members once more, never changed with their level: xmin is the transaction by which somebody came to see a home.';

--
-- Name: COLUMN gained_homes.home_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.gained_homes.home_id IS 'Public.';

--
-- Name: COLUMN gained_homes.user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.gained_homes.user_id IS 'Personal.';

--
-- Name: gained_sources; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.gained_sources (
    user_id uuid NOT NULL,
    source_id uuid NOT NULL
);

ALTER TABLE ONLY public.gained_sources FORCE ROW LEVEL SECURITY;

ALTER TABLE public.gained_sources OWNER TO homelog_owner;

--
-- Name: TABLE gained_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.gained_sources IS 'Grants once more, never changed with their level: xmin is the transaction by which somebody came to see a source.';

--
-- Name: COLUMN gained_sources.user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.gained_sources.user_id IS 'Personal.';

--
-- Name: COLUMN gained_sources.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.gained_sources.source_id IS 'Public.';

--
-- Name: growth_measurements; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.growth_measurements (
    id uuid DEFAULT uuidv7() NOT NULL,
    plant_id uuid NOT NULL,
    user_id uuid DEFAULT homelog.current_user_id(),
    value double precision NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT growth_measurements_at_range CHECK (((at >= '1970-01-01 00:00:00+00'::timestamp with time zone) AND (at < '10000-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT growth_measurements_value_finite CHECK (((value >= ('-100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::numeric)::double precision) AND (value <= ('100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::numeric)::double precision)))
);

ALTER TABLE ONLY public.growth_measurements FORCE ROW LEVEL SECURITY;

ALTER TABLE public.growth_measurements OWNER TO homelog_owner;

--
-- Name: TABLE growth_measurements; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.growth_measurements IS 'Each value that was appended to a plant''s growth, so that it is appended once.';

--
-- Name: COLUMN growth_measurements.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.growth_measurements.id IS 'Public.';

--
-- Name: COLUMN growth_measurements.plant_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.growth_measurements.plant_id IS 'Public.';

--
-- Name: COLUMN growth_measurements.user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.growth_measurements.user_id IS 'Who measured; null once that account is gone. Personal.';

--
-- Name: COLUMN growth_measurements.value; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.growth_measurements.value IS 'Personal.';

--
-- Name: COLUMN growth_measurements.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.growth_measurements.created_at IS 'When it was stored. Personal.';

--
-- Name: COLUMN growth_measurements.at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.growth_measurements.at IS 'When it was measured. Personal.';

--
-- Name: CONSTRAINT growth_measurements_at_range ON growth_measurements; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT growth_measurements_at_range ON public.growth_measurements IS 'A measurement lies between 1970 and 24 hours from now.';

--
-- Name: CONSTRAINT growth_measurements_value_finite ON growth_measurements; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT growth_measurements_value_finite ON public.growth_measurements IS 'A measurement is a finite number.';

--
-- Name: home_members; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.home_members (
    home_id uuid NOT NULL,
    user_id uuid NOT NULL,
    access_level public.access_level NOT NULL,
    expires_at timestamp with time zone,
    granted_at timestamp with time zone DEFAULT now() NOT NULL,
    granted_by uuid DEFAULT homelog.current_user_id(),
    CONSTRAINT home_members_admin_stays CHECK (((access_level <> 'admin'::public.access_level) OR (expires_at IS NULL))),
    CONSTRAINT home_members_expires_at_range CHECK (((expires_at >= '1970-01-01 00:00:00+00'::timestamp with time zone) AND (expires_at < '10000-01-01 00:00:00+00'::timestamp with time zone)))
);

ALTER TABLE ONLY public.home_members FORCE ROW LEVEL SECURITY;

ALTER TABLE public.home_members OWNER TO homelog_owner;

--
-- Name: TABLE home_members; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.home_members IS 'Who belongs to a home and what they may do with what stands there; one row for each pair.';

--
-- Name: COLUMN home_members.home_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.home_members.home_id IS 'Public.';

--
-- Name: COLUMN home_members.user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.home_members.user_id IS 'Personal.';

--
-- Name: COLUMN home_members.access_level; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.home_members.access_level IS 'Personal.';

--
-- Name: COLUMN home_members.expires_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.home_members.expires_at IS 'When a guest''s access ends; null for one who stays. Personal.';

--
-- Name: COLUMN home_members.granted_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.home_members.granted_at IS 'Personal.';

--
-- Name: COLUMN home_members.granted_by; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.home_members.granted_by IS 'Who invited them; null once that account is gone. Personal.';

--
-- Name: CONSTRAINT home_members_admin_stays ON home_members; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT home_members_admin_stays ON public.home_members IS 'An admin''s access does not end by itself.';

--
-- Name: CONSTRAINT home_members_expires_at_range ON home_members; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT home_members_expires_at_range ON public.home_members IS 'Access ends between 1970 and the year 9999.';

--
-- Name: latest_readings; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.latest_readings (
    source_id uuid NOT NULL,
    id uuid NOT NULL,
    "timestamp" timestamp with time zone NOT NULL,
    value double precision NOT NULL,
    quality_flag public.quality_flag NOT NULL
)
WITH (fillfactor='70');

ALTER TABLE ONLY public.latest_readings FORCE ROW LEVEL SECURITY;

ALTER TABLE public.latest_readings OWNER TO homelog_owner;

--
-- Name: TABLE latest_readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.latest_readings IS 'The newest reading of each source that has any, whatever its quality; kept by triggers on readings alone.';

--
-- Name: COLUMN latest_readings.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.latest_readings.source_id IS 'Public.';

--
-- Name: COLUMN latest_readings.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.latest_readings.id IS 'The reading''s. Public.';

--
-- Name: COLUMN latest_readings."timestamp"; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.latest_readings."timestamp" IS 'When it was true; no reading of the source is later. Personal.';

--
-- Name: COLUMN latest_readings.value; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.latest_readings.value IS 'Personal.';

--
-- Name: COLUMN latest_readings.quality_flag; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.latest_readings.quality_flag IS 'Personal.';

--
-- Name: line_protocol_sources; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.line_protocol_sources (
    id uuid DEFAULT uuidv7() NOT NULL,
    user_id uuid DEFAULT homelog.current_user_id() NOT NULL,
    series text NOT NULL,
    source_id uuid,
    is_made boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT line_protocol_sources_series_length CHECK (((octet_length(series) >= 1) AND (octet_length(series) <= 2000)))
);

ALTER TABLE ONLY public.line_protocol_sources FORCE ROW LEVEL SECURITY;

ALTER TABLE public.line_protocol_sources OWNER TO homelog_owner;

--
-- Name: TABLE line_protocol_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.line_protocol_sources IS 'Which source a series of the line protocol is logged to, account by account.';

--
-- Name: COLUMN line_protocol_sources.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.line_protocol_sources.id IS 'Public.';

--
-- Name: COLUMN line_protocol_sources.user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.line_protocol_sources.user_id IS 'Personal.';

--
-- Name: COLUMN line_protocol_sources.series; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.line_protocol_sources.series IS 'Measurement, sorted tags and field: temperature,room=kitchen value. Personal.';

--
-- Name: COLUMN line_protocol_sources.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.line_protocol_sources.source_id IS 'Where its values go; null: they are not kept. Public.';

--
-- Name: COLUMN line_protocol_sources.is_made; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.line_protocol_sources.is_made IS 'True: the source was made when the series was first seen. Personal.';

--
-- Name: COLUMN line_protocol_sources.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.line_protocol_sources.created_at IS 'Personal.';

--
-- Name: COLUMN line_protocol_sources.updated_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.line_protocol_sources.updated_at IS 'Personal.';

--
-- Name: CONSTRAINT line_protocol_sources_series_length ON line_protocol_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT line_protocol_sources_series_length ON public.line_protocol_sources IS 'A series, with all its tags, has at most 2,000 bytes.';

--
-- Name: maintenance_runs; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.maintenance_runs (
    id uuid DEFAULT uuidv7() NOT NULL,
    began_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    done jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT maintenance_runs_done_object CHECK (((jsonb_typeof(done) = 'object'::text) AND (octet_length((done)::text) <= 10000)))
);

ALTER TABLE ONLY public.maintenance_runs FORCE ROW LEVEL SECURITY;

ALTER TABLE public.maintenance_runs OWNER TO homelog_owner;

--
-- Name: TABLE maintenance_runs; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.maintenance_runs IS 'When the service cleaned up and what it did, of all its processes: of the last 90 days, at most 10,000 runs.';

--
-- Name: COLUMN maintenance_runs.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.maintenance_runs.id IS 'Public.';

--
-- Name: COLUMN maintenance_runs.began_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.maintenance_runs.began_at IS 'Public.';

--
-- Name: COLUMN maintenance_runs.ended_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.maintenance_runs.ended_at IS 'Null while it is under way, or where its process ended first. Public.';

--
-- Name: COLUMN maintenance_runs.done; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.maintenance_runs.done IS 'By task, how many rows it removed or things it did; null where it failed. Public.';

--
-- Name: CONSTRAINT maintenance_runs_done_object ON maintenance_runs; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT maintenance_runs_done_object ON public.maintenance_runs IS 'What a run did is an object by task.';

--
-- Name: meter_events; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.meter_events (
    id uuid DEFAULT uuidv7() NOT NULL,
    source_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    kind public.meter_event_kind NOT NULL,
    old_value double precision,
    new_value double precision,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by uuid DEFAULT homelog.current_user_id(),
    CONSTRAINT meter_events_at_range CHECK (((at >= '1970-01-01 00:00:00+00'::timestamp with time zone) AND (at < '10000-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT meter_events_new_value_finite CHECK (((new_value > '-Infinity'::double precision) AND (new_value < 'Infinity'::double precision))),
    CONSTRAINT meter_events_old_value_finite CHECK (((old_value > '-Infinity'::double precision) AND (old_value < 'Infinity'::double precision)))
);

ALTER TABLE ONLY public.meter_events FORCE ROW LEVEL SECURITY;

ALTER TABLE public.meter_events OWNER TO homelog_owner;

--
-- Name: TABLE meter_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.meter_events IS 'Moments at which a meter''s values jump though nothing flowed.';

--
-- Name: COLUMN meter_events.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.meter_events.id IS 'Public.';

--
-- Name: COLUMN meter_events.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.meter_events.source_id IS 'Public.';

--
-- Name: COLUMN meter_events.at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.meter_events.at IS 'From then on readings are of the meter as it is afterwards. Personal.';

--
-- Name: COLUMN meter_events.kind; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.meter_events.kind IS 'Personal.';

--
-- Name: COLUMN meter_events.old_value; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.meter_events.old_value IS 'What it would have shown just then; null: what the last reading before said. Personal.';

--
-- Name: COLUMN meter_events.new_value; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.meter_events.new_value IS 'What it showed from then on; null: what the first reading afterwards says. Personal.';

--
-- Name: COLUMN meter_events.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.meter_events.created_at IS 'Personal.';

--
-- Name: COLUMN meter_events.created_by; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.meter_events.created_by IS 'Who noted it; null once that account is gone. Personal.';

--
-- Name: CONSTRAINT meter_events_at_range ON meter_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT meter_events_at_range ON public.meter_events IS 'A meter event lies between 1970 and 24 hours from now.';

--
-- Name: CONSTRAINT meter_events_new_value_finite ON meter_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT meter_events_new_value_finite ON public.meter_events IS 'The value afterwards is a finite number.';

--
-- Name: CONSTRAINT meter_events_old_value_finite ON meter_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT meter_events_old_value_finite ON public.meter_events IS 'The value before is a finite number.';

--
-- Name: moved_things; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.moved_things (
    type public.change_type NOT NULL,
    id uuid NOT NULL,
    placed_at timestamp with time zone
)
WITH (fillfactor='70');

ALTER TABLE ONLY public.moved_things FORCE ROW LEVEL SECURITY;

ALTER TABLE public.moved_things OWNER TO homelog_owner;

--
-- Name: TABLE moved_things; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.moved_things IS 'Sources and plants that stand elsewhere than where they were made, or belong to somebody else: xmin is the transaction that last moved them.';

--
-- Name: COLUMN moved_things.type; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.moved_things.type IS 'Public.';

--
-- Name: COLUMN moved_things.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.moved_things.id IS 'Public.';

--
-- Name: COLUMN moved_things.placed_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.moved_things.placed_at IS 'Since when it stands there; null for where it was made. Personal.';

--
-- Name: password_guesses; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE UNLOGGED TABLE public.password_guesses (
    about bytea NOT NULL,
    began_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    waits_until timestamp with time zone,
    CONSTRAINT password_guesses_about_sha256 CHECK ((octet_length(about) = 32)),
    CONSTRAINT password_guesses_failures_not_negative CHECK ((failures >= 0))
);

ALTER TABLE ONLY public.password_guesses FORCE ROW LEVEL SECURITY;

ALTER TABLE public.password_guesses OWNER TO homelog_owner;

--
-- Name: TABLE password_guesses; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.password_guesses IS 'How often a wrong password was tried, and until when none is tried again.';

--
-- Name: COLUMN password_guesses.about; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.password_guesses.about IS 'SHA-256 of what is counted: an e-mail and an address, an address, its network, or an account. People type passwords for e-mails. Secret.';

--
-- Name: COLUMN password_guesses.began_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.password_guesses.began_at IS 'When the first failure that still counts was. Personal.';

--
-- Name: COLUMN password_guesses.failures; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.password_guesses.failures IS 'Guesses that were wrong or are being checked. Personal.';

--
-- Name: COLUMN password_guesses.waits_until; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.password_guesses.waits_until IS 'Until when no guess is checked; null while none waits. Personal.';

--
-- Name: CONSTRAINT password_guesses_about_sha256 ON password_guesses; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT password_guesses_about_sha256 ON public.password_guesses IS 'What is counted is stored as its SHA-256 hash.';

--
-- Name: CONSTRAINT password_guesses_failures_not_negative ON password_guesses; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT password_guesses_failures_not_negative ON public.password_guesses IS 'Failures are counted from 0.';

--
-- Name: place_tombstones; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.place_tombstones (
    place_id uuid NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id uuid NOT NULL,
    type public.change_type NOT NULL,
    op public.change_op NOT NULL,
    came_at timestamp with time zone,
    deleted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT place_tombstones_op_gone CHECK ((op <> 'upsert'::public.change_op))
);

ALTER TABLE ONLY public.place_tombstones FORCE ROW LEVEL SECURITY;

ALTER TABLE public.place_tombstones OWNER TO homelog_owner;

--
-- Name: TABLE place_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.place_tombstones IS 'Sources and plants that left a home, for all who belong or belonged to it; care that is gone from a plant, for all who see the plant.';

--
-- Name: COLUMN place_tombstones.place_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.place_tombstones.place_id IS 'The home; of care the plant. Public.';

--
-- Name: COLUMN place_tombstones.xid; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.place_tombstones.xid IS 'The transaction that deleted it, or took it away. Public.';

--
-- Name: COLUMN place_tombstones.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.place_tombstones.id IS 'Public.';

--
-- Name: COLUMN place_tombstones.type; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.place_tombstones.type IS 'Public.';

--
-- Name: COLUMN place_tombstones.op; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.place_tombstones.op IS 'Public.';

--
-- Name: COLUMN place_tombstones.came_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.place_tombstones.came_at IS 'Since when it stood in the home: who had left by then never saw it there. Null for care. Personal.';

--
-- Name: COLUMN place_tombstones.deleted_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.place_tombstones.deleted_at IS 'Personal.';

--
-- Name: CONSTRAINT place_tombstones_op_gone ON place_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT place_tombstones_op_gone ON public.place_tombstones IS 'What is gone was deleted or lost.';

--
-- Name: reading_days; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.reading_days (
    source_id uuid NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    count integer NOT NULL,
    min double precision NOT NULL,
    max double precision NOT NULL,
    sum double precision NOT NULL,
    first_at timestamp with time zone NOT NULL,
    first_value double precision NOT NULL,
    last_at timestamp with time zone NOT NULL,
    last_value double precision NOT NULL,
    drops integer NOT NULL,
    CONSTRAINT reading_days_count_dense CHECK ((count >= 10)),
    CONSTRAINT reading_days_until_range CHECK (((until > since) AND ((until - since) <= '48:00:00'::interval)))
)
WITH (fillfactor='80');

ALTER TABLE ONLY public.reading_days FORCE ROW LEVEL SECURITY;

ALTER TABLE public.reading_days OWNER TO homelog_owner;

--
-- Name: TABLE reading_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.reading_days IS 'Local days with at least ten readings that are not bad, each the exact sum of these. Kept by triggers on readings. A row names the instants of its midnights, so it stays true whatever zone the source is in later; those of one source do not overlap.';

--
-- Name: COLUMN reading_days.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_days.source_id IS 'Public.';

--
-- Name: COLUMN reading_days.since; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_days.since IS 'Its beginning, a midnight in the zone of the source''s home as it was then. Personal.';

--
-- Name: COLUMN reading_days.until; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_days.until IS 'The next midnight there. Personal.';

--
-- Name: COLUMN reading_days.count; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_days.count IS 'Personal.';

--
-- Name: COLUMN reading_days.min; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_days.min IS 'Personal.';

--
-- Name: COLUMN reading_days.max; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_days.max IS 'Personal.';

--
-- Name: COLUMN reading_days.sum; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_days.sum IS 'Personal.';

--
-- Name: COLUMN reading_days.first_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_days.first_at IS 'The time of the first reading, whose value is first_value. Personal.';

--
-- Name: COLUMN reading_days.first_value; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_days.first_value IS 'Personal.';

--
-- Name: COLUMN reading_days.last_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_days.last_at IS 'The time of the last reading, whose value is last_value. Personal.';

--
-- Name: COLUMN reading_days.last_value; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_days.last_value IS 'Personal.';

--
-- Name: COLUMN reading_days.drops; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.reading_days.drops IS 'How many readings of the day show less than the one before them in it. Personal.';

--
-- Name: CONSTRAINT reading_days_count_dense ON reading_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT reading_days_count_dense ON public.reading_days IS 'Only days with at least ten readings are summed up.';

--
-- Name: CONSTRAINT reading_days_until_range ON reading_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT reading_days_until_range ON public.reading_days IS 'A day ends after it begins, within 48 hours.';

--
-- Name: refresh_tokens; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.refresh_tokens (
    token_hash bytea NOT NULL,
    session_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    replaced_at timestamp with time zone,
    CONSTRAINT refresh_tokens_token_hash_sha256 CHECK ((octet_length(token_hash) = 32))
);

ALTER TABLE ONLY public.refresh_tokens FORCE ROW LEVEL SECURITY;

ALTER TABLE public.refresh_tokens OWNER TO homelog_owner;

--
-- Name: TABLE refresh_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.refresh_tokens IS 'Every refresh token that a session had; the newest one is not replaced.';

--
-- Name: COLUMN refresh_tokens.token_hash; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.refresh_tokens.token_hash IS 'SHA-256 of the token; the token itself is stored nowhere. Secret.';

--
-- Name: COLUMN refresh_tokens.session_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.refresh_tokens.session_id IS 'Public.';

--
-- Name: COLUMN refresh_tokens.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.refresh_tokens.created_at IS 'Personal.';

--
-- Name: COLUMN refresh_tokens.replaced_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.refresh_tokens.replaced_at IS 'Personal.';

--
-- Name: CONSTRAINT refresh_tokens_token_hash_sha256 ON refresh_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT refresh_tokens_token_hash_sha256 ON public.refresh_tokens IS 'A token is stored as its SHA-256 hash.';

--
-- Name: request_budgets; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE UNLOGGED TABLE public.request_budgets (
    identity uuid NOT NULL,
    began_at timestamp with time zone NOT NULL,
    taken integer NOT NULL,
    CONSTRAINT request_budgets_taken_positive CHECK ((taken > 0))
)
WITH (fillfactor='50');

ALTER TABLE ONLY public.request_budgets FORCE ROW LEVEL SECURITY;

ALTER TABLE public.request_budgets OWNER TO homelog_owner;

--
-- Name: TABLE request_budgets; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.request_budgets IS 'What was taken of each identity''s requests since its minute began.';

--
-- Name: COLUMN request_budgets.identity; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.request_budgets.identity IS 'An account or a session; or half of a digest, of a device token or of the client''s address. Personal.';

--
-- Name: COLUMN request_budgets.began_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.request_budgets.began_at IS 'When the minute began: with the first request after the one before. Personal.';

--
-- Name: COLUMN request_budgets.taken; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.request_budgets.taken IS 'How many requests workers have taken, made yet or not. Personal.';

--
-- Name: CONSTRAINT request_budgets_taken_positive ON request_budgets; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT request_budgets_taken_positive ON public.request_budgets IS 'A budget of which nothing was taken has no row.';

--
-- Name: sessions; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.sessions (
    id uuid DEFAULT uuidv7() NOT NULL,
    user_id uuid NOT NULL,
    auth_provider text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    is_gated boolean DEFAULT false NOT NULL,
    CONSTRAINT sessions_auth_provider_form CHECK ((auth_provider ~ '^[a-z]{1,20}$'::text))
);

ALTER TABLE ONLY public.sessions FORCE ROW LEVEL SECURITY;

ALTER TABLE public.sessions OWNER TO homelog_owner;

--
-- Name: TABLE sessions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.sessions IS 'Sign-ins: one row each, from sign-in to log-out.';

--
-- Name: COLUMN sessions.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.sessions.id IS 'Public.';

--
-- Name: COLUMN sessions.user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.sessions.user_id IS 'Personal.';

--
-- Name: COLUMN sessions.auth_provider; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.sessions.auth_provider IS 'How it was opened: password, or who vouched. Personal.';

--
-- Name: COLUMN sessions.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.sessions.created_at IS 'Personal.';

--
-- Name: COLUMN sessions.last_used_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.sessions.last_used_at IS 'When its refresh token was last used. Personal.';

--
-- Name: COLUMN sessions.expires_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.sessions.expires_at IS 'When its newest refresh token stops working. Personal.';

--
-- Name: COLUMN sessions.ended_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.sessions.ended_at IS 'When it was ended by log-out, a new password or a stolen token; null while it lives. Personal.';

--
-- Name: COLUMN sessions.is_gated; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.sessions.is_gated IS 'True: the account''s password is temporary, and the session may only change it. Kept by triggers. Personal.';

--
-- Name: CONSTRAINT sessions_auth_provider_form ON sessions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT sessions_auth_provider_form ON public.sessions IS 'A provider is one lowercase word.';

--
-- Name: shown_care_intervals; Type: VIEW; Schema: public; Owner: homelog_owner
--

CREATE VIEW public.shown_care_intervals WITH (security_invoker='true') AS
 SELECT i.plant_id,
    i.kind,
    i.every,
    done.at AS last_at,
    homelog.care_due_on(i.every, done.at, homelog.plant_zone(p.home_id, (h.timezone)::text)) AS due_on,
    i.created_at,
    i.updated_at
   FROM (((public.care_intervals i
     JOIN public.plants p ON ((i.plant_id = p.id)))
     LEFT JOIN public.homes h ON ((p.home_id = h.id)))
     LEFT JOIN LATERAL ( SELECT c.at
           FROM public.care_events c
          WHERE ((c.plant_id = i.plant_id) AND (c.kind = i.kind))
          ORDER BY c.at DESC
         LIMIT 1) done ON (true));

ALTER VIEW public.shown_care_intervals OWNER TO homelog_owner;

--
-- Name: VIEW shown_care_intervals; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON VIEW public.shown_care_intervals IS 'Intervals of care as the API shows them: when it was last done, and the day in the plant''s home on which it is due.';

--
-- Name: source_retentions; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.source_retentions (
    source_id uuid NOT NULL,
    months integer NOT NULL,
    action public.retention_action DEFAULT 'thin'::public.retention_action NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by uuid DEFAULT homelog.current_user_id(),
    CONSTRAINT source_retentions_months_range CHECK (((months >= 1) AND (months <= 1200)))
);

ALTER TABLE ONLY public.source_retentions FORCE ROW LEVEL SECURITY;

ALTER TABLE public.source_retentions OWNER TO homelog_owner;

--
-- Name: TABLE source_retentions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.source_retentions IS 'For how long the readings of a source are kept; without a row for ever.';

--
-- Name: COLUMN source_retentions.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.source_retentions.source_id IS 'Public.';

--
-- Name: COLUMN source_retentions.months; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.source_retentions.months IS 'Readings of local days that ended so many months ago are thinned or deleted when the service next cleans up. Personal.';

--
-- Name: COLUMN source_retentions.action; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.source_retentions.action IS 'Personal.';

--
-- Name: COLUMN source_retentions.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.source_retentions.created_at IS 'Personal.';

--
-- Name: COLUMN source_retentions.updated_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.source_retentions.updated_at IS 'Personal.';

--
-- Name: COLUMN source_retentions.created_by; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.source_retentions.created_by IS 'Who said so first; null once that account is gone. Personal.';

--
-- Name: CONSTRAINT source_retentions_months_range ON source_retentions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT source_retentions_months_range ON public.source_retentions IS 'Readings are kept for 1 to 1,200 months.';

--
-- Name: source_tombstones; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.source_tombstones (
    source_id uuid NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id uuid NOT NULL,
    type public.change_type NOT NULL,
    deleted_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.source_tombstones FORCE ROW LEVEL SECURITY;

ALTER TABLE public.source_tombstones OWNER TO homelog_owner;

--
-- Name: TABLE source_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.source_tombstones IS 'What is gone from a source that is still there; for all who see the source.';

--
-- Name: COLUMN source_tombstones.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.source_tombstones.source_id IS 'Public.';

--
-- Name: COLUMN source_tombstones.xid; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.source_tombstones.xid IS 'The transaction that deleted it. Public.';

--
-- Name: COLUMN source_tombstones.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.source_tombstones.id IS 'Public.';

--
-- Name: COLUMN source_tombstones.type; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.source_tombstones.type IS 'Public.';

--
-- Name: COLUMN source_tombstones.deleted_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.source_tombstones.deleted_at IS 'Personal.';

--
-- Name: spent_tickets; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.spent_tickets (
    ticket_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT spent_tickets_ticket_hash_sha256 CHECK ((octet_length(ticket_hash) = 32))
);

ALTER TABLE ONLY public.spent_tickets FORCE ROW LEVEL SECURITY;

ALTER TABLE public.spent_tickets OWNER TO homelog_owner;

--
-- Name: TABLE spent_tickets; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.spent_tickets IS 'What signing in with a provider carries through a browser or a client and has been used; forgotten once it would not work any more anyway.';

--
-- Name: COLUMN spent_tickets.ticket_hash; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.spent_tickets.ticket_hash IS 'SHA-256 of the ticket; the ticket itself is stored nowhere. Secret.';

--
-- Name: COLUMN spent_tickets.expires_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.spent_tickets.expires_at IS 'Public.';

--
-- Name: CONSTRAINT spent_tickets_ticket_hash_sha256 ON spent_tickets; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT spent_tickets_ticket_hash_sha256 ON public.spent_tickets IS 'A ticket is stored as its SHA-256 hash.';

--
-- Name: stale_days; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.stale_days (
    source_id uuid NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.stale_days FORCE ROW LEVEL SECURITY;

ALTER TABLE public.stale_days OWNER TO homelog_owner;

--
-- Name: TABLE stale_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.stale_days IS 'Sources that came into another time zone: their days are right and of no use until they are summed up anew.';

--
-- Name: COLUMN stale_days.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.stale_days.source_id IS 'Public.';

--
-- Name: COLUMN stale_days.since; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.stale_days.since IS 'Personal.';

--
-- Name: user_oauth_identities; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.user_oauth_identities (
    id uuid DEFAULT uuidv7() NOT NULL,
    user_id uuid DEFAULT homelog.current_user_id() NOT NULL,
    provider public.auth_provider NOT NULL,
    provider_user_id character varying(255) NOT NULL,
    email public.citext,
    name text,
    profile_image text,
    access_token text,
    refresh_token text,
    token_expiry timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    issuer text NOT NULL,
    CONSTRAINT user_oauth_identities_access_token_length CHECK ((length(access_token) <= 10000)),
    CONSTRAINT user_oauth_identities_email_length CHECK ((length((email)::text) <= 254)),
    CONSTRAINT user_oauth_identities_issuer_length CHECK (((length(issuer) >= 1) AND (length(issuer) <= 500))),
    CONSTRAINT user_oauth_identities_name_length CHECK ((length(name) <= 1000)),
    CONSTRAINT user_oauth_identities_profile_image_length CHECK ((length(profile_image) <= 2000)),
    CONSTRAINT user_oauth_identities_provider_user_id_not_blank CHECK (((provider_user_id)::text <> ''::text)),
    CONSTRAINT user_oauth_identities_refresh_token_length CHECK ((length(refresh_token) <= 10000))
);

ALTER TABLE ONLY public.user_oauth_identities FORCE ROW LEVEL SECURITY;

ALTER TABLE public.user_oauth_identities OWNER TO homelog_owner;

--
-- Name: TABLE user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.user_oauth_identities IS 'Identities at LINE, Google or another provider that open an account.';

--
-- Name: COLUMN user_oauth_identities.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_oauth_identities.id IS 'Public.';

--
-- Name: COLUMN user_oauth_identities.user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_oauth_identities.user_id IS 'Personal.';

--
-- Name: COLUMN user_oauth_identities.provider; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_oauth_identities.provider IS 'Personal.';

--
-- Name: COLUMN user_oauth_identities.provider_user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_oauth_identities.provider_user_id IS 'The subject that the provider says; identity is this, never the e-mail. Personal.';

--
-- Name: COLUMN user_oauth_identities.email; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_oauth_identities.email IS 'Personal.';

--
-- Name: COLUMN user_oauth_identities.name; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_oauth_identities.name IS 'Personal.';

--
-- Name: COLUMN user_oauth_identities.profile_image; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_oauth_identities.profile_image IS 'Personal.';

--
-- Name: COLUMN user_oauth_identities.access_token; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_oauth_identities.access_token IS 'The provider''s token, encrypted by the service. Secret.';

--
-- Name: COLUMN user_oauth_identities.refresh_token; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_oauth_identities.refresh_token IS 'The provider''s token, encrypted by the service. Secret.';

--
-- Name: COLUMN user_oauth_identities.token_expiry; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_oauth_identities.token_expiry IS 'Personal.';

--
-- Name: COLUMN user_oauth_identities.created_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_oauth_identities.created_at IS 'Personal.';

--
-- Name: COLUMN user_oauth_identities.issuer; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_oauth_identities.issuer IS 'Whose subject it is: another issuer''s of the same name is somebody else. Personal.';

--
-- Name: CONSTRAINT user_oauth_identities_access_token_length ON user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_oauth_identities_access_token_length ON public.user_oauth_identities IS 'A provider''s token has at most 10,000 characters, encrypted.';

--
-- Name: CONSTRAINT user_oauth_identities_email_length ON user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_oauth_identities_email_length ON public.user_oauth_identities IS 'The provider''s e-mail has at most 254 characters.';

--
-- Name: CONSTRAINT user_oauth_identities_issuer_length ON user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_oauth_identities_issuer_length ON public.user_oauth_identities IS 'An issuer is a URL of at most 500 characters.';

--
-- Name: CONSTRAINT user_oauth_identities_name_length ON user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_oauth_identities_name_length ON public.user_oauth_identities IS 'The provider''s name has at most 1,000 characters.';

--
-- Name: CONSTRAINT user_oauth_identities_profile_image_length ON user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_oauth_identities_profile_image_length ON public.user_oauth_identities IS 'The provider''s picture is a URL of at most 2,000 characters.';

--
-- Name: CONSTRAINT user_oauth_identities_provider_user_id_not_blank ON user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_oauth_identities_provider_user_id_not_blank ON public.user_oauth_identities IS 'The provider must say who it is.';

--
-- Name: CONSTRAINT user_oauth_identities_refresh_token_length ON user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_oauth_identities_refresh_token_length ON public.user_oauth_identities IS 'A provider''s token has at most 10,000 characters, encrypted.';

--
-- Name: user_source_access; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.user_source_access (
    user_id uuid NOT NULL,
    source_id uuid NOT NULL,
    access_level public.access_level NOT NULL,
    granted_at timestamp with time zone DEFAULT now() NOT NULL,
    granted_by uuid DEFAULT homelog.current_user_id()
);

ALTER TABLE ONLY public.user_source_access FORCE ROW LEVEL SECURITY;

ALTER TABLE public.user_source_access OWNER TO homelog_owner;

--
-- Name: TABLE user_source_access; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.user_source_access IS 'Grants: what a user may do with a source; one row for each pair.';

--
-- Name: COLUMN user_source_access.user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_source_access.user_id IS 'Personal.';

--
-- Name: COLUMN user_source_access.source_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_source_access.source_id IS 'Public.';

--
-- Name: COLUMN user_source_access.access_level; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_source_access.access_level IS 'Personal.';

--
-- Name: COLUMN user_source_access.granted_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_source_access.granted_at IS 'Personal.';

--
-- Name: COLUMN user_source_access.granted_by; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_source_access.granted_by IS 'Who granted it; null once that account is gone. Personal.';

--
-- Name: user_tombstones; Type: TABLE; Schema: public; Owner: homelog_owner
--

CREATE TABLE public.user_tombstones (
    user_id uuid NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id uuid NOT NULL,
    type public.change_type NOT NULL,
    op public.change_op NOT NULL,
    deleted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT user_tombstones_op_gone CHECK ((op <> 'upsert'::public.change_op))
);

ALTER TABLE ONLY public.user_tombstones FORCE ROW LEVEL SECURITY;

ALTER TABLE public.user_tombstones OWNER TO homelog_owner;

--
-- Name: TABLE user_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON TABLE public.user_tombstones IS 'What one person does not see any more, because it is gone or not theirs to see.';

--
-- Name: COLUMN user_tombstones.user_id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_tombstones.user_id IS 'Personal.';

--
-- Name: COLUMN user_tombstones.xid; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_tombstones.xid IS 'The transaction that deleted it, or took it away. Public.';

--
-- Name: COLUMN user_tombstones.id; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_tombstones.id IS 'Public.';

--
-- Name: COLUMN user_tombstones.type; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_tombstones.type IS 'Public.';

--
-- Name: COLUMN user_tombstones.op; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_tombstones.op IS 'Public.';

--
-- Name: COLUMN user_tombstones.deleted_at; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON COLUMN public.user_tombstones.deleted_at IS 'Personal.';

--
-- Name: CONSTRAINT user_tombstones_op_gone ON user_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_tombstones_op_gone ON public.user_tombstones IS 'What is gone was deleted or lost.';

--
-- Name: schema_baseline schema_baseline_pkey; Type: CONSTRAINT; Schema: homelog; Owner: homelog_owner
--

ALTER TABLE ONLY homelog.schema_baseline
    ADD CONSTRAINT schema_baseline_pkey PRIMARY KEY (version);

--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: homelog; Owner: homelog_owner
--

ALTER TABLE ONLY homelog.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (migration_id);

--
-- Name: audit_logs audit_logs_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.audit_logs
    ADD CONSTRAINT audit_logs_pkey PRIMARY KEY (id);

--
-- Name: calendar_links calendar_links_key_hash_key; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.calendar_links
    ADD CONSTRAINT calendar_links_key_hash_key UNIQUE (key_hash);

--
-- Name: CONSTRAINT calendar_links_key_hash_key ON calendar_links; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT calendar_links_key_hash_key ON public.calendar_links IS 'This key is taken.';

--
-- Name: calendar_links calendar_links_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.calendar_links
    ADD CONSTRAINT calendar_links_pkey PRIMARY KEY (user_id);

--
-- Name: CONSTRAINT calendar_links_pkey ON calendar_links; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT calendar_links_pkey ON public.calendar_links IS 'This person already has a calendar link.';

--
-- Name: care_events care_events_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.care_events
    ADD CONSTRAINT care_events_pkey PRIMARY KEY (id);

--
-- Name: care_intervals care_intervals_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.care_intervals
    ADD CONSTRAINT care_intervals_pkey PRIMARY KEY (plant_id, kind);

--
-- Name: CONSTRAINT care_intervals_pkey ON care_intervals; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT care_intervals_pkey ON public.care_intervals IS 'A plant has one interval for each kind of care.';

--
-- Name: changed_days changed_days_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.changed_days
    ADD CONSTRAINT changed_days_pkey PRIMARY KEY (source_id, day);

--
-- Name: CONSTRAINT changed_days_pkey ON changed_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT changed_days_pkey ON public.changed_days IS 'A day of a source is noted once.';

--
-- Name: changed_sources changed_sources_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.changed_sources
    ADD CONSTRAINT changed_sources_pkey PRIMARY KEY (source_id);

--
-- Name: CONSTRAINT changed_sources_pkey ON changed_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT changed_sources_pkey ON public.changed_sources IS 'A source is noted once.';

--
-- Name: data_sources data_sources_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.data_sources
    ADD CONSTRAINT data_sources_pkey PRIMARY KEY (id);

--
-- Name: data_validators data_validators_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.data_validators
    ADD CONSTRAINT data_validators_pkey PRIMARY KEY (source_id, id);

--
-- Name: CONSTRAINT data_validators_pkey ON data_validators; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_validators_pkey ON public.data_validators IS 'This id is taken by something else.';

--
-- Name: device_tokens device_tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.device_tokens
    ADD CONSTRAINT device_tokens_pkey PRIMARY KEY (id);

--
-- Name: device_tokens device_tokens_token_hash_key; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.device_tokens
    ADD CONSTRAINT device_tokens_token_hash_key UNIQUE (token_hash);

--
-- Name: CONSTRAINT device_tokens_token_hash_key ON device_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT device_tokens_token_hash_key ON public.device_tokens IS 'This token is taken.';

--
-- Name: gained_homes gained_homes_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.gained_homes
    ADD CONSTRAINT gained_homes_pkey PRIMARY KEY (home_id, user_id);

--
-- Name: CONSTRAINT gained_homes_pkey ON gained_homes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT gained_homes_pkey ON public.gained_homes IS 'A membership is noted once.';

--
-- Name: gained_sources gained_sources_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.gained_sources
    ADD CONSTRAINT gained_sources_pkey PRIMARY KEY (source_id, user_id);

--
-- Name: CONSTRAINT gained_sources_pkey ON gained_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT gained_sources_pkey ON public.gained_sources IS 'A grant is noted once.';

--
-- Name: growth_measurements growth_measurements_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.growth_measurements
    ADD CONSTRAINT growth_measurements_pkey PRIMARY KEY (id);

--
-- Name: home_members home_members_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.home_members
    ADD CONSTRAINT home_members_pkey PRIMARY KEY (home_id, user_id);

--
-- Name: CONSTRAINT home_members_pkey ON home_members; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT home_members_pkey ON public.home_members IS 'This person already belongs to this home.';

--
-- Name: homes homes_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.homes
    ADD CONSTRAINT homes_pkey PRIMARY KEY (id);

--
-- Name: latest_readings latest_readings_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.latest_readings
    ADD CONSTRAINT latest_readings_pkey PRIMARY KEY (source_id);

--
-- Name: CONSTRAINT latest_readings_pkey ON latest_readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT latest_readings_pkey ON public.latest_readings IS 'The source already has a latest reading.';

--
-- Name: line_protocol_sources line_protocol_sources_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.line_protocol_sources
    ADD CONSTRAINT line_protocol_sources_pkey PRIMARY KEY (user_id, series);

--
-- Name: CONSTRAINT line_protocol_sources_pkey ON line_protocol_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT line_protocol_sources_pkey ON public.line_protocol_sources IS 'This series is mapped already.';

--
-- Name: line_protocol_sources line_protocol_sources_user_id_id_key; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.line_protocol_sources
    ADD CONSTRAINT line_protocol_sources_user_id_id_key UNIQUE (user_id, id);

--
-- Name: CONSTRAINT line_protocol_sources_user_id_id_key ON line_protocol_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT line_protocol_sources_user_id_id_key ON public.line_protocol_sources IS 'This id is taken by something else.';

--
-- Name: maintenance_runs maintenance_runs_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.maintenance_runs
    ADD CONSTRAINT maintenance_runs_pkey PRIMARY KEY (id);

--
-- Name: CONSTRAINT maintenance_runs_pkey ON maintenance_runs; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT maintenance_runs_pkey ON public.maintenance_runs IS 'A run is noted once.';

--
-- Name: meter_events meter_events_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.meter_events
    ADD CONSTRAINT meter_events_pkey PRIMARY KEY (source_id, id);

--
-- Name: CONSTRAINT meter_events_pkey ON meter_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT meter_events_pkey ON public.meter_events IS 'This id is taken by something else.';

--
-- Name: meter_events meter_events_source_id_at_key; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.meter_events
    ADD CONSTRAINT meter_events_source_id_at_key UNIQUE (source_id, at);

--
-- Name: CONSTRAINT meter_events_source_id_at_key ON meter_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT meter_events_source_id_at_key ON public.meter_events IS 'The source already has an event at this time.';

--
-- Name: moved_things moved_things_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.moved_things
    ADD CONSTRAINT moved_things_pkey PRIMARY KEY (type, id);

--
-- Name: CONSTRAINT moved_things_pkey ON moved_things; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT moved_things_pkey ON public.moved_things IS 'A thing is noted once.';

--
-- Name: password_guesses password_guesses_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.password_guesses
    ADD CONSTRAINT password_guesses_pkey PRIMARY KEY (about);

--
-- Name: CONSTRAINT password_guesses_pkey ON password_guesses; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT password_guesses_pkey ON public.password_guesses IS 'Guesses are counted once.';

--
-- Name: place_tombstones place_tombstones_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.place_tombstones
    ADD CONSTRAINT place_tombstones_pkey PRIMARY KEY (place_id, xid, id, type);

--
-- Name: CONSTRAINT place_tombstones_pkey ON place_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT place_tombstones_pkey ON public.place_tombstones IS 'A loss is noted once a transaction.';

--
-- Name: plants plants_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.plants
    ADD CONSTRAINT plants_pkey PRIMARY KEY (id);

--
-- Name: reading_days reading_days_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.reading_days
    ADD CONSTRAINT reading_days_pkey PRIMARY KEY (source_id, since);

--
-- Name: CONSTRAINT reading_days_pkey ON reading_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT reading_days_pkey ON public.reading_days IS 'This day is summed up already.';

--
-- Name: reading_horizons reading_horizons_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.reading_horizons
    ADD CONSTRAINT reading_horizons_pkey PRIMARY KEY (source_id);

--
-- Name: CONSTRAINT reading_horizons_pkey ON reading_horizons; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT reading_horizons_pkey ON public.reading_horizons IS 'A source has one horizon.';

--
-- Name: reading_hours reading_hours_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.reading_hours
    ADD CONSTRAINT reading_hours_pkey PRIMARY KEY (source_id, hour);

--
-- Name: CONSTRAINT reading_hours_pkey ON reading_hours; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT reading_hours_pkey ON public.reading_hours IS 'This hour is summed up already.';

--
-- Name: readings readings_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.readings
    ADD CONSTRAINT readings_pkey PRIMARY KEY (source_id, "timestamp");

--
-- Name: CONSTRAINT readings_pkey ON readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT readings_pkey ON public.readings IS 'The source already has a reading at this time with another value.';

--
-- Name: refresh_tokens refresh_tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash);

--
-- Name: request_budgets request_budgets_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.request_budgets
    ADD CONSTRAINT request_budgets_pkey PRIMARY KEY (identity);

--
-- Name: CONSTRAINT request_budgets_pkey ON request_budgets; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT request_budgets_pkey ON public.request_budgets IS 'An identity has one budget.';

--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);

--
-- Name: source_retentions source_retentions_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.source_retentions
    ADD CONSTRAINT source_retentions_pkey PRIMARY KEY (source_id);

--
-- Name: CONSTRAINT source_retentions_pkey ON source_retentions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT source_retentions_pkey ON public.source_retentions IS 'This source has a retention already.';

--
-- Name: source_tombstones source_tombstones_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.source_tombstones
    ADD CONSTRAINT source_tombstones_pkey PRIMARY KEY (source_id, xid, id, type);

--
-- Name: CONSTRAINT source_tombstones_pkey ON source_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT source_tombstones_pkey ON public.source_tombstones IS 'A deletion is noted once a transaction.';

--
-- Name: spent_tickets spent_tickets_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.spent_tickets
    ADD CONSTRAINT spent_tickets_pkey PRIMARY KEY (ticket_hash);

--
-- Name: stale_days stale_days_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.stale_days
    ADD CONSTRAINT stale_days_pkey PRIMARY KEY (source_id);

--
-- Name: CONSTRAINT stale_days_pkey ON stale_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT stale_days_pkey ON public.stale_days IS 'A source is noted once.';

--
-- Name: user_oauth_identities user_oauth_identities_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.user_oauth_identities
    ADD CONSTRAINT user_oauth_identities_pkey PRIMARY KEY (id);

--
-- Name: user_oauth_identities user_oauth_identities_provider_provider_user_id_key; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.user_oauth_identities
    ADD CONSTRAINT user_oauth_identities_provider_provider_user_id_key UNIQUE (provider, provider_user_id);

--
-- Name: CONSTRAINT user_oauth_identities_provider_provider_user_id_key ON user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_oauth_identities_provider_provider_user_id_key ON public.user_oauth_identities IS 'This identity already opens an account.';

--
-- Name: user_oauth_identities user_oauth_identities_user_id_provider_key; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.user_oauth_identities
    ADD CONSTRAINT user_oauth_identities_user_id_provider_key UNIQUE (user_id, provider);

--
-- Name: CONSTRAINT user_oauth_identities_user_id_provider_key ON user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_oauth_identities_user_id_provider_key ON public.user_oauth_identities IS 'The account already has an identity of this provider.';

--
-- Name: user_passwords user_passwords_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.user_passwords
    ADD CONSTRAINT user_passwords_pkey PRIMARY KEY (user_id);

--
-- Name: user_source_access user_source_access_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.user_source_access
    ADD CONSTRAINT user_source_access_pkey PRIMARY KEY (source_id, user_id);

--
-- Name: CONSTRAINT user_source_access_pkey ON user_source_access; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_source_access_pkey ON public.user_source_access IS 'This person already has access to this source.';

--
-- Name: user_tombstones user_tombstones_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.user_tombstones
    ADD CONSTRAINT user_tombstones_pkey PRIMARY KEY (user_id, xid, id, type);

--
-- Name: CONSTRAINT user_tombstones_pkey ON user_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_tombstones_pkey ON public.user_tombstones IS 'A loss is noted once a transaction.';

--
-- Name: users users_email_key; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);

--
-- Name: CONSTRAINT users_email_key ON users; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT users_email_key ON public.users IS 'This e-mail already has an account.';

--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

--
-- Name: users users_username_key; Type: CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_username_key UNIQUE (username);

--
-- Name: CONSTRAINT users_username_key ON users; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT users_username_key ON public.users IS 'This username is taken.';

--
-- Name: audit_logs_event_time_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX audit_logs_event_time_idx ON public.audit_logs USING btree (event_time);

--
-- Name: audit_logs_source_id_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX audit_logs_source_id_id_idx ON public.audit_logs USING btree (source_id, id);

--
-- Name: audit_logs_user_id_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX audit_logs_user_id_id_idx ON public.audit_logs USING btree (user_id, id);

--
-- Name: care_events_plant_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX care_events_plant_id_idx ON public.care_events USING btree (plant_id, at);

--
-- Name: care_events_user_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX care_events_user_id_idx ON public.care_events USING btree (user_id);

--
-- Name: data_sources_created_by_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX data_sources_created_by_idx ON public.data_sources USING btree (created_by);

--
-- Name: data_sources_home_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX data_sources_home_id_idx ON public.data_sources USING btree (home_id);

--
-- Name: data_validators_created_by_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX data_validators_created_by_idx ON public.data_validators USING btree (created_by);

--
-- Name: device_tokens_user_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX device_tokens_user_id_idx ON public.device_tokens USING btree (user_id, id);

--
-- Name: growth_measurements_plant_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX growth_measurements_plant_id_idx ON public.growth_measurements USING btree (plant_id);

--
-- Name: growth_measurements_user_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX growth_measurements_user_id_idx ON public.growth_measurements USING btree (user_id);

--
-- Name: home_members_granted_by_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX home_members_granted_by_idx ON public.home_members USING btree (granted_by);

--
-- Name: home_members_user_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX home_members_user_id_idx ON public.home_members USING btree (user_id, home_id) INCLUDE (access_level, expires_at);

--
-- Name: homes_created_by_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX homes_created_by_idx ON public.homes USING btree (created_by);

--
-- Name: line_protocol_sources_source_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX line_protocol_sources_source_id_idx ON public.line_protocol_sources USING btree (source_id);

--
-- Name: meter_events_created_by_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX meter_events_created_by_idx ON public.meter_events USING btree (created_by);

--
-- Name: password_guesses_began_at_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX password_guesses_began_at_idx ON public.password_guesses USING btree (began_at);

--
-- Name: place_tombstones_deleted_at_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX place_tombstones_deleted_at_idx ON public.place_tombstones USING brin (deleted_at);

--
-- Name: plants_home_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX plants_home_id_idx ON public.plants USING btree (home_id, id);

--
-- Name: plants_moisture_source_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX plants_moisture_source_id_idx ON public.plants USING btree (moisture_source_id);

--
-- Name: plants_user_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX plants_user_id_idx ON public.plants USING btree (user_id, id);

--
-- Name: refresh_tokens_session_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX refresh_tokens_session_id_idx ON public.refresh_tokens USING btree (session_id, created_at);

--
-- Name: request_budgets_began_at_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX request_budgets_began_at_idx ON public.request_budgets USING btree (began_at);

--
-- Name: sessions_user_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX sessions_user_id_idx ON public.sessions USING btree (user_id);

--
-- Name: source_retentions_created_by_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX source_retentions_created_by_idx ON public.source_retentions USING btree (created_by);

--
-- Name: source_tombstones_deleted_at_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX source_tombstones_deleted_at_idx ON public.source_tombstones USING brin (deleted_at);

--
-- Name: spent_tickets_expires_at_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX spent_tickets_expires_at_idx ON public.spent_tickets USING btree (expires_at);

--
-- Name: user_source_access_granted_by_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX user_source_access_granted_by_idx ON public.user_source_access USING btree (granted_by);

--
-- Name: user_source_access_user_id_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX user_source_access_user_id_idx ON public.user_source_access USING btree (user_id, source_id) INCLUDE (access_level);

--
-- Name: user_tombstones_deleted_at_idx; Type: INDEX; Schema: public; Owner: homelog_owner
--

CREATE INDEX user_tombstones_deleted_at_idx ON public.user_tombstones USING brin (deleted_at);

--
-- Name: home_members _050_check_expiry; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _050_check_expiry BEFORE INSERT OR UPDATE OF expires_at ON public.home_members FOR EACH ROW WHEN ((new.expires_at <= now())) EXECUTE FUNCTION homelog.tg__check_expiry();

--
-- Name: data_sources _050_check_home_insert; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _050_check_home_insert BEFORE INSERT ON public.data_sources FOR EACH ROW WHEN ((new.home_id IS NOT NULL)) EXECUTE FUNCTION homelog.tg__check_home();

--
-- Name: plants _050_check_home_insert; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _050_check_home_insert BEFORE INSERT ON public.plants FOR EACH ROW WHEN ((new.home_id IS NOT NULL)) EXECUTE FUNCTION homelog.tg__check_home();

--
-- Name: data_sources _050_check_home_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _050_check_home_update BEFORE UPDATE ON public.data_sources FOR EACH ROW WHEN (((new.home_id IS NOT NULL) AND (new.home_id IS DISTINCT FROM old.home_id))) EXECUTE FUNCTION homelog.tg__check_home();

--
-- Name: plants _050_check_home_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _050_check_home_update BEFORE UPDATE ON public.plants FOR EACH ROW WHEN (((new.home_id IS NOT NULL) AND (new.home_id IS DISTINCT FROM old.home_id))) EXECUTE FUNCTION homelog.tg__check_home();

--
-- Name: line_protocol_sources _050_check_source; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _050_check_source BEFORE INSERT OR UPDATE ON public.line_protocol_sources FOR EACH ROW WHEN (((new.source_id IS NOT NULL) AND (CURRENT_USER = 'homelog_api'::name))) EXECUTE FUNCTION homelog.tg__check_mapped_source();

--
-- Name: device_tokens _050_check_sources; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _050_check_sources BEFORE INSERT ON public.device_tokens FOR EACH ROW WHEN ((new.source_ids IS NOT NULL)) EXECUTE FUNCTION homelog.tg__check_token_sources();

--
-- Name: homes _050_check_timezone_insert; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _050_check_timezone_insert BEFORE INSERT ON public.homes FOR EACH ROW WHEN (((new.timezone)::text <> 'UTC'::text)) EXECUTE FUNCTION homelog.tg__check_timezone();

--
-- Name: homes _050_check_timezone_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _050_check_timezone_update BEFORE UPDATE ON public.homes FOR EACH ROW WHEN (((new.timezone)::text IS DISTINCT FROM (old.timezone)::text)) EXECUTE FUNCTION homelog.tg__check_timezone();

--
-- Name: sessions _050_gate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _050_gate BEFORE INSERT ON public.sessions FOR EACH ROW EXECUTE FUNCTION homelog.tg__gate();

--
-- Name: data_sources _050_lock_followers; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _050_lock_followers BEFORE DELETE ON public.data_sources FOR EACH ROW EXECUTE FUNCTION homelog.tg__lock_followers();

--
-- Name: homes _050_lock_what_stands_there; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _050_lock_what_stands_there BEFORE DELETE ON public.homes FOR EACH ROW EXECUTE FUNCTION homelog.tg__lock_what_stands_there();

--
-- Name: audit_logs _050_name_token; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _050_name_token BEFORE INSERT ON public.audit_logs FOR EACH ROW WHEN ((current_setting('homelog.token_id'::text, true) <> ''::text)) EXECUTE FUNCTION homelog.tg__name_token();

--
-- Name: user_passwords _050_settle; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _050_settle BEFORE INSERT OR UPDATE OF is_temporary ON public.user_passwords FOR EACH ROW EXECUTE FUNCTION homelog.tg__settle_password();

--
-- Name: plants _051_check_owners_home; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _051_check_owners_home BEFORE UPDATE ON public.plants FOR EACH ROW WHEN (((new.home_id IS NOT NULL) AND (new.home_id IS DISTINCT FROM old.home_id))) EXECUTE FUNCTION homelog.tg__check_owners_home();

--
-- Name: plants _052_check_moisture_source_insert; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _052_check_moisture_source_insert BEFORE INSERT ON public.plants FOR EACH ROW WHEN ((new.moisture_source_id IS NOT NULL)) EXECUTE FUNCTION homelog.tg__check_moisture_source();

--
-- Name: plants _052_check_moisture_source_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _052_check_moisture_source_update BEFORE UPDATE ON public.plants FOR EACH ROW WHEN (((new.moisture_source_id IS NOT NULL) AND (new.moisture_source_id IS DISTINCT FROM old.moisture_source_id))) EXECUTE FUNCTION homelog.tg__check_moisture_source();

--
-- Name: plants _053_limit_followers_insert; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _053_limit_followers_insert BEFORE INSERT ON public.plants FOR EACH ROW WHEN ((new.moisture_source_id IS NOT NULL)) EXECUTE FUNCTION homelog.tg__limit_followers();

--
-- Name: plants _053_limit_followers_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _053_limit_followers_update BEFORE UPDATE ON public.plants FOR EACH ROW WHEN (((new.moisture_source_id IS NOT NULL) AND (new.moisture_source_id IS DISTINCT FROM old.moisture_source_id))) EXECUTE FUNCTION homelog.tg__limit_followers();

--
-- Name: plants _055_note_watering; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _055_note_watering BEFORE UPDATE ON public.plants FOR EACH ROW WHEN ((new.last_water > COALESCE(old.last_water, '-infinity'::timestamp with time zone))) EXECUTE FUNCTION homelog.tg__note_watering();

--
-- Name: device_tokens _060_gate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _060_gate BEFORE INSERT ON public.device_tokens FOR EACH ROW EXECUTE FUNCTION homelog.tg__gate();

--
-- Name: home_members _060_renew_guest; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _060_renew_guest BEFORE UPDATE ON public.home_members FOR EACH ROW WHEN (((old.expires_at <= now()) AND ((new.expires_at <= now()) IS NOT TRUE))) EXECUTE FUNCTION homelog.tg__renew_guest();

--
-- Name: plants _060_sense_insert; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _060_sense_insert BEFORE INSERT ON public.plants FOR EACH ROW WHEN ((new.moisture_source_id IS NOT NULL)) EXECUTE FUNCTION homelog.tg__sense_plant();

--
-- Name: plants _060_sense_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _060_sense_update BEFORE UPDATE ON public.plants FOR EACH ROW WHEN (((((old.moisture_source_id IS DISTINCT FROM new.moisture_source_id) OR (old.dry_below IS DISTINCT FROM new.dry_below)) OR (old.stale_after_hours IS DISTINCT FROM new.stale_after_hours)) OR ((new.moisture_source_id IS NOT NULL) AND (COALESCE(new.last_water, '-infinity'::timestamp with time zone) < old.last_water)))) EXECUTE FUNCTION homelog.tg__sense_plant();

--
-- Name: users _100_go_one_by_one; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_go_one_by_one BEFORE DELETE ON public.users FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__go_one_by_one();

--
-- Name: user_oauth_identities _100_keep_a_way_in; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_keep_a_way_in AFTER DELETE ON public.user_oauth_identities FOR EACH ROW EXECUTE FUNCTION homelog.tg__keep_a_way_in();

--
-- Name: audit_logs _100_refuse_change; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_logs FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_change();

--
-- Name: calendar_links _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.calendar_links FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: care_events _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.care_events FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: care_intervals _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.care_intervals FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: data_sources _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.data_sources FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: data_validators _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.data_validators FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: device_tokens _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.device_tokens FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: home_members _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.home_members FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: homes _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.homes FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: line_protocol_sources _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.line_protocol_sources FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: meter_events _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.meter_events FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: plants _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.plants FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: readings _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.readings FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: source_retentions _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.source_retentions FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: user_oauth_identities _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.user_oauth_identities FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: user_source_access _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.user_source_access FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: users _100_refuse_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_refuse_truncate BEFORE TRUNCATE ON public.users FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__refuse_truncate();

--
-- Name: calendar_links _100_renew_calendar_link; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_renew_calendar_link BEFORE UPDATE ON public.calendar_links FOR EACH ROW WHEN ((new.key_hash <> old.key_hash)) EXECUTE FUNCTION homelog.tg__renew_calendar_link();

--
-- Name: care_intervals _100_touch_updated_at; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_touch_updated_at BEFORE UPDATE ON public.care_intervals FOR EACH ROW WHEN ((old.* *<> new.*)) EXECUTE FUNCTION homelog.tg__touch_updated_at();

--
-- Name: data_sources _100_touch_updated_at; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_touch_updated_at BEFORE UPDATE ON public.data_sources FOR EACH ROW WHEN ((old.* *<> new.*)) EXECUTE FUNCTION homelog.tg__touch_updated_at();

--
-- Name: data_validators _100_touch_updated_at; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_touch_updated_at BEFORE UPDATE ON public.data_validators FOR EACH ROW WHEN ((old.* *<> new.*)) EXECUTE FUNCTION homelog.tg__touch_updated_at();

--
-- Name: homes _100_touch_updated_at; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_touch_updated_at BEFORE UPDATE ON public.homes FOR EACH ROW WHEN ((old.* *<> new.*)) EXECUTE FUNCTION homelog.tg__touch_updated_at();

--
-- Name: line_protocol_sources _100_touch_updated_at; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_touch_updated_at BEFORE UPDATE ON public.line_protocol_sources FOR EACH ROW WHEN ((old.* *<> new.*)) EXECUTE FUNCTION homelog.tg__touch_updated_at();

--
-- Name: plants _100_touch_updated_at; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_touch_updated_at BEFORE UPDATE ON public.plants FOR EACH ROW WHEN (((NOT ((old.moisture_at IS DISTINCT FROM new.moisture_at) OR (old.dry_since IS DISTINCT FROM new.dry_since))) OR ((((old.moisture_source_id IS DISTINCT FROM new.moisture_source_id) OR (old.dry_below IS DISTINCT FROM new.dry_below)) OR (old.stale_after_hours IS DISTINCT FROM new.stale_after_hours)) OR (old.last_water IS DISTINCT FROM new.last_water)))) EXECUTE FUNCTION homelog.tg__touch_updated_at();

--
-- Name: readings _100_touch_updated_at; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_touch_updated_at BEFORE UPDATE ON public.readings FOR EACH ROW WHEN (((old.value <> new.value) OR (old.* *<> new.*))) EXECUTE FUNCTION homelog.tg__touch_updated_at();

--
-- Name: source_retentions _100_touch_updated_at; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_touch_updated_at BEFORE UPDATE ON public.source_retentions FOR EACH ROW WHEN ((old.* *<> new.*)) EXECUTE FUNCTION homelog.tg__touch_updated_at();

--
-- Name: users _100_touch_updated_at; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _100_touch_updated_at BEFORE UPDATE ON public.users FOR EACH ROW WHEN (((NOT (new.last_login_at IS DISTINCT FROM old.last_login_at)) AND (old.* *<> new.*))) EXECUTE FUNCTION homelog.tg__touch_updated_at();

--
-- Name: users _110_lock_own_account; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _110_lock_own_account BEFORE DELETE ON public.users FOR EACH STATEMENT WHEN ((CURRENT_USER = 'homelog_api'::name)) EXECUTE FUNCTION homelog.tg__lock_own_account();

--
-- Name: meter_events _200_require_counter; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _200_require_counter AFTER INSERT OR UPDATE OF source_id ON public.meter_events FOR EACH ROW EXECUTE FUNCTION homelog.tg__require_counter();

--
-- Name: care_events _200_undo_watering; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _200_undo_watering AFTER DELETE ON public.care_events FOR EACH ROW WHEN ((old.before_version IS NOT NULL)) EXECUTE FUNCTION homelog.tg__undo_watering();

--
-- Name: readings _300_judge_insert; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _300_judge_insert AFTER INSERT ON public.readings REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'homelog_api'::name)) EXECUTE FUNCTION homelog.tg__judge_readings();

--
-- Name: readings _300_judge_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _300_judge_update AFTER UPDATE ON public.readings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'homelog_api'::name)) EXECUTE FUNCTION homelog.tg__judge_readings();

--
-- Name: readings _300_require_account; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _300_require_account AFTER INSERT ON public.readings FOR EACH STATEMENT WHEN ((CURRENT_USER = 'homelog_api'::name)) EXECUTE FUNCTION homelog.tg__require_account();

--
-- Name: readings _400_keep_latest_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _400_keep_latest_delete AFTER DELETE ON public.readings REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__keep_latest_readings();

--
-- Name: readings _400_keep_latest_insert; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _400_keep_latest_insert AFTER INSERT ON public.readings REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__keep_latest_readings();

--
-- Name: readings _400_keep_latest_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _400_keep_latest_truncate AFTER TRUNCATE ON public.readings FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__keep_latest_readings();

--
-- Name: readings _400_keep_latest_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _400_keep_latest_update AFTER UPDATE ON public.readings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__keep_latest_readings();

--
-- Name: meter_events _450_keep_horizon; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _450_keep_horizon AFTER INSERT OR DELETE OR UPDATE ON public.meter_events FOR EACH ROW WHEN ((CURRENT_USER <> 'homelog_owner'::name)) EXECUTE FUNCTION homelog.tg__keep_meter_events();

--
-- Name: readings _450_keep_horizon_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _450_keep_horizon_delete AFTER DELETE ON public.readings REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'homelog_owner'::name)) EXECUTE FUNCTION homelog.tg__keep_horizon();

--
-- Name: readings _450_keep_horizon_insert; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _450_keep_horizon_insert AFTER INSERT ON public.readings REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'homelog_owner'::name)) EXECUTE FUNCTION homelog.tg__keep_horizon();

--
-- Name: readings _450_keep_horizon_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _450_keep_horizon_update AFTER UPDATE ON public.readings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'homelog_owner'::name)) EXECUTE FUNCTION homelog.tg__keep_horizon();

--
-- Name: user_passwords _500_gate_all; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _500_gate_all AFTER INSERT OR DELETE OR UPDATE OF is_temporary ON public.user_passwords FOR EACH ROW EXECUTE FUNCTION homelog.tg__gate_all();

--
-- Name: home_members _500_keep_an_admin_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _500_keep_an_admin_delete AFTER DELETE ON public.home_members FOR EACH ROW WHEN ((old.access_level = 'admin'::public.access_level)) EXECUTE FUNCTION homelog.tg__keep_a_home_admin();

--
-- Name: user_source_access _500_keep_an_admin_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _500_keep_an_admin_delete AFTER DELETE ON public.user_source_access FOR EACH ROW WHEN ((old.access_level = 'admin'::public.access_level)) EXECUTE FUNCTION homelog.tg__keep_an_admin();

--
-- Name: home_members _500_keep_an_admin_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _500_keep_an_admin_update AFTER UPDATE ON public.home_members FOR EACH ROW WHEN (((old.access_level = 'admin'::public.access_level) AND (new.access_level <> 'admin'::public.access_level))) EXECUTE FUNCTION homelog.tg__keep_a_home_admin();

--
-- Name: user_source_access _500_keep_an_admin_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _500_keep_an_admin_update AFTER UPDATE ON public.user_source_access FOR EACH ROW WHEN (((old.access_level = 'admin'::public.access_level) AND (new.access_level <> 'admin'::public.access_level))) EXECUTE FUNCTION homelog.tg__keep_an_admin();

--
-- Name: users _500_leave_nothing_orphaned; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _500_leave_nothing_orphaned BEFORE DELETE ON public.users FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_nothing_orphaned();

--
-- Name: source_retentions _500_lift_horizon; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _500_lift_horizon AFTER DELETE OR UPDATE ON public.source_retentions FOR EACH ROW EXECUTE FUNCTION homelog.tg__lift_horizon();

--
-- Name: data_sources _500_note_stale_days; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _500_note_stale_days AFTER UPDATE ON public.data_sources FOR EACH ROW WHEN (((new.home_id IS NULL) AND (old.home_id IS NOT NULL))) EXECUTE FUNCTION homelog.tg__note_stale_days();

--
-- Name: homes _500_note_stale_days; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _500_note_stale_days AFTER UPDATE ON public.homes FOR EACH ROW WHEN (((new.timezone)::text IS DISTINCT FROM (old.timezone)::text)) EXECUTE FUNCTION homelog.tg__note_stale_days();

--
-- Name: data_sources _500_rebuild_days; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _500_rebuild_days AFTER UPDATE OF home_id ON public.data_sources FOR EACH ROW WHEN (((new.home_id IS NOT NULL) AND (new.home_id IS DISTINCT FROM old.home_id))) EXECUTE FUNCTION homelog.tg__rebuild_days();

--
-- Name: readings _500_roll_up_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _500_roll_up_delete AFTER DELETE ON public.readings REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__roll_up();

--
-- Name: readings _500_roll_up_insert; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _500_roll_up_insert AFTER INSERT ON public.readings REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__roll_up_insert();

--
-- Name: readings _500_roll_up_truncate; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _500_roll_up_truncate AFTER TRUNCATE ON public.readings FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__roll_up();

--
-- Name: readings _500_roll_up_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _500_roll_up_update AFTER UPDATE ON public.readings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__roll_up();

--
-- Name: data_sources _500_sense_otherwise; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _500_sense_otherwise AFTER UPDATE ON public.data_sources FOR EACH ROW WHEN ((((old.unit)::text IS DISTINCT FROM (new.unit)::text) OR (old.kind IS DISTINCT FROM new.kind))) EXECUTE FUNCTION homelog.tg__sense_otherwise();

--
-- Name: users _600_forget_tombstones; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_forget_tombstones AFTER DELETE ON public.users FOR EACH ROW EXECUTE FUNCTION homelog.tg__forget_tombstones();

--
-- Name: home_members _600_gain_home_insert; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_gain_home_insert AFTER INSERT ON public.home_members FOR EACH ROW EXECUTE FUNCTION homelog.tg__gain_home();

--
-- Name: home_members _600_gain_home_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_gain_home_update AFTER UPDATE ON public.home_members FOR EACH ROW WHEN (((old.expires_at IS NOT NULL) AND (new.expires_at IS DISTINCT FROM old.expires_at))) EXECUTE FUNCTION homelog.tg__gain_home();

--
-- Name: user_source_access _600_gain_source; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_gain_source AFTER INSERT ON public.user_source_access FOR EACH ROW EXECUTE FUNCTION homelog.tg__gain_source();

--
-- Name: care_events _600_leave_tombstone_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_leave_tombstone_delete AFTER DELETE ON public.care_events FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_care_tombstone();

--
-- Name: data_validators _600_leave_tombstone_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_leave_tombstone_delete AFTER DELETE ON public.data_validators FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_source_tombstone('validator');

--
-- Name: home_members _600_leave_tombstone_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_leave_tombstone_delete AFTER DELETE ON public.home_members FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_member_tombstone();

--
-- Name: meter_events _600_leave_tombstone_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_leave_tombstone_delete AFTER DELETE ON public.meter_events FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_source_tombstone('meter_event');

--
-- Name: plants _600_leave_tombstone_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_leave_tombstone_delete BEFORE DELETE ON public.plants FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_plant_tombstone();

--
-- Name: user_source_access _600_leave_tombstone_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_leave_tombstone_delete AFTER DELETE ON public.user_source_access FOR EACH ROW EXECUTE FUNCTION homelog.tg__leave_grant_tombstone();

--
-- Name: care_events _600_leave_tombstone_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_leave_tombstone_update AFTER UPDATE ON public.care_events FOR EACH ROW WHEN (((old.plant_id <> new.plant_id) OR (old.id <> new.id))) EXECUTE FUNCTION homelog.tg__leave_care_tombstone();

--
-- Name: data_validators _600_leave_tombstone_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_leave_tombstone_update AFTER UPDATE ON public.data_validators FOR EACH ROW WHEN (((old.source_id <> new.source_id) OR (old.id <> new.id))) EXECUTE FUNCTION homelog.tg__leave_source_tombstone('validator');

--
-- Name: home_members _600_leave_tombstone_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_leave_tombstone_update AFTER UPDATE ON public.home_members FOR EACH ROW WHEN (((old.home_id <> new.home_id) OR (old.user_id <> new.user_id))) EXECUTE FUNCTION homelog.tg__leave_member_tombstone();

--
-- Name: meter_events _600_leave_tombstone_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_leave_tombstone_update AFTER UPDATE ON public.meter_events FOR EACH ROW WHEN (((old.source_id <> new.source_id) OR (old.id <> new.id))) EXECUTE FUNCTION homelog.tg__leave_source_tombstone('meter_event');

--
-- Name: plants _600_leave_tombstone_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_leave_tombstone_update BEFORE UPDATE ON public.plants FOR EACH ROW WHEN (((old.id <> new.id) OR (old.user_id <> new.user_id))) EXECUTE FUNCTION homelog.tg__leave_plant_tombstone();

--
-- Name: user_source_access _600_leave_tombstone_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_leave_tombstone_update AFTER UPDATE ON public.user_source_access FOR EACH ROW WHEN (((old.source_id <> new.source_id) OR (old.user_id <> new.user_id))) EXECUTE FUNCTION homelog.tg__leave_grant_tombstone();

--
-- Name: data_sources _600_note_move_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_note_move_delete AFTER DELETE ON public.data_sources FOR EACH ROW EXECUTE FUNCTION homelog.tg__note_move('source');

--
-- Name: plants _600_note_move_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_note_move_delete AFTER DELETE ON public.plants FOR EACH ROW EXECUTE FUNCTION homelog.tg__note_move('plant');

--
-- Name: data_sources _600_note_move_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_note_move_update AFTER UPDATE ON public.data_sources FOR EACH ROW WHEN (((old.id IS DISTINCT FROM new.id) OR (old.home_id IS DISTINCT FROM new.home_id))) EXECUTE FUNCTION homelog.tg__note_move('source');

--
-- Name: plants _600_note_move_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_note_move_update AFTER UPDATE ON public.plants FOR EACH ROW WHEN ((((old.id IS DISTINCT FROM new.id) OR (old.home_id IS DISTINCT FROM new.home_id)) OR (old.user_id IS DISTINCT FROM new.user_id))) EXECUTE FUNCTION homelog.tg__note_move('plant');

--
-- Name: readings _600_track_changes_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_track_changes_delete AFTER DELETE ON public.readings REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__track_changes();

--
-- Name: readings _600_track_changes_insert; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_track_changes_insert AFTER INSERT ON public.readings REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__track_changes();

--
-- Name: readings _600_track_changes_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _600_track_changes_update AFTER UPDATE ON public.readings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__track_changes();

--
-- Name: device_tokens _700_bound; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _700_bound AFTER INSERT ON public.device_tokens FOR EACH ROW EXECUTE FUNCTION homelog.tg__bound_tokens();

--
-- Name: users _700_keep_last_admin_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _700_keep_last_admin_delete AFTER DELETE ON public.users FOR EACH ROW WHEN ((((old.role)::text = 'admin'::text) AND old.is_active)) EXECUTE FUNCTION homelog.tg__keep_last_admin();

--
-- Name: users _700_keep_last_admin_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _700_keep_last_admin_update AFTER UPDATE ON public.users FOR EACH ROW WHEN ((((old.role)::text = 'admin'::text) AND old.is_active AND (NOT (((new.role)::text = 'admin'::text) AND new.is_active)))) EXECUTE FUNCTION homelog.tg__keep_last_admin();

--
-- Name: data_sources _800_audit_deletion; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _800_audit_deletion BEFORE DELETE ON public.data_sources FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit_source_deletion();

--
-- Name: users _800_end_sessions; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _800_end_sessions AFTER UPDATE ON public.users FOR EACH ROW WHEN ((old.is_active AND (NOT new.is_active))) EXECUTE FUNCTION homelog.tg__end_sessions();

--
-- Name: calendar_links _900_audit; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit AFTER INSERT OR DELETE ON public.calendar_links FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit_calendar_link();

--
-- Name: care_intervals _900_audit; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit AFTER INSERT OR DELETE OR UPDATE ON public.care_intervals FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_interval', 'update_interval', 'delete_interval', '', 'values');

--
-- Name: data_sources _900_audit; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit AFTER INSERT OR UPDATE ON public.data_sources FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_source', 'update_source', '', 'id', 'values');

--
-- Name: data_validators _900_audit; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit AFTER INSERT OR DELETE OR UPDATE ON public.data_validators FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_validator', 'update_validator', 'delete_validator', 'source_id', 'values');

--
-- Name: device_tokens _900_audit; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit AFTER INSERT OR DELETE ON public.device_tokens FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit_token();

--
-- Name: home_members _900_audit; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit AFTER INSERT OR DELETE OR UPDATE ON public.home_members FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('add_member', 'change_member', 'remove_member', '', 'values', 'home_id');

--
-- Name: homes _900_audit; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit AFTER INSERT OR DELETE OR UPDATE ON public.homes FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_home', 'update_home', 'delete_home', '', 'values');

--
-- Name: line_protocol_sources _900_audit; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit AFTER INSERT OR DELETE OR UPDATE ON public.line_protocol_sources FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_line_mapping', 'update_line_mapping', 'delete_line_mapping', 'source_id', 'values');

--
-- Name: meter_events _900_audit; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit AFTER INSERT OR DELETE OR UPDATE ON public.meter_events FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_meter_event', 'update_meter_event', 'delete_meter_event', 'source_id', 'values');

--
-- Name: source_retentions _900_audit; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit AFTER INSERT OR DELETE OR UPDATE ON public.source_retentions FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_retention', 'change_retention', 'delete_retention', 'source_id', 'values');

--
-- Name: user_oauth_identities _900_audit; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit AFTER INSERT OR DELETE ON public.user_oauth_identities FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit_identity();

--
-- Name: user_source_access _900_audit; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit AFTER INSERT OR DELETE OR UPDATE ON public.user_source_access FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('grant_access', 'change_access', 'revoke_access', 'source_id', 'values');

--
-- Name: users _900_audit; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit AFTER INSERT OR DELETE ON public.users FOR EACH ROW EXECUTE FUNCTION homelog.tg__audit('create_user', 'update_user', 'delete_user', '', 'names');

--
-- Name: care_events _900_audit_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit_delete AFTER DELETE ON public.care_events REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__audit_many('create_care', '', 'delete_care');

--
-- Name: plants _900_audit_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit_delete AFTER DELETE ON public.plants REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__audit_many('create_plant', 'update_plant', 'delete_plant');

--
-- Name: readings _900_audit_delete; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit_delete AFTER DELETE ON public.readings REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'homelog_api'::name)) EXECUTE FUNCTION homelog.tg__audit_readings();

--
-- Name: care_events _900_audit_insert; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit_insert AFTER INSERT ON public.care_events REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__audit_many('create_care', '', 'delete_care');

--
-- Name: plants _900_audit_insert; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit_insert AFTER INSERT ON public.plants REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__audit_many('create_plant', 'update_plant', 'delete_plant');

--
-- Name: readings _900_audit_insert; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit_insert AFTER INSERT ON public.readings REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'homelog_api'::name)) EXECUTE FUNCTION homelog.tg__audit_readings();

--
-- Name: calendar_links _900_audit_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit_update AFTER UPDATE ON public.calendar_links FOR EACH ROW WHEN ((new.key_hash <> old.key_hash)) EXECUTE FUNCTION homelog.tg__audit_calendar_link();

--
-- Name: plants _900_audit_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit_update AFTER UPDATE ON public.plants REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION homelog.tg__audit_many('create_plant', 'update_plant', 'delete_plant');

--
-- Name: readings _900_audit_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit_update AFTER UPDATE ON public.readings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'homelog_api'::name)) EXECUTE FUNCTION homelog.tg__audit_readings();

--
-- Name: users _900_audit_update; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _900_audit_update AFTER UPDATE ON public.users FOR EACH ROW WHEN ((((((old.id IS DISTINCT FROM new.id) OR ((old.email)::text IS DISTINCT FROM (new.email)::text)) OR ((old.username)::text IS DISTINCT FROM (new.username)::text)) OR ((old.display_name)::text IS DISTINCT FROM (new.display_name)::text)) OR (old.created_at IS DISTINCT FROM new.created_at))) EXECUTE FUNCTION homelog.tg__audit('create_user', 'update_user', 'delete_user', '', 'names');

--
-- Name: users _910_audit_standing; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _910_audit_standing AFTER UPDATE ON public.users FOR EACH ROW WHEN ((((old.role)::text <> (new.role)::text) OR (old.is_active <> new.is_active))) EXECUTE FUNCTION homelog.tg__audit_standing();

--
-- Name: homes _950_add_first_member; Type: TRIGGER; Schema: public; Owner: homelog_owner
--

CREATE TRIGGER _950_add_first_member AFTER INSERT ON public.homes FOR EACH ROW WHEN ((new.created_by IS NOT NULL)) EXECUTE FUNCTION homelog.tg__add_first_member();

--
-- Name: calendar_links calendar_links_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.calendar_links
    ADD CONSTRAINT calendar_links_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT calendar_links_user_id_fkey ON calendar_links; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT calendar_links_user_id_fkey ON public.calendar_links IS 'This account does not exist.';

--
-- Name: care_events care_events_plant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.care_events
    ADD CONSTRAINT care_events_plant_id_fkey FOREIGN KEY (plant_id) REFERENCES public.plants(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT care_events_plant_id_fkey ON care_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT care_events_plant_id_fkey ON public.care_events IS 'This plant does not exist.';

--
-- Name: care_events care_events_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.care_events
    ADD CONSTRAINT care_events_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE SET NULL;

--
-- Name: CONSTRAINT care_events_user_id_fkey ON care_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT care_events_user_id_fkey ON public.care_events IS 'This account does not exist.';

--
-- Name: care_intervals care_intervals_plant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.care_intervals
    ADD CONSTRAINT care_intervals_plant_id_fkey FOREIGN KEY (plant_id) REFERENCES public.plants(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT care_intervals_plant_id_fkey ON care_intervals; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT care_intervals_plant_id_fkey ON public.care_intervals IS 'This plant does not exist.';

--
-- Name: changed_days changed_days_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.changed_days
    ADD CONSTRAINT changed_days_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.data_sources(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT changed_days_source_id_fkey ON changed_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT changed_days_source_id_fkey ON public.changed_days IS 'This source does not exist.';

--
-- Name: changed_sources changed_sources_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.changed_sources
    ADD CONSTRAINT changed_sources_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.data_sources(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT changed_sources_source_id_fkey ON changed_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT changed_sources_source_id_fkey ON public.changed_sources IS 'This source does not exist.';

--
-- Name: data_sources data_sources_created_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.data_sources
    ADD CONSTRAINT data_sources_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users(id) ON DELETE SET NULL;

--
-- Name: CONSTRAINT data_sources_created_by_fkey ON data_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_sources_created_by_fkey ON public.data_sources IS 'This account does not exist.';

--
-- Name: data_sources data_sources_home_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.data_sources
    ADD CONSTRAINT data_sources_home_id_fkey FOREIGN KEY (home_id) REFERENCES public.homes(id) ON DELETE SET NULL;

--
-- Name: CONSTRAINT data_sources_home_id_fkey ON data_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_sources_home_id_fkey ON public.data_sources IS 'There is no such home where you may put things.';

--
-- Name: data_validators data_validators_created_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.data_validators
    ADD CONSTRAINT data_validators_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users(id) ON DELETE SET NULL;

--
-- Name: CONSTRAINT data_validators_created_by_fkey ON data_validators; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_validators_created_by_fkey ON public.data_validators IS 'This account does not exist.';

--
-- Name: data_validators data_validators_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.data_validators
    ADD CONSTRAINT data_validators_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.data_sources(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT data_validators_source_id_fkey ON data_validators; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT data_validators_source_id_fkey ON public.data_validators IS 'This source does not exist.';

--
-- Name: device_tokens device_tokens_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.device_tokens
    ADD CONSTRAINT device_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT device_tokens_user_id_fkey ON device_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT device_tokens_user_id_fkey ON public.device_tokens IS 'This account does not exist.';

--
-- Name: gained_homes gained_homes_home_id_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.gained_homes
    ADD CONSTRAINT gained_homes_home_id_user_id_fkey FOREIGN KEY (home_id, user_id) REFERENCES public.home_members(home_id, user_id) ON UPDATE CASCADE ON DELETE CASCADE;

--
-- Name: CONSTRAINT gained_homes_home_id_user_id_fkey ON gained_homes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT gained_homes_home_id_user_id_fkey ON public.gained_homes IS 'This membership does not exist.';

--
-- Name: gained_sources gained_sources_source_id_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.gained_sources
    ADD CONSTRAINT gained_sources_source_id_user_id_fkey FOREIGN KEY (source_id, user_id) REFERENCES public.user_source_access(source_id, user_id) ON UPDATE CASCADE ON DELETE CASCADE;

--
-- Name: CONSTRAINT gained_sources_source_id_user_id_fkey ON gained_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT gained_sources_source_id_user_id_fkey ON public.gained_sources IS 'This grant does not exist.';

--
-- Name: growth_measurements growth_measurements_plant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.growth_measurements
    ADD CONSTRAINT growth_measurements_plant_id_fkey FOREIGN KEY (plant_id) REFERENCES public.plants(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT growth_measurements_plant_id_fkey ON growth_measurements; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT growth_measurements_plant_id_fkey ON public.growth_measurements IS 'This plant does not exist.';

--
-- Name: growth_measurements growth_measurements_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.growth_measurements
    ADD CONSTRAINT growth_measurements_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE SET NULL;

--
-- Name: CONSTRAINT growth_measurements_user_id_fkey ON growth_measurements; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT growth_measurements_user_id_fkey ON public.growth_measurements IS 'This account does not exist.';

--
-- Name: home_members home_members_granted_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.home_members
    ADD CONSTRAINT home_members_granted_by_fkey FOREIGN KEY (granted_by) REFERENCES public.users(id) ON DELETE SET NULL;

--
-- Name: CONSTRAINT home_members_granted_by_fkey ON home_members; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT home_members_granted_by_fkey ON public.home_members IS 'This account does not exist.';

--
-- Name: home_members home_members_home_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.home_members
    ADD CONSTRAINT home_members_home_id_fkey FOREIGN KEY (home_id) REFERENCES public.homes(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT home_members_home_id_fkey ON home_members; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT home_members_home_id_fkey ON public.home_members IS 'This home does not exist.';

--
-- Name: home_members home_members_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.home_members
    ADD CONSTRAINT home_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT home_members_user_id_fkey ON home_members; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT home_members_user_id_fkey ON public.home_members IS 'This account does not exist.';

--
-- Name: homes homes_created_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.homes
    ADD CONSTRAINT homes_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users(id) ON DELETE SET NULL;

--
-- Name: CONSTRAINT homes_created_by_fkey ON homes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT homes_created_by_fkey ON public.homes IS 'This account does not exist.';

--
-- Name: latest_readings latest_readings_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.latest_readings
    ADD CONSTRAINT latest_readings_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.data_sources(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT latest_readings_source_id_fkey ON latest_readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT latest_readings_source_id_fkey ON public.latest_readings IS 'This source does not exist.';

--
-- Name: line_protocol_sources line_protocol_sources_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.line_protocol_sources
    ADD CONSTRAINT line_protocol_sources_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.data_sources(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT line_protocol_sources_source_id_fkey ON line_protocol_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT line_protocol_sources_source_id_fkey ON public.line_protocol_sources IS 'There is no such source that you may write to.';

--
-- Name: line_protocol_sources line_protocol_sources_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.line_protocol_sources
    ADD CONSTRAINT line_protocol_sources_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT line_protocol_sources_user_id_fkey ON line_protocol_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT line_protocol_sources_user_id_fkey ON public.line_protocol_sources IS 'This account does not exist.';

--
-- Name: meter_events meter_events_created_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.meter_events
    ADD CONSTRAINT meter_events_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users(id) ON DELETE SET NULL;

--
-- Name: CONSTRAINT meter_events_created_by_fkey ON meter_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT meter_events_created_by_fkey ON public.meter_events IS 'This account does not exist.';

--
-- Name: meter_events meter_events_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.meter_events
    ADD CONSTRAINT meter_events_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.data_sources(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT meter_events_source_id_fkey ON meter_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT meter_events_source_id_fkey ON public.meter_events IS 'This source does not exist.';

--
-- Name: plants plants_home_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.plants
    ADD CONSTRAINT plants_home_id_fkey FOREIGN KEY (home_id) REFERENCES public.homes(id) ON DELETE SET NULL;

--
-- Name: CONSTRAINT plants_home_id_fkey ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_home_id_fkey ON public.plants IS 'There is no such home where you may put things.';

--
-- Name: plants plants_moisture_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.plants
    ADD CONSTRAINT plants_moisture_source_id_fkey FOREIGN KEY (moisture_source_id) REFERENCES public.data_sources(id) ON DELETE SET NULL;

--
-- Name: CONSTRAINT plants_moisture_source_id_fkey ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_moisture_source_id_fkey ON public.plants IS 'There is no such source that was granted to you or stands in a home of yours.';

--
-- Name: plants plants_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.plants
    ADD CONSTRAINT plants_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT plants_user_id_fkey ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT plants_user_id_fkey ON public.plants IS 'This account does not exist.';

--
-- Name: reading_days reading_days_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.reading_days
    ADD CONSTRAINT reading_days_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.data_sources(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT reading_days_source_id_fkey ON reading_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT reading_days_source_id_fkey ON public.reading_days IS 'This source does not exist.';

--
-- Name: reading_horizons reading_horizons_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.reading_horizons
    ADD CONSTRAINT reading_horizons_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.data_sources(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT reading_horizons_source_id_fkey ON reading_horizons; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT reading_horizons_source_id_fkey ON public.reading_horizons IS 'This source does not exist.';

--
-- Name: reading_hours reading_hours_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.reading_hours
    ADD CONSTRAINT reading_hours_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.data_sources(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT reading_hours_source_id_fkey ON reading_hours; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT reading_hours_source_id_fkey ON public.reading_hours IS 'This source does not exist.';

--
-- Name: readings readings_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.readings
    ADD CONSTRAINT readings_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.data_sources(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT readings_source_id_fkey ON readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT readings_source_id_fkey ON public.readings IS 'This source does not exist.';

--
-- Name: refresh_tokens refresh_tokens_session_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.sessions(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT refresh_tokens_session_id_fkey ON refresh_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT refresh_tokens_session_id_fkey ON public.refresh_tokens IS 'This session does not exist.';

--
-- Name: sessions sessions_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT sessions_user_id_fkey ON sessions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT sessions_user_id_fkey ON public.sessions IS 'This account does not exist.';

--
-- Name: source_retentions source_retentions_created_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.source_retentions
    ADD CONSTRAINT source_retentions_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users(id) ON DELETE SET NULL;

--
-- Name: CONSTRAINT source_retentions_created_by_fkey ON source_retentions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT source_retentions_created_by_fkey ON public.source_retentions IS 'This account does not exist.';

--
-- Name: source_retentions source_retentions_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.source_retentions
    ADD CONSTRAINT source_retentions_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.data_sources(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT source_retentions_source_id_fkey ON source_retentions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT source_retentions_source_id_fkey ON public.source_retentions IS 'This source does not exist.';

--
-- Name: stale_days stale_days_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.stale_days
    ADD CONSTRAINT stale_days_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.data_sources(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT stale_days_source_id_fkey ON stale_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT stale_days_source_id_fkey ON public.stale_days IS 'This source does not exist.';

--
-- Name: user_oauth_identities user_oauth_identities_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.user_oauth_identities
    ADD CONSTRAINT user_oauth_identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT user_oauth_identities_user_id_fkey ON user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_oauth_identities_user_id_fkey ON public.user_oauth_identities IS 'This account does not exist.';

--
-- Name: user_passwords user_passwords_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.user_passwords
    ADD CONSTRAINT user_passwords_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT user_passwords_user_id_fkey ON user_passwords; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_passwords_user_id_fkey ON public.user_passwords IS 'This account does not exist.';

--
-- Name: user_source_access user_source_access_granted_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.user_source_access
    ADD CONSTRAINT user_source_access_granted_by_fkey FOREIGN KEY (granted_by) REFERENCES public.users(id) ON DELETE SET NULL;

--
-- Name: CONSTRAINT user_source_access_granted_by_fkey ON user_source_access; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_source_access_granted_by_fkey ON public.user_source_access IS 'This account does not exist.';

--
-- Name: user_source_access user_source_access_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.user_source_access
    ADD CONSTRAINT user_source_access_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.data_sources(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT user_source_access_source_id_fkey ON user_source_access; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_source_access_source_id_fkey ON public.user_source_access IS 'This source does not exist.';

--
-- Name: user_source_access user_source_access_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: homelog_owner
--

ALTER TABLE ONLY public.user_source_access
    ADD CONSTRAINT user_source_access_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

--
-- Name: CONSTRAINT user_source_access_user_id_fkey ON user_source_access; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON CONSTRAINT user_source_access_user_id_fkey ON public.user_source_access IS 'This account does not exist.';

--
-- Name: audit_logs; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.audit_logs ENABLE ROW LEVEL SECURITY;

--
-- Name: calendar_links; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.calendar_links ENABLE ROW LEVEL SECURITY;

--
-- Name: care_events; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.care_events ENABLE ROW LEVEL SECURITY;

--
-- Name: care_intervals; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.care_intervals ENABLE ROW LEVEL SECURITY;

--
-- Name: changed_days; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.changed_days ENABLE ROW LEVEL SECURITY;

--
-- Name: changed_sources; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.changed_sources ENABLE ROW LEVEL SECURITY;

--
-- Name: data_sources; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.data_sources ENABLE ROW LEVEL SECURITY;

--
-- Name: data_validators; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.data_validators ENABLE ROW LEVEL SECURITY;

--
-- Name: care_intervals delete_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_admin ON public.care_intervals FOR DELETE TO homelog_api USING ((EXISTS ( SELECT
   FROM public.plants p
  WHERE ((p.id = care_intervals.plant_id) AND ((p.user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (p.home_id = ANY (( SELECT homelog.administered_homes() AS administered_homes)::uuid[])))))));

--
-- Name: POLICY delete_admin ON care_intervals; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_admin ON public.care_intervals IS 'A plant''s owner and its home''s admins end an interval.';

--
-- Name: data_sources delete_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_admin ON public.data_sources FOR DELETE TO homelog_api USING ((id = ANY (( SELECT homelog.administered_sources() AS administered_sources)::uuid[])));

--
-- Name: POLICY delete_admin ON data_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_admin ON public.data_sources IS 'A source''s admins delete it.';

--
-- Name: data_validators delete_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_admin ON public.data_validators FOR DELETE TO homelog_api USING ((source_id = ANY (( SELECT homelog.administered_sources() AS administered_sources)::uuid[])));

--
-- Name: POLICY delete_admin ON data_validators; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_admin ON public.data_validators IS 'A source''s admins remove its rules.';

--
-- Name: home_members delete_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_admin ON public.home_members FOR DELETE TO homelog_api USING (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (home_id = ANY (( SELECT homelog.administered_homes() AS administered_homes)::uuid[]))));

--
-- Name: POLICY delete_admin ON home_members; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_admin ON public.home_members IS 'A home''s admins remove members; anyone leaves by themselves.';

--
-- Name: homes delete_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_admin ON public.homes FOR DELETE TO homelog_api USING ((id = ANY (( SELECT homelog.administered_homes() AS administered_homes)::uuid[])));

--
-- Name: POLICY delete_admin ON homes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_admin ON public.homes IS 'A home''s admins delete it.';

--
-- Name: plants delete_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_admin ON public.plants FOR DELETE TO homelog_api USING (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (home_id = ANY (( SELECT homelog.administered_homes() AS administered_homes)::uuid[]))));

--
-- Name: POLICY delete_admin ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_admin ON public.plants IS 'A plant''s owner and its home''s admins delete it.';

--
-- Name: source_retentions delete_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_admin ON public.source_retentions FOR DELETE TO homelog_api USING ((source_id = ANY (( SELECT homelog.administered_sources() AS administered_sources)::uuid[])));

--
-- Name: POLICY delete_admin ON source_retentions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_admin ON public.source_retentions IS 'A source''s admins have it keep readings for ever again.';

--
-- Name: user_oauth_identities delete_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_admin ON public.user_oauth_identities FOR DELETE TO homelog_api USING ((user_id = ( SELECT homelog.current_user_id() AS current_user_id)));

--
-- Name: POLICY delete_admin ON user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_admin ON public.user_oauth_identities IS 'One unlinks one''s own identities.';

--
-- Name: user_source_access delete_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_admin ON public.user_source_access FOR DELETE TO homelog_api USING (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (source_id = ANY (( SELECT homelog.administered_sources() AS administered_sources)::uuid[]))));

--
-- Name: POLICY delete_admin ON user_source_access; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_admin ON public.user_source_access IS 'A source''s admins revoke grants; anyone gives up their own.';

--
-- Name: users delete_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_admin ON public.users FOR DELETE TO homelog_api USING ((id = ( SELECT homelog.current_user_id() AS current_user_id)));

--
-- Name: POLICY delete_admin ON users; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_admin ON public.users IS 'One deletes one''s own account.';

--
-- Name: calendar_links delete_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_writer ON public.calendar_links FOR DELETE TO homelog_api USING (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) AND (( SELECT homelog.current_token_id() AS current_token_id) IS NULL)));

--
-- Name: POLICY delete_writer ON calendar_links; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_writer ON public.calendar_links IS 'One takes one''s own link away.';

--
-- Name: care_events delete_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_writer ON public.care_events FOR DELETE TO homelog_api USING ((EXISTS ( SELECT
   FROM public.plants p
  WHERE ((p.id = care_events.plant_id) AND ((p.user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (p.home_id = ANY (( SELECT homelog.writable_homes() AS writable_homes)::uuid[])))))));

--
-- Name: POLICY delete_writer ON care_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_writer ON public.care_events IS 'Whoever may care for a plant undoes it.';

--
-- Name: device_tokens delete_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_writer ON public.device_tokens FOR DELETE TO homelog_api USING (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) AND (( SELECT homelog.current_token_id() AS current_token_id) IS NULL)));

--
-- Name: POLICY delete_writer ON device_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_writer ON public.device_tokens IS 'One takes one''s own tokens away.';

--
-- Name: line_protocol_sources delete_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_writer ON public.line_protocol_sources FOR DELETE TO homelog_api USING ((user_id = ( SELECT homelog.current_user_id() AS current_user_id)));

--
-- Name: POLICY delete_writer ON line_protocol_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_writer ON public.line_protocol_sources IS 'One removes one''s own mappings.';

--
-- Name: meter_events delete_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_writer ON public.meter_events FOR DELETE TO homelog_api USING ((source_id = ANY (( SELECT homelog.writable_sources() AS writable_sources)::uuid[])));

--
-- Name: POLICY delete_writer ON meter_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_writer ON public.meter_events IS 'Whoever may write to the source removes them.';

--
-- Name: readings delete_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY delete_writer ON public.readings FOR DELETE TO homelog_api USING ((source_id = ANY (( SELECT homelog.writable_sources() AS writable_sources)::uuid[])));

--
-- Name: POLICY delete_writer ON readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY delete_writer ON public.readings IS 'Whoever may write to the source removes readings.';

--
-- Name: device_tokens; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.device_tokens ENABLE ROW LEVEL SECURITY;

--
-- Name: gained_homes; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.gained_homes ENABLE ROW LEVEL SECURITY;

--
-- Name: gained_sources; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.gained_sources ENABLE ROW LEVEL SECURITY;

--
-- Name: growth_measurements; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.growth_measurements ENABLE ROW LEVEL SECURITY;

--
-- Name: home_members; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.home_members ENABLE ROW LEVEL SECURITY;

--
-- Name: homes; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.homes ENABLE ROW LEVEL SECURITY;

--
-- Name: care_intervals insert_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_admin ON public.care_intervals FOR INSERT TO homelog_api WITH CHECK ((EXISTS ( SELECT
   FROM public.plants p
  WHERE ((p.id = care_intervals.plant_id) AND ((p.user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (p.home_id = ANY (( SELECT homelog.administered_homes() AS administered_homes)::uuid[])))))));

--
-- Name: POLICY insert_admin ON care_intervals; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_admin ON public.care_intervals IS 'A plant''s owner and its home''s admins say how often it wants care.';

--
-- Name: data_validators insert_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_admin ON public.data_validators FOR INSERT TO homelog_api WITH CHECK ((source_id = ANY (( SELECT homelog.administered_sources() AS administered_sources)::uuid[])));

--
-- Name: POLICY insert_admin ON data_validators; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_admin ON public.data_validators IS 'A source''s admins make its rules.';

--
-- Name: home_members insert_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_admin ON public.home_members FOR INSERT TO homelog_api WITH CHECK ((home_id = ANY (( SELECT homelog.administered_homes() AS administered_homes)::uuid[])));

--
-- Name: POLICY insert_admin ON home_members; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_admin ON public.home_members IS 'A home''s admins invite members.';

--
-- Name: source_retentions insert_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_admin ON public.source_retentions FOR INSERT TO homelog_api WITH CHECK ((source_id = ANY (( SELECT homelog.administered_sources() AS administered_sources)::uuid[])));

--
-- Name: POLICY insert_admin ON source_retentions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_admin ON public.source_retentions IS 'A source''s admins say how long it keeps readings.';

--
-- Name: user_source_access insert_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_admin ON public.user_source_access FOR INSERT TO homelog_api WITH CHECK ((source_id = ANY (( SELECT homelog.administered_sources() AS administered_sources)::uuid[])));

--
-- Name: POLICY insert_admin ON user_source_access; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_admin ON public.user_source_access IS 'A source''s admins grant access.';

--
-- Name: audit_logs insert_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_writer ON public.audit_logs FOR INSERT TO homelog_api WITH CHECK ((NOT (user_id IS DISTINCT FROM ( SELECT homelog.current_user_id() AS current_user_id))));

--
-- Name: POLICY insert_writer ON audit_logs; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_writer ON public.audit_logs IS 'The service writes events in the name of whom it acts for.';

--
-- Name: calendar_links insert_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_writer ON public.calendar_links FOR INSERT TO homelog_api WITH CHECK (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) AND (( SELECT homelog.current_token_id() AS current_token_id) IS NULL)));

--
-- Name: POLICY insert_writer ON calendar_links; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_writer ON public.calendar_links IS 'One makes a link of one''s own; a device token makes none.';

--
-- Name: care_events insert_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_writer ON public.care_events FOR INSERT TO homelog_api WITH CHECK ((EXISTS ( SELECT
   FROM public.plants p
  WHERE ((p.id = care_events.plant_id) AND ((p.user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (p.home_id = ANY (( SELECT homelog.writable_homes() AS writable_homes)::uuid[])))))));

--
-- Name: POLICY insert_writer ON care_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_writer ON public.care_events IS 'Whoever may care for a plant logs it.';

--
-- Name: device_tokens insert_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_writer ON public.device_tokens FOR INSERT TO homelog_api WITH CHECK (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) AND (( SELECT homelog.current_token_id() AS current_token_id) IS NULL)));

--
-- Name: POLICY insert_writer ON device_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_writer ON public.device_tokens IS 'One makes tokens of one''s own; a token makes none.';

--
-- Name: growth_measurements insert_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_writer ON public.growth_measurements FOR INSERT TO homelog_api WITH CHECK ((EXISTS ( SELECT
   FROM public.plants p
  WHERE ((p.id = growth_measurements.plant_id) AND ((p.user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (p.home_id = ANY (( SELECT homelog.writable_homes() AS writable_homes)::uuid[])))))));

--
-- Name: POLICY insert_writer ON growth_measurements; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_writer ON public.growth_measurements IS 'Whoever may care for a plant measures it.';

--
-- Name: homes insert_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_writer ON public.homes FOR INSERT TO homelog_api WITH CHECK ((created_by = ( SELECT homelog.current_user_id() AS current_user_id)));

--
-- Name: POLICY insert_writer ON homes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_writer ON public.homes IS 'One makes homes of one''s own.';

--
-- Name: line_protocol_sources insert_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_writer ON public.line_protocol_sources FOR INSERT TO homelog_api WITH CHECK ((user_id = ( SELECT homelog.current_user_id() AS current_user_id)));

--
-- Name: POLICY insert_writer ON line_protocol_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_writer ON public.line_protocol_sources IS 'One maps series of one''s own.';

--
-- Name: meter_events insert_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_writer ON public.meter_events FOR INSERT TO homelog_api WITH CHECK ((source_id = ANY (( SELECT homelog.writable_sources() AS writable_sources)::uuid[])));

--
-- Name: POLICY insert_writer ON meter_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_writer ON public.meter_events IS 'Whoever may write to the source notes them.';

--
-- Name: plants insert_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_writer ON public.plants FOR INSERT TO homelog_api WITH CHECK ((user_id = ( SELECT homelog.current_user_id() AS current_user_id)));

--
-- Name: POLICY insert_writer ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_writer ON public.plants IS 'One makes plants of one''s own.';

--
-- Name: readings insert_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_writer ON public.readings FOR INSERT TO homelog_api WITH CHECK ((source_id = ANY (( SELECT homelog.writable_sources() AS writable_sources)::uuid[])));

--
-- Name: POLICY insert_writer ON readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_writer ON public.readings IS 'Whoever may write to the source logs readings.';

--
-- Name: user_oauth_identities insert_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY insert_writer ON public.user_oauth_identities FOR INSERT TO homelog_api WITH CHECK ((user_id = ( SELECT homelog.current_user_id() AS current_user_id)));

--
-- Name: POLICY insert_writer ON user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY insert_writer ON public.user_oauth_identities IS 'One links identities to one''s own account.';

--
-- Name: latest_readings; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.latest_readings ENABLE ROW LEVEL SECURITY;

--
-- Name: line_protocol_sources; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.line_protocol_sources ENABLE ROW LEVEL SECURITY;

--
-- Name: maintenance_runs; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.maintenance_runs ENABLE ROW LEVEL SECURITY;

--
-- Name: meter_events; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.meter_events ENABLE ROW LEVEL SECURITY;

--
-- Name: moved_things; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.moved_things ENABLE ROW LEVEL SECURITY;

--
-- Name: audit_logs owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.audit_logs TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON audit_logs; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.audit_logs IS 'The owner''s functions and triggers see and do all.';

--
-- Name: calendar_links owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.calendar_links TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON calendar_links; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.calendar_links IS 'The owner''s functions and triggers see and do all.';

--
-- Name: care_events owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.care_events TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON care_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.care_events IS 'The owner''s functions and triggers see and do all.';

--
-- Name: care_intervals owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.care_intervals TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON care_intervals; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.care_intervals IS 'The owner''s functions and triggers see and do all.';

--
-- Name: changed_days owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.changed_days TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON changed_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.changed_days IS 'The owner''s functions and triggers see and do all.';

--
-- Name: changed_sources owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.changed_sources TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON changed_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.changed_sources IS 'The owner''s functions and triggers see and do all.';

--
-- Name: data_sources owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.data_sources TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON data_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.data_sources IS 'The owner''s functions and triggers see and do all.';

--
-- Name: data_validators owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.data_validators TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON data_validators; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.data_validators IS 'The owner''s functions and triggers see and do all.';

--
-- Name: device_tokens owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.device_tokens TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON device_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.device_tokens IS 'The owner''s functions and triggers see and do all.';

--
-- Name: gained_homes owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.gained_homes TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON gained_homes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.gained_homes IS 'The owner''s functions and triggers see and do all; the API asks homelog.gained_sources() and homelog.gained_plants().';

--
-- Name: gained_sources owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.gained_sources TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON gained_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.gained_sources IS 'The owner''s functions and triggers see and do all; the API asks homelog.gained_sources().';

--
-- Name: growth_measurements owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.growth_measurements TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON growth_measurements; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.growth_measurements IS 'The owner''s functions and triggers see and do all.';

--
-- Name: home_members owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.home_members TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON home_members; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.home_members IS 'The owner''s functions and triggers see and do all.';

--
-- Name: homes owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.homes TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON homes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.homes IS 'The owner''s functions and triggers see and do all.';

--
-- Name: latest_readings owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.latest_readings TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON latest_readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.latest_readings IS 'The owner''s functions and triggers see and do all.';

--
-- Name: line_protocol_sources owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.line_protocol_sources TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON line_protocol_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.line_protocol_sources IS 'The owner''s functions and triggers see and do all.';

--
-- Name: maintenance_runs owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.maintenance_runs TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON maintenance_runs; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.maintenance_runs IS 'Only the owner''s functions note runs.';

--
-- Name: meter_events owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.meter_events TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON meter_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.meter_events IS 'The owner''s functions and triggers see and do all.';

--
-- Name: moved_things owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.moved_things TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON moved_things; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.moved_things IS 'The owner''s functions and triggers see and do all; the API asks homelog.gained_sources() and homelog.gained_plants().';

--
-- Name: password_guesses owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.password_guesses TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON password_guesses; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.password_guesses IS 'Only the owner''s functions touch what is counted.';

--
-- Name: place_tombstones owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.place_tombstones TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON place_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.place_tombstones IS 'The owner''s functions and triggers see and do all; the API asks homelog.losses().';

--
-- Name: plants owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.plants TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.plants IS 'The owner''s functions and triggers see and do all.';

--
-- Name: reading_days owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.reading_days TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON reading_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.reading_days IS 'The owner''s functions and triggers see and do all.';

--
-- Name: reading_horizons owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.reading_horizons TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON reading_horizons; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.reading_horizons IS 'The owner''s functions and triggers see and do all.';

--
-- Name: reading_hours owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.reading_hours TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON reading_hours; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.reading_hours IS 'The owner''s functions and triggers see and do all.';

--
-- Name: readings owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.readings TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.readings IS 'The owner''s functions and triggers see and do all.';

--
-- Name: refresh_tokens owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.refresh_tokens TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON refresh_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.refresh_tokens IS 'Only the owner''s functions touch tokens; nobody else sees even a hash.';

--
-- Name: request_budgets owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.request_budgets TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON request_budgets; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.request_budgets IS 'Only the owner''s function touches budgets.';

--
-- Name: sessions owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.sessions TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON sessions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.sessions IS 'The owner''s functions and triggers see and do all.';

--
-- Name: source_retentions owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.source_retentions TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON source_retentions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.source_retentions IS 'The owner''s functions and triggers see and do all.';

--
-- Name: source_tombstones owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.source_tombstones TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON source_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.source_tombstones IS 'The owner''s functions and triggers see and do all.';

--
-- Name: spent_tickets owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.spent_tickets TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON spent_tickets; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.spent_tickets IS 'Only the owner''s function touches tickets.';

--
-- Name: stale_days owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.stale_days TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON stale_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.stale_days IS 'The owner''s functions and triggers see and do all.';

--
-- Name: user_oauth_identities owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.user_oauth_identities TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.user_oauth_identities IS 'The owner''s functions and triggers see and do all.';

--
-- Name: user_passwords owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.user_passwords TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON user_passwords; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.user_passwords IS 'The owner''s functions and triggers see and do all.';

--
-- Name: user_source_access owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.user_source_access TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON user_source_access; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.user_source_access IS 'The owner''s functions and triggers see and do all.';

--
-- Name: user_tombstones owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.user_tombstones TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON user_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.user_tombstones IS 'The owner''s functions and triggers see and do all.';

--
-- Name: users owner_all; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY owner_all ON public.users TO homelog_owner USING (true) WITH CHECK (true);

--
-- Name: POLICY owner_all ON users; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY owner_all ON public.users IS 'The owner''s functions and triggers see and do all.';

--
-- Name: password_guesses; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.password_guesses ENABLE ROW LEVEL SECURITY;

--
-- Name: place_tombstones; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.place_tombstones ENABLE ROW LEVEL SECURITY;

--
-- Name: plants; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.plants ENABLE ROW LEVEL SECURITY;

--
-- Name: reading_days; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.reading_days ENABLE ROW LEVEL SECURITY;

--
-- Name: reading_horizons; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.reading_horizons ENABLE ROW LEVEL SECURITY;

--
-- Name: reading_hours; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.reading_hours ENABLE ROW LEVEL SECURITY;

--
-- Name: readings; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.readings ENABLE ROW LEVEL SECURITY;

--
-- Name: refresh_tokens; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.refresh_tokens ENABLE ROW LEVEL SECURITY;

--
-- Name: request_budgets; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.request_budgets ENABLE ROW LEVEL SECURITY;

--
-- Name: audit_logs select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.audit_logs FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON audit_logs; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.audit_logs IS 'Operators read all.';

--
-- Name: calendar_links select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.calendar_links FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON calendar_links; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.calendar_links IS 'Operators read all columns but the hash.';

--
-- Name: care_events select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.care_events FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON care_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.care_events IS 'Operators read all.';

--
-- Name: care_intervals select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.care_intervals FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON care_intervals; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.care_intervals IS 'Operators read all.';

--
-- Name: changed_days select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.changed_days FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON changed_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.changed_days IS 'Operators read all.';

--
-- Name: changed_sources select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.changed_sources FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON changed_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.changed_sources IS 'Operators read all.';

--
-- Name: data_sources select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.data_sources FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON data_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.data_sources IS 'Operators read all.';

--
-- Name: data_validators select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.data_validators FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON data_validators; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.data_validators IS 'Operators read all.';

--
-- Name: device_tokens select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.device_tokens FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON device_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.device_tokens IS 'Operators read all columns but the hash.';

--
-- Name: gained_homes select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.gained_homes FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON gained_homes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.gained_homes IS 'Operators read all.';

--
-- Name: gained_sources select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.gained_sources FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON gained_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.gained_sources IS 'Operators read all.';

--
-- Name: growth_measurements select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.growth_measurements FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON growth_measurements; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.growth_measurements IS 'Operators read all.';

--
-- Name: home_members select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.home_members FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON home_members; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.home_members IS 'Operators read all.';

--
-- Name: homes select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.homes FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON homes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.homes IS 'Operators read all.';

--
-- Name: latest_readings select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.latest_readings FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON latest_readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.latest_readings IS 'Operators read all.';

--
-- Name: line_protocol_sources select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.line_protocol_sources FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON line_protocol_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.line_protocol_sources IS 'Operators read all.';

--
-- Name: maintenance_runs select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.maintenance_runs FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON maintenance_runs; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.maintenance_runs IS 'Operators read all.';

--
-- Name: meter_events select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.meter_events FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON meter_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.meter_events IS 'Operators read all.';

--
-- Name: moved_things select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.moved_things FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON moved_things; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.moved_things IS 'Operators read all.';

--
-- Name: place_tombstones select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.place_tombstones FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON place_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.place_tombstones IS 'Operators read all.';

--
-- Name: plants select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.plants FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.plants IS 'Operators read all.';

--
-- Name: reading_days select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.reading_days FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON reading_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.reading_days IS 'Operators read all.';

--
-- Name: reading_horizons select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.reading_horizons FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON reading_horizons; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.reading_horizons IS 'Operators read all.';

--
-- Name: reading_hours select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.reading_hours FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON reading_hours; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.reading_hours IS 'Operators read all.';

--
-- Name: readings select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.readings FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.readings IS 'Operators read all.';

--
-- Name: sessions select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.sessions FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON sessions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.sessions IS 'Operators read all.';

--
-- Name: source_retentions select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.source_retentions FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON source_retentions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.source_retentions IS 'Operators read all.';

--
-- Name: source_tombstones select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.source_tombstones FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON source_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.source_tombstones IS 'Operators read all.';

--
-- Name: stale_days select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.stale_days FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON stale_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.stale_days IS 'Operators read all.';

--
-- Name: user_oauth_identities select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.user_oauth_identities FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.user_oauth_identities IS 'Operators read all columns but the tokens.';

--
-- Name: user_passwords select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.user_passwords FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON user_passwords; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.user_passwords IS 'Operators read all columns but the hash.';

--
-- Name: user_source_access select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.user_source_access FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON user_source_access; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.user_source_access IS 'Operators read all.';

--
-- Name: user_tombstones select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.user_tombstones FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON user_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.user_tombstones IS 'Operators read all.';

--
-- Name: users select_ops; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_ops ON public.users FOR SELECT TO homelog_ops USING (true);

--
-- Name: POLICY select_ops ON users; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_ops ON public.users IS 'Operators read all.';

--
-- Name: audit_logs select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.audit_logs FOR SELECT TO homelog_api USING (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (source_id = ANY (( SELECT homelog.administered_sources() AS administered_sources)::uuid[]))));

--
-- Name: POLICY select_reader ON audit_logs; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.audit_logs IS 'One reads what one did, and all of the sources that one administers.';

--
-- Name: calendar_links select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.calendar_links FOR SELECT TO homelog_api USING (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) AND (( SELECT homelog.current_token_id() AS current_token_id) IS NULL)));

--
-- Name: POLICY select_reader ON calendar_links; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.calendar_links IS 'One sees one''s own link; a device token sees none.';

--
-- Name: care_events select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.care_events FOR SELECT TO homelog_api USING ((EXISTS ( SELECT
   FROM public.plants p
  WHERE (p.id = care_events.plant_id))));

--
-- Name: POLICY select_reader ON care_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.care_events IS 'Whoever sees a plant sees its care.';

--
-- Name: care_intervals select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.care_intervals FOR SELECT TO homelog_api USING ((EXISTS ( SELECT
   FROM public.plants p
  WHERE (p.id = care_intervals.plant_id))));

--
-- Name: POLICY select_reader ON care_intervals; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.care_intervals IS 'Whoever sees a plant sees how often it wants care.';

--
-- Name: changed_days select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.changed_days FOR SELECT TO homelog_api USING ((source_id = ANY (( SELECT homelog.granted_sources() AS granted_sources)::uuid[])));

--
-- Name: POLICY select_reader ON changed_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.changed_days IS 'Whoever was granted the source follows its changes.';

--
-- Name: changed_sources select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.changed_sources FOR SELECT TO homelog_api USING ((source_id = ANY (( SELECT homelog.granted_sources() AS granted_sources)::uuid[])));

--
-- Name: POLICY select_reader ON changed_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.changed_sources IS 'Whoever was granted the source follows its changes.';

--
-- Name: data_sources select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.data_sources FOR SELECT TO homelog_api USING ((id = ANY (( SELECT homelog.readable_sources() AS readable_sources)::uuid[])));

--
-- Name: POLICY select_reader ON data_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.data_sources IS 'One sees sources granted, and the public one that one names.';

--
-- Name: data_validators select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.data_validators FOR SELECT TO homelog_api USING ((source_id = ANY (( SELECT homelog.granted_sources() AS granted_sources)::uuid[])));

--
-- Name: POLICY select_reader ON data_validators; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.data_validators IS 'Whoever was granted the source sees its rules.';

--
-- Name: device_tokens select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.device_tokens FOR SELECT TO homelog_api USING (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) AND (( SELECT homelog.current_token_id() AS current_token_id) IS NULL)));

--
-- Name: POLICY select_reader ON device_tokens; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.device_tokens IS 'One sees one''s own tokens; a token sees none.';

--
-- Name: growth_measurements select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.growth_measurements FOR SELECT TO homelog_api USING ((EXISTS ( SELECT
   FROM public.plants p
  WHERE (p.id = growth_measurements.plant_id))));

--
-- Name: POLICY select_reader ON growth_measurements; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.growth_measurements IS 'Whoever sees a plant sees its measurements.';

--
-- Name: home_members select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.home_members FOR SELECT TO homelog_api USING ((( SELECT homelog.is_unbound() AS is_unbound) AND ((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (home_id = ANY (( SELECT homelog.administered_homes() AS administered_homes)::uuid[])))));

--
-- Name: POLICY select_reader ON home_members; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.home_members IS 'One sees one''s own memberships, and all of the homes that one administers.';

--
-- Name: homes select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.homes FOR SELECT TO homelog_api USING ((( SELECT homelog.is_unbound() AS is_unbound) AND (((created_by = ( SELECT homelog.current_user_id() AS current_user_id)) AND (created_at = now())) OR (id = ANY (( SELECT homelog.readable_homes() AS readable_homes)::uuid[])))));

--
-- Name: POLICY select_reader ON homes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.homes IS 'One sees the homes that one belongs to, and the one that one is just making.';

--
-- Name: latest_readings select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.latest_readings FOR SELECT TO homelog_api USING ((source_id IN ( SELECT unnest(( SELECT homelog.readable_sources() AS readable_sources)) AS unnest)));

--
-- Name: POLICY select_reader ON latest_readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.latest_readings IS 'Whoever may read the source reads its latest reading.';

--
-- Name: line_protocol_sources select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.line_protocol_sources FOR SELECT TO homelog_api USING ((user_id = ( SELECT homelog.current_user_id() AS current_user_id)));

--
-- Name: POLICY select_reader ON line_protocol_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.line_protocol_sources IS 'One sees one''s own mappings.';

--
-- Name: meter_events select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.meter_events FOR SELECT TO homelog_api USING ((source_id = ANY (( SELECT homelog.readable_sources() AS readable_sources)::uuid[])));

--
-- Name: POLICY select_reader ON meter_events; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.meter_events IS 'Whoever may read the source sees them: its consumption follows them.';

--
-- Name: plants select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.plants FOR SELECT TO homelog_api USING ((( SELECT homelog.is_unbound() AS is_unbound) AND ((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (home_id = ANY (( SELECT homelog.readable_homes() AS readable_homes)::uuid[])))));

--
-- Name: POLICY select_reader ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.plants IS 'One sees one''s own plants and those of the homes that one may read.';

--
-- Name: reading_days select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.reading_days FOR SELECT TO homelog_api USING ((source_id = ANY (( SELECT homelog.readable_sources() AS readable_sources)::uuid[])));

--
-- Name: POLICY select_reader ON reading_days; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.reading_days IS 'Whoever may read the source reads the sums of its days.';

--
-- Name: reading_horizons select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.reading_horizons FOR SELECT TO homelog_api USING ((source_id = ANY (( SELECT homelog.readable_sources() AS readable_sources)::uuid[])));

--
-- Name: POLICY select_reader ON reading_horizons; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.reading_horizons IS 'Whoever may read the source knows since when it has single readings.';

--
-- Name: reading_hours select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.reading_hours FOR SELECT TO homelog_api USING ((source_id = ANY (( SELECT homelog.readable_sources() AS readable_sources)::uuid[])));

--
-- Name: POLICY select_reader ON reading_hours; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.reading_hours IS 'Whoever may read the source reads the sums of its hours.';

--
-- Name: readings select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.readings FOR SELECT TO homelog_api USING ((source_id = ANY (( SELECT homelog.readable_sources() AS readable_sources)::uuid[])));

--
-- Name: POLICY select_reader ON readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.readings IS 'Whoever may read the source reads its readings.';

--
-- Name: sessions select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.sessions FOR SELECT TO homelog_api USING ((user_id = ( SELECT homelog.current_user_id() AS current_user_id)));

--
-- Name: POLICY select_reader ON sessions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.sessions IS 'One sees one''s own sessions.';

--
-- Name: source_retentions select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.source_retentions FOR SELECT TO homelog_api USING ((source_id = ANY (( SELECT homelog.granted_sources() AS granted_sources)::uuid[])));

--
-- Name: POLICY select_reader ON source_retentions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.source_retentions IS 'Whoever was granted the source sees how long it keeps readings.';

--
-- Name: source_tombstones select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.source_tombstones FOR SELECT TO homelog_api USING ((source_id = ANY (( SELECT homelog.granted_sources() AS granted_sources)::uuid[])));

--
-- Name: POLICY select_reader ON source_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.source_tombstones IS 'Whoever was granted the source learns what is gone from it.';

--
-- Name: user_oauth_identities select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.user_oauth_identities FOR SELECT TO homelog_api USING ((user_id = ( SELECT homelog.current_user_id() AS current_user_id)));

--
-- Name: POLICY select_reader ON user_oauth_identities; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.user_oauth_identities IS 'One sees one''s own identities.';

--
-- Name: user_passwords select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.user_passwords FOR SELECT TO homelog_api USING ((user_id = ( SELECT homelog.current_user_id() AS current_user_id)));

--
-- Name: POLICY select_reader ON user_passwords; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.user_passwords IS 'One sees whether one''s own password is temporary; nobody sees a hash.';

--
-- Name: user_source_access select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.user_source_access FOR SELECT TO homelog_api USING (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (source_id = ANY (( SELECT homelog.administered_sources() AS administered_sources)::uuid[]))));

--
-- Name: POLICY select_reader ON user_source_access; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.user_source_access IS 'One sees one''s own grants, and all of the sources that one administers.';

--
-- Name: user_tombstones select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.user_tombstones FOR SELECT TO homelog_api USING (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) AND (( SELECT homelog.is_unbound() AS is_unbound) OR ((type = 'source'::public.change_type) AND (id = ANY (( SELECT homelog.bound_sources() AS bound_sources)::uuid[]))))));

--
-- Name: POLICY select_reader ON user_tombstones; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.user_tombstones IS 'One learns what one does not see any more.';

--
-- Name: users select_reader; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY select_reader ON public.users FOR SELECT TO homelog_api USING ((id = ( SELECT homelog.current_user_id() AS current_user_id)));

--
-- Name: POLICY select_reader ON users; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY select_reader ON public.users IS 'One sees one''s own account.';

--
-- Name: sessions; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.sessions ENABLE ROW LEVEL SECURITY;

--
-- Name: source_retentions; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.source_retentions ENABLE ROW LEVEL SECURITY;

--
-- Name: source_tombstones; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.source_tombstones ENABLE ROW LEVEL SECURITY;

--
-- Name: spent_tickets; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.spent_tickets ENABLE ROW LEVEL SECURITY;

--
-- Name: stale_days; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.stale_days ENABLE ROW LEVEL SECURITY;

--
-- Name: care_intervals update_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY update_admin ON public.care_intervals FOR UPDATE TO homelog_api USING ((EXISTS ( SELECT
   FROM public.plants p
  WHERE ((p.id = care_intervals.plant_id) AND ((p.user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (p.home_id = ANY (( SELECT homelog.administered_homes() AS administered_homes)::uuid[])))))));

--
-- Name: POLICY update_admin ON care_intervals; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY update_admin ON public.care_intervals IS 'A plant''s owner and its home''s admins change how often it wants care.';

--
-- Name: data_sources update_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY update_admin ON public.data_sources FOR UPDATE TO homelog_api USING ((id = ANY (( SELECT homelog.administered_sources() AS administered_sources)::uuid[])));

--
-- Name: POLICY update_admin ON data_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY update_admin ON public.data_sources IS 'A source''s admins change it.';

--
-- Name: data_validators update_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY update_admin ON public.data_validators FOR UPDATE TO homelog_api USING ((source_id = ANY (( SELECT homelog.administered_sources() AS administered_sources)::uuid[])));

--
-- Name: POLICY update_admin ON data_validators; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY update_admin ON public.data_validators IS 'A source''s admins change its rules.';

--
-- Name: home_members update_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY update_admin ON public.home_members FOR UPDATE TO homelog_api USING ((home_id = ANY (( SELECT homelog.administered_homes() AS administered_homes)::uuid[])));

--
-- Name: POLICY update_admin ON home_members; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY update_admin ON public.home_members IS 'A home''s admins change what members may do.';

--
-- Name: homes update_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY update_admin ON public.homes FOR UPDATE TO homelog_api USING ((id = ANY (( SELECT homelog.administered_homes() AS administered_homes)::uuid[])));

--
-- Name: POLICY update_admin ON homes; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY update_admin ON public.homes IS 'A home''s admins change it.';

--
-- Name: source_retentions update_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY update_admin ON public.source_retentions FOR UPDATE TO homelog_api USING ((source_id = ANY (( SELECT homelog.administered_sources() AS administered_sources)::uuid[])));

--
-- Name: POLICY update_admin ON source_retentions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY update_admin ON public.source_retentions IS 'A source''s admins change how long it keeps readings.';

--
-- Name: user_source_access update_admin; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY update_admin ON public.user_source_access FOR UPDATE TO homelog_api USING ((source_id = ANY (( SELECT homelog.administered_sources() AS administered_sources)::uuid[])));

--
-- Name: POLICY update_admin ON user_source_access; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY update_admin ON public.user_source_access IS 'A source''s admins change grants.';

--
-- Name: calendar_links update_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY update_writer ON public.calendar_links FOR UPDATE TO homelog_api USING (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) AND (( SELECT homelog.current_token_id() AS current_token_id) IS NULL))) WITH CHECK (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) AND (( SELECT homelog.current_token_id() AS current_token_id) IS NULL)));

--
-- Name: POLICY update_writer ON calendar_links; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY update_writer ON public.calendar_links IS 'One replaces the key of one''s own link.';

--
-- Name: growth_measurements update_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY update_writer ON public.growth_measurements FOR UPDATE TO homelog_api USING ((EXISTS ( SELECT
   FROM public.plants p
  WHERE ((p.id = growth_measurements.plant_id) AND ((p.user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (p.home_id = ANY (( SELECT homelog.writable_homes() AS writable_homes)::uuid[])))))));

--
-- Name: POLICY update_writer ON growth_measurements; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY update_writer ON public.growth_measurements IS 'Whoever may care for a plant corrects its measurements.';

--
-- Name: line_protocol_sources update_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY update_writer ON public.line_protocol_sources FOR UPDATE TO homelog_api USING ((user_id = ( SELECT homelog.current_user_id() AS current_user_id))) WITH CHECK ((user_id = ( SELECT homelog.current_user_id() AS current_user_id)));

--
-- Name: POLICY update_writer ON line_protocol_sources; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY update_writer ON public.line_protocol_sources IS 'One maps one''s own series elsewhere.';

--
-- Name: plants update_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY update_writer ON public.plants FOR UPDATE TO homelog_api USING ((( SELECT homelog.is_unbound() AS is_unbound) AND ((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (home_id = ANY (( SELECT homelog.writable_homes() AS writable_homes)::uuid[]))))) WITH CHECK (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) OR (home_id = ANY (( SELECT homelog.writable_homes() AS writable_homes)::uuid[]))));

--
-- Name: POLICY update_writer ON plants; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY update_writer ON public.plants IS 'Whoever may write to a plant''s home cares for it.';

--
-- Name: readings update_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY update_writer ON public.readings FOR UPDATE TO homelog_api USING ((source_id = ANY (( SELECT homelog.writable_sources() AS writable_sources)::uuid[])));

--
-- Name: POLICY update_writer ON readings; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY update_writer ON public.readings IS 'Whoever may write to the source corrects readings.';

--
-- Name: sessions update_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY update_writer ON public.sessions FOR UPDATE TO homelog_api USING ((user_id = ( SELECT homelog.current_user_id() AS current_user_id))) WITH CHECK (((user_id = ( SELECT homelog.current_user_id() AS current_user_id)) AND (ended_at IS NOT NULL)));

--
-- Name: POLICY update_writer ON sessions; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY update_writer ON public.sessions IS 'One ends one''s own sessions; none comes back to life.';

--
-- Name: users update_writer; Type: POLICY; Schema: public; Owner: homelog_owner
--

CREATE POLICY update_writer ON public.users FOR UPDATE TO homelog_api USING ((id = ( SELECT homelog.current_user_id() AS current_user_id)));

--
-- Name: POLICY update_writer ON users; Type: COMMENT; Schema: public; Owner: homelog_owner
--

COMMENT ON POLICY update_writer ON public.users IS 'One changes one''s own account.';

--
-- Name: user_oauth_identities; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.user_oauth_identities ENABLE ROW LEVEL SECURITY;

--
-- Name: user_passwords; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.user_passwords ENABLE ROW LEVEL SECURITY;

--
-- Name: user_source_access; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.user_source_access ENABLE ROW LEVEL SECURITY;

--
-- Name: user_tombstones; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.user_tombstones ENABLE ROW LEVEL SECURITY;

--
-- Name: users; Type: ROW SECURITY; Schema: public; Owner: homelog_owner
--

ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;

--
-- Name: SCHEMA homelog; Type: ACL; Schema: -; Owner: homelog_owner
--

GRANT USAGE ON SCHEMA homelog TO homelog_migrator;
GRANT USAGE ON SCHEMA homelog TO homelog_api;
GRANT USAGE ON SCHEMA homelog TO homelog_ops;

--
-- Name: SCHEMA public; Type: ACL; Schema: -; Owner: pg_database_owner
--

GRANT ALL ON SCHEMA public TO homelog_owner;
GRANT USAGE ON SCHEMA public TO homelog_migrator;
GRANT USAGE ON SCHEMA public TO homelog_api;
GRANT USAGE ON SCHEMA public TO homelog_ops;

--
-- Name: SCHEMA yoyo; Type: ACL; Schema: -; Owner: homelog_migrator
--

GRANT USAGE ON SCHEMA yoyo TO homelog_ops;

--
-- Name: FUNCTION act_as(caller uuid, named uuid[]); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.act_as(caller uuid, named uuid[]) FROM PUBLIC;

--
-- Name: FUNCTION act_as(caller uuid, session uuid, named uuid[]); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.act_as(caller uuid, session uuid, named uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.act_as(caller uuid, session uuid, named uuid[]) TO homelog_api;

--
-- Name: FUNCTION act_as_gated(caller uuid, session uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.act_as_gated(caller uuid, session uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.act_as_gated(caller uuid, session uuid) TO homelog_api;

--
-- Name: FUNCTION act_as_gated_token(token bytea); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.act_as_gated_token(token bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.act_as_gated_token(token bytea) TO homelog_api;

--
-- Name: FUNCTION act_as_token(token bytea, named uuid[]); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.act_as_token(token bytea, named uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.act_as_token(token bytea, named uuid[]) TO homelog_api;

--
-- Name: FUNCTION act_as_token(token bytea, needed text, named uuid[]); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.act_as_token(token bytea, needed text, named uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.act_as_token(token bytea, needed text, named uuid[]) TO homelog_api;

--
-- Name: FUNCTION act_by_calendar_key(wanted bytea); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.act_by_calendar_key(wanted bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.act_by_calendar_key(wanted bytea) TO homelog_api;

--
-- Name: FUNCTION administered_homes(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.administered_homes() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.administered_homes() TO homelog_api;

--
-- Name: FUNCTION administered_sources(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.administered_sources() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.administered_sources() TO homelog_api;
GRANT ALL ON FUNCTION homelog.administered_sources() TO homelog_ops;

--
-- Name: FUNCTION analyze_grown(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.analyze_grown() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.analyze_grown() TO homelog_api;

--
-- Name: FUNCTION begin_maintenance(every interval); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.begin_maintenance(every interval) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.begin_maintenance(every interval) TO homelog_api;

--
-- Name: FUNCTION bound_sources(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.bound_sources() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.bound_sources() TO homelog_api;
GRANT ALL ON FUNCTION homelog.bound_sources() TO homelog_ops;

--
-- Name: FUNCTION is_too_steep(max_rate double precision, value double precision, at timestamp with time zone, other double precision, other_at timestamp with time zone); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.is_too_steep(max_rate double precision, value double precision, at timestamp with time zone, other double precision, other_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.is_too_steep(max_rate double precision, value double precision, at timestamp with time zone, other double precision, other_at timestamp with time zone) TO homelog_api;

--
-- Name: FUNCTION broken_rule(min_value double precision, max_value double precision, non_decreasing boolean, max_rate double precision, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.broken_rule(min_value double precision, max_value double precision, non_decreasing boolean, max_rate double precision, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.broken_rule(min_value double precision, max_value double precision, non_decreasing boolean, max_rate double precision, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone) TO homelog_api;

--
-- Name: FUNCTION broken_rule(rules public.validator_rules, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.broken_rule(rules public.validator_rules, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.broken_rule(rules public.validator_rules, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone) TO homelog_api;

--
-- Name: FUNCTION local_date(at timestamp with time zone, zone text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.local_date(at timestamp with time zone, zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.local_date(at timestamp with time zone, zone text) TO homelog_api;
GRANT ALL ON FUNCTION homelog.local_date(at timestamp with time zone, zone text) TO homelog_ops;

--
-- Name: FUNCTION care_due_on(every integer, last_at timestamp with time zone, zone text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.care_due_on(every integer, last_at timestamp with time zone, zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.care_due_on(every integer, last_at timestamp with time zone, zone text) TO homelog_api;
GRANT ALL ON FUNCTION homelog.care_due_on(every integer, last_at timestamp with time zone, zone text) TO homelog_ops;

--
-- Name: FUNCTION care_id(many uuid, plant uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.care_id(many uuid, plant uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.care_id(many uuid, plant uuid) TO homelog_api;

--
-- Name: TABLE users; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT,DELETE ON TABLE public.users TO homelog_api;
GRANT SELECT ON TABLE public.users TO homelog_ops;

--
-- Name: COLUMN users.email; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(email) ON TABLE public.users TO homelog_api;

--
-- Name: COLUMN users.username; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(username) ON TABLE public.users TO homelog_api;

--
-- Name: COLUMN users.display_name; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(display_name) ON TABLE public.users TO homelog_api;

--
-- Name: FUNCTION change_account(wanted uuid, versions timestamp with time zone[], changes jsonb, freshness interval); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.change_account(wanted uuid, versions timestamp with time zone[], changes jsonb, freshness interval) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.change_account(wanted uuid, versions timestamp with time zone[], changes jsonb, freshness interval) TO homelog_api;

--
-- Name: FUNCTION change_era(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.change_era() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.change_era() TO homelog_api;

--
-- Name: FUNCTION change_own_password(checked_hash text, new_hash text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.change_own_password(checked_hash text, new_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.change_own_password(checked_hash text, new_hash text) TO homelog_api;

--
-- Name: FUNCTION change_retention(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.change_retention() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.change_retention() TO homelog_api;

--
-- Name: FUNCTION change_snapshot(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.change_snapshot() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.change_snapshot() TO homelog_api;

--
-- Name: FUNCTION current_user_id(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.current_user_id() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.current_user_id() TO homelog_api;
GRANT ALL ON FUNCTION homelog.current_user_id() TO homelog_ops;

--
-- Name: TABLE readings; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT,DELETE ON TABLE public.readings TO homelog_api;
GRANT SELECT ON TABLE public.readings TO homelog_ops;

--
-- Name: COLUMN readings.id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(id) ON TABLE public.readings TO homelog_api;

--
-- Name: COLUMN readings.source_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(source_id) ON TABLE public.readings TO homelog_api;

--
-- Name: COLUMN readings.value; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(value),UPDATE(value) ON TABLE public.readings TO homelog_api;

--
-- Name: COLUMN readings."timestamp"; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT("timestamp") ON TABLE public.readings TO homelog_api;

--
-- Name: COLUMN readings.quality_flag; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(quality_flag),UPDATE(quality_flag) ON TABLE public.readings TO homelog_api;

--
-- Name: COLUMN readings.notes; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(notes),UPDATE(notes) ON TABLE public.readings TO homelog_api;

--
-- Name: COLUMN readings.metadata; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(metadata),UPDATE(metadata) ON TABLE public.readings TO homelog_api;

--
-- Name: FUNCTION changed_readings(since pg_snapshot, last_source uuid, last_time timestamp with time zone, most integer); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.changed_readings(since pg_snapshot, last_source uuid, last_time timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.changed_readings(since pg_snapshot, last_source uuid, last_time timestamp with time zone, most integer) TO homelog_api;

--
-- Name: FUNCTION changed_since(row_xmin xid, since pg_snapshot); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.changed_since(row_xmin xid, since pg_snapshot) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.changed_since(row_xmin xid, since pg_snapshot) TO homelog_api;

--
-- Name: FUNCTION check_session(caller uuid, session uuid, is_gate_open boolean); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.check_session(caller uuid, session uuid, is_gate_open boolean) FROM PUBLIC;

--
-- Name: FUNCTION clean_guests(most integer); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.clean_guests(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.clean_guests(most integer) TO homelog_api;

--
-- Name: FUNCTION clean_password_guesses(most integer); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.clean_password_guesses(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.clean_password_guesses(most integer) TO homelog_api;

--
-- Name: FUNCTION clean_refresh_tokens(most integer); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.clean_refresh_tokens(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.clean_refresh_tokens(most integer) TO homelog_api;

--
-- Name: FUNCTION clean_request_budgets(most integer); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.clean_request_budgets(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.clean_request_budgets(most integer) TO homelog_api;

--
-- Name: FUNCTION clean_sessions(most integer); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.clean_sessions(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.clean_sessions(most integer) TO homelog_api;

--
-- Name: FUNCTION clean_spent_tickets(most integer); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.clean_spent_tickets(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.clean_spent_tickets(most integer) TO homelog_api;

--
-- Name: FUNCTION clean_tombstones(most integer); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.clean_tombstones(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.clean_tombstones(most integer) TO homelog_api;

--
-- Name: FUNCTION confirm_password(owner uuid, checked_hash text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.confirm_password(owner uuid, checked_hash text) FROM PUBLIC;

--
-- Name: FUNCTION count_guess(counted bytea, allowed integer, kept interval); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.count_guess(counted bytea, allowed integer, kept interval) FROM PUBLIC;

--
-- Name: TABLE data_sources; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT,DELETE ON TABLE public.data_sources TO homelog_api;
GRANT SELECT ON TABLE public.data_sources TO homelog_ops;

--
-- Name: COLUMN data_sources.name; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(name) ON TABLE public.data_sources TO homelog_api;

--
-- Name: COLUMN data_sources.description; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(description) ON TABLE public.data_sources TO homelog_api;

--
-- Name: COLUMN data_sources.source_type; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(source_type) ON TABLE public.data_sources TO homelog_api;

--
-- Name: COLUMN data_sources.unit; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(unit) ON TABLE public.data_sources TO homelog_api;

--
-- Name: COLUMN data_sources.kind; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(kind) ON TABLE public.data_sources TO homelog_api;

--
-- Name: COLUMN data_sources.home_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(home_id) ON TABLE public.data_sources TO homelog_api;

--
-- Name: COLUMN data_sources.meter_number; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(meter_number) ON TABLE public.data_sources TO homelog_api;

--
-- Name: COLUMN data_sources.place_name; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(place_name) ON TABLE public.data_sources TO homelog_api;

--
-- Name: COLUMN data_sources.address; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(address) ON TABLE public.data_sources TO homelog_api;

--
-- Name: COLUMN data_sources.thumbnail_url; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(thumbnail_url) ON TABLE public.data_sources TO homelog_api;

--
-- Name: COLUMN data_sources.is_public; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(is_public) ON TABLE public.data_sources TO homelog_api;

--
-- Name: FUNCTION create_source(new_id uuid, name text, description text, source_type text, unit text, kind public.source_kind, home_id uuid, meter_number text, place_name text, address text, thumbnail_url text, is_public boolean); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.create_source(new_id uuid, name text, description text, source_type text, unit text, kind public.source_kind, home_id uuid, meter_number text, place_name text, address text, thumbnail_url text, is_public boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.create_source(new_id uuid, name text, description text, source_type text, unit text, kind public.source_kind, home_id uuid, meter_number text, place_name text, address text, thumbnail_url text, is_public boolean) TO homelog_api;

--
-- Name: FUNCTION current_session_id(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.current_session_id() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.current_session_id() TO homelog_api;

--
-- Name: FUNCTION current_token_id(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.current_token_id() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.current_token_id() TO homelog_api;
GRANT ALL ON FUNCTION homelog.current_token_id() TO homelog_ops;

--
-- Name: FUNCTION day_after(midnight timestamp with time zone, zone text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.day_after(midnight timestamp with time zone, zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.day_after(midnight timestamp with time zone, zone text) TO homelog_api;
GRANT ALL ON FUNCTION homelog.day_after(midnight timestamp with time zone, zone text) TO homelog_ops;

--
-- Name: FUNCTION day_of(at timestamp with time zone, zone text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.day_of(at timestamp with time zone, zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.day_of(at timestamp with time zone, zone text) TO homelog_api;
GRANT ALL ON FUNCTION homelog.day_of(at timestamp with time zone, zone text) TO homelog_ops;

--
-- Name: FUNCTION delete_account(wanted uuid, versions timestamp with time zone[], freshness interval); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.delete_account(wanted uuid, versions timestamp with time zone[], freshness interval) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.delete_account(wanted uuid, versions timestamp with time zone[], freshness interval) TO homelog_api;

--
-- Name: FUNCTION demand_admin(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.demand_admin() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.demand_admin() TO homelog_api;

--
-- Name: FUNCTION due_retentions(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.due_retentions() FROM PUBLIC;

--
-- Name: FUNCTION end_maintenance(run uuid, told jsonb); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.end_maintenance(run uuid, told jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.end_maintenance(run uuid, told jsonb) TO homelog_api;

--
-- Name: FUNCTION end_session_of_token(token bytea); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.end_session_of_token(token bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.end_session_of_token(token bytea) TO homelog_api;

--
-- Name: FUNCTION end_sessions(keep uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.end_sessions(keep uuid) FROM PUBLIC;

--
-- Name: FUNCTION expire_readings(most integer); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.expire_readings(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.expire_readings(most integer) TO homelog_api;

--
-- Name: FUNCTION find_credentials(wanted public.citext); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.find_credentials(wanted public.citext) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.find_credentials(wanted public.citext) TO homelog_api;

--
-- Name: FUNCTION find_grantee(wanted_source uuid, wanted_id uuid, wanted_email public.citext); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.find_grantee(wanted_source uuid, wanted_id uuid, wanted_email public.citext) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.find_grantee(wanted_source uuid, wanted_id uuid, wanted_email public.citext) TO homelog_api;

--
-- Name: FUNCTION find_invited(wanted_home uuid, wanted_id uuid, wanted_email public.citext); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.find_invited(wanted_home uuid, wanted_id uuid, wanted_email public.citext) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.find_invited(wanted_home uuid, wanted_id uuid, wanted_email public.citext) TO homelog_api;

--
-- Name: FUNCTION find_user(wanted_id uuid, wanted_email public.citext); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.find_user(wanted_id uuid, wanted_email public.citext) FROM PUBLIC;

--
-- Name: FUNCTION forget_tombstones(keep interval); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.forget_tombstones(keep interval) FROM PUBLIC;

--
-- Name: FUNCTION forgive_own_password(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.forgive_own_password() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.forgive_own_password() TO homelog_api;

--
-- Name: FUNCTION forgive_sign_in(tried public.citext, address text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.forgive_sign_in(tried public.citext, address text) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.forgive_sign_in(tried public.citext, address text) TO homelog_api;

--
-- Name: FUNCTION gained_plants(since pg_snapshot); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.gained_plants(since pg_snapshot) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.gained_plants(since pg_snapshot) TO homelog_api;

--
-- Name: FUNCTION gained_sources(since pg_snapshot); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.gained_sources(since pg_snapshot) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.gained_sources(since pg_snapshot) TO homelog_api;

--
-- Name: FUNCTION get_account(wanted uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.get_account(wanted uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.get_account(wanted uuid) TO homelog_api;

--
-- Name: FUNCTION give_password(owner uuid, new_hash text, is_temporary boolean); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.give_password(owner uuid, new_hash text, is_temporary boolean) FROM PUBLIC;

--
-- Name: FUNCTION gone_since(row_xmin xid, gone_xid xid8, since pg_snapshot); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.gone_since(row_xmin xid, gone_xid xid8, since pg_snapshot) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.gone_since(row_xmin xid, gone_xid xid8, since pg_snapshot) TO homelog_api;

--
-- Name: FUNCTION granted_sources(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.granted_sources() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.granted_sources() TO homelog_api;
GRANT ALL ON FUNCTION homelog.granted_sources() TO homelog_ops;

--
-- Name: FUNCTION guessed_pair(tried public.citext, address text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.guessed_pair(tried public.citext, address text) FROM PUBLIC;

--
-- Name: FUNCTION guessing_account(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.guessing_account() FROM PUBLIC;

--
-- Name: FUNCTION guessing_address(address text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.guessing_address(address text) FROM PUBLIC;

--
-- Name: FUNCTION guessing_site(address text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.guessing_site(address text) FROM PUBLIC;

--
-- Name: COLUMN user_passwords.user_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(user_id) ON TABLE public.user_passwords TO homelog_api;
GRANT SELECT(user_id) ON TABLE public.user_passwords TO homelog_ops;

--
-- Name: COLUMN user_passwords.is_temporary; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(is_temporary) ON TABLE public.user_passwords TO homelog_api;
GRANT SELECT(is_temporary) ON TABLE public.user_passwords TO homelog_ops;

--
-- Name: COLUMN user_passwords.created_at; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(created_at) ON TABLE public.user_passwords TO homelog_api;
GRANT SELECT(created_at) ON TABLE public.user_passwords TO homelog_ops;

--
-- Name: FUNCTION has_expired(password public.user_passwords); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.has_expired(password public.user_passwords) FROM PUBLIC;

--
-- Name: FUNCTION has_rules(sources uuid[]); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.has_rules(sources uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.has_rules(sources uuid[]) TO homelog_api;
GRANT ALL ON FUNCTION homelog.has_rules(sources uuid[]) TO homelog_ops;

--
-- Name: TABLE reading_horizons; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.reading_horizons TO homelog_api;
GRANT SELECT ON TABLE public.reading_horizons TO homelog_ops;

--
-- Name: FUNCTION horizon_of(source uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.horizon_of(source uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.horizon_of(source uuid) TO homelog_api;
GRANT ALL ON FUNCTION homelog.horizon_of(source uuid) TO homelog_ops;

--
-- Name: FUNCTION horizon_told(until timestamp with time zone); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.horizon_told(until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.horizon_told(until timestamp with time zone) TO homelog_api;
GRANT ALL ON FUNCTION homelog.horizon_told(until timestamp with time zone) TO homelog_ops;

--
-- Name: FUNCTION hour_of(at timestamp with time zone); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.hour_of(at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.hour_of(at timestamp with time zone) TO homelog_api;
GRANT ALL ON FUNCTION homelog.hour_of(at timestamp with time zone) TO homelog_ops;

--
-- Name: FUNCTION is_fresh(freshness interval); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.is_fresh(freshness interval) FROM PUBLIC;

--
-- Name: FUNCTION is_summed_alike(value double precision, flag public.quality_flag, other_value double precision, other_flag public.quality_flag); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.is_summed_alike(value double precision, flag public.quality_flag, other_value double precision, other_flag public.quality_flag) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.is_summed_alike(value double precision, flag public.quality_flag, other_value double precision, other_flag public.quality_flag) TO homelog_api;
GRANT ALL ON FUNCTION homelog.is_summed_alike(value double precision, flag public.quality_flag, other_value double precision, other_flag public.quality_flag) TO homelog_ops;

--
-- Name: FUNCTION is_timezone(name text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.is_timezone(name text) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.is_timezone(name text) TO homelog_api;

--
-- Name: FUNCTION is_unbound(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.is_unbound() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.is_unbound() TO homelog_api;
GRANT ALL ON FUNCTION homelog.is_unbound() TO homelog_ops;

--
-- Name: FUNCTION judge(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[], replaces boolean); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.judge(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[], replaces boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.judge(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[], replaces boolean) TO homelog_api;

--
-- Name: FUNCTION judge_batch(source uuid, sent json, replaces boolean); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.judge_batch(source uuid, sent json, replaces boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.judge_batch(source uuid, sent json, replaces boolean) TO homelog_api;

--
-- Name: FUNCTION judge_correction(source uuid, reading uuid, reading_at timestamp with time zone, versions timestamp with time zone[], fields jsonb); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.judge_correction(source uuid, reading uuid, reading_at timestamp with time zone, versions timestamp with time zone[], fields jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.judge_correction(source uuid, reading uuid, reading_at timestamp with time zone, versions timestamp with time zone[], fields jsonb) TO homelog_api;

--
-- Name: FUNCTION judge_history(source uuid, asked public.validator_rules, since timestamp with time zone, until timestamp with time zone, shown integer, OUT checked bigint, OUT min_value bigint, OUT max_value bigint, OUT non_decreasing bigint, OUT max_rate bigint, OUT ids uuid[], OUT timestamps timestamp with time zone[], OUT vals double precision[], OUT rules text[], OUT details text[]); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.judge_history(source uuid, asked public.validator_rules, since timestamp with time zone, until timestamp with time zone, shown integer, OUT checked bigint, OUT min_value bigint, OUT max_value bigint, OUT non_decreasing bigint, OUT max_rate bigint, OUT ids uuid[], OUT timestamps timestamp with time zone[], OUT vals double precision[], OUT rules text[], OUT details text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.judge_history(source uuid, asked public.validator_rules, since timestamp with time zone, until timestamp with time zone, shown integer, OUT checked bigint, OUT min_value bigint, OUT max_value bigint, OUT non_decreasing bigint, OUT max_rate bigint, OUT ids uuid[], OUT timestamps timestamp with time zone[], OUT vals double precision[], OUT rules text[], OUT details text[]) TO homelog_api;

--
-- Name: FUNCTION judge_in_turn(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[], replaces boolean, reject public.validator_rules, flag public.validator_rules, strictest public.validator_rules); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.judge_in_turn(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[], replaces boolean, reject public.validator_rules, flag public.validator_rules, strictest public.validator_rules) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.judge_in_turn(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[], replaces boolean, reject public.validator_rules, flag public.validator_rules, strictest public.validator_rules) TO homelog_api;

--
-- Name: FUNCTION judge_reading(source uuid, reading uuid, reading_value double precision, reading_at timestamp with time zone, reading_flag public.quality_flag, replaces boolean, OUT at timestamp with time zone, OUT flag public.quality_flag); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.judge_reading(source uuid, reading uuid, reading_value double precision, reading_at timestamp with time zone, reading_flag public.quality_flag, replaces boolean, OUT at timestamp with time zone, OUT flag public.quality_flag) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.judge_reading(source uuid, reading uuid, reading_value double precision, reading_at timestamp with time zone, reading_flag public.quality_flag, replaces boolean, OUT at timestamp with time zone, OUT flag public.quality_flag) TO homelog_api;

--
-- Name: FUNCTION keep_provider_tokens(identity uuid, sealed_access_token text, sealed_refresh_token text, expiry timestamp with time zone); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.keep_provider_tokens(identity uuid, sealed_access_token text, sealed_refresh_token text, expiry timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.keep_provider_tokens(identity uuid, sealed_access_token text, sealed_refresh_token text, expiry timestamp with time zone) TO homelog_api;

--
-- Name: FUNCTION keep_rules(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[]); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.keep_rules(source uuid, ats timestamp with time zone[], vals double precision[], flags public.quality_flag[]) FROM PUBLIC;

--
-- Name: FUNCTION leave_user_tombstone(reader uuid, gone public.change_type, gone_id uuid, how public.change_op); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.leave_user_tombstone(reader uuid, gone public.change_type, gone_id uuid, how public.change_op) FROM PUBLIC;

--
-- Name: FUNCTION list_accounts(wanted_role text, wanted_active boolean, said text, after uuid, at_most integer); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.list_accounts(wanted_role text, wanted_active boolean, said text, after uuid, at_most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.list_accounts(wanted_role text, wanted_active boolean, said text, after uuid, at_most integer) TO homelog_api;

--
-- Name: FUNCTION list_audit(since timestamp with time zone, until timestamp with time zone, wanted_type text, before_time timestamp with time zone, before_id bigint, at_most integer); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.list_audit(since timestamp with time zone, until timestamp with time zone, wanted_type text, before_time timestamp with time zone, before_id bigint, at_most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.list_audit(since timestamp with time zone, until timestamp with time zone, wanted_type text, before_time timestamp with time zone, before_id bigint, at_most integer) TO homelog_api;

--
-- Name: FUNCTION list_audit_of_user(wanted uuid, since timestamp with time zone, until timestamp with time zone, wanted_type text, before_id bigint, at_most integer); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.list_audit_of_user(wanted uuid, since timestamp with time zone, until timestamp with time zone, wanted_type text, before_id bigint, at_most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.list_audit_of_user(wanted uuid, since timestamp with time zone, until timestamp with time zone, wanted_type text, before_id bigint, at_most integer) TO homelog_api;

--
-- Name: FUNCTION lock_account(going uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.lock_account(going uuid) FROM PUBLIC;

--
-- Name: FUNCTION lock_home(wanted uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.lock_home(wanted uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.lock_home(wanted uuid) TO homelog_api;

--
-- Name: FUNCTION lock_source(wanted uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.lock_source(wanted uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.lock_source(wanted uuid) TO homelog_api;

--
-- Name: FUNCTION losses(since pg_snapshot, at timestamp with time zone); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.losses(since pg_snapshot, at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.losses(since pg_snapshot, at timestamp with time zone) TO homelog_api;

--
-- Name: FUNCTION maintenance_ended_at(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.maintenance_ended_at() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.maintenance_ended_at() TO homelog_api;

--
-- Name: FUNCTION make_account(new_email public.citext, new_display_name text, new_role text, new_hash text, freshness interval); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.make_account(new_email public.citext, new_display_name text, new_role text, new_hash text, freshness interval) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.make_account(new_email public.citext, new_display_name text, new_role text, new_hash text, freshness interval) TO homelog_api;

--
-- Name: FUNCTION make_admin(new_email public.citext, new_display_name text, new_hash text, is_temporary boolean); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.make_admin(new_email public.citext, new_display_name text, new_hash text, is_temporary boolean) FROM PUBLIC;

--
-- Name: FUNCTION make_sources_of_lines(wanted jsonb, most integer); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.make_sources_of_lines(wanted jsonb, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.make_sources_of_lines(wanted jsonb, most integer) TO homelog_api;

--
-- Name: FUNCTION moisture_part(unit text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.moisture_part(unit text) FROM PUBLIC;

--
-- Name: FUNCTION neighbours(source uuid, since timestamp with time zone, until timestamp with time zone, OUT before_value double precision, OUT before_at timestamp with time zone, OUT after_value double precision, OUT after_at timestamp with time zone); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.neighbours(source uuid, since timestamp with time zone, until timestamp with time zone, OUT before_value double precision, OUT before_at timestamp with time zone, OUT after_value double precision, OUT after_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.neighbours(source uuid, since timestamp with time zone, until timestamp with time zone, OUT before_value double precision, OUT before_at timestamp with time zone, OUT after_value double precision, OUT after_at timestamp with time zone) TO homelog_api;

--
-- Name: FUNCTION note_stale_days(sources uuid[]); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.note_stale_days(sources uuid[]) FROM PUBLIC;

--
-- Name: FUNCTION note_token_use(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.note_token_use() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.note_token_use() TO homelog_api;

--
-- Name: FUNCTION open_session(owner uuid, provider text, first_token_hash bytea, lifetime interval); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.open_session(owner uuid, provider text, first_token_hash bytea, lifetime interval) FROM PUBLIC;

--
-- Name: FUNCTION open_session_by_password(owner uuid, checked_hash text, first_token_hash bytea, lifetime interval); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.open_session_by_password(owner uuid, checked_hash text, first_token_hash bytea, lifetime interval) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.open_session_by_password(owner uuid, checked_hash text, first_token_hash bytea, lifetime interval) TO homelog_api;

--
-- Name: FUNCTION own_credentials(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.own_credentials() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.own_credentials() TO homelog_api;

--
-- Name: TABLE reading_hours; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.reading_hours TO homelog_api;
GRANT SELECT ON TABLE public.reading_hours TO homelog_ops;

--
-- Name: FUNCTION parts_of(hour public.reading_hours); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.parts_of(hour public.reading_hours) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.parts_of(hour public.reading_hours) TO homelog_api;
GRANT ALL ON FUNCTION homelog.parts_of(hour public.reading_hours) TO homelog_ops;

--
-- Name: FUNCTION people_of_home(wanted uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.people_of_home(wanted uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.people_of_home(wanted uuid) TO homelog_api;

--
-- Name: FUNCTION people_of_source(wanted uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.people_of_source(wanted uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.people_of_source(wanted uuid) TO homelog_api;

--
-- Name: FUNCTION plant_due_on(status public.plantstatus, wants_on date, snoozed_until date, sensor public.sensor_state); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.plant_due_on(status public.plantstatus, wants_on date, snoozed_until date, sensor public.sensor_state) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.plant_due_on(status public.plantstatus, wants_on date, snoozed_until date, sensor public.sensor_state) TO homelog_api;
GRANT ALL ON FUNCTION homelog.plant_due_on(status public.plantstatus, wants_on date, snoozed_until date, sensor public.sensor_state) TO homelog_ops;

--
-- Name: FUNCTION plant_due_on(status public.plantstatus, every integer, last_water timestamp with time zone, zone text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.plant_due_on(status public.plantstatus, every integer, last_water timestamp with time zone, zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.plant_due_on(status public.plantstatus, every integer, last_water timestamp with time zone, zone text) TO homelog_api;
GRANT ALL ON FUNCTION homelog.plant_due_on(status public.plantstatus, every integer, last_water timestamp with time zone, zone text) TO homelog_ops;

--
-- Name: FUNCTION plant_sensor(source uuid, told_at timestamp with time zone, stale_after_hours integer, at timestamp with time zone); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.plant_sensor(source uuid, told_at timestamp with time zone, stale_after_hours integer, at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.plant_sensor(source uuid, told_at timestamp with time zone, stale_after_hours integer, at timestamp with time zone) TO homelog_api;
GRANT ALL ON FUNCTION homelog.plant_sensor(source uuid, told_at timestamp with time zone, stale_after_hours integer, at timestamp with time zone) TO homelog_ops;

--
-- Name: FUNCTION plant_status(status public.plantstatus, every integer, last_water timestamp with time zone, zone text, at timestamp with time zone); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.plant_status(status public.plantstatus, every integer, last_water timestamp with time zone, zone text, at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.plant_status(status public.plantstatus, every integer, last_water timestamp with time zone, zone text, at timestamp with time zone) TO homelog_api;
GRANT ALL ON FUNCTION homelog.plant_status(status public.plantstatus, every integer, last_water timestamp with time zone, zone text, at timestamp with time zone) TO homelog_ops;

--
-- Name: FUNCTION plant_status(status public.plantstatus, watered_on date, wants_on date, due_on date, sensor public.sensor_state, today date); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.plant_status(status public.plantstatus, watered_on date, wants_on date, due_on date, sensor public.sensor_state, today date) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.plant_status(status public.plantstatus, watered_on date, wants_on date, due_on date, sensor public.sensor_state, today date) TO homelog_api;
GRANT ALL ON FUNCTION homelog.plant_status(status public.plantstatus, watered_on date, wants_on date, due_on date, sensor public.sensor_state, today date) TO homelog_ops;

--
-- Name: FUNCTION plant_wants_on(status public.plantstatus, watered_on date, days integer, sensor public.sensor_state, dry_on date); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.plant_wants_on(status public.plantstatus, watered_on date, days integer, sensor public.sensor_state, dry_on date) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.plant_wants_on(status public.plantstatus, watered_on date, days integer, sensor public.sensor_state, dry_on date) TO homelog_api;
GRANT ALL ON FUNCTION homelog.plant_wants_on(status public.plantstatus, watered_on date, days integer, sensor public.sensor_state, dry_on date) TO homelog_ops;

--
-- Name: FUNCTION timezone_of(home uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.timezone_of(home uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.timezone_of(home uuid) TO homelog_api;
GRANT ALL ON FUNCTION homelog.timezone_of(home uuid) TO homelog_ops;

--
-- Name: FUNCTION plant_zone(home uuid, shown text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.plant_zone(home uuid, shown text) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.plant_zone(home uuid, shown text) TO homelog_api;
GRANT ALL ON FUNCTION homelog.plant_zone(home uuid, shown text) TO homelog_ops;

--
-- Name: TABLE plants; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT,DELETE ON TABLE public.plants TO homelog_api;
GRANT SELECT ON TABLE public.plants TO homelog_ops;

--
-- Name: COLUMN plants.id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(id) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.name; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(name),UPDATE(name) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.species; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(species),UPDATE(species) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.kind; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(kind),UPDATE(kind) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.room; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(room),UPDATE(room) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.moisture; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(moisture),UPDATE(moisture) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.status; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(status),UPDATE(status) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.every; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(every),UPDATE(every) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.light; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(light),UPDATE(light) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.note; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(note),UPDATE(note) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.growth; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(growth),UPDATE(growth) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.last_water; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(last_water),UPDATE(last_water) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.home_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(home_id),UPDATE(home_id) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.season_factor; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(season_factor),UPDATE(season_factor) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.season_from; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(season_from),UPDATE(season_from) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.season_to; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(season_to),UPDATE(season_to) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.snoozed_until; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(snoozed_until),UPDATE(snoozed_until) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.moisture_source_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(moisture_source_id),UPDATE(moisture_source_id) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.dry_below; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(dry_below),UPDATE(dry_below) ON TABLE public.plants TO homelog_api;

--
-- Name: COLUMN plants.stale_after_hours; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(stale_after_hours),UPDATE(stale_after_hours) ON TABLE public.plants TO homelog_api;

--
-- Name: FUNCTION put_out_plant(wanted uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.put_out_plant(wanted uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.put_out_plant(wanted uuid) TO homelog_api;

--
-- Name: FUNCTION reach(caller uuid, named uuid[]); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.reach(caller uuid, named uuid[]) FROM PUBLIC;

--
-- Name: FUNCTION readable_homes(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.readable_homes() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.readable_homes() TO homelog_api;

--
-- Name: FUNCTION readable_plants(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.readable_plants() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.readable_plants() TO homelog_api;

--
-- Name: FUNCTION readable_sources(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.readable_sources() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.readable_sources() TO homelog_api;
GRANT ALL ON FUNCTION homelog.readable_sources() TO homelog_ops;

--
-- Name: FUNCTION reading_told(reading public.readings); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.reading_told(reading public.readings) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.reading_told(reading public.readings) TO homelog_api;

--
-- Name: FUNCTION reads_source(reader uuid, wanted uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.reads_source(reader uuid, wanted uuid) FROM PUBLIC;

--
-- Name: FUNCTION rebuild_days(source uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.rebuild_days(source uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.rebuild_days(source uuid) TO homelog_ops;

--
-- Name: FUNCTION rebuild_hours(source uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.rebuild_hours(source uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.rebuild_hours(source uuid) TO homelog_ops;

--
-- Name: FUNCTION rebuild_stale_days(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.rebuild_stale_days() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.rebuild_stale_days() TO homelog_api;

--
-- Name: FUNCTION record_failed_identity(vouching public.auth_provider, its_issuer text, subject text, reason text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.record_failed_identity(vouching public.auth_provider, its_issuer text, subject text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.record_failed_identity(vouching public.auth_provider, its_issuer text, subject text, reason text) TO homelog_api;

--
-- Name: FUNCTION record_failed_login(tried public.citext); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.record_failed_login(tried public.citext) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.record_failed_login(tried public.citext) TO homelog_api;

--
-- Name: FUNCTION record_login(owner uuid, details jsonb); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.record_login(owner uuid, details jsonb) FROM PUBLIC;

--
-- Name: FUNCTION record_view(viewed uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.record_view(viewed uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.record_view(viewed uuid) TO homelog_api;

--
-- Name: FUNCTION recover_account(wanted public.citext, new_hash text, is_temporary boolean); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.recover_account(wanted public.citext, new_hash text, is_temporary boolean) FROM PUBLIC;

--
-- Name: FUNCTION refresh_latest_readings(sources uuid[]); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.refresh_latest_readings(sources uuid[]) FROM PUBLIC;

--
-- Name: FUNCTION refresh_session(token bytea, successor bytea, lifetime interval, grace interval); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.refresh_session(token bytea, successor bytea, lifetime interval, grace interval) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.refresh_session(token bytea, successor bytea, lifetime interval, grace interval) TO homelog_api;

--
-- Name: FUNCTION refuse_gated(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.refuse_gated() FROM PUBLIC;

--
-- Name: FUNCTION refuse_reading(rule text, detail text, field text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.refuse_reading(rule text, detail text, field text) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.refuse_reading(rule text, detail text, field text) TO homelog_api;

--
-- Name: FUNCTION register_user(new_id uuid, new_email public.citext, new_display_name text, new_password_hash text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.register_user(new_id uuid, new_email public.citext, new_display_name text, new_password_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.register_user(new_id uuid, new_email public.citext, new_display_name text, new_password_hash text) TO homelog_api;

--
-- Name: FUNCTION rehash_password(owner uuid, old_hash text, new_hash text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.rehash_password(owner uuid, old_hash text, new_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.rehash_password(owner uuid, old_hash text, new_hash text) TO homelog_api;

--
-- Name: FUNCTION reset_password(wanted uuid, new_hash text, freshness interval); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.reset_password(wanted uuid, new_hash text, freshness interval) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.reset_password(wanted uuid, new_hash text, freshness interval) TO homelog_api;

--
-- Name: FUNCTION rights_to_source(wanted uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.rights_to_source(wanted uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.rights_to_source(wanted uuid) TO homelog_api;

--
-- Name: FUNCTION rotate_refresh_token(token bytea, successors bytea[], lifetime interval, absolute interval, grace interval); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.rotate_refresh_token(token bytea, successors bytea[], lifetime interval, absolute interval, grace interval) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.rotate_refresh_token(token bytea, successors bytea[], lifetime interval, absolute interval, grace interval) TO homelog_api;

--
-- Name: FUNCTION sense(plant public.plants, anew boolean); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.sense(plant public.plants, anew boolean) FROM PUBLIC;

--
-- Name: FUNCTION sense_plants(sources uuid[], anew boolean); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.sense_plants(sources uuid[], anew boolean) FROM PUBLIC;

--
-- Name: FUNCTION session_of_refresh_token(token bytea); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.session_of_refresh_token(token bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.session_of_refresh_token(token bytea) TO homelog_api;

--
-- Name: FUNCTION set_first_password(new_hash text, freshness interval); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.set_first_password(new_hash text, freshness interval) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.set_first_password(new_hash text, freshness interval) TO homelog_api;

--
-- Name: FUNCTION set_own_password(new_hash text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.set_own_password(new_hash text) FROM PUBLIC;

--
-- Name: FUNCTION watering_interval(every integer, season_factor double precision, season_from integer, season_to integer, watered_on date); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.watering_interval(every integer, season_factor double precision, season_from integer, season_to integer, watered_on date) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.watering_interval(every integer, season_factor double precision, season_from integer, season_to integer, watered_on date) TO homelog_api;
GRANT ALL ON FUNCTION homelog.watering_interval(every integer, season_factor double precision, season_from integer, season_to integer, watered_on date) TO homelog_ops;

--
-- Name: FUNCTION shown_plant(plant public.plants, zone text, at timestamp with time zone); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.shown_plant(plant public.plants, zone text, at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.shown_plant(plant public.plants, zone text, at timestamp with time zone) TO homelog_api;
GRANT ALL ON FUNCTION homelog.shown_plant(plant public.plants, zone text, at timestamp with time zone) TO homelog_ops;

--
-- Name: TABLE homes; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT,DELETE ON TABLE public.homes TO homelog_api;
GRANT SELECT ON TABLE public.homes TO homelog_ops;

--
-- Name: COLUMN homes.id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(id) ON TABLE public.homes TO homelog_api;

--
-- Name: COLUMN homes.name; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(name),UPDATE(name) ON TABLE public.homes TO homelog_api;

--
-- Name: COLUMN homes.address; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(address),UPDATE(address) ON TABLE public.homes TO homelog_api;

--
-- Name: COLUMN homes.timezone; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(timezone),UPDATE(timezone) ON TABLE public.homes TO homelog_api;

--
-- Name: TABLE shown_plants; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.shown_plants TO homelog_api;
GRANT SELECT ON TABLE public.shown_plants TO homelog_ops;

--
-- Name: FUNCTION shown_plant(plant public.plants); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.shown_plant(plant public.plants) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.shown_plant(plant public.plants) TO homelog_api;
GRANT ALL ON FUNCTION homelog.shown_plant(plant public.plants) TO homelog_ops;

--
-- Name: FUNCTION sign_in_by_identity(vouching public.auth_provider, its_issuer text, subject text, its_email public.citext, its_name text, its_picture text, may_register boolean, first_token_hash bytea, lifetime interval); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.sign_in_by_identity(vouching public.auth_provider, its_issuer text, subject text, its_email public.citext, its_name text, its_picture text, may_register boolean, first_token_hash bytea, lifetime interval) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.sign_in_by_identity(vouching public.auth_provider, its_issuer text, subject text, its_email public.citext, its_name text, its_picture text, may_register boolean, first_token_hash bytea, lifetime interval) TO homelog_api;

--
-- Name: FUNCTION spend_ticket(ticket bytea, until timestamp with time zone); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.spend_ticket(ticket bytea, until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.spend_ticket(ticket bytea, until timestamp with time zone) TO homelog_api;

--
-- Name: FUNCTION sum_up_days(sources uuid[], hours timestamp with time zone[]); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.sum_up_days(sources uuid[], hours timestamp with time zone[]) FROM PUBLIC;

--
-- Name: FUNCTION sum_up_hours(sources uuid[], hours timestamp with time zone[]); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.sum_up_hours(sources uuid[], hours timestamp with time zone[]) FROM PUBLIC;

--
-- Name: FUNCTION take_guess_back(counted bytea); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.take_guess_back(counted bytea) FROM PUBLIC;

--
-- Name: FUNCTION take_requests(who uuid[], wanted integer[], most integer); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.take_requests(who uuid[], wanted integer[], most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.take_requests(who uuid[], wanted integer[], most integer) TO homelog_api;

--
-- Name: FUNCTION take_turns(sources uuid[]); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.take_turns(sources uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.take_turns(sources uuid[]) TO homelog_api;

--
-- Name: FUNCTION takes_maintenance_turn(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.takes_maintenance_turn() FROM PUBLIC;

--
-- Name: FUNCTION tg__add_first_member(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__add_first_member() FROM PUBLIC;

--
-- Name: FUNCTION tg__audit(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__audit() FROM PUBLIC;

--
-- Name: FUNCTION tg__audit_calendar_link(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__audit_calendar_link() FROM PUBLIC;

--
-- Name: FUNCTION tg__audit_identity(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__audit_identity() FROM PUBLIC;

--
-- Name: FUNCTION tg__audit_many(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__audit_many() FROM PUBLIC;

--
-- Name: FUNCTION tg__audit_readings(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__audit_readings() FROM PUBLIC;

--
-- Name: FUNCTION tg__audit_source_deletion(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__audit_source_deletion() FROM PUBLIC;

--
-- Name: FUNCTION tg__audit_standing(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__audit_standing() FROM PUBLIC;

--
-- Name: FUNCTION tg__audit_token(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__audit_token() FROM PUBLIC;

--
-- Name: FUNCTION tg__bound_tokens(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__bound_tokens() FROM PUBLIC;

--
-- Name: FUNCTION tg__check_expiry(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__check_expiry() FROM PUBLIC;

--
-- Name: FUNCTION tg__check_home(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__check_home() FROM PUBLIC;

--
-- Name: FUNCTION tg__check_mapped_source(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__check_mapped_source() FROM PUBLIC;

--
-- Name: FUNCTION tg__check_moisture_source(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__check_moisture_source() FROM PUBLIC;

--
-- Name: FUNCTION tg__check_owners_home(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__check_owners_home() FROM PUBLIC;

--
-- Name: FUNCTION tg__check_timezone(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__check_timezone() FROM PUBLIC;

--
-- Name: FUNCTION tg__check_token_sources(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__check_token_sources() FROM PUBLIC;

--
-- Name: FUNCTION tg__end_sessions(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__end_sessions() FROM PUBLIC;

--
-- Name: FUNCTION tg__forget_tombstones(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__forget_tombstones() FROM PUBLIC;

--
-- Name: FUNCTION tg__gain_home(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__gain_home() FROM PUBLIC;

--
-- Name: FUNCTION tg__gain_source(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__gain_source() FROM PUBLIC;

--
-- Name: FUNCTION tg__gate(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__gate() FROM PUBLIC;

--
-- Name: FUNCTION tg__gate_all(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__gate_all() FROM PUBLIC;

--
-- Name: FUNCTION tg__go_one_by_one(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__go_one_by_one() FROM PUBLIC;

--
-- Name: FUNCTION tg__judge_readings(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__judge_readings() FROM PUBLIC;

--
-- Name: FUNCTION tg__keep_a_home_admin(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__keep_a_home_admin() FROM PUBLIC;

--
-- Name: FUNCTION tg__keep_a_way_in(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__keep_a_way_in() FROM PUBLIC;

--
-- Name: FUNCTION tg__keep_an_admin(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__keep_an_admin() FROM PUBLIC;

--
-- Name: FUNCTION tg__keep_horizon(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__keep_horizon() FROM PUBLIC;

--
-- Name: FUNCTION tg__keep_last_admin(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__keep_last_admin() FROM PUBLIC;

--
-- Name: FUNCTION tg__keep_latest_readings(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__keep_latest_readings() FROM PUBLIC;

--
-- Name: FUNCTION tg__keep_meter_events(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__keep_meter_events() FROM PUBLIC;

--
-- Name: FUNCTION tg__leave_care_tombstone(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__leave_care_tombstone() FROM PUBLIC;

--
-- Name: FUNCTION tg__leave_grant_tombstone(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__leave_grant_tombstone() FROM PUBLIC;

--
-- Name: FUNCTION tg__leave_member_tombstone(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__leave_member_tombstone() FROM PUBLIC;

--
-- Name: FUNCTION tg__leave_nothing_orphaned(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__leave_nothing_orphaned() FROM PUBLIC;

--
-- Name: FUNCTION tg__leave_plant_tombstone(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__leave_plant_tombstone() FROM PUBLIC;

--
-- Name: FUNCTION tg__leave_source_tombstone(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__leave_source_tombstone() FROM PUBLIC;

--
-- Name: FUNCTION tg__lift_horizon(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__lift_horizon() FROM PUBLIC;

--
-- Name: FUNCTION tg__limit_followers(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__limit_followers() FROM PUBLIC;

--
-- Name: FUNCTION tg__lock_followers(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__lock_followers() FROM PUBLIC;

--
-- Name: FUNCTION tg__lock_own_account(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__lock_own_account() FROM PUBLIC;

--
-- Name: FUNCTION tg__lock_what_stands_there(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__lock_what_stands_there() FROM PUBLIC;

--
-- Name: FUNCTION tg__name_token(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__name_token() FROM PUBLIC;

--
-- Name: FUNCTION tg__note_move(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__note_move() FROM PUBLIC;

--
-- Name: FUNCTION tg__note_stale_days(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__note_stale_days() FROM PUBLIC;

--
-- Name: FUNCTION tg__note_watering(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__note_watering() FROM PUBLIC;

--
-- Name: FUNCTION tg__rebuild_days(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__rebuild_days() FROM PUBLIC;

--
-- Name: FUNCTION tg__refuse_change(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__refuse_change() FROM PUBLIC;

--
-- Name: FUNCTION tg__refuse_truncate(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__refuse_truncate() FROM PUBLIC;

--
-- Name: FUNCTION tg__renew_calendar_link(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__renew_calendar_link() FROM PUBLIC;

--
-- Name: FUNCTION tg__renew_guest(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__renew_guest() FROM PUBLIC;

--
-- Name: FUNCTION tg__require_account(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__require_account() FROM PUBLIC;

--
-- Name: FUNCTION tg__require_counter(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__require_counter() FROM PUBLIC;

--
-- Name: FUNCTION tg__roll_up(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__roll_up() FROM PUBLIC;

--
-- Name: FUNCTION tg__roll_up_insert(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__roll_up_insert() FROM PUBLIC;

--
-- Name: FUNCTION tg__sense_otherwise(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__sense_otherwise() FROM PUBLIC;

--
-- Name: FUNCTION tg__sense_plant(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__sense_plant() FROM PUBLIC;

--
-- Name: FUNCTION tg__settle_password(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__settle_password() FROM PUBLIC;

--
-- Name: FUNCTION tg__touch_updated_at(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__touch_updated_at() FROM PUBLIC;

--
-- Name: FUNCTION tg__track_changes(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__track_changes() FROM PUBLIC;

--
-- Name: FUNCTION tg__undo_watering(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.tg__undo_watering() FROM PUBLIC;

--
-- Name: FUNCTION thin_hours(source uuid, hours timestamp with time zone[], ends timestamp with time zone, room integer); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.thin_hours(source uuid, hours timestamp with time zone[], ends timestamp with time zone, room integer) FROM PUBLIC;

--
-- Name: FUNCTION thinning_told(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.thinning_told() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.thinning_told() TO homelog_api;
GRANT ALL ON FUNCTION homelog.thinning_told() TO homelog_ops;

--
-- Name: FUNCTION try_own_password(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.try_own_password() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.try_own_password() TO homelog_api;

--
-- Name: FUNCTION try_sign_in(tried public.citext, address text); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.try_sign_in(tried public.citext, address text) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.try_sign_in(tried public.citext, address text) TO homelog_api;

--
-- Name: FUNCTION use_password(owner uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.use_password(owner uuid) FROM PUBLIC;

--
-- Name: FUNCTION violation_told(rule text, rules public.validator_rules, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.violation_told(rule text, rules public.validator_rules, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.violation_told(rule text, rules public.validator_rules, value double precision, at timestamp with time zone, before_value double precision, before_at timestamp with time zone, after_value double precision, after_at timestamp with time zone) TO homelog_api;

--
-- Name: FUNCTION writable_homes(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.writable_homes() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.writable_homes() TO homelog_api;

--
-- Name: FUNCTION writable_plants(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.writable_plants() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.writable_plants() TO homelog_api;

--
-- Name: FUNCTION writable_sources(); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.writable_sources() FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.writable_sources() TO homelog_api;
GRANT ALL ON FUNCTION homelog.writable_sources() TO homelog_ops;

--
-- Name: FUNCTION zone_of_source(wanted uuid); Type: ACL; Schema: homelog; Owner: homelog_owner
--

REVOKE ALL ON FUNCTION homelog.zone_of_source(wanted uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION homelog.zone_of_source(wanted uuid) TO homelog_api;

--
-- Name: TABLE schema_baseline; Type: ACL; Schema: homelog; Owner: homelog_owner
--

GRANT SELECT ON TABLE homelog.schema_baseline TO homelog_migrator;
GRANT SELECT ON TABLE homelog.schema_baseline TO homelog_api;
GRANT SELECT ON TABLE homelog.schema_baseline TO homelog_ops;

--
-- Name: TABLE schema_migrations; Type: ACL; Schema: homelog; Owner: homelog_owner
--

GRANT SELECT,INSERT,DELETE ON TABLE homelog.schema_migrations TO homelog_migrator;
GRANT SELECT ON TABLE homelog.schema_migrations TO homelog_api;
GRANT SELECT ON TABLE homelog.schema_migrations TO homelog_ops;

--
-- Name: TABLE audit_logs; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.audit_logs TO homelog_api;
GRANT SELECT ON TABLE public.audit_logs TO homelog_ops;

--
-- Name: COLUMN audit_logs.user_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(user_id) ON TABLE public.audit_logs TO homelog_api;

--
-- Name: COLUMN audit_logs.source_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(source_id) ON TABLE public.audit_logs TO homelog_api;

--
-- Name: COLUMN audit_logs.entry_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(entry_id) ON TABLE public.audit_logs TO homelog_api;

--
-- Name: COLUMN audit_logs.event_type; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(event_type) ON TABLE public.audit_logs TO homelog_api;

--
-- Name: COLUMN audit_logs.details; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(details) ON TABLE public.audit_logs TO homelog_api;

--
-- Name: SEQUENCE audit_logs_id_seq; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON SEQUENCE public.audit_logs_id_seq TO homelog_ops;

--
-- Name: TABLE calendar_links; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT DELETE ON TABLE public.calendar_links TO homelog_api;

--
-- Name: COLUMN calendar_links.user_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(user_id) ON TABLE public.calendar_links TO homelog_api;
GRANT SELECT(user_id) ON TABLE public.calendar_links TO homelog_ops;

--
-- Name: COLUMN calendar_links.key_hash; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(key_hash),UPDATE(key_hash) ON TABLE public.calendar_links TO homelog_api;

--
-- Name: COLUMN calendar_links.created_at; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(created_at) ON TABLE public.calendar_links TO homelog_api;
GRANT SELECT(created_at) ON TABLE public.calendar_links TO homelog_ops;

--
-- Name: TABLE care_events; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT,DELETE ON TABLE public.care_events TO homelog_api;
GRANT SELECT ON TABLE public.care_events TO homelog_ops;

--
-- Name: COLUMN care_events.id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(id) ON TABLE public.care_events TO homelog_api;

--
-- Name: COLUMN care_events.plant_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(plant_id) ON TABLE public.care_events TO homelog_api;

--
-- Name: COLUMN care_events.kind; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(kind) ON TABLE public.care_events TO homelog_api;

--
-- Name: COLUMN care_events.at; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(at) ON TABLE public.care_events TO homelog_api;

--
-- Name: COLUMN care_events.note; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(note) ON TABLE public.care_events TO homelog_api;

--
-- Name: COLUMN care_events.before_last_water; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(before_last_water) ON TABLE public.care_events TO homelog_api;

--
-- Name: COLUMN care_events.before_moisture; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(before_moisture) ON TABLE public.care_events TO homelog_api;

--
-- Name: COLUMN care_events.before_status; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(before_status) ON TABLE public.care_events TO homelog_api;

--
-- Name: COLUMN care_events.before_snoozed_until; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(before_snoozed_until) ON TABLE public.care_events TO homelog_api;

--
-- Name: COLUMN care_events.before_version; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(before_version) ON TABLE public.care_events TO homelog_api;

--
-- Name: TABLE care_intervals; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT,DELETE ON TABLE public.care_intervals TO homelog_api;
GRANT SELECT ON TABLE public.care_intervals TO homelog_ops;

--
-- Name: COLUMN care_intervals.plant_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(plant_id) ON TABLE public.care_intervals TO homelog_api;

--
-- Name: COLUMN care_intervals.kind; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(kind) ON TABLE public.care_intervals TO homelog_api;

--
-- Name: COLUMN care_intervals.every; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(every),UPDATE(every) ON TABLE public.care_intervals TO homelog_api;

--
-- Name: TABLE changed_days; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.changed_days TO homelog_api;
GRANT SELECT ON TABLE public.changed_days TO homelog_ops;

--
-- Name: TABLE changed_sources; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.changed_sources TO homelog_api;
GRANT SELECT ON TABLE public.changed_sources TO homelog_ops;

--
-- Name: TABLE data_validators; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT,DELETE ON TABLE public.data_validators TO homelog_api;
GRANT SELECT ON TABLE public.data_validators TO homelog_ops;

--
-- Name: COLUMN data_validators.id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(id) ON TABLE public.data_validators TO homelog_api;

--
-- Name: COLUMN data_validators.source_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(source_id) ON TABLE public.data_validators TO homelog_api;

--
-- Name: COLUMN data_validators.min_value; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(min_value),UPDATE(min_value) ON TABLE public.data_validators TO homelog_api;

--
-- Name: COLUMN data_validators.max_value; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(max_value),UPDATE(max_value) ON TABLE public.data_validators TO homelog_api;

--
-- Name: COLUMN data_validators.non_decreasing; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(non_decreasing),UPDATE(non_decreasing) ON TABLE public.data_validators TO homelog_api;

--
-- Name: COLUMN data_validators.max_rate; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(max_rate),UPDATE(max_rate) ON TABLE public.data_validators TO homelog_api;

--
-- Name: COLUMN data_validators.action; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(action),UPDATE(action) ON TABLE public.data_validators TO homelog_api;

--
-- Name: TABLE device_tokens; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT DELETE ON TABLE public.device_tokens TO homelog_api;

--
-- Name: COLUMN device_tokens.id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(id),INSERT(id) ON TABLE public.device_tokens TO homelog_api;
GRANT SELECT(id) ON TABLE public.device_tokens TO homelog_ops;

--
-- Name: COLUMN device_tokens.user_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(user_id) ON TABLE public.device_tokens TO homelog_api;
GRANT SELECT(user_id) ON TABLE public.device_tokens TO homelog_ops;

--
-- Name: COLUMN device_tokens.name; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(name),INSERT(name) ON TABLE public.device_tokens TO homelog_api;
GRANT SELECT(name) ON TABLE public.device_tokens TO homelog_ops;

--
-- Name: COLUMN device_tokens.scopes; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(scopes),INSERT(scopes) ON TABLE public.device_tokens TO homelog_api;
GRANT SELECT(scopes) ON TABLE public.device_tokens TO homelog_ops;

--
-- Name: COLUMN device_tokens.source_ids; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(source_ids),INSERT(source_ids) ON TABLE public.device_tokens TO homelog_api;
GRANT SELECT(source_ids) ON TABLE public.device_tokens TO homelog_ops;

--
-- Name: COLUMN device_tokens.token_hash; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(token_hash) ON TABLE public.device_tokens TO homelog_api;

--
-- Name: COLUMN device_tokens.created_at; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(created_at) ON TABLE public.device_tokens TO homelog_api;
GRANT SELECT(created_at) ON TABLE public.device_tokens TO homelog_ops;

--
-- Name: COLUMN device_tokens.expires_at; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(expires_at),INSERT(expires_at) ON TABLE public.device_tokens TO homelog_api;
GRANT SELECT(expires_at) ON TABLE public.device_tokens TO homelog_ops;

--
-- Name: COLUMN device_tokens.last_used_at; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(last_used_at) ON TABLE public.device_tokens TO homelog_api;
GRANT SELECT(last_used_at) ON TABLE public.device_tokens TO homelog_ops;

--
-- Name: COLUMN device_tokens.is_gated; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(is_gated) ON TABLE public.device_tokens TO homelog_api;
GRANT SELECT(is_gated) ON TABLE public.device_tokens TO homelog_ops;

--
-- Name: TABLE gained_homes; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.gained_homes TO homelog_ops;

--
-- Name: TABLE gained_sources; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.gained_sources TO homelog_ops;

--
-- Name: TABLE growth_measurements; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.growth_measurements TO homelog_api;
GRANT SELECT ON TABLE public.growth_measurements TO homelog_ops;

--
-- Name: COLUMN growth_measurements.id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(id) ON TABLE public.growth_measurements TO homelog_api;

--
-- Name: COLUMN growth_measurements.plant_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(plant_id) ON TABLE public.growth_measurements TO homelog_api;

--
-- Name: COLUMN growth_measurements.value; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(value),UPDATE(value) ON TABLE public.growth_measurements TO homelog_api;

--
-- Name: COLUMN growth_measurements.at; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(at) ON TABLE public.growth_measurements TO homelog_api;

--
-- Name: TABLE home_members; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT,DELETE ON TABLE public.home_members TO homelog_api;
GRANT SELECT ON TABLE public.home_members TO homelog_ops;

--
-- Name: COLUMN home_members.home_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(home_id) ON TABLE public.home_members TO homelog_api;

--
-- Name: COLUMN home_members.user_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(user_id) ON TABLE public.home_members TO homelog_api;

--
-- Name: COLUMN home_members.access_level; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(access_level),UPDATE(access_level) ON TABLE public.home_members TO homelog_api;

--
-- Name: COLUMN home_members.expires_at; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(expires_at),UPDATE(expires_at) ON TABLE public.home_members TO homelog_api;

--
-- Name: TABLE latest_readings; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.latest_readings TO homelog_api;
GRANT SELECT ON TABLE public.latest_readings TO homelog_ops;

--
-- Name: TABLE line_protocol_sources; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT,DELETE ON TABLE public.line_protocol_sources TO homelog_api;
GRANT SELECT ON TABLE public.line_protocol_sources TO homelog_ops;

--
-- Name: COLUMN line_protocol_sources.series; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(series) ON TABLE public.line_protocol_sources TO homelog_api;

--
-- Name: COLUMN line_protocol_sources.source_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(source_id),UPDATE(source_id) ON TABLE public.line_protocol_sources TO homelog_api;

--
-- Name: COLUMN line_protocol_sources.is_made; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(is_made) ON TABLE public.line_protocol_sources TO homelog_api;

--
-- Name: TABLE maintenance_runs; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.maintenance_runs TO homelog_ops;

--
-- Name: TABLE meter_events; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT,DELETE ON TABLE public.meter_events TO homelog_api;
GRANT SELECT ON TABLE public.meter_events TO homelog_ops;

--
-- Name: COLUMN meter_events.id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(id) ON TABLE public.meter_events TO homelog_api;

--
-- Name: COLUMN meter_events.source_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(source_id) ON TABLE public.meter_events TO homelog_api;

--
-- Name: COLUMN meter_events.at; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(at) ON TABLE public.meter_events TO homelog_api;

--
-- Name: COLUMN meter_events.kind; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(kind) ON TABLE public.meter_events TO homelog_api;

--
-- Name: COLUMN meter_events.old_value; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(old_value) ON TABLE public.meter_events TO homelog_api;

--
-- Name: COLUMN meter_events.new_value; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(new_value) ON TABLE public.meter_events TO homelog_api;

--
-- Name: TABLE moved_things; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.moved_things TO homelog_ops;

--
-- Name: TABLE place_tombstones; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.place_tombstones TO homelog_ops;

--
-- Name: TABLE reading_days; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.reading_days TO homelog_api;
GRANT SELECT ON TABLE public.reading_days TO homelog_ops;

--
-- Name: TABLE sessions; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.sessions TO homelog_api;
GRANT SELECT ON TABLE public.sessions TO homelog_ops;

--
-- Name: COLUMN sessions.ended_at; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT UPDATE(ended_at) ON TABLE public.sessions TO homelog_api;

--
-- Name: TABLE shown_care_intervals; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.shown_care_intervals TO homelog_api;
GRANT SELECT ON TABLE public.shown_care_intervals TO homelog_ops;

--
-- Name: TABLE source_retentions; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT,DELETE ON TABLE public.source_retentions TO homelog_api;
GRANT SELECT ON TABLE public.source_retentions TO homelog_ops;

--
-- Name: COLUMN source_retentions.source_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(source_id) ON TABLE public.source_retentions TO homelog_api;

--
-- Name: COLUMN source_retentions.months; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(months),UPDATE(months) ON TABLE public.source_retentions TO homelog_api;

--
-- Name: COLUMN source_retentions.action; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(action),UPDATE(action) ON TABLE public.source_retentions TO homelog_api;

--
-- Name: TABLE source_tombstones; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.source_tombstones TO homelog_api;
GRANT SELECT ON TABLE public.source_tombstones TO homelog_ops;

--
-- Name: TABLE stale_days; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.stale_days TO homelog_ops;

--
-- Name: TABLE user_oauth_identities; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT DELETE ON TABLE public.user_oauth_identities TO homelog_api;

--
-- Name: COLUMN user_oauth_identities.id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(id) ON TABLE public.user_oauth_identities TO homelog_api;
GRANT SELECT(id) ON TABLE public.user_oauth_identities TO homelog_ops;

--
-- Name: COLUMN user_oauth_identities.user_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(user_id) ON TABLE public.user_oauth_identities TO homelog_api;
GRANT SELECT(user_id) ON TABLE public.user_oauth_identities TO homelog_ops;

--
-- Name: COLUMN user_oauth_identities.provider; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(provider),INSERT(provider) ON TABLE public.user_oauth_identities TO homelog_api;
GRANT SELECT(provider) ON TABLE public.user_oauth_identities TO homelog_ops;

--
-- Name: COLUMN user_oauth_identities.provider_user_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(provider_user_id),INSERT(provider_user_id) ON TABLE public.user_oauth_identities TO homelog_api;
GRANT SELECT(provider_user_id) ON TABLE public.user_oauth_identities TO homelog_ops;

--
-- Name: COLUMN user_oauth_identities.email; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(email),INSERT(email) ON TABLE public.user_oauth_identities TO homelog_api;
GRANT SELECT(email) ON TABLE public.user_oauth_identities TO homelog_ops;

--
-- Name: COLUMN user_oauth_identities.name; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(name),INSERT(name) ON TABLE public.user_oauth_identities TO homelog_api;
GRANT SELECT(name) ON TABLE public.user_oauth_identities TO homelog_ops;

--
-- Name: COLUMN user_oauth_identities.profile_image; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(profile_image),INSERT(profile_image) ON TABLE public.user_oauth_identities TO homelog_api;
GRANT SELECT(profile_image) ON TABLE public.user_oauth_identities TO homelog_ops;

--
-- Name: COLUMN user_oauth_identities.token_expiry; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(token_expiry) ON TABLE public.user_oauth_identities TO homelog_api;
GRANT SELECT(token_expiry) ON TABLE public.user_oauth_identities TO homelog_ops;

--
-- Name: COLUMN user_oauth_identities.created_at; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(created_at) ON TABLE public.user_oauth_identities TO homelog_api;
GRANT SELECT(created_at) ON TABLE public.user_oauth_identities TO homelog_ops;

--
-- Name: COLUMN user_oauth_identities.issuer; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT(issuer),INSERT(issuer) ON TABLE public.user_oauth_identities TO homelog_api;
GRANT SELECT(issuer) ON TABLE public.user_oauth_identities TO homelog_ops;

--
-- Name: TABLE user_source_access; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT,DELETE ON TABLE public.user_source_access TO homelog_api;
GRANT SELECT ON TABLE public.user_source_access TO homelog_ops;

--
-- Name: COLUMN user_source_access.user_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(user_id) ON TABLE public.user_source_access TO homelog_api;

--
-- Name: COLUMN user_source_access.source_id; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(source_id) ON TABLE public.user_source_access TO homelog_api;

--
-- Name: COLUMN user_source_access.access_level; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT INSERT(access_level),UPDATE(access_level) ON TABLE public.user_source_access TO homelog_api;

--
-- Name: TABLE user_tombstones; Type: ACL; Schema: public; Owner: homelog_owner
--

GRANT SELECT ON TABLE public.user_tombstones TO homelog_api;
GRANT SELECT ON TABLE public.user_tombstones TO homelog_ops;

--
-- Name: DEFAULT PRIVILEGES FOR FUNCTIONS; Type: DEFAULT ACL; Schema: -; Owner: homelog_owner
--

ALTER DEFAULT PRIVILEGES FOR ROLE homelog_owner REVOKE ALL ON FUNCTIONS FROM PUBLIC;

--
-- PostgreSQL database dump complete
--
