"""Identities of AIS stations by the forms of ITU-R M.585, and what they are counted as."""

from __future__ import annotations

from typing import Any

import pyais
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyais.util import get_country, is_auxiliary_craft

from streams.domains.cargo import ais_message, mmsi
from streams.domains.cargo.vessels import apply_position


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("440348000", mmsi.VESSEL),
        ("201000001", mmsi.VESSEL),
        ("775999999", mmsi.VESSEL),
        ("550123456", mmsi.VESSEL),
        ("638123456", mmsi.VESSEL),
        ("002190064", mmsi.COAST_STATION),
        ("003669999", mmsi.COAST_STATION),
        ("009990000", mmsi.COAST_STATION),
        ("036699999", mmsi.GROUP),
        ("111232511", mmsi.SAR_AIRCRAFT),
        ("992351000", mmsi.AID_TO_NAVIGATION),
        ("983191049", mmsi.AUXILIARY),
        ("823500001", mmsi.HANDHELD),
        ("970010119", mmsi.SAR_TRANSMITTER),
        ("972122932", mmsi.MAN_OVERBOARD),
        ("974052001", mmsi.EPIRB),
        ("979123456", mmsi.AUTONOMOUS),
    ],
)
def test_a_number_has_the_form_of_its_station(number: str, kind: str) -> None:
    """One for each form, the coast guard's own among them, and the borders of the assigned MIDs."""
    assert mmsi.kind_of(number) == kind
    assert mmsi.mmsi_problem(number) == ("MMSI_FORM" if kind == mmsi.GROUP else None)


@pytest.mark.parametrize(
    "number",
    [
        *(digit * 9 for digit in "0123456789"),
        "123456789", "987654321", "012345678", "234567890", "001193046", "1193046", "200000000", "222123456",
        "800000000", "111000000", "111111222", "990000001", "980000001", "971123456", "973123456", "978123456",
        "100000001", "12345678", "1234567890", "", "44034800A", "٤٤٠٣٤٨٠٠٠", "440 348 00",
    ],
)  # fmt: skip
def test_a_placeholder_or_impossible_number_is_flagged(number: str) -> None:
    """Repeated digits, digits in order, no assigned MID, no such prefix, another length, no ASCII digits."""
    assert mmsi.mmsi_problem(number) == "MMSI_FORM"


@given(st.integers(0, 999_999_999))
def test_ships_and_auxiliary_craft_are_those_of_pyais(number: int) -> None:
    """A ship is a number whose country pyais knows; an auxiliary craft begins with 98."""
    kind = mmsi.kind_of(f"{number:09d}")
    if 200_000_000 <= number < 800_000_000 and number // 10**6 not in (550, 638):
        assert (kind == mmsi.VESSEL) == (get_country(number) != ("NA", "Unknown"))
    assert kind != mmsi.AUXILIARY or is_auxiliary_craft(number)


def fields(kind: int, number: int, **values: Any) -> dict[str, Any]:
    """Encode a message with pyais and read it."""
    lines = pyais.encode_dict({"msg_type": kind, "mmsi": number, "lat": 55.0, "lon": 11.0, **values})
    return ais_message.fields_of(ais_message.decode([each.encode() for each in lines]), "A")[1]


@pytest.mark.parametrize(
    ("kind", "number", "station"),
    [
        (1, 440348000, "VESSEL"),
        (18, 338123456, "VESSEL"),
        (1, 123456789, "VESSEL"),
        (1, 983191049, "AUXILIARY_CRAFT"),
        (4, 2190064, "BASE_STATION"),
        (4, 219000111, "BASE_STATION"),
        (9, 111232511, "SAR_AIRCRAFT"),
        (9, 232000001, "SAR_AIRCRAFT"),
        (1, 111232511, "SAR_AIRCRAFT"),
        (21, 992351000, "AID_TO_NAVIGATION"),
        (1, 970010119, "SAR_TRANSMITTER"),
        (1, 972122932, "MAN_OVERBOARD"),
        (1, 974052001, "EPIRB"),
    ],
)
def test_a_position_names_the_kind_of_its_station(kind: int, number: int, station: str) -> None:
    """By message type, else by the number."""
    found = fields(kind, number)
    assert (found["station"], found["message_type"]) == (station, kind)


@pytest.mark.parametrize(("kind", "number"), [(9, 111232511), (4, 2190064), (21, 992351000), (1, 974052001)])
def test_a_station_that_is_no_vessel_never_jumps(kind: int, number: int) -> None:
    """An aircraft makes 120 kn and more; with or without the field that the first schema version lacked."""
    for report in (fields(kind, number), {k: v for k, v in fields(kind, number).items() if k != "station"}):
        first, _ = apply_position(None, {**report, "occurred_at": 0})
        _, found = apply_position(first, {**report, "latitude": 56.0, "occurred_at": 60_000_000})
        assert found == []


def test_a_vessel_of_the_same_track_jumps() -> None:
    """One degree in a minute."""
    report = fields(1, 219000111)
    first, _ = apply_position(None, {**report, "occurred_at": 0})
    _, found = apply_position(first, {**report, "latitude": 56.0, "occurred_at": 60_000_000})
    assert [each.kind for each in found] == ["VESSEL_JUMP"]
