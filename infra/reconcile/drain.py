"""Waits until the stack is at rest (docs/counts.md#coming-to-rest).

A group is drained when it has committed every readable record of its input topics, derived topics included, in two
polls in a row. The ledger also needs a cosigned city checkpoint over every leaf.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException

from infra.errors import StackError
from infra.reconcile.count_ledger import checkpoint, city_blocks, newest_epoch
from infra.reconcile.held_back import describe_held_back
from infra.reconcile.lag import LagMeter, describe_lag

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path


POLL_S = 0.4
STALLED_S = 120.0
"""Seconds without any progress after which waiting fails with what is left."""
MOST_LINES = 5
"""Most partitions that are named one by one."""
HELD_S = 180.0
"""Longest wait for open transactions, in seconds: producers have 60 s by default, then Kafka aborts them."""


def wait_drained(meter: LagMeter, check: Callable[[], None], *, without: Collection[str] = ()) -> None:
    """Wait until two polls in a row find no lag.

    Args:
        meter: Measures the lag.
        check: Raises if the stack failed meanwhile.
        without: Topics that may still grow, such as metrics before they are paused.

    Raises:
        StackError: Nothing moved for STALLED_S.
    """
    still, last, since = 0, -1, time.monotonic()
    while still < 2:
        check()
        try:
            lag = meter.lag()
        except KafkaException as error:  # a coordinator that moves or loads answers a moment later
            if time.monotonic() - since > STALLED_S:
                raise StackError(f"Kafka does not report its offsets: {error.args[0].str()}") from error
            time.sleep(POLL_S)
            continue
        behind = {
            group: {partition: left for partition, left in rows.items() if partition[0] not in without}
            for group, rows in lag.items()
        }
        total = sum(sum(rows.values()) for rows in behind.values())
        still = still + 1 if total == 0 else 0
        if total != last:
            last, since = total, time.monotonic()
        elif total and time.monotonic() - since > STALLED_S:
            raise StackError(f"nothing moves: {'; '.join(describe_lag(behind)[:5])}")
        time.sleep(POLL_S)


def wait_released(
    meter: LagMeter, check: Callable[[], None], say: Callable[[str], None], within_s: float = HELD_S
) -> None:
    """Wait until no open transaction holds records back, but no longer than `within_s`.

    Args:
        meter: Measures the lag.
        check: Raises if the stack failed meanwhile.
        say: Called with what is waited for.
        within_s: Longest wait, in seconds.
    """
    deadline, named = time.monotonic() + within_s, set[tuple[str, int]]()
    while time.monotonic() < deadline:
        check()
        meter.lag()
        held = meter.held_back()
        if not held:
            return
        new = {place: count for place, count in held.items() if place not in named}
        for line in describe_held_back(new)[:MOST_LINES]:
            say(f"waiting: {line}")
        if len(new) > MOST_LINES:
            say(f"waiting: and {len(new) - MOST_LINES} partitions more")
        named |= held.keys()
        time.sleep(POLL_S)


def wait_sealed(
    ledger: Path, topics: Sequence[str], check: Callable[[], None], timeout_s: float = 60
) -> None:
    """Wait until the cosigned city checkpoint covers what each log of `topics` has published, in two polls in a row.

    Raises:
        StackError: It does not come within `timeout_s`.
    """
    deadline, still = time.monotonic() + timeout_s, 0
    while still < 2:
        check()
        missing = unsealed(ledger, topics)
        still = 0 if missing else still + 1
        if missing and time.monotonic() > deadline:
            raise StackError(
                f"no cosigned city checkpoint covers {', '.join(missing[:5])} (log: ledger, witness)"
            )
        time.sleep(POLL_S)


def unsealed(ledger: Path, topics: Sequence[str]) -> list[str]:
    """Return the origins whose published checkpoint is not in a cosigned block yet."""
    try:
        _, sealed_sizes = city_blocks(ledger)
    except StackError as error:
        return [str(error)]
    missing = []
    for topic in topics:
        for partition in sorted((ledger / topic).glob("[0-9]*")):
            folder = newest_epoch(partition)
            head = checkpoint(folder) if folder else None
            if head and head[1] > (sealed_sizes.get(head[0]) or [(0, 0)])[-1][0]:
                missing.append(head[0])
    return missing
