"""Errors of the HTTP server and the migrations, split by what the caller does next.

`RefusedError` and `EngineError` become an HTTP response, `ServerStartError` one clear line and exit code 2,
`MigrationError` a stop before anything else runs.
"""

from __future__ import annotations

import re

_CODE = re.compile(r"Code: (\d+)[.,]")
_WRAPPERS = re.compile(r"^(?:Streaming (?:query|insert append|insert finish) failed: )+")

# ClickHouse's own mapping of its error codes to HTTP statuses (HTTPHandler, exceptionCodeToHTTPStatus).
_STATUS_OF: dict[int, int] = {
    **dict.fromkeys((164, 497, 516, 192, 193, 512), 403),
    **dict.fromkeys((60, 46, 47, 50, 56, 63, 73, 81, 115, 336), 404),
    **dict.fromkeys(
        (6, 26, 27, 33, 36, 38, 41, 43, 53, 62, 69, 70, 72, 117, 130, 131, 167, 306, 456, 457), 400
    ),
    **dict.fromkeys((307, 191), 413),
    **dict.fromkeys((202,), 503),
    48: 501,
    194: 401,
    373: 500,
}


class ServerError(Exception):
    """Root of the HTTP server's errors."""


class RefusedError(ServerError):
    """A request that the HTTP server refuses before the engine runs it.

    Args:
        code: ClickHouse's error code, sent as `X-ClickHouse-Exception-Code`.
        name: ClickHouse's name of that code.
        message: The violated rule: what was expected and what came.
    """

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = _STATUS_OF.get(code, 500)
        self.text = f"Code: {code}. DB::Exception: {message} ({name})"


class EngineError(ServerError):
    """An error that the engine raised.

    Args:
        text: The engine's message. Its code is read from it; without one the code is 1002, UNKNOWN_EXCEPTION.
    """

    def __init__(self, text: str) -> None:
        self.text = _WRAPPERS.sub("", text.strip())
        found = _CODE.search(self.text)
        self.code = int(found.group(1)) if found else 1002
        self.status = _STATUS_OF.get(self.code, 500)
        super().__init__(self.text)


class ServerStartError(ServerError):
    """The server cannot start; the message is the one line that an operator reads, the exit code 2."""


class MigrationError(Exception):
    """The tables cannot be brought to the catalogue's shape; the message names the file and what to do."""
