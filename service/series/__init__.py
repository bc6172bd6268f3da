"""Series: readings summed up by hour, day, month in a time zone."""
