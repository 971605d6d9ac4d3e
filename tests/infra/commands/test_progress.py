"""A long command is never silent for more than ten seconds, and its stdout has the result alone."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from infra.admin import produce
from infra.commands import backup, demo, ledger, progress, records, tables
from infra.commands.progress import EVERY_S, Progress
from infra.recovery.counted import counted
from streams.replay.input import InputReport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Screen(io.StringIO):
    """A stderr that is a terminal, or is not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._terminal


class Clock:
    """Seconds that are set by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_without_a_terminal_there_is_a_plain_line_every_ten_seconds() -> None:
    """Also while one step lasts; never a control character; nothing at all of what is done at once."""
    screen, clock = Screen(terminal=False), Clock()
    shown = Progress("replay", screen, clock)
    shown("reading through the files")
    for second in range(1, 36):
        clock.now = second
        if second == 15:
            shown("file 3 of 505, 12,000 records")
        shown.tick()
    assert screen.getvalue().splitlines() == [
        "replay: reading through the files (10 s)",
        "replay: file 3 of 505, 12,000 records (20 s)",
        "replay: file 3 of 505, 12,000 records (30 s)",
    ]
    assert EVERY_S == 10


def test_on_a_terminal_one_line_is_written_over_and_removed() -> None:
    """It is there at once, goes on while one step lasts, and leaves room for other output."""
    screen, clock = Screen(terminal=True), Clock()
    shown = Progress("backup", screen, clock)
    shown("copying file 1 of 9")
    shown("copying file 2 of 9")  # too soon after the other
    clock.now = 3
    shown.tick()
    shown.clear()
    shown.clear()
    lines = screen.getvalue().split("\r\x1b[K")
    assert lines == ["", "backup: copying file 1 of 9 (0 s)", "backup: copying file 2 of 9 (3 s)", ""]
    assert "\n" not in screen.getvalue()


def test_other_output_counts_as_a_line() -> None:
    """`city demo` prints its own steps: only what lasts longer than ten seconds gets a line."""
    screen, clock = Screen(terminal=False), Clock()
    shown = Progress("demo", screen, clock)
    for second in range(30):
        clock.now = second
        if second % 8 == 0:
            shown.clear("$ city up")
        shown.tick()
    assert screen.getvalue() == ""
    clock.now = 34
    shown.tick()
    assert screen.getvalue() == "demo: $ city up (34 s)\n"


def test_a_stderr_that_is_closed_does_not_end_the_work() -> None:
    """Nobody reads it any more; the copy goes on."""
    screen, clock = Screen(terminal=False), Clock()
    shown = Progress("backup", screen, clock)
    screen.close()
    shown("copying")
    clock.now = 20
    shown.tick()


def test_a_replay_says_its_file_and_its_records() -> None:
    """File n of m, and how many records."""
    reports = [InputReport(f"{n}.csv", "f", "d", read=n * 500) for n in (3, 1)]
    reports += [InputReport("later.csv", "f", "d")]
    assert produce.how_far(reports) == "file 2 of 3, 2,000 records"
    assert produce.how_far([]) == "file 0 of 0, 0 records"


def test_files_are_counted_before_each_is_taken() -> None:
    """A backup and a restore say which file they are at."""
    said: list[str] = []
    for name in counted(["a", "b"], "copying file", said.append):
        said += [name]
    assert said == ["copying file 1 of 2", "a", "copying file 2 of 2", "b"]


def test_the_result_of_a_slow_replay_is_alone_on_stdout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Progress goes to stderr, so what reads the JSON reads it whole."""

    def slow(*_: Any, progress: Callable[[str], None], **__: Any) -> dict[str, Any]:
        for number in range(3):
            progress(f"file {number} of 3, 0 records")
            ticked[-1].tick()
        return {"a.csv": {"read": 3}}

    ticked: list[Progress] = []

    class Hasty(Progress):
        """A progress whose every tick is ten seconds after the one before."""

        def __init__(self, command: str) -> None:
            clock = iter(range(0, 10_000, 10))
            super().__init__(command, clock=lambda: next(clock))
            ticked.append(self)

    monkeypatch.setattr(progress, "Progress", Hasty)
    monkeypatch.setattr(produce, "replay_reports", slow)
    monkeypatch.setattr(records, "running", lambda *_: None)
    (tmp_path / "a.csv").write_text("x")
    done = CliRunner().invoke(records.replay, [str(tmp_path / "a.csv")])
    assert json.loads(done.stdout) == {"a.csv": {"read": 3}}
    assert "replay: file 2 of 3, 0 records (" in done.stderr


@pytest.mark.parametrize("module", [backup, demo, ledger, records, tables])
def test_every_long_command_shows_its_progress(module: Any) -> None:
    """By the one helper."""
    assert {"shown_progress", "ticking"} & vars(module).keys()
