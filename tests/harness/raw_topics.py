"""Writes to the raw topics of a running city in transactions."""

from __future__ import annotations

import itertools
import uuid
from random import Random
from typing import TYPE_CHECKING

from schemas.catalog import load_catalog
from streams.config import StreamsConfig
from streams.produce.kafka import Producer
from tests.harness.transactions import Raw, TransactionalProducer, stable_and_end
from tests.streams.clickhouse_sink.events import framed

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.harness.city import City

Place = tuple[str, int, int]
"""Topic, partition and offset of a record."""


class RawTopicWriter:
    """Writes copies of the catalogue's examples to raw topics, in transactions, and notes where they are.

    Args:
        city: The running stack.
        copies: Records of each example in each transaction.
        domains: Domains whose raw topics are written; none: all.
    """

    def __init__(self, city: City, copies: int, domains: Collection[str] = ()) -> None:
        settings = city.settings()
        self.kafka = settings.kafka_address
        self.catalog = load_catalog()
        self.topics = [
            each
            for each in self.catalog.topics.values()
            if each.kind == "raw" and (not domains or each.domain in domains)
        ]
        self.committed: set[Place] = set()
        self.lost: set[Place] = set()
        self._config = StreamsConfig(kafka=self.kafka, data=settings.data)
        self._random = Random(1)
        self._copies = copies

    def records(self) -> list[Raw]:
        """Return new records of each raw topic: examples under new ids, random events where there are none."""
        with Producer(self._config, self.catalog) as door:
            found = []
            for topic in self.topics:
                examples = self.catalog.examples.get(topic.schema.id, {})
                for event in [*examples.values()] * self._copies:
                    again = {**event, "event_id": uuid.uuid4(), "salt": self._random.randbytes(16)}
                    made = door.prepare(topic.name, again)
                    found.append(Raw(made.topic, made.value, made.key, made.headers))
                if not examples:
                    values = [framed(topic.schema, self._random) for _ in range(self._copies)]
                    found += [Raw(topic.name, value, b"key") for value in values]
        return found

    def rounds(self, count: int) -> None:
        """Commit, abort, abort, commit; and a producer that its successor fences."""
        for _ in range(count):
            producer = TransactionalProducer(self.kafka)
            self.committed |= {*producer.commit(self.records())}
            self.lost |= {*producer.abort(self.records()), *producer.abort(self.records())}
            self.committed |= {*producer.commit(self.records())}
            self.lost |= {*producer.begin(self.records())}
            self.committed |= {*TransactionalProducer(self.kafka, producer.identity).commit(self.records())}

    def leave_open(self, timeout_s: float) -> None:
        """Leave a transaction open on every raw topic, and commit another one behind it."""
        self.lost |= {*TransactionalProducer(self.kafka, timeout_s=timeout_s).begin(self.records())}
        self.committed |= {*TransactionalProducer(self.kafka).commit(self.records())}

    def held(self) -> list[tuple[str, int]]:
        """Return the partitions of raw topics in which a transaction is open."""
        places = itertools.product([each.name for each in self.topics], range(2))
        return [place for place in places if len({*stable_and_end(self.kafka, *place)}) == 2]
