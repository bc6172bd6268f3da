"""Homelog: a household logbook with a JSON API, kept in PostgreSQL."""

__version__ = "0.1.0"
