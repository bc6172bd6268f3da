"""What the embedded server says when it cannot be used."""


class EmbeddedError(Exception):
    """Why the embedded server cannot be used, as a sentence for the user."""


class AlreadyRunningError(EmbeddedError):
    """Another process holds the data folder."""


class GoneError(EmbeddedError):
    """There is no server, or there is none any more."""
