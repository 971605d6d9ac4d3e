"""Tracks of ships: distances, jumps, shared identities, and repeats."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.cargo.vessels import Finding, Track, apply_position, distance_nm


def report(second: int, latitude: float, longitude: float, **fields: Any) -> dict[str, Any]:
    """Make a position report."""
    return {"occurred_at": second * 1_000_000, "latitude": latitude, "longitude": longitude, **fields}


def findings(*reports: dict[str, Any]) -> list[Finding]:
    """Follow a ship, and tell what cannot be."""
    track: Track | None = None
    found: list[Finding] = []
    for each in reports:
        track, more = apply_position(track, each)
        found += more
    return found


def test_a_degree_of_latitude_is_sixty_miles() -> None:
    """A nautical mile is a minute of latitude, to a tenth of a percent."""
    assert distance_nm((35.0, 129.0), (36.0, 129.0)) == pytest.approx(60.04, abs=0.01)
    assert distance_nm((0.0, 179.9), (0.0, -179.9)) == pytest.approx(12.008, abs=0.01)


def test_a_ship_faster_than_fifty_knots_jumped() -> None:
    """One degree in half an hour is 120 kn."""
    (found,) = findings(report(0, 35.0, 129.0), report(1800, 36.0, 129.0))
    assert (found.kind, found.unit) == ("VESSEL_JUMP", "kn")
    assert found.value == pytest.approx(120.1, abs=0.1)


def test_a_fast_ferry_and_a_trembling_receiver_are_no_jumps() -> None:
    """40 kn over an hour; a few metres in a second."""
    assert findings(report(0, 35.0, 129.0), report(3600, 35.6666, 129.0)) == []
    assert findings(report(0, 35.0, 129.0), report(1, 35.0004, 129.0)) == []


def test_two_places_at_once_are_two_ships() -> None:
    """The same second, five miles apart."""
    (found,) = findings(report(7, 35.0, 129.0), report(7, 35.1, 129.0))
    assert found.kind == "DUPLICATE_MMSI"


def test_another_imo_number_is_another_ship() -> None:
    """Under one MMSI; a report without a number says nothing."""
    first, silent, other = (
        report(at, 35.0, 129.0, imo=imo) for at, imo in ((0, "9321483"), (5, None), (9, "9074729"))
    )
    assert [each.kind for each in findings(first, silent, other)] == ["DUPLICATE_MMSI"]


def test_what_has_no_time_or_place_is_not_judged() -> None:
    """No position, or a log without a clock."""
    untimed = report(0, 35.0, 129.0, flags=["NO_TIME"])
    nowhere = {"occurred_at": 3_000_000, "latitude": None, "longitude": None}
    assert findings(report(0, 10.0, 10.0), untimed, nowhere, report(4, 10.0, 10.0)) == []


reports = st.builds(report, st.integers(0, 20), st.floats(-90, 90), st.floats(-180, 180))


@given(st.lists(reports, max_size=15))
def test_a_track_never_goes_back(run: list[dict[str, Any]]) -> None:
    """Late reports change nothing; the newest time only grows."""
    track: Track | None = None
    for each in run:
        before = track
        track, _ = apply_position(track, each)
        assert track is not None
        assert before is None or track.occurred_at >= before.occurred_at
        if before is not None and each["occurred_at"] <= before.occurred_at:
            assert track == before
