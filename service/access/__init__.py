"""Access: who may do what with a source."""
