"""The metric emitter sends what changed, repeats what did not, and sends nothing while paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.platform_events.metric_emitter import REPEAT_S, REPORT_S, Emitter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INTERVAL_S = 5.0


class Collector:
    """A sender that keeps what it gets."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, float]] = []
        self.flushes = 0

    def send(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        """Keep one metric under its name and labels."""
        self.sent.append((" ".join([name, *labels.values()]), value))

    def flush(self) -> None:
        """Count the call."""
        self.flushes += 1

    def take(self) -> list[tuple[str, float]]:
        """Return what was sent since the last call."""
        sent, self.sent = self.sent, []
        return sent


class Bench:
    """An emitter with a clock that the test moves."""

    def __init__(self, paused: Path) -> None:
        self.now = 1000.0
        self.collector = Collector()
        self.emit = Emitter(self.collector, paused, INTERVAL_S, clock=lambda: self.now)

    def tick(self, **values: float) -> list[tuple[str, float]]:
        """Set values, let one interval pass, and return what was sent."""
        for name, value in values.items():
            self.emit(name, value)
        self.now += INTERVAL_S
        count = self.emit.tick()
        sent = self.collector.take()
        assert count == len(sent)
        return sent


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """An emitter over a directory without a pause file."""
    return Bench(tmp_path / "paused")


def test_only_the_last_value_of_an_interval_is_sent(bench: Bench) -> None:
    """Values that were replaced within the interval are not sent."""
    bench.emit("lag", 1)
    assert bench.tick(lag=2) == [("lag", 2)]


def test_a_value_that_changes_is_sent_every_interval(bench: Bench) -> None:
    """Each new value is one event."""
    assert [bench.tick(lag=n) for n in range(3)] == [[("lag", n)] for n in range(3)]


def test_the_same_name_with_other_labels_is_another_value(bench: Bench) -> None:
    """Labels tell values apart."""
    bench.emit("lag", 0, {"topic": "a"})
    bench.emit("lag", 0, {"topic": "b"})
    assert bench.tick() == [("lag a", 0), ("lag b", 0)]


def test_an_unchanged_value_is_repeated_once_a_minute(bench: Bench) -> None:
    """In ten minutes a constant value beside a changing one is sent ten times, not 120 times."""
    bench.tick(lag=0, done=-1)
    sent = [name for n in range(int(600 / INTERVAL_S)) for name, _ in bench.tick(lag=0, done=n)]
    assert sent.count("lag") == 600 / REPEAT_S
    assert sent.count("done") == 600 / INTERVAL_S


def test_a_process_at_rest_reports_every_fifteen_seconds(bench: Bench) -> None:
    """With constant values only, no pause between two events is longer than `REPORT_S`."""
    values = {f"m{n}": 0.0 for n in range(40)}
    bench.tick(**values)
    times = [bench.now for _ in range(100) if bench.tick(**values)]
    pauses = [after - before for before, after in zip([1005.0, *times], times, strict=False)]
    assert max(pauses) <= REPORT_S


def test_a_process_that_sets_nothing_sends_nothing(bench: Bench) -> None:
    """A value that nobody sets any more is not repeated: the emitter does not know whether it still holds."""
    bench.tick(lag=3)
    assert not any(bench.tick() for _ in range(100))


def test_a_value_that_is_no_number_counts_as_changed(bench: Bench) -> None:
    """NaN is unlike itself; it is sent each time rather than never."""
    bench.tick(lag=float("nan"))
    assert len(bench.tick(lag=float("nan"))) == 1


def test_while_paused_nothing_is_sent_and_the_change_is_not_lost(bench: Bench, tmp_path: Path) -> None:
    """What was set during the pause is dropped; the next set value is compared with what was really sent."""
    bench.tick(lag=1)
    (tmp_path / "paused").touch()
    assert bench.tick(lag=2) == []
    (tmp_path / "paused").unlink()
    assert bench.tick(lag=2) == [("lag", 2)]
