"""Anchor jobs on disk, beside the city log: requested, pending and received receipts.

    anchors/<size ÷ 10000>/<size>/checkpoint.txt    the anchored bytes
                                  job.txt           the requested receipts (`receipt.job`)
                                  <anchor>.pending  the adapter's ticket, while a receipt is pending
                                  <anchor>.<kind>   the receipt

The order is checkpoint, job, submission, then ticket or receipt. After a crash at any point the files determine the
next step, and the worst outcome is a second stamp. Each anchor has at most one open job. One process owns the jobs.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from ledger_sink.anchor.contract import Pending, Receipt
from ledger_sink.errors import DamagedStateError, MissingFileError
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.layout import ANCHORED, ANCHORS, ANCHORS_PER_FOLDER, JOB, anchor_path
from ledger_sink.log.state import text_of
from ledger_sink.receipt.errors import ReceiptError
from ledger_sink.receipt.job import Job
from ledger_sink.store import checksummed_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ledger_sink.store import Store

PENDING = "pending"


def anchored_sizes(store: Store, folder: str, *, newest_first: bool = False, above: int = 0) -> Iterator[int]:
    """Yield the sizes of a city log's anchored checkpoints that are larger than `above`.

    Args:
        store: the ledger's files.
        folder: the city log's folder.
        newest_first: yield falling sizes instead of rising ones.
        above: leave out this size and smaller ones.
    """
    for shard in _numbers(store, f"{folder}/{ANCHORS}", newest_first):
        if shard >= above // ANCHORS_PER_FOLDER:
            inside = _numbers(store, f"{folder}/{ANCHORS}/{shard}", newest_first)
            yield from (size for size in inside if size > above)


def _numbers(store: Store, folder: str, newest_first: bool) -> list[int]:
    names = (name[:-1] for name in store.listing(folder) if name.endswith("/"))
    return sorted((int(name) for name in names if name.isdecimal()), reverse=newest_first)


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job whose receipt from one anchor has not arrived."""

    job: Job
    pending: Pending | None
    """The adapter's ticket; `None` if the checkpoint has not been submitted."""


class AnchorJobs:
    """The anchor jobs of one city log."""

    def __init__(self, store: Store, folder: str) -> None:
        self.folder = folder
        self._store = store

    def read(self, size: int) -> Job | None:
        """Return the job of a size, or `None`.

        Raises:
            DamagedStateError: if it is malformed.
        """
        name = f"{self.folder}/{anchor_path(size)}/{JOB}"
        try:
            return Job.parse(self._store.read(name))
        except MissingFileError:
            return None
        except ReceiptError as error:
            raise DamagedStateError(f"{name}: {error}") from error

    def newest(self, receipt: str | None = None, *, came: bool = False) -> Job | None:
        """Return the newest job.

        Args:
            receipt: only jobs that request a receipt of this name; `None` for any.
            came: only jobs whose receipt of this name has arrived.

        Raises:
            DamagedStateError: if a job is malformed.
        """
        for size in anchored_sizes(self._store, self.folder, newest_first=True):
            job = self.read(size)
            if job is None or (receipt is not None and receipt not in job.receipts):
                continue
            if not came or (receipt is not None and self.receipt(job, receipt) is not None):
                return job
        return None

    def make(self, checkpoint: bytes, receipts: Iterable[str], time_ms: int) -> Job:
        """Write a job durably, before anything is submitted; add to the job if the checkpoint has one.

        Args:
            checkpoint: the checkpoint to anchor, as bytes.
            receipts: file names of the requested receipts.
            time_ms: the current time, in milliseconds since 1970 UTC.
        """
        head, _ = parse_checkpoint(checkpoint)
        there = self.read(head.size)
        if there is not None:
            names = tuple(sorted({*there.receipts, *receipts}))
            job = Job(there.origin, there.size, there.digest, there.previous, there.time_ms, names)
        else:
            before = self.newest()
            previous = before.size if before else 0
            names = tuple(sorted(receipts))
            digest = sha256(checkpoint).digest()
            job = Job(head.origin, head.size, digest, previous, time_ms, names)
            self._store.write({self._path(head.size, ANCHORED): checkpoint})
        self._store.write({self._path(head.size, JOB): job.encode()})
        return job

    def checkpoint(self, job: Job) -> bytes:
        """Return the anchored bytes.

        Raises:
            DamagedStateError: if the file is missing, or its digest is not the job's.
        """
        name = self._path(job.size, ANCHORED)
        try:
            data = self._store.read(name)
        except MissingFileError as error:
            raise DamagedStateError(f"{name}: gone; put it back") from error
        if sha256(data).digest() != job.digest:
            raise DamagedStateError(
                f"{name}: damaged: expected SHA-256 {job.digest.hex()}, got {sha256(data).hexdigest()}"
            )
        return data

    def receipt(self, job: Job, receipt: str) -> bytes | None:
        """Return a receipt that has arrived, or `None`."""
        try:
            return self._store.read(self._path(job.size, receipt))
        except MissingFileError:
            return None

    def open(self, receipt: str, newest: Job | None = None) -> OpenJob | None:
        """Return the newest job if its receipt of this name has not arrived, else `None`.

        Args:
            receipt: the receipt's file name.
            newest: the newest job that requests it, if the caller knows it; `None` looks it up.

        Raises:
            DamagedStateError: if its files are damaged.
        """
        job = newest or self.newest(receipt)
        if job is None or self.receipt(job, receipt) is not None:
            return None
        name = self._pending_path(job, receipt)
        try:
            ticket = text_of(checksummed_json.decode(self._store.read(name), name), "ticket")
        except MissingFileError:
            return OpenJob(job, None)
        return OpenJob(job, Pending(ticket))

    def keep(self, job: Job, receipt: str, answer: Pending | Receipt) -> None:
        """Store a service's answer; a receipt replaces its ticket."""
        if isinstance(answer, Receipt):
            self._store.write({self._path(job.size, receipt): answer.data})
            self._store.remove([self._pending_path(job, receipt)])
        else:
            self._store.write(
                {self._pending_path(job, receipt): checksummed_json.encode({"ticket": answer.ticket})}
            )

    def drop_ticket(self, job: Job, receipt: str) -> None:
        """Remove a ticket: the service no longer knows the submission."""
        self._store.remove([self._pending_path(job, receipt)])

    def _pending_path(self, job: Job, receipt: str) -> str:
        return self._path(job.size, f"{receipt.rpartition('.')[0]}.{PENDING}")

    def _path(self, size: int, name: str) -> str:
        return f"{self.folder}/{anchor_path(size)}/{name}"
