"""InfluxDB line protocol: collectors that write to InfluxDB log here unchanged."""
