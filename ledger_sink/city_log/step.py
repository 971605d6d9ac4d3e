"""One step of the city log: add blocks, then publish a cosigned checkpoint, and report metrics.

What keeps the city log from going on is durable beside it (`ledger_sink/log/reasons.py`), so that it is seen without
this process.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from ledger_sink.city_log.block_clock import ClockReading, Reference, decide, needs_peers
from ledger_sink.city_log.peers import peer_clocks
from ledger_sink.city_log.writer import CityLogWriter, Quorum
from ledger_sink.errors import (
    CheckpointRefusedError,
    ClockDoubtedError,
    DamagedStateError,
    LogStoppedError,
    MissingFileError,
    SetupError,
)
from ledger_sink.format.keys import CITY_LOG, Origin, city_origin
from ledger_sink.format.layout import log_path
from ledger_sink.log.key_list import read_keys
from ledger_sink.log.reasons import REFUSED, STOPPED, WAITING, Waiting, clear_reason, write_reason
from ledger_sink.store import checksummed_json
from ledger_sink.witness.city_policy import city_policy
from ledger_sink.witness.client import WitnessClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ledger_sink.city_log.block_clock import PeerClock
    from ledger_sink.config import LedgerConfig
    from ledger_sink.metrics import Emit
    from ledger_sink.signer.protocol import SignRequest, SignResponse
    from ledger_sink.store import Store


CLOCK_NAME = "clock.json"
"""File of the clock's reference in the city log's folder; private to the writer."""

log = logging.getLogger("ledger.sink")


class CityLogStep:
    """The repeated step of the city log's thread."""

    def __init__(
        self,
        config: LedgerConfig,
        store: Store,
        sign: Callable[[list[SignRequest]], list[SignResponse]],
        emit: Emit,
        *,
        clock: Callable[[], ClockReading] = ClockReading.now,
        peers: Callable[[Iterable[str]], list[PeerClock]] = peer_clocks,
    ) -> None:
        """Lock and verify the city log. If it is damaged, `stopped` has the reason.

        Args:
            config: city name, configured witnesses and quorum.
            store: the ledger's files.
            sign: requests signatures from the signer.
            emit: takes metrics.
            clock: reads the clocks.
            peers: returns the clocks of the witnesses at some URLs.

        Raises:
            LockHeldError: another process holds the writer lock.
        """
        self.stopped = ""
        """Why the city log stopped; empty while it goes on."""
        self.refused: dict[str, str] = {}
        """Reason of refusal, by origin of a partition log that no new block includes."""
        self._config = config
        self._store = store
        self._emit = emit
        self._quorum: Quorum | None = None
        self._uncosigned_since: float | None = None
        self._clock = clock
        self._peers = peers
        self._reference: Reference | None = None
        self._waiting: Waiting | None = None
        self._folder = log_path(city_origin(config.city))
        self._writer: CityLogWriter | None = None
        try:
            self._writer = CityLogWriter(store, city_origin(config.city), sign)
        except LogStoppedError as error:
            self._stop(error)
        else:
            self._clear_reasons()
            self._reference = self._kept_reference()

    def _clear_reasons(self) -> None:
        """Remove the reasons of the last run: what still holds is found again."""
        clear_reason(self._store, self._folder, STOPPED)
        clear_reason(self._store, self._folder, WAITING)
        try:
            origins = list(read_keys(self._store))
        except SetupError:
            return  # the next step raises it
        for origin in origins:
            if not Origin.parse(origin).is_city:
                clear_reason(self._store, log_path(origin), REFUSED)

    def _kept_reference(self) -> Reference | None:
        """Return the clock's reference of the last run; None if there is none that can be read."""
        name = f"{self._folder}/{CLOCK_NAME}"
        try:
            return Reference.parse(checksummed_json.decode(self._store.read(name), name))
        except (MissingFileError, DamagedStateError, ValueError):
            return None

    def __call__(self) -> None:
        """Run one step; do nothing before `keys.txt` has the city log's key.

        Raises:
            RetryError: signer or witness are not ready, or the clock is doubted; run the step again later.
            StoreError: the store failed.
            SetupError: `keys.txt` or `policy.txt` is invalid.
        """
        writer = self._writer
        if self.stopped or writer is None or writer.key() is None:
            return
        try:
            reading = self._clock()
            self._waiting = self._checked_clock(reading, writer.last_block_ms)
            blocks = 0 if self._waiting else writer.extend(reading.wall_ms)
            if blocks:
                self._emit("ledger_city_blocks", writer.state.size, {})
                self._uncosigned_since = self._uncosigned_since or time.monotonic()
            self._report_refused(writer)
            self._publish(writer)
        except LogStoppedError as error:
            self._stop(error)
        if self._waiting:
            raise ClockDoubtedError(str(self._waiting))

    def _checked_clock(self, reading: ClockReading, last_block_ms: int) -> Waiting | None:
        """Return why the clock's time may not go into a block; keep that and the clock's reference in files."""
        urls = self._witness_urls() if needs_peers(reading, self._reference) else ()
        found = decide(reading, self._reference, last_block_ms, self._peers(urls) if urls else ())
        if found.reference != self._reference:
            data = checksummed_json.encode(found.reference.encode())
            self._store.write({f"{self._folder}/{CLOCK_NAME}": data})
            self._reference = found.reference
        before = self._waiting
        if found.waiting and (before is None or before.until != found.waiting.until):
            write_reason(self._store, self._folder, WAITING, found.waiting.encode())
        elif before and not found.waiting:
            clear_reason(self._store, self._folder, WAITING)
        self._emit("ledger_clock_waiting", int(found.waiting is not None), {})
        return found.waiting

    def _witness_urls(self) -> list[str]:
        """Return the addresses of the witnesses: those of the policy once it is read, else the configured ones."""
        if self._quorum is None:
            return list(self._config.witness_urls)
        return [witness.url for witness in self._quorum.policy.witnesses if witness.url]

    def _report_refused(self, writer: CityLogWriter) -> None:
        for origin in writer.refused.keys() - self.refused.keys():
            name = Origin.parse(origin)
            self.refused[origin] = writer.refused[origin]
            write_reason(self._store, log_path(origin), REFUSED, writer.refused[origin])
            labels = {"topic": str(name.topic), "partition": str(name.partition)}
            self._emit("ledger_log_stopped", 1, labels | {"reason": CheckpointRefusedError.__name__})

    def _stop(self, error: LogStoppedError) -> None:
        self.stopped = str(error)
        log.error("the city log stops: %s", error)
        write_reason(self._store, self._folder, STOPPED, str(error))
        labels = {"topic": CITY_LOG, "partition": "0", "reason": type(error).__name__}
        self._emit("ledger_log_stopped", 1, labels)

    def _publish(self, writer: CityLogWriter) -> None:
        try:
            quorum = self._quorum_now(writer)
            published = writer.publish(quorum)
        finally:
            since = self._uncosigned_since
            self._emit("ledger_quorum_lag_seconds", 0 if since is None else time.monotonic() - since, {})
        for name, reason in writer.failures.items():
            log.warning("witness %s: %s", name, reason)
        for name, _ in quorum.witnesses:
            self._emit("ledger_witness_down", int(name in writer.failures), {"witness": name})
        if published:
            self._uncosigned_since = None
            self._emit("ledger_quorum_lag_seconds", 0, {})

    def _quorum_now(self, writer: CityLogWriter) -> Quorum:
        if self._quorum is None:
            key = writer.key()
            if key is None:
                raise SetupError("keys.txt: the city log's key is gone")
            urls: Sequence[str] = self._config.witness_urls
            policy = city_policy(self._store, key, urls, self._config.quorum)
            reached = ((w.name, WitnessClient(w.key, w.url)) for w in policy.witnesses if w.url)
            self._quorum = Quorum(policy, tuple(reached))
        return self._quorum

    def close(self) -> None:
        """Release the city log's writer lock."""
        if self._writer is not None:
            self._writer.close()
