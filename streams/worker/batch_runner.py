"""Runs one batch in the order that loses nothing and counts nothing twice (docs/delivery.md#agents).

1. Run every record through the rules. Outputs and dead letters go to the producer.
2. Wait until Kafka has confirmed all of them.
3. Write the changed states, each with its last offset, to the changelog. Wait until Kafka has confirmed them.
4. Mark the batch `done`. Only now may its offset be committed.

After a crash between any two steps the batch comes again: outputs are repeated byte for byte, folded records are
skipped. The runner yields to the event loop at least every `slice_s` seconds.
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
from streams.worker.activity import Activity, Stage
from streams.worker.batches import Batch
from streams.worker.rule_executor import RuleExecutor

_YIELD_CHECK_EVERY = 16


class RunnerContext(Protocol):
    """What a runner needs to know from the app."""

    def is_current(self, batch: Batch) -> bool:
        """Return whether the batch is not stale: its partition is assigned and was not sought since."""

    def generation(self) -> int:
        """Return the number of the current assignment."""

    def committed(self, batch: Batch) -> int | None:
        """Return the committed offset of the batch's partition, or None if it is not known."""


class BatchRunner:
    """The runner of one topic's batches, one after the other.

    Args:
        config: Settings.
        executor: Runs a record through the rules of the topic.
        producer: Sends outputs, dead letters and state.
        store: State of the topic's rules; None: they keep none.
        metrics: Counts and durations.
        context: The app.
        activity: Receives how far a batch has come; None: nobody asks.
    """

    def __init__(
        self,
        config: StreamsConfig,
        executor: RuleExecutor,
        producer: EventProducer,
        store: StateStore | None,
        metrics: Metrics,
        context: RunnerContext,
        activity: Activity | None = None,
    ) -> None:
        self._config = config
        self._executor = executor
        self._producer = producer
        self._store = store
        self._metrics = metrics
        self._context = context
        self._activity = activity or Activity()

    async def run(self, batch: Batch) -> None:
        """Run a batch to its end, or abandon it once it is stale.

        Raises:
            DeliveryError: Kafka does not accept the outputs or the state.
            KafkaDownError: The state or the key registry cannot be read.
            RuleFaultError: A rule reached its refusal limit. Its dead letters are delivered; the batch is not done.
        """
        if not self._context.is_current(batch):
            return
        started = time.monotonic()
        self._activity.reach(batch, Stage.OPEN, batch.first)
        await self._pause_for_tests()
        await self._read_registry()
        state = await self._state(batch)
        transaction = None if state is None else state.begin()
        deliveries = DeliveryTracker()
        try:
            complete = await self._derive(batch, transaction, deliveries)
        except RuleFaultError:
            await self._deliver(batch, batch.last, deliveries)
            self._executor.report()
            raise
        if not complete:
            return
        await self._deliver(batch, batch.last, deliveries)
        await self._pause_for_tests()
        if not self._context.is_current(batch):
            return
        if state is not None and transaction is not None:
            await self._write_state(batch, state, transaction)
            await self._pause_for_tests()
        batch.done = True
        self._activity.reach(batch, Stage.DONE, batch.last)
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
        """Refresh the key registry before the batch is verified; the batch was fetched before this."""
        provenance = self._executor.provenance
        if provenance is not None and provenance.registry.stale:
            await asyncio.to_thread(provenance.registry.refresh)

    async def _derive(
        self, batch: Batch, transaction: StateTransaction | None, deliveries: DeliveryTracker
    ) -> bool:
        """Derive all records in slices. Return False if the batch became stale meanwhile."""
        derive = self._executor.derive
        slice_end = time.monotonic() + self._config.slice_s
        for number, record in enumerate(batch.records):
            derive(record, transaction, deliveries)
            if number % _YIELD_CHECK_EVERY or time.monotonic() < slice_end:
                continue
            self._activity.reach(batch, Stage.DERIVE, record.offset)
            if self._producer.backlog() > self._config.queue_records // 2:
                await self._deliver(batch, record.offset, deliveries)
            await asyncio.sleep(0)
            if not self._context.is_current(batch):
                return False
            slice_end = time.monotonic() + self._config.slice_s
        return True

    async def _write_state(self, batch: Batch, state: PartitionStore, transaction: StateTransaction) -> None:
        committed = self._context.committed(batch)
        deliveries = DeliveryTracker()
        if transaction.changes:
            state.write(transaction, committed, deliveries)
            self._activity.reach(batch, Stage.WRITE_STATE, batch.last, deliveries)
            await self._wait_delivered(deliveries)
            state.apply(transaction, committed)

    async def _pause_for_tests(self) -> None:
        """Pause between two steps, so that a test can kill the worker there."""
        if self._config.batch_pause_for_tests_s:
            await asyncio.sleep(self._config.batch_pause_for_tests_s)

    async def _deliver(self, batch: Batch, offset: int, deliveries: DeliveryTracker) -> None:
        """Wait for the outputs up to an offset."""
        self._activity.reach(batch, Stage.DELIVER, offset, deliveries)
        await self._wait_delivered(deliveries)

    async def _wait_delivered(self, deliveries: DeliveryTracker) -> None:
        if deliveries.sent:
            await asyncio.to_thread(self._producer.wait, deliveries)
