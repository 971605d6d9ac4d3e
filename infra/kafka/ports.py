"""TCP ports of the broker: whether one is free, and three free ones."""

from __future__ import annotations

import errno
import socket

from infra.kafka.errors import PortInUseError
from infra.kafka.server_properties import KafkaPorts
from infra.ports import LOOPBACK, free_port


def require_free(port: int, role: str, host: str = LOOPBACK) -> None:
    """Refuse a port on which another program listens.

    Args:
        port: The TCP port.
        role: The name of the port in `--ports`.
        host: The address to listen on.

    Raises:
        PortInUseError: The port cannot be bound.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the broker does: lingering connections of a previous run do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise PortInUseError(
                f"Kafka's {role} port {host}:{port} {why}: stop the program that listens there, "
                f"or choose another port with --ports {role}=PORT"
            ) from error


def free_ports() -> KafkaPorts:
    """Return three free ports. They are not reserved: bind them at once."""
    taken: list[int] = []
    for _ in range(3):
        taken.append(free_port(taken))
    return KafkaPorts(*taken)
