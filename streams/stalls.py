"""How long something has waited without any progress: the one measure of a stall (docs/delivery.md#liveness).

A stall begins with the later of the last progress and the first look that found something waiting. Neither a pause
in which nothing waited nor the seconds before a record came are part of it.

Pure: the time is an argument.
"""

from collections.abc import Hashable, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

NOTABLE_S: Final = 5.0
"""Seconds without progress from which on a process says so. No wait of an idle process takes as long."""

LOOK_S: Final = 2.0
"""Longest time between two looks, so that a stall is found that much too late at most."""

Key = TypeVar("Key", bound=Hashable)


class Seen(NamedTuple):
    """What one look found.

    Attributes:
        waits: Whether anything waits.
        progress: A value that changes with every progress.
    """

    waits: bool
    progress: Hashable = None


class StallWatch(Generic[Key]):
    """A measure of how long each thing has waited without progress."""

    def __init__(self) -> None:
        self._last: dict[Key, tuple[Seen, float]] = {}

    def look(self, now: float, seen: Mapping[Key, Seen]) -> dict[Key, float]:
        """Compare with the last look. What is missing in `seen` is forgotten.

        Args:
            now: Time in seconds of a monotonic clock.
            seen: What is found now.

        Returns:
            Seconds without progress, 0 where nothing waits.
        """
        since = {key: self._since(key, each, now) for key, each in seen.items()}
        self._last = {key: (each, since[key]) for key, each in seen.items()}
        return {key: now - begin for key, begin in since.items()}

    def _since(self, key: Key, found: Seen, now: float) -> float:
        """Return when a stall began, or now if there is none."""
        if key not in self._last:
            return now
        before, since = self._last[key]
        waited = found.waits and before.waits and found.progress == before.progress
        return since if waited else now


class Notice(Generic[Key]):
    """A check for when a stall becomes notable or is over: that is reported at once, not with the next report."""

    def __init__(self) -> None:
        self._notable: set[Key] = set()

    def changed(self, stalled: Mapping[Key, float]) -> bool:
        """Return whether other things than at the last call have waited for NOTABLE_S or longer."""
        notable = {key for key, seconds in stalled.items() if seconds >= NOTABLE_S}
        before, self._notable = self._notable, notable
        return notable != before
