"""Rows of the archive where no record can stand: beyond the end, or of a partition or topic that nobody has. Pure."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from ledger_sink.kafka_source import PartitionId

MOST = 20
"""Most topic-partitions that are named; the others are counted."""


def beyond(
    archived: Mapping[PartitionId, int],
    ends: Mapping[PartitionId, float],
    known: Collection[PartitionId],
) -> list[str]:
    """Return one problem for each topic-partition with rows that no record of Kafka or leaf of the ledger explains.

    Args:
        archived: The offset after the archive's last row.
        ends: The offset after the last record in Kafka and the last leaf, read after `archived`; those that are not
            known are absent.
        known: Topic-partitions that Kafka or the ledger has.
    """
    found = list(_each(archived, ends, frozenset(known)))
    more = [f"the archive: rows beyond Kafka and the ledger in {len(found) - MOST} partitions more"]
    return found[:MOST] + (more if len(found) > MOST else [])


def _each(
    archived: Mapping[PartitionId, int],
    ends: Mapping[PartitionId, float],
    known: frozenset[PartitionId],
) -> Iterator[str]:
    topics = {topic for topic, _ in known}
    for (topic, partition), end in sorted(archived.items()):
        where, last = f"{topic}/{partition}", f"the archive has rows up to offset {end - 1}"
        if topic not in topics:
            yield f"{where}: {last} of a topic that no log seals"
        elif (topic, partition) not in known:
            yield f"{where}: {last} of a partition that neither Kafka nor the ledger has"
        elif end > (limit := ends.get((topic, partition), inf)):
            yield f"{where}: {last}, but Kafka and the ledger end at {limit}"
