"""Counts what a loop takes, for the progress that a command shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

T = TypeVar("T")


def counted(items: Collection[T], doing: str, progress: Callable[[str], None]) -> Iterator[T]:
    """Yield items. Before each, call `progress` with its number, such as `copying file 3 of 505`."""
    for number, each in enumerate(items, 1):
        progress(f"{doing} {number:,} of {len(items):,}")
        yield each
