#!/bin/sh
# Applies this folder's *.sql to a new database in one transaction: whole, or not at all.
#
# The postgres image runs it at its first boot (or reads it in, where its x bit got lost) as
# /docker-entrypoint-initdb.d/homelog.sh, with the files in /homelog/init: lying beside it, each would be run by
# itself. Run again, it says that the baseline is there and changes nothing. POSTGRES_USER and POSTGRES_DB as the
# image has them; the login roles' passwords in HOMELOG_{MIGRATOR,API,OPS}_PASSWORD, or in the files that these names
# with _FILE name.
(
    set -eu

    # Into the environment, where neither `ps` nor a quote in it can do harm.
    take_password() {
        eval "value=\${$1:-} file=\${$1_FILE:-}"
        if [ -n "$value" ] && [ -n "$file" ]; then
            echo "Homelog: $1 and $1_FILE are both set; keep one." >&2
            return 1
        fi
        [ -z "$file" ] || value=$(cat "$file")
        if [ -z "$value" ]; then
            echo "Homelog: $1 is missing: the password that its role shall log in with." >&2
            return 1
        fi
        export "$1=$value"
    }
    take_password HOMELOG_MIGRATOR_PASSWORD
    take_password HOMELOG_API_PASSWORD
    take_password HOMELOG_OPS_PASSWORD

    cd "$(dirname "$0")"
    [ -e 010_roles.sql ] || cd /homelog/init

    {
        cat <<'SQL'
\set SHOW_CONTEXT never
-- Of what follows nothing that quotes a password may reach the server's log either.
SET LOCAL log_statement = 'none';
SET LOCAL log_min_duration_statement = -1;
SET LOCAL log_min_error_statement = 'panic';
SET LOCAL log_error_verbosity = 'terse';
SET LOCAL client_min_messages = 'warning';
SET LOCAL search_path = public;

-- "homelog" in ASCII: `homelog migrate` takes the same lock.
SELECT pg_advisory_xact_lock(x'686f6d656c6f67'::bigint) \g /dev/null
SELECT to_regclass('homelog.schema_baseline') IS NOT NULL AS is_there \gset
\if :is_there
    \echo 'Homelog: the baseline is already in this database; nothing was changed.'
\else
    \echo 'Homelog: applying the baseline.'
    \getenv migrator_password HOMELOG_MIGRATOR_PASSWORD
    \getenv api_password HOMELOG_API_PASSWORD
    \getenv ops_password HOMELOG_OPS_PASSWORD
    SELECT set_config('homelog.migrator_password', :'migrator_password', true) \g /dev/null
    SELECT set_config('homelog.api_password', :'api_password', true) \g /dev/null
    SELECT set_config('homelog.ops_password', :'ops_password', true) \g /dev/null
SQL
        for file in *.sql; do
            printf '    \\i %s\n' "$file"
        done
        printf '\\endif\n'
    } | PGCLIENTENCODING=UTF8 psql --no-psqlrc --no-password --quiet --single-transaction -v ON_ERROR_STOP=1 \
        --username "${POSTGRES_USER:-postgres}" --dbname "${POSTGRES_DB:-homelog}" --file -
)
