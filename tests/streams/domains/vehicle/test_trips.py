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


def test_without_a_speed_of_the_vehicle_the_receiver_tells_the_distance() -> None:
    """Its speed, else its positions: a GPX track has no other; the vehicle's own speed goes before both."""
    places = [
        {"current_location_latitude": 37.0 + n / 1000, "current_location_longitude": 127.0} for n in range(11)
    ]
    (path,) = trips(signals((n * 10, place) for n, place in enumerate(places)))
    assert path["distance_km"] == pytest.approx(10 * 0.1111949, rel=1e-4)
    assert path["mean_speed"] == pytest.approx(0.01 * 111.1949 / 100 * 3600, rel=1e-4)
    assert (path["max_speed"], path["standing_s"]) == (None, 0.0)
    (ground,) = trips(signals((n * 10, {**place, "gnss_speed": 36.0}) for n, place in enumerate(places)))
    assert (ground["distance_km"], ground["max_speed"]) == (pytest.approx(1.0), 36.0)
    drive = [{**place, "gnss_speed": 36.0, "speed": 72.0} for place in places]
    (own,) = trips(signals((n * 10, each) for n, each in enumerate(drive)))
    assert (own["distance_km"], own["max_speed"]) == (pytest.approx(2.0), 72.0)


def test_steps_of_more_than_a_minute_are_no_distance() -> None:
    """Nor across the date line more than the way is."""
    far = {"current_location_latitude": 38.0, "current_location_longitude": 127.0}
    near = {"current_location_latitude": 37.0, "current_location_longitude": 127.0}
    assert [trip["distance_km"] for trip in trips(signals([(0, near), (61, far)]))] == [0.0]
    line = [
        {"current_location_latitude": 0.0, "current_location_longitude": at} for at in (179.999, -179.999)
    ]
    (trip,) = trips(signals(enumerate(line)))
    assert trip["distance_km"] == pytest.approx(0.2224, rel=1e-3)


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


@pytest.mark.parametrize("last", [90.0, 89.95, 3.0, 0.0])
def test_a_closing_signal_that_is_not_newer_closes_the_open_trip(last: float) -> None:
    """At the last signal that was kept: the time told twice, 50 ms back, or far back."""
    events = speeds(*((n * 10.0, 36.0) for n in range(10)), (last, 36.0))
    (trip,) = trips(events)
    assert (trip["ended_by"], trip["signals"], trip["duration_s"]) == ("RECORDING_ENDED", 10, 90.0)
    assert trip["distance_km"] == pytest.approx(0.9)
    assert trip["last_id"] == events[9]["event_id"]


def test_a_reversed_track_is_a_trip() -> None:
    """Of the one signal that no other precedes."""
    (trip,) = trips(speeds((20, 36.0), (10, 36.0), (0, 36.0)))
    assert (trip["signals"], trip["ended_by"]) == (1, "RECORDING_ENDED")


def test_the_ignition_that_was_switched_off_before_a_trip_does_not_close_it() -> None:
    """It comes late, and belongs to a trip that silence closed; one during the trip does."""
    drive = [(0.0, 36.0), (10.0, 36.0), (400.0, 36.0), (410.0, 36.0), (15.0, 0.0), (420.0, 36.0)]
    events = speeds(*drive)
    events[4]["ends"] = "IGNITION_OFF"
    assert [trip["signals"] for trip in trips(events)] == [2, 3]
    late = speeds(*drive[:4], (405.0, 0.0))
    late[4]["ends"] = "IGNITION_OFF"
    assert [trip["ended_by"] for trip in trips(late)] == ["SILENCE", "IGNITION_OFF"]


def test_a_repeat_of_a_closing_signal_closes_no_later_trip() -> None:
    """Neither of one that was newer, nor of one that was not."""
    first = speeds((0, 36.0), (10, 36.0), (9.9, 36.0))
    second = speeds((20, 36.0), (30, 36.0), (40, 36.0))
    for repeated in (first, first[:2]):
        closing = [*repeated[:-1], {**repeated[-1], "ends": "IGNITION_OFF"}]
        found = trips([*closing, *second[:2], closing[-1], *second[2:]])
        assert [trip["signals"] for trip in found] == [2, 3]


def test_a_signal_out_of_order_is_left_out() -> None:
    """One time in the future would end the trip and silence all that follows."""
    events = speeds(*((n * 10.0, 36.0) for n in range(10)))
    (future,) = signals([(7_168 * 86_400, {"speed": 36.0, "flags": ["OUT_OF_ORDER"]})], ended=False)
    (trip,) = trips([*events[:4], future, *events[4:]])
    assert (trip["signals"], trip["duration_s"]) == (10, 90.0)
    assert trips([future, *events])[0] == trip


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
