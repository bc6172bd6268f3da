-- Undoes 0027_add_oidc_provider. A label is never removed: oidc stays, and nothing says it any more.

SET LOCAL ROLE homelog_owner;

COMMENT ON TYPE auth_provider IS 'Who vouches for a linked identity.';
