"""When a plant wants water and how it is, in plain Python: what the database's answer is compared with."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, kw_only=True)
class Pot:
    """The columns of a plant that its status depends on."""

    status: str = "thriving"
    every: int = 7
    last_water: datetime | None = None
    season_factor: float | None = None
    season_from: int | None = None
    season_to: int | None = None
    snoozed_until: date | None = None
    moisture_source_id: Any = None
    stale_after_hours: int = 24
    moisture_at: datetime | None = None
    dry_since: datetime | None = None

    def days(self, watered: date) -> int:
        """From a watering on that day to the next: in the season, of which a month may lie before New Year, other."""
        if self.season_factor is None or self.season_from is None or self.season_to is None:
            return self.every
        months, month = [], self.season_from
        while month != self.season_to:
            months.append(month)
            month = month % 12 + 1
        if watered.month not in [*months, self.season_to]:
            return self.every
        factor = Decimal(repr(self.season_factor))
        return max(1, int((self.every * factor).quantize(Decimal(1), ROUND_HALF_UP)))

    def sensor(self, at: datetime) -> str | None:
        if self.moisture_source_id is None:
            return None
        recent = self.moisture_at is not None and self.moisture_at > at - timedelta(hours=self.stale_after_hours)
        return "fresh" if recent else "unknown"

    def shown(self, zone: str, at: datetime) -> tuple[str, date | None, str | None]:
        """Its status, due_on and sensor at an instant."""

        def day(instant: datetime) -> date:
            return instant.astimezone(ZoneInfo(zone)).date()

        today, sensor = day(at), self.sensor(at)
        watered = None if self.last_water is None else day(self.last_water)
        if self.status == "resting":
            return "resting", None, sensor
        if sensor == "fresh":
            if self.dry_since is None:
                return "watered" if watered is not None and watered >= today else "thriving", None, sensor
            wants = max(day(self.dry_since), watered + timedelta(1) if watered else date.min)
        elif watered is None:
            fine = self.status not in {"dry", "soon"}
            return "unknown" if sensor and fine else self.status, self.snoozed_until, sensor
        else:
            wants = watered + timedelta(self.days(watered))
        due = max(wants, self.snoozed_until or date.min)
        if watered is not None and watered >= today:
            return "unknown" if sensor == "unknown" else "watered", due, sensor
        if due <= today:
            return "dry", due, sensor
        if wants <= today or (due - today).days <= 2:
            return "soon", due, sensor
        return "unknown" if sensor == "unknown" else "thriving", due, sensor

    def is_due(self, zone: str, at: datetime, within_days: int) -> bool:
        """Whether the due list has it: what was never watered too, unless its sensor finds it wet."""
        status, due, sensor = self.shown(zone, at)
        if status == "resting" or (due is None and sensor == "fresh"):
            return False
        return due is None or due <= at.astimezone(ZoneInfo(zone)).date() + timedelta(within_days)
