"""The stores compared with each other at a start: is one of them older than the others?

Kafka is the truth. ClickHouse can be filled again from it; nothing can fill Kafka. So where ClickHouse lacks rows that
the sink had stored, the sink's group is set back to the first missing record, and the sink stores what is missing and
nothing twice. A Kafka that ends before what ClickHouse or the ledger hold is not started over: its next records would
get offsets that are taken (docs/recovery.md#one-store-is-older).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.recovery.errors import StoresDisagreeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """What the stores say about one topic-partition. Offsets are the next ones, 0 where there is nothing yet."""

    low: int
    """First offset that Kafka has."""
    end: int
    """Kafka's last stable offset."""
    committed: int = 0
    """Offset that the sink's group has come to, with its open claim."""
    stored: int = 0
    """Behind the last row in ClickHouse."""
    sealed: int = 0
    """Behind the last sealed record."""
    first_missing: int | None = None
    """First offset below `committed` whose row is missing; None: none is."""


@dataclass(frozen=True, slots=True)
class Refill:
    """Where the sink is sent back to."""

    partition: Partition
    first: int
    """Offset to begin with."""
    before: int
    """Offset that the sink had come to."""
    lost: int = 0
    """Offsets from the first missing one that Kafka does not have any more."""


def refills(facts: dict[Partition, PartitionFacts]) -> list[Refill]:
    """Return where the sink must go back.

    Args:
        facts: What the stores say.

    Raises:
        StoresDisagreeError: Kafka is older than the ledger, or ClickHouse has rows that neither of them has.
    """
    behind = {
        partition: max(each.committed, each.stored, each.sealed) - each.end
        for partition, each in facts.items()
    }
    short = {partition: count for partition, count in behind.items() if count > 0}
    if short:
        sealed_behind = {key: count for key, count in short.items() if _beyond_kafka(facts[key])}
        (topic, number), _ = max((sealed_behind or short).items(), key=lambda item: item[1])
        each = facts[topic, number]
        if not sealed_behind:
            raise StoresDisagreeError(
                f"ClickHouse has rows of {topic}/{number} up to offset {each.stored - 1}, but Kafka ends at {each.end} "
                f"and the ledger at {each.sealed} ({len(short)} partitions): nobody sealed these rows. Either somebody "
                "wrote them, or Kafka lost its newest records. If the newest kafka/ is elsewhere, put it back; else "
                "move clickhouse/ away, and it is filled again from Kafka (docs/recovery.md#one-store-is-older)"
            )
        raise StoresDisagreeError(
            f"Kafka is older than what was stored from it: {topic}/{number} ends at offset {each.end}, but "
            f"ClickHouse has it up to {max(each.stored, each.committed)}, the ledger up to {each.sealed} "
            f"({len(short)} partitions); put the newest kafka/ back, or restore all stores from one backup: "
            "city restore BACKUP --data NEW (docs/recovery.md#one-store-is-older)"
        )
    found = []
    for partition, each in facts.items():
        if each.first_missing is not None and each.first_missing < each.committed:
            first = max(each.first_missing, each.low)
            lost = min(first, each.committed) - each.first_missing
            found.append(Refill(partition, first, each.committed, lost))
    return found


def _beyond_kafka(each: PartitionFacts) -> bool:
    """Return whether the ledger, or the sink's own group, has come further than Kafka."""
    return max(each.committed, each.sealed) > each.end


def lines(found: Sequence[Refill]) -> Iterable[str]:
    """Return lines for the operator: what is filled again, and what nobody has any more."""
    again = [each for each in found if each.first < each.before]
    if again:
        worst = max(again, key=lambda each: each.before - each.first)
        yield (
            f"ClickHouse lacks rows that were stored before, so it was restored older or damaged: it is filled again "
            f"from Kafka, {len(again)} partitions, up to {sum(e.before - e.first for e in again):,} records "
            f"(most: {worst.partition[0]}/{worst.partition[1]} from offset {worst.first})"
        )
    for each in found:
        if each.lost:
            yield (
                f"{each.partition[0]}/{each.partition[1]}: rows of {each.lost} offsets below {each.first} are "
                "missing in ClickHouse, and Kafka does not have them any more: restore clickhouse/ from a backup "
                "(docs/recovery.md#one-store-is-older)"
            )
