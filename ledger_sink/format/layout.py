"""Every path of a ledger directory, spelled here and nowhere else (CONTRACT §7).

Paths are relative, with `/`, below `<data>/ledger/`:

    keys.txt  policy.txt                        all logs' verifier keys; the city's own tlog-policy
    city/<epoch>/…                              the city log
    <topic>/<partition>/<epoch>/…               a partition log
      checkpoint                                the newest signed checkpoint (of the city log: with its
      cosignatures) tile/<L>/<N>[.p/<W>]  tile/entries/<N>…   C2SP tlog-tiles
      control/<index>.json                      what the START or GAP leaf of that index commits to
      state.json  lock                          the writer's own: not part of the published log
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

__all__ = [
    "CHECKPOINT", "CONTROL", "KEYS", "LOCK", "POLICY", "STATE", "TILES",
    "control_path", "entries_path", "log_path", "origin_at", "tile_path",
]  # fmt: skip


def log_path(origin: str) -> str:
    """Return a log's folder below the ledger directory.

    Raises:
        OriginError: if the origin is none.
    """
    log = Origin.parse(origin)
    return f"{CITY_LOG}/{log.epoch}" if log.is_city else f"{log.topic}/{log.partition}/{log.epoch}"


def origin_at(city: str, path: str) -> str:
    """Return the origin of the log whose folder this is: the reverse of `log_path`.

    Raises:
        OriginError: if no log of this city lies at such a path.
    """
    origin = str(Origin.parse(f"{city}/{path}"))
    if log_path(origin) != path:
        raise OriginError(f"log folder: expected {log_path(origin)}, got {path}")
    return origin


def control_path(index: int) -> str:
    """Return where the inputs of control leaf `index` lie below their log.

    Raises:
        OriginError: if the index is negative.
    """
    if index < 0:
        raise OriginError(f"control leaf: expected an index of 0 or more, got {index}")
    return f"{CONTROL}/{index}.json"
