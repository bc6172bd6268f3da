"""Device tokens: what sensors, scripts and dashboards sign in with."""
