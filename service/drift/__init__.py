"""What a database is, compared with what sql/init and the migrations make: every difference in a sentence."""

from service.drift.commands import add_diff, diff
from service.drift.comparing import differences
from service.drift.facts import FACTS, CannotCompareError, Facts, facts_as_text, load_facts, read_facts
from service.drift.looking import Seen, look

__all__ = [
    "FACTS",
    "CannotCompareError",
    "Facts",
    "Seen",
    "add_diff",
    "diff",
    "differences",
    "facts_as_text",
    "load_facts",
    "look",
    "read_facts",
]
