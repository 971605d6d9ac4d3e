"""The admin client of a cluster, and the requests that several modules make with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

if TYPE_CHECKING:
    from collections.abc import Mapping

READ_COMMITTED = {"isolation.level": "read_committed"}
"""The setting of every consumer of `infra`: what counts is what one reads (docs/delivery.md#transactions)."""
QUIET = {"log_level": "0", "socket.connection.setup.timeout.ms": "5000"}
"""The settings of every client of a command: librdkafka writes no log lines; what it returns is reported."""
REQUEST_S = 45.0
"""Longest request in seconds: on a busy machine a broker may leave its controller and come back."""


def connect(bootstrap: str, client: Mapping[str, str] | None = None) -> Any:
    """Return an admin client; it connects at the first request. Keep it until its futures are done.

    Args:
        bootstrap: Addresses of the cluster, host:port, separated by commas.
        client: Further librdkafka settings (security of an existing cluster).
    """
    return AdminClient({**QUIET, **(client or {}), "bootstrap.servers": bootstrap})


def cluster_id(admin: Any, timeout_s: float = REQUEST_S) -> str | None:
    """Return the cluster's id, or None if it does not answer or has no live broker."""
    try:
        described = admin.describe_cluster(request_timeout=timeout_s).result(timeout_s)
    except (KafkaException, TimeoutError):
        return None
    return described.cluster_id if described.nodes else None


def reason(error: KafkaException) -> str:
    """Return Kafka's description of an error in one line."""
    cause = error.args[0]
    return str(cause.str() if hasattr(cause, "str") else cause)
