"""What every side of the agent rows does to one record, and the records themselves.

The same functions for all sides: the platform's codec, rules and ids. So a ratio between two sides is one
between what stands around this work, and `alone` tells how much of the time is the work itself. It imports
neither Faust nor any peer.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from schemas.catalog import load_catalog
from schemas.codec import decode, encode
from streams.domains.air_quality.rules import assess
from streams.identity.event_ids import Rule, derived_id, derived_salt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

READING = "air-quality.reading"
BEGIN_US = 1_600_000_000_000_000
DAY_US = 86_400_000_000
STATIONS = 1000
PM2_5_LIMIT = 35.4
"""µg/m³: the upper end of MODERATE in the US table; what the light rule compares with."""


@dataclass(frozen=True)
class Work:
    """What is done to a reading.

    Attributes:
        name: As in the row's name.
        rule: Names the outputs' ids.
        output: Topic of what is derived; empty: the record is decoded, and that is all.
        fields: Own fields of the derived event, from the reading and what is remembered of its station.
        fold: What is remembered of a station from now on, from what was remembered and the reading; None: nothing is.
    """

    name: str
    rule: Rule
    output: str
    fields: Callable[[Mapping[str, Any], Any], dict[str, Any]]
    fold: Callable[[Any, Mapping[str, Any]], Any] | None = None

    def step(self) -> Callable[[bytes], bytes | None]:
        """Return the whole work of a rule without state: value of a reading → value of what is derived."""
        step = self.step_with_state()
        return lambda value: step(value, None)[0]

    def step_with_state(self) -> Callable[[bytes, Any], tuple[bytes | None, Any]]:
        """Return the whole work: reading, what is remembered → value of what is derived, what to remember."""
        catalog = load_catalog()
        source, rule, fields, fold = catalog.topics[READING], self.rule, self.fields, self.fold
        if not self.output:

            def decoded(value: bytes, _: Any) -> tuple[None, None]:
                decode(value, catalog, source, raw=True)
                return None, None

            return decoded
        schema = catalog.topics[self.output].schema

        def derived(value: bytes, before: Any) -> tuple[bytes, Any]:
            event = decode(value, catalog, source, raw=True)[1]
            after = fold(before, event) if fold else None
            event_id = derived_id([event["event_id"]], rule)
            head = {
                "event_id": event_id,
                "salt": derived_salt([event["salt"]], event_id),
                "source": event["source"],
                "occurred_at": event["occurred_at"],
                "recorded_at": event["recorded_at"],
            }
            return encode(schema, {**head, **fields(event, after)}), after

        return derived

    def outputs(self, records: Iterable[tuple[bytes, bytes]]) -> set[tuple[bytes, bytes]]:
        """Return the keys and values that must be derived from records."""
        step, remembered, found = self.step_with_state(), dict[bytes, Any](), set()
        for key, reading in records:
            value, remembered[key] = step(reading, remembered.get(key))
            if value is not None:
                found.add((key, value))
        return found


def whole_fields(event: Mapping[str, Any], _: Any) -> dict[str, Any]:
    """Give the indices of a daily reading, by the platform's own rule."""
    verdict = assess(None, event)[1]
    own = verdict.fields() if verdict else {}
    common = {"station": event["station"], "city": event["city"], "rule": str(WHOLE.rule)}
    return {**common, "reading_id": event["event_id"], "averaging": event["averaging"], **own}


def light_fields(event: Mapping[str, Any], _: Any) -> dict[str, Any]:
    """Compare one pollutant with one limit."""
    over = event["pm2_5"] > PM2_5_LIMIT
    return {
        "station": event["station"],
        "city": event["city"],
        "rule": "bench-light@1",
        "scale": "US_AQI",
        "from_category": None,
        "to_category": "UNHEALTHY_FOR_SENSITIVE_GROUPS" if over else "MODERATE",
        "index": int(event["pm2_5"]),
        "reading_id": event["event_id"],
        "direction": "WORSE" if over else "BETTER",
    }


def count_on(before: Any, event: Mapping[str, Any]) -> dict[str, Any]:
    """Remember how many readings a station had, and its last category."""
    over = event["pm2_5"] > PM2_5_LIMIT
    return {"readings": (before["readings"] if before else 0) + 1, "over": over}


def counted_fields(event: Mapping[str, Any], after: Any) -> dict[str, Any]:
    """Tell how many readings the station had."""
    return {**light_fields(event, None), "rule": "bench-state@1", "index": after["readings"]}


WHOLE = Work("whole", Rule("bench-whole", 1), "air-quality.index", whole_fields)
LIGHT = Work("light", Rule("bench-light", 1), "air-quality.category-change", light_fields)
DECODE = Work("decode", Rule("bench-decode", 1), "", lambda _event, _after: {})
STATE = Work("state", Rule("bench-state", 1), "air-quality.category-change", counted_fields, count_on)
WORKS = {each.name: each for each in (WHOLE, LIGHT, DECODE, STATE)}


def readings(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of daily readings, the same for the same count."""
    schema = load_catalog().topics[READING].schema
    for event in reading_events(count):
        yield event["station"].encode(), encode(schema, event)


def reading_events(count: int) -> Iterator[dict[str, Any]]:
    """Yield daily readings, the same for the same count."""
    random = Random(1)
    for number in range(count):
        yield {
            "event_id": f"{number:08x}-0000-7000-8000-{random.getrandbits(48):012x}",
            "salt": random.randbytes(16),
            "source": f"device:{number % STATIONS}",
            "occurred_at": BEGIN_US + number // STATIONS * DAY_US,
            "recorded_at": None,
            "station": f"station-{number % STATIONS:02d}",
            "city": "Seoul",
            "averaging": "P1D",
            "gas_unit": "PPM",
            "pm10": float(random.randrange(5, 180)),
            "pm2_5": float(random.randrange(3, 90)),
            "no2": random.randrange(5, 90) / 1000,
            "o3": random.randrange(2, 110) / 1000,
            "co": random.randrange(2, 20) / 10,
            "so2": random.randrange(2, 9) / 1000,
            "flags": [],
        }
