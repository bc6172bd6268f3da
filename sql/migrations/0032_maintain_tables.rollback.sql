-- Undoes 0032_maintain_tables. What was cleaned stays away; which runs there were, and whose days are stale, is forgotten.

SET LOCAL ROLE homelog_owner;

DROP TRIGGER _500_note_stale_days ON data_sources;
DROP TRIGGER _500_note_stale_days ON homes;
DROP FUNCTION homelog.tg__note_stale_days();
DROP FUNCTION homelog.analyze_grown();
DROP FUNCTION homelog.rebuild_stale_days();
DROP FUNCTION homelog.clean_spent_tickets(integer);
DROP FUNCTION homelog.clean_password_guesses(integer);
DROP FUNCTION homelog.clean_request_budgets(integer);
DROP FUNCTION homelog.clean_guests(integer);
DROP FUNCTION homelog.clean_tombstones(integer);
DROP FUNCTION homelog.clean_sessions(integer);
DROP FUNCTION homelog.clean_refresh_tokens(integer);
DROP FUNCTION homelog.maintenance_ended_at();
DROP FUNCTION homelog.end_maintenance(uuid, jsonb);
DROP FUNCTION homelog.begin_maintenance(interval);
DROP FUNCTION homelog.takes_maintenance_turn();

CREATE OR REPLACE FUNCTION homelog.tg__rebuild_days() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Its row is locked already, and whoever has the source's turn may be waiting for that: the turn, which is the lock of
    -- homelog.take_turns, is taken only if it is free.
    IF pg_try_advisory_xact_lock(hashtext('homelog: readings'), hashtext(NEW.id::text) & 1023) THEN
        PERFORM homelog.rebuild_days(NEW.id);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION homelog.tg__rebuild_days() IS
    'Sums up the days of a source that comes into a home, in its zone, unless somebody is writing to it.';

DROP FUNCTION homelog.note_stale_days(uuid[]);
DROP INDEX place_tombstones_deleted_at_idx;
DROP INDEX user_tombstones_deleted_at_idx;
DROP INDEX source_tombstones_deleted_at_idx;
DROP TABLE stale_days;
DROP TABLE maintenance_runs;
