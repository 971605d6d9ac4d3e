"""The clocks of the witnesses, as the `Date` header of any answer of theirs (RFC 9110, section 6.6.1)."""

from __future__ import annotations

import http.client
import time
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ledger_sink.city_log.block_clock import PeerClock

if TYPE_CHECKING:
    from collections.abc import Iterable

TIMEOUT_S = 1.0
LOCAL = "localhost"


def peer_clocks(urls: Iterable[str]) -> list[PeerClock]:
    """Return the clock of each peer that answers within TIMEOUT_S with a `Date`.

    Args:
        urls: base URLs of the peers' HTTP servers.
    """
    found = []
    for url in urls:
        shown = _date(url)
        if shown is not None:
            found.append(PeerClock(urlsplit(url).netloc, shown, not is_local(url)))
    return found


def is_local(url: str) -> bool:
    """Return whether a URL names this machine, whose clock is ours."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == LOCAL


def _date(url: str) -> int | None:
    """Return the time of an answer's `Date` in milliseconds, brought forward by the time the answer took."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    began = time.monotonic()
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        try:
            connection.request("GET", parts.path or "/")
            text = connection.getresponse().getheader("Date", "")
        finally:
            connection.close()
        return int((parsedate_to_datetime(text).timestamp() + time.monotonic() - began) * 1000)
    except (OSError, http.client.HTTPException, ValueError, TypeError):
        return None
