"""Start uvicorn with a server's limits."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any

from infra.errors import PortInUseError
from infra.http.middleware import LimitsMiddleware
from infra.http.protocol import ConfigWithTable, LimitedProtocol
from ledger_sink.http.connection_table import ConnectionTable
from ledger_sink.http.descriptors import backlog, fitting

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp

    from ledger_sink.http.limits import HttpLimits


class LimitedConfig(ConfigWithTable):
    """uvicorn's configuration of one server within limits.

    Args:
        app: The application.
        limits: What the server accepts.
        hosts: Further names of the server.
        settings: Further settings of uvicorn.
    """

    def __init__(
        self, app: ASGIApp, limits: HttpLimits, hosts: Collection[str] = (), **settings: Any
    ) -> None:
        self.limits = limits
        self.table = ConnectionTable(fitting(limits))
        super().__init__(
            LimitsMiddleware(app, limits, hosts),
            **{
                "http": LimitedProtocol,
                "ws": "none",
                "backlog": backlog(),
                "log_config": None,  # the process's own handlers, which are limited
                "log_level": "warning",
                "access_log": False,
                "server_header": False,
                "proxy_headers": False,  # nobody may tell where a request comes from
                "h11_max_incomplete_event_size": limits.head_bytes,
                "timeout_keep_alive": int(limits.idle_s),
                **settings,
            },
        )


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Raises:
        PortInUseError: The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets NODELAY by it
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(backlog())
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            line = f"{host}:{port} is in use: stop what listens there or choose another port"
        else:
            line = f"cannot listen on {host}:{port}: {error.strerror or error}"
        raise PortInUseError(line) from error
    return listening
