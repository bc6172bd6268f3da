"""Providers: Google, LINE and any OpenID Connect provider vouch for people, and identities are linked to accounts."""
