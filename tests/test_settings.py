"""The settings: what is taken, what is refused, and that all that is wrong is said at once."""

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from rich.pretty import pretty_repr

from service.settings import EXAMPLES, Settings, SettingsError

SECRET = "kR7vQ2mZ9xT4pL8wB3nF6yH1cD5gJ0sA"
URL = "postgresql://homelog_api:hush@db/homelog"
GOOD = {"DATABASE_URL": URL, "HOMELOG_SECRET": SECRET}


def wrong(environ: dict[str, str], *, require_database: bool = False) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environ, require_database=require_database)
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
            "HOMELOG_ALLOWED_HOSTS": "https://home.example.org",
            "HOMELOG_CORS_ORIGINS": "*",
        }
    )
    assert [line.split()[0] for line in lines] == [
        "DATABASE_URL",
        "HOMELOG_MIGRATOR_URL",
        "HOMELOG_HOST",
        "HOMELOG_PORT",
        "HOMELOG_WORKERS",
        "HOMELOG_REGISTRATION",
        "HOMELOG_ALLOWED_HOSTS",
        "HOMELOG_CORS_ORIGINS",
        "HOMELOG_SECRET",
    ]
    assert all(" Example: " in line for line in lines)
    assert "hush" not in "\n".join(lines)


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
        GOOD | {"HOMELOG_ADMIN_URL": admin, "HOMELOG_MIGRATOR_URL": admin, "HOMELOG_OPS_PASSWORD": "hush"}
    )
    for shown in (repr(settings), str(settings), pretty_repr(settings)):
        assert "hush" not in shown
        assert SECRET not in shown
        assert "port=8000" in shown
