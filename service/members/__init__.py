"""Members: who belongs to a home, and what they may do there."""
