"""The settings: one frozen struct, read from the environment, refused as a whole with all that is wrong."""

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, NoReturn, Self, TypeVar
from urllib.parse import SplitResult, quote, urlsplit

import msgspec

T = TypeVar("T")
U = TypeVar("U")

# Every variable with a right value. A right secret is nowhere to be copied from: it is a command.
EXAMPLES = {
    "DATABASE_URL": "postgresql://homelog_api:PASSWORD@localhost/homelog",
    "HOMELOG_MIGRATOR_URL": "postgresql://homelog_migrator:PASSWORD@localhost/homelog",
    "HOMELOG_ADMIN_URL": "postgresql://postgres:PASSWORD@localhost/homelog",
    "HOMELOG_API_PASSWORD": "$(openssl rand -hex 32)",
    "HOMELOG_MIGRATOR_PASSWORD": "$(openssl rand -hex 32)",
    "HOMELOG_OPS_PASSWORD": "$(openssl rand -hex 32)",
    "HOMELOG_ADMIN_PASSWORD": "$(openssl rand -hex 32)",
    "HOMELOG_SECRET": "$(openssl rand -base64 32)",
    "HOMELOG_HOST": "0.0.0.0",  # noqa: S104 - an example
    "HOMELOG_PORT": "8000",
    "HOMELOG_DATA": "/srv/homelog",
    "HOMELOG_WORKERS": "2",
    "HOMELOG_REGISTRATION": "closed",
    "HOMELOG_ALLOWED_HOSTS": "home.example.org,*.example.net",
    "HOMELOG_CORS_ORIGINS": "https://home.example.org",
}
# These are also read from the file that NAME_FILE names, as docker's secrets need.
FROM_FILES = frozenset(name for name in EXAMPLES if name.endswith(("_URL", "_PASSWORD", "_SECRET")))
# What the login roles get at their making, and what completes a URL that has no password: secrets are kept one by
# one, and hold characters that a URL does not.
PASSWORDS = {
    "homelog_api": "HOMELOG_API_PASSWORD",
    "homelog_migrator": "HOMELOG_MIGRATOR_PASSWORD",
    "homelog_ops": "HOMELOG_OPS_PASSWORD",
}

_URL_SCHEMES = ("postgresql+asyncpg://", "postgresql://", "postgres://")
_PLACEHOLDERS = (
    "change",
    "default",
    "example",
    "homelog",
    "insecure",
    "password",
    "replace",
    "secret",
    "your",
)
_HIDDEN = frozenset({"database_url", "migrator_url", "admin_url", "passwords", "secret"})


class SettingsError(Exception):
    """All that is wrong with the environment, one line for each variable."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What one process of the service is told.

    `database_url` is empty where the embedded server is to be used; `secret` may be empty only then. The URLs
    are as asyncpg takes them; `passwords` is by role.
    """

    database_url: str = ""
    migrator_url: str | None = None
    admin_url: str | None = None
    passwords: Mapping[str, str] = {}
    host: str = "127.0.0.1"
    port: int = 8000
    data: Path
    secret: str = ""
    workers: int = 2
    registration: Literal["open", "closed"] = "open"
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()

    @property
    def embedded(self) -> bool:
        """Whether the database is the embedded one, because no other is named."""
        return not self.database_url

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, require_database: bool = False) -> Self:
        """Read `environ`; a secret also from the file that its name with `_FILE` names.

        With `require_database` an absent DATABASE_URL is wrong instead of meaning the embedded server.
        Raises `SettingsError`.
        """
        reader = _Reader(environ)
        given = {name: reader.read(name, str, "") for name in (*PASSWORDS.values(), "HOMELOG_ADMIN_PASSWORD")}

        def url(password: str) -> Callable[[str], str]:
            return partial(_database_url, password_name=password, password=given[password])

        settings = cls(
            database_url=reader.read("DATABASE_URL", url("HOMELOG_API_PASSWORD"), ""),
            migrator_url=reader.read("HOMELOG_MIGRATOR_URL", url("HOMELOG_MIGRATOR_PASSWORD"), None),
            admin_url=reader.read("HOMELOG_ADMIN_URL", url("HOMELOG_ADMIN_PASSWORD"), None),
            passwords={role: given[name] for role, name in PASSWORDS.items() if given[name]},
            host=reader.read("HOMELOG_HOST", _host, "127.0.0.1"),
            port=reader.read("HOMELOG_PORT", _between(1, 65535), 8000),
            data=reader.read("HOMELOG_DATA", _folder, _default_data(environ)),
            secret=reader.read("HOMELOG_SECRET", _secret, ""),
            workers=reader.read("HOMELOG_WORKERS", _between(1, 64), 2),
            registration=reader.read("HOMELOG_REGISTRATION", _registration, "open"),
            allowed_hosts=reader.read("HOMELOG_ALLOWED_HOSTS", _hosts, ()),
            cors_origins=reader.read("HOMELOG_CORS_ORIGINS", _origins, ()),
        )
        if require_database:
            reader.require("DATABASE_URL")
        if require_database or reader.given("DATABASE_URL"):
            reader.require("HOMELOG_SECRET")
        if reader.lines:
            raise SettingsError(reader.lines)
        return settings

    # msgspec's own two would put passwords into logs and tracebacks.
    def __rich_repr__(self) -> list[tuple[str, Any]]:
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return [(name, "***" if name in _HIDDEN and value else value) for name, value in values]

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


class _Reader:
    """Reads variables and gathers what is wrong with them; a wrong one reads as its default."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.lines: list[str] = []

    def given(self, name: str) -> bool:
        return bool(self.environ.get(name) or self.environ.get(f"{name}_FILE"))

    def wrong(self, name: str, what: str) -> None:
        self.lines.append(f"{name} {what}. Example: {name}={EXAMPLES[name]}")

    def require(self, name: str) -> None:
        if not self.given(name):
            self.wrong(name, "is missing")

    def read(self, name: str, parse: Callable[[str], T], default: U) -> T | U:
        try:
            text = self._text(name)
            return default if text is None else parse(text)
        except ValueError as error:
            self.wrong(name, str(error))
            return default

    def _text(self, name: str) -> str | None:
        # Compose passes `NAME=` for what its .env leaves out, so empty is absent.
        value = self.environ.get(name) or None
        file = self.environ.get(f"{name}_FILE") if name in FROM_FILES else None
        if not file:
            return value
        if value:
            _refuse(f"and {name}_FILE are both set; keep one")
        try:
            # An editor ends the last line; other blanks may be the password's own.
            text = Path(file).read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            _refuse(f"cannot be read from {file} ({name}_FILE): {reason}")
        return text or _refuse(f"cannot be read from {file} ({name}_FILE): it is empty")


def _refuse(what: str) -> NoReturn:
    raise ValueError(what)


def _database_url(text: str, *, password_name: str, password: str) -> str:
    # What is wrong is said without the value: it holds a password.
    for scheme in _URL_SCHEMES:
        if text.startswith(scheme):
            rest = text.removeprefix(scheme)
            break
    else:
        _refuse("must start with postgresql://, postgres:// or postgresql+asyncpg://")
    if not rest.strip("/") or any(character.isspace() for character in rest):
        _refuse("is not a database's URL; a password's special characters are percent-encoded, a space is %20")
    if not password:
        return f"postgresql://{rest}"
    user, _, address = rest.partition("@")
    if not address or "/" in user:
        _refuse(f"must name the user whose password {password_name} is")
    if ":" in user:
        _refuse(f"holds a password and {password_name} is set; keep one")
    return f"postgresql://{user}:{quote(password, safe='')}@{address}"


def _secret(text: str) -> str:
    if len(text) < 32:
        _refuse(f"has {len(text)} characters and needs at least 32 random ones")
    if text.lower().startswith(_PLACEHOLDERS) or len(set(text)) < 10:
        _refuse("looks like a placeholder; make a random one")
    return text


def _between(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        # int() alone also takes "1_0", "+2" and other scripts' digits.
        if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
            _refuse(f"must be a whole number from {low} to {high}, not {text!r}")
        return int(text)

    return parse


def _host(text: str) -> str:
    try:
        return str(ip_address("127.0.0.1" if text == "localhost" else text.strip("[]")))
    except ValueError:
        _refuse(f"must be an IP address to listen on, not {text!r}")


def _folder(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _registration(text: str) -> Literal["open", "closed"]:
    match text:
        case "open" | "closed":
            return text
        case _:
            _refuse(f"must be 'open' or 'closed', not {text!r}")


def _hosts(text: str) -> tuple[str, ...]:
    hosts = _listed(text)
    for host in hosts:
        if "/" in host or any(character.isspace() for character in host):
            _refuse(f"must list host names without scheme or path, not {host!r}")
    return hosts


def _origins(text: str) -> tuple[str, ...]:
    origins = _listed(text)
    for origin in origins:
        parts = urlsplit(origin)
        # "*" too is refused here: with credentials it would open every account to every page.
        if parts.scheme not in ("http", "https") or parts != SplitResult(parts.scheme, parts.netloc, "", "", ""):
            _refuse(f"must list origins as scheme://host[:port], not {origin!r}")
    return origins


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _default_data(environ: Mapping[str, str]) -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/homelog")
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "darwin":
        return home / "Library/Application Support/homelog"
    return Path(environ.get("XDG_DATA_HOME") or home / ".local/share") / "homelog"
