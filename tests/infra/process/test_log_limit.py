"""A statement that logs without end writes a few lines, and how many more there were."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

import pytest

from infra.process.log_limit import BURST, LimitedHandler

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """Stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock at zero."""
    return Clock()


@pytest.fixture
def output() -> io.StringIO:
    """What was written."""
    return io.StringIO()


@pytest.fixture
def logger(clock: Clock, output: io.StringIO) -> Iterator[logging.Logger]:
    """A logger whose only handler is limited."""
    made = logging.getLogger("tests.limited")
    made.propagate = False
    handler = LimitedHandler(output, clock=clock)
    made.addHandler(handler)
    yield made
    made.removeHandler(handler)
    handler.close()


def test_a_storm_of_one_statement_is_counted(
    logger: logging.Logger, clock: Clock, output: io.StringIO
) -> None:
    """Texts that differ in their values count as the same; another statement is not touched."""
    for n in range(10_000):
        logger.warning("peer %d hung up", n)
    logger.warning("another line")
    lines = output.getvalue().splitlines()
    assert len(lines) == BURST + 1
    assert lines[-1] == "another line"
    clock.now = 1.0
    logger.handlers[0].say_left_out()  # type: ignore[attr-defined]
    assert output.getvalue().splitlines()[-1].startswith("9,980 more lines like this (test_log_limit.py:")


def test_the_next_line_says_what_was_left_out_before_it(
    logger: logging.Logger, clock: Clock, output: io.StringIO
) -> None:
    """One line a second comes through, with the count of those before."""
    for n in range(BURST + 7):
        if n == BURST + 6:
            clock.now = 1.5
        logger.warning("line %d", n)
    assert output.getvalue().splitlines()[-2:] == [
        output.getvalue().splitlines()[-2],
        f"line {BURST + 6}",
    ]
    assert output.getvalue().splitlines()[-2].startswith("6 more lines like this")


def test_the_end_says_what_was_left_out(logger: logging.Logger, output: io.StringIO) -> None:
    """A process that ends in a storm leaves its count."""
    for n in range(BURST + 3):
        logger.warning("line %d", n)
    logger.handlers[0].close()
    assert output.getvalue().splitlines()[-1].startswith("3 more lines like this")
