"""Accounts: who people are, how they sign in, and the sessions that this opens."""
