"""Homes: places with a time zone."""
