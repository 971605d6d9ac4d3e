"""urllib's director of one scheme, over metered connections; it follows no redirect."""

from __future__ import annotations

import ssl
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from ledger_sink.bounded_http.connection import Connection, SecureConnection

if TYPE_CHECKING:
    from http.client import HTTPResponse

    from ledger_sink.bounded_http.meter import Meter


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Plain(HTTPHandler):
    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(cast("Any", Connection), req, meter=self._meter)


class _Secure(HTTPSHandler):
    def __init__(self, meter: Meter) -> None:
        super().__init__(context=_tls())
        self._meter = meter

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(cast("Any", SecureConnection), req, meter=self._meter, context=_tls())


def director(scheme: str, meter: Meter, *, proxies: bool) -> OpenerDirector:
    """Return a director of one scheme that follows no redirect; a proxy for https is spoken to by CONNECT."""
    made = OpenerDirector()
    made.add_handler(ProxyHandler(None if proxies else {}))
    made.add_handler(_Secure(meter) if scheme == "https" else _Plain(meter))
    return made
