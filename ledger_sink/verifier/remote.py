"""Logs and ledgers over HTTP, with the standard library: every answer is capped, timed, and believed only when proved.

Redirects are followed within http and https only, and never from https back to http. Nothing is cached: whoever
checks often keeps a copy (`wget --mirror`) and checks that.
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
"""Seconds without a byte after which a server counts as gone."""
WHOLE_S = 120.0
"""Seconds for one answer altogether."""
_PIECE = 1 << 16
SCHEMES = ("http", "https")


def is_url(text: str) -> bool:
    """Tell whether a name on the command line is a URL rather than a path."""
    return text.startswith(tuple(f"{scheme}://" for scheme in SCHEMES))


class LogUrl(LogFiles):
    """Reads the files of one log below a URL (C2SP tlog-tiles)."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def read(self, name: str) -> bytes:
        """Return a file of the log; see `LogFiles.read`."""
        return fetch(f"{self.url}/{name}")

    def positions(self) -> None:
        """Nobody can list a folder over HTTP."""


class LedgerUrl(LedgerFiles):
    """A ledger below a URL: the city log, and the partition logs that its blocks mention."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def log(self, path: str) -> LogUrl:
        """Return a log's files."""
        return LogUrl(f"{self.url}/{path}")

    def read(self, name: str) -> bytes:
        """Return a file beside the logs."""
        return fetch(f"{self.url}/{name}")

    def logs(self) -> list[str]:
        """Blocks tell what there is; a list from the server would add nothing that is proved."""
        return []


def fetch(url: str, limit: int = MAX_LOG_FILE_BYTES, headers: Mapping[str, str] | None = None) -> bytes:
    """Return what a URL answers.

    Args:
        url: http or https.
        limit: most bytes that an answer may have.
        headers: sent along, not to another host.

    Raises:
        AbsentError: 404 or 410.
        UnreadableError: any other answer than 200, none in time, or one that is too long.
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
    """Follows redirects to http and https only, never down from https, and takes no secrets to another host."""

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
    """Speak http and https, and nothing else that urllib could (file, ftp, data)."""
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
