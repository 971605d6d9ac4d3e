"""Verification of a log's entries one by one: leaves of a partition log, blocks of a city log."""

from ledger_sink.format.block import Block, require_successor
from ledger_sink.format.control import Gap, parse_control
from ledger_sink.format.errors import FormatError, LeafFormatError, OriginError, TileError
from ledger_sink.format.keys import Origin
from ledger_sink.format.layout import control_path
from ledger_sink.format.leaf import Kind, Leaf
from ledger_sink.format.tiles import TILE_WIDTH
from ledger_sink.verifier.errors import UnreadableError, is_refuted
from ledger_sink.verifier.folder import LogFiles
from ledger_sink.verifier.log_findings import LogFindings


class EntryReader:
    """Receives the entries of a log whose entry format is unknown: it ignores them."""

    def __init__(self, folder: LogFiles, findings: LogFindings) -> None:
        self._folder = folder
        self._findings = findings

    def take(self, first: int, entries: list[bytes]) -> None:
        """Receive the entries of one bundle; `first` is the index of the first one."""


class _LeafReader(EntryReader):
    """Verifies a partition log's leaves: START at 0 only, offsets strictly rising, control files match."""

    def take(self, first: int, entries: list[bytes]) -> None:
        for index, entry in enumerate(entries, start=first):
            try:
                self._leaf(index, entry)
            except FormatError as problem:
                self._findings.problems.append(f"leaf {index}: {problem}")

    def _leaf(self, index: int, entry: bytes) -> None:
        leaf = Leaf.parse(entry)
        if (index == 0) != (leaf.kind is Kind.START):
            raise LeafFormatError(f"expected START as leaf 0 and nowhere else, got {leaf.kind.name}")
        if leaf.offset < self._findings.next_offset:
            raise LeafFormatError(
                f"expected an offset of {self._findings.next_offset} or more, got {leaf.offset}"
            )
        if leaf.kind is Kind.RECORD:
            self._findings.next_offset = leaf.offset + 1
            self._findings.records += 1
        else:
            self._findings.next_offset = self._control(index, leaf, entry)
            self._findings.controls += 1

    def _control(self, index: int, leaf: Leaf, entry: bytes) -> int:
        """Recompute a control leaf from its file; return the smallest offset that may follow."""
        path = control_path(index)
        try:
            control = parse_control(self._folder.read(path))
        except (FormatError, UnreadableError) as problem:
            found = self._findings
            (found.problems if is_refuted(problem) else found.unreadable).append(
                f"{path}: {problem} (leaf {index})"
            )
            return leaf.offset
        if control.leaf() != entry:
            self._findings.problems.append(f"{path}: it is not what {leaf.kind.name} leaf {index} commits to")
        return control.last_missing + 1 if isinstance(control, Gap) else leaf.offset


class _BlockReader(EntryReader):
    """Verifies the chain of a city log's blocks."""

    def take(self, first: int, entries: list[bytes]) -> None:
        for index, entry in enumerate(entries, start=first):
            try:
                self._block(index, entry)
            except FormatError as problem:
                self._findings.problems.append(f"leaf {index}: {problem}")

    def _block(self, index: int, entry: bytes) -> None:
        block = Block.parse(entry)
        blocks, prefix = self._findings.blocks, self._findings.prefix
        blocks.append(block)
        first = prefix.size if prefix is not None else 0
        if len(blocks) != index - first + 1:
            return  # an earlier block is malformed and reported; this one cannot be verified against it
        head = self._findings.head
        previous = blocks[-2] if len(blocks) > 1 else self._verified_before(first)
        require_successor(previous, block, self._findings.heads)
        self._findings.heads.update((line.origin, line) for line in block.heads)
        if head is not None and block.origin != head.origin:
            raise OriginError(f"block {block.number}: expected origin {head.origin}, got {block.origin}")

    def _verified_before(self, first: int) -> Block | None:
        """Return the last block of the verified prefix; the first new block holds its hash."""
        if not first:
            return None
        index = (first - 1) // TILE_WIDTH
        try:
            return Block.parse(self._folder.read_entries(index, first - index * TILE_WIDTH)[-1])
        except UnreadableError as problem:
            raise TileError(f"block {first - 1}: {problem}") from None


def reader_of(origin: str, folder: LogFiles, findings: LogFindings) -> EntryReader:
    """Return the reader of a log's entries: blocks of a city log, leaves of a partition log, else none."""
    try:
        log = Origin.parse(origin)
    except OriginError:
        return EntryReader(folder, findings)
    return (_BlockReader if log.is_city else _LeafReader)(folder, findings)
