"""Faust's aiokafka consumer, changed to fetch, deliver and commit whole batches (docs/delivery.md#agents).

It uses private names of faust-streaming 0.15.3 (`_getmany`, `_to_message`, `_new_offset`, `_add_gap`,
`_acked`, `callback`, `_read_offset`), and aiokafka's `_fetcher`, `_fetch_min_bytes`, `_fetch_max_wait_ms`,
`_isolation_level` and `_subscription`, which is why both versions are pinned.
Topics that are read record by record keep Faust's own behaviour.

`streams/worker/README.md` lists which method meets which pitfall.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from faust.transport.consumer import ensure_TP
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP, ConsumerMessage

from streams.consumer_settings import ISOLATION
from streams.errors import DeliveryError, StopError
from streams.worker.batches import Batch, BatchSchema, FetchDecision, PartitionProgress, Span

_CAPPED_FETCH_S = 0.05
_IDLE_S = 0.01


class FetchWait(NamedTuple):
    """What the broker waits for before it answers a fetch.

    Attributes:
        min_bytes: Bytes of records that it gathers.
        max_ms: Longest wait, in milliseconds.
    """

    min_bytes: int
    max_ms: int


BUSY = FetchWait(64 << 10, 50)
"""While records come: every response costs both sides, so the broker gathers records."""
IDLE = FetchWait(1, 1_000)
"""While none come: the first record is sent at once, and a fetch without any costs one request a second, not 20."""
IDLE_AFTER_S = 1.0
"""Seconds without a record after which a consumer is idle."""


class BatchConsumerThread(AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust has no types for us
    """The thread in which Faust runs aiokafka.

    The broker gathers records for each fetch as `FetchWait` says. Records of aborted and of open transactions are not
    read.
    """

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_min_bytes, consumer._fetch_max_wait_ms = BUSY  # noqa: SLF001 - Faust has no setting for either
        consumer._isolation_level = ISOLATION  # noqa: SLF001 - Faust sets it for exactly-once only
        return consumer

    def wait_as(self, wait: FetchWait) -> None:
        """Set what the broker waits for, from the next fetch on."""
        fetcher = getattr(self._consumer, "_fetcher", None)
        if fetcher is not None:
            fetcher._fetch_min_bytes, fetcher._fetch_max_wait_ms = wait  # noqa: SLF001

    def position(self, tp: TP) -> int | None:
        """Return the offset that the next fetch of a partition begins at, or None if it has none now.

        aiokafka moves it over control records, aborted records and what compaction removed.
        """
        if self._consumer is None:
            return None
        assigned = self._consumer._subscription.subscription  # noqa: SLF001 - its own `position` waits
        if assigned is None or assigned.assignment is None or tp not in assigned.assignment.tps:
            return None
        position: int | None = assigned.assignment.state_value(tp)._position  # noqa: SLF001
        return position


class BatchConsumer(Consumer):  # type: ignore[misc]  # Faust has no types for us
    """The consumer of a `CityApp`. Topics that are declared with `BatchSchema` are delivered in batches.

    Attributes:
        batched: Topics that are delivered in batches.
        progress: Progress of each batched partition.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.batched: frozenset[str] = frozenset()
        self.progress: defaultdict[TP, PartitionProgress] = defaultdict(PartitionProgress)
        self._seeking: set[TP] = set()
        self._record_at = time.monotonic()
        self._deliver: Callable[[Any], Awaitable[None]] = kwargs.get("callback") or args[1]
        self.callback = self._deliver_in_order
        # Faust drops records below the offset it read last, and moves that offset even for dropped records.
        # After a seek that would lose batches. Batched partitions use `PartitionProgress` instead.
        self._read_offset = _ReadOffsets(self._is_batched)

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Find out which topics are batched, then subscribe.

        Raises:
            StopError: A topic is read both in batches and record by record.
        """
        batched: set[str] = set()
        single: set[str] = set()
        for channel in self.app.topics:
            (batched if isinstance(channel.schema, BatchSchema) else single).update(channel.topics)
        if both := batched & single:
            raise StopError(f"{', '.join(sorted(both))}: read both in batches and record by record")
        self.batched = frozenset(batched)
        await super().subscribe(topics)

    def committed(self, tp: TP) -> int | None:
        """Return the committed offset of a partition, or None if this worker does not know it."""
        offset: int | None = self._committed_offset.get(tp)
        return offset

    async def give_back(self, batch: Batch) -> None:
        """Seek back so that a failed batch and all batches behind it are fetched again."""
        progress = self.progress[batch.tp]
        if progress.is_current(batch):
            await self._seek_to(batch.tp, progress.resume_from(batch))

    # fetching

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> Mapping[TP, list[Any]]:
        """Fetch from partitions that have room, and put each partition's records into one batch.

        Where there was nothing but control records or aborted ones, the progress steps over them.
        """
        if active_partitions is None:
            return await super()._getmany(active_partitions, timeout)  # type: ignore[no-any-return]
        room = {tp for tp in active_partitions if self._has_room(tp)}
        if not room:
            await asyncio.sleep(_IDLE_S)
            return {}
        if len(room) < len(active_partitions):
            timeout = min(timeout, _CAPPED_FETCH_S)
        begins = {
            tp: (self.progress[tp].epoch, self._thread.position(tp)) for tp in room if self._is_batched(tp)
        }
        fetched = await super()._getmany(room, timeout)
        found = {ensure_TP(raw): records for raw, records in fetched.items() if records}
        self._adapt_wait(bool(found))
        passed = {tp: self._passed(tp, *begin) for tp, begin in begins.items()}
        for tp, span in passed.items():
            if tp not in found and span is not None:
                self.progress[tp].step_over(span)
        return {
            tp: [Batch(tp, records, passed.get(tp))] if self._is_batched(tp) else records
            for tp, records in found.items()
        }

    def _adapt_wait(self, came: bool) -> None:
        """Choose what the broker waits for, by how long ago a record came."""
        now = time.monotonic()
        if came:
            self._record_at = now
        self._thread.wait_as(BUSY if now - self._record_at < IDLE_AFTER_S else IDLE)

    def _passed(self, tp: TP, epoch: int, begin: int | None) -> Span | None:
        """Return the offsets that a fetch passed, or None if the partition was sought or lost meanwhile."""
        end = self._thread.position(tp)
        if begin is None or end is None or end < begin or self.progress[tp].epoch != epoch:
            return None
        return Span(begin, end)

    def _has_room(self, tp: TP) -> bool:
        if not self._is_batched(tp):
            return True
        if tp.topic in self.app.stopped:
            return False
        return tp not in self._seeking and self.progress[tp].unfinished() < self.app.unfinished_batches

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, Batch):
            return super()._to_message(tp, record)
        last = record.records[-1]
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=record.last,
            timestamp=(last.timestamp or 0) / 1000.0,
            timestamp_type=last.timestamp_type,
            headers=None,
            key=None,
            value=record,
            checksum=None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,  # without it the stream drops the message silently
        )

    async def _deliver_in_order(self, message: Any) -> None:
        """Deliver the batch that comes next; drop any other, or fetch it again."""
        batch = message.value
        if not isinstance(batch, Batch):
            await self._deliver(message)
            return
        progress = self.progress[batch.tp]
        epoch = progress.epoch
        verdict = FetchDecision.DROP if batch.tp in self._seeking else progress.decide(batch)
        if verdict is FetchDecision.SEEK and progress.expected is not None:
            self.log.warning("%r: expected offset %s, fetching again", batch, progress.expected)
            await self._seek_to(batch.tp, progress.expected)
        elif verdict is FetchDecision.DELIVER:
            batch.epoch = epoch
            await self._deliver(message)  # may wait; nothing runs between its end and the next line
            if progress.epoch == epoch:
                progress.deliver(batch)

    # committing

    def _new_offset(self, tp: TP) -> int | None:
        if not self._is_batched(tp):
            return super()._new_offset(tp)  # type: ignore[no-any-return]
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self.progress[tp].committable()

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        yield from (tp for tp in super()._filter_tps_with_pending_acks(topics) if not self._is_batched(tp))
        yield from (tp for tp in list(self.progress) if topics is None or tp in topics or tp.topic in topics)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if not self._is_batched(tp):
            await super()._add_gap(tp, offset_from, offset_to)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit once everything produced outside of batches is delivered; crash if it is not."""
        try:
            await self.app.flush_producer()
        except DeliveryError as error:
            await self.crash(error)
            return False
        return await super()._commit(offsets)  # type: ignore[no-any-return]

    # seeking

    async def perform_seek(self) -> None:
        """Seek to the committed offsets, or to the beginning of partitions without a commit.

        aiokafka leaves a partition without a commit at its position, which would lose records that were fetched
        and dropped.
        """
        self._restart_all()
        await super().perform_seek()
        assigned = [tp for tp in self.assignment() if self._is_batched(tp)]
        begin = [tp for tp in assigned if not self._committed_offset.get(tp)]
        earliest = (
            {ensure_TP(tp): at for tp, at in (await self.earliest_offsets(*begin)).items()} if begin else {}
        )
        if earliest:
            await self.seek_wait(earliest)
        for tp in assigned:
            self.progress[tp].restart(self._committed_offset.get(tp) or earliest.get(tp))

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Discard the progress of revoked partitions, so that none of their batches counts any more."""
        self._restart_all()
        for tp in revoked:
            self.progress.pop(tp, None)
        await super().on_partitions_revoked(revoked)

    async def verify_all_partitions_active(self) -> None:
        """Do nothing: `streams.worker.liveness` checks progress, and Faust's own check races with rebalances."""

    async def _seek_to(self, tp: TP, offset: int) -> None:
        """Restart a partition at an offset. Fetch nothing from it until its position has moved."""
        self._seeking.add(tp)
        try:
            self.progress[tp].restart(offset)
            await self.seek_wait({tp: offset})
        finally:
            self._seeking.discard(tp)

    def _restart_all(self) -> None:
        for progress in self.progress.values():
            progress.restart(None)

    def _is_batched(self, tp: TP) -> bool:
        return tp.topic in self.batched


class BatchTransport(Transport):  # type: ignore[misc]  # Faust has no types for us
    """The aiokafka transport whose consumer fetches batches."""

    Consumer: ClassVar[type[Any]] = BatchConsumer


class _ReadOffsets(defaultdict[TP, int | None]):
    """Faust's map of the offset read last. Batched partitions never have one."""

    def __init__(self, is_batched: Callable[[TP], bool]) -> None:
        super().__init__(lambda: None)
        self._is_batched = is_batched

    def __getitem__(self, tp: TP) -> int | None:
        return None if self._is_batched(tp) else super().__getitem__(tp)
