"""Reference: every closed set of values, with its meanings."""
