"""Meter events: a counter is swapped, rolls over or is reset, and its consumption runs on."""
