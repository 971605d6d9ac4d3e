"""The stores of a stack, Kafka and ClickHouse: whether they answer, their shape, their users."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.catalog import Catalog


def answers(url: str, timeout_s: float) -> bool:
    """Return whether an HTTP server answers at a URL, be it with an error status."""
    import httpx  # noqa: PLC0415 - takes a while to import

    try:
        httpx.get(url, timeout=timeout_s)
    except httpx.HTTPError:
        return False
    return True


def prepare_stores(settings: Settings, catalog: Catalog) -> None:
    """Make missing topics, tables and views, and give subscribers their access; safe to repeat.

    Raises:
        KafkaSetupError: The cluster refused a topic, a user or a grant.
        MigrationError: ClickHouse cannot be brought to the catalogue's shape.
        DataDirectoryError: A subscriber's password cannot be kept.
    """
    from infra.admin.subscriber_access import give_access  # noqa: PLC0415
    from infra.clickhouse.migrations.migrate import migrate  # noqa: PLC0415 - its client takes a while to import
    from infra.connections import connect  # noqa: PLC0415
    from infra.kafka.topics import ensure_topics  # noqa: PLC0415
    from infra.layer_configs import subscribers  # noqa: PLC0415

    ensure_topics(
        settings.kafka_address, catalog, partitions=settings.partitions, replication=settings.replication
    )
    give_access(settings, subscribers(catalog))
    client = connect(settings)
    migrate(client, catalog)
    client.close()
