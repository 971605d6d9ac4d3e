"""Containers: ordinary journeys, what is impossible, late events, corrections, repeats, and what holds for any run."""

from __future__ import annotations

import itertools
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.cargo.container_history import (
    IMPOSSIBLE,
    KEPT,
    LATE,
    REPEATED,
    REPLACED,
    RETRACTED,
    UNSEALED,
    Change,
    ContainerStatus,
    EquipmentEvent,
    EventFinding,
    History,
    apply_event,
)
from streams.domains.cargo.containers import (
    CUSTOMER,
    EXPORT,
    HELD,
    ROAD,
    VESSEL,
    YARD,
    Position,
    Step,
    transition,
)

HOUR_US = 3_600_000_000
EMPTY, LADEN = True, False

ROUND = [
    (Step("GTOT", EMPTY, "DEPO"), "EMPTY_OUT"),
    (Step("DROP", EMPTY, "CLOC"), "EMPTY_AT_SHIPPER"),
    (Step("STUF", LADEN, "CLOC"), "LADEN_AT_SHIPPER"),
    (Step("PICK", LADEN, "CLOC"), "LADEN_INLAND_OUT"),
    (Step("GTIN", LADEN, "POTE"), "IN_EXPORT_YARD"),
    (Step("LOAD", LADEN, "POTE"), "ON_BOARD"),
    (Step("DISC", LADEN, "POTE", "TRANSSHIPMENT"), "IN_TRANSHIP_YARD"),
    (Step("LOAD", LADEN, "POTE"), "ON_BOARD"),
    (Step("DISC", LADEN, "POTE"), "IN_IMPORT_YARD"),
    (Step("CUSS", LADEN, "POTE"), "CUSTOMS_HOLD"),
    (Step("RMVD", LADEN, "POTE"), "CUSTOMS_HOLD"),
    (Step("INSP", LADEN, "POTE"), "CUSTOMS_HOLD"),
    (Step("RSEA", LADEN, "POTE"), "CUSTOMS_HOLD"),
    (Step("CUSR", LADEN, "POTE"), "RELEASED"),
    (Step("GTOT", LADEN, "POTE"), "LADEN_INLAND_IN"),
    (Step("DROP", LADEN, "CLOC"), "LADEN_AT_CONSIGNEE"),
    (Step("STRP", EMPTY, "CLOC"), "EMPTY_AT_CONSIGNEE"),
    (Step("PICK", EMPTY, "CLOC"), "EMPTY_INLAND_IN"),
    (Step("GTIN", EMPTY, "DEPO"), "EMPTY_IN_DEPOT"),
]


def step(
    code: str, load: bool | None, facility: str | None, mode: str | None, place: str, **more: str
) -> Step:
    """Make a step without a phase, which 2.2 does not have, unless it is given."""
    return Step(code, load, facility, mode=mode, un_location_code=place, **more)


JOURNEYS: dict[str, list[tuple[Step, str]]] = {
    "import of 2.2, without customs": [
        (step("LOAD", LADEN, "POTE", "VESSEL", "CNSHA"), "ON_BOARD"),
        (step("DISC", LADEN, "POTE", "VESSEL", "NLRTM"), "IN_IMPORT_YARD"),
        (step("GTOT", LADEN, "POTE", "TRUCK", "NLRTM"), "LADEN_INLAND_IN"),
        (step("DROP", LADEN, "CLOC", "TRUCK", "NLUTC"), "LADEN_AT_CONSIGNEE"),
        (step("STRP", EMPTY, "CLOC", "TRUCK", "NLUTC"), "EMPTY_AT_CONSIGNEE"),
        (step("PICK", EMPTY, "CLOC", "TRUCK", "NLUTC"), "EMPTY_INLAND_IN"),
        (step("GTIN", EMPTY, "DEPO", "TRUCK", "NLRTM"), "EMPTY_IN_DEPOT"),
    ],
    "export over an inland terminal by rail": [
        (step("GTOT", EMPTY, "DEPO", "TRUCK", "DEDUI"), "EMPTY_OUT"),
        (step("DROP", EMPTY, "CLOC", "TRUCK", "DEESS"), "EMPTY_AT_SHIPPER"),
        (step("STUF", LADEN, "CLOC", None, "DEESS"), "LADEN_AT_SHIPPER"),
        (step("PICK", LADEN, "CLOC", "TRUCK", "DEESS"), "LADEN_INLAND_OUT"),
        (step("GTIN", LADEN, "INTE", "TRUCK", "DEDUI"), "LADEN_INLAND_OUT"),
        (step("LOAD", LADEN, "INTE", "RAIL", "DEDUI"), "LADEN_INLAND_OUT"),
        (step("DISC", LADEN, "POTE", "RAIL", "DEHAM"), "IN_EXPORT_YARD"),
        (step("GTIN", LADEN, "POTE", "RAIL", "DEHAM"), "IN_EXPORT_YARD"),
        (step("LOAD", LADEN, "POTE", "VESSEL", "DEHAM"), "ON_BOARD"),
    ],
    "export over an inland terminal, gated by train": [
        (step("GTIN", LADEN, "INTE", "TRUCK", "DEDUI"), "LADEN_INLAND_OUT"),
        (step("LOAD", LADEN, "INTE", "RAIL", "DEDUI"), "LADEN_INLAND_OUT"),
        (step("GTOT", LADEN, "INTE", "RAIL", "DEDUI"), "LADEN_INLAND_OUT"),
        (step("GTIN", LADEN, "POTE", "RAIL", "DEHAM"), "IN_EXPORT_YARD"),
        (step("DISC", LADEN, "POTE", "RAIL", "DEHAM"), "IN_EXPORT_YARD"),
        (step("LOAD", LADEN, "POTE", "VESSEL", "DEHAM"), "ON_BOARD"),
    ],
    "export by barge": [
        (step("GTIN", LADEN, "INTE", "TRUCK", "DEDUI"), "LADEN_INLAND_OUT"),
        (step("LOAD", LADEN, "INTE", "BARGE", "DEDUI"), "LADEN_INLAND_OUT"),
        (step("DISC", LADEN, "POTE", "BARGE", "NLRTM"), "IN_EXPORT_YARD"),
        (step("LOAD", LADEN, "POTE", "VESSEL", "NLRTM"), "ON_BOARD"),
    ],
    "import over an inland terminal by rail": [
        (step("DISC", LADEN, "POTE", "VESSEL", "DEHAM"), "IN_IMPORT_YARD"),
        (step("LOAD", LADEN, "POTE", "RAIL", "DEHAM"), "LADEN_INLAND_IN"),
        (step("DISC", LADEN, "RAMP", "RAIL", "DEMUN"), "LADEN_INLAND_IN"),
        (step("GTIN", LADEN, "INTE", "RAIL", "DEMUN"), "LADEN_INLAND_IN"),
        (step("GTOT", LADEN, "INTE", "TRUCK", "DEMUN"), "LADEN_INLAND_IN"),
        (step("DROP", LADEN, "CLOC", "TRUCK", "DEAGB"), "LADEN_AT_CONSIGNEE"),
        (step("STRP", EMPTY, "CLOC", None, "DEAGB"), "EMPTY_AT_CONSIGNEE"),
        (step("PICK", EMPTY, "CLOC", "TRUCK", "DEAGB"), "EMPTY_INLAND_IN"),
        (step("GTIN", EMPTY, "INTE", "TRUCK", "DEMUN"), "EMPTY_IN_DEPOT"),
        (step("GTOT", EMPTY, "INTE", "TRUCK", "DEMUN"), "EMPTY_OUT"),
    ],
    "empty repositioning by sea": [
        (step("GTIN", EMPTY, "DEPO", "TRUCK", "NLRTM"), "EMPTY_IN_DEPOT"),
        (step("GTOT", EMPTY, "DEPO", "TRUCK", "NLRTM"), "EMPTY_OUT"),
        (step("GTIN", EMPTY, "POTE", "TRUCK", "NLRTM"), "IN_EXPORT_YARD"),
        (step("LOAD", EMPTY, "POTE", "VESSEL", "NLRTM"), "ON_BOARD"),
        (step("DISC", EMPTY, "POTE", "VESSEL", "CNSHA"), "IN_IMPORT_YARD"),
        (step("GTOT", EMPTY, "POTE", "TRUCK", "CNSHA"), "EMPTY_INLAND_IN"),
        (step("GTIN", EMPTY, "DEPO", "TRUCK", "CNSHA"), "EMPTY_IN_DEPOT"),
        (step("GTOT", EMPTY, "DEPO", "TRUCK", "CNSHA"), "EMPTY_OUT"),
    ],
    "merchant haulage, and a transshipment that 2.2 cannot mark": [
        (step("GTOT", EMPTY, "DEPO", "TRUCK", "KRPUS"), "EMPTY_OUT"),
        (step("GTIN", LADEN, "POTE", "TRUCK", "KRPUS"), "IN_EXPORT_YARD"),
        (step("LOAD", LADEN, "POTE", "VESSEL", "KRPUS"), "ON_BOARD"),
        (step("DISC", LADEN, "POTE", "VESSEL", "SGSIN"), "IN_IMPORT_YARD"),
        (step("LOAD", LADEN, "POTE", "VESSEL", "SGSIN"), "ON_BOARD"),
        (step("DISC", LADEN, "POTE", "VESSEL", "DEHAM"), "IN_IMPORT_YARD"),
        (step("GTOT", LADEN, "POTE", "TRUCK", "DEHAM"), "LADEN_INLAND_IN"),
        (step("GTIN", EMPTY, "DEPO", "TRUCK", "DEHAM"), "EMPTY_IN_DEPOT"),
    ],
    "stuffed in an inland container depot": [
        (step("GTIN", EMPTY, "INTE", "TRUCK", "INTKD"), "EMPTY_IN_DEPOT"),
        (step("LOAD", LADEN, "INTE", "RAIL", "INTKD"), "LADEN_INLAND_OUT"),
        (step("GTIN", LADEN, "POTE", "RAIL", "INNSA"), "IN_EXPORT_YARD"),
        (step("CUSR", LADEN, "POTE", None, "INNSA"), "IN_EXPORT_YARD"),
        (step("LOAD", LADEN, "POTE", "VESSEL", "INNSA"), "ON_BOARD"),
    ],
    "cleared before arrival": [
        (step("LOAD", LADEN, "POTE", "VESSEL", "CNSHA"), "ON_BOARD"),
        (step("CUSR", LADEN, None, None, "USLAX"), "ON_BOARD"),
        (step("DISC", LADEN, "POTE", "VESSEL", "USLAX"), "RELEASED"),
        (step("AVPU", LADEN, "POTE", None, "USLAX"), "RELEASED"),
        (step("LOAD", LADEN, "POTE", "TRUCK", "USLAX"), "LADEN_INLAND_IN"),
        (step("GTOT", LADEN, "POTE", "TRUCK", "USLAX"), "LADEN_INLAND_IN"),
        (step("CROS", LADEN, "BOCR", "TRUCK", "USLRD"), "LADEN_INLAND_IN"),
        (step("GTIN", EMPTY, "POTE", "TRUCK", "USLAX"), "EMPTY_IN_DEPOT"),
        (step("LOAD", EMPTY, "POTE", "VESSEL", "USLAX"), "ON_BOARD"),
    ],
    "a street turn": [
        (step("GTOT", LADEN, "POTE", "TRUCK", "USSAV"), "LADEN_INLAND_IN"),
        (step("DROP", LADEN, "CLOC", "TRUCK", "USATL"), "LADEN_AT_CONSIGNEE"),
        (step("STUF", LADEN, "CLOC", None, "USATL"), "LADEN_AT_SHIPPER"),
        (step("GTIN", LADEN, "POTE", "TRUCK", "USSAV"), "IN_EXPORT_YARD"),
    ],
    "stuffed at two shippers of two towns": [
        (step("GTOT", EMPTY, "DEPO", "TRUCK", "CNSZX"), "EMPTY_OUT"),
        (step("DROP", EMPTY, "CLOC", "TRUCK", "CNSZX"), "EMPTY_AT_SHIPPER"),
        (step("STUF", LADEN, "CLOC", None, "CNSZX"), "LADEN_AT_SHIPPER"),
        (step("PICK", LADEN, "CLOC", "TRUCK", "CNSZX"), "LADEN_INLAND_OUT"),
        (step("DROP", LADEN, "CLOC", "TRUCK", "CNCAN"), "LADEN_AT_SHIPPER"),
        (step("STUF", LADEN, "CLOC", None, "CNCAN"), "LADEN_AT_SHIPPER"),
        (step("PICK", LADEN, "CLOC", "TRUCK", "CNCAN"), "LADEN_INLAND_OUT"),
        (step("GTIN", LADEN, "POTE", "TRUCK", "CNSZX"), "IN_EXPORT_YARD"),
    ],
    "stuffed at a shipper and topped up in a freight station": [
        (step("STUF", LADEN, "CLOC", None, "INTKD"), "LADEN_AT_SHIPPER"),
        (step("GTIN", LADEN, "COFS", "TRUCK", "INNSA"), "LADEN_INLAND_OUT"),
        (step("STUF", LADEN, "COFS", None, "INNSA"), "LADEN_AT_SHIPPER"),
        (step("GTOT", LADEN, "COFS", "TRUCK", "INNSA"), "LADEN_INLAND_OUT"),
    ],
    "scanned for export, and nobody reports the end of the scan": [
        (step("GTIN", LADEN, "POTE", "TRUCK", "KRPUS"), "IN_EXPORT_YARD"),
        (step("CUSS", LADEN, "POTE", None, "KRPUS", phase="EXPORT"), "CUSTOMS_HOLD"),
        (step("LOAD", LADEN, "POTE", "VESSEL", "KRPUS"), "ON_BOARD"),
    ],
    "scanned, and the loading says that it is for export": [
        (step("GTIN", LADEN, "POTE", "TRUCK", "KRPUS"), "IN_EXPORT_YARD"),
        (step("CUSS", LADEN, "POTE", None, "KRPUS"), "CUSTOMS_HOLD"),
        (step("LOAD", LADEN, "POTE", "VESSEL", "KRPUS", phase="EXPORT"), "ON_BOARD"),
    ],
    "two customers of one town, no pick-up reported": [
        (step("GTOT", LADEN, "POTE", "TRUCK", "DEHAM"), "LADEN_INLAND_IN"),
        (step("DROP", LADEN, "CLOC", "TRUCK", "DEHAM"), "LADEN_AT_CONSIGNEE"),
        (step("DROP", LADEN, "CLOC", "TRUCK", "DEHAM"), "LADEN_AT_CONSIGNEE"),
        (step("PICK", EMPTY, "CLOC", "TRUCK", "DEHAM"), "EMPTY_INLAND_IN"),
        (step("PICK", EMPTY, "CLOC", "TRUCK", "DEHAM"), "EMPTY_INLAND_IN"),
        (step("GTIN", EMPTY, "DEPO", "TRUCK", "DEHAM"), "EMPTY_IN_DEPOT"),
    ],
    "two customers of one town, under the terminal of one transport call": [
        (step("DROP", LADEN, "CLOC", "TRUCK", "DEHAM", facility_code="SMDG:CTA"), "LADEN_AT_CONSIGNEE"),
        (step("DROP", LADEN, "CLOC", "TRUCK", "DEHAM", facility_code="SMDG:CTA"), "LADEN_AT_CONSIGNEE"),
    ],
    "two named customers and two named terminals of one town": [
        (step("GTIN", LADEN, "POTE", "TRUCK", "DEHAM", facility_code="SMDG:CTA"), "IN_EXPORT_YARD"),
        (step("GTIN", LADEN, "POTE", "TRUCK", "DEHAM", facility_code="SMDG:CTB"), "IN_EXPORT_YARD"),
        (step("GTOT", LADEN, "POTE", "TRUCK", "DEHAM"), "LADEN_INLAND_OUT"),
        (step("DROP", LADEN, "CLOC", "TRUCK", "DEHAM", facility_code="BIC:DEHAMAAAA"), "LADEN_AT_SHIPPER"),
        (step("DROP", LADEN, "CLOC", "TRUCK", "DEHAM", facility_code="BIC:DEHAMBBBB"), "LADEN_AT_SHIPPER"),
    ],
    "loaded in a port without a mode, discharged from a train": [
        (step("DISC", LADEN, "POTE", "VESSEL", "USLAX"), "IN_IMPORT_YARD"),
        (step("LOAD", LADEN, "POTE", None, "USLAX"), "ON_BOARD"),
        (step("DISC", LADEN, "RAMP", "RAIL", "USCHI"), "LADEN_INLAND_IN"),
        (step("GTOT", LADEN, "RAMP", "TRUCK", "USCHI"), "LADEN_INLAND_IN"),
    ],
    "loaded in a port without a mode, gated in inland": [
        (step("DISC", LADEN, "POTE", "VESSEL", "USLAX"), "IN_IMPORT_YARD"),
        (step("LOAD", LADEN, "POTE", "MULTIMODAL", "USLAX"), "ON_BOARD"),
        (step("GTIN", LADEN, "INTE", "RAIL", "USCHI"), "LADEN_INLAND_OUT"),
    ],
    "loaded in a port on a truck that nobody names": [
        (step("DISC", LADEN, "POTE", "VESSEL", "USLAX"), "IN_IMPORT_YARD"),
        (step("LOAD", LADEN, "POTE", None, "USLAX"), "ON_BOARD"),
        (step("GTOT", LADEN, "POTE", "TRUCK", "USLAX"), "LADEN_INLAND_IN"),
        (step("DROP", LADEN, "CLOC", "TRUCK", "USONT"), "LADEN_AT_CONSIGNEE"),
    ],
    "transshipped from one named vessel to another": [
        (step("LOAD", LADEN, "POTE", "VESSEL", "CNSHA", vessel="9074729"), "ON_BOARD"),
        (step("DISC", LADEN, "POTE", "VESSEL", "SGSIN", vessel="9074729"), "IN_IMPORT_YARD"),
        (step("LOAD", LADEN, "POTE", "VESSEL", "SGSIN", vessel="9321483"), "ON_BOARD"),
        (step("DISC", LADEN, "POTE", "VESSEL", "DEHAM", vessel="9321483"), "IN_IMPORT_YARD"),
    ],
}
"""Ordinary journeys, made from DCSA's definitions of the codes and of the facility types (T&T 2.2 and 3.0)."""

EXAMS: dict[str, list[Step]] = {
    "moved to an examination station, and examined there": [
        step("DISC", LADEN, "POTE", "VESSEL", "USLAX"),
        step("CUSS", LADEN, "POTE", None, "USLAX"),
        step("GTOT", LADEN, "POTE", "TRUCK", "USLAX"),
        step("GTIN", LADEN, "COFS", "TRUCK", "USLAX"),
        step("CUSI", LADEN, "COFS", None, "USLAX"),
        step("CUSR", LADEN, "COFS", None, "USLAX"),
        step("GTOT", LADEN, "COFS", "TRUCK", "USLAX"),
        step("DROP", LADEN, "CLOC", "TRUCK", "USONT"),
    ],
    "selected for inspection, and the station's gate reports nothing": [
        step("CUSI", LADEN, "POTE", None, "USLAX"),
        step("GTOT", LADEN, "POTE", "TRUCK", "USLAX"),
        step("CUSR", LADEN, "OFFD", None, "USLAX"),
        step("DROP", LADEN, "CLOC", "TRUCK", "USONT"),
    ],
    "stripped and stuffed again by the examination, whose gate reports nothing": [
        step("CUSI", LADEN, "POTE", None, "USLAX"),
        step("GTOT", LADEN, "POTE", "TRUCK", "USLAX"),
        step("STRP", EMPTY, "COFS", None, "USLAX"),
        step("STUF", LADEN, "COFS", None, "USLAX"),
        step("CUSR", LADEN, "COFS", None, "USLAX"),
        step("GTOT", LADEN, "COFS", "TRUCK", "USLAX"),
    ],
    "scanned beside the terminal, and back": [
        step("CUSS", LADEN, "POTE", None, "NLRTM"),
        step("GTOT", LADEN, "POTE", "TRUCK", "NLRTM"),
        step("GTIN", LADEN, "POTE", "TRUCK", "NLRTM"),
        step("CUSR", LADEN, "POTE", None, "NLRTM"),
        step("GTOT", LADEN, "POTE", "TRUCK", "NLRTM"),
    ],
    "no facility is named": [
        step("CUSS", LADEN, None, None, "USLAX"),
        step("GTOT", LADEN, None, "TRUCK", "USLAX"),
        step("CUSI", LADEN, None, None, "USLAX"),
        step("CUSR", LADEN, None, None, "USLAX"),
        step("DROP", LADEN, None, "TRUCK", "USONT"),
    ],
    "in bond by rail": [
        step("DISC", LADEN, "POTE", "VESSEL", "USLAX"),
        step("CUSS", LADEN, "POTE", None, "USLAX"),
        step("LOAD", LADEN, "POTE", "RAIL", "USLAX"),
        step("GTOT", LADEN, "POTE", "RAIL", "USLAX"),
        step("DISC", LADEN, "RAMP", "RAIL", "USCHI"),
        step("CUSR", LADEN, "RAMP", None, "USCHI"),
        step("GTOT", LADEN, "RAMP", "TRUCK", "USCHI"),
    ],
}
"""Moves under a hold of customs to where they examine (19 CFR 118) or release (19 CFR 18)."""

DELIVERED_HELD: dict[str, list[Step]] = {
    "dropped at a customer": [
        step("CUSS", LADEN, "POTE", None, "USLAX"),
        step("GTOT", LADEN, "POTE", "TRUCK", "USLAX"),
        step("DROP", LADEN, "CLOC", "TRUCK", "USONT"),
        step("CUSR", LADEN, "OFFD", None, "USLAX"),
    ],
    "stripped at a customer": [
        step("CUSI", LADEN, "POTE", None, "USLAX"),
        step("GTOT", LADEN, "POTE", "TRUCK", "USLAX"),
        step("STRP", EMPTY, "CLOC", None, "USONT"),
        step("GTIN", EMPTY, "DEPO", "TRUCK", "USLAX"),
    ],
    "back empty": [
        step("CUSS", LADEN, "POTE", None, "USLAX"),
        step("GTOT", LADEN, "POTE", "TRUCK", "USLAX"),
        step("GTIN", EMPTY, "DEPO", "TRUCK", "USLAX"),
    ],
    "released where it no longer is": [
        step("CUSI", LADEN, "POTE", None, "USLAX"),
        step("GTOT", LADEN, "POTE", "TRUCK", "USLAX"),
        step("CUSR", LADEN, "POTE", None, "USLAX"),
    ],
}

IMPOSSIBLE_RUNS: dict[str, list[Step]] = {
    "loaded twice": [
        step("LOAD", LADEN, "POTE", "VESSEL", "KRPUS"),
        step("LOAD", LADEN, "POTE", "VESSEL", "KRPUS"),
    ],
    "loaded on a vessel while on a train": [
        step("LOAD", LADEN, "INTE", "RAIL", "DEDUI"),
        step("LOAD", LADEN, "POTE", "VESSEL", "DEHAM"),
    ],
    "loaded on two trucks": [
        step("LOAD", LADEN, "INTE", "TRUCK", "DEDUI"),
        step("LOAD", LADEN, "INTE", "TRUCK", "DEDUI"),
    ],
    "discharged twice": [
        step("DISC", LADEN, "POTE", "VESSEL", "KRPUS"),
        step("DISC", LADEN, "POTE", "VESSEL", "KRPUS"),
    ],
    "discharged from a vessel while on a train": [
        step("LOAD", LADEN, "INTE", "RAIL", "DEDUI"),
        step("DISC", LADEN, "POTE", "VESSEL", "DEHAM"),
    ],
    "discharged from a vessel that never loaded it": [
        step("GTIN", LADEN, "POTE", "TRUCK", "KRPUS"),
        step("DISC", LADEN, "POTE", "VESSEL", "DEHAM"),
    ],
    "loaded on a vessel outside a terminal": [
        step("GTOT", EMPTY, "DEPO", "TRUCK", "KRPUS"),
        step("LOAD", EMPTY, "POTE", "VESSEL", "KRPUS"),
    ],
    "loaded in another port": [
        step("GTIN", LADEN, "POTE", "TRUCK", "KRPUS"),
        step("LOAD", LADEN, "POTE", "VESSEL", "CNSHA"),
    ],
    "gated out from a vessel": [
        step("LOAD", LADEN, "POTE", "VESSEL", "KRPUS"),
        step("GTOT", LADEN, "POTE", "TRUCK", "DEHAM"),
    ],
    "gated in from a vessel": [
        step("LOAD", LADEN, "POTE", "VESSEL", "KRPUS"),
        step("GTIN", LADEN, "POTE", "TRUCK", "DEHAM"),
    ],
    "dropped from a vessel": [
        step("LOAD", LADEN, "POTE", "VESSEL", "KRPUS"),
        step("DROP", LADEN, "CLOC", "TRUCK", "DEHAM"),
    ],
    "gated in twice": [
        step("GTIN", LADEN, "POTE", "TRUCK", "KRPUS"),
        step("GTIN", LADEN, "POTE", "TRUCK", "KRPUS"),
    ],
    "gated out twice": [
        step("GTOT", LADEN, "POTE", "TRUCK", "KRPUS"),
        step("GTOT", LADEN, "POTE", "TRUCK", "KRPUS"),
    ],
    "delivered out of a terminal that it never left": [
        step("DISC", LADEN, "POTE", "VESSEL", "DEHAM"),
        step("DROP", LADEN, "CLOC", "TRUCK", "DEHAM"),
    ],
    "emptied in a terminal": [
        step("GTIN", LADEN, "POTE", "TRUCK", "KRPUS"),
        step("LOAD", EMPTY, "POTE", "VESSEL", "KRPUS"),
    ],
    "filled at sea": [
        step("LOAD", EMPTY, "POTE", "VESSEL", "KRPUS"),
        step("DISC", LADEN, "POTE", "VESSEL", "DEHAM"),
    ],
    "filled in a depot": [
        step("GTIN", EMPTY, "DEPO", "TRUCK", "KRPUS"),
        step("GTOT", LADEN, "DEPO", "TRUCK", "KRPUS"),
    ],
    "stuffed at sea": [
        step("LOAD", EMPTY, "POTE", "VESSEL", "KRPUS"),
        step("STUF", LADEN, "CLOC", None, "KRPUS"),
    ],
    "stuffed while laden": [
        step("GTIN", LADEN, "POTE", "TRUCK", "KRPUS"),
        step("STUF", LADEN, "POTE", None, "KRPUS"),
    ],
    "stripped while empty": [
        step("GTOT", EMPTY, "DEPO", "TRUCK", "KRPUS"),
        step("STRP", EMPTY, "CLOC", None, "KRPUS"),
    ],
    "gated out without a release": [
        step("CUSI", LADEN, "POTE", None, "KRPUS"),
        step("GTOT", LADEN, "POTE", "TRUCK", "KRPUS"),
    ],
    "loaded without a release": [
        step("GTIN", LADEN, "POTE", "TRUCK", "KRPUS"),
        step("CUSS", LADEN, "POTE", None, "KRPUS"),
        step("LOAD", LADEN, "POTE", "VESSEL", "KRPUS"),
    ],
    "loaded for export in spite of an inspection": [
        step("CUSI", LADEN, "POTE", None, "KRPUS", phase="EXPORT"),
        step("CUSS", LADEN, "POTE", None, "KRPUS", phase="EXPORT"),
        step("LOAD", LADEN, "POTE", "VESSEL", "KRPUS", phase="EXPORT"),
    ],
    "discharged from another vessel": [
        step("LOAD", LADEN, "POTE", "VESSEL", "CNSHA", vessel="9074729"),
        step("DISC", LADEN, "POTE", "VESSEL", "USLAX", vessel="9321483"),
    ],
    "discharged from another vessel, no mode named": [
        step("LOAD", LADEN, "POTE", None, "CNSHA", vessel="9074729"),
        step("DISC", LADEN, "POTE", None, "USLAX", vessel="9321483"),
    ],
    "gated out of another port": [
        step("GTIN", LADEN, "POTE", "TRUCK", "KRPUS"),
        step("GTOT", LADEN, "POTE", "TRUCK", "NLRTM"),
    ],
    "loaded on a train of another place": [
        step("GTIN", LADEN, "POTE", "TRUCK", "KRPUS"),
        step("LOAD", LADEN, "RAMP", "RAIL", "USCHI"),
    ],
    "loaded on a barge of another place": [
        step("GTIN", EMPTY, "DEPO", "TRUCK", "DEDUI"),
        step("LOAD", EMPTY, "INTE", "BARGE", "NLRTM"),
    ],
    "dropped twice at one named customer": [
        step("DROP", LADEN, "CLOC", "TRUCK", "DEHAM", facility_code="BIC:DEHAMAAAA"),
        step("DROP", LADEN, "CLOC", "TRUCK", "DEHAM", facility_code="BIC:DEHAMAAAA"),
    ],
    "gated out of the terminal of a named vessel": [
        step("LOAD", LADEN, "POTE", None, "KRPUS", vessel="9074729"),
        step("GTOT", LADEN, "POTE", "TRUCK", "DEHAM"),
    ],
    "stuffed in a depot while laden": [
        step("GTIN", LADEN, "DEPO", "TRUCK", "KRPUS"),
        step("STUF", LADEN, "DEPO", None, "KRPUS"),
    ],
}


def entry(hour: int, code: str = "LOAD", **fields: object) -> EquipmentEvent:
    """Make an event, some hours after the start."""
    told = {
        "occurred_at": hour * HOUR_US,
        "name": f"{code}-{hour}",
        "updated_at": 1,
        "actual": True,
        "retracted": False,
        "code": code,
        "empty": LADEN,
        "facility": "POTE",
        "phase": None,
        "mode": None,
        "un_location_code": "KRPUS",
        "vessel": None,
        "seals": [],
        **fields,
    }
    return EquipmentEvent(**{"event_id": f"{told['name']}@{told['updated_at']}", **told})  # type: ignore[arg-type]


def events_of(steps: list[Step], every_h: int = 1) -> list[EquipmentEvent]:
    """Make the events of a journey, a fixed number of hours apart."""
    return [
        entry(
            100 + number * every_h,
            each.code,
            name=f"{each.code}-{number}",
            **{name: value for name, value in each._asdict().items() if name != "code"},
            seals=["A1"],
        )
        for number, each in enumerate(steps)
    ]


def changes(entries: list[EquipmentEvent], history: History | None = None) -> tuple[History, list[Change]]:
    """Let events count one after the other, the memory spelled as JSON in between."""
    history, found = history or History(), []
    for each in entries:
        change = apply_event(History.from_value(json.loads(json.dumps(history.to_value()))), each)
        history = change.history
        found.append(change)
    return history, found


def fold(
    entries: list[EquipmentEvent], history: History | None = None
) -> tuple[History, list[ContainerStatus | None]]:
    """Let events count one after the other; take what became of the container."""
    history, found = changes(entries, history)
    return history, [each.status for each in found]


def in_force(found: list[Change]) -> list[EventFinding]:
    """Take what was raised and not withdrawn."""
    left: list[EventFinding] = []
    for change in found:
        left = [each for each in left if each not in change.withdrawn] + list(change.raised)
    return left


def test_the_whole_round_is_legal() -> None:
    """Every row of the table, one after the other, from the depot back to the depot."""
    position = Position(YARD, empty=EMPTY, facility="DEPO")
    assert position.state == "EMPTY_IN_DEPOT"
    for each, expected in ROUND:
        position, problem = transition(position, each)
        assert (position.state, problem) == (expected, None), each


@pytest.mark.parametrize("name", JOURNEYS)
def test_an_ordinary_journey_raises_nothing(name: str) -> None:
    """Facility, mode and load are part of each step; codes that a carrier does not report are not missed."""
    position = Position()
    for each, expected in JOURNEYS[name]:
        position, problem = transition(position, each)
        assert (position.state, problem) == (expected, None), each


@pytest.mark.parametrize("name", JOURNEYS)
def test_a_journey_may_begin_anywhere(name: str) -> None:
    """A recording that begins in the middle raises nothing either."""
    steps = [each for each, _ in JOURNEYS[name]]
    for begin in range(len(steps)):
        assert in_force(changes(events_of(steps[begin:]))[1]) == []


@given(st.sampled_from(sorted(JOURNEYS)), st.integers(0, 10**6), st.booleans(), st.data())
def test_a_journey_raises_nothing_in_any_order(
    name: str, seed: int, by_day: bool, data: st.DataObject
) -> None:
    """Late, repeated (with and without an id), corrected; estimates before and after; days instead of hours."""
    chance = random.Random(seed)
    run = events_of([each for each, _ in JOURNEYS[name]], every_h=7)
    wanted = fold(run)[0].status().state
    sent = list(run)
    for each in run:
        what = data.draw(
            st.sampled_from(["once", "again", "without id", "planned", "estimated", "corrected"])
        )
        if what == "again":
            sent.append(each)
        elif what == "without id":
            sent.append(each._replace(name=f"other-{each.name}", event_id=f"other-{each.name}"))
        elif what in ("planned", "estimated"):
            late = each._replace(actual=False, occurred_at=each.occurred_at + 50 * HOUR_US, updated_at=0)
            sent.append(late._replace(event_id=f"{what}-{each.name}"))
        elif what == "corrected":
            wrong = each._replace(occurred_at=each.occurred_at + 30 * HOUR_US, updated_at=0)
            sent.append(wrong._replace(event_id=f"wrong-{each.name}"))
    chance.shuffle(sent)
    if by_day:
        day = 24 * HOUR_US
        sent = [each._replace(occurred_at=each.occurred_at // day * day) for each in sent]
        sent = [each for each in sent if each.updated_at]
    history, found = changes(sent)
    assert in_force(found) == []
    assert list(history.raised) == []
    assert history.status().illegal == 0
    assert by_day or history.status().state == wanted


@pytest.mark.parametrize("name", IMPOSSIBLE_RUNS)
def test_the_impossible_is_raised(name: str) -> None:
    """Whatever the order in which the events came; and the last event is believed."""
    run = events_of(IMPOSSIBLE_RUNS[name])
    for order in (run, run[::-1]):
        history, found = changes(order)
        assert [each.kind for each in in_force(found)] == [IMPOSSIBLE]
        assert in_force(found)[0].event_id == run[-1].event_id
        assert history.status().illegal == 1
        assert not history.status().legal


@pytest.mark.parametrize("name", EXAMS)
@pytest.mark.parametrize("seed", range(8))
def test_a_hold_may_be_examined_elsewhere(name: str, seed: int) -> None:
    """Whatever the order in which the events came, none is in force at the end."""
    run = events_of(EXAMS[name])
    sent = [*run, random.Random(seed).choice(run)]
    if seed:
        random.Random(seed).shuffle(sent)
    history, found = changes(sent)
    assert in_force(found) == []
    assert (list(history.raised), history.status().illegal) == ([], 0)
    assert history.status() == changes(run)[0].status()


@pytest.mark.parametrize("name", DELIVERED_HELD)
def test_a_delivery_under_a_hold_stays_raised(name: str) -> None:
    """The event that left the yard contradicts, not the delivery."""
    run = events_of(DELIVERED_HELD[name])
    for order in (run, run[::-1]):
        history, found = changes(order)
        assert [each.event_id for each in in_force(found)] == [run[1].event_id]
        assert history.status().illegal == 1


def test_what_leaves_under_a_hold_is_raised_until_it_arrives() -> None:
    """The alarm is withdrawn by the station's gate, which is no late event."""
    run = events_of(EXAMS["moved to an examination station, and examined there"])
    _, found = changes(run)
    raised = [(number, each.event_id) for number, change in enumerate(found) for each in change.raised]
    withdrawn = [(number, each.event_id) for number, change in enumerate(found) for each in change.withdrawn]
    assert (raised, withdrawn) == ([(2, run[2].event_id)], [(3, run[2].event_id)])


@pytest.mark.parametrize("by_day", [False, True])
def test_a_hold_that_is_settled_can_still_be_explained(by_day: bool) -> None:
    """More events than are kept lie between the gate and the station."""
    hold, out = entry(1, "CUSI"), entry(2, "GTOT")
    between = [
        entry(3 + number // (2 if by_day else 1), "INSP", name=f"{number:04}", un_location_code=f"KR{number}")
        for number in range(KEPT + 5)
    ]
    history, found = changes([hold, out, *between])
    assert [each.event_id for each in in_force(found)] == [out.event_id]
    arrived = apply_event(history, entry(900, "GTIN", facility="COFS"))
    assert [each.event_id for each in arrived.withdrawn] == [out.event_id]
    assert arrived.status
    assert (arrived.status.illegal, list(arrived.history.raised)) == (0, [])


def test_an_alarm_whose_words_have_changed_is_withdrawn_too() -> None:
    """It keeps the words with which it was raised, though an event that came later changes the state before it."""
    hold, fact, out = entry(1, "CUSI"), entry(2, "GTIN", facility="COFS"), entry(3, "GTOT", facility="COFS")
    arrived = entry(4, "GTIN", facility="OFFD")
    _, found = changes([out, hold, fact._replace(phase="IMPORT"), arrived])
    assert in_force(found) == []
    _, found = changes([hold, out, entry(1, "DROP", facility="CLOC", mode="RAIL"), arrived])
    assert in_force(found) == []


def test_a_misspelt_vessel_is_no_other_vessel() -> None:
    """A number whose check digit fails is an anomaly of its own, and names no ship."""
    aboard = transition(Position(), step("LOAD", LADEN, "POTE", "VESSEL", "CNSHA", vessel="9074729")).position
    for number, possible in (("9074729", True), ("9074720", True), ("0974729", True), ("9321483", False)):
        found = transition(aboard, step("DISC", LADEN, "POTE", "VESSEL", "DEHAM", vessel=number))
        assert (found.problem is None) == possible


def test_drops_of_one_day_at_two_facilities_are_two() -> None:
    """Facility codes of one list tell them apart; a code of another list may name the same facility."""
    one = entry(1, "DROP", facility="CLOC", facility_code="BIC:DEHAMAAAA", name="one", event_id="one")
    other = one._replace(facility_code="BIC:DEHAMBBBB", name="other", event_id="other")
    same = one._replace(facility_code="SMDG:AAA", name="same", event_id="same")
    assert changes([one, other])[0].status().events == 2
    assert changes([one, same])[0].status().events == 1


@pytest.mark.parametrize("code", ["AVPU", "AVDO", "CROS"])
def test_what_only_tells_moves_nothing(code: str) -> None:
    """Availability and a border say nothing of custody."""
    position = Position(YARD, "GTIN", facility="POTE", leg=EXPORT)
    assert transition(position, Step(code, EMPTY, "BOCR")) == (position, None)


@pytest.mark.parametrize("code", ["INSP", "RSEA", "RMVD", "CUSS", "CUSI", "CUSR"])
def test_seals_and_customs_may_come_anywhere(code: str) -> None:
    """Before arrival, inland, on export."""
    for where, mode in itertools.product((YARD, ROAD, CUSTOMER, "ABOARD"), (None, VESSEL, "RAIL")):
        assert transition(Position(where, "GTIN", mode), Step(code, LADEN)).problem is None


def test_a_rail_load_is_not_on_board() -> None:
    """Only a vessel is."""
    for mode, expected in (
        ("VESSEL", "ON_BOARD"),
        ("RAIL", "LADEN_INLAND_OUT"),
        ("TRUCK", "LADEN_INLAND_OUT"),
    ):
        found = transition(Position(), Step("LOAD", LADEN, "INTE", "EXPORT", mode))
        assert found.position.state == expected


def test_the_first_event_is_no_jump() -> None:
    """Where nothing is known, nothing can contradict."""
    found = transition(Position(), Step("CUSR", LADEN))
    assert (found.position.state, found.problem) == ("RELEASED", None)
    assert transition(Position(customs=HELD), Step("CUSR", LADEN)).position.state == "RELEASED"


def test_a_late_event_is_put_in_its_place() -> None:
    """CUSR arrives after GTOT: the alarm is withdrawn once the release is there."""
    hold, release, out = entry(1, "CUSI"), entry(2, "CUSR"), entry(3, "GTOT")
    _, (_, jump, mended) = changes([hold, out, release])
    assert jump.status
    assert (jump.status.state, jump.status.legal, jump.status.illegal) == ("LADEN_INLAND_IN", False, 1)
    assert [(each.event_id, each.kind) for each in jump.raised] == [(out.event_id, IMPOSSIBLE)]
    assert mended.status
    assert (mended.status.state, mended.status.legal, mended.status.illegal) == ("LADEN_INLAND_IN", True, 0)
    assert (mended.flags, mended.raised, mended.withdrawn) == ((LATE,), (), jump.raised)


def test_what_a_late_event_contradicts_is_raised() -> None:
    """A LOAD that comes late makes a later LOAD impossible, and the cause is the later one."""
    first, second = events_of(IMPOSSIBLE_RUNS["loaded twice"])
    _, (_, late) = changes([second, first])
    assert [(each.event_id, each.occurred_at) for each in late.raised] == [
        (second.event_id, second.occurred_at)
    ]


def test_a_retraction_takes_the_event_away() -> None:
    """The state is that of the events that remain, and no later version of it counts."""
    disc, release = entry(1, "DISC"), entry(2, "CUSR")
    gone = release._replace(retracted=True, updated_at=2, event_id="gone")
    history, found = fold([disc, release])
    change = apply_event(history, gone)
    assert found[1]
    assert found[1].state == "RELEASED"
    assert change.status
    assert (change.status.state, change.status.events, change.flags) == ("IN_IMPORT_YARD", 1, (RETRACTED,))
    history, _ = fold([disc, release, gone])
    assert apply_event(history, release._replace(updated_at=9, event_id="again")).status is None
    first = gone._replace(actual=False)
    assert fold([first, disc, release])[0].status().state == "IN_IMPORT_YARD"


def test_a_newer_version_replaces_an_older_one() -> None:
    """The same eventID told later counts, an older or equal one does not; an estimate voids what was actual."""
    disc = entry(1, "DISC")
    history, _ = fold([disc])
    newer = disc._replace(phase="TRANSSHIPMENT", updated_at=5, event_id="newer")
    history, status, flags, *_ = apply_event(history, newer)
    assert status
    assert (status.state, status.events, flags) == ("IN_TRANSHIP_YARD", 1, (REPLACED,))
    assert apply_event(history, disc).status is None
    estimate = newer._replace(actual=False, updated_at=6, event_id="estimate")
    history, status, flags, *_ = apply_event(history, estimate)
    assert status
    assert (status.state, status.events, flags) == ("UNKNOWN", 0, (REPLACED,))
    assert apply_event(history, newer._replace(updated_at=7, event_id="actual")).status


def test_a_repeat_under_another_id_counts_once() -> None:
    """Carrier and terminal report one loading; a second one at another time is another loading."""
    load = entry(1, "LOAD", mode="VESSEL")
    again = load._replace(name="terminal", event_id="terminal", mode=None, facility=None)
    history, (_, repeat) = changes([load, again])
    assert repeat.flags == (REPEATED,)
    assert (history.status().events, history.status().illegal) == (1, 0)
    later = again._replace(name="later", event_id="later", occurred_at=again.occurred_at + 1)
    assert changes([load, later])[0].status().illegal == 1


def test_stuffing_without_a_seal_shows() -> None:
    """A seal number belongs to stuffing; removing it forgets it, stripping too."""
    _, (unsealed,) = changes([entry(1, "STUF", facility="CLOC")])
    assert [each.kind for each in unsealed.raised] == [UNSEALED]
    _, (sealed, opened) = changes([entry(1, "STUF", facility="CLOC", seals=["A1"]), entry(2, "RMVD")])
    assert sealed.raised == ()
    assert sealed.status
    assert list(sealed.status.seals) == ["A1"]
    assert opened.status
    assert list(opened.status.seals) == []


def test_no_more_events_are_kept_than_can_be_mended() -> None:
    """Older ones are settled: they count, what they showed stays, and nothing older comes in any more."""
    codes = itertools.cycle(["LOAD", "DISC"])
    run = [entry(hour, code) for hour, code in zip(range(10, 300), codes, strict=False)]
    history, found = changes([run[0], *(run[2:])])
    assert len(history.events) == KEPT
    assert found[-1].status
    assert (found[-1].status.events, found[-1].status.illegal) == (289, 1)
    assert [each.event_id for each in in_force(found)] == [run[2].event_id]
    assert list(history.raised) == []
    late = apply_event(history, entry(1, "GTIN"))
    assert (late.status, late.history.too_late) == (None, 1)


def test_events_of_one_instant_are_settled_together() -> None:
    """A day of more events than are kept leaves none behind, and the memory restarts from it."""
    day = [
        entry(1, "INSP", name=f"{number:04}", un_location_code=f"KR{number}") for number in range(KEPT + 1)
    ]
    history, _ = fold(day)
    assert (list(history.events), history.settled.events) == ([], KEPT + 1)
    assert apply_event(history, entry(2, "GTIN")).status


codes = st.sampled_from(sorted({step.code for step, _ in ROUND} | {"AVPU", "CROS"}))
entries = st.builds(
    lambda hour, code, empty, told, actual, mode, facility: entry(
        hour, code, empty=empty, updated_at=told, actual=actual, mode=mode, facility=facility
    ),
    st.integers(0, 30),
    codes,
    st.sampled_from([True, False, None]),
    st.integers(1, 3),
    st.sampled_from([True, True, True, False]),
    st.sampled_from(["VESSEL", "RAIL", "TRUCK", None]),
    st.sampled_from(["POTE", "POTE", "COFS", "CLOC", None]),
)


@given(st.lists(entries, max_size=20))
def test_sending_everything_again_says_nothing_new(run: list[EquipmentEvent]) -> None:
    """A whole run delivered a second time is known from beginning to end, unless an estimate came before its actual."""
    known: dict[str, EquipmentEvent] = {}
    for each in run:
        known.setdefault(each.name, each)
    run = [each for each in run if each.actual or known[each.name].actual]
    history, _ = fold(run)
    again, found = fold(run, history)
    assert found == [None] * len(run)
    assert again.to_value() == history.to_value()


@given(st.lists(entries, max_size=12, unique_by=lambda each: each.name), st.integers(0, 10**6))
def test_in_whatever_order_events_come_the_end_is_the_same(run: list[EquipmentEvent], seed: int) -> None:
    """Only when they happened matters, for the state and for what is in force."""
    mixed = list(run)
    random.Random(seed).shuffle(mixed)
    one, other = changes(mixed), changes(run)
    assert one[0].status() == other[0].status()
    for history, found in (one, other):
        last = next((each.status for each in reversed(found) if each.status), history.status())
        assert last == history.status()
        assert history.latest in (None, last)
    assert {each[::2] for each in in_force(one[1])} == {each[::2] for each in in_force(other[1])}
    assert {each[::2] for each in one[0].raised} == {each[::2] for each in in_force(one[1])}
