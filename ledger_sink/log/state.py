"""The state of a log: the one file that says how far it is (docs/ledger.md#sequencing).

It is replaced atomically after everything it speaks of is durable. What lies in the log's folder beyond
its size does not exist yet. Only the log's one writer writes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ledger_sink.errors import DamagedStateError, MissingFileError
from ledger_sink.store import checksummed_json as sealed_json

if TYPE_CHECKING:
    from ledger_sink.store import Store

STATE_NAME = "state.json"


@dataclass(frozen=True, slots=True)
class LogState:
    """How far a partition log is."""

    origin: str
    topic_id: bytes
    """Kafka's id of the topic, 16 bytes: a re-created topic has another."""
    size: int
    """Leaves that are durable."""
    root: bytes
    """Root over them, 32 bytes."""
    next_offset: int
    """First Kafka offset that is not sealed."""

    def grown(self, size: int, root: bytes, next_offset: int) -> LogState:
        """Return the state after more leaves."""
        return replace(self, size=size, root=root, next_offset=next_offset)

    def encode(self) -> bytes:
        """Return the state file's bytes."""
        return sealed_json.encode(
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
        """Read a state file.

        Raises:
            DamagedStateError: the file is not as it was written.
        """
        value = sealed_json.decode(data, where)
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
        DamagedStateError: the file is not as it was written.
    """
    name = f"{folder}/{STATE_NAME}"
    try:
        return LogState.parse(store.read(name), name)
    except MissingFileError:
        return None


def text_of(value: dict[str, Any], key: str) -> str:
    """Return a text field of a decoded state.

    Raises:
        ValueError: it is not there or no text.
    """
    found = value.get(key)
    if not isinstance(found, str):
        raise ValueError(f"{key}: expected text, got {found!r}")  # noqa: TRY004 - one error for every misfit
    return found


def count_of(value: dict[str, Any], key: str) -> int:
    """Return a field that counts from 0.

    Raises:
        ValueError: it is not there or no count.
    """
    found = value.get(key)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise ValueError(f"{key}: expected a count, got {found!r}")
    return found
