"""SQL files cut into statements, and which tables a statement locks: what can be said without a database."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

_STRING = r"'(?:[^']|'')*'"
_ESCAPED = r"'(?:[^'\\]|\\.|'')*'"
_NEXT_LINE = r"[^\S\n]*(?:--[^\n]*)?\n(?:\s|--[^\n]*\n)*"
# PostgreSQL's lexical rules: a backslash escapes in E'' alone, and in what continues it on another line.
_TOKEN = re.compile(
    rf"""
      (?P<blank> \s+ | --[^\n]* | /\* )
    | (?P<literal> {_STRING} | [eE]{_ESCAPED}(?:{_NEXT_LINE}{_ESCAPED})* | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)
    | (?P<word> [^\W\d][\w$]* )
    | "(?:[^"]|"")*" | [\d$][\w.]* | .
    """,
    re.DOTALL | re.VERBOSE,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")

NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)(?:\.(?:"(?:[^"]|"")+"|[\w$]+))*'
_TABLES = rf"(?:IF (?:NOT )?EXISTS )?(?P<tables>(?:ONLY )?{NAME}(?: ?, ?(?:ONLY )?{NAME})*)"
_MAKES_TABLE = re.compile(
    rf"CREATE (?:UNLOGGED |TEMP(?:ORARY)? )?TABLE (?:IF NOT EXISTS )?(?P<table>{NAME})", re.IGNORECASE
)
# What takes more than ROW EXCLUSIVE on a table, so that somebody waits for it.
_LOCKS = [
    (re.compile(pattern, re.IGNORECASE), what)
    for pattern, what in (
        (rf"(?:ALTER|DROP) TABLE {_TABLES}", ""),
        (rf"(?:TRUNCATE|LOCK|CLUSTER(?: VERBOSE)?) (?:TABLE )?{_TABLES}", ""),
        (rf"VACUUM (?:FULL |\([^)]*\bFULL\b[^)]*\) ?)(?:VERBOSE |ANALYZE )*{_TABLES}", ""),
        (rf"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY )[^(]*?\bON {_TABLES}", ""),
        (rf"DROP INDEX (?!CONCURRENTLY ){_TABLES}", "the table of index "),
        (rf"REINDEX (?:\([^)]*\) ?)?INDEX (?!CONCURRENTLY ){_TABLES}", "the table of index "),
        (rf"REINDEX (?:\([^)]*\) ?)?TABLE (?!CONCURRENTLY ){_TABLES}", ""),
        (rf"REINDEX (?:\([^)]*\) ?)?SCHEMA (?!CONCURRENTLY ){_TABLES}", "what is in schema "),
        (rf"DROP SCHEMA {_TABLES}", "what is in schema "),
        (rf"CREATE (?:OR REPLACE )?(?:CONSTRAINT )?TRIGGER .*? ON {_TABLES}", ""),
        (rf"DROP TRIGGER .*? ON {_TABLES}", ""),
        (rf"(?:CREATE|ALTER|DROP) POLICY .*? ON {_TABLES}", ""),
        (rf"CREATE (?:OR REPLACE )?RULE .*? TO {_TABLES}", ""),
        (rf"(?:ALTER|DROP) RULE .*? ON {_TABLES}", ""),
        (rf"CREATE [^(]*?\bPARTITION OF {_TABLES}", ""),
    )
]
_MAY_REFER = re.compile(r"(?:CREATE|ALTER) [^(]*?\bTABLE ", re.IGNORECASE)
_REFERENCES = re.compile(rf"\bREFERENCES (?P<table>{NAME})", re.IGNORECASE)
_SETS = re.compile(r"SET\b", re.IGNORECASE)
_DOES = re.compile(r"DO\b", re.IGNORECASE)
_ALTERS = re.compile(r"\b(?:ALTER|DROP|LOCK|TRUNCATE)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """One statement of a file with the comments before it, and where in the file it begins."""

    text: str
    start: int

    @cached_property
    def code(self) -> str:
        """The statement on one line, without its comments and with its literals emptied."""
        parts = (" " if kind == "blank" else "''" if kind == "literal" else part for kind, part in _tokens(self.text))
        return re.sub(" +", " ", "".join(parts)).strip()

    @property
    def sets(self) -> bool:
        """Whether it is a SET."""
        return bool(_SETS.match(self.code))


def split(text: str) -> list[Statement]:
    """Cut a file into statements as psql does, each with its semicolon; comments alone are none."""
    found: list[Statement] = []
    start = end = parentheses = bodies = 0
    words: list[str] = []  # the first ones
    bare = True
    for kind, part in _tokens(text):
        end += len(part)
        bare = bare and kind == "blank"
        if kind == "word":
            words += [part.upper()] if len(words) < 4 else []
            if parentheses == 0 and _makes_routine(words):  # BEGIN ATOMIC … END, and each CASE … END in it
                begins = part.upper() == "BEGIN" or (bodies > 0 and part.upper() == "CASE")
                bodies += begins - (bodies > 0 and part.upper() == "END")
        elif part in {"(", ")"}:
            parentheses += 1 if part == "(" else -1
        elif part == ";" and parentheses <= 0 and bodies == 0:
            found.append(_statement(text, start, end))
            start, parentheses, words, bare = end, 0, [], True
    return found if bare else [*found, _statement(text, start, end)]


def locked_tables(statements: Sequence[Statement]) -> Iterator[list[str]]:
    """Name, for each statement of a file, the tables that it locks and that the file itself has not made."""
    made: set[str] = set()
    for statement in statements:
        if found := _MAKES_TABLE.match(statement.code):
            made.add(_bare(found["table"]))
        yield [name for name in _locked(statement) if _bare(name) not in made]


def _locked(statement: Statement) -> Iterator[str]:
    for pattern, what in _LOCKS:
        if found := pattern.match(statement.code):
            yield from (f"{what}{name}" for name in _names(found["tables"]))
    if _MAY_REFER.match(statement.code):
        yield from (found["table"] for found in _REFERENCES.finditer(statement.code))
    if _DOES.match(statement.code) and _ALTERS.search(statement.text):
        yield "what its DO alters"


def _names(tables: str) -> list[str]:
    return [re.sub("^ONLY ", "", name.strip(), flags=re.IGNORECASE) for name in tables.split(",")]


def _bare(table: str) -> str:
    return table.replace('"', "").removeprefix("public.").lower()


def _makes_routine(words: list[str]) -> bool:
    kind = words[3:] if words[1:3] == ["OR", "REPLACE"] else words[1:2]
    return words[:1] == ["CREATE"] and kind in (["FUNCTION"], ["PROCEDURE"])


def _statement(text: str, start: int, end: int) -> Statement:
    part = text[start:end]
    return Statement(part.strip(), start + len(part) - len(part.lstrip()))


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Cut a text into blanks (comments among them), literals, words and the rest, which has no kind."""
    at = 0
    while match := _TOKEN.match(text, at):
        end = _end_of_comment(text, match.end()) if match[0] == "/*" else match.end()
        yield match.lastgroup or "", text[at:end]
        at = end


def _end_of_comment(text: str, at: int) -> int:
    """Find where a comment ends whose beginning has been read; in SQL they nest."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(text, at):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(text)
