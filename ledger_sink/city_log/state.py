"""Files of the city log's progress: its state, and the last cosigned checkpoint of each partition log.

`state.json` has the committed size of the city log and the last checkpoint of each partition log in a block.
`cover.json` in a partition log's folder has its checkpoint below a cosigned city checkpoint; provers begin there.
"""

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
    """The newest line of a partition log in the blocks, and the number of its block."""

    size: int
    root: bytes
    """32 bytes."""
    block: int


@dataclass(frozen=True, slots=True)
class CityState:
    """The committed state of the city log."""

    origin: str
    size: int = 0
    """Number of blocks."""
    root: bytes = EMPTY_ROOT
    last_checkpoints: Mapping[str, LastCheckpoint] = field(default_factory=dict)
    """By origin of the partition log."""

    def encode(self) -> bytes:
        """Return the state file's bytes."""
        last_checkpoints = {
            origin: [last.size, last.root.hex(), last.block] for origin, last in self.last_checkpoints.items()
        }
        return checksummed_json.encode(
            {"mentions": last_checkpoints, "origin": self.origin, "root": self.root.hex(), "size": self.size}
        )

    @classmethod
    def parse(cls, data: bytes, where: str) -> CityState:
        """Decode a state file.

        Args:
            data: the file's bytes.
            where: the file's name, for errors.

        Raises:
            DamagedStateError: the file differs from what was written.
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
        DamagedStateError: the file differs from what was written.
    """
    name = f"{folder}/{STATE}"
    try:
        return CityState.parse(store.read(name), name)
    except MissingFileError:
        return None


@dataclass(frozen=True, slots=True)
class CosignedCheckpoint:
    """A partition checkpoint in a block below a cosigned city checkpoint."""

    block: int
    """Number of the block."""
    note: bytes
    """The signed note of the partition checkpoint."""

    def encode(self) -> bytes:
        """Return the bytes of `cover.json`."""
        return checksummed_json.encode({"block": self.block, "note": self.note.decode()})


def read_cosigned_checkpoint(store: Store, folder: str) -> CosignedCheckpoint | None:
    """Return a partition log's last cosigned checkpoint, or None if there is none yet.

    Raises:
        DamagedStateError: the file differs from what was written.
    """
    name = f"{folder}/{COSIGNED_NAME}"
    try:
        value = checksummed_json.decode(store.read(name), name)
        return CosignedCheckpoint(count_of(value, "block"), text_of(value, "note").encode())
    except MissingFileError:
        return None
    except ValueError as error:
        raise DamagedStateError(f"{name}: {error}") from error
