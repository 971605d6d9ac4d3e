"""Logs and ledgers over HTTP, with the standard library. Size and time of every answer are limited.

Answers are trusted no more than files: the checks verify them. Redirects are followed within http and https only, and
never from https to http. Nothing is cached. An auditor who verifies often keeps a copy (`wget --mirror`) and verifies
that.
"""

import time
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from ledger_sink.verifier.errors import AbsentError, TooLongError, UnreadableError
from ledger_sink.verifier.folder import MAX_LOG_FILE_BYTES, LedgerFiles, LogFiles

ANSWER_S = 20.0
"""Seconds without a byte after which a request fails."""
WHOLE_S = 120.0
"""Seconds for one whole answer."""
_PIECE = 1 << 16
SCHEMES = ("http", "https")


def is_url(text: str) -> bool:
    """Return whether a name on the command line is a URL rather than a path."""
    return text.startswith(tuple(f"{scheme}://" for scheme in SCHEMES))


class LogUrl(LogFiles):
    """The files of one log below a URL (C2SP tlog-tiles)."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def read(self, name: str) -> bytes:
        """Return a file of the log; see `LogFiles.read`."""
        return fetch(f"{self.url}/{name}")

    def positions(self) -> None:
        """Return `None`: HTTP cannot list a folder."""


class LedgerUrl(LedgerFiles):
    """The files of a ledger below a URL: the city log, and the partition logs that its blocks name."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def log(self, path: str) -> LogUrl:
        """Return the files of the log at a path below the URL."""
        return LogUrl(f"{self.url}/{path}")

    def read(self, name: str) -> bytes:
        """Return a file of the ledger outside its logs."""
        return fetch(f"{self.url}/{name}")

    def logs(self) -> list[str]:
        """Return an empty list: blocks name the logs, and a list from the server would prove nothing."""
        return []


def fetch(url: str, limit: int = MAX_LOG_FILE_BYTES, headers: Mapping[str, str] | None = None) -> bytes:
    """Return the body that a URL answers with.

    Args:
        url: an http or https URL.
        limit: most bytes that the body may have.
        headers: request headers. A redirect to another host drops those that begin with `X-`.

    Raises:
        AbsentError: if the status is 404 or 410.
        TooLongError: if the body exceeds the limit.
        UnreadableError: if the status is another error, or there is no complete answer in time.
    """
    began = time.monotonic()
    try:
        host = urlsplit(url).netloc.rpartition("@")[2]
        request = Request(url, headers={"Accept-Encoding": "identity", **(headers or {})})  # noqa: S310 - see _http_director
        with _http_director().open(request, timeout=ANSWER_S) as answer:
            return _body(answer, limit, began)
    except HTTPError as problem:
        with problem:
            words = problem.read(300).decode("utf-8", "replace").strip()
        kind = AbsentError if problem.code in (404, 410) else UnreadableError
        raise kind(f"answer {problem.code}: {words!a}") from None
    except URLError as problem:
        raise UnreadableError(f"{host}: {problem.reason}") from None
    except (OSError, HTTPException, ValueError) as problem:
        raise UnreadableError(f"no answer: {problem!r}") from None


def _body(answer: HTTPResponse, limit: int, began: float) -> bytes:
    pieces: list[bytes] = []
    total = 0
    while piece := answer.read1(_PIECE):
        pieces.append(piece)
        total += len(piece)
        if total > limit:
            raise TooLongError(f"expected at most {limit} bytes, there are more")
        if time.monotonic() - began > WHOLE_S:
            raise UnreadableError(f"expected an answer within {WHOLE_S:.0f} s, it is still coming")
    if answer.length:
        raise UnreadableError(f"the answer ended {answer.length} bytes too early")
    return b"".join(pieces)


class _WithinHttp(HTTPRedirectHandler):
    """Follows redirects to http and https only, never from https to http, and sends no secrets to another host."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> Request | None:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if new.scheme not in SCHEMES or (old.scheme == "https" and new.scheme != "https"):
            raise UnreadableError(f"refused a redirect from {old.scheme} to {new.scheme or 'nowhere'}")
        redirected = super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
        if redirected is not None and (old.scheme, old.netloc) != (new.scheme, new.netloc):
            redirected.headers = {
                k: v for k, v in redirected.headers.items() if not k.lower().startswith("x-")
            }
        return redirected


def _http_director() -> OpenerDirector:
    """Return a director for http and https only: urllib's default also reads file, ftp and data URLs."""
    director = OpenerDirector()
    for handler in (
        ProxyHandler,
        HTTPHandler,
        HTTPSHandler,
        HTTPDefaultErrorHandler,
        HTTPErrorProcessor,
        _WithinHttp,
    ):
        director.add_handler(handler())
    return director
