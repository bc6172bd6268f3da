"""Plants: what they are, and when they want water."""
