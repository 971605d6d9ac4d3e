"""Finds partitions of the sink that have records and no progress, says so at once, and ends a sink that stands still.

Progress is a commit, a stored batch, a step of the batch in hand, or, for records that wait for a free thread, a batch
of any other partition (`seen_of`). So a slow sink is not taken for one that hangs.
"""

from collections.abc import Callable, Sequence

from streams.clickhouse_sink.config import SinkConfig
from streams.clickhouse_sink.errors import SinkStopError
from streams.clickhouse_sink.partition import PartitionState
from streams.metrics import Emit
from streams.stalls import LOOK_S, Notice, Seen, StallWatch


def seen_of(state: PartitionState, high: int, written: int) -> Seen:
    """Return whether records of a partition wait, and what changes with its progress.

    Args:
        state: The partition.
        high: Its end as the client knows it.
        written: Number of batches that the sink has stored or confirmed.
    """
    queued = state.task is None and len(state.waiting) > 0 and state.offsets.open_claim is None
    in_hand = None if state.task is None else (state.task.batch.claim, len(state.task.done))
    offsets = state.offsets
    progress = (offsets.confirmed, offsets.position, in_hand, written if queued else None)
    return Seen(state.lag(high) > 0, progress)


class Standstill:
    """The watch over the partitions of a sink. The time is an argument.

    Args:
        config: Settings.
        emit: Receives the metric `sink.stalled_seconds` when a stall becomes notable or is over.
        now: Monotonic seconds at the start.

    Attributes:
        written: Number of batches that the sink has stored or confirmed; the sink counts.
        longest_s: Seconds without progress of the partition that waits longest, at the last look.
    """

    def __init__(self, config: SinkConfig, emit: Emit, now: float) -> None:
        self._config = config
        self._emit = emit
        self._every_s = min(LOOK_S, config.metrics_interval_s, config.stalled_after_s / 4)
        self._due_at = now + self._every_s
        self._watch: StallWatch[tuple[str, int]] = StallWatch()
        self._notice: Notice[str] = Notice()
        self.written = 0
        self.longest_s = 0.0

    def due(self, now: float) -> bool:
        """Return True if a look is due. The next one is then due an interval from now."""
        if now < self._due_at:
            return False
        self._due_at = now + self._every_s
        return True

    def look(
        self,
        now: float,
        states: Sequence[PartitionState],
        end: Callable[[PartitionState], int],
        *,
        known: bool,
    ) -> None:
        """Compare the partitions with the last look.

        Args:
            now: Monotonic seconds.
            states: The assigned partitions.
            end: Returns a partition's end as the client knows it.
            known: Whether it is known why nothing can be committed: Kafka does not answer.

        Raises:
            SinkStopError: A partition has made no progress for `stalled_after_s` and nothing is known to be in the way.
        """
        seen = {(each.topic, each.partition): seen_of(each, end(each), self.written) for each in states}
        stalled = self._watch.look(now, seen)
        self.longest_s = max(stalled.values(), default=0.0)
        if self._notice.changed({"sink": self.longest_s}):
            self._emit("sink.stalled_seconds", self.longest_s, {})
        for state in states:
            seconds = stalled[state.topic, state.partition]
            if seconds > self._config.stalled_after_s and not (state.backoff.trouble or known):
                raise SinkStopError(
                    f"{state.topic}/{state.partition}: {state.lag(end(state))} records wait and nothing was "
                    f"committed for {self._config.stalled_after_s:g} s: the sink ends itself, start it again"
                )
