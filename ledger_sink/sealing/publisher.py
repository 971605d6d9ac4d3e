"""Committed heads → signed checkpoints of partition logs (docs/ledger.md#sequencing, steps 5 and 6).

It signs committed states only, all logs in one request. A published checkpoint is durable before its next offset is
committed to Kafka. It writes `keys.txt` and the `checkpoint` files, and removes partial tiles that full ones replace.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ledger_sink.errors import DamagedLogError, LogStoppedError
from ledger_sink.format.checkpoint import Checkpoint, open_checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.format.layout import CHECKPOINT
from ledger_sink.log.key_list import add_keys
from ledger_sink.log.name import published_checkpoint
from ledger_sink.log.tile_log import drop_partials
from ledger_sink.signer.client import CommittedHead, SignerClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ledger_sink.format.note import VerifierKey
    from ledger_sink.log.name import LogName
    from ledger_sink.log.state import LogState
    from ledger_sink.signer.protocol import SignRequest, SignResponse
    from ledger_sink.store import Store


@dataclass
class Published:
    """Published states and refusals of a set of logs. The publisher writes it; other threads read it."""

    states: dict[LogName, LogState] = field(default_factory=dict)
    """The newest state of each log whose checkpoint is published."""
    refused: dict[LogName, LogStoppedError] = field(default_factory=dict)
    """Reason of each log that is no longer published."""


class Publisher:
    """Publishes checkpoints of partition logs. One thread owns it.

    Args:
        store: the ledger's files.
        sign: requests signatures from the signer.
        vkeys: requests verifier keys of origins from the signer.
    """

    def __init__(
        self,
        store: Store,
        sign: Callable[[list[SignRequest]], list[SignResponse]],
        vkeys: Callable[[Sequence[str]], list[VerifierKey]],
    ) -> None:
        self.published = Published()
        self._store = store
        self._vkeys = vkeys
        self._signer = SignerClient(store, sign)
        self._keys: dict[str, VerifierKey] = {}
        self._sizes: dict[LogName, int] = {}

    def ensure_keys(self, origins: Iterable[str]) -> None:
        """Add the missing verifier keys of these logs to `keys.txt`.

        Raises:
            SignerUnavailableError: keys are missing and the signer does not answer.
            SetupError: the signer has another key than `keys.txt`.
        """
        wanted = [origin for origin in origins if origin not in self._keys]
        if wanted:
            self._keys = add_keys(self._store, self._vkeys(wanted))

    def publish(self, states: dict[LogName, LogState]) -> list[LogName]:
        """Sign and publish the checkpoint of every log that grew.

        Args:
            states: committed state of each log.

        Returns:
            The logs whose checkpoint was published; refused ones are in `published.refused`.

        Raises:
            SignerUnavailableError: the signer does not answer; try again later.
            StoreError: a checkpoint could not be made durable; try again later.
        """
        self.ensure_keys(name.origin for name in states)
        grown = {name: state for name, state in states.items() if self._has_grown(name, state)}
        heads = [
            CommittedHead(name.folder, Checkpoint(state.origin, state.size, state.root))
            for name, state in grown.items()
        ]
        notes, refusals = self._signer.sign(heads, self._keys)
        names = {name.origin: name for name in grown}
        self._store.write({f"{names[o].folder}/{CHECKPOINT}": note for o, note in notes.items()})
        for origin, error in refusals.items():
            self.published.refused[names[origin]] = error
        done = [names[origin] for origin in notes]
        for name in done:
            self._mark(name, grown[name])
        return done

    def _has_grown(self, name: LogName, state: LogState) -> bool:
        if name in self.published.refused or not state.size:
            return False
        if name not in self._sizes:
            try:
                self._sizes[name] = self._published_size(name)
            except DamagedLogError as error:
                self.published.refused[name] = error
                return False
        if self._sizes[name] == state.size:
            self.published.states[name] = state  # its next offset may have passed control records
        return self._sizes[name] != state.size

    def _published_size(self, name: LogName) -> int:
        """Return the size of the published checkpoint, 0 if there is none.

        Raises:
            DamagedLogError: the file is malformed or not signed by the log's key.
        """
        data = published_checkpoint(self._store, name)
        if not data:
            return 0
        try:
            return open_checkpoint(data, self._keys[name.origin])[0].size
        except FormatError as error:
            raise DamagedLogError(
                f"{name.folder}/{CHECKPOINT}: {error}; remove the file, the signer makes it again"
            ) from error

    def _mark(self, name: LogName, state: LogState) -> None:
        drop_partials(self._store, name.folder, self._sizes[name], state.size)
        self._sizes[name] = state.size
        self.published.states[name] = state
