"""The configuration of each layer: catalogue, subscribers, and the layer's own part of the settings.

Pure apart from reading the files that declare them. Heavy libraries load only in the function that needs them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from infra.settings import COMMAND, process_name

if TYPE_CHECKING:
    from infra.settings import Settings
    from ledger_sink.config import AnchorSettings, LedgerConfig
    from schemas.catalog import Catalog
    from schemas.subscriber_grants import Subscriber
    from streams.clickhouse_sink.config import SinkConfig
    from streams.config import StreamsConfig


def catalog() -> Catalog:
    """Return the catalogue: the packaged domains and those the operator added."""
    from infra.settings import catalog_roots
    from schemas.catalog import load_catalog

    return load_catalog(*catalog_roots())


def subscribers(topics: Catalog) -> dict[str, Subscriber]:
    """Return the subscribers by name: the packaged ones and those the operator added."""
    from infra.settings import subscriber_roots
    from schemas.subscriber_grants import load_subscribers

    return load_subscribers(topics, *subscriber_roots())


def streams_config(settings: Settings) -> StreamsConfig:
    """Return the configuration of the streams layer."""
    from streams.config import StreamsConfig

    return StreamsConfig(
        kafka=settings.kafka_address,
        data=settings.data,
        city=settings.city,
        session_timeout_s=settings.session_timeout_s,
        stalled_after_s=settings.stalled_after_s,
        metrics_interval_s=settings.metrics_interval_s,
        changelog_replication=settings.replication,
        refusal_limit=settings.rule_refusal_limit,
        refusal_share=settings.rule_refusal_share,
        refusal_window=settings.rule_refusal_window,
    )


def ledger_config(settings: Settings, topics: Catalog) -> LedgerConfig:
    """Return the ledger's configuration: it names topics and knows nothing of their content."""
    from ledger_sink.config import LedgerConfig, SealedTopic

    quiet = (
        {"log_level": "0"} if process_name() == COMMAND else {}
    )  # a command reports the error that it gets
    return LedgerConfig(
        data=settings.data,
        kafka=settings.kafka_address,
        city=settings.city,
        topics=tuple(
            SealedTopic(t.name, t.partitions or settings.partitions)
            for t in sorted(topics.topics.values(), key=lambda t: t.name)
            if t.sealed
        ),
        signer_url=settings.signer_url,
        witness_urls=(settings.witness_url,),
        interval_s=settings.checkpoint_interval_s,
        anchors=anchor_settings(settings),
        kafka_options=quiet,
    )


def anchor_settings(settings: Settings) -> tuple[AnchorSettings, ...]:
    """Return the ledger's anchors: those of the operator's file, else a local file of lines without any network."""
    from ledger_sink.anchor.config import default_anchors, load_anchors

    named = Path(settings.anchors) if settings.anchors else settings.data / "anchors.toml"
    if settings.anchors or named.exists():
        return load_anchors(named)
    return default_anchors(settings.data)


def sink_config(settings: Settings, topics: Catalog) -> SinkConfig:
    """Return the configuration of the ClickHouse sink."""
    from infra.clickhouse.migrations.scripts import load_rollups
    from streams.clickhouse_sink.config import SinkConfig

    return SinkConfig(
        kafka=settings.kafka_address,
        url=settings.clickhouse_url,
        user=settings.clickhouse_user,
        password=str(settings.clickhouse_password),
        rollups=load_rollups(topics),
        session_timeout_s=settings.session_timeout_s,
        stalled_after_s=settings.stalled_after_s,
        metrics_interval_s=settings.metrics_interval_s,
    )
