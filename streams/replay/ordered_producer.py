"""The producer of a replay: it delivers records in order or not at all."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from schemas.catalog import Catalog
from streams.config import StreamsConfig
from streams.produce.kafka import Producer


class OrderedProducer(Producer):
    """Producer that delivers records in order or not at all.

    If a single record timed out and a later one of its station were delivered, the next start would send the first
    one behind it, and the agents would take it for late. So no record times out by itself. When the replay gives up,
    all unsent records are dropped at once, and those in flight are in order.

    Args:
        config: Settings.
        catalog: Topics and schemas.
    """

    def __init__(self, config: StreamsConfig, catalog: Catalog) -> None:
        # `wait` has twice this time.
        super().__init__(replace(config, delivery_timeout_s=config.delivery_timeout_s / 2), catalog)

    def __exit__(self, *_: object) -> None:
        self._kafka.purge(in_queue=True, in_flight=True)

    def _settings(self) -> Mapping[str, Any]:
        return {**super()._settings(), "delivery.timeout.ms": 0}
