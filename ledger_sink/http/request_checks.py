"""Checks of a request's head, the same for every server: framing, sizes, method, Host, and the page that sent it.

Pure. A Host that is not ours is refused, so that no foreign page reaches a server on the loopback by a name that it
rebinds (DNS rebinding). Requests of other sites are refused as Go's `http.CrossOriginProtection` does it: by
`Sec-Fetch-Site` (W3C Fetch Metadata), else by `Origin` against `Host`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ledger_sink.http.limits import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ledger_sink.http.limits import HttpLimits

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Head:
    """Request line and headers of one request."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    """Names in lower case, in the order in which they came."""

    def values(self, name: str) -> list[str]:
        """Return the values of all headers of a name."""
        return [value for key, value in self.headers if key == name]


def refusal_of(head: Head, limits: HttpLimits, local: str, hosts: Collection[str]) -> Refusal | None:
    """Return why a request is refused, or None.

    Args:
        head: The request's head.
        limits: What the server accepts.
        local: The address at which the connection arrived.
        hosts: Further names of the server, in lower case.
    """
    return (
        _size(head, limits)
        or _framing(head, limits)
        or _host(head, local, hosts)
        or _method(head, limits)
        or _site(head, limits)
    )


def _size(head: Head, limits: HttpLimits) -> Refusal | None:
    if len(head.target) > limits.head_bytes:
        return Refusal(414, f"the request target is longer than {limits.head_bytes} bytes")
    size = sum(len(name) + len(value) + 4 for name, value in head.headers)
    if len(head.headers) > limits.headers or size > limits.head_bytes:
        return Refusal(431, f"expected at most {limits.headers} headers of {limits.head_bytes} bytes")
    return None


def _framing(head: Head, limits: HttpLimits) -> Refusal | None:
    """Refuse a body whose end is not certain, or above the limit, and a target that is no path."""
    if faulty := faulty_framing(head):
        return faulty
    lengths = head.values("content-length")
    if lengths and int(lengths[0]) > limits.body_bytes:
        return Refusal(413, f"the body is larger than {limits.body_bytes} bytes")
    if not head.target.startswith("/") and head.target != "*":
        return Refusal(400, "the request target: expected a path")
    return None


def faulty_framing(head: Head) -> Refusal | None:
    """Refuse what two servers could read as different messages (RFC 9112 §6.3)."""
    lengths, codings = head.values("content-length"), head.values("transfer-encoding")
    if (lengths and codings) or len(lengths) > 1 or len(codings) > 1:
        return Refusal(400, "expected one Content-Length or one Transfer-Encoding")
    if codings and codings[0].strip().lower() != "chunked":
        return Refusal(501, "Transfer-Encoding: expected chunked")
    if lengths and not (lengths[0].isascii() and lengths[0].isdecimal() and len(lengths[0]) <= 18):
        return Refusal(400, "Content-Length: expected a whole number")
    return None


def _method(head: Head, limits: HttpLimits) -> Refusal | None:
    if head.method in limits.methods:
        return None
    return Refusal(405, f"expected one of {', '.join(sorted(limits.methods))}")


def _host(head: Head, local: str, hosts: Collection[str]) -> Refusal | None:
    found = head.values("host")
    matched = _HOST.fullmatch(found[0]) if len(found) == 1 else None
    if matched is None:
        return Refusal(400, "Host: expected one name or address")
    name = matched[1].lower().removesuffix(".").strip("[]")
    if is_own_name(name, local) or name in hosts:
        return None
    return Refusal(421, "Host: not a name of this server; CITY_HOSTS (ledger-witness: --allow-host) adds one")


def is_own_name(name: str, local: str) -> bool:
    """Return whether a host name is one of the loopback's, or the address at which the connection arrived."""
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 §6.3: never in the DNS
        return True
    try:
        address = ip_address(name)
        return address.is_loopback or address == ip_address(local)
    except ValueError:
        return False


def _site(head: Head, limits: HttpLimits) -> Refusal | None:
    if head.method in _READING and not limits.same_site_reads:
        return None
    refused = Refusal(403, "requests of other sites' pages are refused")
    if sites := head.values("sec-fetch-site"):
        return None if sites[0] in {"same-origin", "none"} else refused
    if origins := head.values("origin"):
        return None if _authority(origins[0]) == head.values("host")[0].lower() else refused
    return None


def _authority(origin: str) -> str | None:
    """Return host and port of an origin; None for `null` and what is no origin."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
