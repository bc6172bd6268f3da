"""Operation: health, metrics, the API's description."""
