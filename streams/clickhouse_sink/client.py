"""A client of ClickHouse's HTTP interface, as far as the sink needs it: insert a body, query a few rows.

A method returns once ClickHouse has stored or answered. Otherwise it raises: `ClickHouseRefusedError` if ClickHouse
refused and stored nothing, `ClickHouseDownError` if it did not answer and the outcome is unknown. Each thread has its
own connection, kept open. One insert is one block, and so atomic, whatever its size. It uses the standard library's
HTTP client: httpx takes 2.5 times its CPU for a body of 3 MiB.
"""

import base64
import http.client
import re
import threading
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

import cramjam

from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.errors import ClickHouseDownError, ClickHouseRefusedError, SinkStopError

_CODE: Final = re.compile(r"Code: (\d+)")
_BUSY: Final = (202, 503)  # too many queries at once: only a retry helps
_ONE_BLOCK: Final = {
    "max_insert_block_size": "16000000",
    "min_insert_block_size_rows": "16000000",
    "min_insert_block_size_bytes": "1073741824",
    "max_insert_threads": "1",
    "max_threads": "1",
    "async_insert": "0",
    "deduplicate_blocks_in_dependent_materialized_views": "1",
}


class ClickHouseClient:
    """Client of ClickHouse at `config.url`. Any thread may use it.

    Raises:
        SinkStopError: `config.url` is no HTTP address.
    """

    def __init__(self, config: SinkConfig) -> None:
        self._config = config
        parts = urlsplit(config.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SinkStopError(f"ClickHouse's address: expected http://host:port, got {config.url!r}")
        self._host = parts.hostname
        self._secure = parts.scheme == "https"
        self._port = parts.port or (8443 if self._secure else 8123)
        login = base64.b64encode(f"{config.user}:{config.password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}"}
        self._local = threading.local()

    def insert(self, sql: str, body: bytes, token: str) -> None:
        """Insert a body as one block under a deduplication token. A repeat under the same token stores nothing.

        Args:
            sql: The INSERT statement, with its format.
            body: The data.
            token: Deduplication token.

        Raises:
            ClickHouseRefusedError: Nothing was stored.
            ClickHouseDownError: The outcome is unknown. Insert again under the same token.
        """
        encoding, data = self._packed(body)
        self._ask({"query": sql, "insert_deduplication_token": token, **_ONE_BLOCK}, data, encoding)

    def run(self, sql: str, **binds: int | str) -> None:
        """Run a statement.

        Args:
            sql: The statement.
            binds: Values of its query parameters, by name.

        Raises:
            ClickHouseRefusedError: Nothing was changed.
            ClickHouseDownError: The outcome is unknown.
        """
        self._ask(_parameters(binds), sql.encode(), {})

    def rows(self, sql: str, **binds: int | str) -> list[list[str]]:
        """Return the rows of a query, each value as text (TabSeparated).

        Args:
            sql: The query.
            binds: Values of its query parameters, by name.

        Raises:
            ClickHouseRefusedError: ClickHouse refused the query.
            ClickHouseDownError: ClickHouse does not answer.
        """
        text = self._ask({"default_format": "TabSeparated", **_parameters(binds)}, sql.encode(), {}).decode()
        return [line.split("\t") for line in text.splitlines()]

    def seconds_ahead(self) -> float:
        """Return ClickHouse's clock minus this process's monotonic one, in seconds."""
        now = float(self.rows("SELECT toUnixTimestamp64Milli(now64(3)) / 1000")[0][0])
        return now - time.monotonic()

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _packed(self, body: bytes) -> tuple[dict[str, str], bytes]:
        """Return the encoding header and the body, compressed as configured."""
        kind = self._config.compression
        if kind == "none":
            return {}, body
        packed = (
            cramjam.lz4.compress(body, level=1) if kind == "lz4" else cramjam.zstd.compress(body, level=1)
        )
        return {"Content-Encoding": kind}, bytes(packed)

    def _ask(self, parameters: dict[str, str], body: bytes, headers: dict[str, str]) -> bytes:
        """Send a request. Retry once on a new connection if the kept one turns out to be closed."""
        target = f"/?{urlencode({'database': self._config.database, **parameters})}"
        kept = getattr(self._local, "connection", None) is not None
        try:
            return self._exchange(target, body, headers)
        except (ConnectionError, http.client.HTTPException) as error:
            self.close()
            if not kept:
                raise self._down(error) from None
        except OSError as error:
            self.close()
            raise self._down(error) from None
        try:
            return self._exchange(target, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._down(error) from None

    def _exchange(self, target: str, body: bytes, headers: dict[str, str]) -> bytes:
        """Send a request on this thread's connection and read the whole answer."""
        connection = self._connection()
        connection.request("POST", target, body, {**self._headers, **headers})
        response = connection.getresponse()
        answer = response.read()
        if response.status == http.client.OK and not response.headers.get("X-ClickHouse-Exception-Code"):
            return answer
        text = answer.decode(errors="replace")
        found = response.headers.get("X-ClickHouse-Exception-Code") or next(iter(_CODE.findall(text)), "")
        code = int(found) if found.isdecimal() else 0
        if not code or code in _BUSY:
            raise ClickHouseDownError(
                self._config.url, f"HTTP {response.status} {' '.join(text.split())[:200]}".strip()
            )
        raise ClickHouseRefusedError(code, text)

    def _connection(self) -> http.client.HTTPConnection:
        """Return this thread's connection."""
        found: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if found is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            found = kind(self._host, self._port, timeout=self._config.insert_timeout_s)
            self._local.connection = found
        return found

    def _down(self, error: Exception) -> ClickHouseDownError:
        """Return the error for a request without an answer."""
        reason = (
            "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        )
        return ClickHouseDownError(self._config.url, reason)


def _parameters(binds: Mapping[str, int | str]) -> dict[str, str]:
    """Return the parameters of a request that bind a statement's values."""
    return {f"param_{name}": str(value) for name, value in binds.items()}
