"""The name of a partition log, and its last published checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger_sink.errors import (
    MissingFileError,
)
from ledger_sink.format.keys import partition_origin
from ledger_sink.format.layout import CHECKPOINT, log_path

if TYPE_CHECKING:
    from ledger_sink.store import Store


NO_TOPIC = bytes(16)
"""Topic id of a log that has no START leaf yet."""


@dataclass(frozen=True, slots=True)
class LogName:
    """Names one epoch of one partition log (docs/ledger.md#names-and-epochs)."""

    city: str
    topic: str
    partition: int
    epoch: int = 1

    @property
    def origin(self) -> str:
        """Return the log's origin, its name in checkpoints."""
        return partition_origin(self.city, self.topic, self.partition, self.epoch)

    @property
    def folder(self) -> str:
        """Return the log's folder in the store."""
        return log_path(self.origin)

    @property
    def previous(self) -> LogName | None:
        """Return the log of the epoch before, or None for the first epoch."""
        return LogName(self.city, self.topic, self.partition, self.epoch - 1) if self.epoch > 1 else None

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


def published_checkpoint(store: Store, name: LogName | None) -> bytes:
    """Return a log's published checkpoint note, or empty bytes if there is none."""
    if name is None:
        return b""
    try:
        return store.read(f"{name.folder}/{CHECKPOINT}")
    except MissingFileError:
        return b""
