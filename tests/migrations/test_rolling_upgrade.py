"""The service as it was released last, on the schema of now: what runs for some minutes of a rolling upgrade.

Its own tests tell whether it still works: `tests/api` of that release, a file a feature (SUBSET), with its own
`service/`, on a database that the migrations of now have made. All of `tests/api` would take many minutes.
"""

import os
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from service.migrations import SQL
from service.migrations.files import read_chain

ROOT = SQL.parent
GIT = shutil.which("git") or ""
# A file a feature; one that the release did not have yet is left out.
SUBSET = [
    f"tests/api/test_{feature}.py"
    for feature in ("homes", "sources", "readings", "plants", "reference", "series", "audit", "access")
]
# What a test of an earlier release says that a later schema has changed on purpose; one that is gone is no matter.
BROKEN_ON_PURPOSE = {
    "tests/api/test_reference.py::test_the_reference_has_every_enum_of_the_database_and_no_other": "asks the catalogue",
}

# Put at the end of the release's tests/conftest.py, whose template is made by these two.
MAKE_NEWEST = """

import subprocess as _subprocess, sys as _sys

def upgrade(url):  # the migrations of now, run by the code of now
    run = "import sys; from service.migrations import upgrade; upgrade(sys.argv[1])"
    _subprocess.run([_sys.executable, "-c", run, url], cwd={root!r}, check=True)
"""


def git(*arguments: str) -> str:
    """What git says, nothing where it refuses."""
    done = subprocess.run([GIT, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def last_release() -> str:
    """The newest release tag before this commit, else the newest commit of this line that lacks the newest migration.

    Skips where that cannot be told.
    """
    if not GIT:
        pytest.skip("no rolling upgrade was tried: git is not installed")
    if git("rev-parse", "--show-toplevel") != str(ROOT):
        pytest.skip("no rolling upgrade was tried: this is no clone of the repository")
    if git("rev-parse", "--is-shallow-repository") == "true":
        pytest.skip("no rolling upgrade was tried: this is a shallow clone, which has no earlier commit")
    tags = git("tag", "--list", "v[0-9]*", "--merged", "HEAD", "--no-contains", "HEAD", "--sort=-version:refname")
    if tags:
        return tags.splitlines()[0]
    # Along the first parents, so that what was merged as one counts as one.
    changes = git("rev-list", "--first-parent", "HEAD", "--", "sql/migrations").splitlines()
    now = [migration.id for migration in read_chain()]
    for commit in ("HEAD", *(f"{change}^" for change in changes)):
        names = map(Path, git("ls-tree", "--name-only", commit, "sql/migrations/").splitlines())
        was = [name.stem for name in names if name.suffix == ".sql" and not name.stem.endswith(".rollback")]
        if was != now and was == now[: len(was)]:  # a branch may have had other numbers before it was merged
            return commit
    pytest.skip("no rolling upgrade was tried: no commit has an earlier schema")


@pytest.mark.slow
def test_the_last_release_works_on_the_schema_of_now(tmp_path: Path) -> None:
    release = last_release()
    archive = subprocess.run(
        [GIT, "archive", release, "service", "sql", "tests", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(tmp_path, filter="data")
    with (tmp_path / "tests" / "conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(MAKE_NEWEST.format(root=str(ROOT)))
    subset = [name for name in SUBSET if (tmp_path / name).exists()]
    assert len(subset) > len(SUBSET) / 2
    deselected = [f"--deselect={name}" for name in BROKEN_ON_PURPOSE]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *deselected, *subset],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, f"{release} on the schema of now:\n{done.stdout[-8000:]}{done.stderr[-2000:]}"
