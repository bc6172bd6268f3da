"""Calendar links as the API says them, and what their feed is made of."""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct


class CalendarLink(Struct, frozen=True):
    """That there is a link; what it is was said when it was made."""

    created_at: datetime

    @property
    def updated_at(self) -> datetime:
        """When it was made: another key is another link."""
        return self.created_at


class NewCalendarLink(CalendarLink, frozen=True):
    """A calendar link as it is made: its address below the service's own is said here and never again."""

    url: str


class Watering(Struct, frozen=True):
    """A plant's next watering; `due_on` is null if it was never watered.

    `day` is where it stands in the calendar, which for what is overdue is today. `modified` is when what is shown of it
    last changed: its row, its home's, or the day.
    """

    plant_id: UUID
    name: str
    room: str
    home: str | None
    due_on: date | None
    day: date
    modified: datetime
