"""Numbers that are wrong by their own check digit or form → findings, each told once per subject. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from streams.domains.cargo.identifiers import container_problem, imo_problem, mmsi_problem, uri_problem
from streams.domains.cargo.vessels import Finding

WHAT = {
    "CONTAINER_CHECK_DIGIT": "container number {}: check digit does not fit (ISO 6346)",
    "CONTAINER_FORM": "container number {}: expected three letters, U, J or Z, seven digits (ISO 6346)",
    "IMO_CHECK_DIGIT": "IMO number {}: expected seven digits with a check digit that fits",
    "MMSI_FORM": "MMSI {}: expected nine digits (ITU-R M.585)",
    "GS1_CHECK_DIGIT": "{}: check digit does not fit (GS1)",
}
SEVERITY = {"MMSI_FORM": "INFO", "GS1_CHECK_DIGIT": "INFO"}

Numbers = Iterator[tuple[str | None, str]]


def of_transport_event(event: Mapping[str, Any]) -> Numbers:
    """Judge the numbers of a `cargo.transport-event`."""
    for problem, number in (
        (container_problem, event.get("equipment_reference")),
        (imo_problem, event.get("vessel_imo")),
    ):
        if number:
            yield problem(number), number


def of_vessel(event: Mapping[str, Any]) -> Numbers:
    """Judge the numbers of a `cargo.vessel-position`."""
    yield mmsi_problem(event["mmsi"]), event["mmsi"]
    if event.get("imo"):
        yield imo_problem(event["imo"]), event["imo"]


def of_supply_event(event: Mapping[str, Any]) -> Numbers:
    """Judge the EPCs and Digital Links of a `cargo.supply-event`."""
    uris = [event.get("parent_id")]
    for name in ("epcs", "child_epcs", "input_epcs", "output_epcs"):
        uris += event.get(name) or ()
    uris += [each["epc_class"] for each in event.get("quantities") or ()]
    for uri in dict.fromkeys(each for each in uris if each):
        yield uri_problem(uri), uri


def fresh(told: Mapping[str, str], numbers: Numbers, event_id: str) -> tuple[dict[str, str], list[Finding]]:
    """Find what is wrong with numbers and was not told of the subject before.

    Args:
        told: Event that told each wrong number, by kind and number.
        numbers: Numbers with what is wrong with them, or None.
        event_id: The event at hand; what it told itself, it tells again, so that a repeat is the same.

    Returns:
        What was told by now, and the findings.
    """
    kept, found = dict(told), []
    for kind, number in numbers:
        if kind is None:
            continue
        if kept.setdefault(f"{kind} {number}", event_id) == event_id:
            found.append(Finding(kind, SEVERITY.get(kind, "WARNING"), WHAT[kind].format(number)))
    return kept, found
