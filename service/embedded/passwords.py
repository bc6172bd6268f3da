"""secrets.json: the passwords of an embedded server, made once."""

import json
import os
import secrets
from pathlib import Path

from service.embedded.errors import EmbeddedError

ROLES = ("homelog_migrator", "homelog_api", "homelog_ops")


def make_secrets(data: Path) -> dict[str, str]:
    """Make what secrets.json lacks: 256 random bits each."""
    try:
        known = read_secrets(data)
    except FileNotFoundError:
        known = {}
    made = {name: known.get(name) or secrets.token_urlsafe(32) for name in ("superuser", *ROLES, "secret")}
    if made != known:
        write_private(data / "secrets.json", json.dumps(made, indent=2) + "\n")
    return made


def read_secrets(data: Path) -> dict[str, str]:
    """Read secrets.json; raise `FileNotFoundError`, `PermissionError`, or `EmbeddedError` if damaged."""
    try:
        found: dict[str, str] = json.loads((data / "secrets.json").read_text(encoding="utf-8"))
    except ValueError:
        raise EmbeddedError(f"{data / 'secrets.json'} is damaged; restore it from a backup.") from None
    return found


def write_private(path: Path, text: str) -> None:
    """Write `path` whole or not at all, for our eyes only, and durably."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
