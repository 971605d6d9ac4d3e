"""A small HTTP client on the standard library, for peers that may be slow, down or hostile.

Each call opens a connection, has one deadline for everything, and reads at most 4 MiB; redirects are refused
(`ledger_sink/bounded_http`). A failure below HTTP raises the caller's
`RetryError`. It uses no HTTP library, because `ledger-witness` runs with the base install.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ledger_sink.bounded_http.client import request
from ledger_sink.bounded_http.errors import NoAnswerError
from ledger_sink.bounded_http.limits import Limits
from ledger_sink.errors import RetryError, SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ANSWER_BYTES = 4 << 20


class HttpClient:
    """Client of one HTTP server at a base URL."""

    def __init__(
        self, url: str, *, timeout_s: float, unavailable: type[RetryError], secret_path: bool = False
    ) -> None:
        """Parse the base URL; open no connection.

        Args:
            url: http or https, host, and a path that each call's path is appended to.
            timeout_s: time limit of a call, in seconds.
            unavailable: the error that a failed call raises.
            secret_path: the path holds an API key, as with RPC services: errors name the host only.

        Raises:
            SetupError: the URL is not http or https with a host.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SetupError(f"{url!r}: expected http://host:port or https://host:port")
        self.url = f"{parts.scheme}://{parts.hostname}:{parts.port or ''}" if secret_path else url.rstrip("/")
        self._base = url.rstrip("/")
        self._timeout_s = timeout_s
        self._unavailable = unavailable

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send one request; return status and body.

        Args:
            method: GET or POST.
            path: begins with `/`; it is appended to the base URL's path.
            body: bytes to send, or None.
            headers: further headers.

        Raises:
            RetryError: no complete response came in time. Its class is `unavailable`.
        """
        limits = Limits(self._timeout_s, self._timeout_s, MAX_ANSWER_BYTES)
        try:
            answer = request(
                self._base + path, limits, method=method, body=body, headers=headers, proxies=False
            )
        except NoAnswerError as error:
            raise self._unavailable(f"{self.url}{path}: no answer ({error})") from error
        return answer.status, answer.body
