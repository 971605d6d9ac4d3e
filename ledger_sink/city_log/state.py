"""The state of the city log: how far it is, and what it last said about each partition log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ledger_sink.errors import DamagedStateError, MissingFileError
from ledger_sink.format.layout import STATE
from ledger_sink.format.merkle import EMPTY_ROOT
from ledger_sink.log.state import count_of, text_of
from ledger_sink.store import checksummed_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger_sink.store import Store

COSIGNED_NAME = "cover.json"


@dataclass(frozen=True, slots=True)
class LastCheckpoint:
    """The newest line about a partition log, and the block it stands in."""

    size: int
    root: bytes
    block: int


@dataclass(frozen=True, slots=True)
class CityState:
    """How far the city log is."""

    origin: str
    size: int = 0
    root: bytes = EMPTY_ROOT
    last_checkpoints: Mapping[str, LastCheckpoint] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the state file's bytes."""
        last_checkpoints = {
            origin: [m.size, m.root.hex(), m.block] for origin, m in self.last_checkpoints.items()
        }
        return checksummed_json.encode(
            {"mentions": last_checkpoints, "origin": self.origin, "root": self.root.hex(), "size": self.size}
        )

    @classmethod
    def parse(cls, data: bytes, where: str) -> CityState:
        """Read a state file.

        Raises:
            DamagedStateError: the file is not as it was written.
        """
        value = checksummed_json.decode(data, where)
        try:
            last_checkpoints = {
                origin: LastCheckpoint(int(size), bytes.fromhex(root), int(block))
                for origin, (size, root, block) in value["mentions"].items()
            }
            return cls(
                text_of(value, "origin"),
                count_of(value, "size"),
                bytes.fromhex(text_of(value, "root")),
                last_checkpoints,
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DamagedStateError(f"{where}: {error}") from error


def read_city_state(store: Store, folder: str) -> CityState | None:
    """Return the city log's state, or None if it was never committed.

    Raises:
        DamagedStateError: the file is not as it was written.
    """
    name = f"{folder}/{STATE}"
    try:
        return CityState.parse(store.read(name), name)
    except MissingFileError:
        return None


@dataclass(frozen=True, slots=True)
class CosignedCheckpoint:
    """A partition checkpoint that a block last_checkpoints and a cosigned city checkpoint covers."""

    block: int
    note: bytes

    def encode(self) -> bytes:
        """Return the cover file's bytes."""
        return checksummed_json.encode({"block": self.block, "note": self.note.decode()})


def read_cosigned_checkpoint(store: Store, folder: str) -> CosignedCheckpoint | None:
    """Return what covers a partition log, or None if nothing does yet.

    Raises:
        DamagedStateError: the file is not as it was written.
    """
    name = f"{folder}/{COSIGNED_NAME}"
    try:
        value = checksummed_json.decode(store.read(name), name)
        return CosignedCheckpoint(count_of(value, "block"), text_of(value, "note").encode())
    except MissingFileError:
        return None
    except ValueError as error:
        raise DamagedStateError(f"{name}: {error}") from error
