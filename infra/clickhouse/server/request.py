"""An HTTP request as ClickHouse's interface reads it: statement, settings, parameters, credentials.

Pure; `body.py` reads the body. The rules are those of ClickHouse's HTTP interface: the text is `query=` and the body
joined by a line end; every URL parameter that is not one of the interface's own is a setting.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.clickhouse.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from infra.clickhouse.server.multipart import ExternalTable

# Parameters of the interface itself; any other is a setting for the engine.
_RESERVED = frozenset(
    {
        "query",
        "database",
        "default_format",
        "user",
        "password",
        "quota_key",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "close_session",
        "compress",
        "decompress",
        "client_protocol_version",
        "role",
        "stacktrace",
        "buffer_size",
        "wait_end_of_query",
        "enable_http_compression",
    }
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """User and password of a request; the password never prints."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """One request without its body."""

    credentials: Credentials
    query: bytes
    database: str | None
    default_format: str
    settings: Mapping[str, str]
    params: Mapping[str, str]
    query_id: str
    session_id: str | None
    session_timeout_s: int
    protocol_version: int
    readonly: bool
    tables: tuple[ExternalTable, ...] = ()


def parse_request(
    method: str,
    pairs: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    tables: tuple[ExternalTable, ...] = (),
) -> QueryRequest:
    """Parse a request's URL parameters, multi-part fields and headers.

    Args:
        method: HTTP method; GET and HEAD may only read.
        pairs: URL parameters and form fields; the last of a name wins.
        headers: Headers by their names in lower case.
        tables: External tables that came with it.

    Raises:
        RefusedError: A number or the Authorization header cannot be read, or native compression is asked for.
    """
    parameters = dict(pairs)
    _refuse_native_compression(parameters)
    return QueryRequest(
        credentials=_credentials(parameters, headers),
        query=parameters.get("query", "").encode(),
        database=parameters.get("database") or headers.get("x-clickhouse-database"),
        default_format=parameters.get("default_format")
        or headers.get("x-clickhouse-format")
        or "TabSeparated",
        settings={name: value for name, value in parameters.items() if _is_setting(name)},
        params={name[6:]: value for name, value in parameters.items() if name.startswith("param_")},
        query_id=parameters.get("query_id") or str(uuid.uuid4()),
        session_id=parameters.get("session_id"),
        session_timeout_s=min(_number(parameters, "session_timeout", 60), 3600),
        protocol_version=_number(parameters, "client_protocol_version", 0),
        readonly=method in ("GET", "HEAD"),
        tables=tables,
    )


def _is_setting(name: str) -> bool:
    return name not in _RESERVED and not name.startswith("param_")


def _number(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name, str(default))
    if not text.isdecimal():
        raise RefusedError(
            36, "BAD_ARGUMENTS", f"URL parameter {name}: expected a whole number, got {text!r}"
        )
    return int(text)


def _refuse_native_compression(parameters: Mapping[str, str]) -> None:
    for name in ("compress", "decompress"):
        if parameters.get(name, "0") not in ("0", "false", ""):
            raise RefusedError(
                48,
                "NOT_IMPLEMENTED",
                f"URL parameter {name}=1 asks for ClickHouse's own compressed blocks, which this server "
                "does not read: use Content-Encoding (gzip, deflate, zstd, lz4)",
            )


def _credentials(parameters: Mapping[str, str], headers: Mapping[str, str]) -> Credentials:
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        return Credentials(headers.get("x-clickhouse-user", "default"), headers.get("x-clickhouse-key", ""))
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        return _basic(value)
    return Credentials(parameters.get("user", "default"), parameters.get("password", ""))


def _basic(value: str) -> Credentials:
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise RefusedError(
            516, "AUTHENTICATION_FAILED", "the Authorization header is not HTTP Basic"
        ) from error
    if not colon:
        raise RefusedError(516, "AUTHENTICATION_FAILED", "the Authorization header holds no user:password")
    return Credentials(user, password)
