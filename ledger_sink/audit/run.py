"""The audit: recomputes the whole ledger and names every discrepancy (docs/ledger.md#completeness).

- Files: tiles, entries, control files and checkpoint of every log; the chain of blocks and every root in it;
  cosignatures under the policy. The auditors' own verifier checks these.
- Records: every leaf against the archive, and against Kafka while it retains the record. Kafka's end offsets, leaves
  and rows must agree.

It only reads, and runs beside the platform. It runs none of the code that appends, signs or publishes. It shares with
that code the format and the readers: the store, tiles, state files, the list of epochs and the Kafka source.

A full audit reads everything. An incremental one trusts the last audit that passed and reads only what came after it,
so its work grows with what is new. It does not read old files, rows and records again, and the result lists that.
"""

from __future__ import annotations

import time
from dataclasses import astuple, dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Literal, Protocol

from ledger_sink.anchor.audit import audit_anchors
from ledger_sink.audit.baseline import AuditBaseline
from ledger_sink.audit.leaves import LogExtent, extent_of, read_leaves
from ledger_sink.city_log.state import read_city_state
from ledger_sink.errors import KafkaUnavailableError, LedgerError
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.control import Start, parse_control
from ledger_sink.format.errors import FormatError
from ledger_sink.format.keys import Origin, city_origin
from ledger_sink.format.layout import CHECKPOINT, POLICY, STATE, control_path, log_path
from ledger_sink.kafka_source import KafkaSource
from ledger_sink.log.epochs import epochs_of, partitions_of
from ledger_sink.log.name import LogName
from ledger_sink.log.state import read_state
from ledger_sink.store import FileStore
from ledger_sink.verifier.city_check import check_city
from ledger_sink.verifier.compare import END, Comparison, RecordLeaf, Side, UnreadLeaves, compare, items
from ledger_sink.verifier.errors import VerifierError
from ledger_sink.verifier.trust import load_trust
from ledger_sink.verifier.verdict import Status, Verdict
from schemas.names import AUDIT_GROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ledger_sink.config import LedgerConfig
    from ledger_sink.kafka_source import TopicFacts
    from ledger_sink.record import Record
    from ledger_sink.store import Store


ATTEMPTS = 3
"""Most readings of a ledger that grows meanwhile."""


class Source(Protocol):
    """What the audit reads from Kafka; `KafkaSource` implements it."""

    def describe(self, topics: Sequence[str]) -> dict[str, TopicFacts]:
        """Return id and partition count of the topics that exist."""

    def watermarks(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the first retained offset and the one after the last record."""

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterator[Record]:
        """Return the records with first ≤ offset < end, in offset order."""


class Archive(Protocol):
    """What the audit reads from the archive."""

    def rows(self, topic: str, partition: int, first: int) -> Iterable[Record]:
        """Return the rows of a topic-partition from offset `first` on, in offset order."""

    def count(self, topic: str, partition: int, before: int) -> int:
        """Return the number of rows of a topic-partition with an offset below `before`."""


@dataclass(frozen=True)
class Counts:
    """Counts of one topic over all partitions; in an incremental audit, of the new part."""

    records: int = 0
    """Compared records that Kafka retains."""
    sealed: int = 0
    """Leaves of kind record."""
    archived: int = 0
    """Rows of the archive."""


@dataclass(frozen=True)
class AuditResult:
    """Verdict, problems and counts of an audit."""

    verdict: Literal["pass", "fail"]
    problems: list[str]
    """Each names a file, or topic/partition and offset, with the expected and the found value."""
    counts: Mapping[str, Counts] = field(default_factory=dict)
    """By topic."""
    not_checked: list[str] = field(default_factory=list)
    """What the verdict does not include."""
    seconds: float = 0.0
    """Duration of the audit."""
    baseline: AuditBaseline = field(default_factory=AuditBaseline)
    """Where an incremental audit can go on; empty unless this audit passed with an archive."""


def run(
    config: LedgerConfig,
    *,
    archive: Archive | None,
    source: Source | None = None,
    policy: Path | None = None,
    settled: bool = True,
    grace_s: float = 0.0,
    baseline: AuditBaseline | None = None,
) -> AuditResult:
    """Audit a whole ledger.

    Args:
        config: data directory, city name and sealed topics.
        archive: reader of the archive; None leaves the archive out, and the result lists that.
        source: Kafka; None creates a consumer from the config.
        policy: the auditor's own policy file; None takes the city's, which proves less.
        settled: everything in Kafka must be sealed, archived and cosigned by now. False leaves out what came after
            the newest checkpoints.
        grace_s: time for the archive to catch up with those checkpoints first, in seconds.
        baseline: result of the last audit that passed, for an incremental audit; None makes a full one.

    Raises:
        StoreError: the ledger's directory cannot be read.
    """
    began = time.monotonic()
    audit = _Audit(config, archive, settled=settled, baseline=baseline)
    audit.check_files(policy or config.ledger / POLICY)
    audit.check_states()
    if source is not None:
        audit.check_records(source, grace_s)
    else:
        own = KafkaSource(config, group=AUDIT_GROUP)
        try:
            audit.check_records(own, grace_s)
        finally:
            own.close()
    verdict: Literal["pass", "fail"] = "fail" if audit.problems else "pass"
    seconds = time.monotonic() - began
    whole = not audit.problems and archive is not None
    new_baseline = audit.new_baseline if whole else AuditBaseline()
    return AuditResult(verdict, audit.problems, audit.counts, audit.not_checked, seconds, new_baseline)


class _Audit:
    """One run of the audit. It collects problems in the order in which it finds them."""

    def __init__(
        self, config: LedgerConfig, archive: Archive | None, *, settled: bool, baseline: AuditBaseline | None
    ) -> None:
        self.problems: list[str] = []
        self.not_checked: list[str] = []
        self.counts: dict[str, Counts] = {}
        self._config = config
        self._archive = archive
        self._settled = settled
        self._baseline = AuditBaseline() if baseline is None else baseline
        self.new_baseline = AuditBaseline()
        self._store = FileStore(config.ledger)
        self._sizes = _published_sizes(self._store, config)
        self._published = _published(self._store, config)
        self._logs: list[LogName] = sorted(self._published, key=astuple)
        self._extents: dict[LogName, LogExtent] = {}

    def check_files(self, policy: Path) -> None:
        """Verify the ledger's directory as an auditor would, and that no anchor is late.

        A ledger that grows meanwhile may remove a partial tile that the verifier is about to read. Then it reads again.
        """
        city = self._baseline.logs.get(city_origin(self._config.city))
        anchors = audit_anchors(
            self._store,
            self._config.city,
            self._config.anchors,
            settled=self._settled,
            above=city.size if city else 0,
        )
        self.problems += anchors.problems
        for _ in range(ATTEMPTS):
            before = self._sizes = _published_sizes(self._store, self._config)
            self._published = _published(self._store, self._config)
            try:
                self.new_baseline.logs = dict(self._baseline.logs)
                trust = replace(load_trust(policy, [], []), receipts=anchors.trust)
                verdict = check_city("ledger", self._config.ledger, trust, self.new_baseline.logs)
            except VerifierError as error:
                self.problems.append(str(error))
                return
            if verdict.passed or before == _published_sizes(self._store, self._config):
                break
        self._take(verdict)
        self._logs = sorted(self._published | self._in_blocks(), key=astuple)

    def _in_blocks(self) -> set[LogName]:
        """Return the logs of the newest verified block, on disk or not."""
        blocks = self.new_baseline.logs.get(city_origin(self._config.city))
        topics = {topic.name for topic in self._config.topics}
        heads = [Origin.parse(origin) for origin in (blocks.heads if blocks is not None else ())]
        return {
            LogName(head.city, head.topic, head.partition, head.epoch)
            for head in heads
            if head.topic is not None and head.partition is not None and head.topic in topics
        }

    def _take(self, verdict: Verdict) -> None:
        for claim in verdict.claims:
            open_end = claim.status is Status.NOT_CHECKED and claim.name == "roots-in-blocks"
            if claim.status is Status.FAILED or (open_end and self._settled):
                self.problems.append(claim.words)
            elif claim.status is Status.NOT_CHECKED:
                self.not_checked.append(claim.words)

    def check_states(self) -> None:
        """Compare the writer's state files with the published checkpoints."""
        checks: list[Callable[[], None]] = [self._check_city_state]
        checks += [partial(self._check_state, name) for name in self._logs]
        for check in checks:
            try:
                check()
            except (LedgerError, FormatError) as error:
                self.problems.append(str(error))

    def _check_state(self, name: LogName) -> None:
        state = read_state(self._store, name.folder)
        where = f"{name.folder}/{STATE}"
        if state is None or state.origin != name.origin:
            self.problems.append(f"{where}: expected the state of {name.origin}, got {state}")
            return
        size = self._sizes.get(name)
        if size is not None and (state.size < size or (self._settled and state.size != size)):
            self.problems.append(f"{where}: expected size {size} as published, got {state.size}")

    def _check_city_state(self) -> None:
        folder = log_path(city_origin(self._config.city))
        state = read_city_state(self._store, folder)
        if state is None:
            self.problems.append(f"{folder}/{STATE}: expected the city log's state, got none")
            return
        size = parse_checkpoint(self._store.read(f"{folder}/{CHECKPOINT}"))[0].size
        if state.size < size or (self._settled and state.size != size):
            self.problems.append(
                f"{folder}/{CHECKPOINT}: expected size {state.size} as in {STATE}, cosigned is {size}"
            )

    def _measure_logs(self) -> None:
        """Determine how many leaves of each log to compare, and report each log whose size nobody verified."""
        blocks = self.new_baseline.logs.get(city_origin(self._config.city))
        for name in self._logs:
            found = self.new_baseline.logs.get(name.origin)
            verified = found if found is not self._baseline.logs.get(name.origin) else None
            head = blocks.heads.get(name.origin) if blocks is not None else None
            extent = extent_of(self._store, name, verified, head.size if head is not None else 0)
            self._extents[name] = extent
            if extent.ground:
                self.problems.append(
                    f"{name.folder}: not verified: leaves are compared up to {extent.ground}; where none can be read, "
                    "the archive is compared with Kafka alone"
                )

    def check_records(self, source: Source, grace_s: float = 0.0) -> None:
        """Compare every leaf with Kafka and the archive.

        Args:
            source: Kafka.
            grace_s: time to wait for the archive after Kafka's ends were read, in seconds.
        """
        self._measure_logs()
        try:
            self._check_records(source, grace_s)
        except KafkaUnavailableError as error:
            self.problems.append(f"Kafka: {error}")

    def _check_records(self, source: Source, grace_s: float) -> None:
        facts = source.describe([topic.name for topic in self._config.topics])
        if self._archive is None:
            self.not_checked.append("the archive: nobody gave a reader of it")
        if self._baseline.logs:
            self.not_checked.append(
                "records, rows and files that the last audit had checked: run a full audit"
            )
        ends = {
            (topic.name, partition): source.watermarks(topic.name, partition)
            for topic in self._config.topics
            if topic.name in facts
            for partition in range(max(topic.partitions, facts[topic.name].partitions))
        }
        if grace_s:
            time.sleep(grace_s)
        for topic in self._config.topics:
            found = facts.get(topic.name)
            if found is None:
                self.problems.append(f"{topic.name}: expected the topic in Kafka, got none")
                continue
            total = Counts()
            for partition in range(max(topic.partitions, found.partitions)):
                one = self._compare(
                    source, topic.name, partition, found.topic_id, ends[topic.name, partition]
                )
                self.problems += one.problems
                if one.left_out:
                    self.problems.append(f"{one.where}: and {one.left_out} problems more")
                total = Counts(
                    total.records + one.records, total.sealed + one.leaves, total.archived + one.rows
                )
            self.counts[topic.name] = total

    def _compare(
        self, source: Source, topic: str, partition: int, topic_id: bytes, ends: tuple[int, int]
    ) -> Comparison:
        comparison = Comparison(f"{topic}/{partition}")
        low, high = ends
        logs = [name for name in self._extents if (name.topic, name.partition) == (topic, partition)]
        if not logs and self._settled:
            comparison.add("expected a published log, got none")
        current = [name for name in logs if self._topic_id(name) in (topic_id, b"")]
        if logs and not current:
            comparison.add(f"expected a log of topic id {topic_id.hex()}, got none: it was re-created")
        earlier = {leaf.leaf for leaf in self._leaves(name for name in logs if name not in current)}
        first = self._first(comparison, current, topic, partition)
        end = self._end(current, max(low, first), high)
        before = END if self._settled else end
        stop = high if self._settled else min(end, high)
        records = source.records(topic, partition, max(low, first), stop)
        kafka = Side("Kafka", items(topic, partition, records), comparison)
        archived = None
        if self._archive is not None:
            rows = items(topic, partition, self._archive.rows(topic, partition, first))
            archived = Side("archive", rows, comparison, earlier)
        leaves = chain.from_iterable(self._leaves_of(name) for name in current)
        compare(comparison, leaves, kafka, archived, retained_from=low, before=before)
        if self._archive is not None and current:
            self.new_baseline.rows[comparison.where] = end, self._archive.count(topic, partition, end)
        return comparison

    def _end(self, current: Sequence[LogName], least: int, high: int) -> int:
        """Return the offset up to which leaves, records and rows are compared beside a running platform."""
        if not current:
            return least
        end = self._extents[current[-1]].next_offset
        return high if end is None else max(end, least)

    def _first(self, comparison: Comparison, current: Sequence[LogName], topic: str, partition: int) -> int:
        """Return the offset to compare records from; check that the archive still has as many rows before it."""
        if not any(name.origin in self._baseline.logs for name in current):
            return 0  # a topic that was created, or re-created, since
        first, expected = self._baseline.rows.get(comparison.where, (0, 0))
        if first and self._archive is not None:
            got = self._archive.count(topic, partition, first)
            if got != expected:
                comparison.add(
                    f"before offset {first}: archive: expected {expected} rows as at the last audit, got {got}: "
                    "a full audit names them"
                )
        return first

    def _topic_id(self, name: LogName) -> bytes:
        """Return the topic's id by the log's START file; nothing if the file cannot be read."""
        try:
            control = parse_control(self._store.read(f"{name.folder}/{control_path(0)}"))
        except (LedgerError, FormatError) as error:
            self._add_unnamed(f"{name.folder}/{control_path(0)}", f"{name.folder}/{control_path(0)}: {error}")
            return b""
        return bytes.fromhex(control.topic_id) if isinstance(control, Start) else b""

    def _leaves(self, names: Iterable[LogName]) -> Iterator[RecordLeaf]:
        for name in names:
            yield from (leaf for leaf in self._leaves_of(name) if isinstance(leaf, RecordLeaf))

    def _leaves_of(self, name: LogName) -> Iterator[RecordLeaf | UnreadLeaves]:
        known = self._baseline.logs.get(name.origin)
        first = known.size if known is not None else 0
        for leaf in read_leaves(self._store, name, self._extents[name], first):
            if isinstance(leaf, UnreadLeaves) and leaf.problem:
                self._add_unnamed(leaf.problem.partition(": ")[0], leaf.problem)
            yield leaf

    def _add_unnamed(self, file: str, words: str) -> None:
        """Add the problem of a file, unless the verifier has named the file."""
        if not any(file in problem for problem in self.problems):
            self.problems.append(words)


def _logs(store: Store, config: LedgerConfig) -> Iterator[LogName]:
    """Yield every log in the store, topic by topic, epochs rising."""
    for topic in config.topics:
        for partition in partitions_of(store, topic.name):
            for epoch in epochs_of(store, topic.name, partition):
                yield LogName(config.city, topic.name, partition, epoch)


def _published_sizes(store: Store, config: LedgerConfig) -> dict[LogName, int]:
    """Return the published size of every log with a readable checkpoint, epochs rising."""
    sizes = {}
    for name in _logs(store, config):
        try:
            sizes[name] = parse_checkpoint(store.read(f"{name.folder}/{CHECKPOINT}"))[0].size
        except (LedgerError, FormatError):
            continue  # the verifier names it
    return sizes


def _published(store: Store, config: LedgerConfig) -> set[LogName]:
    """Return the logs that have a checkpoint file, readable or not."""
    return {name for name in _logs(store, config) if CHECKPOINT in store.listing(name.folder)}
