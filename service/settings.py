"""The settings: one frozen struct, read from the environment, refused as a whole with all that is wrong."""

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from service.environment import (
    EXAMPLES,
    Environment,
    SettingsError,
    parse_client_secret,
    parse_database_url,
    parse_display_name,
    parse_domain,
    parse_existing_folder,
    parse_folder,
    parse_former_secrets,
    parse_host,
    parse_hosts,
    parse_issuer,
    parse_keys,
    parse_list,
    parse_networks,
    parse_origins,
    parse_public_url,
    parse_registration,
    parse_secret,
    whole_number,
)

# What the login roles get at their making, and what completes a URL that has no password: secrets are kept one by
# one, and hold characters that a URL does not.
PASSWORDS = {
    "homelog_api": "HOMELOG_API_PASSWORD",
    "homelog_migrator": "HOMELOG_MIGRATOR_PASSWORD",
    "homelog_ops": "HOMELOG_OPS_PASSWORD",
}

_HIDDEN = frozenset(
    {
        "database_url",
        "migrator_url",
        "admin_url",
        "passwords",
        "secret",
        "former_secrets",
        "providers",
        "provider_token_keys",
    }
)
_PROVIDERS = {
    "google": ("Google", "https://accounts.google.com"),
    "line": ("LINE", "https://access.line.me"),
    "oidc": ("OpenID Connect", None),
}
"""Who may vouch for people: what they are called, and their issuer where that is no setting's business."""


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to sign people in with one provider.

    `app_client_ids` are of one's own apps on phones: ID tokens made for them are taken as well. With a
    `hosted_domain` only that Google Workspace's people are let in.
    """

    title: str
    issuer: str
    client_id: str
    client_secret: str
    app_client_ids: tuple[str, ...] = ()
    hosted_domain: str | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What one process of the service is told.

    `database_url` is empty where the embedded server is to be used; `secret` may be empty only then. The URLs
    are as asyncpg takes them; `passwords` is by role, `providers` by what the API calls them. `public_url` is what
    browsers call the service, without a slash at its end.
    """

    database_url: str = ""
    migrator_url: str | None = None
    admin_url: str | None = None
    passwords: Mapping[str, str] = {}
    host: str = "127.0.0.1"
    port: int = 8000
    data: Path
    database_disk: Path | None = None
    secret: str = ""
    former_secrets: tuple[str, ...] = ()
    workers: int = 2
    registration: Literal["open", "closed"] = "open"
    rate_limit: int = 100
    maintenance_minutes: int = 60
    slow_query_ms: int = 1000
    trusted_proxies: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    public_url: str = ""
    providers: Mapping[str, ProviderSettings] = {}
    provider_token_keys: tuple[bytes, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that a token, a cookie or a stored value may have been made with; the first makes new ones."""
        return (self.secret, *self.former_secrets)

    @property
    def embedded(self) -> bool:
        """Whether the database is the embedded one, because no other is named."""
        return not self.database_url

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], *, require_database: bool = False, require_secret: bool = False
    ) -> Self:
        """Read `environ`; a secret also from the file that its name with `_FILE` names.

        With `require_database` an absent DATABASE_URL is wrong instead of meaning the embedded server. With
        `require_secret` it needs a HOMELOG_SECRET beside it: only who serves signs anything. Raises `SettingsError`.
        """
        reader = Environment(environ)
        given = {name: reader.read(name, str, "") for name in (*PASSWORDS.values(), "HOMELOG_ADMIN_PASSWORD")}

        def url(password: str) -> Callable[[str], str]:
            return partial(parse_database_url, password_name=password, password=given[password])

        settings = cls(
            database_url=reader.read("DATABASE_URL", url("HOMELOG_API_PASSWORD"), ""),
            migrator_url=reader.read("HOMELOG_MIGRATOR_URL", url("HOMELOG_MIGRATOR_PASSWORD"), None),
            admin_url=reader.read("HOMELOG_ADMIN_URL", url("HOMELOG_ADMIN_PASSWORD"), None),
            passwords={role: given[name] for role, name in PASSWORDS.items() if given[name]},
            host=reader.read("HOMELOG_HOST", parse_host, "127.0.0.1"),
            port=reader.read("HOMELOG_PORT", whole_number(1, 65535), 8000),
            data=reader.read("HOMELOG_DATA", parse_folder, _default_data(environ)),
            database_disk=reader.read("HOMELOG_DATABASE_DISK", parse_existing_folder, None),
            secret=reader.read("HOMELOG_SECRET", parse_secret, ""),
            former_secrets=reader.read("HOMELOG_FORMER_SECRETS", parse_former_secrets, ()),
            workers=reader.read("HOMELOG_WORKERS", whole_number(1, 64), 2),
            registration=reader.read("HOMELOG_REGISTRATION", parse_registration, "open"),
            rate_limit=reader.read("HOMELOG_RATE_LIMIT", whole_number(0, 1_000_000), 100),
            maintenance_minutes=reader.read("HOMELOG_MAINTENANCE_MINUTES", whole_number(0, 10_080), 60),
            slow_query_ms=reader.read("HOMELOG_SLOW_QUERY_MS", whole_number(0, 600_000), 1000),
            trusted_proxies=reader.read("HOMELOG_TRUSTED_PROXIES", parse_networks, ()),
            allowed_hosts=reader.read("HOMELOG_ALLOWED_HOSTS", parse_hosts, ()),
            cors_origins=reader.read("HOMELOG_CORS_ORIGINS", parse_origins, ()),
            public_url=reader.read("HOMELOG_PUBLIC_URL", parse_public_url, ""),
            providers={name: found for name in _PROVIDERS if (found := _provider(reader, name))},
            provider_token_keys=reader.read("HOMELOG_PROVIDER_TOKEN_KEYS", parse_keys, ()),
        )
        if settings.providers:
            reader.require("HOMELOG_PUBLIC_URL")
        if require_database:
            reader.require("DATABASE_URL")
        if require_secret and (require_database or reader.given("DATABASE_URL")):
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


def _provider(reader: Environment, name: str) -> ProviderSettings | None:
    """What the variables of one provider say; None where none of them is set. One that is half set is wrong."""
    title, issuer = _PROVIDERS[name]
    prefix = f"HOMELOG_{name.upper()}_"
    own = [variable for variable in EXAMPLES if variable.startswith(prefix)]
    if not any(reader.given(variable) for variable in own):
        return None
    for variable in ("CLIENT_ID", "CLIENT_SECRET", *(() if issuer else ("ISSUER",))):
        reader.require(prefix + variable)
    return ProviderSettings(
        title=reader.read("HOMELOG_OIDC_NAME", parse_display_name, title) if name == "oidc" else title,
        issuer=reader.read(prefix + "ISSUER", parse_issuer, issuer or ""),
        client_id=reader.read(prefix + "CLIENT_ID", str, ""),
        client_secret=reader.read(prefix + "CLIENT_SECRET", parse_client_secret, ""),
        app_client_ids=reader.read(prefix + "APP_CLIENT_IDS", parse_list, ()),
        hosted_domain=reader.read("HOMELOG_GOOGLE_HOSTED_DOMAIN", parse_domain, None) if name == "google" else None,
    )


def _default_data(environ: Mapping[str, str]) -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/homelog")
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "darwin":
        return home / "Library/Application Support/homelog"
    return Path(environ.get("XDG_DATA_HOME") or home / ".local/share") / "homelog"
