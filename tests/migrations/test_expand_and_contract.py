"""The worked example of docs/database.md: a column is renamed in three releases, and each works on the next schema."""

import re
import shutil

import psycopg
import pytest

from service.migrations import SQL
from service.migrations.checks import check_files
from tests.migrations.conftest import Sandbox

EXAMPLE = re.compile(r"`NNNN_(\w+)(\.rollback)?\.sql`\n+```sql\n(.*?)```", re.DOTALL)
STEPS = ["add_homes_street", "fill_homes_street", "validate_homes_street", "drop_homes_address"]


@pytest.fixture
def renaming(box: Sandbox) -> Sandbox:
    """The schema of now, and the example's files as the next migrations, none of them applied."""
    shutil.copytree(SQL / "migrations", box.root / "migrations", dirs_exist_ok=True)
    *_, newest = box.upgrade()
    text = (SQL.parent / "docs" / "database.md").read_text("utf-8").partition("## Renaming a column")[2]
    files = {(name, rollback): sql for name, rollback, sql in EXAMPLE.findall(text)}
    assert list(dict.fromkeys(name for name, _ in files)) == STEPS
    before = newest
    for number, name in enumerate(STEPS, int(newest[:4]) + 1):
        id_ = f"{number:04}_{name}"
        for rollback in ("", ".rollback"):
            sql = files[name, rollback].replace("NNNN_the_one_before", before).replace("NNNN", f"{number:04}")
            (box.root / "migrations" / f"{id_}{rollback}.sql").write_text(sql, encoding="utf-8")
        before = id_
        box.ids.append(id_)
    assert check_files(box.root) == []
    return box


def write(box: Sandbox, column: str, value: str) -> str:
    """What a release does that knows this column: a row is made, and changed; return its id."""
    (id_,) = box.ask(f"INSERT INTO homes (name, {column}) VALUES ('A home', 'at first') RETURNING id::text")  # noqa: S608
    box.ask(f"UPDATE homes SET {column} = %s WHERE id = %s", value, id_)  # noqa: S608
    return str(id_)


def read(box: Sandbox, column: str, id_: str) -> str:
    (value,) = box.ask(f"SELECT {column} FROM homes WHERE id = %s", id_)  # noqa: S608
    return str(value)


def test_a_column_is_renamed_and_every_release_works_on_the_next_schema(renaming: Sandbox) -> None:
    box = renaming
    old = [write(box, "address", f"Street {number}") for number in range(3)]
    applied = box.ids[:3]
    assert box.upgrade_to(applied[-1]) == applied

    # Release 1 runs on, release 2 comes beside it.
    first, second = write(box, "address", "of the first"), write(box, "street", "of the second")
    for column in ("address", "street"):
        assert [read(box, column, id_) for id_ in (*old, first, second)] == [
            *("Street 0", "Street 1", "Street 2"),
            "of the first",
            "of the second",
        ]
    for column in ("address", "street"):
        box.ask(f"UPDATE homes SET {column} = NULL WHERE id = %s", first)  # noqa: S608
        assert box.ask("SELECT address IS NULL AND street IS NULL FROM homes WHERE id = %s", first) == [True]
        write(box, column, "x" * 500)
        with pytest.raises(psycopg.errors.CheckViolation):
            write(box, column, "x" * 501)
    assert box.ask("SELECT has_column_privilege('homelog_api', 'homes', 'street', 'UPDATE')") == [True]

    # Release 3, while release 2 runs on; and back, all the way.
    assert box.upgrade() == box.ids[3:]
    third = write(box, "street", "of the third")
    assert box.downgrade() == box.ids[3:]
    assert read(box, "address", third) == "of the third"
    fourth = write(box, "address", "of the fourth")
    assert read(box, "street", fourth) == "of the fourth"
    assert box.downgrade(3) == applied[::-1]
    assert [read(box, "address", id_) for id_ in (old[0], third, fourth)] == [
        "Street 0",
        "of the third",
        "of the fourth",
    ]
    assert box.upgrade() == box.ids
