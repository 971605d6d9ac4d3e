"""The anchor scheduler of one city log: creates due jobs, submits, polls, and reports late anchors.

Ingestion never waits for it. An anchor that does not answer delays the others by no more than a time limit, and no
failure of a service ends the scheduler. All state that must survive a crash is in the files of `jobs.py`.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger_sink.anchor.contract import Pending, Receipt
from ledger_sink.anchor.jobs import AnchorJobs, OpenJob
from ledger_sink.errors import (
    AnchorLostError,
    AnchorUnavailableError,
    LedgerError,
    LogStoppedError,
    MissingFileError,
    RetryError,
)
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.format.layout import CHECKPOINT, LOCK, log_path
from ledger_sink.receipt.errors import ReceiptError, UncheckedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ledger_sink.anchor.config import ConfiguredAnchor
    from ledger_sink.metrics import Emit
    from ledger_sink.receipt.job import Job
    from ledger_sink.store import Store

MAX_SKEW_S = 300
"""Seconds by which a receipt's time may precede the job or exceed now. Beyond that a clock is wrong."""
FIRST_RETRY_S, LAST_RETRY_S = 2.0, 300.0
POLL_S = 5.0

log = logging.getLogger("ledger.anchor")


@dataclass
class _Schedule:
    """The schedule of one anchor; only the scheduler's thread uses it."""

    job: Job | None = None
    """Its newest job, once read."""
    not_before: float = 0.0
    """Monotonic time before which the service is not called."""
    wait_s: float = FIRST_RETRY_S
    """Seconds to wait after the next failure."""
    outgrown_since: float | None = None
    """Monotonic time since which the city log has exceeded the anchored checkpoint."""
    read: bool = False
    """Whether the newest job was read from disk."""
    trouble: str = ""


class AnchorScheduler:
    """Runs the anchor jobs of one city log. It holds their lock."""

    def __init__(
        self,
        store: Store,
        origin: str,
        anchors: Sequence[ConfiguredAnchor],
        emit: Emit,
        *,
        clock: Callable[[], float] = time.time,
        poll_s: float = POLL_S,
    ) -> None:
        """Lock the jobs.

        Args:
            store: the ledger's files.
            origin: origin of the city log.
            anchors: the anchors to use.
            emit: receives the metrics.
            clock: the current time, in POSIX seconds.
            poll_s: seconds between two polls of a pending receipt.

        Raises:
            LockHeldError: if another process holds the lock.
        """
        folder = log_path(origin)
        self._store = store
        self._checkpoint_name = f"{folder}/{CHECKPOINT}"
        self._anchors = anchors
        self._emit = emit
        self._clock = clock
        self._poll_s = poll_s
        self._jobs = AnchorJobs(store, folder)
        self._schedules = {each.receipt: _Schedule() for each in anchors}
        self._lock = store.lock(f"{folder}/anchors-{LOCK}") if anchors else None

    def __call__(self) -> None:
        """Run one pass over all anchors; log failures and retry them in a later pass."""
        try:
            self._pass()
        except LedgerError as error:
            log.warning("anchors: %s; trying again", error)

    def _pass(self) -> None:
        try:
            checkpoint = self._store.read(self._checkpoint_name)
            head, _ = parse_checkpoint(checkpoint)
        except (MissingFileError, FormatError):
            return  # not published yet, or damaged, which the city log's writer and the audit report
        self._make_due(checkpoint, head.size)
        for each in self._anchors:
            try:
                self._advance(each, head.size)
            except LogStoppedError as error:
                self._failed(each, self._schedules[each.receipt], str(error))

    def _make_due(self, checkpoint: bytes, size: int) -> None:
        now = self._clock()
        due = []
        for each in self._anchors:
            try:
                due += [each.receipt] if self._is_due(each, size, now) else []
            except LogStoppedError as error:
                self._failed(each, self._schedules[each.receipt], str(error))
        if due:
            job = self._jobs.make(checkpoint, due, int(now * 1000))
            for receipt in due:
                self._schedules[receipt].job = job

    def _is_due(self, each: ConfiguredAnchor, size: int, now: float) -> bool:
        schedule = self._schedules[each.receipt]
        if not schedule.read:
            schedule.job, schedule.read = self._jobs.newest(each.receipt), True
        if schedule.job is None:
            return True
        made_s = schedule.job.time_ms / 1000
        waited = now - made_s >= each.interval_s or now < made_s  # a clock that stepped back does not stop it
        return schedule.job.size < size and waited and self._jobs.open(each.receipt, schedule.job) is None

    def _advance(self, each: ConfiguredAnchor, size: int) -> None:
        schedule, now = self._schedules[each.receipt], self._clock()
        owed = self._jobs.open(each.receipt, schedule.job)
        if owed is None:
            self._measure(each, schedule, grown=schedule.job is not None and schedule.job.size < size)
            return
        self._measure(each, schedule, grown=True)
        if time.monotonic() < schedule.not_before:
            return
        try:
            answer = self._ask(each, owed)
            if isinstance(answer, Receipt):
                self._require_sane(each, owed.job, answer, now)
            self._jobs.keep(owed.job, each.receipt, answer)
        except AnchorLostError as error:
            log.warning("%s; submitting again", error)
            self._jobs.drop_ticket(owed.job, each.receipt)
        except RetryError as error:
            self._failed(each, schedule, str(error))
        except Exception as error:  # an unexpected answer of a service must not end the thread
            log.exception("anchor %s", each.anchor.name)
            self._failed(each, schedule, f"{type(error).__name__}: {error}")
        else:
            self._answered(each, schedule, answer)

    def _ask(self, each: ConfiguredAnchor, owed: OpenJob) -> Pending | Receipt:
        checkpoint = self._jobs.checkpoint(owed.job)
        if owed.pending is None:
            return each.anchor.submit(checkpoint)
        return each.anchor.poll(checkpoint, owed.pending)

    def _require_sane(self, each: ConfiguredAnchor, job: Job, receipt: Receipt, now: float) -> None:
        """Raise unless the receipt is valid and its time is plausible."""
        try:
            claim = each.anchor.verify(self._jobs.checkpoint(job), receipt.data)
        except (ReceiptError, UncheckedError) as error:
            raise AnchorUnavailableError(f"{each.anchor.name}: its receipt does not hold: {error}") from error
        asked_s = job.time_ms // 1000
        if claim.time_s < asked_s - MAX_SKEW_S:
            raise AnchorUnavailableError(
                f"{each.anchor.name}: its receipt is of second {claim.time_s}, but this checkpoint was asked for at "
                f"{asked_s}: the ledger is older than its anchor, so put its newest files back "
                "(docs/recovery.md#ledger-is-older); or a clock is wrong; the receipt was not kept"
            )
        if claim.time_s > now + MAX_SKEW_S:
            raise AnchorUnavailableError(
                f"{each.anchor.name}: its receipt is of second {claim.time_s}, asked for at {asked_s}, "
                f"now is {int(now)}: a clock is wrong by more than {MAX_SKEW_S} s; the receipt was not kept"
            )

    def _failed(self, each: ConfiguredAnchor, schedule: _Schedule, trouble: str) -> None:
        if trouble != schedule.trouble:
            log.warning("anchor %s: %s; trying again", each.anchor.name, trouble)
        schedule.trouble = trouble
        schedule.not_before = time.monotonic() + schedule.wait_s
        schedule.wait_s = min(schedule.wait_s * 2, LAST_RETRY_S)
        self._emit("ledger_anchor_down", 1, {"anchor": each.anchor.name})

    def _answered(self, each: ConfiguredAnchor, schedule: _Schedule, answer: Pending | Receipt) -> None:
        schedule.trouble, schedule.wait_s = "", FIRST_RETRY_S
        pending = isinstance(answer, Pending)
        schedule.not_before = time.monotonic() + (self._poll_s if pending else 0)
        if not pending:
            schedule.outgrown_since = None
        self._emit("ledger_anchor_down", 0, {"anchor": each.anchor.name})

    def _measure(self, each: ConfiguredAnchor, schedule: _Schedule, *, grown: bool) -> None:
        now = time.monotonic()
        schedule.outgrown_since = (schedule.outgrown_since or now) if grown else None
        lag_s = 0.0 if schedule.outgrown_since is None else now - schedule.outgrown_since
        self._emit("ledger_anchor_lag_seconds", lag_s, {"anchor": each.anchor.name})

    def close(self) -> None:
        """Release the lock on the jobs."""
        if self._lock is not None:
            self._lock.release()
