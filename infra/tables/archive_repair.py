"""Makes the archive's rows of a topic the records that Kafka has, as far as the ledger agrees (`archive_choice.py`).

A right row is stored before a wrong one is removed, so a run that is killed in between loses nothing, and a second run
ends what the first began. A pass that changed something is followed by another: the last one found nothing to change.

The sink may run. Rows behind its committed offset are its own: they are waited for, and what it has not committed by
then is not compared.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, Protocol

from infra.errors import StackError
from infra.tables.archive_choice import Tally
from infra.tables.archive_pass import ArchivePass, KafkaRecords, Span
from infra.tables.archive_rows import ArchiveRows, remove_repeats
from infra.tables.sealed_leaves import LeafCursor
from ledger_sink.errors import KafkaUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from infra.settings import Settings
    from ledger_sink.kafka_source import PartitionId, TopicFacts
    from ledger_sink.record import Record

MOST_PASSES = 4
SINK_S = 15.0
"""Seconds that the sink has to come to Kafka's end."""


class Source(Protocol):
    """What is read from Kafka; `KafkaSource` of the sink's group implements it."""

    def describe(self, topics: Sequence[str]) -> dict[str, TopicFacts]:
        """Return id and partition count of the topics that exist."""

    def all_watermarks(self, partitions: Iterable[PartitionId]) -> dict[PartitionId, tuple[int, int]]:
        """Return the first retained offset and the one after the last record, of each partition that has a leader."""

    def committed(self, partitions: Iterable[PartitionId]) -> dict[PartitionId, int]:
        """Return the group's committed offsets, negative without one."""

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterator[Record]:
        """Return the records with first ≤ offset < end, in offset order."""


class Ledger(Protocol):
    """What is read from the ledger; `SealedLeaves` implements it."""

    def partitions(self, topic: str) -> set[int]:
        """Return the partitions of a topic that have a log."""

    def cursor(self, topic: str, partition: int, topic_id: bytes) -> LeafCursor:
        """Return the leaves of the topic that Kafka has now."""

    def earlier(self, topic: str, partition: int, topic_id: bytes) -> set[bytes]:
        """Return the leaves of an earlier topic of the same name."""


class ArchiveRepair:
    """One repair of a topic's archived rows.

    Args:
        client: A clickhouse-connect client.
        settings: The stack.
        source: Kafka.
        ledger: The ledger; None for a topic that is not sealed.
        step: Called with the name of each change before it is made.
        sink_s: Seconds that the sink has to come to Kafka's end.
    """

    def __init__(
        self,
        client: Any,
        settings: Settings,
        source: Source,
        ledger: Ledger | None,
        step: Callable[[str], None] = lambda _: None,
        sink_s: float = SINK_S,
    ) -> None:
        self._client = client
        self._settings = settings
        self._source = source
        self._ledger = ledger
        self._step = step
        self._sink_s = sink_s

    def repair(self, topic: str, expected: int, ends: Mapping[int, int]) -> Tally:
        """Repair the rows of a topic.

        Args:
            topic: Name of the topic.
            expected: Number of its partitions by the catalogue.
            ends: Offset behind the last row of each partition that has rows, read just before.

        Raises:
            StackError: Kafka lacks the topic, or others change its rows meanwhile.
            KafkaUnavailableError: Kafka does not answer, or has removed records meanwhile.
        """
        facts = self._source.describe([topic]).get(topic)
        if facts is None:
            raise StackError(
                f"Kafka has no topic {topic}: nothing was changed; without `--from kafka` its table is made from the "
                "archive; where Kafka was lost: docs/recovery.md#one-store-is-older"
            )
        there = [(topic, number) for number in range(facts.partitions)]
        marks = self._source.all_watermarks(there)
        committed = self._committed(there, marks)
        tally = Tally()
        sealed = self._ledger.partitions(topic) if self._ledger is not None else set()
        for number in range(max(expected, facts.partitions, *(n + 1 for n in {*ends, *sealed}))):
            place = topic, number
            if number >= facts.partitions:
                tally.contradict(
                    f"{topic}/{number}",
                    f"Kafka has {facts.partitions} partitions of the topic, and not this one: its rows are kept",
                )
            elif place not in marks:
                raise KafkaUnavailableError(
                    f"{topic}/{number}: no leader; nothing was changed in this partition"
                )
            else:
                self._partition(
                    place, facts.topic_id, marks[place], committed[place], ends.get(number, 0), tally
                )
        return tally

    def _committed(
        self, places: Sequence[PartitionId], marks: Mapping[PartitionId, tuple[int, int]]
    ) -> dict[PartitionId, int]:
        """Return how far the sink is, as soon as it has come to the end of every partition, or after a while."""
        until = time.monotonic() + self._sink_s
        while True:
            found = {each: max(0, offset) for each, offset in self._source.committed(places).items()}
            behind = [each for each, (low, high) in marks.items() if low < high and found[each] < high]
            if not behind or time.monotonic() > until:
                return found
            time.sleep(0.2)

    def _partition(
        self,
        place: PartitionId,
        topic_id: bytes,
        marks: tuple[int, int],
        committed: int,
        archive_end: int,
        tally: Tally,
    ) -> None:
        low, high = marks
        limit = high if low == high else min(high, committed)
        tally.in_flight += max(0, high - max(low, limit))
        earlier = self._ledger.earlier(*place, topic_id) if self._ledger is not None else set()
        with closing(ArchiveRows(self._client, self._settings, *place)) as rows:
            for number in range(MOST_PASSES):
                found = tally if number == 0 else Tally()
                one = ArchivePass(place, rows, earlier, found, self._step)
                leaves = self._leaves(place, topic_id)
                records = KafkaRecords(self._source.records(*place, low, limit))
                one.go(Span(0, limit, low), records, leaves)
                one.go(Span(high, max(archive_end, leaves.end), low), KafkaRecords(iter(())), leaves)
                if one.repeats:
                    self._step("repeats")
                    remove_repeats(self._client)
                if not one.changed:
                    return
        raise StackError(
            f"{place[0]}/{place[1]}: its archived rows are changed by others meanwhile; end that, and run it again"
        )

    def _leaves(self, place: PartitionId, topic_id: bytes) -> LeafCursor:
        return LeafCursor(()) if self._ledger is None else self._ledger.cursor(*place, topic_id)
