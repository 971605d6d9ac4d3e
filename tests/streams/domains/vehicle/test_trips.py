"""Trips: their sums, what closes them, and the length that enviroCar itself tells."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from streams.domains.vehicle.agents import TRIP
from streams.replay.recordings import bundled
from tests.recordings import whole
from tests.streams.domains.vehicle.drive import BEGIN_US, recorded, run, signals, speeds

TRACKS = [path for path in bundled("vehicle") if path.name.startswith("envirocar")]


def trips(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tell the trips of some signals."""
    return [sent.event for sent in run(events, TRIP)]


def test_an_hour_at_60_kmh_is_60_km() -> None:
    """Distance is the integral of speed; fuel likewise."""
    drive = {"speed": 60.0, "fuel_consumption": 5.0}
    (trip,) = trips(signals((n * 10, drive) for n in range(361)))
    assert trip["distance_km"] == pytest.approx(60.0)
    assert trip["fuel_l"] == pytest.approx(5.0)
    assert trip["co2_kg"] is None
    assert (trip["duration_s"], trip["max_speed"], trip["mean_speed"]) == (3600.0, 60.0, pytest.approx(60.0))
    assert (trip["started_at"], trip["occurred_at"]) == (BEGIN_US, BEGIN_US + 3_600_000_000)
    assert (trip["signals"], trip["ended_by"]) == (361, "RECORDING_ENDED")


def test_standing_is_told() -> None:
    """Steps at less than 1 km/h."""
    (trip,) = trips(speeds((0, 20.0), (10, 0.0), (20, 0.0), (30, 0.9), (40, 20.0)))
    assert trip["standing_s"] == 20.0


def test_silence_of_more_than_5_minutes_closes_a_trip() -> None:
    """It ends where it was last heard of; the same whatever comes behind."""
    first = [(0.0, 50.0), (10.0, 50.0)]
    found = trips(speeds(*first, (400, 50.0), (410, 50.0)))
    assert [trip["ended_by"] for trip in found] == ["SILENCE", "RECORDING_ENDED"]
    assert found[0]["occurred_at"] == BEGIN_US + 10_000_000
    other = trips(speeds(*first, (900, 10.0)))
    assert other[0]["event_id"] == found[0]["event_id"]


def test_switching_the_ignition_off_closes_a_trip_and_the_next_one_begins() -> None:
    """Two trips in one recording."""
    events = speeds((0, 50.0), (10, 0.0), (20, 50.0), (30, 0.0))
    events[1]["ends"] = "IGNITION_OFF"
    assert [trip["ended_by"] for trip in trips(events)] == ["IGNITION_OFF", "RECORDING_ENDED"]


def test_repeats_behind_the_closing_signal_open_no_trip() -> None:
    """A replay that was killed sends its tail again."""
    events = speeds((0, 50.0), (10, 40.0), (20, 0.0))
    assert len(trips([*events, *events])) == 1


def test_without_a_closing_signal_there_is_no_trip_yet() -> None:
    """Nothing is told too early."""
    assert trips(signals([(0, {"speed": 10.0}), (10, {"speed": 10.0})], ended=False)) == []


def check_distance(path: Path) -> None:
    """Compare a track's trip with what the track tells of itself."""
    raw = path.read_bytes()
    told = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    (trip,) = trips(recorded(path))
    assert trip["distance_km"] == pytest.approx(told["properties"]["length"], rel=0.02)
    assert trip["signals"] == len(told["features"])
    assert trip["ended_by"] == "RECORDING_ENDED"


@pytest.mark.parametrize("path", TRACKS, ids=lambda path: path.name)
def test_the_distance_of_a_track_is_the_one_that_envirocar_tells(path: Path) -> None:
    """Within 2 % of the length in the track's own properties, which comes from its positions."""
    check_distance(path)


@pytest.mark.nightly
def test_the_distances_of_all_tracks_are_those_that_envirocar_tells() -> None:
    """Two cars, petrol and diesel, of which the diesel tells other phenomenons."""
    tracks = whole("vehicle/envirocar", "*.json")
    assert len(tracks) == 8
    for path in tracks:
        check_distance(path)
