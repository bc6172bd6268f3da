"""All that is one's own, read out."""
