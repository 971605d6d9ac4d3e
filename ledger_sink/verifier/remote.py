"""Logs and ledgers over HTTP, with the standard library. Size and time of every answer are limited.

Answers are trusted no more than files: the checks verify them. `ledger_sink/bounded_http` holds the limits: one
deadline and one size for each request, no redirect to another host. Nothing is cached. An auditor who verifies often
keeps a copy (`wget --mirror`) and verifies that.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from ledger_sink.bounded_http.client import SCHEMES, request
from ledger_sink.bounded_http.errors import BudgetSpentError, NoAnswerError, TooLargeError
from ledger_sink.bounded_http.limits import Budget, Limits
from ledger_sink.verifier.errors import AbsentError, BudgetError, TooLongError, UnreadableError
from ledger_sink.verifier.folder import MAX_LOG_FILE_BYTES, LedgerFiles, LogFiles, size_limit
from ledger_sink.verifier.trust import MAX_TRUST_BYTES

ANSWER_S = 20.0
"""Seconds without a byte after which a request fails."""
WHOLE_S = 120.0
"""Seconds for one whole request: connecting, header lines and body."""


def is_url(text: str) -> bool:
    """Return whether a name on the command line is a URL rather than a path."""
    return text.startswith(tuple(f"{scheme}://" for scheme in SCHEMES))


class LogUrl(LogFiles):
    """The files of one log below a URL (C2SP tlog-tiles)."""

    def __init__(self, url: str, budget: Budget | None = None) -> None:
        self.url = url.rstrip("/")
        self._budget = budget

    def read(self, name: str) -> bytes:
        """Return a file of the log; see `LogFiles.read`."""
        return fetch(f"{self.url}/{name}", size_limit(name), budget=self._budget)

    def has_tiles(self) -> bool:
        """Return False: of a server it is not known whether the URL is that of a log."""
        return False

    def positions(self) -> None:
        """Return `None`: HTTP cannot list a folder."""


class LedgerUrl(LedgerFiles):
    """The files of a ledger below a URL: the city log, and the partition logs that its blocks name."""

    def __init__(self, url: str, budget: Budget | None = None) -> None:
        self.url = url.rstrip("/")
        self._budget = budget

    def log(self, path: str) -> LogUrl:
        """Return the files of the log at a path below the URL."""
        return LogUrl(f"{self.url}/{path}", self._budget)

    def read(self, name: str) -> bytes:
        """Return a file of the ledger outside its logs."""
        return fetch(f"{self.url}/{name}", MAX_TRUST_BYTES, budget=self._budget)

    def logs(self) -> list[str]:
        """Return an empty list: blocks name the logs, and a list from the server would prove nothing."""
        return []


def fetch(
    url: str,
    limit: int = MAX_LOG_FILE_BYTES,
    headers: Mapping[str, str] | None = None,
    budget: Budget | None = None,
) -> bytes:
    """Return the body that a URL answers with.

    Args:
        url: an http or https URL.
        limit: most bytes that the body may have.
        headers: request headers.
        budget: what all requests of this run may take together; `None` for no limit beyond this request's.

    Raises:
        AbsentError: if the status is 404 or 410.
        TooLongError: if the body exceeds the limit.
        BudgetError: if the run's time or bytes are used up.
        UnreadableError: if the status is another error, or there is no complete answer in time.
    """
    try:
        answer = request(url, Limits(WHOLE_S, ANSWER_S, limit, budget), headers=headers)
    except TooLargeError as problem:
        raise TooLongError(str(problem)) from None
    except BudgetSpentError as problem:
        raise BudgetError(f"{_host(url)}: {problem}") from None
    except NoAnswerError as problem:
        raise UnreadableError(f"{_host(url)}: {problem}") from None
    if 200 <= answer.status < 300:
        return answer.body
    words = answer.body.decode("utf-8", "replace").strip()
    kind = AbsentError if answer.status in (404, 410) else UnreadableError
    raise kind(f"answer {answer.status}: {words!a}")


def _host(url: str) -> str:
    """Return the URL's host and port, for messages: a path or a password may be secret."""
    try:
        return ascii(urlsplit(url).netloc.rpartition("@")[2])[1:-1] or "no host"
    except ValueError:
        return "no host"
