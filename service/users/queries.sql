-- Accounts, for admins. The functions ask first whether an admin is calling, and HL404 is for everybody else.

-- name: list_users
-- $1 the role, null for any; $2 whether active, null for either; $3 what the e-mail or a name holds, null for any;
-- $4 the last id of the page before, null for the first; $5 how many rows.
SELECT
    (a.account).id AS id, (a.account).email::text AS email, (a.account).username::text AS username,
    (a.account).display_name AS display_name, (a.account).role AS role, (a.account).is_active AS is_active,
    a.is_password_temp,
    (a.account).created_at AS created_at, (a.account).updated_at AS updated_at,
    (a.account).last_login_at AS last_login_at
FROM homelog.list_accounts($1, $2, $3, $4, $5) AS a

-- name: get_user
-- $1 the account.
SELECT
    (a.account).id AS id, (a.account).email::text AS email, (a.account).username::text AS username,
    (a.account).display_name AS display_name, (a.account).role AS role, (a.account).is_active AS is_active,
    a.is_password_temp,
    (a.account).created_at AS created_at, (a.account).updated_at AS updated_at,
    (a.account).last_login_at AS last_login_at
FROM homelog.get_account($1) AS a

-- name: demand_admin
-- HL404 unless an admin is calling.
SELECT homelog.demand_admin()

-- name: create_user
-- $1 the e-mail; $2 the name to show; $3 the role; $4 the temporary password's hash; $5 how long ago whoever makes an
-- admin may have signed in. First column: created; or forbidden, for that was longer ago.
SELECT
    CASE WHEN u.id IS NULL THEN 'forbidden' ELSE 'created' END AS verdict,
    u.id, u.email::text AS email, u.username::text AS username, u.display_name, u.role, u.is_active,
    true AS is_password_temp, u.created_at, u.updated_at, u.last_login_at
FROM homelog.make_account($1::text::citext, $2, $3, $4, $5) AS u

-- name: change_user
-- $1 the account; $2 the versions that If-Match names, null for any; $3 the fields to change; $4 how long ago
-- whoever changes a role may have signed in.
-- First columns: whether the caller may, whether the version holds.
SELECT
    a.may,
    a.fresh,
    (a.account).id AS id, (a.account).email::text AS email, (a.account).username::text AS username,
    (a.account).display_name AS display_name, (a.account).role AS role, (a.account).is_active AS is_active,
    a.is_password_temp,
    (a.account).created_at AS created_at, (a.account).updated_at AS updated_at,
    (a.account).last_login_at AS last_login_at
FROM homelog.change_account($1, $2, $3, $4) AS a

-- name: delete_user
-- $1 the account; $2 the versions that If-Match names, null for any; $3 how long ago the caller may have signed in.
-- First columns: whether the caller may, whether the version holds.
SELECT d.may, d.fresh, d.id
FROM homelog.delete_account($1, $2, $3) AS d

-- name: reset_password
-- $1 the account; $2 the temporary password's hash; $3 how long ago the caller may have signed in. No row if there is no
-- such account. First columns: whether the caller may, and true: no version is asked for.
SELECT
    a.may,
    true AS fresh,
    (a.account).id AS id, (a.account).email::text AS email, (a.account).username::text AS username,
    (a.account).display_name AS display_name, (a.account).role AS role, (a.account).is_active AS is_active,
    a.is_password_temp,
    (a.account).created_at AS created_at, (a.account).updated_at AS updated_at,
    (a.account).last_login_at AS last_login_at
FROM homelog.reset_password($1, $2, $3) AS a

-- name: act_as_owner
-- For an operator's command, in a transaction of its own: only who may migrate may do this.
SET LOCAL ROLE homelog_owner

-- name: make_admin
-- $1 the e-mail; $2 the name to show; $3 the password's hash; $4 whether it is temporary. As the owner.
SELECT homelog.make_admin($1::text::citext, $2, $3, $4)

-- name: recover_account
-- $1 the e-mail; $2 the password's hash; $3 whether it is temporary. As the owner; null for no such account.
SELECT homelog.recover_account($1::text::citext, $2, $3)
