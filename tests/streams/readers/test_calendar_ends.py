"""No reader fails at the ends of the calendar: each format, every form of its dates."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from streams.domains.cargo import epcis_json
from streams.readers.formats import Accepted, Refused
from streams.zones import LAST_US
from tests.streams.readers.accounting import Seed, accounted, seeds
from tests.streams.readers.calendar_ends import instants, moved

MOST_BYTES = 2_500
"""Bytes of a table that are read at each instant: the length adds nothing."""


def _short(data: bytes) -> bytes:
    if data.lstrip(b"\xef\xbb\xbf \r\n")[:1] in (b"<", b"{", b"["):
        return data
    return data[: data.rfind(b"\n", 0, MOST_BYTES) + 1] or data


@pytest.mark.parametrize("seed", [each for each in seeds() if "" in each.files], ids=repr)
def test_every_instant_is_accounted_for(seed: Seed) -> None:
    """Years 1, 1969 and 9999, offsets of 14 hours, second 60, hour 24: accepted or refused."""
    for instant in instants():
        name = moved(seed.path.name.encode(), instant).decode()
        at = replace(seed, path=Path(name.replace(":", "-")))
        whole = _short(seed.files[""])
        data = moved(whole, instant)
        if data == whole and at.path == seed.path:
            return  # it has no dates
        items = accounted(at, {"": data})
        drafts = [draft for item in items if isinstance(item, Accepted) for draft in item.drafts]
        if seed.form.name != "scenario":  # its offsets may lead anywhere; the replay refuses such events
            assert all(0 <= draft.occurred_at <= LAST_US for draft in drafts)


def test_a_log_that_begins_with_the_calendar() -> None:
    """Car Scanner: seconds that count from the log's beginning lead before year 1."""
    (seed,) = [each for each in seeds() if each.form.name == "car-scanner-log"]
    items = accounted(replace(seed, path=Path("0001-01-01 00-00-05.csv")), seed.files)
    assert not any(isinstance(item, Accepted) for item in items)


@pytest.mark.parametrize("member", ["eventTime", "recordTime", "sensor"])
@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-14:00", "9999-12-31T10:00:00.000000001-14:00"])
def test_an_epcis_event_behind_the_calendar_is_refused(member: str, time: str) -> None:
    """Also if a member has to be compared with what is written of it."""
    event: dict[str, object] = {
        "type": "ObjectEvent",
        "eventTime": "2026-03-01T09:30:00Z",
        "eventTimeZoneOffset": "-14:00",
        "action": "OBSERVE",
        "epcList": ["urn:epc:id:sgtin:4099999.011111.77"],
        "readPoint": {"id": "urn:epc:id:sgln:4099999.00005.0", "ex:a": 1},
    }
    if member == "sensor":
        report = {"type": "Temperature", "value": 1.0, "uom": "CEL"}
        event["sensorElementList"] = [{"sensorMetadata": {"time": time}, "sensorReport": [report]}]
    else:
        event[member] = time
    message = {
        "@context": [
            "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            {"ex": "https://example.com/"},
        ],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-01T10:00:00Z",
        "epcisBody": {"eventList": [event]},
    }
    items = list(epcis_json.read(io.BytesIO(json.dumps(message).encode())))
    refused = [item for item in items if isinstance(item, Refused)]
    assert ["after the year 9999" in item.reason for item in refused] == [True]
