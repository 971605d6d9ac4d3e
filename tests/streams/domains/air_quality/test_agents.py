"""The rules on their topic: readings in, indices and changes out, whatever the batches."""

import gzip
from typing import Any

from schemas.catalog import load_catalog
from streams.agents import handlers_of
from streams.domains.air_quality import agents
from streams.domains.air_quality.recordings import SEOUL_DAILY
from streams.identity.event_ids import recording_id
from streams.readers.formats import Accepted
from streams.replay.recordings import bundled
from streams.testing import Sent, run_handlers
from tests.streams.readers.accounting import below_header

CATALOG = load_catalog()
DAYS = 80


def seoul_events(source: str = "replay:00112233445566ff") -> list[dict[str, Any]]:
    """Take the first weeks of the bundled Seoul recording as events; they hold the yellow dust of March and May."""
    path = next(path for path in bundled("air_quality") if "seoul" in path.name)
    events = []
    with gzip.open(path) as stream:
        for item in below_header(SEOUL_DAILY.read(stream)):  # type: ignore[arg-type]
            assert isinstance(item, Accepted)
            (draft,) = item.drafts
            if draft.fields["station"] not in ("강남구", "화랑로"):
                continue
            events.append(
                {
                    **draft.fields,
                    "event_id": recording_id(draft.occurred_at // 1000, bytes(32), item.record),
                    "salt": item.record.to_bytes(16, "big"),
                    "source": f"{source}#{item.record}",
                    "occurred_at": draft.occurred_at,
                }
            )
    return events[: 2 * DAYS]


def run(events: list[dict[str, Any]]) -> list[Sent]:
    """Run the domain's rules over events."""
    return run_handlers(CATALOG, handlers_of(agents), events, topic=agents.READING)


def test_every_reading_gives_one_index() -> None:
    """Keyed by station, at the reading's time, with its id."""
    events = seoul_events()
    indices = [sent for sent in run(events) if sent.topic == agents.INDEX]
    assert [sent.event["reading_id"] for sent in indices] == [event["event_id"] for event in events]
    assert [sent.key for sent in indices] == [event["station"] for event in events]
    assert [sent.event["occurred_at"] for sent in indices] == [event["occurred_at"] for event in events]
    assert {sent.event["rule"] for sent in indices} == {agents.RULE}
    assert {sent.headers["simulated"] for sent in indices} == {b"true"}


def test_yellow_dust_is_told() -> None:
    """The days around 2021-05-07 bring a change to hazardous air at both stations."""
    changes = [sent for sent in run(seoul_events()) if sent.topic == agents.CATEGORY_CHANGE]
    dust = {sent.key for sent in changes if sent.event["to_category"] == "HAZARDOUS"}
    assert dust == {"강남구", "화랑로"}


def test_nothing_is_refused() -> None:
    """No dead letters from a sound recording."""
    assert {sent.topic for sent in run(seoul_events())} == {agents.INDEX, agents.CATEGORY_CHANGE}


def test_repeats_give_nothing_new() -> None:
    """Every event twice: the same outputs as once."""
    events = seoul_events()
    twice = [event for event in events for _ in range(2)]
    once = {(sent.topic, sent.value) for sent in run(events)}
    assert {(sent.topic, sent.value) for sent in run(twice)} == once


def test_recordings_do_not_touch_each_other() -> None:
    """The same station in two recordings has two memories."""
    one, other = seoul_events("replay:aaaaaaaaaaaaaaaa"), seoul_events("replay:bbbbbbbbbbbbbbbb")
    mixed = [event for pair in zip(one, other, strict=True) for event in pair]
    indices = [sent for sent in run(mixed) if sent.topic == agents.INDEX]
    assert len(indices) == len(mixed)


def test_only_the_order_of_one_station_matters() -> None:
    """Stations one after the other or mixed, as other partition counts would have it: the same events and bytes."""
    events = seoul_events()
    sorted_by_station = sorted(events, key=lambda event: str(event["station"]))
    found = {(sent.topic, sent.value) for sent in run(sorted_by_station)}
    assert found == {(sent.topic, sent.value) for sent in run(events)}
