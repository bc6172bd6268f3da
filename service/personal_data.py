"""What is kept about people: where it stands, for how long, and how it goes."""

from collections.abc import Mapping, Sequence

from service import markdown
from service.catalogue import Column, Table

_CLASSES = (
    "Every column has a class. **public** tells nothing of anybody: ids drawn at random, and what the database keeps "
    "for itself. **personal** tells of a person or a household; whoever owns a row finds it in `GET /v1/me/export`. "
    "**secret** opens something, or is what a secret is compared with; no login reads it, and no answer, log line, "
    "export or audit row holds it."
)
_GOING = (
    "What of you is kept, where, and until when; “your account” goes by `DELETE /v1/me`, in one transaction. Backups "
    "keep what was there when they were made, until whoever runs the service deletes them. What goes after some time "
    "is [cleaned up](operations.md#care-by-itself) within the hour."
)
KEPT = {
    # How long, and how it goes.
    "audit_logs": "Always: it is the proof of who saw and changed what. It has old and new values of homes, sources, "
    "readings and plants; of accounts only which fields changed. Your id in it is nobody's once your account is gone.",
    "calendar_links": "Until you take the link away, or with your account.",
    "care_events": "Until you delete it, or with the plant. When your account goes, who did it is struck out.",
    "care_intervals": "Until you take it away, or with the plant.",
    "changed_days": "With the source.",
    "data_sources": "Until its admins delete it; with your account where nobody else administers it. When your account "
    "goes, who made it is struck out.",
    "data_validators": "Until it is deleted, or with the source.",
    "device_tokens": "Until you delete it, or with your account.",
    "gained_homes": "With the membership.",
    "gained_sources": "With the grant.",
    "growth_measurements": "With the plant. When your account goes, who measured is struck out.",
    "home_members": "Until you leave or are removed, 91 days after your time as a guest is over, or with your account.",
    "homes": "Until its admins delete it; with your account where nobody else administers it.",
    "latest_readings": "A copy: with the reading.",
    "line_protocol_sources": "Until you take it away, or with your account.",
    "meter_events": "Until it is deleted, or with the source.",
    "moved_things": "With the plant or the source.",
    "password_guesses": "Two days, or until nobody has to wait any more. About whom is a digest.",
    "place_tombstones": "91 days: that something is gone, and not what it was.",
    "plants": "Until you delete it, or with your account; one in a home with another admin passes to them.",
    "reading_days": "Sums of readings: with them; what a retention thinned they outlive, until it deletes them, too.",
    "reading_horizons": "With the source, or with what was thinned.",
    "reading_hours": "Sums of readings: with them; what a retention thinned they outlive, until it deletes them, too.",
    "readings": "Until they are deleted, by somebody or by the source's retention, or with the source. "
    "When your account goes, who stored them is struck out.",
    "refresh_tokens": "30 days after it was replaced, or with the session.",
    "request_budgets": "A minute's count, removed ten minutes later.",
    "sessions": "It ends with log-out, seven days after its last use, or 180 days after it began; the row goes 30 days "
    "later, or with your account.",
    "source_retentions": "Until it is taken back, or with the source. When your account goes, who said so is struck "
    "out.",
    "source_tombstones": "91 days: that something is gone, and not what it was.",
    "stale_days": "Until its days are summed up again, within the hour.",
    "user_oauth_identities": "Until you unlink it, or with your account.",
    "user_passwords": "With your account.",
    "user_source_access": "Until it is revoked, or with your account or the source.",
    "user_tombstones": "91 days, or with your account: that something is gone, and not what it was.",
    "users": "Until you delete your account (`DELETE /v1/me`).",
}


def personal_data(tables: Sequence[Table], columns: Mapping[str, Sequence[Column]]) -> list[str]:
    """The section: what the classes mean, and for each table that tells of people what, and for how long."""
    rows = []
    for table in tables:
        names = [column.name for column in columns[table.name] if column.data_class == "personal"]
        if names:
            rows.append(
                (f"[{table.name}](#{table.name})", table.comment or "", markdown.codes(names), KEPT[table.name])
            )
    secrets = [
        f"{table.name}.{column.name}"
        for table in tables
        for column in columns[table.name]
        if column.data_class == "secret"
    ]
    return [
        "## Personal data",
        _CLASSES,
        f"Secret are {markdown.codes(secrets)}.",
        _GOING,
        markdown.table(("where", "what", "what of it tells of people", "how long"), rows),
    ]
