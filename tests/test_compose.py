"""docker-compose.yml, Dockerfile and .env.example: that they agree with the settings and keep what they promise."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from service.environment import EXAMPLES
from service.settings import Settings

ROOT = Path(__file__).parents[1]
COMPOSE = (ROOT / "docker-compose.yml").read_text("utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
ENV_EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
SECRET_NAMES = {name for name in EXAMPLES if re.search("_PASSWORD$|(?<!_CLIENT)_SECRET$", name)}
FILLED_IN = {name: f"{number} is long and random enough: Zx9#q@/%" for number, name in enumerate(sorted(SECRET_NAMES))}

# $NAME or ${NAME}, ${NAME:-default}, ${NAME:?sentence}
VARIABLE = re.compile(r"\$(?:\{(\w+)(?::([-?])([^}]*))?\}|(\w+))")


def env_example(prefix: str) -> dict[str, str]:
    """The variables of .env.example that follow `prefix` at the beginning of a line."""
    return dict(re.findall(rf"^{prefix}([A-Z][A-Z_]*)=(.*)$", ENV_EXAMPLE, re.MULTILINE))


def environment(service: str, env: dict[str, str]) -> dict[str, str]:
    """What the container gets when .env holds `env`."""

    def value(match: re.Match[str]) -> str:
        assert match[1], "say ${NAME:-} or ${NAME:?sentence}"
        return env.get(match[1]) or (match[3] if match[2] == "-" else "")

    return {name: VARIABLE.sub(value, text) for name, text in SERVICES[service]["environment"].items()}


# .env.example


def test_env_example_lists_every_setting_and_nothing_else() -> None:
    assert env_example("") | env_example("#") == env_example("#?")
    assert env_example("#?").keys() == EXAMPLES.keys()


def test_only_the_secrets_are_to_be_filled_in() -> None:
    assert env_example("") == dict.fromkeys(SECRET_NAMES, "")


def test_every_setting_has_a_comment_above_it() -> None:
    for block in ENV_EXAMPLE.split("\n\n"):
        if re.search(r"^#?[A-Z_]+=", block, re.MULTILINE):
            assert block.startswith("# "), block


def test_what_is_commented_out_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    shown = {name: value for name, value in env_example("#").items() if not name.endswith("_URL")}
    assert Settings.from_environment(shown) == Settings.from_environment({})


@pytest.mark.skipif(not shutil.which("openssl"), reason="the command needs openssl")
def test_the_command_at_the_top_makes_a_right_env_and_keeps_one_that_is_there(tmp_path: Path) -> None:
    shutil.copy(ROOT / ".env.example", tmp_path)
    command = next(line.removeprefix("#   ") for line in ENV_EXAMPLE.splitlines() if line.startswith("#   ("))
    subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True)
    made = tmp_path / ".env"
    text = made.read_text("utf-8")
    assert made.stat().st_mode & 0o777 == 0o600
    filled = dict(re.findall(r"^(\w+)=(.+)$", text, re.MULTILINE))
    assert filled.keys() == SECRET_NAMES
    assert len(set(filled.values())) == len(SECRET_NAMES)
    Settings.from_environment(environment("api", filled), require_database=True)

    again = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=False, capture_output=True)
    assert again.returncode
    assert made.read_text("utf-8") == text


# Settings and secrets


def test_every_variable_stands_in_env_example() -> None:
    assert {match[1] or match[4] for match in VARIABLE.finditer(COMPOSE)} <= EXAMPLES.keys()


def test_every_setting_of_the_service_reaches_it() -> None:
    # The published port; the embedded server; the disk of another container.
    elsewhere = {"HOMELOG_HOST", "HOMELOG_PORT", "HOMELOG_DATA", "HOMELOG_DATABASE_DISK"}
    others = {name for name in EXAMPLES if re.search("_(MIGRATOR|ADMIN|OPS)_", name)}
    assert SERVICES["api"]["environment"].keys() == EXAMPLES.keys() - elsewhere - others


def test_the_containers_start_with_what_they_are_given() -> None:
    api = Settings.from_environment(environment("api", FILLED_IN), require_database=True)
    assert api.database_url.startswith("postgresql://homelog_api:")
    assert api.admin_url is api.migrator_url is None
    migrate = Settings.from_environment(environment("migrate", FILLED_IN))
    assert migrate.migrator_url
    assert migrate.admin_url
    assert migrate.passwords.keys() == {"homelog_api", "homelog_migrator", "homelog_ops"}


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_has_a_default(service: str) -> None:
    for name, text in SERVICES[service]["environment"].items():
        if name in SECRET_NAMES:
            assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", text), name
        assert not re.search(r"://[^/]*:[^/]*@", text), name


# What the containers may do


@pytest.mark.parametrize("service", SERVICES)
def test_no_container_has_a_capability_or_gains_one(service: str) -> None:
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert SERVICES[service]["security_opt"] == ["no-new-privileges:true"]
    assert not SERVICES[service].keys() & {"cap_add", "privileged", "network_mode", "pid", "ipc", "devices"}


@pytest.mark.parametrize("service", SERVICES)
def test_logs_cannot_fill_the_disk(service: str) -> None:
    assert SERVICES[service]["logging"]["options"].keys() >= {"max-size", "max-file"}


@pytest.mark.parametrize("service", ["migrate", "api"])
def test_our_containers_are_read_only_and_bounded(service: str) -> None:
    assert SERVICES[service]["read_only"] is True
    assert [mount.partition(":")[0] for mount in SERVICES[service]["tmpfs"]] == ["/tmp"]  # noqa: S108 - in a container
    assert "volumes" not in SERVICES[service]
    assert SERVICES[service].keys() >= {"mem_limit", "pids_limit"}


def test_nobody_is_root() -> None:
    assert SERVICES["db"]["user"] == "postgres"
    assert "user" not in SERVICES["api"].keys() | SERVICES["migrate"].keys()
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]


def test_only_the_api_is_published_and_only_to_this_machine() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["api"]
    assert SERVICES["api"]["ports"] == ["${HOMELOG_HOST:-127.0.0.1}:${HOMELOG_PORT:-8000}:8000"]


# The database's first boot


def test_the_data_is_on_the_volume_where_version_18_keeps_it() -> None:
    assert SERVICES["db"]["image"] == "postgres:18"
    assert "db:/var/lib/postgresql" in SERVICES["db"]["volumes"]
    assert "db" in yaml.safe_load(COMPOSE)["volumes"]


def test_the_image_meets_one_script_alone() -> None:
    mounts = dict(mount.split(":")[:2] for mount in SERVICES["db"]["volumes"])
    at_boot = {there: here for here, there in mounts.items() if there.startswith("/docker-entrypoint-initdb.d")}
    assert at_boot == {"/docker-entrypoint-initdb.d/homelog.sh": "./sql/init/run.sh"}
    assert f"cd {mounts['./sql/init']}\n" in (ROOT / "sql/init/run.sh").read_text("utf-8")


def test_a_server_that_still_runs_the_script_is_not_healthy() -> None:
    # Its socket alone answers then.
    assert "--host=127.0.0.1" in SERVICES["db"]["healthcheck"]["test"]


def test_each_waits_for_what_it_needs() -> None:
    assert SERVICES["migrate"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert SERVICES["api"]["depends_on"] == {
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


def test_the_image_is_pinned_hashed_and_run_without_a_shell() -> None:
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["python:3.13-slim"] * 2
    assert "--require-hashes --requirement requirements.txt" in DOCKERFILE
    assert 'ENTRYPOINT ["homelog"]\nCMD ["serve"]\n' in DOCKERFILE
    assert "STOPSIGNAL SIGTERM" in DOCKERFILE


# Compose's own word

DOCKER = shutil.which("docker")


def compose(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `docker compose config` on a copy with nothing else in its environment."""
    shutil.copy(ROOT / "docker-compose.yml", folder)
    (folder / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in env.items()), encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_CONFIG") if name in os.environ}
    command = [str(DOCKER), "compose", "config", "--quiet"]
    return subprocess.run(command, cwd=folder, env=kept, check=False, capture_output=True, encoding="utf-8")


@pytest.fixture
def _compose_is_installed() -> None:
    if not DOCKER or subprocess.run([DOCKER, "compose", "version"], check=False, capture_output=True).returncode:
        pytest.skip("docker with compose is not installed")


@pytest.mark.usefixtures("_compose_is_installed")
def test_compose_takes_the_file(tmp_path: Path) -> None:
    result = compose(tmp_path, **FILLED_IN)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.usefixtures("_compose_is_installed")
@pytest.mark.parametrize("missing", sorted(SECRET_NAMES))
def test_compose_names_a_missing_secret_and_what_to_do(tmp_path: Path, missing: str) -> None:
    result = compose(tmp_path, **FILLED_IN | {missing: ""})
    assert result.returncode
    assert f"{missing} is missing a value: fill .env in, as .env.example says" in result.stderr
