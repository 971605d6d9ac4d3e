"""Paths of the published files of a ledger directory, and of the writer's state and lock (FORMAT.md §5).

Tile paths are defined in `format.tiles`, receipt names in `receipt.kinds`. Other private files of the writers are
defined where they are written. `infra` counts leaves by paths of its own, on purpose: it verifies this code.

Paths are relative to `<data>/ledger/`, with `/` as separator:

    keys.txt  policy.txt                        all logs' verifier keys; the city's own tlog-policy
    city/<epoch>/…                              the city log
    <topic>/<partition>/<epoch>/…               a partition log
      checkpoint                                the newest signed checkpoint; the city log's with its cosignatures
      tile/<L>/<N>[.p/<W>]  tile/entries/<N>…   C2SP tlog-tiles
      control/<index>.json                      what the START or GAP leaf of that index commits to
      anchors/<size ÷ 10000>/<size>/…           city log only: receipts over its checkpoint of that size
      state.json  lock                          private to the writer: not part of the published log
"""

from typing import Final

from ledger_sink.format.errors import OriginError
from ledger_sink.format.keys import CITY_LOG, Origin
from ledger_sink.format.tiles import entries_path, tile_path

KEYS: Final = "keys.txt"
POLICY: Final = "policy.txt"
CHECKPOINT: Final = "checkpoint"
STATE: Final = "state.json"
LOCK: Final = "lock"
TILES: Final = "tile"
CONTROL: Final = "control"
ANCHORS: Final = "anchors"
ANCHORED: Final = "checkpoint.txt"
"""The anchored checkpoint, byte for byte, beside its receipts."""
JOB: Final = "job.txt"
"""The list of the receipts that were requested."""
ANCHORS_PER_FOLDER: Final = 10_000

__all__ = [
    "ANCHORED", "ANCHORS", "ANCHORS_PER_FOLDER", "CHECKPOINT", "CONTROL", "JOB", "KEYS", "LOCK", "POLICY",
    "STATE", "TILES", "anchor_path", "control_path", "entries_path", "log_path", "origin_at", "tile_path",
]  # fmt: skip


def log_path(origin: str) -> str:
    """Return a log's folder below the ledger directory.

    Raises:
        OriginError: if the origin is malformed.
    """
    log = Origin.parse(origin)
    return f"{CITY_LOG}/{log.epoch}" if log.is_city else f"{log.topic}/{log.partition}/{log.epoch}"


def origin_at(city: str, path: str) -> str:
    """Return the origin of the log whose folder this is: the reverse of `log_path`.

    Raises:
        OriginError: if no log of this city can have that path.
    """
    origin = str(Origin.parse(f"{city}/{path}"))
    if log_path(origin) != path:
        raise OriginError(f"log folder: expected {log_path(origin)}, got {path}")
    return origin


def control_path(index: int) -> str:
    """Return the path, below its log, of the control file of leaf `index`.

    Raises:
        OriginError: if the index is negative.
    """
    if index < 0:
        raise OriginError(f"control leaf: expected an index of 0 or more, got {index}")
    return f"{CONTROL}/{index}.json"


def anchor_path(size: int) -> str:
    """Return the folder, below the city log's, of the receipts over its checkpoint of `size` leaves.

    Raises:
        OriginError: if the size is negative.
    """
    if size < 0:
        raise OriginError(f"anchored checkpoint: expected a size of 0 or more, got {size}")
    return f"{ANCHORS}/{size // ANCHORS_PER_FOLDER}/{size}"
