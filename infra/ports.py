"""Free loopback ports, from below the range that the kernel gives to outgoing connections.

A port found by binding to 0 lies in that range: seconds later, when the broker opens it, a client socket may have it.
The ports of this module lie outside.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

LOOPBACK = "127.0.0.1"
FIRST, LAST = 20_000, 32_000
_claims: dict[int, int] = {}
"""Descriptors of the locks of claimed ports; the kernel releases them when the process ends."""


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


def claim_port(port: int) -> bool:
    """Claim a port for this process among all stacks of this user, until the process ends.

    A stack opens its ports seconds after it chose them. Meanwhile another stack that starts would find them free.

    Returns:
        Whether the port is this process's own; True, too, where no lock file can be made.
    """
    if port in _claims:
        return True
    path = Path(tempfile.gettempdir()) / f"city-port-{os.getuid()}-{port}"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return False
    _claims[port] = descriptor
    return True
