"""How often a running stack is looked at: often while something moves, rarely at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.status.model import Status

REFRESH_S = 2.0
"""Seconds between two looks at the stack while something moves."""
REST_REFRESH_S = 5.0
"""The same at rest. A problem must be shown within 10 s."""
REST_AFTER_S = 10.0
"""Seconds without a new record of a sealed topic after which a stack is at rest."""


class RefreshSchedule:
    """How often the stack is looked at: each look asks every part."""

    def __init__(self) -> None:
        self._last: tuple[object, ...] = ()
        self._moved_at = 0.0

    def refresh_s(self, status: Status, now: float) -> float:
        """Return the seconds until the next look.

        Args:
            status: The last look. Records of topics that are not sealed (metrics) come at rest, too.
            now: Monotonic seconds.
        """
        sealed = [(row.records, row.rows, row.sealed) for row in status.topics if row.sealed is not None]
        seen = (*sealed, status.blocks, tuple(problem.what for problem in status.problems))
        if seen != self._last:
            self._last, self._moved_at = seen, now
        return REFRESH_S if now - self._moved_at < REST_AFTER_S else REST_REFRESH_S
