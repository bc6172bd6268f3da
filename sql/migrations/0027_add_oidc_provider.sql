-- Beside LINE and Google any OpenID Connect provider can vouch for people. In a file of its own, since a label cannot be
-- used in the transaction that adds it. No row has it yet.
-- depends: 0026_forget_late_writers

SET LOCAL ROLE homelog_owner;

ALTER TYPE auth_provider ADD VALUE IF NOT EXISTS 'oidc';
COMMENT ON TYPE auth_provider IS
    'Who vouches for a linked identity: line, google, or oidc, the OpenID Connect provider that the service is told of.';
