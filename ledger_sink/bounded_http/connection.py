"""Connections whose every step has the deadline of their request, and whose bytes are counted."""

from __future__ import annotations

import socket
import threading
from functools import partial
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger_sink.bounded_http.meter import Meter


class _Metered(RawIOBase):
    """A socket's bytes, each read under the deadline and counted."""

    def __init__(self, raw: RawIOBase, sock: socket.socket, meter: Meter) -> None:
        self._raw, self._sock, self._meter = raw, sock, meter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        self._sock.settimeout(self._meter.wait_s())
        count = self._raw.readinto(buffer)
        self._meter.arrived(count or 0)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Response(HTTPResponse):
    """A response that is read through a meter, from its first byte on."""

    def __init__(self, sock: socket.socket, *args: Any, meter: Meter, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        raw = self.fp.detach()
        self.fp = BufferedReader(_Metered(raw, sock, meter))


class Connection(HTTPConnection):
    """A connection that is made, written and read under a meter."""

    def __init__(self, host: str, *, meter: Meter, **kwargs: Any) -> None:
        super().__init__(host, **kwargs)
        self.response_class = partial(_Response, meter=meter)  # type: ignore[assignment]
        self._create_connection = partial(_connect, meter=meter)
        self._meter = meter

    def send(self, data: Any) -> None:
        """Send bytes by the deadline: the socket's timeout bounds the whole of `sendall`."""
        if self.sock is None:
            self.connect()
        self.sock.settimeout(self._meter.wait_s())
        super().send(data)


class SecureConnection(Connection, HTTPSConnection):
    """The same with TLS."""

    def connect(self) -> None:
        """Connect and shake hands; the socket's timeout bounds the whole handshake."""
        HTTPConnection.connect(self)
        self.sock.settimeout(self._meter.wait_s())
        name = self._tunnel_host or self.host  # type: ignore[attr-defined]
        self.sock = self._context.wrap_socket(self.sock, server_hostname=name)  # type: ignore[attr-defined]


def _connect(address: tuple[str, int], *_: object, meter: Meter) -> socket.socket:
    """Connect to the first address of a host that answers, by the deadline."""
    last: OSError = OSError("the name has no address")
    for family, kind, protocol, _name, place in _addresses(*address, meter.wait_s()):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(meter.wait_s())
            sock.connect(place)
        except OSError as problem:
            sock.close()
            last = problem
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise last


def _addresses(host: str, port: int, wait_s: float) -> list[Any]:
    """Resolve a name within a time; the resolver itself has no deadline."""
    found: list[Any] = []
    failed: list[OSError] = []

    def resolve() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as problem:
            failed.append(problem)
        except (UnicodeError, OverflowError) as problem:
            failed.append(OSError(str(problem)))

    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(wait_s)
    if thread.is_alive():
        raise TimeoutError
    if failed:
        raise failed[0]
    return found
