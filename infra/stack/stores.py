"""Kafka and ClickHouse as stores of a stack: do they answer, have they the catalogue's shape, who may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.catalog import Catalog


def answers(url: str, timeout_s: float) -> bool:
    """Tell whether anything answers at an address of ours, be it with an error."""
    import httpx  # noqa: PLC0415 - takes a while to import

    try:
        httpx.get(url, timeout=timeout_s)
    except httpx.HTTPError:
        return False
    return True


def prepare_stores(settings: Settings, catalog: Catalog) -> None:
    """Make topics, tables and views that are missing, give subscribers what they may read; safe to repeat."""
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
