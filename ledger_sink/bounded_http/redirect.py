"""Which redirects are followed: within scheme, host and port, and from http to https on the same host."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from ledger_sink.bounded_http.errors import RedirectRefusedError

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DEFAULT_PORTS = {"http": 80, "https": 443}


def redirected(old: str, target: str, method: str) -> str:
    """Return where a redirect leads, if it may be followed."""
    before = urlsplit(old)
    try:
        new = urljoin(old, target)
        after = urlsplit(new)
        places = [
            (each.scheme, each.hostname, each.port or _DEFAULT_PORTS.get(each.scheme))
            for each in (before, after)
        ]
    except ValueError:
        raise RedirectRefusedError(f"refused a redirect to {target[:200]!a}") from None
    (_, host, port), (scheme, other, there) = places
    upgrade = (port, before.scheme, scheme, there) == (80, "http", "https", 443)
    if method != "GET" or not target or other != host or not (places[0] == places[1] or upgrade):
        raise RedirectRefusedError(
            f"refused a redirect to {new[:200]!a}: name that address yourself if you trust it"
        )
    return new
