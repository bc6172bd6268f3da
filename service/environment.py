"""The environment: its variables read, each parsed or refused in a sentence, all that is wrong gathered."""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Literal, NoReturn, TypeVar
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

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
    "HOMELOG_FORMER_SECRETS": "$(cat former)",
    "HOMELOG_HOST": "0.0.0.0",  # noqa: S104 - an example
    "HOMELOG_PORT": "8000",
    "HOMELOG_DATA": "/srv/homelog",
    "HOMELOG_DATABASE_DISK": "/",
    "HOMELOG_WORKERS": "2",
    "HOMELOG_REGISTRATION": "closed",
    "HOMELOG_RATE_LIMIT": "300",
    "HOMELOG_MAINTENANCE_MINUTES": "15",
    "HOMELOG_SLOW_QUERY_MS": "250",
    "HOMELOG_TRUSTED_PROXIES": "127.0.0.1,172.16.0.0/12",
    "HOMELOG_ALLOWED_HOSTS": "home.example.org,*.example.net",
    "HOMELOG_CORS_ORIGINS": "https://home.example.org",
    "HOMELOG_PUBLIC_URL": "https://home.example.org",
    "HOMELOG_GOOGLE_CLIENT_ID": "1234-abc.apps.googleusercontent.com",
    "HOMELOG_GOOGLE_CLIENT_SECRET": "GOCSPX-4f1c0b7e92d5a863",
    "HOMELOG_GOOGLE_APP_CLIENT_IDS": "1234-phone.apps.googleusercontent.com",
    "HOMELOG_GOOGLE_HOSTED_DOMAIN": "example.org",
    "HOMELOG_GOOGLE_ISSUER": "https://accounts.google.com",
    "HOMELOG_LINE_CLIENT_ID": "1234567890",
    "HOMELOG_LINE_CLIENT_SECRET": "4f1c0b7e92d5a86331fe7d20c59b48aa",
    "HOMELOG_LINE_APP_CLIENT_IDS": "1234567891",
    "HOMELOG_LINE_ISSUER": "https://access.line.me",
    "HOMELOG_OIDC_NAME": "Our own sign-in",
    "HOMELOG_OIDC_CLIENT_ID": "homelog",
    "HOMELOG_OIDC_CLIENT_SECRET": "92d5a86331fe7d20c59b48aa4f1c0b7e",
    "HOMELOG_OIDC_APP_CLIENT_IDS": "homelog-phone",
    "HOMELOG_OIDC_ISSUER": "https://auth.example.org",
    "HOMELOG_PROVIDER_TOKEN_KEYS": "$(openssl rand -base64 32)",
}
# These are also read from the file that NAME_FILE names, as docker's secrets need.
FROM_FILES = frozenset(
    name for name in EXAMPLES if name.endswith(("_URL", "_PASSWORD", "_SECRET", "_SECRETS", "_KEYS"))
)

_URL_SCHEMES = ("postgresql+asyncpg://", "postgresql://", "postgres://")
# What asyncpg and libpq read alike, after the scheme: user:password@hosts/database?parameters. Where a password has one
# of these characters unescaped they cut the URL in different places, and one takes a part of it for a host's name.
_URL = re.compile(r"(?:[^@/?#\[\]]*@)?[^@/?#]*(?:/[^@/?#]*(?:\?[^#]*)?|\?[^@#]*)?")
_NO_URL = (
    "is not a database's URL; a password's special characters are percent-encoded: % is %25, # is %23, / is %2F, "
    "? is %3F, @ is %40, a space is %20"
)
# psql, pg_dump and the commands for operators read the same URLs, through libpq.
_PARAMETERS = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
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


class SettingsError(Exception):
    """All that is wrong with the environment, one line for each variable."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Environment:
    """Reads variables and gathers what is wrong with them; a wrong one reads as its default."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.lines: list[str] = []

    def given(self, name: str) -> bool:
        """Whether a variable is set, or its file."""
        return bool(self.environ.get(name) or self.environ.get(f"{name}_FILE"))

    def wrong(self, name: str, what: str) -> None:
        """Note what is wrong with a variable."""
        self.lines.append(f"{name} {what}. Example: {name}={EXAMPLES[name]}")

    def require(self, name: str) -> None:
        """Note a variable that is not set."""
        if not self.given(name):
            self.wrong(name, "is missing")

    def read(self, name: str, parse: Callable[[str], T], default: U) -> T | U:
        """The value of a variable, its default where it is not set or wrong."""
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


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that looks like a setting and is none: misspelt, it would leave what it closes open.

    They are told and not refused: a newer or an older version may know them.
    """
    known = [*EXAMPLES, *(f"{name}_FILE" for name in FROM_FILES)]
    lines = []
    for name in sorted(environ):
        if name.startswith("HOMELOG_") and name not in known:
            near = get_close_matches(name, known, 1, 0.8)
            lines.append(f"{name} is no setting of Homelog's{f': did you mean {near[0]}?' if near else '.'}")
    return lines


def _refuse(what: str) -> NoReturn:
    raise ValueError(what)


def parse_database_url(text: str, *, password_name: str, password: str) -> str:
    """A PostgreSQL URL as asyncpg takes it, completed with the password that stands beside it."""
    # What is wrong is said without the value: it holds a password.
    for scheme in _URL_SCHEMES:
        if text.startswith(scheme):
            rest = text.removeprefix(scheme)
            break
    else:
        _refuse("must start with postgresql://, postgres:// or postgresql+asyncpg://")
    if not rest.strip("/") or any(map(str.isspace, rest)) or not _URL.fullmatch(rest):
        _refuse(_NO_URL)
    if not password:
        return _readable(f"postgresql://{rest}")
    user, _, address = rest.partition("@")
    if not address or "/" in user:
        _refuse(f"must name the user whose password {password_name} is")
    if ":" in user:
        _refuse(f"holds a password and {password_name} is set; keep one")
    return _readable(f"postgresql://{user}:{quote(password, safe='')}@{address}")


def _readable(url: str) -> str:
    try:
        parameters = [name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)]  # as asyncpg does
    except ValueError:
        _refuse(_NO_URL)
    if unknown := [name for name in parameters if name.isidentifier() and name not in _PARAMETERS]:
        _refuse(f"has the parameter {unknown[0]}, which libpq does not know; a setting is options=-cNAME%3DVALUE")
    try:
        login = conninfo_to_dict(url)
    except (psycopg.Error, ValueError):
        _refuse(_NO_URL)
    ports = str(login.get("port", "")).split(",")
    # One that is no number is what a password begins with.
    if not all(not port or (port.isascii() and port.isdecimal() and 0 < int(port) < 65536) for port in ports):
        _refuse(_NO_URL)
    # Whoever fills that in, the environment or the login's own name, may mean another one than who reads the URL.
    if not login.get("dbname"):
        _refuse("must name the database after its host")
    return url


def parse_secret(text: str) -> str:
    """A secret that looks like a random one."""
    if len(text) < 32:
        _refuse(f"has {len(text)} characters and needs at least 32 random ones")
    if text.lower().startswith(_PLACEHOLDERS) or len(set(text)) < 10:
        _refuse("looks like a placeholder; make a random one")
    return text


def parse_former_secrets(text: str) -> tuple[str, ...]:
    """Secrets, one a line or with commas between."""
    try:
        return tuple(parse_secret(each) for line in text.splitlines() for each in parse_list(line))
    except ValueError as error:
        _refuse(f"must list secrets, and one of them {error}")


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers within these bounds, both included."""

    def parse(text: str) -> int:
        # int() alone also takes "1_0", "+2" and other scripts' digits.
        if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
            _refuse(f"must be a whole number from {low} to {high}, not {text!r}")
        return int(text)

    return parse


def parse_host(text: str) -> str:
    """An IP address to listen on."""
    try:
        return str(ip_address("127.0.0.1" if text == "localhost" else text.strip("[]")))
    except ValueError:
        _refuse(f"must be an IP address to listen on, not {text!r}")


def parse_folder(text: str) -> Path:
    """A folder, there or not."""
    return Path(text).expanduser().absolute()


def parse_existing_folder(text: str) -> Path:
    """A folder that is there."""
    folder = parse_folder(text)
    # One that is misspelt would guard nothing, without a word.
    if not folder.is_dir():
        _refuse(f"must be a folder that is there, not {text!r}")
    return folder


def parse_registration(text: str) -> Literal["open", "closed"]:
    """Whether anybody may register."""
    match text:
        case "open" | "closed":
            return text
        case _:
            _refuse(f"must be 'open' or 'closed', not {text!r}")


def parse_hosts(text: str) -> tuple[str, ...]:
    """Host names with commas between."""
    hosts = parse_list(text)
    for host in hosts:
        # What is asked for is compared without its port; an IPv6 address stands without brackets.
        if "/" in host or any(map(str.isspace, host)) or (":" in host and not _is_ipv6(host)):
            _refuse(f"must list host names, without scheme, port or path, not {host!r}")
    return hosts


def _is_ipv6(text: str) -> bool:
    try:
        return ip_address(text).version == 6
    except ValueError:
        return False


def parse_networks(text: str) -> tuple[str, ...]:
    """IP addresses and networks with commas between."""
    networks = parse_list(text)
    for network in networks:
        try:
            whole = ip_network(network).prefixlen == 0
        except ValueError:
            _refuse(f"must list IP addresses or networks as 10.0.0.0/8, not {network!r}{_network_around(network)}")
        if whole:
            _refuse(f"must not be every address there is: {network!r}")
    return networks


def _network_around(text: str) -> str:
    try:
        return f": did you mean {ip_network(text, strict=False)}?"
    except ValueError:
        return ""


def parse_origins(text: str) -> tuple[str, ...]:
    """Origins of web pages with commas between."""
    origins = parse_list(text)
    for origin in origins:
        parts = urlsplit(origin)
        # "*" too is refused here: with credentials it would open every account to every page.
        if parts.scheme not in ("http", "https") or parts != SplitResult(parts.scheme, parts.netloc, "", "", ""):
            slash = "; take the slash at its end away" if parts.path == "/" else ""
            _refuse(f"must list origins as scheme://host[:port], not {origin!r}{slash}")
    return origins


def _web_address(text: str) -> SplitResult:
    # Without TLS only to this machine itself, as tests and `make run` do.
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        _refuse(f"is no URL: {text!r}")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        _refuse(f"must be an https URL, or http to this machine, not {text!r}")
    if not host or "@" in parts.netloc or parts.query or parts.fragment or any(map(str.isspace, text)):
        _refuse(f"must have a host and neither user, query nor fragment, not {text!r}")
    return parts


def is_loopback(host: str | None) -> bool:
    """Whether a URL's host is this machine."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def parse_public_url(text: str) -> str:
    """The URL by which browsers call the service, without a slash at its end."""
    parts = _web_address(text)
    if parts.path.strip("/"):
        _refuse(f"must be scheme://host[:port] without a path, not {text!r}")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def parse_issuer(text: str) -> str:
    """An issuer's URL, as it stands."""
    # As the provider writes it, a slash at its end included: it is compared character by character.
    _web_address(text)
    return text


def parse_client_secret(text: str) -> str:
    """What a provider gave us to be known by."""
    if text.lower().startswith(_PLACEHOLDERS):
        _refuse("looks like a placeholder; the provider shows the real one")
    return text


def parse_display_name(text: str) -> str:
    """What a provider is called on a page."""
    if len(text) > 50 or not text.isprintable():
        _refuse("must be at most 50 printable characters")
    return text


def parse_domain(text: str) -> str:
    """A domain, in lower case."""
    if "/" in text or "@" in text or any(map(str.isspace, text)):
        _refuse(f"must be a domain such as example.org, not {text!r}")
    return text.lower()


def parse_keys(text: str) -> tuple[bytes, ...]:
    """Keys of 32 bytes, from base64 with commas between."""
    # What is wrong is said without the value.
    keys = []
    for said in parse_list(text):
        try:
            key = b64decode(said, validate=True)
        except ValueError:
            _refuse("must list keys in base64, with commas between")
        if len(key) != 32 or len(set(key)) < 10:
            _refuse("must list keys of 32 random bytes each, in base64, with commas between")
        keys.append(key)
    return tuple(keys)


def parse_list(text: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
