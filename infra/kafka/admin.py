"""An admin client that talks to a cluster, and the few questions the others ask through it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUEST_S = 45.0
"""An answer may take this long: a busy machine makes a broker leave its controller and come back."""


def connect(bootstrap: str, client: Mapping[str, str] | None = None) -> Any:
    """Return an admin client; it connects when it is first asked. Keep it until its answers are there.

    Args:
        bootstrap: host:port of the cluster, several by commas.
        client: further librdkafka settings (security of an existing cluster).
    """
    quiet = {"log_level": "2", "socket.connection.setup.timeout.ms": "5000"}
    return AdminClient({**quiet, **(client or {}), "bootstrap.servers": bootstrap})


def cluster_id(admin: Any, timeout_s: float = REQUEST_S) -> str | None:
    """Return the id of the cluster that answers with at least one live broker, or None."""
    try:
        described = admin.describe_cluster(request_timeout=timeout_s).result(timeout_s)
    except (KafkaException, TimeoutError):
        return None
    return described.cluster_id if described.nodes else None


def reason(error: KafkaException) -> str:
    """Return what Kafka says is wrong, in one line."""
    told = error.args[0]
    return str(told.str() if hasattr(told, "str") else told)
