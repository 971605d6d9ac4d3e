"""Fills typed tables inside the engine: made-up events from `numbers()`, as many as wanted, in seconds.

Every column that an insert fills gets a value: what `VALUES` says, else the default of its type (a salt is zeros).
Rows stand as a year of `KEYS` sources would have left them (50 M are one a minute from each): a chunk is a
stretch of time, so a part holds all sources and parts overlap in keys, which is what `FINAL` has to cope with.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.names import DATABASE
from schemas.tables import columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.model import Topic

KEYS = 100
YEAR_S = 365 * 86_400
CHUNK = 1_000_000
DAY_S = 86_400
SETTLE_S = 60.0
_MEAN = re.compile(
    r"toFloat64\(sum\(accurateCastOrNull\((\w+), 'Decimal\(38, 6\)'\)\)\) / "
    r"nullIf\(count\(accurateCastOrNull\(\1, 'Decimal\(38, 6\)'\)\), 0\)"
)
_WHERE = re.compile(r"\nWHERE .*?\n\)", re.DOTALL)
ZONE = "UTC"
"""Zone of all made-up stations."""

VALUES = {
    "source": "concat('device:', toString(k))",
    "city": "if(k % 2 = 0, 'Seoul', 'Beijing')",
    "zone": f"'{ZONE}'",
    "averaging": "'PT1H'",
    "gas_unit": "'PPM'",
    "pm10": "20 + n % 150",
    "pm2_5": "5 + n % 80",
    "no2": "0.01 + n % 80 / 1000",
    "o3": "0.01 + n % 100 / 1000",
    "co": "0.2 + n % 20 / 10",
    "so2": "0.002 + n % 7 / 1000",
    "us_aqi": "toInt32(n % 300)",
    "us_aqi_category": "if(n % 300 > 150, 'UNHEALTHY', 'MODERATE')",
    "us_aqi_pollutant": "'pm2_5'",
    "cai": "toInt32(n % 400)",
    "cai_category": "'MODERATE'",
    "speed": "n % 140",
    "current_location_latitude": "37.4 + n % 3000 / 10000",
    "current_location_longitude": "126.6 + n % 6000 / 10000",
    "peak_deceleration": "4 + n % 5",
    "distance_km": "1 + n % 30",
    "duration_s": "60 + n % 3000",
    "community": "concat('community-', toString(k % 10))",
    "duration": "'PT15M'",
    "consumption_wh": "n % 900",
    "generation_wh": "n % 700",
    "self_consumption_wh": "n % 300",
    "import_wh": "n % 500",
    "export_wh": "n % 400",
    "shared_wh": "n % 200",
    "grid_import_wh": "n % 500",
    "grid_export_wh": "n % 300",
}
"""By column: an expression over `k`, the source's number, and `n`, the event's number of that source."""


def source_key(topic: Topic, number: int) -> str:
    """Return what a filled table calls a source, for events that go on where it ends."""
    return f"{topic.key}-{number % KEYS:04d}"


@dataclass(frozen=True)
class Fill:
    """A table, how many events it is to have, and over how many seconds they are spread."""

    topic: Topic
    rows: int
    span_s: int = YEAR_S

    @property
    def table(self) -> str:
        """The table's full name."""
        return f"{DATABASE}.{self.topic.table}"

    @property
    def each(self) -> int:
        """Events of each source."""
        return max(1, self.rows // KEYS)

    @property
    def step_us(self) -> int:
        """Microseconds between two events of a source."""
        return self.span_s * 1_000_000 // self.each

    def statements(self, until_s: int) -> Iterator[str]:
        """Yield the inserts; the newest event happened at `until_s` seconds after 1970."""
        listed = [column for column in columns(self.topic) if not column.alias]
        step_us = self.step_us
        begin_us = until_s * 1_000_000 - self.each * step_us
        own = {
            **VALUES,
            "_partition": "k % 2",
            "_offset": "n",  # grows with time, and lies below whatever Kafka gives next
            "_received_at": f"fromUnixTimestamp64Milli(toInt64({begin_us} + (n + 1) * {step_us}) DIV 1000)",
            "event_id": "generateUUIDv4()",
            "occurred_at": f"fromUnixTimestamp64Micro(toInt64({begin_us} + (n + 1) * {step_us}))",
            self.topic.key: f"concat('{self.topic.key}-', leftPad(toString(k), 4, '0'))",  # as `source_key` writes it
        }
        chosen = ", ".join(
            f"{own.get(each.name) or f'defaultValueOfTypeName($${each.type}$$)'} AS `{each.name}`"
            for each in listed
        )
        names = ", ".join(f"`{each.name}`" for each in listed)
        long = max(1, CHUNK // KEYS)
        for first in range(0, self.each, long):
            count = min(long, self.each - first)
            yield (
                f"INSERT INTO {self.table} ({names}) SELECT {chosen} FROM (SELECT intDiv(number, {count}) AS k, "
                f"{first} + number % {count} AS n FROM numbers({KEYS * count}))"
            )

    def run(self, client: Any, until_s: int) -> None:
        """Fill the table."""
        for statement in self.statements(until_s):
            client.command(statement)


def settle(client: Any) -> None:
    """Wait until the engine has merged what was filled, a minute at most: a city's tables are that far at any time."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline and client.command("SELECT count() FROM system.merges"):
        time.sleep(0.5)


def roll_up(client: Any, statement: str, until_s: int, stretches: int = 24) -> None:
    """Fill a roll-up over the whole year by its refresh, rewritten: over weeks, by plain means, without `FINAL`.

    The made-up events have no repeats and sums of them no order to care for, so the same rows come out sooner.
    """
    whole = _MEAN.sub(r"avg(\1)", statement).replace(" FINAL\n", "\n").replace("{zone:String}", f"'{ZONE}'")
    whole = _WHERE.sub(
        "\nWHERE occurred_at >= fromUnixTimestamp({low}) AND occurred_at < fromUnixTimestamp({high})", whole
    )
    long = YEAR_S // stretches // DAY_S * DAY_S + DAY_S  # whole days: no bucket is cut
    low = (until_s - YEAR_S) // DAY_S * DAY_S
    while low <= until_s:
        client.command(whole.format(low=low, high=low + long))
        low += long
