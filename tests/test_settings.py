"""The settings: what is taken, what is refused, and that all that is wrong is said at once."""

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from rich.pretty import pretty_repr

from service.environment import EXAMPLES, SettingsError, unknown_variables
from service.settings import Settings

SECRET = "kR7vQ2mZ9xT4pL8wB3nF6yH1cD5gJ0sA"
URL = "postgresql://homelog_api:hush@db/homelog"
GOOD = {"DATABASE_URL": URL, "HOMELOG_SECRET": SECRET}


def wrong(environ: dict[str, str], *, require_database: bool = False) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environ, require_database=require_database, require_secret=True)
    return caught.value.lines


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_spelling_of_the_scheme_becomes_what_asyncpg_takes(scheme: str) -> None:
    settings = Settings.from_environment(GOOD | {"DATABASE_URL": f"{scheme}://homelog_api:hush@db/homelog"})
    assert settings.database_url == URL


def test_nothing_set_means_the_embedded_server_and_the_defaults() -> None:
    settings = Settings.from_environment({"HOME": "/home/ada"})
    assert settings.embedded
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 2)
    assert settings.registration == "open"


@pytest.mark.parametrize(
    ("uid", "platform", "environ", "folder"),
    [
        (0, "linux", {"HOME": "/root"}, "/var/lib/homelog"),
        (1000, "linux", {"HOME": "/home/ada"}, "/home/ada/.local/share/homelog"),
        (1000, "linux", {"HOME": "/home/ada", "XDG_DATA_HOME": "/data"}, "/data/homelog"),
        (1000, "darwin", {"HOME": "/Users/ada"}, "/Users/ada/Library/Application Support/homelog"),
        (1000, "linux", {"HOME": "/home/ada", "HOMELOG_DATA": "/srv/log"}, "/srv/log"),
    ],
)
def test_the_data_folder_is_where_the_system_keeps_such_things(
    monkeypatch: pytest.MonkeyPatch, uid: int, platform: str, environ: dict[str, str], folder: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    monkeypatch.setattr("sys.platform", platform)
    assert Settings.from_environment(environ).data == Path(folder)


def test_an_empty_variable_is_an_absent_one() -> None:
    assert Settings.from_environment(dict.fromkeys(EXAMPLES, "")).embedded


def test_every_example_but_the_commands_is_itself_right() -> None:
    values = {name: value for name, value in EXAMPLES.items() if not value.startswith("$(")}
    settings = Settings.from_environment(values | {"HOMELOG_SECRET": SECRET})
    assert settings.allowed_hosts == ("home.example.org", "*.example.net")
    assert settings.cors_origins == ("https://home.example.org",)


def test_all_that_is_wrong_is_said_at_once() -> None:
    lines = wrong(
        {
            "DATABASE_URL": "mysql://root:hush@db/homelog",
            "HOMELOG_MIGRATOR_URL": "postgresql://",
            "HOMELOG_HOST": "http://home",
            "HOMELOG_PORT": "80000",
            "HOMELOG_WORKERS": "1_0",
            "HOMELOG_REGISTRATION": "maybe",
            "HOMELOG_DATABASE_DISK": "/nowhere/at/all",
            "HOMELOG_RATE_LIMIT": "-1",
            "HOMELOG_TRUSTED_PROXIES": "10.0.0.1/8",
            "HOMELOG_ALLOWED_HOSTS": "https://home.example.org",
            "HOMELOG_CORS_ORIGINS": "*",
        }
    )
    assert [line.split()[0] for line in lines] == [
        "DATABASE_URL",
        "HOMELOG_MIGRATOR_URL",
        "HOMELOG_HOST",
        "HOMELOG_PORT",
        "HOMELOG_DATABASE_DISK",
        "HOMELOG_WORKERS",
        "HOMELOG_REGISTRATION",
        "HOMELOG_RATE_LIMIT",
        "HOMELOG_TRUSTED_PROXIES",
        "HOMELOG_ALLOWED_HOSTS",
        "HOMELOG_CORS_ORIGINS",
        "HOMELOG_SECRET",
    ]
    assert all(" Example: " in line for line in lines)
    assert "hush" not in "\n".join(lines)


@pytest.mark.parametrize("text", ["nginx", "10.0.0.1/8", "0.0.0.0/0", "::/0", "*", "10.0.0.0/33", "10.0.0.1:80"])
def test_only_addresses_and_networks_are_trusted_and_never_all_of_them(text: str) -> None:
    (line,) = wrong(GOOD | {"HOMELOG_TRUSTED_PROXIES": f"127.0.0.1,{text}"})
    assert line.startswith("HOMELOG_TRUSTED_PROXIES")


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("TRUSTED_PROXIES", "192.168.1.5/24", "did you mean 192.168.1.0/24?"),
        ("CORS_ORIGINS", "https://home.example.org/", "take the slash at its end away"),
        ("ALLOWED_HOSTS", "home.example.org:8000", "must list host names, without scheme, port or path"),
        ("ALLOWED_HOSTS", "[::1]:8000", "must list host names, without scheme, port or path"),
        ("ALLOWED_HOSTS", "https://home.example.org", "must list host names, without scheme, port or path"),
    ],
)
def test_what_is_nearly_right_is_told_with_what_is(name: str, text: str, what: str) -> None:
    (line,) = wrong(GOOD | {f"HOMELOG_{name}": text})
    assert what in line


def test_hosts_may_be_addresses() -> None:
    assert Settings.from_environment(GOOD | {"HOMELOG_ALLOWED_HOSTS": "::1,10.0.0.7"}).allowed_hosts == (
        "::1",
        "10.0.0.7",
    )


def test_a_misspelt_variable_is_told_and_no_reason_not_to_start() -> None:
    environ = {"HOMELOG_ALLOWED_HOST": "x", "HOMELOG_SECRET_FILE": "/x", "HOMELOG_XYZ": "1", "PATH": "/bin"}
    assert unknown_variables(environ | dict.fromkeys(EXAMPLES, "")) == [
        "HOMELOG_ALLOWED_HOST is no setting of Homelog's: did you mean HOMELOG_ALLOWED_HOSTS?",
        "HOMELOG_XYZ is no setting of Homelog's.",
    ]


def test_the_limit_is_a_hundred_and_may_be_off() -> None:
    assert Settings.from_environment(GOOD).rate_limit == 100
    assert Settings.from_environment(GOOD | {"HOMELOG_RATE_LIMIT": "0"}).rate_limit == 0


def test_serving_needs_a_database_and_a_secret() -> None:
    assert [line.split(".")[0] for line in wrong({}, require_database=True)] == [
        "DATABASE_URL is missing",
        "HOMELOG_SECRET is missing",
    ]


@pytest.mark.parametrize("secret", ["short", "change-me-" * 5, "a" * 40, "Your-secret-goes-here-0123456789abc"])
def test_a_weak_secret_is_refused(secret: str) -> None:
    (line,) = wrong(GOOD | {"HOMELOG_SECRET": secret})
    assert line.startswith("HOMELOG_SECRET")
    assert secret not in line


OLD, OLDER = "Q8mZ2vR7xK4tL9pW3bF6nY1cH5dJ0gSa", "J0gSaQ8mZ2vR7xK4tL9pW3bF6nY1cH5d"


def test_former_secrets_come_after_the_one_that_signs() -> None:
    assert Settings.from_environment(GOOD).secrets == (SECRET,)
    settings = Settings.from_environment(GOOD | {"HOMELOG_FORMER_SECRETS": f"{OLD}, {OLDER},"})
    assert settings.secrets == (SECRET, OLD, OLDER)


@pytest.mark.parametrize("text", [f"{OLD}\n{OLDER}\n", f"{OLD},{OLDER}", f"\n{OLD}\r\n\n {OLDER} "])
def test_former_secrets_are_read_from_a_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "former").write_text(text)
    settings = Settings.from_environment(GOOD | {"HOMELOG_FORMER_SECRETS_FILE": str(tmp_path / "former")})
    assert settings.former_secrets == (OLD, OLDER)


@pytest.mark.parametrize("text", ["x", f"{OLD},x", f"{OLD},change-me-change-me-change-me-change-me"])
def test_a_weak_former_secret_is_refused(text: str) -> None:
    (line,) = wrong(GOOD | {"HOMELOG_FORMER_SECRETS": text})
    assert line.startswith("HOMELOG_FORMER_SECRETS must list secrets, and one of them ")
    assert OLD not in line


def test_secrets_are_read_from_files(tmp_path: Path) -> None:
    for name, text in GOOD.items():
        (tmp_path / name).write_text(f"{text}\n")
    settings = Settings.from_environment({f"{name}_FILE": str(tmp_path / name) for name in GOOD})
    assert (settings.database_url, settings.secret) == (URL, SECRET)


@pytest.mark.parametrize("password", ["hush", "a b", "p@ss:w/rd?#%41&'\"\\$x", "schlüssel €"])
def test_a_url_without_a_password_gets_the_one_beside_it(tmp_path: Path, password: str) -> None:
    (tmp_path / "admin").write_text(f"{password}\n")
    settings = Settings.from_environment(
        {
            "DATABASE_URL": "postgres://homelog_api@db/homelog",
            "HOMELOG_API_PASSWORD": password,
            "HOMELOG_MIGRATOR_URL": "postgres://homelog_migrator@[::1]:5433/homelog?sslmode=require",
            "HOMELOG_MIGRATOR_PASSWORD": password,
            "HOMELOG_ADMIN_URL": "postgres://postgres@/homelog?host=/run/postgresql",
            "HOMELOG_ADMIN_PASSWORD_FILE": str(tmp_path / "admin"),
            "HOMELOG_SECRET": SECRET,
        }
    )
    for url, user in (
        (settings.database_url, "homelog_api"),
        (settings.migrator_url, "homelog_migrator"),
        (settings.admin_url, "postgres"),
    ):
        login = conninfo_to_dict(url or "")
        assert (login["user"], login["password"], login["dbname"]) == (user, password, "homelog")
    assert settings.passwords == {"homelog_api": password, "homelog_migrator": password}


@pytest.mark.parametrize(
    ("url", "what"),
    [
        (URL, "holds a password and HOMELOG_API_PASSWORD is set; keep one"),
        ("postgresql://db/homelog", "must name the user whose password HOMELOG_API_PASSWORD is"),
        ("postgresql:///homelog?user=a@b", "must name the user whose password HOMELOG_API_PASSWORD is"),
    ],
)
def test_a_password_that_its_url_has_no_place_for_is_refused(url: str, what: str) -> None:
    (line,) = wrong(GOOD | {"DATABASE_URL": url, "HOMELOG_API_PASSWORD": "quiet"})
    assert line.startswith(f"DATABASE_URL {what}.")
    assert "hush" not in line
    assert "quiet" not in line


@pytest.mark.parametrize("name", ["DATABASE_URL", "HOMELOG_MIGRATOR_URL", "HOMELOG_ADMIN_URL"])
@pytest.mark.parametrize(
    "password",
    [
        "hu%sh",
        "hush%",
        "hush%00",
        "hush%e4",
        "hu#sh",
        "hu/sh",
        "12/hush",
        "hu?sh",
        "hu?s=/sh",
        "hu@sh",
        "hu[sh",
        "hush]",
    ],
)
def test_a_password_that_is_not_percent_encoded_is_refused_and_not_shown(name: str, password: str) -> None:
    (line,) = wrong(GOOD | {name: f"postgresql://ann:{password}@db/homelog"})
    assert line.startswith(f"{name} is not a database's URL; a password's special characters are percent-encoded")
    assert "ann:" not in line
    assert "hu" not in line
    assert "sh@" not in line


def test_a_password_that_is_no_utf8_is_refused() -> None:
    (line,) = wrong(GOOD | {"DATABASE_URL": "postgresql://ann:hush\udce4@db/homelog"})
    assert line.startswith("DATABASE_URL is not a database's URL")


@pytest.mark.parametrize(
    "rest",
    ["db:port/homelog", "db:99999/homelog", "[::1/homelog", "db[1/homelog", "db/home/log"],
)
def test_a_url_that_leads_nowhere_is_refused(rest: str) -> None:
    (line,) = wrong(GOOD | {"DATABASE_URL": f"postgresql://ann:hush@{rest}"})
    assert line.startswith("DATABASE_URL is not a database's URL")
    assert "hush" not in line


@pytest.mark.parametrize("name", ["DATABASE_URL", "HOMELOG_MIGRATOR_URL", "HOMELOG_ADMIN_URL"])
@pytest.mark.parametrize("rest", ["db", "db/", "db:5432/?sslmode=require", "db/?dbname="])
def test_a_url_that_names_no_database_is_refused(name: str, rest: str) -> None:
    (line,) = wrong(GOOD | {name: f"postgresql://ann:hush@{rest}"})
    assert line.startswith(f"{name} must name the database after its host. Example: {name}=postgresql://")
    assert "hush" not in line


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann@db?dbname=homelog",
        "postgresql://ann:hush@db:5432,[::1]:5433/homelog?target_session_attrs=primary",
        "postgresql://ann:h:u$s&h=%25%2F@%2Frun%2Fpostgresql/home%2Flog",
        "postgresql:///homelog?host=/run/postgresql&port=5432&user=ann",
        "postgresql://ann@db/homelog?options=-cstatement_timeout%3D7s",
    ],
)
def test_every_right_url_is_taken_as_it_stands(url: str) -> None:
    assert Settings.from_environment(GOOD | {"DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize("parameter", ["statement_timeout=7s", "pgbouncer=true", "search_path="])
def test_a_parameter_that_libpq_does_not_know_is_named(parameter: str) -> None:
    (line,) = wrong(GOOD | {"DATABASE_URL": f"postgresql://ann:hush@db/homelog?sslmode=require&{parameter}"})
    assert (
        f"has the parameter {parameter.partition('=')[0]}, which libpq does not know; a setting is options=-c" in line
    )
    assert "hush" not in line


def test_a_secret_set_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    (line,) = wrong(GOOD | {"HOMELOG_SECRET_FILE": str(tmp_path / "secret")})
    assert "HOMELOG_SECRET and HOMELOG_SECRET_FILE are both set" in line


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_an_unreadable_secret_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    (line,) = wrong({"DATABASE_URL": URL, "HOMELOG_SECRET_FILE": str(file)})
    assert str(file) in line


def test_no_representation_shows_a_secret() -> None:
    admin = "postgresql://postgres:hush@db/homelog"
    settings = Settings.from_environment(
        GOOD
        | {"HOMELOG_ADMIN_URL": admin, "HOMELOG_MIGRATOR_URL": admin, "HOMELOG_OPS_PASSWORD": "hush"}
        | {"HOMELOG_FORMER_SECRETS": OLD}
    )
    for shown in (repr(settings), str(settings), pretty_repr(settings)):
        assert "hush" not in shown
        assert SECRET not in shown
        assert OLD not in shown
        assert "port=8000" in shown


# Providers

LINE = {
    "HOMELOG_PUBLIC_URL": "https://home.example.org/",
    "HOMELOG_LINE_CLIENT_ID": "1234567890",
    "HOMELOG_LINE_CLIENT_SECRET": "4f1c0b7e92d5a86331fe7d20c59b48aa",
}


def test_no_provider_is_there_until_one_is_configured() -> None:
    assert Settings.from_environment(GOOD | {"HOMELOG_PUBLIC_URL": "https://home.example.org"}).providers == {}


def test_a_provider_needs_no_more_than_its_client_and_our_address() -> None:
    settings = Settings.from_environment(GOOD | LINE)
    assert settings.public_url == "https://home.example.org"
    assert settings.providers.keys() == {"line"}
    assert settings.providers["line"].issuer == "https://access.line.me"


def test_any_other_provider_is_a_matter_of_configuration_alone() -> None:
    said = {name.replace("_LINE_", "_OIDC_"): value for name, value in LINE.items()}
    more = {"HOMELOG_OIDC_ISSUER": "https://auth.example.org/realms/home/", "HOMELOG_OIDC_NAME": "Our own"}
    oidc = Settings.from_environment(GOOD | said | more).providers["oidc"]
    # Compared character by character, so kept as it was said.
    assert (oidc.title, oidc.issuer) == ("Our own", "https://auth.example.org/realms/home/")


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({"HOMELOG_LINE_CLIENT_ID": "1"}, ["HOMELOG_LINE_CLIENT_SECRET", "HOMELOG_PUBLIC_URL"]),
        (
            {"HOMELOG_GOOGLE_HOSTED_DOMAIN": "example.org"},
            ["HOMELOG_GOOGLE_CLIENT_ID", "HOMELOG_GOOGLE_CLIENT_SECRET", "HOMELOG_PUBLIC_URL"],
        ),
        (
            {"HOMELOG_OIDC_NAME": "Ours"},
            ["HOMELOG_OIDC_CLIENT_ID", "HOMELOG_OIDC_CLIENT_SECRET", "HOMELOG_OIDC_ISSUER", "HOMELOG_PUBLIC_URL"],
        ),
    ],
)
def test_a_provider_that_is_half_configured_stops_the_start(environ: dict[str, str], names: list[str]) -> None:
    lines = wrong(GOOD | environ)
    assert [line.split()[0] for line in lines] == names
    assert all(" is missing. Example: " in line for line in lines)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (
            "HOMELOG_PUBLIC_URL",
            ["home.example.org", "http://home.example.org", "https://x/app", "https://u@x", "https://x:y"],
        ),
        (
            "HOMELOG_LINE_ISSUER",
            ["x", "http://access.line.me", "https://", "https://x?y", "https://x#y", "https://a b"],
        ),
        ("HOMELOG_LINE_CLIENT_SECRET", ["your-channel-secret", "changeme"]),
        ("HOMELOG_GOOGLE_HOSTED_DOMAIN", ["https://example.org", "ann@example.org", "a b"]),
        ("HOMELOG_OIDC_NAME", ["x" * 51, "a\tb"]),
        ("HOMELOG_PROVIDER_TOKEN_KEYS", ["x", "AAAA", "A" * 43 + "=", "?" * 44]),
    ],
)
def test_a_wrong_setting_of_a_provider_is_refused(name: str, values: list[str]) -> None:
    for value in values:
        assert name in [line.split()[0] for line in wrong(GOOD | LINE | {name: value})], value


def test_a_provider_on_this_machine_needs_no_tls() -> None:
    here = {"HOMELOG_PUBLIC_URL": "http://localhost:8000", "HOMELOG_LINE_ISSUER": "http://127.0.0.1:9000/line"}
    assert Settings.from_environment(GOOD | LINE | here).public_url == "http://localhost:8000"


def test_keys_are_read_one_after_the_other_and_shown_nowhere(tmp_path: Path) -> None:
    keys = ["Q2h6Gm5oZC9qT1hXb3lQb1l6d0RkT2pLc0ZlVXVhV3I=", "bWQ5c1F2NnhLMWJQM25SN3RZMHVBNGdIOGpMMmNWNWU="]
    (tmp_path / "keys").write_text(",".join(keys) + "\n")
    settings = Settings.from_environment(GOOD | LINE | {"HOMELOG_PROVIDER_TOKEN_KEYS_FILE": str(tmp_path / "keys")})
    assert [len(key) for key in settings.provider_token_keys] == [32, 32]
    for shown in (repr(settings), pretty_repr(settings)):
        assert LINE["HOMELOG_LINE_CLIENT_SECRET"] not in shown
        assert repr(settings.provider_token_keys[0]) not in shown
