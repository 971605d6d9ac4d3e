"""The rules on their topic: the scenario's crash, the recordings, and that only a vehicle's own order matters."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.vehicle import crash_scenario
from streams.domains.vehicle.agents import ACCIDENT, HARD_BRAKING, TRIP
from streams.readers.formats import Accepted
from streams.replay.recordings import bundled, bundled_scenarios, content, find
from tests.properties import fewer
from tests.streams.domains.vehicle.drive import recorded, run, signals

(SCENARIO,) = bundled_scenarios("vehicle")
OVERRIDES = {"DEDICATED_CONTROL", "OVERRIDE_STEERING", "OVERRIDE_ACCELERATOR", "OVERRIDE_BRAKE"}


def occurrences() -> list[dict[str, Any]]:
    """Read the scenario's DSSAD records."""
    (found,) = find([SCENARIO])
    assert found.format is not None
    with content(found) as stream:
        drafts = [
            item.drafts[0] for item in found.format.read(stream) if isinstance(item, Accepted) and item.drafts
        ]
    return [
        {**draft.fields, "at": draft.occurred_at} for draft in drafts if draft.topic == crash_scenario.DSSAD
    ]


def test_the_scenario_is_what_its_generator_makes() -> None:
    """The committed file, byte for byte; the seed is fixed."""
    assert SCENARIO.read_text(encoding="utf-8") == crash_scenario.text()


def test_the_scenarios_crash_fires_with_its_facts() -> None:
    """One accident: 33 km/h from the front left, serious, air bag, under automation; and one trip."""
    sent = run(recorded(SCENARIO))
    (accident,) = [each.event for each in sent if each.topic == ACCIDENT]
    x, y = crash_scenario.DELTA_V_KMH
    assert accident["delta_v_longitudinal"] == pytest.approx(x, abs=0.5)
    assert accident["delta_v_lateral"] == pytest.approx(y, abs=0.5)
    assert accident["severity"] == "SERIOUS"
    assert (accident["pdof_clock"], accident["restraint"], accident["coarse"]) == (11, True, False)
    assert (accident["speed_before"], accident["autonomy_level"]) == (34.6, "SAE_3_DISENGAGING")
    begin_us = 1_772_438_400_000_000
    assert abs(accident["occurred_at"] - begin_us - crash_scenario.HIT_AT_MS * 1000) <= 20_000
    (braking,) = [each.event for each in sent if each.topic == HARD_BRAKING]
    assert braking["peak_deceleration"] == pytest.approx(crash_scenario.BRAKING_M_S2)
    (trip,) = [each.event for each in sent if each.topic == TRIP]
    assert trip["ended_by"] == "IGNITION_OFF"
    assert len(sent) == 3
    assert {each.headers["simulated"] for each in sent} == {b"true"}
    assert all(each.event["source"].startswith("scenario:") for each in sent)


def test_the_scenarios_dssad_records_keep_to_un_r157() -> None:
    """Whole seconds, an order for equal ones, reasons only where they belong, steps that may follow one another."""
    found = occurrences()
    assert [each["sequence"] for each in found] == list(range(1, len(found) + 1))
    assert [each["at"] for each in found] == sorted(each["at"] for each in found)
    assert all(each["at"] % 1_000_000 == 0 for each in found)
    assert all(re.fullmatch(r"[+-]\d\d:\d\d", each["utc_offset"]) for each in found)
    for each in found:
        reason, occurrence = each["reason"], each["occurrence"]
        assert (reason is not None) == (occurrence in ("DEACTIVATION", "TRANSITION_DEMAND"))
        assert (reason in OVERRIDES) == (occurrence == "DEACTIVATION")
    names = [each["occurrence"] for each in found]
    assert names[0] == "ACTIVATION"
    assert names.index("EMERGENCY_MANOEUVRE_STARTED") < names.index("COLLISION_DETECTED")
    assert names.index("SEVERE_VEHICLE_FAILURE") < names.index("MINIMUM_RISK_MANOEUVRE")
    (braking,) = run(recorded(SCENARIO), HARD_BRAKING)
    assert braking.event["peak_deceleration"] > 5.0


def test_the_recordings_have_no_crash() -> None:
    """Ordinary drives: a trip each, now and then a hard braking, never an accident."""
    sent = [each for path in bundled("vehicle") for each in run(recorded(path))]
    assert [each.topic for each in sent].count(TRIP) == 3
    assert [each.topic for each in sent].count(HARD_BRAKING) == 1
    assert {each.topic for each in sent} == {TRIP, HARD_BRAKING}


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_batches_change_nothing(batch_size: int) -> None:
    """State that was written and read back: the same events and bytes."""
    events = recorded(SCENARIO)
    assert run(events, batch_size=batch_size) == run(events)


def test_repeats_change_nothing() -> None:
    """The tail twice, as a killed replay sends it; every event twice; everything twice."""
    events = recorded(SCENARIO)
    once = {sent.value for sent in run(events)}
    for repeated in ([*events, *events[-50:]], [e for e in events for _ in range(2)], events * 2):
        assert {sent.value for sent in run(repeated)} == once


@fewer(times=4)
@given(
    drive=st.lists(
        st.tuples(
            st.sampled_from([-400.0, -5.0, -0.05, 0.0, 0.05, 0.5, 1.0, 5.0, 40.0, 400.0]),
            st.sampled_from([0.0, 20.0, 45.0, 90.0]),
            st.sampled_from([None, None, None, "IGNITION_OFF", "RECORDING_ENDED"]),
            st.sampled_from([None, None, -200.0, 0.0]),
        ),
        max_size=25,
    ),
    cuts=st.tuples(st.integers(0, 25), st.integers(0, 25)),
)
def test_repeats_change_nothing_in_any_order(
    drive: list[tuple[float, float, str | None, float | None]], cuts: tuple[int, int]
) -> None:
    """Times that go back and closing signals anywhere: each twice, any part again, all again."""
    at, samples = 1_000.0, list[tuple[float, dict[str, Any]]]()
    for step, speed, ends, acceleration in drive:
        at += step
        samples.append((at, {"speed": speed, "ends": ends, "acceleration_longitudinal": acceleration}))
    events, (back, stop) = signals(samples, ended=False), sorted(cuts)
    once = {sent.value for sent in run(events)}
    assert {sent.value for sent in run(events, batch_size=3)} == once
    again = [*events[:stop], *events[back:]]
    for repeated in (again, [event for event in events for _ in range(2)], events * 2):
        assert {sent.value for sent in run(repeated)} == once


def test_vehicles_and_recordings_do_not_touch_each_other() -> None:
    """Two vehicles mixed, as other partition counts would have it: the same events and bytes."""
    tracks = [path for path in bundled("vehicle") if path.name.startswith("envirocar")]
    one, other = recorded(SCENARIO), recorded(tracks[0])
    mixed = [event for pair in zip(one, other, strict=False) for event in pair]
    mixed += one[len(other) :] + other[len(one) :]
    assert {each.value for each in run(mixed)} == {each.value for each in [*run(one), *run(other)]}
