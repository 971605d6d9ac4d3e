"""The rules on their topics: the port call's story, the recordings' oddities, repeats, order."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from schemas.catalog import load_catalog
from streams.agents import handlers_of
from streams.domains.cargo import agents, port_call
from streams.readers.formats import Accepted
from streams.readers.scenarios import read
from streams.replay.recordings import bundled, bundled_scenarios
from streams.testing import Sent, assert_repeats_change_nothing, run_handlers
from tests.streams.domains.cargo.files import accepted, events

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CATALOG = load_catalog()
HANDLERS = handlers_of(agents)


def scenario(topic: str) -> list[dict[str, Any]]:
    """Take the port call's events of one topic."""
    (path,) = bundled_scenarios("cargo")
    with path.open("rb") as stream:
        found = [each for each in read(stream) if isinstance(each, Accepted)]
    return events(found, topic, "scenario:port-call")


def recording(name: str, topic: str) -> list[dict[str, Any]]:
    """Take the events of one topic of a bundled recording."""
    (path,) = (path for path in bundled("cargo") if name in path.name)
    return events(accepted(path), topic)


def run(found: list[dict[str, Any]], topic: str, batch_size: int = 1000) -> list[Sent]:
    """Run the domain's rules."""
    return run_handlers(CATALOG, HANDLERS, found, topic=topic, batch_size=batch_size)


def test_the_scenario_is_what_its_module_makes(tmp_path: Path) -> None:
    """The committed file, byte for byte."""
    port_call.write(tmp_path / "made.jsonl")
    (path,) = bundled_scenarios("cargo")
    assert (tmp_path / "made.jsonl").read_bytes() == path.read_bytes()


def test_the_port_call_ends_as_it_is_told() -> None:
    """One box back in the depot, one gone without release, one on board; one number typed wrong."""
    sent = run(scenario(agents.TRANSPORT), agents.TRANSPORT)
    last = {each.key: each.event for each in sent if each.topic == agents.CONTAINER_STATE}
    assert {key: (event["state"], event["illegal"]) for key, event in last.items()} == {
        "CSQU3054383": ("EMPTY_IN_DEPOT", 0),
        "APZU4812090": ("LADEN_INLAND_IN", 1),
        "CITU1000012": ("ON_BOARD", 0),
        "CITU1000021": ("IN_EXPORT_YARD", 0),
    }
    found = Counter((each.key, each.event["kind"]) for each in sent if each.topic == agents.ANOMALY)
    assert found == {("APZU4812090", "IMPOSSIBLE_TRANSITION"): 1, ("CITU1000021", "CONTAINER_CHECK_DIGIT"): 1}


def test_the_ship_of_the_port_call_never_jumps() -> None:
    """A made-up track that a ship could sail."""
    assert run(scenario(agents.POSITION), agents.POSITION) == []


def test_the_us_table_has_jumps_shared_identities_and_wrong_numbers() -> None:
    """Each wrong number once per ship; nothing is refused."""
    sent = run(recording("marinecadastre", agents.POSITION), agents.POSITION)
    assert {each.topic for each in sent} == {agents.ANOMALY}
    found = Counter(each.event["kind"] for each in sent)
    assert found == {"IMO_CHECK_DIGIT": 69, "DUPLICATE_MMSI": 25, "VESSEL_JUMP": 16, "MMSI_FORM": 8}
    numbers = [(each.key, each.event["detail"]) for each in sent if each.event["kind"] == "IMO_CHECK_DIGIT"]
    assert len(numbers) == len(set(numbers))


def test_planned_and_estimated_events_move_nothing() -> None:
    """The loads of the 2.2 message are estimates."""
    found = recording("tnt-220-response", agents.TRANSPORT)
    loads = [each["classifier"] for each in found if each["code"] == "LOAD"]
    assert loads
    assert set(loads) <= {"PLN", "EST"}
    assert [each for each in run(found, agents.TRANSPORT) if each.topic == agents.CONTAINER_STATE] == []


def jumping_ship() -> list[dict[str, Any]]:
    """Take the port call's positions, one of them ten degrees to the north."""
    found = scenario(agents.POSITION)
    middle = len(found) // 2
    found[middle] = {**found[middle], "latitude": found[middle]["latitude"] + 10}
    return found


def wrong_epcs() -> list[dict[str, Any]]:
    """Take the sensor events of a recording, two of them about a box whose check digit does not fit."""
    found = recording("SensorData", agents.SUPPLY)
    for number in (1, 3):
        found[number] = {**found[number], "epcs": ["urn:epc:id:bic:CSQU3054384"]}
    return found


SOURCES: list[tuple[Callable[[], list[dict[str, Any]]], str]] = [
    (partial(scenario, agents.TRANSPORT), agents.TRANSPORT),
    (jumping_ship, agents.POSITION),
    (partial(recording, "marinecadastre", agents.POSITION), agents.POSITION),
    (partial(recording, "tnt-300-response", agents.TRANSPORT), agents.TRANSPORT),
    (wrong_epcs, agents.SUPPLY),
]
every_source = pytest.mark.parametrize(
    ("take", "topic"), SOURCES, ids=["port-call", "jumping-ship", "us-table", "dcsa-3.0", "wrong-epcs"]
)


@every_source
def test_events_that_come_twice_change_nothing(take: Callable[[], list[dict[str, Any]]], topic: str) -> None:
    """After a replay or an agent was killed."""
    found = take()[:400]
    assert run(found, topic)
    assert_repeats_change_nothing(CATALOG, HANDLERS, found, topic=topic)


@every_source
def test_batches_and_the_order_of_other_keys_do_not_show(
    take: Callable[[], list[dict[str, Any]]], topic: str
) -> None:
    """The same events and bytes for any batch size, and for subjects one after the other."""
    found = take()[:600]
    key = CATALOG.topics[topic].key
    whole = {(each.topic, each.value) for each in run(found, topic)}
    assert whole
    assert {(each.topic, each.value) for each in run(found, topic, batch_size=7)} == whole
    by_key = sorted(found, key=lambda event: str(event[key]))
    assert {(each.topic, each.value) for each in run(by_key, topic)} == whole
