"""Limits: how many requests an identity may make."""
