"""Generator of the scenario `scenarios/port-call.jsonl`: `write` makes exactly the committed bytes.

One vessel calls at Busan, from the entry permit to departure, with three containers. No open recording shows that.

- CSQU3054383 passes the whole import: selected by customs, opened, resealed, released, gated out with its permit,
  stripped and returned.
- APZU4812090 leaves the terminal although customs have not released it: its gate-out permit was refused.
- CITU1000012 is exported; the port's register has a typing error in one event (CITU1000021).

No person is named; organisations are invented. All numbers have right check digits, except CITU1000021.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

NAME = "port-call"
BEGINS_AT = "2026-03-02T00:00:00Z"
SHIP = {"mmsi": "440123000", "imo": "9321483", "name": "HAN GANG STAR"}
PORT = "KRPUS"
CALL = "KRPUS-2026-0302-HGS"
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

HEADER = {
    "scenario": 1,
    "title": "A port call with permits: entry, customs release, gate-out",
    "domain": "cargo",
    "seed": 0,
    "facts": [
        "DCSA Track & Trace: equipment codes and what they mean; IMO FAL: what an entry permit asks for",
        "Korea: manifest, inspection, acceptance of the declaration, warehouse out",
        "ISO 6346 and IMO: check digits",
    ],
    "begins_at": BEGINS_AT,
}

ENTRY = "PORT_ENTRY"
RELEASE = "CUSTOMS_RELEASE"
GATE_OUT = "GATE_OUT"

# Positions from the pilot station to the berth: minutes after the start, latitude, longitude, knots, course.
_APPROACH = (
    (0, 35.0000, 129.2500, 14.0, 315.0),
    (20, 35.0500, 129.1900, 12.5, 315.0),
    (40, 35.0750, 129.1300, 8.0, 296.0),
    (60, 35.0920, 129.0900, 4.0, 297.0),
    (80, 35.1010, 129.0640, 0.0, 360.0),
)


def lines() -> Iterator[Mapping[str, Any]]:
    """Return the lines of the scenario after its header, in order of time."""
    events = [*_ship(), *_entry(), *_import(), *_refused(), *_export(), *_leaving()]
    return iter(sorted(events, key=lambda each: int(each["offset_ms"])))


def write(path: Path) -> None:
    """Write the scenario to a file."""
    text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in (HEADER, *lines()))
    path.write_text(text, encoding="utf-8")


def _event(at_ms: int, topic: str, fields: Mapping[str, Any], note: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"topic": f"cargo.{topic}", "offset_ms": at_ms, "fields": dict(fields)}
    return {**found, "note": note} if note else found


def _ship() -> Iterator[dict[str, Any]]:
    for minutes, latitude, longitude, sog, cog in _APPROACH:
        yield _position(minutes * MINUTE_MS, latitude, longitude, sog, cog)
    for hours in range(2, 28, 5):
        yield _position(hours * HOUR_MS, 35.1010, 129.0640, 0.0, 360.0)


def _position(at_ms: int, latitude: float, longitude: float, sog: float, cog: float) -> dict[str, Any]:
    moored = sog == 0
    fields = {
        **SHIP,
        "message_type": 1,
        "transceiver_class": "A",
        "latitude": latitude,
        "longitude": longitude,
        "sog": sog,
        "cog": None if moored else cog,
        "heading": 297,
        "nav_status": 5 if moored else 0,
        "accurate": True,
    }
    return _event(at_ms, "vessel-position", fields)


def _entry() -> Iterator[dict[str, Any]]:
    steps = (
        (-3 * DAY_MS, "SUBMITTED", None),
        (-3 * DAY_MS + 2 * HOUR_MS, "UNDER_REVIEW", None),
        (-2 * DAY_MS, "INFO_REQUESTED", "dangerous goods list is missing"),
        (-2 * DAY_MS + 5 * HOUR_MS, "APPROVED", None),
        (-1 * DAY_MS, "BERTH_ASSIGNED", None),
        (0, "ARRIVED", None),
        (80 * MINUTE_MS, "IN_PORT", None),
        (26 * HOUR_MS, "CLEARED_TO_DEPART", None),
        (28 * HOUR_MS, "DEPARTED", None),
    )
    for at_ms, status, reason in steps:
        permit = _permit("VESSEL", SHIP["imo"], ENTRY, status)
        yield _event(at_ms, "permit", {**permit, "permit_id": "KRPUS-ENT-2026-0815", "reason": reason})
    yield _transport(
        80 * MINUTE_MS, "TRANSPORT", "ARRI", {"vessel_imo": SHIP["imo"], "vessel_name": SHIP["name"]}
    )


def _import() -> Iterator[dict[str, Any]]:
    box, customs = "CSQU3054383", "KR-CUS-2026-0001"
    laden = {"empty_indicator": "LADEN", "transport_phase": "IMPORT", "facility_type": "POTE"}
    yield _box(4 * HOUR_MS, box, "DISC", {**laden, "seals": [_seal("SHA884213", "SHI")]})
    for hours, status in ((5, "SUBMITTED"), (6, "UNDER_REVIEW"), (22, "APPROVED")):
        fields = {**_permit("CONTAINER", box, RELEASE, status), "permit_id": customs}
        yield _event(hours * HOUR_MS, "permit", {**fields, "permit_references": ["declaration:KR-IMP-77"]})
    yield _box(7 * HOUR_MS, box, "CUSI", laden, "selected for inspection")
    yield _box(9 * HOUR_MS, box, "RMVD", laden)
    yield _box(10 * HOUR_MS, box, "INSP", laden)
    yield _box(11 * HOUR_MS, box, "RSEA", {**laden, "seals": [_seal("KRC000117", "CUS")]})
    yield _box(22 * HOUR_MS, box, "CUSR", laden)
    gate = {"permit_id": "KRPUS-GAT-2026-0042", "permit_references": [customs]}
    yield _event(23 * HOUR_MS, "permit", {**_permit("CONTAINER", box, GATE_OUT, "APPROVED"), **gate})
    yield _box(24 * HOUR_MS, box, "GTOT", laden)
    yield _event(24 * HOUR_MS, "permit", {**_permit("CONTAINER", box, GATE_OUT, "USED"), **gate})
    yield _supply(24 * HOUR_MS, box, "departing", "in_transit")
    yield _box(27 * HOUR_MS, box, "DROP", {"empty_indicator": "LADEN", "facility_type": "CLOC"})
    yield _supply(27 * HOUR_MS, box, "receiving", "in_progress")
    yield _box(30 * HOUR_MS, box, "STRP", {"empty_indicator": "EMPTY", "facility_type": "CLOC"})
    yield _box(47 * HOUR_MS, box, "PICK", {"empty_indicator": "EMPTY", "facility_type": "CLOC"})
    yield _box(49 * HOUR_MS, box, "GTIN", {"empty_indicator": "EMPTY", "facility_type": "DEPO"})


def _refused() -> Iterator[dict[str, Any]]:
    box = "APZU4812090"
    laden = {"empty_indicator": "LADEN", "transport_phase": "IMPORT", "facility_type": "POTE"}
    yield _box(4 * HOUR_MS + 10 * MINUTE_MS, box, "DISC", {**laden, "seals": [_seal("SHA884290", "SHI")]})
    yield _box(7 * HOUR_MS + 30 * MINUTE_MS, box, "CUSS", laden)
    permit = {"permit_id": "KRPUS-GAT-2026-0043", "reason": "not released by customs"}
    yield _event(12 * HOUR_MS, "permit", {**_permit("CONTAINER", box, GATE_OUT, "REJECTED"), **permit})
    yield _box(13 * HOUR_MS, box, "GTOT", laden, "gated out without release: the rules mark it")


def _export() -> Iterator[dict[str, Any]]:
    box = "CITU1000012"
    yield _box(-2 * DAY_MS, box, "GTOT", {"empty_indicator": "EMPTY", "facility_type": "DEPO"})
    yield _box(-2 * DAY_MS + 3 * HOUR_MS, box, "DROP", {"empty_indicator": "EMPTY", "facility_type": "CLOC"})
    packed = {"empty_indicator": "LADEN", "facility_type": "CLOC", "transport_phase": "EXPORT"}
    yield _box(-1 * DAY_MS, box, "STUF", {**packed, "seals": [_seal("KRS551002", "SHI")]})
    yield _box(-1 * DAY_MS + 4 * HOUR_MS, box, "PICK", packed)
    yard = {**packed, "facility_type": "POTE"}
    yield _box(-1 * DAY_MS + 6 * HOUR_MS, box, "GTIN", yard)
    wrong = {**yard, "flags": ["CONTAINER_CHECK_DIGIT"]}
    yield _box(-1 * DAY_MS + 6 * HOUR_MS, "CITU1000021", "GTIN", wrong, "the same box, typed wrong")
    yield _box(15 * HOUR_MS, box, "LOAD", {**yard, "vessel_imo": SHIP["imo"]})


def _leaving() -> Iterator[dict[str, Any]]:
    yield _transport(
        28 * HOUR_MS, "TRANSPORT", "DEPA", {"vessel_imo": SHIP["imo"], "vessel_name": SHIP["name"]}
    )
    yield _position(28 * HOUR_MS + 30 * MINUTE_MS, 35.0750, 129.1300, 9.0, 116.0)


def _permit(kind: str, subject: str, permit: str, status: str) -> dict[str, Any]:
    authority = "customs" if permit == RELEASE else "port office" if permit == ENTRY else "terminal"
    fields = {
        "subject": subject,
        "subject_kind": kind,
        "kind": permit,
        "status": status,
        "authority": authority,
    }
    return {**fields, "applicant": "Hanbit Forwarding", "un_location_code": PORT}


def _box(at_ms: int, box: str, code: str, fields: Mapping[str, Any], note: str = "") -> dict[str, Any]:
    about = {
        "subject": box,
        "subject_kind": "CONTAINER",
        "equipment_reference": box,
        "iso_equipment_code": "22G1",
    }
    return _transport(at_ms, "EQUIPMENT", code, {**about, **fields}, note)


def _transport(at_ms: int, kind: str, code: str, fields: Mapping[str, Any], note: str = "") -> dict[str, Any]:
    subject = str(fields.get("subject", SHIP["imo"]))
    about = {
        "subject": subject,
        "subject_kind": "VESSEL",
        "dcsa_version": "3.0",
        "dcsa_event_id": f"{code}-{subject}-{at_ms // MINUTE_MS}",
        "event_type": kind,
        "classifier": "ACT",
        "code": code,
        "un_location_code": PORT,
        "transport_call_id": CALL,
        "mode_of_transport": "VESSEL",
    }
    return _event(at_ms, "transport-event", {**about, **fields}, note)


def _supply(at_ms: int, box: str, step: str, disposition: str) -> dict[str, Any]:
    epc = f"urn:epc:id:bic:{box}"
    fields = {"epc": epc, "event_type": "ObjectEvent", "syntax": "JSON", "time_zone_offset": "+09:00"}
    what = {"action": "OBSERVE", "biz_step": step, "disposition": disposition, "epcs": [epc]}
    return _event(at_ms, "supply-event", {**fields, **what})


def _seal(number: str, source: str) -> dict[str, str]:
    return {"number": number, "source": source, "type": "BLT"}
