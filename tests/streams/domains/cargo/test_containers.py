"""The round of a container: every row of the table, jumps, late events, corrections, and what holds for any run."""

from __future__ import annotations

import itertools
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.cargo.container_history import (
    KEPT,
    LATE,
    REPLACED,
    RETRACTED,
    ContainerStatus,
    EquipmentEvent,
    History,
    apply_event,
)
from streams.domains.cargo.containers import Step, transition

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


def entry(hour: int, code: str = "LOAD", **fields: object) -> EquipmentEvent:
    """Make an event, some hours after the start."""
    told = {
        "occurred_at": hour * HOUR_US,
        "name": f"{code}-{hour}",
        "updated_at": 1,
        "retracted": False,
        "code": code,
        "empty": LADEN,
        "facility": "POTE",
        "phase": None,
        "un_location_code": "KRPUS",
        "vessel": None,
        "seals": [],
        **fields,
    }
    return EquipmentEvent(**{"event_id": f"{told['name']}@{told['updated_at']}", **told})  # type: ignore[arg-type]


def fold(
    entries: list[EquipmentEvent], history: History | None = None
) -> tuple[History, list[ContainerStatus | None]]:
    """Let events count one after the other, the memory spelled as JSON in between."""
    history, found = history or History(), []
    for each in entries:
        history, status, _ = apply_event(History.from_value(json.loads(json.dumps(history.to_value()))), each)
        found.append(status)
    return history, found


def test_the_whole_round_is_legal() -> None:
    """Every row of the table, one after the other, from the depot back to the depot."""
    state = "EMPTY_IN_DEPOT"
    for step, expected in ROUND:
        found = transition(state, step)
        assert (found.state, found.legal) == (expected, True), step
        state = found.state


@pytest.mark.parametrize("code", ["AVPU", "AVDO", "CROS"])
def test_what_only_tells_moves_nothing(code: str) -> None:
    """Availability and a border say nothing of custody."""
    found = transition("RELEASED", Step(code, LADEN))
    assert (found.state, found.legal, found.moved) == ("RELEASED", True, False)


@pytest.mark.parametrize(
    ("state", "step", "expected"),
    [
        ("EMPTY_OUT", Step("LOAD", EMPTY), "ON_BOARD"),
        ("CUSTOMS_HOLD", Step("GTOT", LADEN), "LADEN_INLAND_IN"),
        ("IN_IMPORT_YARD", Step("GTOT", LADEN), "LADEN_INLAND_IN"),
        ("ON_BOARD", Step("LOAD", LADEN), "ON_BOARD"),
        ("LADEN_INLAND_OUT", Step("GTIN", EMPTY, "POTE"), "EMPTY_IN_DEPOT"),
    ],
)
def test_a_jump_is_marked_and_believed(state: str, step: Step, expected: str) -> None:
    """The container is taken to be where the event says, and the event is not legal."""
    found = transition(state, step)
    assert (found.state, found.legal) == (expected, False)


def test_the_first_event_is_no_jump() -> None:
    """Where nothing is known, nothing can contradict."""
    assert transition("UNKNOWN", Step("CUSR", LADEN)) == ("RELEASED", True, True)


def test_a_late_event_is_put_in_its_place() -> None:
    """CUSR arrives after GTOT: the jump is gone once the release is there."""
    disc, release, out = entry(1, "DISC"), entry(2, "CUSR"), entry(3, "GTOT")
    _, (first, jump, mended) = fold([disc, out, release])
    assert first
    assert jump
    assert mended
    assert (jump.state, jump.legal, jump.illegal) == ("LADEN_INLAND_IN", False, 1)
    assert (mended.state, mended.legal, mended.illegal) == ("LADEN_INLAND_IN", True, 0)
    history, _ = fold([disc, out])
    assert apply_event(history, release)[2] == (LATE,)


def test_a_retraction_takes_the_event_away() -> None:
    """The state is that of the events that remain, and no later version of it counts."""
    disc, release = entry(1, "DISC"), entry(2, "CUSR")
    gone = release._replace(retracted=True, updated_at=2, event_id="gone")
    history, found = fold([disc, release])
    _, status, flags = apply_event(history, gone)
    assert found[1]
    assert found[1].state == "RELEASED"
    assert status
    assert (status.state, status.events, flags) == ("IN_IMPORT_YARD", 1, (RETRACTED,))
    history, _ = fold([disc, release, gone])
    assert apply_event(history, release._replace(updated_at=9, event_id="again"))[1] is None


def test_a_newer_version_replaces_an_older_one() -> None:
    """The same eventID told later counts, an older or equal one does not."""
    disc = entry(1, "DISC")
    history, _ = fold([disc])
    newer = disc._replace(phase="TRANSSHIPMENT", updated_at=5, event_id="newer")
    history, status, flags = apply_event(history, newer)
    assert status
    assert (status.state, status.events, flags) == ("IN_TRANSHIP_YARD", 1, (REPLACED,))
    assert apply_event(history, disc)[1] is None


def test_stuffing_without_a_seal_shows() -> None:
    """A seal number belongs to stuffing; removing it forgets it, stripping too."""
    _, (unsealed,) = fold([entry(1, "STUF")])
    _, (sealed, opened) = fold([entry(1, "STUF", seals=["A1"]), entry(2, "RMVD")])
    assert unsealed
    assert unsealed.unsealed
    assert sealed
    assert (sealed.unsealed, list(sealed.seals)) == (False, ["A1"])
    assert opened
    assert list(opened.seals) == []


def test_no_more_events_are_kept_than_can_be_mended() -> None:
    """Older ones are settled: they count, but nothing older comes in any more."""
    history, found = fold(
        [
            entry(hour, code)
            for hour, code in zip(range(10, 300), itertools.cycle(["LOAD", "DISC"]), strict=False)
        ]
    )
    assert len(history.events) == KEPT
    assert found[-1]
    assert found[-1].events == 290
    late, status, _ = apply_event(history, entry(1, "GTIN"))
    assert (status, late.too_late) == (None, 1)


codes = st.sampled_from(sorted({step.code for step, _ in ROUND} | {"AVPU", "CROS"}))
entries = st.builds(
    lambda hour, code, empty, told: entry(hour, code, empty=empty, updated_at=told),
    st.integers(0, 30),
    codes,
    st.sampled_from([True, False, None]),
    st.integers(1, 3),
)


@given(st.lists(entries, max_size=20))
def test_sending_everything_again_says_nothing_new(run: list[EquipmentEvent]) -> None:
    """A whole run delivered a second time is known from beginning to end."""
    history, _ = fold(run)
    again, found = fold(run, history)
    assert found == [None] * len(run)
    assert again.to_value() == history.to_value()


@given(st.lists(entries, max_size=12, unique_by=lambda each: each.name), st.integers(0, 10**6))
def test_in_whatever_order_events_come_the_end_is_the_same(run: list[EquipmentEvent], seed: int) -> None:
    """Only when they happened matters."""
    mixed = list(run)
    random.Random(seed).shuffle(mixed)
    assert fold(mixed)[0].status() == fold(run)[0].status()
