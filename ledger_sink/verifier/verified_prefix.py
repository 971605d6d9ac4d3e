"""What an earlier verification has already found whole: from where a later one may go on.

It holds for one log: size and root, and what reading its entries up to there left behind. Nothing before it is
read again, so damage done to old files since then stays unseen: a verdict that began here says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger_sink.format.checkpoint import Checkpoint


@dataclass(frozen=True)
class VerifiedPrefix:
    """A log as it was verified."""

    size: int
    root: bytes
    next_offset: int = 0
    """Of a partition log: the smallest offset that its next leaf may have."""
    records: int = 0
    """Of a partition log: its leaves of kind record."""
    heads: Mapping[str, Checkpoint] = field(default_factory=dict)
    """Of the city log: the newest mention of each partition log, by origin."""
