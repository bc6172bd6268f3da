"""Markdown for the generated documents."""

from collections.abc import Iterable, Sequence


def document(title: str, *parts: str) -> str:
    """A page; parts that are empty are left out."""
    made = "<!-- Made by `make docs` from the code and the database; edit those. -->"
    return "\n\n".join([made, f"# {title}", *(part for part in parts if part)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of Markdown, nothing where there are no rows."""
    body = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *body]) if body else ""


def listing(title: str, items: Sequence[str]) -> str:
    """A list under its title, nothing where there are no items."""
    return "\n".join([f"{title}:", "", *(f"- {item}" for item in items)]) if items else ""


def codes(words: Iterable[str]) -> str:
    """Words as code, with commas between."""
    return ", ".join(f"`{word}`" for word in words)
