"""Readings: what a source showed at a time."""
