"""Verification of the receipts beside the city log of a ledger directory (FORMAT.md §11).

Every job is read. Its checkpoint must be signed and part of the log's history. Each of its receipts is valid, or fails,
or is reported as not checked. The verdict names a receipt that `job.txt` requests and that is missing, and a missing
job that a later job names as its predecessor.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from ledger_sink.format.clock import seconds_text
from ledger_sink.format.errors import FormatError
from ledger_sink.format.layout import ANCHORED, ANCHORS, JOB, anchor_path, log_path
from ledger_sink.receipt.errors import ReceiptError, UncheckedError
from ledger_sink.receipt.job import Job
from ledger_sink.verifier.errors import UnreadableError, is_refuted
from ledger_sink.verifier.receipts import NAME, attestation
from ledger_sink.verifier.trust import MAX_TRUST_BYTES, Trust, read_capped
from ledger_sink.verifier.verdict import Claim, failed, not_checked, shown, unreadable


@dataclass
class _Tally:
    """The results of all receipts with one file name."""

    held: int = 0
    last_s: int = 0
    by: str = ""
    unchecked: int = 0
    reason: str = ""
    awaited: list[int] = field(default_factory=list)


def anchored_sizes(ledger: Path, origin: str, above: int = 0) -> list[int]:
    """Return the sizes of the city log's anchored checkpoints that are larger than `above`, rising."""
    folder = ledger / log_path(origin) / ANCHORS
    names = (path.name for path in folder.glob("*/*") if path.is_dir())
    return sorted(int(name) for name in names if name.isdecimal() and int(name) > above)


def folder_claims(
    ledger: Path, origin: str, sizes: list[int], roots: Mapping[int, bytes], trust: Trust
) -> list[Claim]:
    """Verify the receipts beside a city log.

    Args:
        ledger: the ledger directory.
        origin: origin of the city log.
        sizes: sizes of the anchored checkpoints to verify.
        roots: recomputed roots of the log by size; a size without one is not compared.
        trust: the auditor's trust.

    Returns:
        The claims: one per problem, and per file name those of valid, unchecked and pending receipts.
    """
    base = ledger / log_path(origin)
    claims: list[Claim] = []
    tallies: dict[str, _Tally] = {}
    for size in sizes:
        where = f"{log_path(origin)}/{anchor_path(size)}"
        try:
            job, checkpoint = _job(base / anchor_path(size), origin, size, roots, trust)
            if job.previous and not (base / anchor_path(job.previous)).is_dir():
                missing = f"{log_path(origin)}/{anchor_path(job.previous)}"
                claims.append(failed(NAME, f"{missing}: missing: {where}/{JOB} names it as the one before"))
        except (FormatError, ReceiptError, UnreadableError) as problem:
            claims.append((failed if is_refuted(problem) else unreadable)(NAME, f"{where}/{problem}"))
            continue
        for name in job.receipts:
            tally = tallies.setdefault(name, _Tally())
            claims += _receipt_problems(
                base / anchor_path(size), f"{where}/{name}", job, checkpoint, trust, tally
            )
    for name, tally in sorted(tallies.items()):
        claims += _tally_claims(f"{log_path(origin)}/{ANCHORS}", name, tally, log_path(origin))
    return claims


def _job(folder: Path, origin: str, size: int, roots: Mapping[int, bytes], trust: Trust) -> tuple[Job, bytes]:
    """Read and verify a job and its checkpoint; error messages begin with the file's name."""
    job = Job.parse(_read(folder, JOB))
    if (job.origin, job.size) != (origin, size):
        raise ReceiptError(f"{JOB}: expected {origin} at {size}, got {job.origin} at {job.size}")
    checkpoint = _read(folder, ANCHORED)
    try:
        head = trust.signed(checkpoint)
    except FormatError as problem:
        raise ReceiptError(f"{ANCHORED}: {problem}") from None
    if (head.origin, head.size) != (origin, size):
        raise ReceiptError(f"{ANCHORED}: expected {origin} at {size}, got {head.origin} at {head.size}")
    if roots.get(size, head.root) != head.root:
        raise ReceiptError(
            f"{ANCHORED}: forked: it says root {head.root.hex()}, the log has {roots[size].hex()} at size {size}"
        )
    digest = sha256(checkpoint).digest()
    if digest != job.digest:
        raise ReceiptError(f"{JOB}: expected SHA-256 {digest.hex()} of {ANCHORED}, got {job.digest.hex()}")
    return job, checkpoint


def _read(folder: Path, name: str) -> bytes:
    try:
        return read_capped(folder / name, MAX_TRUST_BYTES)
    except UnreadableError as problem:
        raise type(problem)(f"{name}: {problem}") from None


def _receipt_problems(
    folder: Path, where: str, job: Job, checkpoint: bytes, trust: Trust, tally: _Tally
) -> list[Claim]:
    name = where.rpartition("/")[2]
    if not (folder / name).exists():
        tally.awaited.append(job.size)
        return []
    earlier, tally.awaited = tally.awaited, []
    try:
        claim = attestation(name, checkpoint, _read(folder, name), trust)
    except UncheckedError as problem:
        tally.unchecked, tally.reason = tally.unchecked + 1, str(problem)
    except (ReceiptError, UnreadableError) as problem:
        claim_of = failed if is_refuted(problem) else unreadable
        return [*_missing(where, earlier), claim_of(NAME, f"{where}: {problem}")]
    else:
        tally.held, tally.last_s, tally.by = tally.held + 1, claim.time_s, claim.by
    return _missing(where, earlier)


def _missing(where: str, sizes: list[int]) -> list[Claim]:
    """Return failed claims for receipts that are missing although a later one exists.

    An anchor works on one job at a time, so an earlier receipt must have arrived before.
    """
    folder, name = where.partition(f"/{ANCHORS}/")[0], where.rpartition("/")[2]
    return [
        failed(NAME, f"{folder}/{anchor_path(size)}/{name}: missing: expected a receipt, got none")
        for size in sizes
    ]


def _tally_claims(where: str, name: str, tally: _Tally, folder: str) -> Iterator[Claim]:
    if tally.held:
        newest = f"the newest of {seconds_text(tally.last_s)} by {tally.by}"
        yield shown(NAME, f"{where}/…/{name}: {tally.held} receipts hold, {newest}.")
    if tally.unchecked:
        yield not_checked(
            NAME, f"{where}/…/{name}: {tally.unchecked} receipts, of the last one: {tally.reason}"
        )
    yield from _missing(f"{folder}/{ANCHORS}/{name}", tally.awaited[:-1])
    if tally.awaited:
        yield not_checked(NAME, f"{folder}/{anchor_path(tally.awaited[-1])}/{name}: still awaited.")
