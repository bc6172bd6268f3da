"""The change feed: what a copy kept elsewhere must hear of."""
