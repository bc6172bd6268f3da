"""Writes a synthetic year of a heat meter to standard output: the same bytes on every machine.

    python3 examples/make_sample.py > examples/heat_meter_sample.csv

Hourly readings of two counters, kWh and m³, of a house that is heated when it is cold outside and draws hot water in
the morning and the evening. The seasons are roughly Copenhagen's. No real meter is in it. Nothing but additions and
multiplications, and the one generator that Python promises never to change, so that no library can move a digit.
"""

import random
import sys
from datetime import UTC, datetime, timedelta

FIRST = datetime(2022, 12, 31, 23, tzinfo=UTC)  # midnight in Copenhagen
HOURS = 365 * 24

# The mean temperature of each month in °C, said of its middle; December once more before January, and so on.
TEMPERATURES = (2.5, 1.5, 1.5, 3.5, 7.5, 12.5, 15.5, 18.0, 17.5, 14.0, 10.0, 5.5, 2.5, 1.5)
HEATED_BELOW = 15.0  # °C outside
HEATING = 0.22  # kWh an hour for each degree below
HOT_WATER = (0, 0, 0, 0, 0, 1, 4, 5, 3, 1, 1, 1, 1, 1, 1, 1, 2, 3, 4, 5, 4, 3, 1, 0)  # by the hour
KWH_A_SHARE = 0.17
KWH_A_M3 = 38.0  # the water of the heating gives off some 33 °C


def main() -> None:
    """Print the header and a line for each hour."""
    chance = random.Random(2023)  # noqa: S311 - weather, not a secret
    energy, volume, weather = 41_250.0, 1_012.0, 0.0
    lines = ["timestamp,energy_kwh,volume_m3"]
    for hour in range(HOURS):
        lines.append(f"{FIRST + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ},{energy:.2f},{volume:.3f}")
        # Weather comes and goes over days: a walk that is drawn back to the mean.
        weather += 1.1 * (chance.random() - 0.5) - 0.012 * weather
        month, rest = divmod(hour / HOURS * 12 + 0.5, 1)
        mean = TEMPERATURES[int(month)] * (1 - rest) + TEMPERATURES[int(month) + 1] * rest
        night = 1.5 if hour % 24 < 7 else -1.0
        cold = max(0.0, HEATED_BELOW - (mean + 1.5 * weather - night))
        used = HEATING * cold + KWH_A_SHARE * HOT_WATER[hour % 24] * (0.5 + chance.random())
        energy += used
        volume += used / KWH_A_M3
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
