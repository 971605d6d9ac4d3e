"""The ledger's leaves of a topic-partition, in step with offsets: the archive is compared with them when made again.

The whole ledger is verified first, as an audit does it. A log that does not verify is reported, and its leaves are
used all the same: a record that differs from them is not used without a word.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from ledger_sink.audit.baseline import AuditBaseline
from ledger_sink.audit.leaves import read_leaves
from ledger_sink.audit.ledger_files import LedgerFilesAudit
from ledger_sink.errors import LedgerError
from ledger_sink.format.control import Start, parse_control
from ledger_sink.format.errors import FormatError
from ledger_sink.format.layout import POLICY, control_path
from ledger_sink.verifier.compare import END, RecordLeaf, UnreadLeaves

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ledger_sink.config import LedgerConfig
    from ledger_sink.log.name import LogName


class LeafCursor:
    """Leaves of one partition, offsets rising, with a memory of where some cannot be read.

    Args:
        leaves: The leaves, and marks where some cannot be read.
        end: Offset behind the last sealed record.
    """

    def __init__(self, leaves: Iterable[RecordLeaf | UnreadLeaves], end: int = 0) -> None:
        self.end = end
        self._leaves = iter(leaves)
        self._last = -1
        self._unread: list[tuple[int, int]] = []
        self._next = self._advance()

    @property
    def offset(self) -> int:
        """Return the offset of the next leaf; `END` if there is none."""
        return END if self._next is None else self._next.offset

    def take(self, end: int) -> dict[int, bytes]:
        """Return the leaves before an offset by their offsets, and go past them."""
        found = {}
        while self._next is not None and self._next.offset < end:
            found[self._next.offset] = self._next.leaf
            self._next = self._advance()
        return found

    def unread(self, offset: int) -> bool:
        """Return whether an offset that was gone past may have a leaf that cannot be read."""
        return any(first <= offset < end for first, end in self._unread)

    def _advance(self) -> RecordLeaf | None:
        mark: int | None = None
        for leaf in self._leaves:
            if isinstance(leaf, UnreadLeaves):
                mark = self._last + 1
            elif leaf.offset > self._last:
                if mark is not None:
                    self._unread.append((mark, leaf.offset))
                self._last = leaf.offset
                return leaf
        if mark is not None:
            self._unread.append((mark, END))
        return None


class SealedLeaves:
    """The ledger of a city, verified once.

    Args:
        config: The ledger's configuration.
    """

    def __init__(self, config: LedgerConfig) -> None:
        self._files = LedgerFilesAudit(config, AuditBaseline(), settled=False)
        self._files.check(config.ledger / POLICY)

    def logs(self, topic: str, partition: int) -> list[LogName]:
        """Return the logs of a partition, epochs rising."""
        return [each for each in self._files.logs if (each.topic, each.partition) == (topic, partition)]

    def partitions(self, topic: str) -> set[int]:
        """Return the partitions of a topic that have a log."""
        return {each.partition for each in self._files.logs if each.topic == topic}

    def cursor(self, topic: str, partition: int, topic_id: bytes) -> LeafCursor:
        """Return the leaves of the topic that Kafka has now."""
        current = [each for each in self.logs(topic, partition) if self._topic_id(each) in (topic_id, b"")]
        ends = [self._files.extents[each].next_offset or 0 for each in current]
        return LeafCursor(self._read(current), max(ends, default=0))

    def earlier(self, topic: str, partition: int, topic_id: bytes) -> set[bytes]:
        """Return the leaves of an earlier topic of the same name: the archive has its records, too."""
        others = [each for each in self.logs(topic, partition) if self._topic_id(each) not in (topic_id, b"")]
        return {leaf.leaf for leaf in self._read(others) if isinstance(leaf, RecordLeaf)}

    def doubts(self, topic: str) -> list[str]:
        """Return one line for each log of a topic that does not verify."""
        return [
            f"{name.folder}: not verified, its leaves up to {extent.ground} were compared: run `city audit`"
            for name, extent in self._files.extents.items()
            if name.topic == topic and extent.ground
        ]

    def _read(self, names: Sequence[LogName]) -> Iterator[RecordLeaf | UnreadLeaves]:
        return chain.from_iterable(
            read_leaves(self._files.store, name, self._files.extents[name]) for name in names
        )

    def _topic_id(self, name: LogName) -> bytes:
        """Return the topic's id by the log's START file; nothing if the file cannot be read."""
        try:
            control = parse_control(self._files.store.read(f"{name.folder}/{control_path(0)}"))
        except (LedgerError, FormatError):
            return b""
        return bytes.fromhex(control.topic_id) if isinstance(control, Start) else b""
