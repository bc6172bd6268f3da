"""Retention: for how long a source keeps its readings."""
