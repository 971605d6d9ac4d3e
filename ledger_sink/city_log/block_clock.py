"""Whether the clock's time may go into a block (docs/ledger.md#the-clock-of-a-block).

No block is older than the one before. So one block of a clock that is a day ahead would stop the city log for a day
once the clock is right again. A step ahead is therefore doubted before a block is made: the clock is compared with a
steady clock that nobody sets, and with the clocks of the witnesses.

Everything here is pure; `ClockReading.now` and `peers.py` read the clocks.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger_sink.log.reasons import Waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

STEP_S = 60.0
"""A clock further ahead than this is doubted, in seconds."""
DRIFT = 0.001
"""Share of the elapsed time by which a disciplined clock may run faster than the steady one. ntpd slews by 0.0005."""
HOLD_S = 3600.0
"""A step ahead that no other machine's clock denies is taken as right after this time, in seconds."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The clock, and a steady clock, read at one moment."""

    wall_ms: int
    """Milliseconds since 1970 UTC."""
    steady_s: float
    """Seconds of a clock that nobody sets; counted from `boot`."""
    boot: str
    """Which start of the machine, or of this process, the steady clock counts from."""

    @classmethod
    def now(cls) -> ClockReading:
        """Read both clocks. On Linux the steady clock (CLOCK_BOOTTIME) outlives the process and counts suspension."""
        wall_ms = time.time_ns() // 1_000_000
        try:
            return cls(wall_ms, time.clock_gettime(time.CLOCK_BOOTTIME), _BOOT_ID.read_text().strip())
        except (AttributeError, OSError):
            return cls(wall_ms, time.monotonic(), f"process {os.getpid()}")


@dataclass(frozen=True, slots=True)
class PeerClock:
    """The clock of a peer when it answered."""

    name: str
    time_ms: int
    """Milliseconds since 1970 UTC, as of the reading it is compared with."""
    remote: bool
    """Whether it runs on another machine: only then its clock can confirm ours."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A moment at which the clock was taken as right."""

    boot: str
    steady_s: float
    wall_ms: int
    doubted_s: float | None = None
    """Steady time since which the clock is ahead; None while it is not."""

    def ahead_s(self, reading: ClockReading) -> float:
        """Return by how many seconds the clock is ahead of the steady clock, beyond its allowed drift."""
        elapsed_s = max(0.0, reading.steady_s - self.steady_s)
        return (reading.wall_ms - self.wall_ms) / 1000 - elapsed_s * (1 + DRIFT)

    def encode(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "boot": self.boot,
            "steady_s": self.steady_s,
            "wall_ms": self.wall_ms,
            "doubted_s": self.doubted_s,
        }

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Reference:
        """Read what `encode` returned.

        Raises:
            ValueError: a member is missing or of another type.
        """
        try:
            doubted = value["doubted_s"]
            return cls(
                str(value["boot"]),
                float(value["steady_s"]),
                int(value["wall_ms"]),
                None if doubted is None else float(doubted),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"clock reference: {error}") from error


@dataclass(frozen=True, slots=True)
class Decision:
    """What `decide` found."""

    reference: Reference
    """The reference for the next decision."""
    waiting: Waiting | None = None
    """Why no block may be made now; None: it may."""


def needs_peers(reading: ClockReading, reference: Reference | None) -> bool:
    """Return whether the peers' clocks matter: the steady clock knows nothing yet, or disagrees."""
    return reference is None or reference.boot != reading.boot or reference.ahead_s(reading) > STEP_S


def decide(
    reading: ClockReading, reference: Reference | None, last_block_ms: int, peers: Sequence[PeerClock] = ()
) -> Decision:
    """Decide whether a block may carry the clock's time.

    Args:
        reading: the clocks now.
        reference: the reference of the last decision, also of an earlier process; None: there is none.
        last_block_ms: time of the last block, in milliseconds since 1970 UTC; 0 before block 0.
        peers: the peers' clocks. They are only asked for where `needs_peers` is true.

    Returns:
        The decision. A step back is waited out to the last block's time. A step ahead is waited out for HOLD_S,
        and for as long as most clocks of other machines deny it.
    """
    fresh = Reference(reading.boot, reading.steady_s, reading.wall_ms)
    if reference is None or reference.boot != reading.boot:
        reference, ahead_s = fresh, 0.0
    else:
        ahead_s = reference.ahead_s(reading)
    denied = [peer for peer in peers if reading.wall_ms - peer.time_ms > STEP_S * 1000]
    remote = [peer for peer in peers if peer.remote]
    remote_denied = [peer for peer in denied if peer.remote]
    confirmed = len(remote) > 2 * len(remote_denied)
    all_deny = bool(peers) and len(denied) == len(peers)
    if confirmed or (ahead_s <= STEP_S and not all_deny):
        # A step back keeps the reference: the step that puts the clock right again must not be doubted.
        drifted = -STEP_S <= ahead_s < -STEP_S / 2 and reading.steady_s - reference.steady_s > HOLD_S
        kept = fresh if ahead_s > STEP_S or drifted else replace(reference, doubted_s=None)
        return Decision(kept, _step_back(reading, last_block_ms))
    since_s = reading.steady_s if reference.doubted_s is None else reference.doubted_s
    left_s = HOLD_S - (reading.steady_s - since_s)
    for_ever = 2 * len(remote_denied) > len(remote) > 0
    if left_s <= 0 and not for_ever:
        return Decision(fresh, _step_back(reading, last_block_ms))
    doubted = replace(reference, doubted_s=since_s)
    if (
        reference is fresh
    ):  # only peers deny it: the steady clock must not take the wrong time as its reference
        doubted = replace(doubted, wall_ms=min(peer.time_ms for peer in denied))
    until = "" if for_ever else utc(reading.wall_ms + left_s * 1000)
    return Decision(doubted, Waiting(until, _ahead(reading, ahead_s, denied)))


def _step_back(reading: ClockReading, last_block_ms: int) -> Waiting | None:
    if reading.wall_ms >= last_block_ms:
        return None
    behind_s = (last_block_ms - reading.wall_ms) / 1000
    reason = (
        f"it shows {utc(reading.wall_ms)}, {behind_s:.0f} s before the newest block; no block may be older than the "
        "one before; set the clock right if it is wrong"
    )
    return Waiting(utc(last_block_ms), reason)


def _ahead(reading: ClockReading, ahead_s: float, denied: Sequence[PeerClock]) -> str:
    if denied:
        peer = min(denied, key=lambda each: each.time_ms)
        against = f"the clock of {peer.name} shows {utc(peer.time_ms)}"
    else:
        against = f"it jumped ahead by {ahead_s:.0f} s"
    return (
        f"it shows {utc(reading.wall_ms)}, but {against}; a block so far ahead would stop the city log later; "
        "set the clock right and it goes on at once"
    )


def utc(milliseconds: float) -> str:
    """Return a time as RFC 3339 text in UTC, to the second."""
    return f"{datetime.fromtimestamp(milliseconds // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
