"""How a file is cut into statements, and what is said of each; no database."""

import pytest

from service.migrations.statements import locked_tables, split

# Each is one statement, whatever is in it.
WHOLE = [
    "SELECT 'a;b', 'it''s;', \"a;\"\"b\", $$;$$, $a$ $$;$b$ $a$;",
    "-- a ; b\nSELECT /* ; /* ; */ ; */ 1;",
    r"SELECT 'a\', E'a\';', e'\\', E'a' -- so" + "\n;",
    "SELECT E'a'\n  'b\\';';",
    "SELECT E'a' -- c\n--' d\n\n  -- e\n'b\\';c';",
    "SELECT E'a' " + "-" * 99 + "\n" + "-- - \n" * 99 + ";",
    "SELECT nameE'\\';",
    "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2);",
    "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END; SELECT 2; END;",
    'CREATE TABLE begin_at (begins int, "begin" int);',
    "SELECT a$b$, $1;",
]


@pytest.mark.parametrize("text", WHOLE)
def test_a_semicolon_inside_ends_no_statement(text: str) -> None:
    cut = split(f"\n{text}\nCOMMIT;\n-- the end")
    assert [(one.text, one.start) for one in cut] == [(text, 1), ("COMMIT;", len(text) + 2)]


def test_comments_and_literals_are_no_code() -> None:
    assert split("-- why\nCREATE /* a\n*/ TABLE\n\tt(a text DEFAULT 'IF NOT EXISTS');")[0].code == (
        "CREATE TABLE t(a text DEFAULT '');"
    )


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ("ALTER TABLE IF EXISTS ONLY t ADD a int REFERENCES public.u (id)", ["t", "public.u"]),
        ("DROP TABLE a, b CASCADE", ["a", "b"]),
        ("LOCK a IN SHARE MODE", ["a"]),
        ("CREATE INDEX i ON t (a)", ["t"]),
        ("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)", []),
        ("DROP INDEX IF EXISTS i", ["the table of index i"]),
        ("DROP INDEX CONCURRENTLY IF EXISTS i", []),
        ("REINDEX (VERBOSE) TABLE t", ["t"]),
        ("VACUUM (ANALYZE, FULL) t", ["t"]),
        ("VACUUM t", []),
        ("CREATE TABLE new (a int REFERENCES new, b int REFERENCES t ON DELETE CASCADE)", ["t"]),
        ("CREATE TABLE part PARTITION OF t DEFAULT", ["t"]),
        ("CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING", ["t"]),
        ('DROP POLICY p ON "T"', ['"T"']),
        ("DROP SCHEMA s CASCADE", ["what is in schema s"]),
        ("DO $$ BEGIN EXECUTE 'ALTER TABLE t ADD a int'; END $$", ["what its DO alters"]),
        ("DO $$ BEGIN PERFORM 1 FROM t FOR UPDATE SKIP LOCKED; END $$", []),
        ("COMMENT ON TABLE t IS 'ALTER TABLE u'", []),
    ],
)
def test_whoever_locks_a_table_is_seen(statement: str, tables: list[str]) -> None:
    assert list(locked_tables(split(f"{statement};"))) == [tables]


def test_who_made_a_table_may_lock_it() -> None:
    text = "CREATE TABLE t (a int); CREATE INDEX i ON public.t (a); ALTER TABLE u ADD a int; ALTER TABLE T ADD b int;"
    assert list(locked_tables(split(text))) == [[], [], ["u"], []]
