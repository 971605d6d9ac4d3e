"""A Faust app whose consumer fetches batches, and which gives back what failed instead of acking it.

It leans on Faust's private `_new_transport`, `_on_agent_error` and an agent's `_actors`; `streams.worker.app` gives it
its agents.
"""

import asyncio
import logging
import sys
from typing import Any

import faust

from streams.errors import RuleFaultError
from streams.gc_tuning import tune_gc
from streams.metrics import Metrics
from streams.produce.producer import EventProducer
from streams.state.store import StateStore
from streams.worker.batch_consumer import BatchConsumer, BatchTransport
from streams.worker.batches import Batch
from streams.worker.liveness import PartitionId

_LOG = logging.getLogger(__name__)
_LONGEST_REST_S = 5.0


class CityApp(faust.App):  # type: ignore[misc]  # Faust has no types for us
    """A Faust app whose consumer fetches batches, and which gives back what failed instead of acking it."""

    producer: EventProducer
    metrics: Metrics
    stores: list[StateStore]
    stopped: set[str]
    assigned: frozenset[PartitionId] = frozenset()
    unfinished_batches: int
    _failures: int = 0

    def _new_transport(self) -> Any:
        return BatchTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Make no folders: nothing is kept on disk."""

    async def on_started(self) -> None:
        """Take everything that lives as long as the worker out of the garbage collector's rounds."""
        await super().on_started()
        tune_gc()

    async def flush_producer(self) -> None:
        """Wait for what was produced outside of batches; raises DeliveryError."""
        await asyncio.to_thread(self.event_producer.flush)

    async def give_back(self, batch: Batch, error: BaseException) -> None:
        """Have a failed batch fetched again, after a rest that grows with each failure in a row."""
        self._failures += 1
        self.metrics.add("agents_retried_batches_total", topic=batch.tp.topic)
        _LOG.warning("%r failed, fetching it again: %s: %s", batch, type(error).__name__, error)
        await asyncio.sleep(min(0.05 * 2 ** min(self._failures, 10), _LONGEST_REST_S))
        await self.consumer.give_back(batch)

    def stop_topic(self, topic: str, fault: RuleFaultError) -> None:
        """Take nothing more from a topic until this process ends; print why, in one line."""
        self.stopped.add(topic)
        self.metrics.set("agents_topic_stopped", 1, topic)
        sys.stderr.write(f"agents: {fault}\n")
        sys.stderr.flush()

    def succeeded(self) -> None:
        """Note that a batch came to its end."""
        self._failures = 0

    async def _on_agent_error(self, agent: Any, exc: BaseException) -> None:
        """Give back the batch that an agent raised on; Faust would ack it when it starts the agent again."""
        for actor in list(agent._actors):  # noqa: SLF001 - Faust tells it nowhere else
            if actor.actor_task is asyncio.current_task():
                event = actor.stream.get_active_stream().current_event
                if event is not None and isinstance(event.value, Batch):
                    await self.give_back(event.value, exc)
        await super()._on_agent_error(agent, exc)

    # what a runner asks

    def is_current(self, batch: Batch) -> bool:
        """Whether a batch still counts."""
        consumer: BatchConsumer = self.consumer
        return consumer.progress[batch.tp].is_current(batch)

    def generation(self) -> int:
        """Return the number of the present assignment."""
        return int(self.consumer_generation_id)

    def committed(self, batch: Batch) -> int | None:
        """Return the offset committed in a batch's partition, as far as known."""
        consumer: BatchConsumer = self.consumer
        return consumer.committed(batch.tp)
