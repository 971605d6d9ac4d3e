"""The prefix of a log that an earlier verification covered: a later one continues from there.

It holds the size and root of one log, and the state that reading its entries up to there gave. Earlier entries are not
read again, so later damage to old files is not detected; a verdict that continued from a prefix states this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger_sink.format.checkpoint import Checkpoint


@dataclass(frozen=True)
class VerifiedPrefix:
    """A log up to a verified size."""

    size: int
    root: bytes
    next_offset: int = 0
    """Of a partition log: the smallest offset that its next leaf may have."""
    records: int = 0
    """Of a partition log: the number of its leaves of kind record."""
    heads: Mapping[str, Checkpoint] = field(default_factory=dict)
    """Of the city log: the last checkpoint of each partition log in a block, by origin."""
