"""The operator's audit of anchors: which are configured, how late each is, and the operator's own trust.

An auditor knows neither the configured anchors nor their intervals, so the verifier cannot check these.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ledger_sink.anchor.config import late_after_s, read_roots, receipt_name
from ledger_sink.anchor.jobs import AnchorJobs, anchored_sizes
from ledger_sink.config import EvmSettings, FileSettings, TimestampSettings
from ledger_sink.errors import LedgerError, MissingFileError, SetupError
from ledger_sink.format.block import Block
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.format.keys import city_origin
from ledger_sink.format.layout import CHECKPOINT, anchor_path, log_path
from ledger_sink.log.tile_log import TileSource
from ledger_sink.receipt import ethereum
from ledger_sink.receipt.errors import ReceiptError, UncheckedError
from ledger_sink.receipt.kinds import ReceiptTrust
from ledger_sink.receipt.printed import PrintedLine, parse_copy
from ledger_sink.regular_file import read_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cryptography.x509 import Certificate

    from ledger_sink.config import AnchorSettings
    from ledger_sink.store import Store


@dataclass(frozen=True)
class AnchorState:
    """The progress of one anchor."""

    name: str
    size: int = 0
    """Size of the newest city checkpoint with a receipt; 0 for none."""
    waiting_s: float = 0.0
    """Seconds since the city log grew beyond that checkpoint, by the time of its next block; 0 if it did not."""
    missing_s: float = 0.0
    """Seconds since the request of a receipt that is still pending; 0 if none is."""
    path: str = ""
    """Path of the pending receipt, below the ledger directory; empty if none is."""
    late_after_s: float = 0.0
    """Seconds after which a receipt counts as late."""

    @property
    def problem(self) -> str:
        """Return why the anchor is late; empty if it is not."""
        if self.missing_s > self.late_after_s:
            return (
                f"{self.path}: expected within {self.late_after_s:.0f} s, missing for {self.missing_s:.0f} s"
            )
        if self.waiting_s > self.late_after_s:
            return (
                f"anchor {self.name}: expected a receipt within {self.late_after_s:.0f} s, the newest is of city "
                f"log size {self.size}, outgrown {self.waiting_s:.0f} s ago"
            )
        return ""


def anchor_states(
    store: Store, city: str, anchors: Sequence[AnchorSettings], clock: Callable[[], float] = time.time
) -> list[AnchorState]:
    """Return the progress of each configured anchor.

    Args:
        store: the ledger's files.
        city: the city's name.
        anchors: the configured anchors.
        clock: the current time, in POSIX seconds.

    Raises:
        StoreError: if a block is missing.
        LogStoppedError: if a job's files, or blocks, are damaged.
    """
    folder = log_path(city_origin(city))
    try:
        published = parse_checkpoint(store.read(f"{folder}/{CHECKPOINT}"))[0].size
    except (MissingFileError, FormatError):
        published = 0
    return [_state(AnchorJobs(store, folder), settings, published, store, clock()) for settings in anchors]


def _state(
    jobs: AnchorJobs, settings: AnchorSettings, published: int, store: Store, now: float
) -> AnchorState:
    receipt = receipt_name(settings)
    newest, path, missing_s = jobs.newest(receipt), "", 0.0
    if newest is not None and jobs.receipt(newest, receipt) is None:
        path = f"{jobs.folder}/{anchor_path(newest.size)}/{receipt}"
        missing_s = max(0.0, now - newest.time_ms / 1000)
        newest = jobs.newest(receipt, came=True)
    size = newest.size if newest else 0
    waiting_s = 0.0
    if size < published:
        next_block = Block.parse(TileSource(store, jobs.folder).entry(size, published))
        waiting_s = max(0.0, now - next_block.time_ms / 1000)
    return AnchorState(settings.name, size, waiting_s, missing_s, path, late_after_s(settings))


@dataclass
class AnchorFindings:
    """What an audit of anchors finds besides the receipts themselves."""

    trust: ReceiptTrust = field(default_factory=ReceiptTrust)
    """The operator's own roots, blocks and lines. It proves less than an auditor's trust, but reveals damage."""
    problems: list[str] = field(default_factory=list)


def audit_anchors(
    store: Store,
    city: str,
    anchors: Sequence[AnchorSettings],
    *,
    settled: bool,
    above: int = 0,
    clock: Callable[[], float] = time.time,
) -> AnchorFindings:
    """Read the operator's trust, and report anchors that are late and receipts of another chain.

    Args:
        store: the ledger's files.
        city: the city's name.
        anchors: the configured anchors.
        settled: the stack and its anchors have stopped: only a requested receipt can be late.
        above: receipts over checkpoints up to this size were audited before.
        clock: the current time, in POSIX seconds.
    """
    found = AnchorFindings()
    try:
        states = anchor_states(store, city, anchors, clock)
    except (LedgerError, FormatError):
        states = []  # the verification of the files reports it
    found.problems += [s.problem for s in states if s.problem and (s.path or not settled)]
    roots: list[Certificate] = []
    lines: list[PrintedLine] = []
    blocks: dict[int, frozenset[bytes]] = {}
    known = frozenset(receipt_name(s) for s in anchors if not isinstance(s, FileSettings))
    for settings in anchors:
        try:
            if isinstance(settings, TimestampSettings):
                roots += read_roots(settings.roots)
            elif isinstance(settings, FileSettings) and settings.path.exists():
                lines += parse_copy(read_regular(settings.path))
            elif isinstance(settings, EvmSettings):
                own = frozenset(_own_blocks(store, city, settings, above, found.problems))
                blocks[settings.chain_id] = blocks.get(settings.chain_id, frozenset()) | own
        except (SetupError, ReceiptError, OSError) as error:
            found.problems.append(f"anchor {settings.name}: {error}")
    found.trust = ReceiptTrust(tuple(roots), blocks, tuple(lines), known=known)
    return found


def _own_blocks(
    store: Store, city: str, settings: EvmSettings, above: int, problems: list[str]
) -> Iterator[bytes]:
    """Yield the hashes of the blocks that our node confirmed: the scheduler keeps receipts of no others."""
    folder, receipt = log_path(city_origin(city)), receipt_name(settings)
    jobs = AnchorJobs(store, folder)
    for size in anchored_sizes(store, folder, above=above):
        try:
            job = jobs.read(size)
            data = jobs.receipt(job, receipt) if job and receipt in job.receipts else None
            if job is None or data is None:
                continue
            placed = ethereum.verify_inclusion(jobs.checkpoint(job), data)
        except (LedgerError, ReceiptError, UncheckedError):
            continue  # the verification of the receipt reports it
        if placed.chain_id == settings.chain_id:
            yield placed.block
        else:
            problems.append(
                f"{folder}/{anchor_path(size)}/{receipt}: expected chain {settings.chain_id}, got {placed.chain_id}"
            )
