"""Clocks that jump: no block far ahead of the steady clock or the witnesses, and a wait that says until when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from ledger_sink.city_log.block_clock import (
    HOLD_S,
    STEP_S,
    ClockReading,
    Decision,
    PeerClock,
    Reference,
    decide,
    needs_peers,
    utc,
)
from ledger_sink.city_log.step import CityLogStep
from ledger_sink.config import LedgerConfig
from ledger_sink.errors import ClockDoubtedError
from ledger_sink.format.block import Block
from ledger_sink.log.name import LogName
from ledger_sink.log.reasons import REFUSED, STOPPED, WAITING, Waiting, read_reason
from ledger_sink.prove.record import advice
from ledger_sink.store import MemoryStore
from tests.ledger_sink import naive
from tests.ledger_sink.city_log.test_writer import grow
from tests.ledger_sink.worlds import CITY, World, files_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

T0 = 1_800_000_000_000
DAY_MS = 86_400_000
START = Reference("boot", 100.0, T0)


def reading(after_s: float, wrong_ms: int = 0, boot: str = "boot") -> ClockReading:
    """Both clocks some seconds after T0, the first of them wrong by so much."""
    return ClockReading(T0 + int(after_s * 1000) + wrong_ms, 100.0 + after_s, boot)


def until(decision: Decision) -> str:
    """Return until when a decision waits; it does wait."""
    assert decision.waiting is not None
    return decision.waiting.until


def test_a_clock_that_runs_as_the_steady_one_is_taken() -> None:
    """For days, with the drift of a disciplined clock, and with the small steps of one."""
    for after_s, wrong_ms in ((0.0, 0), (86_400.0, 40_000), (864_000.0, -30_000), (5.0, 59_000)):
        assert decide(reading(after_s, wrong_ms), START, T0 - 1).waiting is None


def test_a_clock_a_day_ahead_waits_and_goes_on_at_once_when_it_is_right_again() -> None:
    """Nothing of the wrong time is kept."""
    doubted = decide(reading(10, DAY_MS), START, T0 + 9000)
    assert until(doubted) == utc(T0 + DAY_MS + 10_000 + HOLD_S * 1000)
    again = decide(reading(11), doubted.reference, T0 + 9000)
    assert (again.waiting, again.reference) == (None, START)


def test_a_step_ahead_that_nobody_denies_is_taken_as_right_after_an_hour() -> None:
    """A machine whose clock was set right by hand goes on by itself; the hour counts from the step."""
    doubted = decide(reading(10, DAY_MS), START, T0)
    later = decide(reading(10 + HOLD_S - 1, DAY_MS), doubted.reference, T0)
    assert later.waiting is not None
    taken = decide(reading(10 + HOLD_S, DAY_MS), later.reference, T0)
    assert taken.waiting is None
    assert decide(reading(11 + HOLD_S, DAY_MS), taken.reference, T0).waiting is None


def test_the_doubt_outlives_the_process_but_not_the_boot() -> None:
    """The steady clock goes on through a restart of the process; after one of the machine nothing is known."""
    kept = Reference.parse(decide(reading(10, DAY_MS), START, T0).reference.encode())
    assert decide(reading(20, DAY_MS), kept, T0).waiting is not None
    assert decide(reading(20, DAY_MS, boot="next"), kept, T0).waiting is None


def test_a_clock_that_stepped_back_waits_until_the_last_block() -> None:
    """Exactly until then; and the step that puts it right is not taken for a jump ahead."""
    stepped = decide(reading(10, -DAY_MS), START, T0 + 9000)
    assert until(stepped) == utc(T0 + 9000)
    assert decide(reading(500, -490_000), stepped.reference, T0 + 9000).waiting is None
    assert decide(reading(20), stepped.reference, T0 + 9000).waiting is None


@pytest.mark.parametrize("remote", [True, False])
def test_peers_that_deny_the_first_reading_are_believed(remote: bool) -> None:
    """A process that starts with a wrong clock has no steady one yet, but witnesses."""
    first = reading(0, DAY_MS)
    assert needs_peers(first, None)
    peer = PeerClock("witness:1", T0, remote)
    denied = decide(first, None, 0, [peer])
    assert until(denied) == ("" if remote else utc(T0 + DAY_MS + HOLD_S * 1000))
    assert denied.reference.ahead_s(first) > STEP_S
    assert decide(reading(5), denied.reference, 0).waiting is None


def test_only_another_machine_confirms_a_step() -> None:
    """A witness on this machine has our clock."""
    ahead = reading(10, DAY_MS)
    here, there = (PeerClock("w", ahead.wall_ms, remote) for remote in (False, True))
    assert decide(ahead, START, T0, [here]).waiting is not None
    assert decide(ahead, START, T0, [there]).waiting is None
    denying = [there, PeerClock("x", T0, remote=True), PeerClock("y", T0, remote=True)]
    late = decide(reading(10 + 2 * HOLD_S, DAY_MS), START, T0, denying)
    assert until(late) == ""


@dataclass
class Clocks:
    """Clocks that a test sets."""

    reading: ClockReading = field(default_factory=lambda: reading(0))

    def read(self) -> ClockReading:
        """Return what is set."""
        return self.reading

    def no_peers(self, _urls: Iterable[str]) -> list[PeerClock]:
        """No witness answers."""
        return []


def step_of(world: World, clocks: Clocks, folder: Path) -> CityLogStep:
    """The city log's step over a world, with these clocks and without witnesses."""
    config = LedgerConfig(folder, city=CITY)
    return CityLogStep(
        config, world.store, world.signer.sign, lambda *_: None, clock=clocks.read, peers=clocks.no_peers
    )


def block_times(store: MemoryStore, size: int) -> Sequence[int]:
    """Return the time of every block."""
    return [Block.parse(entry).time_ms for entry in naive.entries_in(files_in(store), "city/1", size)]


def test_the_city_log_makes_no_block_of_a_doubted_time_and_says_so(tmp_path: Path) -> None:
    """Ahead, restarted, right again: every block has a true time, and the reason stands beside the log meanwhile."""
    store, clocks = MemoryStore(), Clocks()
    world = World(store)
    grow(world, 0, 5)
    step = step_of(world, clocks, tmp_path)
    step()
    grow(world, 0, 6)
    clocks.reading = reading(10, DAY_MS)
    with pytest.raises(ClockDoubtedError, match="the city log waits for the clock until"):
        step()
    assert Waiting.parse(read_reason(store, "city/1", WAITING)).until
    said = advice(store, LogName(CITY, "air.reading", 0, 1))
    assert said.startswith("the city log waits for the clock until ")
    step.close()
    again = step_of(world, clocks, tmp_path)
    with pytest.raises(ClockDoubtedError):
        again()
    clocks.reading = reading(20)
    again()
    assert read_reason(store, "city/1", WAITING) == ""
    assert block_times(store, 2) == [T0, T0 + 20_000]
    assert "wait a few seconds" in advice(store, LogName(CITY, "air.reading", 0, 1))


def test_a_damaged_city_log_leaves_its_reason_until_it_opens_again(tmp_path: Path) -> None:
    """`stopped.txt` beside it, as for every log; a repaired one removes it."""
    store, clocks = MemoryStore(), Clocks()
    world = World(store)
    grow(world, 0, 5)
    step = step_of(world, clocks, tmp_path)
    step()
    step.close()
    whole = store.files["city/1/state.json"]
    store.files["city/1/state.json"] = whole.replace(b"1", b"2", 1)
    assert step_of(world, clocks, tmp_path).stopped
    assert "state.json" in read_reason(store, "city/1", STOPPED)
    assert "the city log has stopped" in advice(store, LogName(CITY, "air.reading", 0, 1))
    store.files["city/1/state.json"] = whole
    step_of(world, clocks, tmp_path)
    assert read_reason(store, "city/1", STOPPED) == ""


def test_a_log_that_the_city_log_refuses_has_the_reason_beside_it(tmp_path: Path) -> None:
    """Until the city log opens again and finds it well."""
    store, clocks = MemoryStore(), Clocks()
    world = World(store)
    grow(world, 0, 5)
    older = store.files["air.reading/0/1/checkpoint"]
    grow(world, 0, 9)
    whole = store.files["air.reading/0/1/checkpoint"]
    step = step_of(world, clocks, tmp_path)
    step()
    store.files["air.reading/0/1/checkpoint"] = older
    step()
    assert "rolled back" in read_reason(store, "air.reading/0/1", REFUSED)
    assert "the city log refuses its log" in advice(store, LogName(CITY, "air.reading", 0, 1))
    store.files["air.reading/0/1/checkpoint"] = whole
    step.close()
    step_of(world, clocks, tmp_path)()
    assert read_reason(store, "air.reading/0/1", REFUSED) == ""
