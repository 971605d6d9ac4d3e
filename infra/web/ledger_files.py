"""Serves the public files of the ledger as C2SP tlog-tiles asks: checkpoints fresh, tiles for ever.

Only names of the public layout are served; states, locks and anything else in the folder are not there for a
reader. (C2SP tlog-tiles: checkpoint text/plain, tiles application/octet-stream and immutable.)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, PlainTextResponse

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.responses import Response

_LOG = r"[A-Za-z0-9._-]+/(?:\d+/)?\d+"
_RECEIPT = r"anchors/\d+/\d+/(?:checkpoint\.txt|job\.txt|[a-z0-9][a-z0-9-]*\.(?:tsr|evm|line|cosig))"
PUBLIC = re.compile(
    rf"^(?:keys\.txt|policy\.txt|{_LOG}/checkpoint|{_LOG}/control/\d+\.json"
    rf"|city/\d+/{_RECEIPT}|{_LOG}/tile/(?:\d{{1,2}}|entries)/(?:x\d{{3}}/)*\d{{3}}(?:\.p/\d{{1,3}})?)$"
)
IMMUTABLE = "public, max-age=31536000, immutable"
FRESH = "no-cache"


def respond(ledger: Path, name: str) -> Response:
    """Return the file of that name, or 404."""
    path = ledger / name
    if not PUBLIC.match(name) or not path.is_file():
        return PlainTextResponse("not found\n", status_code=404)
    tile = "/tile/" in name
    return FileResponse(
        path,
        media_type="application/octet-stream" if tile else "text/plain; charset=utf-8",
        headers={"Cache-Control": IMMUTABLE if tile or "/control/" in name else FRESH},
    )


def index(ledger: Path) -> Response:
    """List the logs, a line each."""
    logs = sorted(str(p.parent.relative_to(ledger)) for p in ledger.glob("**/checkpoint"))
    return PlainTextResponse("".join(f"{log}/checkpoint\n" for log in ["", *logs] if log))
