"""The rules of the files themselves; no database."""

import subprocess
from pathlib import Path

import pytest

from service.migrations import BASELINE, SQL, MigrationError, baseline_changes, create, required_version
from service.migrations.files import check_directives, read_chain


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "migrations").mkdir()
    return tmp_path / "migrations"


def pair(folder: Path, id_: str, text: str = "") -> None:
    (folder / f"{id_}.sql").write_text(text, encoding="utf-8")
    (folder / f"{id_}.rollback.sql").write_text("", encoding="utf-8")


def test_the_migrations_in_the_tree_keep_the_rules() -> None:
    chain = read_chain()
    check_directives(chain)
    for migration in chain:
        migration.check("apply")
        migration.check("rollback")
        assert "SET LOCAL ROLE homelog_owner;" in migration.text["apply"] or not migration.transactional


def test_the_baseline_is_as_it_was_frozen() -> None:
    assert baseline_changes() == []


def test_the_baseline_stamps_the_version_that_the_code_asks_for() -> None:
    assert any(f"VALUES ('{BASELINE}')" in path.read_text("utf-8") for path in (SQL / "init").glob("*.sql"))


def test_a_frozen_baseline_names_each_change(tmp_path: Path) -> None:
    init = tmp_path / "init"
    init.mkdir()
    for name in ("010_a.sql", "020_b.sql", "030_c.sql"):
        (init / name).write_text(f"-- {name}\n", encoding="utf-8")
    assert baseline_changes(tmp_path) == []
    subprocess.run("sha256sum -- *.sql > CHECKSUMS", shell=True, check=True, cwd=init)  # noqa: S602, S607
    assert baseline_changes(tmp_path) == []

    (init / "010_a.sql").write_text("-- edited\n", encoding="utf-8")
    (init / "020_b.sql").unlink()
    (init / "040_d.sql").touch()
    assert [change.split(maxsplit=1)[0] for change in baseline_changes(tmp_path)] == [
        "010_a.sql",
        "020_b.sql",
        "040_d.sql",
    ]


@pytest.mark.parametrize(
    ("ids", "complaint"),
    [
        (["0002_add_rooms"], "0002_add_rooms should be number 0001"),
        (["0001_add_rooms", "0003_add_pots"], "0003_add_pots should be number 0002"),
        (["0001_add_rooms", "0001_add_pots"], "0001_add_pots and 0001_add_rooms share a number"),
        (["0001_Add_rooms"], "0001_Add_rooms.rollback.sql is not named like a migration"),
        (["1_add_rooms"], "is not named like a migration"),
        (["0001-add-rooms"], "is not named like a migration"),
        (["post-apply"], "is not named like a migration"),
        (["0001_" + "a" * 61], "longer than 60 characters"),
    ],
)
def test_a_wrong_name_or_number_is_refused(folder: Path, ids: list[str], complaint: str) -> None:
    for id_ in ids:
        pair(folder, id_)
    with pytest.raises(MigrationError, match=complaint):
        read_chain(folder.parent)


@pytest.mark.parametrize("half", ["0001_add_rooms.sql", "0001_add_rooms.rollback.sql"])
def test_half_a_pair_is_refused(folder: Path, half: str) -> None:
    pair(folder, "0001_add_rooms")
    (folder / half).unlink()
    with pytest.raises(MigrationError, match=f"{half} is missing"):
        read_chain(folder.parent)


def test_a_migration_in_python_is_refused(folder: Path) -> None:
    (folder / "0001_add_rooms.py").touch()
    with pytest.raises(MigrationError, match=r"0001_add_rooms\.py is not named like a migration"):
        read_chain(folder.parent)


@pytest.mark.parametrize(
    ("first", "second", "complaint"),
    [
        ("", "", "0002_add_pots.sql must say `-- depends: 0001_add_rooms`"),
        ("", "-- depends: 0001_add_room", "0002_add_pots.sql must say"),
        ("-- depends: 0000_start", "", "0001_add_rooms.sql must depend on nothing"),
        ("-- transactional: no", "", "`-- transactional:` is true or false"),
    ],
)
def test_a_wrong_directive_is_refused(folder: Path, first: str, second: str, complaint: str) -> None:
    pair(folder, "0001_add_rooms", first)
    pair(folder, "0002_add_pots", second)
    with pytest.raises(MigrationError, match=complaint):
        check_directives(read_chain(folder.parent))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("SELECT 1;\n-- so\nCOMMIT;", "says COMMIT"),
        ("ROLLBACK;", "says ROLLBACK"),
        ("-- transactional: false\nCREATE INDEX CONCURRENTLY i ON t (a);", "may run twice"),
        ("-- transactional: false\nDROP INDEX CONCURRENTLY i;", "may run twice"),
    ],
)
def test_what_could_not_heal_is_refused(folder: Path, text: str, complaint: str) -> None:
    pair(folder, "0001_add_rooms", text)
    with pytest.raises(MigrationError, match=complaint):
        read_chain(folder.parent)[0].check("apply")


@pytest.mark.parametrize(
    "text",
    [
        "COPY t (a, b) FROM STDIN;\n1\t2\n\\.\n",
        "copy t from /* here */ stdin WITH (FORMAT csv);",
        "COPY (SELECT ';' FROM t) TO STDOUT;",
        "-- transactional: false\nCOPY t FROM STDIN;",
    ],
)
def test_rows_that_come_after_a_copy_are_refused(folder: Path, text: str) -> None:
    pair(folder, "0001_add_rooms", text)
    with pytest.raises(MigrationError, match="says COPY from STDIN or to STDOUT"):
        read_chain(folder.parent)[0].check("apply")


def test_a_copy_from_elsewhere_is_left_to_postgresql(folder: Path) -> None:
    pair(folder, "0001_add_rooms", "COPY t FROM 'a file FROM STDIN'; SELECT 'COPY t FROM STDIN';")
    read_chain(folder.parent)[0].check("apply")


def test_the_required_version_is_the_last_migration_or_the_baseline(folder: Path) -> None:
    assert required_version(folder.parent) == BASELINE
    pair(folder, "0001_add_rooms")
    pair(folder, "0002_add_pots")
    assert required_version(folder.parent) == "0002_add_pots"


@pytest.mark.parametrize(
    ("description", "slug"),
    [
        ("add rooms to plants", "add_rooms_to_plants"),
        ("  Add the room's\ncolour (50 %)! ", "add_the_rooms_colour_50"),
        ("Füge Räume hinzu", "fuge_raume_hinzu"),
        (
            "index readings " + "by everything " * 9,
            "index_readings_by_everything_by_everything_by_everything_by",
        ),
        ("a" * 99, "a" * 60),
    ],
)
def test_a_description_becomes_a_name(tmp_path: Path, description: str, slug: str) -> None:
    forward, rollback = create(description, tmp_path)
    assert (forward.name, rollback.name) == (f"0001_{slug}.sql", f"0001_{slug}.rollback.sql")
    check_directives(read_chain(tmp_path))


@pytest.mark.parametrize("description", ["", "  \n", "植物", "2 rooms", "--"])
def test_a_description_without_a_name_in_it_is_refused(tmp_path: Path, description: str) -> None:
    with pytest.raises(MigrationError, match="describe the change"):
        create(description, tmp_path)
    assert not (tmp_path / "migrations").exists()


def test_a_new_migration_says_why_then_what_it_depends_on_then_who_it_is(tmp_path: Path) -> None:
    create("add rooms", tmp_path)
    forward, _ = create("add pots", tmp_path)
    lines = [line for line in forward.read_text("utf-8").splitlines() if line]
    assert (lines[0], *lines[-2:]) == (
        "-- add pots",
        "-- depends: 0001_add_rooms",
        "SET LOCAL ROLE homelog_owner;",
    )
