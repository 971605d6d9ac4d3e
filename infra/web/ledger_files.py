"""`/ledger/`: the public files of the ledger as C2SP tlog-tiles requires; checkpoints fresh, tiles immutable.

Only names of the public layout are served; states, locks and other files of the folder are 404. A tile or entry
bundle is served only within the size of the checkpoint beside it: what lies beyond may be rewritten with other bytes
after a crash, and no cache may keep it. A partial tile that its full one has replaced is 404, as tlog-tiles allows;
clients fetch the full one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, PlainTextResponse

from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.errors import FormatError, TileError
from ledger_sink.format.layout import CHECKPOINT, KEYS, POLICY, control_path, origin_at
from ledger_sink.format.tiles import TILE_WIDTH, parse_tile_path
from ledger_sink.regular_file import open_regular

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.responses import Response

_RECEIPT = re.compile(
    r"anchors/[0-9]+/[0-9]+/(?:checkpoint\.txt|job\.txt|[a-z0-9][a-z0-9-]*\.(tsr|evm|line|cosig))"
)
IMMUTABLE = "public, max-age=31536000, immutable"
FRESH = "public, max-age=1"
"""Caching of checkpoints: one second, so that many readers cost one read a second."""
NEVER = "no-store"
TEXT = "text/plain; charset=utf-8"
MOST_BYTES = 1_000_000


def respond(ledger: Path, name: str) -> Response:
    """Return the file of that name, or 404."""
    found = kind_of(ledger, name)
    if found is None or not _is_own_file(ledger, name):
        return PlainTextResponse("not found\n", status_code=404, headers={"Cache-Control": NEVER})
    media_type, cache = found
    headers = {
        "Cache-Control": cache,
        "Access-Control-Allow-Origin": "*",
        "X-Content-Type-Options": "nosniff",
    }
    return FileResponse(ledger / name, media_type=media_type, headers=headers)


def _is_own_file(ledger: Path, name: str) -> bool:
    """Return whether the ledger has a file of that name; a link that leads out of the ledger is none."""
    try:
        path = (ledger / name).resolve(strict=True)
        return path.is_file() and path.is_relative_to(ledger.resolve())
    except (OSError, ValueError, RuntimeError):
        return False


def kind_of(ledger: Path, name: str) -> tuple[str, str] | None:
    """Return media type and caching of a public name; None if the name is not public."""
    if name in (KEYS, POLICY):
        return TEXT, FRESH
    for depth in (2, 3):  # city/<epoch>/… and <topic>/<partition>/<epoch>/…
        parts = name.split("/")
        folder, rest = "/".join(parts[:depth]), "/".join(parts[depth:])
        try:
            origin_at("city", folder)
        except FormatError:
            continue
        receipt = _RECEIPT.fullmatch(rest) if depth == 2 else None
        if receipt is not None:
            return "application/octet-stream" if receipt[1] == "tsr" else TEXT, FRESH
        return _within(ledger / folder, rest)
    return None


def _within(log: Path, rest: str) -> tuple[str, str] | None:
    if rest == CHECKPOINT:
        return TEXT, FRESH
    number = rest.removeprefix("control/").removesuffix(".json")
    if number.isascii() and number.isdigit() and len(number) < 20 and rest == control_path(int(number)):
        return ("application/json", IMMUTABLE) if int(number) < _size(log) else None
    try:
        level, index, width = parse_tile_path(rest)
    except TileError:
        return None
    covered = (index * TILE_WIDTH + width) << 8 * max(level, 0) <= _size(log)
    return ("application/octet-stream", IMMUTABLE) if covered else None


def _size(log: Path) -> int:
    """Return the size of the log's published checkpoint; 0 if there is none."""
    try:
        with open_regular(log / CHECKPOINT) as file:
            return parse_checkpoint(file.read(MOST_BYTES))[0].size
    except (OSError, FormatError):
        return 0


def index(ledger: Path) -> Response:
    """Return the paths of all checkpoints, one a line."""
    # city/<epoch> and <topic>/<partition>/<epoch>; the tiles below are not walked through.
    found = [path for depth in ("*/*", "*/*/*") for path in ledger.glob(f"{depth}/{CHECKPOINT}")]
    logs = sorted(path.parent.relative_to(ledger).as_posix() for path in found)
    lines = "".join(f"{log}/{CHECKPOINT}\n" for log in logs)
    return PlainTextResponse(lines, headers={"Cache-Control": FRESH})
