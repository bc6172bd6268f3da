"""Maintenance: what the service cleans up and catches up with by itself."""
