"""What each value of a closed set means.

The fields are named as the enum types of the database, their entries in the order of its labels; a test asks.
"""

from msgspec import Struct


class Entry(Struct, frozen=True):
    """One value, what it means, and its colour as #RRGGBB where it has one."""

    value: str
    meaning: str
    colour: str | None = None


class Reference(Struct, frozen=True, kw_only=True):
    """Every closed set of values that the API says and takes."""

    access_level: list[Entry]
    auth_provider: list[Entry]
    care_kind: list[Entry]
    change_op: list[Entry]
    change_type: list[Entry]
    meter_event_kind: list[Entry]
    plantkind: list[Entry]
    plantstatus: list[Entry]
    quality_flag: list[Entry]
    retention_action: list[Entry]
    sensor_state: list[Entry]
    source_kind: list[Entry]
    validator_action: list[Entry]


REFERENCE = Reference(
    access_level=[
        Entry("read", "sees it"),
        Entry("write", "also logs, corrects and deletes readings, notes meter events, and cares for plants"),
        Entry("admin", "also edits, shares and deletes it"),
    ],
    auth_provider=[
        Entry("line", "LINE"),
        Entry("google", "Google"),
        Entry("oidc", "the OpenID Connect provider that the service is told of"),
    ],
    care_kind=[
        Entry("water", "watered"),
        Entry("fertilise", "given fertiliser"),
        Entry("repot", "moved into new soil or another pot"),
        Entry("prune", "cut back"),
        Entry("mist", "leaves sprayed"),
        Entry("observe", "looked after; what was seen is in the note"),
        Entry("treat", "treated against pests or disease"),
    ],
    change_op=[
        Entry("upsert", "made or changed"),
        Entry("delete", "gone"),
        Entry("lost", "there, and not yours to see any more"),
    ],
    change_type=[
        Entry("home", "a home"),
        Entry("source", "a source, or your access to it"),
        Entry("validator", "a rule of a source"),
        Entry("meter_event", "a meter that was swapped, ran over or was reset"),
        Entry("reading", "a reading"),
        Entry("plant", "a plant"),
        Entry("care", "something done for a plant"),
    ],
    meter_event_kind=[
        Entry("swap", "another meter hangs there"),
        Entry("rollover", "it ran over its last digit"),
        Entry("reset", "it was set back"),
    ],
    plantkind=[
        Entry("monstera", "Monstera deliciosa"),
        Entry("fig", "Fiddle leaf fig"),
        Entry("pothos", "Pothos"),
        Entry("snake", "Snake plant"),
        Entry("succulent", "Succulent or cactus"),
    ],
    plantstatus=[
        Entry("dry", "needs water now", "#BC5B49"),
        Entry("soon", "due within 1–2 days", "#C9852F"),
        Entry("thriving", "well watered, healthy", "#3E8E5A"),
        Entry("watered", "watered today", "#5E8FB8"),
        Entry("resting", "dormant, seasonal rest", "#7C857B"),
        Entry("unknown", "its sensor is silent", "#75757F"),
    ],
    quality_flag=[
        Entry("good", "trusted"),
        Entry("questionable", "may be wrong; counts all the same"),
        Entry("bad", "known to be wrong; counts in no total"),
        Entry("estimated", "not measured but worked out"),
    ],
    retention_action=[
        Entry("thin", "of full hours the sums stay, and the first and the last reading"),
        Entry("delete", "nothing stays"),
    ],
    sensor_state=[
        Entry("fresh", "its latest reading is recent"),
        Entry("unknown", "it has been silent for too long"),
    ],
    source_kind=[
        Entry("gauge", "an instant value, such as a temperature"),
        Entry("counter", "a meter that only climbs"),
        Entry("delta", "an amount per interval"),
    ],
    validator_action=[
        Entry("reject", "a reading that breaks the rule is refused"),
        Entry("flag", "a reading that breaks the rule is stored as questionable"),
    ],
)
