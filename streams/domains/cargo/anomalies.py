"""Numbers that are invalid by their own check digit or form → findings, each once per subject. Pure.

`identifiers` holds the check digits and forms. This module selects an event's numbers and
finds those that the subject's state does not hold yet.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from streams.domains.cargo.identifiers import container_problem, imo_problem, uri_problem
from streams.domains.cargo.mmsi import mmsi_problem
from streams.domains.cargo.vessels import Finding

DETAIL = {
    "CONTAINER_CHECK_DIGIT": "container number {}: check digit does not fit (ISO 6346)",
    "CONTAINER_FORM": "container number {}: expected three letters, U, J or Z, seven digits (ISO 6346)",
    "IMO_CHECK_DIGIT": "IMO number {}: expected 1000000 to 9999999 with a check digit that fits",
    "MMSI_FORM": "MMSI {}: expected nine digits of a form of ITU-R M.585 with an assigned MID, no placeholder",
    "GS1_CHECK_DIGIT": "{}: check digit does not fit (GS1)",
}
"""Text of an anomaly by its kind; the braces stand for the number."""

SEVERITY = {"MMSI_FORM": "INFO", "GS1_CHECK_DIGIT": "INFO"}
"""Severity of an anomaly by its kind; `WARNING` for all others."""

CheckedNumbers = Iterator[tuple[str | None, str]]
"""Numbers, each after the kind of its anomaly or None."""


def check_transport_event(event: Mapping[str, Any]) -> CheckedNumbers:
    """Check the container and IMO numbers of a `cargo.transport-event`."""
    for problem, number in (
        (container_problem, event.get("equipment_reference")),
        (imo_problem, event.get("vessel_imo")),
    ):
        if number:
            yield problem(number), number


def check_vessel_position(event: Mapping[str, Any]) -> CheckedNumbers:
    """Check the MMSI and IMO number of a `cargo.vessel-position`."""
    yield mmsi_problem(event["mmsi"]), event["mmsi"]
    if event.get("imo"):
        yield imo_problem(event["imo"]), event["imo"]


def check_supply_event(event: Mapping[str, Any]) -> CheckedNumbers:
    """Check the EPCs and GS1 Digital Links of a `cargo.supply-event`."""
    uris = [event.get("parent_id")]
    for name in ("epcs", "child_epcs", "input_epcs", "output_epcs"):
        uris += event.get(name) or ()
    uris += [each["epc_class"] for each in event.get("quantities") or ()]
    for uri in dict.fromkeys(each for each in uris if each):
        yield uri_problem(uri), uri


def new_findings(
    reported: Mapping[str, str], numbers: CheckedNumbers, event_id: str
) -> tuple[dict[str, str], list[Finding]]:
    """Return the anomalies that no earlier event of the subject reported.

    Args:
        reported: `event_id` that reported each invalid number, by `"<kind> <number>"`.
        numbers: Numbers of the event.
        event_id: The event's `event_id`. A repeat of it gives the same findings again.

    Returns:
        `reported` with the new anomalies, and their findings.
    """
    updated, findings = dict(reported), []
    for kind, number in numbers:
        if kind is None:
            continue
        if updated.setdefault(f"{kind} {number}", event_id) == event_id:
            findings.append(Finding(kind, SEVERITY.get(kind, "WARNING"), DETAIL[kind].format(number)))
    return updated, findings
