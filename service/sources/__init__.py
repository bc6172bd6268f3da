"""Data sources: meters, sensors and whatever else readings come from."""
