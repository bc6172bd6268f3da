-- Undoes 0034_classify_columns: the columns keep the COMMENTs that they had.

SET LOCAL ROLE homelog_owner;

DO $$
DECLARE
    told record;
BEGIN
    FOR told IN
        SELECT
            c.oid::regclass AS of_table,
            a.attname AS name,
            nullif(regexp_replace(d.description, ' ?(Public|Personal|Secret)\.$', ''), '') AS comment
        FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid
        JOIN pg_description AS d ON d.classoid = 'pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = a.attnum
        WHERE
            c.relnamespace IN ('public'::regnamespace, 'homelog'::regnamespace)
            AND c.relkind = 'r'
            -- What said Secret before.
            AND (c.relname, a.attname) NOT IN (
                ('calendar_links', 'key_hash'),
                ('device_tokens', 'token_hash'),
                ('refresh_tokens', 'token_hash'),
                ('user_oauth_identities', 'access_token'),
                ('user_oauth_identities', 'refresh_token'),
                ('user_passwords', 'password_hash')
            )
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', told.of_table, told.name, told.comment);
    END LOOP;
END
$$;
