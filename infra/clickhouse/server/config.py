"""The configuration of the HTTP server: one frozen record with units and defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Address, user and every limit of one server."""

    path: Path  # the engine's data directory; one server per directory
    host: str = "127.0.0.1"
    port: int = 18123
    user: str = "city"
    password: str = ""  # empty: the name of the user alone is enough
    display_name: str = "city"  # what `displayName()` answers
    running: int = 4  # statements that run at once; each has its own handle
    waiting: int = 64  # statements that may wait for a free worker; one more is answered 503
    wait_s: float = 30.0  # how long one waits before it is answered 503
    sessions: int = 64  # sessions that may hold state (SET, USE, temporary tables)
    max_sql_bytes: int = 64 * MIB  # a statement with its inline data
    max_body_bytes: int = 256 * MIB  # the data of one insert, decompressed
    spool_bytes: int = 8 * MIB  # above this an insert's data waits on disk, not in memory
    max_result_bytes: int = 64 * MIB  # a result that cannot be sent block by block
    max_result_rows: int = 2_000_000  # the same; constant columns are not counted in its bytes
    max_query_memory_bytes: int = 1024 * MIB  # what one statement may use
    max_engine_memory_bytes: int = 2048 * MIB  # what the engine may use in all
    max_execution_s: int = 300  # longest statement
    stop_s: float = 2.0  # after SIGTERM: how long running statements may finish

    def __repr__(self) -> str:
        return (
            f"ServerConfig(path={str(self.path)!r}, host={self.host!r}, port={self.port}, user={self.user!r})"
        )
