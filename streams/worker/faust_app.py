"""A Faust app that fetches batches, and fetches failed batches again instead of acking them.

It uses Faust's private `_new_transport`, `_on_agent_error` and an agent's `_actors`. `streams.worker.app` adds the
agents.
"""

import asyncio
import logging
import sys
from typing import Any

import faust

from streams.backlog import PartitionId
from streams.errors import RuleFaultError
from streams.gc_tuning import tune_gc
from streams.metrics import Metrics
from streams.produce.producer import EventProducer
from streams.state.store import StateStore
from streams.worker.activity import Activity
from streams.worker.batch_consumer import BatchConsumer, BatchTransport
from streams.worker.batches import Batch

_LOG = logging.getLogger(__name__)
_LONGEST_DELAY_S = 5.0


class CityApp(faust.App):  # type: ignore[misc]  # Faust has no types for us
    """The Faust app of a worker. Its consumer fetches batches; a failed batch is fetched again, not acked.

    Attributes:
        event_producer: Sends outputs, dead letters and state.
        metrics: Counts and durations of the agents.
        stores: State of each topic that has stateful rules.
        activities: How far the agent of each topic has come.
        stopped: Topics that a rule fault has stopped.
        assigned: Partitions that this worker has.
        unfinished_batches: Most delivered and unfinished batches of one partition.
    """

    producer: EventProducer
    metrics: Metrics
    stores: list[StateStore]
    activities: dict[str, Activity]
    stopped: set[str]
    assigned: frozenset[PartitionId] = frozenset()
    unfinished_batches: int
    _failures: int = 0

    def _new_transport(self) -> Any:
        return BatchTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Create no folders: nothing is kept on disk."""

    async def on_started(self) -> None:
        """Freeze the objects that live as long as the worker, so that the garbage collector skips them."""
        await super().on_started()
        tune_gc()

    async def flush_producer(self) -> None:
        """Wait until Kafka has confirmed the records produced outside of batches.

        Raises:
            DeliveryError: Kafka does not accept one.
        """
        await asyncio.to_thread(self.event_producer.flush)

    async def give_back(self, batch: Batch, error: BaseException) -> None:
        """Fetch a failed batch again, after a delay that doubles with each failure in a row, up to 5 s."""
        self._failures += 1
        self.metrics.add("agents_retried_batches_total", topic=batch.tp.topic)
        _LOG.warning("%r failed, fetching it again: %s: %s", batch, type(error).__name__, error)
        await asyncio.sleep(min(0.05 * 2 ** min(self._failures, 10), _LONGEST_DELAY_S))
        await self.consumer.give_back(batch)

    def stop_topic(self, topic: str, fault: RuleFaultError) -> None:
        """Stop reading a topic until this process ends, and print the reason in one line on stderr."""
        self.stopped.add(topic)
        self.metrics.set("agents_topic_stopped", 1, topic)
        sys.stderr.write(f"agents: {fault}\n")
        sys.stderr.flush()

    def succeeded(self) -> None:
        """Reset the delay of `give_back`, because a batch ran to its end."""
        self._failures = 0

    async def _on_agent_error(self, agent: Any, exc: BaseException) -> None:
        """Fetch the batch that an agent raised on again; Faust would ack it when it restarts the agent."""
        for actor in list(agent._actors):  # noqa: SLF001 - Faust has no public way to find it
            if actor.actor_task is asyncio.current_task():
                event = actor.stream.get_active_stream().current_event
                if event is not None and isinstance(event.value, Batch):
                    await self.give_back(event.value, exc)
        await super()._on_agent_error(agent, exc)

    # RunnerContext

    def is_current(self, batch: Batch) -> bool:
        """Return whether a batch is not stale."""
        consumer: BatchConsumer = self.consumer
        return consumer.progress[batch.tp].is_current(batch)

    def generation(self) -> int:
        """Return the number of the current assignment."""
        return int(self.consumer_generation_id)

    def committed(self, batch: Batch) -> int | None:
        """Return the committed offset of a batch's partition, or None if it is not known."""
        consumer: BatchConsumer = self.consumer
        return consumer.committed(batch.tp)
