"""The migration files on disk: their names, their chain, a new pair."""

import hashlib
import itertools
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from yoyo.migrations import get_migration_hash, parse_metadata_from_sql_comments

from service.migrations.statements import NAME, Statement, split

SQL = Path(__file__).resolve().parents[2] / "sql"
BASELINE = "baseline-1"

Direction = Literal["apply", "rollback"]

_SLUG_LENGTH = 60
_NAME = re.compile(r"(\d{4})_[a-z][a-z0-9]*(_[a-z0-9]+)*")
_BUILDS_INDEX = re.compile(
    rf"CREATE (?:UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS (?P<index>{NAME}) ON (?:ONLY )?(?P<table>{NAME})",
    re.IGNORECASE,
)
# What cannot run in a transaction, or commits by itself, and may run twice.
_RUNS_APART = re.compile(rf"{_BUILDS_INDEX.pattern}|(?:DROP INDEX CONCURRENTLY|DO|CALL)\b", re.IGNORECASE)
# One of these would end the transaction that holds the migration and its marks. (BEGIN and END do not parse.)
_ENDS_TRANSACTION = re.compile(r"(START|COMMIT|ROLLBACK|ABORT|PREPARE TRANSACTION)\b", re.IGNORECASE)
_COPIES = re.compile(r"COPY\b.*\b(?:FROM|TO) (?:STDIN|STDOUT)\b", re.IGNORECASE)
_RUNS_ONCE = re.compile(r"CREATE\b(?! OR REPLACE\b)(?!.*\bIF NOT EXISTS\b)|DROP\b(?!.*\bIF EXISTS\b)", re.IGNORECASE)

_FORWARD = """\
-- {why}
-- Why: say what needs this and what happens to the rows that exist. sql/CONVENTIONS.md has a template.
{depends}

SET LOCAL ROLE homelog_owner;

"""
_ROLLBACK = """\
-- Undoes {id}, from top to bottom. Say what is lost.

SET LOCAL ROLE homelog_owner;

"""


class MigrationError(Exception):
    """The schema cannot be changed; the message says why in one sentence and nothing was left half done."""


@dataclass(frozen=True)
class MigrationFile:
    """One migration: a forward file and the rollback file beside it, read when first asked for."""

    id: str
    forward: Path
    rollback: Path

    @cached_property
    def text(self) -> dict[Direction, str]:
        """What each direction runs."""
        return {"apply": _read(self.forward), "rollback": _read(self.rollback)}

    @cached_property
    def sha256(self) -> str:
        """The hash of the forward file, as `sha256sum` prints it."""
        return hashlib.sha256(self.text["apply"].encode()).hexdigest()

    @property
    def hash(self) -> str:
        """What yoyo keys a migration by: a hash of the id alone, which is why there is a ledger."""
        key: str = get_migration_hash(self.id)
        return key

    @cached_property
    def directives(self) -> dict[str, str]:
        """What the leading comments tell yoyo; the forward file's hold for both directions."""
        directives: dict[str, str] = parse_metadata_from_sql_comments(self.text["apply"])[0]
        return directives

    @property
    def transactional(self) -> bool:
        """False where the file says `-- transactional: false`."""
        return self.directives.get("transactional", "true").lower() == "true"

    @property
    def has_landed(self) -> bool:
        """Whether CHECKSUMS has it: others may have applied it, so neither its name nor its text may change."""
        return self.forward.name in read_checksums(self.forward.with_name("CHECKSUMS"))

    def path(self, direction: Direction) -> Path:
        """Name the file that a direction runs."""
        return self.forward if direction == "apply" else self.rollback

    def statements(self, direction: Direction) -> list[Statement]:
        """Cut the file into statements, which hold the comments before them."""
        return split(self.text[direction])

    @cached_property
    def loss(self) -> str:
        """What the rollback file's first lines say of itself: what is lost."""
        lines = itertools.takewhile(lambda line: line.startswith("--"), self.text["rollback"].splitlines())
        return " ".join(line.removeprefix("--").strip() for line in lines).strip()

    def check(self, direction: Direction) -> None:
        """Refuse what needs psql, and what could not heal after a crash: it commits by itself or cannot run twice."""
        name = self.path(direction).name
        statements = self.statements(direction)
        if any(_COPIES.match(statement.code) for statement in statements):
            raise MigrationError(f"{name} says COPY from STDIN or to STDOUT, which a migration has not: say INSERT")
        if self.transactional:
            for statement in statements:
                if found := _ENDS_TRANSACTION.match(statement.code):
                    raise MigrationError(f"{name} says {found[1].upper()}: a file is one transaction as it is")
            return
        for statement in statements:
            if _RUNS_ONCE.match(statement.code):
                raise MigrationError(
                    f"{name} is not transactional, so it may run twice: say CREATE … IF NOT EXISTS and DROP … IF EXISTS"
                )
        done = [statement for statement in statements if not statement.sets]
        if len(done) > 1 or not (done or direction == "rollback") or statements[-1:] != (done or statements[-1:]):
            raise MigrationError(
                f"{name} is not transactional, so it holds one statement, after what it SETs: give the others files"
            )
        if done and not _RUNS_APART.match(done[0].code):
            raise MigrationError(
                f"{name} is not transactional: it may CREATE or DROP an INDEX CONCURRENTLY, or DO or CALL what "
                "commits in batches; all else belongs in a transaction"
            )


def read_chain(root: Path = SQL) -> list[MigrationFile]:
    """List the migrations of `root`/migrations in order, without reading them.

    Raises MigrationError for a wrong name, a number that is missing or taken twice, or half a pair.
    """
    folder = root / "migrations"
    names = {path.name for path in folder.glob("*") if path.suffix in {".sql", ".py"}}
    chain: list[MigrationFile] = []
    for name in sorted(names):
        id_ = name.removesuffix(".sql").removesuffix(".rollback")
        if not name.endswith(".sql") or not (match := _NAME.fullmatch(id_)):
            raise MigrationError(f"{name} is not named like a migration: NNNN_verb_noun.sql, in lower case")
        if len(id_) > len("NNNN_") + _SLUG_LENGTH:
            raise MigrationError(f"{name} has a name longer than {_SLUG_LENGTH} characters after its number")
        for half in (f"{id_}.sql", f"{id_}.rollback.sql"):
            if half not in names:
                raise MigrationError(f"{half} is missing: a migration is a .sql and a .rollback.sql file")
        if name.endswith(".rollback.sql"):
            continue
        number, wanted = int(match[1]), len(chain) + 1
        if chain and number == wanted - 1:
            raise MigrationError(f"{chain[-1].id} and {id_} share a number: renumber the one not yet landed")
        if number != wanted:
            raise MigrationError(f"{id_} should be number {wanted:04}: no number may be left out")
        chain.append(MigrationFile(id_, folder / name, folder / f"{id_}.rollback.sql"))
    return chain


def check_directives(chain: list[MigrationFile]) -> None:
    """Refuse a migration that does not name exactly the one before it, or a directive nobody understands."""
    previous = ""
    for migration in chain:
        if migration.directives.get("depends", "").split() != previous.split():
            wanted = f"say `-- depends: {previous}`" if previous else "depend on nothing: it is the first"
            raise MigrationError(f"{migration.forward.name} must {wanted}")
        if migration.directives.get("transactional", "true").lower() not in {"true", "false"}:
            raise MigrationError(f"{migration.forward.name}: `-- transactional:` is true or false")
        previous = migration.id


def find(chain: list[MigrationFile], name: str) -> MigrationFile:
    """Find the migration of that number, `30` or `0030`, or of that whole name."""
    for migration in chain:
        if migration.id == name or (name.isdecimal() and migration.id.startswith(f"{int(name):04}_")):
            return migration
    raise MigrationError(f"there is no migration {name}: the last is {chain[-1].id if chain else BASELINE}")


def read_checksums(path: Path) -> dict[str, str]:
    """Read what sha256sum wrote: a hash by a file's name, nothing where there is no such file."""
    if not path.exists():
        return {}
    lines = (line.partition(" ") for line in path.read_text(encoding="utf-8").splitlines())
    return {name.lstrip(" *"): digest for digest, _, name in lines}  # a star marks a file read as binary


def built_index(statement: Statement) -> tuple[str, str] | None:
    """Name the index that a statement builds while others write, and its table."""
    found = _BUILDS_INDEX.match(statement.code)
    return (found["index"], found["table"]) if found else None


def required_version(root: Path = SQL) -> str:
    """Name the version that this code needs: the last migration's id, or the baseline where there is none."""
    chain = read_chain(root)
    return chain[-1].id if chain else BASELINE


def is_older(version: str, needed: str) -> bool:
    """Whether a schema of that version lacks what the needed one has; the baseline comes before every migration."""
    return needed not in {version, BASELINE} and (version == BASELINE or version < needed)


def create(description: str, root: Path = SQL) -> tuple[Path, Path]:
    """Write the next migration's forward and rollback file from a description, and return their paths."""
    why = " ".join(description.split())
    ascii_only = unicodedata.normalize("NFKD", why).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", ascii_only.replace("'", ""))
    slug = "_".join(words)
    if len(slug) > _SLUG_LENGTH:
        slug = slug[: _SLUG_LENGTH + 1].rpartition("_")[0] or slug[:_SLUG_LENGTH]
    if not re.match("[a-z]", slug):
        raise MigrationError('describe the change, beginning with a word in a–z: "add rooms to plants"')
    chain = read_chain(root)
    id_ = f"{len(chain) + 1:04}_{slug}"
    depends = f"-- depends: {chain[-1].id if chain else ''}".rstrip()
    folder = root / "migrations"
    folder.mkdir(parents=True, exist_ok=True)
    forward, rollback = folder / f"{id_}.sql", folder / f"{id_}.rollback.sql"
    # newline="\n": the hash of a landed file must not depend on the machine that wrote it.
    with forward.open("x", encoding="utf-8", newline="\n") as file:
        file.write(_FORWARD.format(why=why, depends=depends))
    with rollback.open("x", encoding="utf-8", newline="\n") as file:
        file.write(_ROLLBACK.format(id=id_))
    return forward, rollback


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise MigrationError(f"{path.name} is not UTF-8: {error.reason} at byte {error.start}") from error
    if text.startswith("\ufeff"):
        raise MigrationError(f"{path.name} begins with a byte order mark, which nobody sees: save it without one")
    return text
