"""SQL over `platform.metric`: the newest figures of the processes that report, and the processes that do not.

A figure that does not change is sent seldom, but each process sends some figure every 15 s (docs/counts.md#metrics).
So a process reports if any of its figures is new, and then the newest value of each figure holds. Where no process
reports, the result is NULL and never 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SILENT_AFTER_S = 45
"""Seconds without any figure after which a process does not report: three times the longest pause."""
KEPT_S = 86_400
"""Age in seconds up to which a figure is looked for, and up to which a process that ended is expected."""
BRIEF = ("replay",)
"""Processes that end when their work is done, and are not missed then."""


def latest(table: str, names: Iterable[str]) -> str:
    """Return a SELECT of `name`, `process`, `labels` and the newest value `v` of figures, at the range's end.

    Args:
        table: Table of `platform.metric`.
        names: Names of the figures.
    """
    listed = ", ".join(f"'{name}'" for name in names)
    return (
        f"SELECT name, process, labels, argMax(value, occurred_at) AS v FROM {table} "
        f"WHERE name IN ({listed}) AND {_within(KEPT_S)} AND process IN "
        f"(SELECT process FROM {table} WHERE {_within(SILENT_AFTER_S)}) GROUP BY name, process, labels"
    )


def processes(table: str) -> str:
    """Return a SELECT of each `process` that reported within a day, and the seconds since (`ago`), at the range's end.

    Args:
        table: Table of `platform.metric`.
    """
    brief = ", ".join(f"'{name}'" for name in BRIEF)
    return (
        f"SELECT process, max(occurred_at) AS last, dateDiff('second', max(occurred_at), $__toTime) AS ago "
        f"FROM {table} WHERE {_within(KEPT_S)} AND process NOT IN ({brief}) GROUP BY process"
    )


def _within(seconds: int) -> str:
    return f"occurred_at > $__toTime - INTERVAL {seconds} SECOND AND occurred_at <= $__toTime"
