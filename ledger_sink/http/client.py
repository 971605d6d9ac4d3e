"""A small HTTP client on the standard library, for peers that may be slow, down or hostile.

Each call opens a connection, has a time limit, and reads at most 4 MiB. A failure below HTTP raises the caller's
`RetryError`. It uses no HTTP library, because `ledger-witness` runs with the base install.
"""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

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
            timeout_s: time limit of each step of a call, in seconds.
            unavailable: the error that a failed call raises.
            secret_path: the path holds an API key, as with RPC services: errors name the host only.

        Raises:
            SetupError: the URL is not http or https with a host.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SetupError(f"{url!r}: expected http://host:port or https://host:port")
        self.url = f"{parts.scheme}://{parts.hostname}:{parts.port or ''}" if secret_path else url.rstrip("/")
        self._secure = parts.scheme == "https"
        self._host, self._port, self._prefix = parts.hostname, parts.port, parts.path.rstrip("/")
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
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout_s)
        try:
            connection.request(method, self._prefix + path, body, dict(headers or {}))
            response = connection.getresponse()
            data = response.read(MAX_ANSWER_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise self._unavailable(
                f"{self.url}{path}: no answer ({error or type(error).__name__})"
            ) from error
        finally:
            connection.close()
        if len(data) > MAX_ANSWER_BYTES:
            raise self._unavailable(f"{self.url}{path}: answer longer than {MAX_ANSWER_BYTES} bytes")
        return response.status, data
