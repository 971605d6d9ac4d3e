"""Replays recordings into raw topics (docs/recordings.md#replay).

Each source record becomes events or one dead letter, however often the replay is interrupted. It promises:

- `read = accepted + refused` for every file, counted in the file's own records.
- What a killed replay had sent without a checkpoint is sent again byte for byte. Nothing is left out.
- A checkpoint is written only after Kafka's confirmation. A finished file is not sent again, its totals are reported
  again.
- At a file's end, its counts are published to `platform.recording`.
- Every event is marked: `source` is `replay:` or `scenario:`, then `<first 16 hex digits of the file's
  SHA-256>#<record>`, and the header `simulated` is set.

At speed `live` and at a factor, the files are replayed side by side in the order of their playback times. With
`shift_to_now` the events carry the shifted time, and `recorded_at` keeps the original one
(docs/recordings.md#time-shift).
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from schemas.catalog import Catalog
from streams.config import StreamsConfig
from streams.errors import DeliveryError, RefusedEventError, ReplayInterruptedError
from streams.identity.secret import deployment_secret
from streams.metrics import Emit, no_emit
from streams.produce.deliveries import DeliveryTracker
from streams.produce.producer import EventProducer
from streams.readers.formats import Accepted
from streams.record import ProducerRecord
from streams.replay.checkpoint import CheckpointFolder
from streams.replay.input import Input, InputReport, ScheduledRecord
from streams.replay.inputs import KeyedOrder, inputs_of
from streams.replay.ordered_producer import OrderedProducer
from streams.replay.recordings import find
from streams.replay.records import RecordWriter
from streams.replay.schedule import Schedule, Speed, in_order

__all__ = ["InputReport", "Watch", "replay"]

CHECKPOINT_RECORDS = 2_000
"""Source records between two checkpoints."""

CHECKPOINT_SECONDS = 1.0
"""Seconds between two checkpoints, if anything was sent."""

STOP_WITHIN_S = 6.0
"""Longest wait of a stopped replay for Kafka's confirmation, in seconds."""

Watch = Callable[[Sequence[InputReport]], None]
"""Receives the reports of all files after each checkpoint."""


def replay(
    config: StreamsConfig,
    catalog: Catalog,
    paths: Sequence[Path],
    *,
    format: str | None = None,  # noqa: A002  the option's own name
    speed: Speed = "live",
    shift_to_now: bool | None = None,
    stop: threading.Event | None = None,
    progress: Watch | None = None,
    emit: Emit = no_emit,
    open_producer: Callable[[StreamsConfig, Catalog], EventProducer] = OrderedProducer,
) -> list[InputReport]:
    """Replay files and folders into Kafka.

    Args:
        config: Settings, with Kafka's address and the data directory.
        catalog: Topics and schemas.
        paths: Files and folders.
        format: Name of the only format to recognise, if given.
        speed: `live` (the longest recording takes `schedule.LIVE_SECONDS`), `max`, or a factor.
        shift_to_now: Whether times are shifted to now, by default only at speed `live`. A file that was begun before
            keeps its shift.
        stop: Ends the replay within seconds when set. The next one continues.
        progress: Receives the reports of all files after each checkpoint.
        emit: Receives the metrics.
        open_producer: Returns what sends the records.

    Returns:
        One report per file, in order.

    Raises:
        RecordingError: A named file cannot be replayed. Nothing was sent.
        UnknownFormatError: There is no such format, or a named file has no known format. Nothing was sent.
        KafkaDownError: Kafka does not answer. Nothing was sent.
        ReplayInterruptedError: Kafka stopped taking records. The next replay continues.
    """
    folder = CheckpointFolder(config.data / "replay")
    recordings = find(paths, format_name=format)
    order = KeyedOrder(catalog, lambda: deployment_secret(config.keys))
    files = inputs_of(folder, recordings, order)
    run = _Run(folder, files, stop or threading.Event(), progress or _ignore_reports, emit)
    if any(file.unfinished for file in run.files):
        run.prepare(speed, shift=speed == "live" if shift_to_now is None else shift_to_now)
        with open_producer(config, catalog) as producer:
            run.send_all(RecordWriter(producer, deployment_secret(config.keys), run.anchor_us), producer)
    run.report()
    return run.reports()


def _ignore_reports(reports: Sequence[InputReport]) -> None:
    """Do nothing with the reports."""


class _Run:
    """One replay: its files, its schedule, its unconfirmed records and its last checkpoint.

    Args:
        folder: The checkpoints.
        files: Files to be replayed, in order.
        stop: Ends the replay when set.
        watch: Receives the reports of all files after each checkpoint.
        emit: Receives the metrics.
    """

    def __init__(
        self,
        folder: CheckpointFolder,
        files: Sequence[Input],
        stop: threading.Event,
        watch: Watch,
        emit: Emit,
    ) -> None:
        self._watch = watch
        self._emit = emit
        self.anchor_us = folder.anchor_us(lambda: time.time_ns() // 1000)
        self.files = files
        self._folder = folder
        self._stop = stop
        self._stopped_s: float | None = None
        self._schedule = Schedule(None, None, time.monotonic)
        self._deliveries = DeliveryTracker()
        self._sent: dict[str, Input] = {}  # files that are ahead of their checkpoint, by digest
        self._unsaved = 0
        self._saved_s = time.monotonic()

    def reports(self) -> list[InputReport]:
        """Return one report per file."""
        return [file.report() for file in self.files]

    def report(self) -> None:
        """Send the reports to the watcher and emit the metrics."""
        reports = self.reports()
        self._watch(reports)
        for name in ("read", "accepted", "refused"):
            self._emit(f"replay_{name}_total", float(sum(getattr(each, name) for each in reports)), {})

    def prepare(self, speed: Speed, *, shift: bool) -> None:
        """Choose the schedule. Store the shift of every new file before anything is sent.

        Args:
            speed: `live`, `max` or a factor.
            shift: Whether the times of new files are shifted to now.
        """
        files = [file for file in self.files if file.unfinished]
        if speed != "max" or shift:
            spans = [(file, span) for file in files if (span := file.span()) is not None]
            self._schedule = Schedule.of(speed, (span for _, span in spans), time.monotonic)
            # The file that ends last fixes its group's shift.
            for file, span in sorted(spans, key=lambda each: -each[1].ends_us):
                shift_group = file.recording.format.shift_group if file.recording.format else ""
                file.playback_shift_us = self._folder.shift_us(shift_group, span.ends_us, self.anchor_us)
                file.begins_us = span.begins_us
                if shift and file.fresh:
                    file.done.shift_us = file.playback_shift_us
            self._place_without_times(files, [file for file, _ in spans])
        for file in files:
            if file.fresh:
                self._folder.save(file.recording.sha256, file.done)

    @staticmethod
    def _place_without_times(files: Sequence[Input], timed: Sequence[Input]) -> None:
        """Play files without any time at the beginning of the others."""
        begins_us = min((file.begins_us + file.playback_shift_us for file in timed), default=0)
        for file in files:
            if not any(file is each for each in timed):
                file.begins_us = begins_us

    def send_all(self, writer: RecordWriter, producer: EventProducer) -> None:
        """Send the remaining records of all files.

        Args:
            writer: Makes the records.
            producer: Sends them.

        Raises:
            ReplayInterruptedError: Kafka stopped taking records.
        """
        try:
            for scheduled in self._records(writer):
                self._wait_for(scheduled, producer)
                if self._stop.is_set():
                    break
                self._send(scheduled, writer, producer)
                if self._due() or scheduled.item is None:
                    self._checkpoint(producer)
            self._checkpoint(producer)
        except DeliveryError as error:
            raise ReplayInterruptedError(
                f"replay interrupted: {error.failed} records not confirmed by Kafka ({error.reason});"
                " what it confirmed is kept: start again when Kafka is back"
            ) from error
        finally:
            self._reload_confirmed()

    def _records(self, writer: RecordWriter) -> Iterator[ScheduledRecord]:
        files = [file.scheduled(partial(writer.check, file)) for file in self.files if file.unfinished]
        return chain.from_iterable(files) if self._schedule.factor is None else in_order(files)

    def _wait_for(self, scheduled: ScheduledRecord, producer: EventProducer) -> None:
        """Wait for a record's playback time, or for the stop."""
        wait_s = self._schedule.wait_s(scheduled.playback_us)
        if wait_s > CHECKPOINT_SECONDS and self._unsaved:
            self._checkpoint(producer)
            wait_s = self._schedule.wait_s(scheduled.playback_us)
        if wait_s:
            self._stop.wait(min(wait_s, threading.TIMEOUT_MAX))

    def _send(self, scheduled: ScheduledRecord, writer: RecordWriter, producer: EventProducer) -> None:
        file = scheduled.file
        if scheduled.item is None:
            records = writer.write_end(file)
            file.done.finished = True
            if file.recording.problem is not None and file.recording.format is not None:
                # The file counts as one record: its own records cannot be counted.
                file.done.read = file.done.refused = 1
            self._hand_over(records, producer)
        else:
            item, records = writer.write(file, scheduled.item)
            try:
                self._hand_over(records, producer)
            except RefusedEventError as error:
                # The record exceeds the broker's limit. Everything else was refused before.
                if not isinstance(item, Accepted):
                    raise
                item, records = writer.refuse(file, item, error)
                self._hand_over(records, producer)
            file.count(item)
        self._sent[file.recording.sha256] = file
        self._unsaved += 1

    def _hand_over(self, records: Sequence[ProducerRecord], producer: EventProducer) -> None:
        for record in records:
            producer.send(record, self._deliveries)

    def _due(self) -> bool:
        waited_s = time.monotonic() - self._saved_s
        return self._unsaved >= CHECKPOINT_RECORDS or waited_s >= CHECKPOINT_SECONDS

    def _checkpoint(self, producer: EventProducer) -> None:
        """Wait until Kafka has confirmed all sent records, then save the checkpoints."""
        if self._unsaved and self._confirmed(producer):
            for digest, file in self._sent.items():
                self._folder.save(digest, file.done)
            self._sent.clear()
            self._deliveries = DeliveryTracker()
            self._unsaved = 0
            self.report()
        self._saved_s = time.monotonic()

    def _reload_confirmed(self) -> None:
        """Return to the saved checkpoints, so that the reports show what the next start finds."""
        for digest, file in self._sent.items():
            file.done = self._folder.load(digest, shuffled=file.done.shuffled) or file.done

    def _confirmed(self, producer: EventProducer) -> bool:
        """Wait for Kafka. Return False if the replay was stopped and Kafka did not confirm in time."""
        deliveries = self._deliveries
        waiter = threading.Thread(target=_wait_in_thread, args=(producer, deliveries), daemon=True)
        waiter.start()
        while waiter.is_alive():
            waiter.join(0.1)
            if self._stop.is_set():
                self._stopped_s = self._stopped_s or time.monotonic()
                if time.monotonic() - self._stopped_s > STOP_WITHIN_S:
                    return False
        deliveries.check()
        return not deliveries.pending


def _wait_in_thread(producer: EventProducer, deliveries: DeliveryTracker) -> None:
    """Wait for deliveries in a thread. A failure is left in `deliveries`."""
    try:
        producer.wait(deliveries)
    except DeliveryError as error:
        deliveries.problem = deliveries.problem or (error.topic, error.reason)
        deliveries.failed = deliveries.failed or error.failed
