"""The door that a replay uses: what goes through it goes in order, or not at all."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from schemas.catalog import Catalog
from streams.config import StreamsConfig
from streams.produce.kafka import Producer


class OrderedProducer(Producer):
    """A door through which records go in order or not at all.

    If one record timed out by itself and a later one of its station still went through, the earlier one
    would come behind it with the next start, where the agents take it for late. So none times out by
    itself: when the replay gives up, all that were not sent yet are dropped at once, and those on the wire
    are in order.
    """

    def __init__(self, config: StreamsConfig, catalog: Catalog) -> None:
        # `wait` has twice this time.
        super().__init__(replace(config, delivery_timeout_s=config.delivery_timeout_s / 2), catalog)

    def __exit__(self, *_: object) -> None:
        self._kafka.purge(in_queue=True, in_flight=True)

    def _settings(self) -> Mapping[str, Any]:
        return {**super()._settings(), "delivery.timeout.ms": 0}
