"""What a backup or a restore says when it cannot be."""


class BackupError(Exception):
    """Why there is no backup, or nothing was restored, as a sentence."""
