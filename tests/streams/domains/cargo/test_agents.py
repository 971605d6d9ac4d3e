"""The rules on their topics: the port call's story, the recordings' oddities, repeats, order."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
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
from tests.streams.domains.cargo.files import OURS, accepted, events
from tests.streams.domains.cargo.files import read as read_message
from tests.streams.domains.cargo.test_containers import EXAMS, IMPOSSIBLE_RUNS, JOURNEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from streams.domains.cargo.containers import Step

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


CODES_OF_2_2 = frozenset(
    ("LOAD", "DISC", "GTIN", "GTOT", "STUF", "STRP", "PICK", "DROP", "INSP", "RSEA", "RMVD")
)


def is_of_2_2(step: Step) -> bool:
    """Tell whether 2.2 can report a step: it needs a mode of transport and has no phase."""
    unsaid = step.code == "LOAD" and step.mode is None and step.vessel is None
    return step.code in CODES_OF_2_2 and step.phase is None and step.mode != "MULTIMODAL" and not unsaid


def message(steps: Sequence[Step], **changes: Any) -> list[dict[str, Any]]:
    """Send a journey as a message of 2.2, where all steps are of 2.2, else of 3.0; take the events read from it."""
    version = "2.2" if all(map(is_of_2_2, steps)) else "3.0"
    sent = []
    for number, each in enumerate(steps):
        at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=7 * number)
        load = "EMPTY" if each.empty else "LADEN"
        seals = [{"sealNumber": "A1"}]
        listed, _, code = (each.facility_code or "").partition(":")
        facility = {"facilityCode": code, "facilityCodeListProvider": listed} if code else {}
        if version == "2.2":
            call = {
                "transportCallID": "c",
                "modeOfTransport": each.mode or ("VESSEL" if each.vessel else "TRUCK"),
                "vessel": {"vesselIMONumber": each.vessel} if each.vessel else None,
                "facilityTypeCode": each.facility,
            }
            event = {
                "eventID": f"00000000-0000-4000-8000-{number:012}",
                "eventCreatedDateTime": at.isoformat(),
                "eventDateTime": at.isoformat(),
                "eventType": "EQUIPMENT",
                "eventClassifierCode": "ACT",
                "equipmentEventTypeCode": each.code,
                "equipmentReference": "CSQU3054383",
                "emptyIndicatorCode": load,
                "eventLocation": {"UNLocationCode": each.un_location_code, **facility},
                "transportCall": {name: value for name, value in call.items() if value},
                "seals": seals,
            }
        else:
            place = {
                "UNLocationCode": each.un_location_code,
                "facilityTypeCode": each.facility,
                "facility": facility,
            }
            call = {
                "modeOfTransport": each.mode,
                "vesselTransport": {"vesselIMONumber": each.vessel} if each.vessel else None,
            }
            event = {
                "eventID": f"e{number}",
                "eventDateTime": at.isoformat(),
                "eventLocation": {name: value for name, value in place.items() if value},
                "eventClassification": {
                    "eventTypeCode": "EQUIPMENT",
                    "eventClassifierCode": "ACT",
                    "equipmentEventTypeCode": each.code,
                },
                "equipmentDetails": {
                    "equipmentReference": "CSQU3054383",
                    "emptyIndicatorCode": load,
                    "seals": seals,
                    "transportPhase": each.phase,
                },
                "transportDetails": {"transportCall": {name: value for name, value in call.items() if value}},
            }
        sent.append({**event, **changes})
    data = json.dumps(sent if version == "2.2" else {"events": sent}).encode()
    found = [each for each in read_message(OURS[f"dcsa-tnt-{version}"], data) if isinstance(each, Accepted)]
    assert len(found) == len(steps)
    return events(found, agents.TRANSPORT)


def in_force(sent: list[Sent]) -> Counter[tuple[str, str, str]]:
    """Count the anomalies that are raised and not withdrawn, by kind, severity and cause."""
    found: Counter[tuple[str, str, str]] = Counter()
    for each in sent:
        if each.topic == agents.ANOMALY:
            event = each.event
            found[event["kind"], event["severity"], event["cause_event_id"]] += (
                -1 if event["withdrawn"] else 1
            )
    return +found


@pytest.mark.parametrize("name", JOURNEYS)
def test_a_journey_that_was_sent_raises_nothing(name: str) -> None:
    """From the message to the topic, in the order of time; and in another order nothing is left."""
    found = message([each for each, _ in JOURNEYS[name]])
    sent = run(found, agents.TRANSPORT)
    assert [each for each in sent if each.topic == agents.ANOMALY] == []
    states = [each.event["state"] for each in sent if each.topic == agents.CONTAINER_STATE]
    assert states[-1] == JOURNEYS[name][-1][1]
    random.Random(name).shuffle(found)
    mixed = run(found, agents.TRANSPORT)
    assert in_force(mixed) == Counter()
    last = max(
        (each.event for each in mixed if each.topic == agents.CONTAINER_STATE),
        key=lambda event: event["revision"],
    )
    assert (last["state"], last["illegal"]) == (states[-1], 0)


@pytest.mark.parametrize("name", EXAMS)
def test_an_examination_elsewhere_that_was_sent_leaves_nothing_in_force(name: str) -> None:
    """What is raised at the gate is withdrawn at the station, with the same cause; in any order none is left."""
    found = message(EXAMS[name])
    assert in_force(run(found, agents.TRANSPORT)) == Counter()
    random.Random(name).shuffle(found)
    assert in_force(run(found, agents.TRANSPORT)) == Counter()


@pytest.mark.parametrize("name", IMPOSSIBLE_RUNS)
def test_an_impossible_event_that_was_sent_is_an_alarm(name: str) -> None:
    """It names the event, and lies at its time, also if the event before it comes last."""
    found = message(IMPOSSIBLE_RUNS[name])
    for order in (found, found[::-1]):
        sent = run(order, agents.TRANSPORT)
        assert in_force(sent) == Counter([("IMPOSSIBLE_TRANSITION", "ALARM", found[-1]["event_id"])])
        raised = [each.event for each in sent if each.topic == agents.ANOMALY and not each.event["withdrawn"]]
        assert raised[-1]["occurred_at"] == found[-1]["occurred_at"]


def test_an_event_of_a_wrong_year_moves_no_container() -> None:
    """It would be the newest for years; a wrong month is believed."""
    steps = [each for each, _ in JOURNEYS["a street turn"]]
    wrong = message(steps[:1], eventDateTime="2036-03-01T00:00:00Z")
    assert wrong[0]["flags"] == ["ACTUAL_IN_FUTURE"]
    assert run(wrong, agents.TRANSPORT) == []
    late = message(steps[:1], eventDateTime="2026-05-01T00:00:00Z")
    assert [each.event["flags"] for each in run(late, agents.TRANSPORT)] == [["ACTUAL_IN_FUTURE"]]


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
