"""The part of an audit that compares leaves with Kafka's records and the archive's rows, partition by partition.

A store that cannot be read is named once, and the others are compared without it.
"""

from __future__ import annotations

import time
from itertools import chain
from math import inf
from typing import TYPE_CHECKING

from ledger_sink.audit.beyond import beyond
from ledger_sink.audit.counts import Counts
from ledger_sink.audit.leaves import read_leaves
from ledger_sink.audit.stores import ArchiveDamagedError, ArchiveUnavailableError, RowSummary
from ledger_sink.errors import KafkaUnavailableError, LedgerError
from ledger_sink.format.control import Start, parse_control
from ledger_sink.format.errors import FormatError
from ledger_sink.format.layout import control_path
from ledger_sink.verifier.compare import END, Comparison, RecordLeaf, Side, UnreadLeaves, compare, items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ledger_sink.audit.baseline import AuditBaseline
    from ledger_sink.audit.ledger_files import LedgerFilesAudit
    from ledger_sink.audit.stores import Archive, Source
    from ledger_sink.config import LedgerConfig
    from ledger_sink.kafka_source import PartitionId, TopicFacts
    from ledger_sink.log.name import LogName

POLL_S = 0.2


class RecordsAudit:
    """One comparison of leaves with records and rows.

    Args:
        config: the sealed topics.
        files: the audit of the ledger's directory, done.
        archive: the archive, or `None`.
        baseline: where to go on; empty for a full audit.
        settled: whether everything in Kafka must be sealed and archived by now.
        progress: called with a line before each topic.
    """

    def __init__(
        self,
        config: LedgerConfig,
        files: LedgerFilesAudit,
        archive: Archive | None,
        baseline: AuditBaseline,
        *,
        settled: bool,
        progress: Callable[[str], None],
    ) -> None:
        self.problems: list[str] = []
        self.unreadable: list[str] = []
        """Stores that could not be read, one line each."""
        self.not_checked: list[str] = []
        self.counts: dict[str, Counts] = {}
        self.rows: dict[str, tuple[int, RowSummary]] = {}
        """By `topic/partition`: an offset, and a summary of the archive rows before it, for the next baseline."""
        self._config = config
        self._files = files
        self._archive = archive
        self._baseline = baseline
        self._settled = settled
        self._progress = progress
        self._source: Source | None = None
        self._facts: dict[str, TopicFacts] = {}
        self._marks: dict[PartitionId, tuple[int, int]] = {}
        self._earlier: Mapping[PartitionId, RowSummary] = {}
        self._now: Mapping[PartitionId, RowSummary] = {}

    def check(self, open_source: Callable[[], Source], grace_s: float = 0.0) -> None:
        """Compare every leaf with Kafka and the archive.

        Args:
            open_source: returns Kafka's reader.
            grace_s: longest time to wait for the archive to reach what is sealed, in seconds.
        """
        self._open(open_source)
        if self._archive is None:
            self.not_checked.append("the archive: nobody gave a reader of it")
        if self._baseline.logs:
            self.not_checked.append(
                "records, rows and files that the last audit had checked: run a full audit"
            )
        partitions = list(self._partitions())
        ends = {each: self._end_of(*each) for each in partitions}
        self._read_summaries(ends, grace_s)
        self._find_rows_beyond(partitions)
        self._read_ahead(ends)
        for topic in self._config.topics:
            if self._source is not None and topic.name not in self._facts:
                self.problems.append(f"{topic.name}: expected the topic in Kafka, got none")
                continue
            total = Counts()
            self._progress(f"records of {topic.name}")
            for partition in [number for name, number in partitions if name == topic.name]:
                one = self._partition(topic.name, partition, ends[topic.name, partition])
                self.problems += one.problems
                if one.left_out:
                    self.problems.append(f"{one.where}: and {one.left_out} problems more")
                total = total.plus(one)
            self.counts[topic.name] = total

    def _open(self, open_source: Callable[[], Source]) -> None:
        try:
            self._source = open_source()
            self._facts = self._source.describe([topic.name for topic in self._config.topics])
            self._marks = self._source.all_watermarks(
                [
                    (topic.name, partition)
                    for topic in self._config.topics
                    if topic.name in self._facts
                    for partition in range(self._facts[topic.name].partitions)
                ]
            )
        except KafkaUnavailableError as error:
            self._lose_kafka(error)

    def _lose_kafka(self, error: Exception) -> None:
        if self._source is not None or not any(line.startswith("Kafka: ") for line in self.unreadable):
            self.unreadable.append(f"Kafka: {error}: its records are not compared")
        self._source = None

    def _lose_archive(self, error: Exception) -> None:
        self.unreadable.append(f"{error}: the archive's rows are not compared")
        self._archive = None

    def _partitions(self) -> Iterator[PartitionId]:
        for topic in self._config.topics:
            found = self._facts.get(topic.name)
            named = {name.partition for name in self._files.logs if name.topic == topic.name}
            count = max(topic.partitions, found.partitions if found else 0, *(n + 1 for n in named), 0)
            yield from ((topic.name, partition) for partition in range(count))

    def _logs(self, topic: str, partition: int) -> tuple[list[LogName], list[LogName]]:
        """Return the logs of the topic as it is now, and those of an earlier topic of the same name."""
        logs = [name for name in self._files.logs if (name.topic, name.partition) == (topic, partition)]
        facts = self._facts.get(topic)
        ids = {name: self._topic_id(name) for name in logs}
        wanted = facts.topic_id if facts is not None else next((i for i in reversed(ids.values()) if i), b"")
        current = [name for name in logs if ids[name] in (wanted, b"")]
        return current, [name for name in logs if name not in current]

    def _end_of(self, topic: str, partition: int) -> int:
        """Return the offset up to which leaves, records and rows are compared beside a running platform."""
        current, _ = self._logs(topic, partition)
        low, high = self._marks.get((topic, partition), (0, 0))
        first = self._baseline.rows.get(f"{topic}/{partition}", (0, RowSummary()))[0]
        if not current:
            return max(low, first)
        end = self._files.extents[current[-1]].next_offset
        return high if end is None else max(end, low, first)

    def _read_summaries(self, ends: dict[PartitionId, int], grace_s: float) -> None:
        """Wait until the archive has what is sealed, and summarize the rows before the baseline and before the ends."""
        if self._archive is None:
            return
        until = time.monotonic() + grace_s
        firsts = {}
        for topic, partition in ends:
            first = self._baseline.rows.get(f"{topic}/{partition}", (0, RowSummary()))[0]
            if first:
                firsts[topic, partition] = first
        try:
            while time.monotonic() < until:
                there = self._archive.ends()
                if all(there.get(each, 0) >= end for each, end in ends.items()):
                    break
                time.sleep(POLL_S)
            self._earlier = self._archive.summaries(firsts) if firsts else {}
            self._now = self._archive.summaries(ends)
        except ArchiveUnavailableError as error:
            self._lose_archive(error)
        except ArchiveDamagedError as error:
            self.problems.append(str(error))

    def _find_rows_beyond(self, partitions: Sequence[PartitionId]) -> None:
        """Name the archive's rows where no record can stand; Kafka's ends are read after the archive's.

        With everything settled, rows beyond the leaves are compared one by one, so those are named there.
        """
        if self._archive is None:
            return
        try:
            archived = self._archive.ends()
            marks = {} if self._source is None or self._settled else self._source.all_watermarks(self._marks)
        except ArchiveUnavailableError as error:
            self._lose_archive(error)
        except ArchiveDamagedError as error:
            self.problems.append(str(error))
        except KafkaUnavailableError as error:
            self._lose_kafka(error)
        else:
            ends = {each: max(high, self._sealed_end(*each)) for each, (_, high) in marks.items()}
            self.problems += beyond(archived, ends, partitions)

    def _sealed_end(self, topic: str, partition: int) -> float:
        """Return the offset after the last leaf of any log of a topic-partition; infinite where it is not known."""
        logs = [name for name in self._files.logs if (name.topic, name.partition) == (topic, partition)]
        found = [self._files.extents[name].next_offset for name in logs]
        return max((inf if end is None else end for end in found), default=0)

    def _read_ahead(self, ends: Mapping[PartitionId, int]) -> None:
        """Have Kafka's records of all partitions with little that is new read at once."""
        if self._source is None or not self._baseline.rows:
            return
        ranges = {}
        for (topic, partition), end in ends.items():
            low, high = self._marks.get((topic, partition), (0, 0))
            first = self._baseline.rows.get(f"{topic}/{partition}", (0, RowSummary()))[0]
            ranges[topic, partition] = max(low, first), high if self._settled else min(end, high)
        try:
            self._source.read_ahead(ranges)
        except KafkaUnavailableError as error:
            self._lose_kafka(error)

    def _partition(self, topic: str, partition: int, end: int) -> Comparison:
        """Compare one partition; where a store fails meanwhile, name it and compare the others again."""
        while True:
            comparison = Comparison(f"{topic}/{partition}")
            try:
                self._compare(comparison, topic, partition, end, self._archive)
            except KafkaUnavailableError as error:
                self._lose_kafka(error)
            except ArchiveUnavailableError as error:
                self._lose_archive(error)
            except ArchiveDamagedError as error:
                comparison = Comparison(f"{topic}/{partition}")
                comparison.add(f"archive: {error}")
                self._compare(comparison, topic, partition, end, None)
                return comparison
            else:
                return comparison

    def _compare(
        self, comparison: Comparison, topic: str, partition: int, end: int, archive: Archive | None
    ) -> None:
        current, others = self._logs(topic, partition)
        low, high = self._marks.get((topic, partition), (END, 0))
        if self._source is None:
            low = END
        if not current and not others and self._settled:
            comparison.add("expected a published log, got none")
        if others and not current:
            comparison.add(
                f"expected a log of topic id {self._facts[topic].topic_id.hex()}, got none: it was re-created"
            )
        first = self._first(comparison, current, topic, partition)
        if archive is not None and current:
            self.rows[comparison.where] = end, self._now.get((topic, partition), RowSummary())
        if first >= end and not self._settled:
            return  # nothing new
        earlier = {leaf.leaf for leaf in self._leaves(others)}
        stop = high if self._settled else min(end, high)
        records = (
            iter(())
            if self._source is None
            else self._source.records(topic, partition, max(low, first), stop)
        )
        kafka = Side("Kafka", items(topic, partition, records), comparison)
        archived = None
        if archive is not None:
            rows = items(topic, partition, archive.rows(topic, partition, first))
            archived = Side("archive", rows, comparison, earlier)
        leaves = chain.from_iterable(self._leaves_of(name) for name in current)
        before = END if self._settled else end
        compare(comparison, leaves, kafka, archived, retained_from=low, before=before)

    def _first(self, comparison: Comparison, current: Sequence[LogName], topic: str, partition: int) -> int:
        """Return the offset to compare records from; check that the rows before it are those of the last audit."""
        if not any(name.origin in self._baseline.logs for name in current):
            return 0  # a topic that was created, or re-created, since
        first, expected = self._baseline.rows.get(comparison.where, (0, RowSummary()))
        if first and self._archive is not None:
            got = self._earlier.get((topic, partition), RowSummary())
            if got.rows != expected.rows:
                comparison.add(
                    f"before offset {first}: archive: expected {expected.rows} rows as at the last audit, "
                    f"got {got.rows}: a full audit names them"
                )
            elif got.digest != expected.digest:
                comparison.add(
                    f"before offset {first}: archive: expected the rows of the last audit, got others: "
                    "a full audit names them"
                )
        return first

    def _topic_id(self, name: LogName) -> bytes:
        """Return the topic's id by the log's START file; nothing if the file cannot be read."""
        path = f"{name.folder}/{control_path(0)}"
        try:
            control = parse_control(self._files.store.read(path))
        except (LedgerError, FormatError) as error:
            self._add_unnamed(path, f"{path}: {error}")
            return b""
        return bytes.fromhex(control.topic_id) if isinstance(control, Start) else b""

    def _leaves(self, names: Iterable[LogName]) -> Iterator[RecordLeaf]:
        for name in names:
            yield from (leaf for leaf in self._leaves_of(name) if isinstance(leaf, RecordLeaf))

    def _leaves_of(self, name: LogName) -> Iterator[RecordLeaf | UnreadLeaves]:
        known = self._baseline.logs.get(name.origin)
        first = known.size if known is not None else 0
        for leaf in read_leaves(self._files.store, name, self._files.extents[name], first):
            if isinstance(leaf, UnreadLeaves) and leaf.problem:
                self._add_unnamed(leaf.problem.partition(": ")[0], leaf.problem)
            yield leaf

    def _add_unnamed(self, file: str, words: str) -> None:
        """Add the problem of a file, unless the verifier has named the file."""
        if not any(file in problem for problem in (*self._files.problems, *self.problems)):
            self.problems.append(words)
