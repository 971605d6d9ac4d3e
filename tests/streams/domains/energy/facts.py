"""What the domain's tests share: recordings and the scenario as events, and the rules run over them."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from schemas.catalog import load_catalog
from streams.agents import handlers_of
from streams.domains.energy import agents
from streams.identity.event_ids import recording_id
from streams.readers.formats import Accepted
from streams.replay.recordings import bundled, bundled_scenarios, content, find
from streams.testing import Sent, run_handlers

CATALOG = load_catalog()
HANDLERS = handlers_of(agents)
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
BEGIN_US = 20_000 * DAY_US

ROWS = 400
"""How many rows of a recording most tests read; in Sydney's, clocks go forward at row 293."""
WHOLE = 1_000_000

Event = dict[str, Any]

lengths = pytest.mark.parametrize(
    "rows", [ROWS, pytest.param(WHOLE, marks=pytest.mark.nightly)], ids=["begin", "whole"]
)
"""Runs a test on the first rows of every recording, and nightly on all of them."""


@cache
def recorded(path: Path, rows: int = WHOLE) -> tuple[tuple[str, Event], ...]:
    """Read a file's first rows as a replay would read a file of them: topic and event of each accepted record."""
    (recording,) = find([path])
    assert recording.format is not None
    found = []
    with content(recording) as stream:
        begin = io.BytesIO(b"".join(islice(stream, rows + 1)))
        for item in recording.format.items(begin, path):
            if isinstance(item, Accepted):
                (draft,) = item.drafts
                place = f"{recording.source}#{item.record}"
                found.append((draft.topic, event(draft.occurred_at, place, draft.fields)))
    return tuple(found)


def event(occurred_us: int, source: str, fields: Mapping[str, Any]) -> Event:
    """Put an envelope in front of fields; its id follows from the source, as a replay's does."""
    stream, _, record = source.partition("#")
    digest = stream.encode().ljust(32, b"\0")[:32]
    return {
        **fields,
        "event_id": recording_id(occurred_us // 1000, digest, int(record or 0)),
        "salt": int(record or 0).to_bytes(16, "big"),
        "source": source,
        "occurred_at": occurred_us,
        "recorded_at": None,
    }


def of_topic(topic: str, paths: Iterable[Path], rows: int = WHOLE) -> list[Event]:
    """Take one topic's events of some files' first rows, file by file."""
    return [found for path in paths for name, found in recorded(path, rows) if name == topic]


def bundled_readings(rows: int = ROWS) -> list[Event]:
    """Take the readings that come with the platform, file by file: of recordings the first rows, the scenario whole."""
    recordings = of_topic(agents.READING, bundled("energy"), rows)
    return recordings + of_topic(agents.READING, bundled_scenarios("energy"))


def run(topic: str, events: Sequence[Event], *, batch_size: int = 1_000_000) -> list[Sent]:
    """Run the domain's rules over the events of a topic."""
    return run_handlers(CATALOG, HANDLERS, events, topic=topic, batch_size=batch_size)


@cache
def all_derived(rows: int = ROWS) -> tuple[Sent, ...]:
    """Run the balance rule over the bundled readings."""
    return tuple(run(agents.READING, bundled_readings(rows)))


def shares_of(sent: Iterable[Sent]) -> list[Event]:
    """Take the shares that a run sent, as events for the next rule."""
    return [each.event for each in sent if each.topic == agents.COMMUNITY_SHARE]


def meter_reading(at_us: int, record: int, meter: str = "m-1", source: str = "", **fields: Any) -> Event:
    """Make a reading of an hour."""
    own = {
        "meter": meter,
        "community": None,
        "duration": "PT1H",
        "accumulation": "DELTA",
        "quality": "VALID",
        **fields,
    }
    return event(at_us, f"{source or f'device:{meter}'}#{record}", own)


def hourly(meter: str, hours: Iterable[int], *, source: str = "", closes: bool = False) -> Iterator[Event]:
    """Make a member's readings of the market-day community; energy follows from meter and hour."""
    number = int(meter.rpartition("-")[2])
    wanted = list(hours)
    for record, hour in enumerate(wanted, start=1):
        yield meter_reading(
            BEGIN_US + hour * HOUR_US,
            record,
            meter,
            source,
            community="market-day",
            consumption_wh=100 * number + hour,
            generation_wh=70 * number if 8 <= hour % 24 <= 16 else 0,
            closes=closes and hour == wanted[-1],
        )
