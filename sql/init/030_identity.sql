-- Who is asking. act_as() (100_acting.sql) writes these settings for one transaction; policies read them here.
--
-- plpgsql on purpose: an SQL function would be inlined into the policy and re-planned for every row. Policies call
-- the array functions as ANY ((SELECT f())::uuid[]): the sub-select makes it one evaluation a statement and leaves
-- the planner an index condition.

SET ROLE homelog_owner;

CREATE FUNCTION homelog.current_user_id() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN nullif(pg_catalog.current_setting('homelog.user_id', true), '')::pg_catalog.uuid;
END
$$;
COMMENT ON FUNCTION homelog.current_user_id() IS 'The account that this transaction acts for, null for nobody.';

CREATE FUNCTION homelog.readable_sources() RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN coalesce(nullif(pg_catalog.current_setting('homelog.readable', true), ''), '{}')::pg_catalog.uuid[];
END
$$;
COMMENT ON FUNCTION homelog.readable_sources() IS
    'Of the sources that this request names, those it may read: granted, or public and named.';

CREATE FUNCTION homelog.granted_sources() RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN coalesce(nullif(pg_catalog.current_setting('homelog.granted', true), ''), '{}')::pg_catalog.uuid[];
END
$$;
COMMENT ON FUNCTION homelog.granted_sources() IS
    'The readable sources less those that are readable only for being public: strangers see fewer columns of these.';

CREATE FUNCTION homelog.writable_sources() RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN coalesce(nullif(pg_catalog.current_setting('homelog.writable', true), ''), '{}')::pg_catalog.uuid[];
END
$$;
COMMENT ON FUNCTION homelog.writable_sources() IS 'Of the sources that this request names, those it may log to.';

CREATE FUNCTION homelog.administered_sources() RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN coalesce(nullif(pg_catalog.current_setting('homelog.administered', true), ''), '{}')::pg_catalog.uuid[];
END
$$;
COMMENT ON FUNCTION homelog.administered_sources() IS 'Of the sources that this request names, those it administers.';

GRANT EXECUTE ON FUNCTION
    homelog.current_user_id(),
    homelog.readable_sources(),
    homelog.granted_sources(),
    homelog.writable_sources(),
    homelog.administered_sources()
    TO homelog_api, homelog_ops;

CREATE FUNCTION homelog.tg__touch_updated_at() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- The version of a row is its updated_at, so it must climb even for two changes within one microsecond or one
    -- transaction, and for a transaction that began before the one it waited for.
    NEW.updated_at := greatest(now(), OLD.updated_at + interval '1 microsecond');
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION homelog.tg__touch_updated_at() IS 'Stamps a changed row; the stamp always climbs.';
