"""One batch, in the order that loses nothing and counts nothing twice (docs/delivery.md#agents).

1. Derive: every record through the rules; outputs and dead letters are handed to the producer on the way.
2. Wait until Kafka has confirmed all of them.
3. Write the changed states, each with its last offset, to the changelog; wait until Kafka has confirmed them.
4. Only then the batch is `done` and its offset may be committed.

A crash between any two steps makes the batch come again: outputs are repeated byte for byte, folded records
are skipped. The event loop is given back at least every `slice_s` seconds.
"""

import asyncio
import time
from typing import Protocol

from streams.config import StreamsConfig
from streams.errors import RuleFaultError
from streams.metrics import Metrics
from streams.produce.deliveries import DeliveryTracker
from streams.produce.producer import EventProducer
from streams.state.store import PartitionStore, StateStore, StateTransaction
from streams.worker.batches import Batch
from streams.worker.rule_executor import RuleExecutor

_YIELD_CHECK_EVERY = 16


class RunnerContext(Protocol):
    """What a runner asks of the app around it."""

    def is_current(self, batch: Batch) -> bool:
        """Whether the batch still counts: its partition is ours and was not sought since."""

    def generation(self) -> int:
        """Return the number of the present assignment."""

    def committed(self, batch: Batch) -> int | None:
        """Return the committed offset of the batch's partition, as far as known."""


class BatchRunner:
    """Runs the batches of one topic, one after the other."""

    def __init__(
        self,
        config: StreamsConfig,
        executor: RuleExecutor,
        producer: EventProducer,
        store: StateStore | None,
        metrics: Metrics,
        context: RunnerContext,
    ) -> None:
        self._config = config
        self._executor = executor
        self._producer = producer
        self._store = store
        self._metrics = metrics
        self._context = context

    async def run(self, batch: Batch) -> None:
        """Take a batch to its end, or leave it where it is found to be stale.

        Raises:
            DeliveryError: Kafka does not take what follows from it.
            KafkaDownError: The state cannot be restored, or the registry of keys not be read.
            RuleFaultError: A rule reached its refusal limit. Its dead letters are delivered, the batch is not done.
        """
        if not self._context.is_current(batch):
            return
        started = time.monotonic()
        await self._rest()
        await self._read_registry()
        state = await self._state(batch)
        transaction = None if state is None else state.begin()
        deliveries = DeliveryTracker()
        try:
            whole = await self._derive(batch, transaction, deliveries)
        except RuleFaultError:
            await self._delivered(deliveries)
            self._executor.report()
            raise
        if not whole:
            return
        await self._delivered(deliveries)
        await self._rest()
        if not self._context.is_current(batch):
            return
        if state is not None and transaction is not None:
            await self._remember(batch, state, transaction)
            await self._rest()
        batch.done = True
        self._executor.report()
        topic = batch.tp.topic
        self._metrics.set("agents_batch_seconds", time.monotonic() - started, topic)
        if self._store is not None:
            self._metrics.set("agents_state_subjects", self._store.subjects(), topic)

    async def _state(self, batch: Batch) -> PartitionStore | None:
        if self._store is None:
            return None
        return await self._store.open(batch.tp.partition, self._context.generation())

    async def _read_registry(self) -> None:
        """Know who may sign for whom before the batch is judged; the batch was fetched before this."""
        origin = self._executor.provenance
        if origin is not None and origin.registry.stale:
            await asyncio.to_thread(origin.registry.refresh)

    async def _derive(
        self, batch: Batch, transaction: StateTransaction | None, deliveries: DeliveryTracker
    ) -> bool:
        """Derive all records in slices; False if the batch became stale on the way."""
        derive = self._executor.derive
        slice_end = time.monotonic() + self._config.slice_s
        for number, record in enumerate(batch.records):
            derive(record, transaction, deliveries)
            if number % _YIELD_CHECK_EVERY or time.monotonic() < slice_end:
                continue
            if self._producer.backlog() > self._config.queue_records // 2:
                await self._delivered(deliveries)
            await asyncio.sleep(0)
            if not self._context.is_current(batch):
                return False
            slice_end = time.monotonic() + self._config.slice_s
        return True

    async def _remember(self, batch: Batch, state: PartitionStore, transaction: StateTransaction) -> None:
        committed = self._context.committed(batch)
        deliveries = DeliveryTracker()
        if transaction.changes:
            state.write(transaction, committed, deliveries)
            await self._delivered(deliveries)
            state.apply(transaction, committed)

    async def _rest(self) -> None:
        """Rest between two steps, where tests want to hit."""
        if self._config.batch_pause_for_tests_s:
            await asyncio.sleep(self._config.batch_pause_for_tests_s)

    async def _delivered(self, deliveries: DeliveryTracker) -> None:
        if deliveries.sent:
            await asyncio.to_thread(self._producer.wait, deliveries)
