"""The configuration of the HTTP server: frozen records with units and defaults."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

MIB = 1024 * 1024
KIB = 1024

Role = Literal["platform", "boards"]
"""`platform` may do what the platform does; `boards` may read the tables of one database, within limits."""


@dataclass(frozen=True, slots=True)
class User:
    """A user of the HTTP server. The server knows a salted digest of the password, never the password."""

    name: str
    role: Role
    salt: str = field(repr=False)
    digest: str = field(repr=False)  # empty: the name alone is enough


@dataclass(frozen=True, slots=True)
class BoardLimits:
    """The limits of each statement of a user with the role `boards`."""

    database: str = "city"  # whose tables it may read
    running: int = 2  # statements that run at once, so that boards never take every worker
    max_execution_s: int = 30
    max_result_rows: int = 200_000
    max_memory_bytes: int = 512 * MIB
    max_block_rows: int = 2_048  # the engine looks at time and cancelling between blocks only
    max_threads: int = 2
    grace_s: int = 10  # beyond its limit: then a statement's turn is given to others
    spare: int = 2  # workers for statements that gave their turn to others


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Address, users and every limit of one server."""

    path: Path  # the engine's data directory; one server per directory
    host: str = "127.0.0.1"
    port: int = 18123
    users: tuple[User, ...] = ()
    boards: BoardLimits = BoardLimits()
    hosts: tuple[str, ...] = ()  # names by which others call the server, besides those of the loopback
    display_name: str = "city"  # what `displayName()` answers
    running: int = 4  # statements that run at once; each has its own handle
    waiting: int = 64  # statements that may wait for a free worker; one more is answered 503
    wait_s: float = 30.0  # how long one waits before it is answered 503
    sessions: int = 64  # sessions that may hold state (SET, USE, temporary tables)
    max_sql_bytes: int = 256 * KIB  # the text of a statement, without the data of an insert
    max_depth: int = 1000  # nested brackets of a statement, as the engine's own `max_parser_depth`
    max_inline_bytes: int = 64 * MIB  # the data of INSERT … VALUES
    max_form_bytes: int = 16 * MIB  # a multi-part body
    max_body_bytes: int = 256 * MIB  # the data of one insert, decompressed
    spool_bytes: int = 8 * MIB  # above this an insert's data waits on disk, not in memory
    max_result_bytes: int = 64 * MIB  # a result that cannot be sent block by block
    max_result_rows: int = 2_000_000  # the same; constant columns are not counted in its bytes
    max_query_memory_bytes: int = 1024 * MIB  # what one statement may use
    max_engine_memory_bytes: int = 2048 * MIB  # what the engine may use in all
    max_execution_s: int = 300  # longest statement
    stop_s: float = 2.0  # after SIGTERM: how long running statements may finish

    @property
    def config_path(self) -> Path:
        """Return the folder of the engine's own configuration: beside its data, so that no statement writes it."""
        return self.path.with_name(f"{self.path.name}.config")

    def document(self) -> dict[str, Any]:
        """Return the configuration as the members of a JSON object."""
        return asdict(self) | {"path": str(self.path)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ServerConfig:
        """Return the configuration that `document` returned."""
        users = tuple(User(**user) for user in document["users"])
        boards = BoardLimits(**document["boards"])
        read = {"path": Path(document["path"]), "users": users, "boards": boards}
        return cls(**{**document, **read, "hosts": tuple(document["hosts"])})
