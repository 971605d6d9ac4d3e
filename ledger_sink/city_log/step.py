"""One step of the city log: add blocks, then publish a cosigned checkpoint, and report metrics."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from ledger_sink.city_log.writer import CityLogWriter, Quorum
from ledger_sink.errors import (
    CheckpointRefusedError,
    LogStoppedError,
    SetupError,
)
from ledger_sink.format.keys import CITY_LOG, Origin, city_origin
from ledger_sink.witness.city_policy import city_policy
from ledger_sink.witness.client import WitnessClient

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ledger_sink.config import LedgerConfig
    from ledger_sink.metrics import Emit
    from ledger_sink.signer.protocol import SignRequest, SignResponse
    from ledger_sink.store import Store


log = logging.getLogger("ledger.sink")


class CityLogStep:
    """The repeated step of the city log's thread."""

    def __init__(
        self,
        config: LedgerConfig,
        store: Store,
        sign: Callable[[list[SignRequest]], list[SignResponse]],
        emit: Emit,
    ) -> None:
        """Lock and verify the city log. If it is damaged, `stopped` has the reason.

        Args:
            config: city name, configured witnesses and quorum.
            store: the ledger's files.
            sign: requests signatures from the signer.
            emit: takes metrics.

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
        self._writer: CityLogWriter | None = None
        try:
            self._writer = CityLogWriter(store, city_origin(config.city), sign)
        except LogStoppedError as error:
            self._stop(error)

    def __call__(self) -> None:
        """Run one step; do nothing before `keys.txt` has the city log's key.

        Raises:
            RetryError: signer, witness or clock are not ready; run the step again later.
            StoreError: the store failed.
            SetupError: `keys.txt` or `policy.txt` is invalid.
        """
        writer = self._writer
        if self.stopped or writer is None or writer.key() is None:
            return
        try:
            blocks = writer.extend(time.time_ns() // 1_000_000)
            if blocks:
                self._emit("ledger_city_blocks", writer.state.size, {})
                self._uncosigned_since = self._uncosigned_since or time.monotonic()
            self._report_refused(writer)
            self._publish(writer)
        except LogStoppedError as error:
            self._stop(error)

    def _report_refused(self, writer: CityLogWriter) -> None:
        for origin in writer.refused.keys() - self.refused.keys():
            name = Origin.parse(origin)
            self.refused[origin] = writer.refused[origin]
            labels = {"topic": str(name.topic), "partition": str(name.partition)}
            self._emit("ledger_log_stopped", 1, labels | {"reason": CheckpointRefusedError.__name__})

    def _stop(self, error: LogStoppedError) -> None:
        self.stopped = str(error)
        log.error("the city log stops: %s", error)
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
