"""The state of a partition log: size, root and next offset in one file (docs/ledger.md#sequencing).

The log's one writer replaces the file atomically, after every leaf that it counts is durable. Tiles and entries beyond
its size do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ledger_sink.errors import DamagedStateError, MissingFileError
from ledger_sink.format.layout import STATE
from ledger_sink.store import checksummed_json

if TYPE_CHECKING:
    from ledger_sink.store import Store


@dataclass(frozen=True, slots=True)
class LogState:
    """The committed state of a partition log."""

    origin: str
    topic_id: bytes
    """Kafka's topic id, 16 bytes. A re-created topic has another."""
    size: int
    """Number of durable leaves."""
    root: bytes
    """Merkle root over these leaves, 32 bytes (RFC 6962 §2.1)."""
    next_offset: int
    """First Kafka offset that is not sealed."""

    def grown(self, size: int, root: bytes, next_offset: int) -> LogState:
        """Return the state after more leaves: size, root and next offset are replaced."""
        return replace(self, size=size, root=root, next_offset=next_offset)

    def encode(self) -> bytes:
        """Return the state file's bytes."""
        return checksummed_json.encode(
            {
                "next_offset": self.next_offset,
                "origin": self.origin,
                "root": self.root.hex(),
                "size": self.size,
                "topic_id": self.topic_id.hex(),
            }
        )

    @classmethod
    def parse(cls, data: bytes, where: str) -> LogState:
        """Decode a state file.

        Args:
            data: the file's bytes.
            where: the file's name, for errors.

        Raises:
            DamagedStateError: the file differs from what was written.
        """
        value = checksummed_json.decode(data, where)
        try:
            return cls(
                text_of(value, "origin"),
                bytes.fromhex(text_of(value, "topic_id")),
                count_of(value, "size"),
                bytes.fromhex(text_of(value, "root")),
                count_of(value, "next_offset"),
            )
        except ValueError as error:
            raise DamagedStateError(f"{where}: {error}") from error


def read_state(store: Store, folder: str) -> LogState | None:
    """Return a log's state, or None if it was never committed.

    Raises:
        DamagedStateError: the file differs from what was written.
    """
    name = f"{folder}/{STATE}"
    try:
        return LogState.parse(store.read(name), name)
    except MissingFileError:
        return None


def text_of(value: dict[str, Any], key: str) -> str:
    """Return a text member of a decoded state file.

    Raises:
        ValueError: the member is missing or no text.
    """
    found = value.get(key)
    if not isinstance(found, str):
        raise ValueError(f"{key}: expected text, got {found!r}")  # noqa: TRY004 - one error for every misfit
    return found


def count_of(value: dict[str, Any], key: str) -> int:
    """Return a member that is an integer of at least 0.

    Raises:
        ValueError: the member is missing or no such integer.
    """
    found = value.get(key)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise ValueError(f"{key}: expected a count, got {found!r}")
    return found
