"""Ours for `documents`: one message of many events, read as a replay reads it.

Everything but Kafka: the message is found, judged as a whole, and each event is checked, drafted and encoded. The
message is written before the clock starts. The peak is that of the whole process.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.catalog import load_catalog
from streams.identity.secret import DeploymentSecret
from streams.readers.formats import Accepted, Skipped
from streams.replay.checkpoint import ReplayCheckpoint
from streams.replay.input import Input
from streams.replay.recordings import formats, look
from streams.replay.records import RecordWriter
from streams.testing import MemoryProducer
from tests.bench.clock import tell

if TYPE_CHECKING:
    from collections.abc import Callable

_EPCIS = (
    '{"@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"ex": "https://ns.example.com/"}], '
    '"type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T10:00:00Z", '
    '"epcisBody": {"eventList": [\n'
)
_XML = (
    '<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:1" xmlns:ex="https://ns.example.com/" '
    'schemaVersion="1.2" creationDate="2026-03-01T10:00:00Z"><EPCISBody><EventList>\n'
)


def epcis_event(number: int) -> str:
    """Write an event in JSON, some 600 bytes."""
    return json.dumps(
        {
            "type": "ObjectEvent",
            "eventID": f"urn:uuid:374d95fc-9457-4a51-bd6a-{number:012x}",
            "eventTime": f"2026-03-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000+01:00",
            "eventTimeZoneOffset": "+01:00",
            "action": "OBSERVE",
            "epcList": [f"urn:epc:id:sgtin:4099999.011111.{number + each}" for each in range(2)],
            "bizStep": "shipping",
            "disposition": "in_transit",
            "readPoint": {"id": "urn:epc:id:sgln:4099999.00005.0"},
            "bizLocation": {"id": "urn:epc:id:sgln:4099999.00005.1"},
            "bizTransactionList": [
                {"type": "po", "bizTransaction": f"urn:epc:id:gdti:4099999.00001.{number}"}
            ],
            "ex:price": 10.50,
        }
    )


def xml_event(number: int) -> str:
    """Write the same event in XML, as EPCIS 1.2."""
    event = json.loads(epcis_event(number))
    epcs = "".join(f"<epc>{each}</epc>" for each in event["epcList"])
    deal = event["bizTransactionList"][0]["bizTransaction"]
    return (
        f"<ObjectEvent><eventTime>{event['eventTime']}</eventTime>"
        "<eventTimeZoneOffset>+01:00</eventTimeZoneOffset>"
        f"<baseExtension><eventID>{event['eventID']}</eventID></baseExtension><epcList>{epcs}</epcList>"
        "<action>OBSERVE</action><bizStep>urn:epcglobal:cbv:bizstep:shipping</bizStep>"
        "<disposition>urn:epcglobal:cbv:disp:in_transit</disposition>"
        f"<readPoint><id>{event['readPoint']['id']}</id></readPoint>"
        f"<bizLocation><id>{event['bizLocation']['id']}</id></bizLocation>"
        f'<bizTransactionList><bizTransaction type="urn:epcglobal:cbv:btt:po">{deal}</bizTransaction>'
        "</bizTransactionList><ex:price>10.50</ex:price></ObjectEvent>"
    )


def dcsa_event(number: int) -> str:
    """Write an event of DCSA Track & Trace 2.2, some 700 bytes."""
    at = f"2026-03-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}+01:00"
    return json.dumps(
        {
            "eventID": f"3fa85f64-5717-4562-b3fc-{number:012x}",
            "eventType": "EQUIPMENT",
            "eventClassifierCode": "ACT",
            "eventDateTime": at,
            "eventCreatedDateTime": at,
            "equipmentEventTypeCode": "LOAD",
            "emptyIndicatorCode": "LADEN",
            "equipmentReference": "CSQU3054383",
            "ISOEquipmentCode": "22G1",
            "transportCall": {
                "transportCallID": f"TC-{number}",
                "modeOfTransport": "VESSEL",
                "UNLocationCode": "DEHAM",
                "exportVoyageNumber": "401W",
                "vessel": {"vesselIMONumber": "9074729", "vesselName": "MADE UP"},
            },
            "documentReferences": [{"documentReferenceType": "BKG", "documentReferenceValue": f"B{number}"}],
        }
    )


def dcsa_3_0_event(number: int) -> str:
    """Write the same event as Track & Trace 3.0."""
    event = json.loads(dcsa_event(number))
    call = event["transportCall"]
    return json.dumps(
        {
            "eventID": event["eventID"],
            "eventDateTime": event["eventDateTime"],
            "eventUpdatedDateTime": event["eventCreatedDateTime"],
            "eventLocation": {"UNLocationCode": call["UNLocationCode"], "facilityTypeCode": "POTE"},
            "eventClassification": {
                "eventTypeCode": "EQUIPMENT",
                "eventClassifierCode": "ACT",
                "equipmentEventTypeCode": "LOAD",
            },
            "equipmentDetails": {
                "equipmentReference": event["equipmentReference"],
                "emptyIndicatorCode": "LADEN",
                "movementType": "EXPORT",
            },
            "transportDetails": {
                "transportCall": {
                    "transportCallReference": call["transportCallID"],
                    "modeOfTransport": "VESSEL",
                    "vesselTransport": call["vessel"],
                }
            },
        }
    )


MESSAGES: dict[str, tuple[str, Callable[[int], str], str, str]] = {
    "epcis-json": (_EPCIS, epcis_event, ",\n", "]}}"),
    "epcis-xml": (_XML, xml_event, "\n", "</EventList></EPCISBody></epcis:EPCISDocument>"),
    "dcsa-tnt-2.2": ("[\n", dcsa_event, ",\n", "]"),
    "dcsa-tnt-3.0": ('{"events": [\n', dcsa_3_0_event, ",\n", "]}"),
}
"""What each format's message begins with, its events, what stands between them, and its end."""


def write_message(path: Path, form: str, events: int) -> None:
    """Write a message."""
    head, event, between, end = MESSAGES[form]
    with path.open("w") as file:
        file.write(head)
        for number in range(events):
            file.write((between if number else "") + event(number))
        file.write(end)


def read_message(path: Path) -> dict[str, Any]:
    """Read a message as a replay does, and tell what it came to."""
    begun, cpu = time.perf_counter(), time.process_time()
    recording = look(path, list(formats().values()))
    if recording.format is None:
        raise SystemExit(f"{path.name}: {recording.problem}")
    file = Input(recording, ReplayCheckpoint(recording.format.name, 0))
    writer = RecordWriter(MemoryProducer(load_catalog()), DeploymentSecret(bytes(32)), 0)
    accepted = 0
    for scheduled in file.scheduled(partial(writer.check, file)):
        if scheduled.item is None or isinstance(scheduled.item, Skipped):
            continue
        item, _ = writer.write(file, scheduled.item)
        accepted += isinstance(item, Accepted)
    return {
        "accepted": accepted,
        "seconds": time.perf_counter() - begun,
        "cpu_s": time.process_time() - cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Write a message, or read it."""
    told = json.loads(sys.argv[1])
    path = Path(told["path"])
    if told["way"] == "write":
        write_message(path, told["form"], int(told["events"]))
        tell({"size": path.stat().st_size})
    else:
        tell(read_message(path))


if __name__ == "__main__":
    main()
