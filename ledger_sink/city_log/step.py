"""One step of the city log: add blocks, then publish a cosigned checkpoint."""

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
    from ledger_sink.signer.protocol import SignAnswer, SignRequest
    from ledger_sink.store import Store


log = logging.getLogger("ledger.sink")


class CityLogStep:
    """Extends the city log and gets it cosigned."""

    def __init__(
        self,
        config: LedgerConfig,
        store: Store,
        sign: Callable[[list[SignRequest]], list[SignAnswer]],
        emit: Emit,
    ) -> None:
        """Lock and check the city log.

        Raises:
            LockHeldError: another process writes it.
        """
        self.stopped = ""
        """Why the city log cannot go on; empty as long as it does."""
        self.refused: dict[str, str] = {}
        """Partition logs that get into no block any more, and why."""
        self._config = config
        self._store = store
        self._emit = emit
        self._quorum: Quorum | None = None
        self._uncovered_since: float | None = None
        self._chain: CityLogWriter | None = None
        try:
            self._chain = CityLogWriter(store, city_origin(config.city), sign)
        except LogStoppedError as error:
            self._stop(error)

    def __call__(self) -> None:
        """Do it once."""
        chain = self._chain
        if self.stopped or chain is None or chain.key() is None:
            return
        try:
            blocks = chain.extend(time.time_ns() // 1_000_000)
            if blocks:
                self._emit("ledger_city_blocks", chain.state.size, {})
                self._uncovered_since = self._uncovered_since or time.monotonic()
            self._tell_refused(chain)
            self._publish(chain)
        except LogStoppedError as error:
            self._stop(error)

    def _tell_refused(self, chain: CityLogWriter) -> None:
        for origin in chain.refused.keys() - self.refused.keys():
            name = Origin.parse(origin)
            self.refused[origin] = chain.refused[origin]
            labels = {"topic": str(name.topic), "partition": str(name.partition)}
            self._emit("ledger_log_stopped", 1, labels | {"reason": CheckpointRefusedError.__name__})

    def _stop(self, error: LogStoppedError) -> None:
        self.stopped = str(error)
        log.error("the city log stops: %s", error)
        labels = {"topic": CITY_LOG, "partition": "0", "reason": type(error).__name__}
        self._emit("ledger_log_stopped", 1, labels)

    def _publish(self, chain: CityLogWriter) -> None:
        try:
            quorum = self._quorum_now(chain)
            published = chain.publish(quorum)
        finally:
            since = self._uncovered_since
            self._emit("ledger_quorum_lag_seconds", 0 if since is None else time.monotonic() - since, {})
        for name, reason in chain.silent.items():
            log.warning("witness %s: %s", name, reason)
        for name, _ in quorum.cosigners:
            self._emit("ledger_witness_down", int(name in chain.silent), {"witness": name})
        if published:
            self._uncovered_since = None
            self._emit("ledger_quorum_lag_seconds", 0, {})

    def _quorum_now(self, chain: CityLogWriter) -> Quorum:
        if self._quorum is None:
            key = chain.key()
            if key is None:
                raise SetupError("keys.txt: the city log's key is gone")
            urls: Sequence[str] = self._config.witness_urls
            policy = city_policy(self._store, key, urls, self._config.quorum)
            reached = ((w.name, WitnessClient(w.key, w.url)) for w in policy.witnesses if w.url)
            self._quorum = Quorum(policy, tuple(reached))
        return self._quorum

    def close(self) -> None:
        """Let another writer of the city log in."""
        if self._chain is not None:
            self._chain.close()
