"""A thread that ends is never taken for one that rests: the main thread raises it, and the process ends."""

from __future__ import annotations

import logging

import pytest

from ledger_sink.errors import ClockDoubtedError, LedgerError, SetupError
from ledger_sink.sealing.background import PeriodicThread
from tests.harness.waiting import eventually


def fails_with(thread: PeriodicThread) -> LedgerError | None:
    """Return what the main thread would raise now."""
    try:
        thread.raise_failure()
    except LedgerError as error:
        return error
    return None


@pytest.mark.parametrize(
    "error",
    [SetupError("another key"), ValueError("lost"), SystemExit(3), KeyboardInterrupt(), MemoryError()],
)
def test_whatever_ends_a_thread_is_raised_by_the_main_thread(error: BaseException) -> None:
    """Known errors, unknown ones, and those that Python does not count among exceptions."""

    def step() -> None:
        raise error

    thread = PeriodicThread("ledger-city-log", step, 0.01)
    thread.start()
    assert eventually(lambda: fails_with(thread), "the failure is seen")


def test_a_thread_that_was_finished_is_no_failure() -> None:
    """It ended because it was asked to."""
    thread = PeriodicThread("ledger-publisher", lambda: None, 0.01)
    thread.start()
    assert thread.finish()
    assert fails_with(thread) is None


def test_an_error_that_lasts_is_logged_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that is waited for over hours does not fill the log."""
    monkeypatch.setattr("ledger_sink.sealing.background.RETRY_S", 0.0)
    calls: list[int] = []

    def step() -> None:
        calls.append(1)
        raise ClockDoubtedError("the city log waits for the clock")

    thread = PeriodicThread("ledger-city-log", step, 0.001)
    with caplog.at_level(logging.WARNING):
        thread.start()
        eventually(lambda: len(calls) > 5, "it is tried again")
        thread.finish(last_pass=False)
    assert caplog.text.count("waits for the clock") == 1
