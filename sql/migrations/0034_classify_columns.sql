-- Say of every column what class of data it holds, as the last word of its COMMENT, where \d+ and sql/schema.sql show
-- it: Public tells nothing of anybody, Personal tells of a person or a household, Secret opens something. Six columns
-- say Secret already. The checks columns_without_class, secrets_readable and secrets_audited look at it, the export and
-- docs/schema.md follow it. Later columns say it in the COMMENT of the migration that adds them.
-- depends: 0033_retain_readings

SET LOCAL ROLE homelog_owner;

-- lock: SHARE UPDATE EXCLUSIVE on every table, for an instant, which neither reads nor writes wait for.
DO $$
DECLARE
    told record;
BEGIN
    FOR told IN
        SELECT v.of_table, a.attname AS name, concat_ws(' ', col_description(a.attrelid, a.attnum), v.class || '.') AS comment
        FROM (VALUES
            ('audit_logs', 'Public', 'id source_id entry_id'),
            ('audit_logs', 'Personal', 'event_time user_id event_type details'),
            ('calendar_links', 'Personal', 'user_id created_at'),
            ('care_events', 'Public', 'id plant_id'),
            ('care_events', 'Personal', 'user_id kind at note created_at before_last_water before_moisture before_status before_snoozed_until before_version'),
            ('care_intervals', 'Public', 'plant_id'),
            ('care_intervals', 'Personal', 'kind every created_at updated_at'),
            ('changed_days', 'Public', 'source_id'),
            ('changed_days', 'Personal', 'day'),
            ('changed_sources', 'Public', 'source_id'),
            ('data_sources', 'Public', 'id home_id'),
            ('data_sources', 'Personal', 'name description source_type unit kind meter_number place_name address thumbnail_url is_public created_at updated_at created_by'),
            ('data_validators', 'Public', 'id source_id'),
            ('data_validators', 'Personal', 'min_value max_value non_decreasing max_rate action created_at updated_at created_by'),
            ('device_tokens', 'Public', 'id source_ids'),
            ('device_tokens', 'Personal', 'user_id name scopes created_at expires_at last_used_at is_gated'),
            ('gained_homes', 'Public', 'home_id'),
            ('gained_homes', 'Personal', 'user_id'),
            ('gained_sources', 'Public', 'source_id'),
            ('gained_sources', 'Personal', 'user_id'),
            ('growth_measurements', 'Public', 'id plant_id'),
            ('growth_measurements', 'Personal', 'user_id value created_at at'),
            ('home_members', 'Public', 'home_id'),
            ('home_members', 'Personal', 'user_id access_level expires_at granted_at granted_by'),
            ('homes', 'Public', 'id'),
            ('homes', 'Personal', 'name address timezone created_at updated_at created_by'),
            ('latest_readings', 'Public', 'source_id id'),
            ('latest_readings', 'Personal', 'timestamp value quality_flag'),
            ('line_protocol_sources', 'Public', 'id source_id'),
            ('line_protocol_sources', 'Personal', 'user_id series is_made created_at updated_at'),
            ('maintenance_runs', 'Public', 'id began_at ended_at done'),
            ('meter_events', 'Public', 'id source_id'),
            ('meter_events', 'Personal', 'at kind old_value new_value created_at created_by'),
            ('moved_things', 'Public', 'type id'),
            ('moved_things', 'Personal', 'placed_at'),
            ('password_guesses', 'Personal', 'began_at failures waits_until'),
            ('password_guesses', 'Secret', 'about'),
            ('place_tombstones', 'Public', 'place_id xid id type op'),
            ('place_tombstones', 'Personal', 'came_at deleted_at'),
            ('plants', 'Public', 'id home_id moisture_source_id'),
            ('plants', 'Personal', 'user_id name species kind room moisture status every light note growth last_water created_at updated_at season_factor season_from season_to snoozed_until dry_below stale_after_hours moisture_at dry_since'),
            ('reading_days', 'Public', 'source_id'),
            ('reading_days', 'Personal', 'since until count min max sum first_at first_value last_at last_value drops'),
            ('reading_horizons', 'Public', 'source_id'),
            ('reading_horizons', 'Personal', 'thinned_until deleted_until'),
            ('reading_hours', 'Public', 'source_id'),
            ('reading_hours', 'Personal', 'hour count min max sum first_at first_value last_at last_value drops is_thinned'),
            ('readings', 'Public', 'id source_id'),
            ('readings', 'Personal', 'value timestamp recorded_at recorded_by quality_flag notes metadata updated_at'),
            ('refresh_tokens', 'Public', 'session_id'),
            ('refresh_tokens', 'Personal', 'created_at replaced_at'),
            ('request_budgets', 'Personal', 'identity began_at taken'),
            ('sessions', 'Public', 'id'),
            ('sessions', 'Personal', 'user_id auth_provider created_at last_used_at expires_at ended_at is_gated'),
            ('source_retentions', 'Public', 'source_id'),
            ('source_retentions', 'Personal', 'months action created_at updated_at created_by'),
            ('source_tombstones', 'Public', 'source_id xid id type'),
            ('source_tombstones', 'Personal', 'deleted_at'),
            ('spent_tickets', 'Public', 'expires_at'),
            ('spent_tickets', 'Secret', 'ticket_hash'),
            ('stale_days', 'Public', 'source_id'),
            ('stale_days', 'Personal', 'since'),
            ('user_oauth_identities', 'Public', 'id'),
            ('user_oauth_identities', 'Personal', 'user_id provider provider_user_id email name profile_image token_expiry created_at issuer'),
            ('user_passwords', 'Personal', 'user_id is_temporary created_at used_at'),
            ('user_source_access', 'Public', 'source_id'),
            ('user_source_access', 'Personal', 'user_id access_level granted_at granted_by'),
            ('user_tombstones', 'Public', 'xid id type op'),
            ('user_tombstones', 'Personal', 'user_id deleted_at'),
            ('users', 'Personal', 'id email username display_name role is_active created_at updated_at last_login_at'),
            ('homelog.schema_baseline', 'Public', 'version applied_at'),
            ('homelog.schema_migrations', 'Public', 'migration_id sha256 applied_at applied_by')
        ) AS v (of_table, class, columns)
        CROSS JOIN string_to_table(v.columns, ' ') AS c (name)
        -- Left, so that a name that is none stops here.
        LEFT JOIN pg_attribute AS a ON a.attrelid = v.of_table::regclass AND a.attname = c.name
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', told.of_table, told.name, told.comment);
    END LOOP;
END
$$;
