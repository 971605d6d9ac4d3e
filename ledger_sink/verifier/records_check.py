"""Records against the leaves of their logs: from an export, from Kafka, from a ClickHouse archive.

Each log that is compared was read whole before, so its leaves lead to its signed root: where every record is what its
leaf commits to, the records lead there too. What differs, is missing, too much or doubled is named with topic,
partition and offset. What a source does not reach is said, not passed over.
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
from ledger_sink.verifier.verdict import Claim, Status, failed, not_checked, shown


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Which offsets a source speaks of: a hole between them is a finding, what is outside is not compared."""

    first: int
    end: int


class RecordSource(Protocol):
    """Where records are read from."""

    @property
    def name(self) -> str:
        """How the verdict names it."""

    def offset_range(self, topic: str, partition: int, end: int) -> OffsetRange | None:
        """Return what it speaks of below an offset; None if it knows nothing of the partition."""

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterable[RecordFields]:
        """Return the records with first ≤ offset < end, offsets never falling."""


def check_records(
    logs: Mapping[str, int], files: Callable[[str], LogFiles], source: RecordSource, topic: str | None = None
) -> list[Claim]:
    """Compare records with the leaves of logs.

    Args:
        logs: origins of partition logs, each with the size at which it was verified.
        files: gives a log's files by its origin.
        source: where the records come from.
        topic: only logs of this topic are compared.
    """
    places: dict[tuple[str, int], list[str]] = {}
    for origin in sorted(logs, key=lambda name: Origin.parse(name).epoch):
        log = Origin.parse(origin)
        if log.topic is not None and log.partition is not None and topic in (None, log.topic):
            places.setdefault((log.topic, log.partition), []).append(origin)
    if not places:
        return [
            failed(
                "records",
                f"There is no log of topic {topic} to compare with." if topic else "There is no log.",
            )
        ]
    claims: list[Claim] = []
    for (name, partition), origins in sorted(places.items()):
        try:
            claims += _compare((name, partition), {each: logs[each] for each in origins}, files, source)
        except (FormatError, UnreadableError) as problem:
            claims.append(failed("records", f"{name}/{partition}: {problem}"))
    if all(claim.status is Status.NOT_CHECKED for claim in claims):
        claims.append(failed("records", f"{source.name}: nothing in it could be compared with these logs."))
    return claims


def _compare(
    place: tuple[str, int], logs: Mapping[str, int], files: Callable[[str], LogFiles], source: RecordSource
) -> list[Claim]:
    """Compare one topic-partition; its logs are its epochs, rising."""
    where = f"{place[0]}/{place[1]}"
    ids = {origin: _topic_id(files(origin)) for origin in logs}
    newest = list(logs)[-1]
    current = [origin for origin in logs if ids[origin] == ids[newest]]
    earlier = {
        sealed.leaf for origin in logs if origin not in current for sealed in _leaves(origin, logs, files)
    }
    spread = _spread(sealed.offset for origin in current for sealed in _leaves(origin, logs, files))
    end = spread.end
    reach = source.offset_range(*place, end)
    if reach is None:
        return [not_checked("records", f"{where}: {source.name} holds nothing of it: it was not compared.")]
    comparison = Comparison(where)
    side = Side(
        source.name, items(*place, source.records(*place, reach.first, reach.end)), comparison, earlier
    )
    leaves = (sealed for origin in current for sealed in _leaves(origin, logs, files))
    compare(
        comparison,
        (sealed for sealed in leaves if reach.first <= sealed.offset < reach.end),
        side,
        None,
        retained_from=reach.first,
        before=reach.end,
    )
    return _claims(comparison, source.name, (newest, logs[newest]), reach, spread)


def _claims(
    comparison: Comparison, name: str, log: tuple[str, int], reach: OffsetRange, spread: OffsetRange
) -> list[Claim]:
    claims = [failed("records", words) for words in comparison.problems]
    if comparison.left_out:
        claims.append(failed("records", f"{comparison.where}: and {comparison.left_out} problems more"))
    where = comparison.where
    if not claims:
        whole = reach.first <= spread.first and reach.end >= spread.end
        to_root = f": they lead to its signed root at size {log[1]}" if whole else ""
        words = f"{where}: {comparison.records} records in {name} are what the leaves of {log[0]} commit to{to_root}."
        claims.append(shown("records", words))
    if reach.first > spread.first:
        words = (
            f"{where}: offsets {spread.first} to {reach.first - 1} are not in {name}; they were not compared."
        )
        claims.append(not_checked("records", words))
    if reach.end < spread.end:
        words = f"{where}: offsets {reach.end} to {spread.end - 1} are not in {name}; they were not compared."
        claims.append(not_checked("records", words))
    return claims


def _spread(offsets: Iterable[int]) -> OffsetRange:
    """Return the first and the last of rising offsets."""
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
