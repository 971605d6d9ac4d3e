"""Comparison of records with the leaves of their logs: from an export, from Kafka, or from a ClickHouse archive.

Each compared log was verified whole before, so its leaves lead to its signed root. If every record matches its leaf's
commitment, the records lead to that root too. A record that differs, is missing, added or duplicated is named with
topic, partition and offset. Offsets outside the source are reported as not checked.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from ledger_sink.format.control import Start, parse_control
from ledger_sink.format.errors import FormatError
from ledger_sink.format.keys import Origin
from ledger_sink.format.layout import control_path
from ledger_sink.format.leaf import LEAF_BYTES, Kind, RecordFields
from ledger_sink.verifier.compare import Comparison, RecordLeaf, Side, compare, items
from ledger_sink.verifier.errors import UnreadableError
from ledger_sink.verifier.folder import LogFiles
from ledger_sink.verifier.verdict import Claim, Status, failed, not_checked, nothing, shown, unreadable


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """The offsets from `first` to before `end`. Within a source's range a missing record is a problem."""

    first: int
    end: int


class RecordSource(Protocol):
    """A source of records to compare with leaves."""

    @property
    def name(self) -> str:
        """Return its name in the verdict."""

    def offset_range(self, topic: str, partition: int, end: int) -> OffsetRange | None:
        """Return the offsets below `end` that it covers; `None` if it has nothing of the partition.

        Raises:
            UnreadableError: if it cannot be read.
        """

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterable[RecordFields]:
        """Return the records with first ≤ offset < end; offsets do not fall.

        Raises:
            UnreadableError: if it cannot be read.
        """


def check_records(
    logs: Mapping[str, int], files: Callable[[str], LogFiles], source: RecordSource, topic: str | None = None
) -> list[Claim]:
    """Compare records with the leaves of logs.

    Args:
        logs: origin of each partition log → size at which it was verified.
        files: returns a log's files by its origin.
        source: the source of the records.
        topic: compare only logs of this topic; `None` for all.

    Returns:
        The claims. If nothing could be compared, one of them says so.
    """
    partitions: dict[tuple[str, int], list[str]] = {}
    for origin in sorted(logs, key=lambda name: Origin.parse(name).epoch):
        log = Origin.parse(origin)
        if log.topic is not None and log.partition is not None and topic in (None, log.topic):
            partitions.setdefault((log.topic, log.partition), []).append(origin)
    if not partitions:
        return [
            nothing(
                "records",
                f"There is no log of topic {topic} to compare with." if topic else "There is no log.",
            )
        ]
    claims: list[Claim] = []
    for (name, partition), origins in sorted(partitions.items()):
        try:
            claims += _compare((name, partition), {each: logs[each] for each in origins}, files, source)
        except (FormatError, UnreadableError) as problem:
            claim = unreadable if isinstance(problem, UnreadableError) else failed
            claims.append(claim("records", f"{name}/{partition}: {problem}"))
    if all(claim.status is Status.NOT_CHECKED for claim in claims):
        claims.append(nothing("records", f"{source.name}: nothing in it could be compared with these logs."))
    return claims


def _compare(
    topic_partition: tuple[str, int],
    logs: Mapping[str, int],
    files: Callable[[str], LogFiles],
    source: RecordSource,
) -> list[Claim]:
    """Compare one topic-partition. `logs` holds the logs of its epochs, rising."""
    where = f"{topic_partition[0]}/{topic_partition[1]}"
    ids = {origin: _topic_id(files(origin)) for origin in logs}
    newest = list(logs)[-1]
    current = [origin for origin in logs if ids[origin] == ids[newest]]
    earlier = {
        sealed.leaf for origin in logs if origin not in current for sealed in _leaves(origin, logs, files)
    }
    span = _span(sealed.offset for origin in current for sealed in _leaves(origin, logs, files))
    end = span.end
    covered = source.offset_range(*topic_partition, end)
    if covered is None:
        return [not_checked("records", f"{where}: {source.name} holds nothing of it: it was not compared.")]
    comparison = Comparison(where)
    side = Side(
        source.name,
        items(*topic_partition, source.records(*topic_partition, covered.first, covered.end)),
        comparison,
        earlier,
    )
    leaves = (sealed for origin in current for sealed in _leaves(origin, logs, files))
    compare(
        comparison,
        (sealed for sealed in leaves if covered.first <= sealed.offset < covered.end),
        side,
        None,
        retained_from=covered.first,
        before=covered.end,
    )
    return _claims(comparison, source.name, (newest, logs[newest]), covered, span)


def _claims(
    comparison: Comparison, name: str, log: tuple[str, int], covered: OffsetRange, span: OffsetRange
) -> list[Claim]:
    claims = [failed("records", words) for words in comparison.problems]
    if comparison.left_out:
        claims.append(failed("records", f"{comparison.where}: and {comparison.left_out} problems more"))
    where = comparison.where
    if not claims:
        whole = covered.first <= span.first and covered.end >= span.end
        to_root = f": they lead to its signed root at size {log[1]}" if whole else ""
        words = f"{where}: {comparison.records} records in {name} are what the leaves of {log[0]} commit to{to_root}."
        claims.append(shown("records", words))
    if covered.first > span.first:
        words = (
            f"{where}: offsets {span.first} to {covered.first - 1} are not in {name}; they were not compared."
        )
        claims.append(not_checked("records", words))
    if covered.end < span.end:
        words = f"{where}: offsets {covered.end} to {span.end - 1} are not in {name}; they were not compared."
        claims.append(not_checked("records", words))
    return claims


def _span(offsets: Iterable[int]) -> OffsetRange:
    """Return the range that rising offsets span."""
    first, end = 0, 0
    for offset in offsets:
        first = offset if end == 0 else first
        end = offset + 1
    return OffsetRange(first, end)


def _topic_id(files: LogFiles) -> str:
    control = parse_control(files.read(control_path(0)))
    return control.topic_id if isinstance(control, Start) else ""


def _leaves(origin: str, logs: Mapping[str, int], files: Callable[[str], LogFiles]) -> Iterator[RecordLeaf]:
    for index, entry in enumerate(files(origin).entries(logs[origin])):
        if len(entry) == LEAF_BYTES and entry[1] == Kind.RECORD:
            yield RecordLeaf(int.from_bytes(entry[2:10], "big"), index, origin, entry)
