"""How far the agent of a topic has come, within a batch, too: it shows whether a worker is slow or stuck.

The event loop writes, the liveness thread reads. A batch that fails and is run again is no progress before it comes
further than it ever came.
"""

import threading
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from streams.produce.deliveries import DeliveryTracker
from streams.worker.batches import Batch


class Stage(IntEnum):
    """What is done with a batch, in this order."""

    OPEN = 0
    DERIVE = 1
    DELIVER = 2
    WRITE_STATE = 3
    DONE = 4


class Mark(NamedTuple):
    """A point in the work on a partition. A larger one is further.

    Attributes:
        offset: Record that was come to.
        stage: What is done with it.
        counted: What was counted within the stage: entries that were read, or records that Kafka has confirmed.
    """

    offset: int
    stage: Stage
    counted: int = 0


class Activity:
    """The progress of one topic's agent.

    Args:
        entries_read: Returns how many entries of state were read so far.
    """

    def __init__(self, entries_read: Callable[[], int] = lambda: 0) -> None:
        self._entries_read = entries_read
        self._lock = threading.Lock()
        self._furthest: dict[int, Mark] = {}
        self._now: tuple[int, Mark, DeliveryTracker | None] | None = None

    def reach(
        self, batch: Batch, stage: Stage, offset: int, deliveries: DeliveryTracker | None = None
    ) -> None:
        """Note what is done now.

        Args:
            batch: The batch in hand.
            stage: What is done with it.
            offset: Record that was come to.
            deliveries: Records whose confirmations are waited for.
        """
        with self._lock:
            self._pass()
            self._now = (batch.tp.partition, Mark(offset, stage), deliveries)
            self._pass()

    def progress(self) -> tuple[tuple[int, Mark], ...]:
        """Return how far each partition has come; it changes with every progress. Safe from another thread."""
        with self._lock:
            self._pass()
            return tuple(sorted(self._furthest.items()))

    def _pass(self) -> None:
        """Move the furthest mark of the partition in hand to where its batch is now."""
        now = self._now
        if now is None:
            return
        partition, mark, deliveries = now
        if mark.stage is Stage.OPEN:
            mark = mark._replace(counted=self._entries_read())
        elif deliveries is not None:
            mark = mark._replace(counted=deliveries.settled - deliveries.failed)
        furthest = self._furthest.get(partition)
        if furthest is None or mark > furthest:
            self._furthest[partition] = mark
