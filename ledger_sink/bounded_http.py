"""One HTTP request to a server that nobody trusts: one deadline, one size, no detours.

Connecting, the TLS handshake, sending, header lines, chunk framing, trailers, interim (1xx) answers and the body all
end at the same instant, and all bytes that arrive are counted, framing too. A silent server fails earlier. Nothing is
decompressed. The body of a redirect is not read. A redirect within the same scheme, host and port is followed a few
times, and so is one from http to https on the default ports of the same host. Every other one is refused, because it
would turn the caller into the server's client inside the caller's network (`RFC 9110 §15.4` leaves it to the client).
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from functools import cache, partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any, cast
from urllib.error import URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMES = ("http", "https")
MAX_REDIRECTS = 5
HEAD_BYTES = 256 * 1024
"""Most bytes of status lines, header lines and interim answers."""
MAX_ERROR_BYTES = 64 * 1024
"""Most bytes that are read of the body of an error; the rest is left."""
_PIECE = 1 << 16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class NoAnswerError(Exception):
    """There is no complete answer; the message says why, without the URL's path."""


class TooLargeError(NoAnswerError):
    """The body exceeds its limit."""


class RedirectRefusedError(NoAnswerError):
    """The server points somewhere else; the message names the place."""


class BudgetSpentError(NoAnswerError):
    """A run's own time or bytes are used up; no further request is made."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. `body` is the beginning of it if the status is an error."""

    status: int
    body: bytes


@dataclass
class Budget:
    """What all requests of one run may take together.

    Attributes:
        seconds: time from the creation of this object on.
        bytes_left: bytes that may still arrive.
    """

    seconds: float
    bytes_left: int
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = time.monotonic() + self.seconds

    def left_s(self) -> float:
        """Return the seconds left; raise `BudgetSpentError` if none are."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise BudgetSpentError(f"stopped after {self.seconds:g} s (--timeout)")
        return left

    def spend(self, count: int) -> None:
        """Count bytes that arrived; raise `BudgetSpentError` if they are too many."""
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise BudgetSpentError(
                "stopped: the server has sent as many bytes as a run may take (--max-bytes)"
            )


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one request, redirects included.

    Attributes:
        whole_s: seconds for everything.
        silent_s: seconds without a byte after which it fails.
        body_bytes: most bytes of the body.
        budget: the run's budget; `None` for a request that stands alone.
    """

    whole_s: float
    silent_s: float
    body_bytes: int
    budget: Budget | None = None


def request(
    url: str,
    limits: Limits,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    proxies: bool = True,
) -> Answer:
    """Send a request; return its answer, of any status but a redirect's.

    Args:
        url: an http or https URL.
        limits: time and size.
        method: GET is redirected, other methods are not.
        body: bytes to send.
        headers: further header lines.
        proxies: use the proxies that the environment names (`http_proxy`, …).

    Raises:
        TooLargeError: if the body exceeds its limit.
        RedirectRefusedError: if the server points to another host, or in circles.
        BudgetSpentError: if the run's budget is used up.
        NoAnswerError: if there is no complete answer in time.
    """
    meter = _Meter(limits)
    for _ in range(MAX_REDIRECTS + 1):
        answer = _once(url, meter, method, body, headers or {}, proxies=proxies)
        if isinstance(answer, Answer):
            return answer
        url = _redirected(url, answer, method)
    raise RedirectRefusedError(f"more than {MAX_REDIRECTS} redirects")


def _once(
    url: str, meter: _Meter, method: str, body: bytes | None, headers: Mapping[str, str], *, proxies: bool
) -> Answer | str:
    """Send one request; return its answer, or where a redirect points."""
    meter.begin_head()
    try:
        scheme = urlsplit(url).scheme
        if scheme not in SCHEMES:
            raise NoAnswerError("expected an http or https URL")  # noqa: TRY301 - one list of errors below
        wanted = Request(url, body, {"Accept-Encoding": "identity", **headers}, method=method)  # noqa: S310
        director = _director(scheme, meter, proxies=proxies)
        with cast("HTTPResponse", director.open(wanted, timeout=meter.wait_s())) as answer:
            if answer.status in _REDIRECTS:
                return answer.headers.get("Location") or ""
            return Answer(answer.status, _body(answer, meter))
    except NoAnswerError:
        raise
    except URLError as problem:
        if isinstance(problem.reason, NoAnswerError):
            raise problem.reason from None
        raise NoAnswerError(_words(problem.reason, meter)) from None
    except (OSError, HTTPException, ValueError) as problem:
        raise NoAnswerError(_words(problem, meter)) from None


def _words(problem: object, meter: _Meter) -> str:
    if isinstance(problem, TimeoutError):
        meter.wait_s()  # names the deadline if that was it
        return f"silent for {meter.limits.silent_s:g} s"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror.lower()
    return (
        f"no answer in HTTP ({str(problem)[:200]!a})"
        if isinstance(problem, HTTPException)
        else str(problem)[:200]
    )


def _redirected(old: str, target: str, method: str) -> str:
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


def _body(answer: HTTPResponse, meter: _Meter) -> bytes:
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise NoAnswerError("the answer is compressed, which was not asked for")
    is_error = answer.status >= 400
    limit = MAX_ERROR_BYTES if is_error else meter.limits.body_bytes
    meter.begin_body(limit)
    data = bytearray()
    while piece := answer.read1(_PIECE):
        data += piece
        if len(data) > limit and is_error:
            return bytes(data[:limit])
        if len(data) > limit:
            raise TooLargeError(f"expected at most {limit} bytes, there are more")
    if answer.length:
        raise NoAnswerError(f"the answer ended {answer.length} bytes too early")
    return bytes(data)


class _Meter:
    """The deadline of one request and the bytes that may still arrive."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._end = time.monotonic() + limits.whole_s
        self._left = 0

    def begin_head(self) -> None:
        self._left = HEAD_BYTES

    def begin_body(self, size: int) -> None:
        """Allow the body and its framing: chunks of two bytes take four times their size."""
        self._left = 4 * size + HEAD_BYTES

    def wait_s(self) -> float:
        """Return how long the next step may wait.

        Raises:
            NoAnswerError: if the deadline is over.
            BudgetSpentError: if the run's is.
        """
        left = self._end - time.monotonic()
        if self.limits.budget is not None:
            left = min(left, self.limits.budget.left_s())
        if left <= 0:
            raise NoAnswerError(
                f"expected a whole answer within {self.limits.whole_s:g} s, it is still coming"
            )
        return min(left, self.limits.silent_s)

    def arrived(self, count: int) -> None:
        self._left -= count
        if self.limits.budget is not None:
            self.limits.budget.spend(count)
        if self._left < 0:
            raise NoAnswerError("the answer's header lines or framing exceed their limit")


class _Metered(RawIOBase):
    """A socket's bytes, each read under the deadline and counted."""

    def __init__(self, raw: RawIOBase, sock: socket.socket, meter: _Meter) -> None:
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

    def __init__(self, sock: socket.socket, *args: Any, meter: _Meter, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        raw = self.fp.detach()
        self.fp = BufferedReader(_Metered(raw, sock, meter))


class _Connection(HTTPConnection):
    def __init__(self, host: str, *, meter: _Meter, **kwargs: Any) -> None:
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


class _SecureConnection(_Connection, HTTPSConnection):
    def connect(self) -> None:
        """Connect and shake hands; the socket's timeout bounds the whole handshake."""
        HTTPConnection.connect(self)
        self.sock.settimeout(self._meter.wait_s())
        name = self._tunnel_host or self.host  # type: ignore[attr-defined]
        self.sock = self._context.wrap_socket(self.sock, server_hostname=name)  # type: ignore[attr-defined]


def _connect(address: tuple[str, int], *_: object, meter: _Meter) -> socket.socket:
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


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Plain(HTTPHandler):
    def __init__(self, meter: _Meter) -> None:
        super().__init__()
        self._meter = meter

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(cast("Any", _Connection), req, meter=self._meter)


class _Secure(HTTPSHandler):
    def __init__(self, meter: _Meter) -> None:
        super().__init__(context=_tls())
        self._meter = meter

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(cast("Any", _SecureConnection), req, meter=self._meter, context=_tls())


def _director(scheme: str, meter: _Meter, *, proxies: bool) -> OpenerDirector:
    """Return a director of one scheme that follows no redirect; a proxy for https is spoken to by CONNECT."""
    director = OpenerDirector()
    director.add_handler(ProxyHandler(None if proxies else {}))
    director.add_handler(_Secure(meter) if scheme == "https" else _Plain(meter))
    return director
