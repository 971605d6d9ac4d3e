"""Free loopback ports, from below the range that the kernel gives to outgoing connections.

A port found by binding to 0 lies in that range: seconds later, when the broker opens it, a client socket may have it.
The ports of this module lie outside.
"""

from __future__ import annotations

import random
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

LOOPBACK = "127.0.0.1"
FIRST, LAST = 20_000, 32_000


def port_is_free(port: int) -> bool:
    """Return whether a loopback port can be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(taken: Collection[int] = ()) -> int:
    """Return a free port that is not in `taken`. It is not reserved: bind it at once."""
    while True:
        port = random.randint(FIRST, LAST)  # noqa: S311 - only to stay out of each other's way
        if port not in taken and port_is_free(port):
            return port
