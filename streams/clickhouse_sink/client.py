"""ClickHouse over its HTTP interface, as far as a sink needs it: insert a body, ask for a few rows.

It promises: a method returns when ClickHouse has stored or answered, and raises otherwise
(`ClickHouseRefusedError`: it said no, nothing stored; `ClickHouseDownError`: it said nothing, and nobody knows).
Each thread has a connection of its own, kept open. One insert is one block, and so atomic, whatever its
size. No HTTP library but the standard one: httpx takes 2.5 times its CPU for a body of 3 MiB.
"""

import base64
import http.client
import re
import threading
import time
from typing import Final
from urllib.parse import urlencode, urlsplit

import cramjam

from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.errors import ClickHouseDownError, ClickHouseRefusedError, SinkStopError

_CODE: Final = re.compile(r"Code: (\d+)")
_BUSY: Final = (202, 503)  # too many queries at once: to come again is all there is to do
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
    """ClickHouse at `config.url`; any thread may use it.

    Raises:
        SinkStopError: The URL is none.
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
        """Insert a body under a deduplication token: the same token again stores nothing more.

        Raises:
            EngineRefusedError: Nothing was stored.
            EngineDownError: Perhaps it was: insert it again under the same token.
        """
        encoding, data = self._packed(body)
        self._ask({"query": sql, "insert_deduplication_token": token, **_ONE_BLOCK}, data, encoding)

    def run(self, sql: str, **binds: int) -> None:
        """Run a statement with values for its binds.

        Raises:
            EngineRefusedError: Nothing was changed.
            EngineDownError: Perhaps it was.
        """
        self._ask({f"param_{name}": str(value) for name, value in binds.items()}, sql.encode(), {})

    def rows(self, sql: str) -> list[list[str]]:
        """Return the rows of a query, tab separated values as text."""
        text = self._ask({"default_format": "TabSeparated"}, sql.encode(), {}).decode()
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
        """Compress a body as the settings say."""
        kind = self._config.compression
        if kind == "none":
            return {}, body
        packed = (
            cramjam.lz4.compress(body, level=1) if kind == "lz4" else cramjam.zstd.compress(body, level=1)
        )
        return {"Content-Encoding": kind}, bytes(packed)

    def _ask(self, parameters: dict[str, str], body: bytes, headers: dict[str, str]) -> bytes:
        """Send a request; once more on a new connection when the kept one turns out to be closed."""
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
        """Say in words why nothing came."""
        reason = (
            "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        )
        return ClickHouseDownError(self._config.url, reason)
