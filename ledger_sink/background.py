"""The threads beside ingestion: one publishes partition checkpoints, one extends the city log, one anchors it.

Neither is waited for. What a peer's silence holds up is tried again; what stops one log is told and leaves
the others alone; what stops everything (a full disk, a wrong master seed) is left in `failure` for the main
thread.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from ledger_sink.chain import CityChain, Quorum
from ledger_sink.cosigner import Cosigner
from ledger_sink.errors import (
    CheckpointRefusedError,
    LedgerError,
    LogStoppedError,
    RetryError,
    SetupError,
    SignerUnavailableError,
)
from ledger_sink.format.keys import CITY_LOG, Origin, city_origin
from ledger_sink.trust import city_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ledger_sink.config import LedgerConfig
    from ledger_sink.metrics import Emit
    from ledger_sink.publisher import Publisher
    from ledger_sink.sequencer import LogName
    from ledger_sink.signing import SignAnswer, SignRequest
    from ledger_sink.state import LogState
    from ledger_sink.store import Store

LAST_PASS_S = 3.5
RETRY_S = 1.0

log = logging.getLogger("ledger.sink")


class Background:
    """A thread that does one thing again and again until told to stop, and once more then."""

    def __init__(self, name: str, step: Callable[[], None], interval_s: float) -> None:
        self.failure: LedgerError | None = None
        """Why it stopped by itself; nothing else is done after it."""
        self._step = step
        self._interval_s = interval_s
        self._wake = threading.Event()
        self._stop = False
        self._last_pass = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Let it do its thing now."""
        self._wake.set()

    def finish(self, *, last_pass: bool = True, within_s: float = LAST_PASS_S) -> bool:
        """Let it do its thing a last time, or not, and end; it is not waited for longer than told.

        Returns:
            Whether it ended. If not, it may still write: nobody else must be let in before the process ends.
        """
        self._last_pass &= last_pass
        self._stop = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        last = False
        while not last:
            self._wake.wait(self._interval_s)
            self._wake.clear()
            last = self._stop
            if last and not self._last_pass:
                return
            try:
                self._step()
            except RetryError as error:
                log.warning("%s; trying again", error)
                time.sleep(0 if self._stop else RETRY_S)
            except LedgerError as error:
                self.failure = error
                return
            except Exception as error:
                log.exception("%s failed", self._thread.name)
                self.failure = LedgerError(f"{self._thread.name}: {type(error).__name__}: {error}")
                return


class PublishStep:
    """Publishes what sequencers have committed.

    Args:
        publisher: Signs and publishes checkpoints.
        city: Name of the city.
        states: Returns what is committed, log by log.
        emit: Takes figures.
        then: Called when something was published.
    """

    def __init__(
        self,
        publisher: Publisher,
        city: str,
        states: Callable[[], dict[LogName, LogState]],
        emit: Emit,
        then: Callable[[], None],
    ) -> None:
        self._publisher = publisher
        self._city_origin = city_origin(city)
        self._states = states
        self._emit = emit
        self._then = then

    def __call__(self) -> None:
        """Do it once."""
        try:
            self._publisher.ensure_keys([self._city_origin])
            if self._publisher.publish(self._states()):
                self._then()
        except SignerUnavailableError:
            self._emit("ledger_signer_down", 1, {})
            raise
        self._emit("ledger_signer_down", 0, {})


class ChainStep:
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
        self._chain: CityChain | None = None
        try:
            self._chain = CityChain(store, city_origin(config.city), sign)
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

    def _tell_refused(self, chain: CityChain) -> None:
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

    def _publish(self, chain: CityChain) -> None:
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

    def _quorum_now(self, chain: CityChain) -> Quorum:
        if self._quorum is None:
            key = chain.key()
            if key is None:
                raise SetupError("keys.txt: the city log's key is gone")
            urls: Sequence[str] = self._config.witness_urls
            policy = city_policy(self._store, key, urls, self._config.quorum)
            reached = ((w.name, Cosigner(w.key, w.url)) for w in policy.witnesses if w.url)
            self._quorum = Quorum(policy, tuple(reached))
        return self._quorum

    def close(self) -> None:
        """Let another writer of the city log in."""
        if self._chain is not None:
            self._chain.close()
