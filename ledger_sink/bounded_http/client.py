"""One request and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, cast
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request

from ledger_sink.bounded_http.director import director
from ledger_sink.bounded_http.errors import NoAnswerError, RedirectRefusedError, TooLargeError
from ledger_sink.bounded_http.meter import Meter
from ledger_sink.bounded_http.redirect import REDIRECTS, redirected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger_sink.bounded_http.limits import Limits

SCHEMES = ("http", "https")
MAX_REDIRECTS = 5
MAX_ERROR_BYTES = 64 * 1024
"""Most bytes that are read of the body of an error; the rest is left."""
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. `body` is the beginning of it if the status is an error."""

    status: int
    body: bytes


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
    meter = Meter(limits)
    for _ in range(MAX_REDIRECTS + 1):
        answer = _once(url, meter, method, body, headers or {}, proxies=proxies)
        if isinstance(answer, Answer):
            return answer
        url = redirected(url, answer, method)
    raise RedirectRefusedError(f"more than {MAX_REDIRECTS} redirects")


def _once(
    url: str, meter: Meter, method: str, body: bytes | None, headers: Mapping[str, str], *, proxies: bool
) -> Answer | str:
    """Send one request; return its answer, or where a redirect points."""
    meter.begin_head()
    try:
        scheme = urlsplit(url).scheme
        if scheme not in SCHEMES:
            raise NoAnswerError("expected an http or https URL")  # noqa: TRY301 - one list of errors below
        wanted = Request(url, body, {"Accept-Encoding": "identity", **headers}, method=method)  # noqa: S310
        handlers = director(scheme, meter, proxies=proxies)
        with cast("HTTPResponse", handlers.open(wanted, timeout=meter.wait_s())) as answer:
            if answer.status in REDIRECTS:
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


def _words(problem: object, meter: Meter) -> str:
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


def _body(answer: HTTPResponse, meter: Meter) -> bytes:
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
