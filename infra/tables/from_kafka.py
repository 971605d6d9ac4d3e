"""Opens what a repair of the archive needs: Kafka as the sink's group reads it, and the verified ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.layer_configs import ledger_config
from infra.tables.archive_repair import ArchiveRepair
from infra.tables.archive_rows import stored_ends
from infra.tables.sealed_leaves import SealedLeaves
from ledger_sink.kafka_source import KafkaSource
from schemas.names import CLICKHOUSE_SINK_GROUP
from schemas.tables import create_archive

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.settings import Settings
    from infra.tables.archive_choice import Tally
    from schemas.model import Catalog, Topic


class FromKafka:
    """Repairs the archived rows of topics. It joins no group and commits nothing.

    Args:
        client: A clickhouse-connect client.
        settings: The stack.
        catalog: Its catalogue.
        step: Called with the name of each change before it is made.
    """

    def __init__(
        self, client: Any, settings: Settings, catalog: Catalog, step: Callable[[str], None] = lambda _: None
    ) -> None:
        self._client = client
        self._settings = settings
        self._step = step
        config = ledger_config(settings, catalog)
        self._ledger = SealedLeaves(config)
        self._source = KafkaSource(config, group=CLICKHOUSE_SINK_GROUP, options={"fetch.min.bytes": 1})

    def close(self) -> None:
        """Close the connection to Kafka."""
        self._source.close()

    def repair(self, topic: Topic) -> Tally:
        """Make the archived rows of a topic what Kafka has, as far as the ledger agrees.

        Raises:
            StackError: Kafka lacks the topic, or others change its rows meanwhile.
            KafkaUnavailableError: Kafka does not answer.
        """
        self._client.command(create_archive())
        ledger = self._ledger if topic.sealed else None
        repair = ArchiveRepair(self._client, self._settings, self._source, ledger, self._step)
        expected = topic.partitions or self._settings.partitions
        tally = repair.repair(topic.name, expected, stored_ends(self._client, topic.name))
        if ledger is not None:
            tally.doubts += ledger.doubts(topic.name)
        return tally
