"""One log's folder: its checkpoint's signature, the whole tree, and what its entries say.

Of a partition log the leaves are read: START first, offsets strictly rising, control files recomputed. Of a
city log the blocks are read and their chain is checked. Of any other tlog-tiles log the tree alone.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from ledger_sink.format.block import Block, require_successor
from ledger_sink.format.checkpoint import Checkpoint, parse_checkpoint
from ledger_sink.format.control import Gap, parse_control
from ledger_sink.format.errors import FormatError, LeafFormatError, OriginError, TileError
from ledger_sink.format.keys import Origin
from ledger_sink.format.layout import control_path
from ledger_sink.format.leaf import Kind, Leaf
from ledger_sink.format.policy import Cosigned
from ledger_sink.format.tiles import TILE_WIDTH
from ledger_sink.verifier.errors import UnreadableError
from ledger_sink.verifier.evidence import witness_claims
from ledger_sink.verifier.folder import LogFiles
from ledger_sink.verifier.growth_check import check_growth
from ledger_sink.verifier.memory import EMPTY_MEMORY, CheckpointMemory
from ledger_sink.verifier.observed_checkpoint import SignedCheckpoint
from ledger_sink.verifier.tree_check import check_tree
from ledger_sink.verifier.trust import Trust
from ledger_sink.verifier.verdict import Claim, Verdict, failed, not_checked, shown
from ledger_sink.verifier.verified_prefix import VerifiedPrefix

MAX_PROBLEMS = 100
"""Problems named per log; a log that is damaged all over needs no longer list."""


@dataclass
class LogFindings:
    """What a log's folder showed. `problems` begin with a path below the log's folder."""

    head: Checkpoint | None = None
    opened: Cosigned | None = None
    problems: list[str] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    prefix: VerifiedPrefix | None = None
    blocks: list[Block] = field(default_factory=list)
    heads: dict[str, Checkpoint] = field(default_factory=dict)
    """Of a city log: the newest mention of each partition log."""
    next_offset: int = 0
    records: int = 0
    controls: int = 0
    beyond: int = 0
    listed: bool = True


def check_log(
    subject: str, folder: LogFiles, trust: Trust, memory: CheckpointMemory = EMPTY_MEMORY
) -> Verdict:
    """Verify a log against the auditor's keys and what they saw of it before."""
    findings = read_log(folder, trust, memory=memory)
    claims = [*log_claims(findings)]
    if findings.opened is not None and trust.policy is not None:
        claims += witness_claims(findings.opened, trust)
    known, observed = memory_claims(findings, trust, memory)
    return Verdict(subject, (*claims, *known), facts=log_facts(findings), observed=observed)


def memory_claims(
    findings: LogFindings, trust: Trust, memory: CheckpointMemory
) -> tuple[list[Claim], tuple[SignedCheckpoint, ...]]:
    """Compare a log that was read whole with what was seen of it."""
    if findings.problems or findings.opened is None:
        return [], ()
    return memory.compare(findings.opened.note.encode(), trust, findings.roots, live=True)


def log_claims(findings: LogFindings) -> list[Claim]:
    """Turn findings into claims, one per problem or one for the whole."""
    head = findings.head
    named = findings.problems[:MAX_PROBLEMS]
    claims = [failed("log-whole", words) for words in named]
    if len(findings.problems) > len(named):
        claims.append(failed("log-whole", f"and {len(findings.problems) - len(named)} problems more"))
    if head is None or claims:
        return claims
    if findings.prefix is not None:
        return [*_growth_claims(head, findings.prefix)]
    words = f"{head.origin}: signed, and all {head.size} entries lead to its root {head.root.hex()}."
    claims.append(shown("log-whole", words))
    if findings.beyond:
        words = f"{findings.beyond} files lie past the checkpoint's size; they are no part of the log."
        claims.append(not_checked("log-beyond", words))
    if not findings.listed:
        words = f"{head.origin}: over HTTP no folder can be listed: older partial tiles were not looked at."
        claims.append(not_checked("log-leftovers", words))
    return claims


def _growth_claims(head: Checkpoint, prefix: VerifiedPrefix) -> Iterator[Claim]:
    yield shown(
        "log-grown",
        f"{head.origin}: signed, and its {head.size - prefix.size} new entries lead on from the root verified at "
        f"size {prefix.size} to its root {head.root.hex()}.",
    )
    if prefix.size:
        words = f"{head.origin}: its first {prefix.size} entries were verified before and are not read again."
        yield not_checked("log-whole", words)


def log_facts(findings: LogFindings) -> dict[str, object]:
    """What a program may want to know of a log."""
    if findings.head is None:
        return {}
    head, prefix = findings.head, findings.prefix
    return {
        "origin": head.origin,
        "size": head.size,
        "root": head.root.hex(),
        "records": findings.records,
        "controls": findings.controls,
        "blocks": len(findings.blocks),
        **({"since": prefix.size} if prefix is not None else {}),
    }


def verified(findings: LogFindings) -> VerifiedPrefix | None:
    """Return the log as it was found whole, for a later verification to go on from; None if it was not."""
    head = findings.head
    if head is None or findings.problems:
        return None
    return VerifiedPrefix(head.size, head.root, findings.next_offset, findings.records, findings.heads)


def read_log(
    folder: LogFiles,
    trust: Trust,
    sizes: Collection[int] = (),
    origin: str | None = None,
    prefix: VerifiedPrefix | None = None,
    *,
    memory: CheckpointMemory = EMPTY_MEMORY,
) -> LogFindings:
    """Recompute a log and collect what is wrong with it.

    Args:
        folder: where it lies.
        trust: what the checkpoint's signatures must satisfy.
        sizes: older sizes of which the roots are wanted.
        origin: the log that must lie there, if the caller knows.
        prefix: what an earlier verification found whole; only what came after it is read.
        known: checkpoints that the auditor saw before: of their sizes the roots are wanted too.
    """
    findings = LogFindings(prefix=prefix)
    if prefix is not None:
        findings.heads.update(prefix.heads)
        findings.next_offset, findings.records = prefix.next_offset, prefix.records
    try:
        data = folder.checkpoint()
        findings.head = parse_checkpoint(data)[0]
        if origin is not None and findings.head.origin != origin:
            raise OriginError(f"expected origin {origin}, got {findings.head.origin!a}")
        findings.opened = trust.open(data)
    except (FormatError, UnreadableError) as problem:
        findings.problems.append(f"checkpoint: {problem}")
    if findings.head is not None:
        remembered = memory.sizes(findings.head.origin, trust)
        _read_entries(folder, findings, {*sizes, *remembered})
    return findings


def _read_entries(folder: LogFiles, findings: LogFindings, sizes: Collection[int]) -> None:
    head = findings.head
    if head is None:
        return
    reader = _reader_of(head.origin, folder, findings)
    told = len(findings.problems)
    if findings.prefix is None:
        tree = check_tree(folder, head, reader.take, sizes)
    else:
        tree = check_growth(folder, head, findings.prefix, reader.take, sizes)
    # Damaged files first: a bundle in the wrong place breaks the rules of hundreds of leaves, and few are told.
    findings.problems[told:told] = tree.problems
    findings.roots, findings.beyond, findings.listed = tree.roots, tree.beyond, tree.listed


class _Reader:
    """Reads entries of a log of which nothing but the tree is known."""

    def __init__(self, folder: LogFiles, findings: LogFindings) -> None:
        self._folder = folder
        self._findings = findings

    def take(self, first: int, entries: list[bytes]) -> None:
        """Take the entries of one bundle."""


class _LeafReader(_Reader):
    """Reads a partition log's leaves: START at 0 only, offsets strictly rising, controls recomputed."""

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
        """Recompute a control leaf from its file; return the next offset that may come."""
        path = control_path(index)
        try:
            control = parse_control(self._folder.read(path))
        except (FormatError, UnreadableError) as problem:
            self._findings.problems.append(f"{path}: {problem} (leaf {index})")
            return leaf.offset
        if control.leaf() != entry:
            self._findings.problems.append(f"{path}: it is not what {leaf.kind.name} leaf {index} commits to")
        return control.last_missing + 1 if isinstance(control, Gap) else leaf.offset


class _BlockReader(_Reader):
    """Reads the city log's blocks and checks their chain."""

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
            return  # an earlier block could not be read, and is named; this one cannot be chained
        head = self._findings.head
        previous = blocks[-2] if len(blocks) > 1 else self._verified_before(first)
        require_successor(previous, block, self._findings.heads)
        self._findings.heads.update((line.origin, line) for line in block.heads)
        if head is not None and block.origin != head.origin:
            raise OriginError(f"block {block.number}: expected origin {head.origin}, got {block.origin}")

    def _verified_before(self, first: int) -> Block | None:
        """Return the last block that was verified before; the first new one holds its hash."""
        if not first:
            return None
        index = (first - 1) // TILE_WIDTH
        try:
            return Block.parse(self._folder.read_entries(index, first - index * TILE_WIDTH)[-1])
        except UnreadableError as problem:
            raise TileError(f"block {first - 1}: {problem}") from None


def _reader_of(origin: str, folder: LogFiles, findings: LogFindings) -> _Reader:
    try:
        log = Origin.parse(origin)
    except OriginError:
        return _Reader(folder, findings)
    return (_BlockReader if log.is_city else _LeafReader)(folder, findings)
