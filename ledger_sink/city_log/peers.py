"""The clocks of the witnesses, as the `Date` header of any answer of theirs (RFC 9110, section 6.6.1)."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ledger_sink.city_log.block_clock import PeerClock

if TYPE_CHECKING:
    from collections.abc import Iterable

TIMEOUT_S = 1.0
"""Longest time for one peer, in seconds."""
MOST_HEAD_BYTES = 16_384
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
    began = time.monotonic()
    try:
        head = _head(url, began + TIMEOUT_S)
        lines = head.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        text = next(line for line in lines if line.lower().startswith("date:"))[5:].strip()
        return int((parsedate_to_datetime(text).timestamp() + time.monotonic() - began) * 1000)
    except (OSError, ValueError, TypeError, StopIteration, OverflowError):
        return None


def _head(url: str, deadline: float) -> bytes:
    """Send a GET and return the beginning of the answer, with the whole of its head if it comes in time.

    Args:
        url: http or https.
        deadline: monotonic seconds by which everything is over, however slowly the peer sends.

    Raises:
        OSError: there is no connection, or the time is over.
        ValueError: the URL has no valid port.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    with ExitStack() as stack:
        connection = stack.enter_context(
            socket.create_connection((host, parts.port or (443 if secure else 80)), TIMEOUT_S)
        )
        if secure:
            context = ssl.create_default_context()
            connection = stack.enter_context(context.wrap_socket(connection, server_hostname=host))
        request = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode("ascii"))
        head = b""
        while b"\r\n\r\n" not in head and len(head) < MOST_HEAD_BYTES:
            connection.settimeout(max(0.01, deadline - time.monotonic()))
            piece = connection.recv(4096)
            if not piece:
                break
            head += piece
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url}: no whole head within {TIMEOUT_S:g} s")
        return head
