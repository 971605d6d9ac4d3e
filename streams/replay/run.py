"""Recordings → raw topics: every source record becomes events or one dead letter, however often interrupted.

Promises:

- `read = accepted + refused` for every file, counted in the file's own records.
- What a killed replay had sent and not yet noted is sent again byte for byte (a repeat); nothing is left out.
- Progress is noted only behind Kafka's confirmation. A finished file is not sent again; its totals are told
  again.
- At a file's end `platform.recording` tells its counts.
- Everything says that it is a recording or a scenario: `source` is `replay:` or `scenario:`, then `<first 16
  hex of the file's SHA-256>#<record>`, and with it goes the header `simulated`.

At speed `live` and `N` the files are played side by side in the order of their shifted times. With
`shift_to_now` the events carry the shifted time, and `recorded_at` keeps the original one. The shift is a
whole number of days, so that local hours stay what they are: the last event of a format falls into the last
day before the first start of a replay in this data directory.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
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
from streams.replay.checkpoint import CheckpointFolder, ReplayCheckpoint
from streams.replay.input import Input, InputReport, ScheduledRecord
from streams.replay.ordered_producer import OrderedProducer
from streams.replay.recordings import Recording, find
from streams.replay.records import RecordWriter
from streams.replay.schedule import Schedule, Speed, in_order

__all__ = ["InputReport", "Watch", "replay"]

CHECKPOINT_RECORDS = 2_000
"""Source records after which progress is noted."""

CHECKPOINT_SECONDS = 1.0
"""Seconds after which progress is noted, if anything was sent."""

STOP_WITHIN_S = 6.0
"""Seconds that a stopped replay still waits for Kafka's confirmation."""

Watch = Callable[[Sequence[InputReport]], None]
"""Gets the state of all files whenever progress was noted."""


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
) -> list[InputReport]:
    """Replay files and folders into Kafka.

    Args:
        config: Where Kafka and the data directory are.
        catalog: Topics and schemas.
        paths: Files and folders.
        format: Name of the only format to look for, if given.
        speed: `live` (the longest recording plays in `pace.LIVE_SECONDS`), `max`, or a factor.
        shift_to_now: Whether times are moved to now; by default only at speed `live`. A file that was begun
            before keeps what it was begun with.
        stop: Ends the replay within seconds when set; the next one goes on.
        progress: Told the state of all files now and then.
        emit: Takes the metrics.

    Returns:
        One report per file, in order.

    Raises:
        RecordingError: A file that was named cannot be replayed; nothing was sent.
        KafkaDownError: Kafka does not answer; nothing was sent.
        ReplayInterruptedError: Kafka stopped taking records; the next replay goes on.
    """
    folder = CheckpointFolder(config.data / "replay")
    recordings = find(paths, format_name=format)
    run = _Run(folder, recordings, stop or threading.Event(), progress or _look_away, emit)
    if any(file.unfinished for file in run.files):
        run.prepare(speed, shift=speed == "live" if shift_to_now is None else shift_to_now)
        with OrderedProducer(config, catalog) as door:
            run.play(RecordWriter(door, deployment_secret(config.keys), run.anchor_us), door)
    run.tell()
    return run.reports()


def _look_away(reports: Sequence[InputReport]) -> None:
    """Watch nothing."""


class _Run:
    """One replay: its files, its pace, what was sent and is not confirmed, and when progress was noted.

    Args:
        folder: Where progress is noted.
        recordings: Files to be played, in order.
        stop: Ends the replay when set.
        watch: Gets the state of all files whenever progress was noted.
        emit: Takes the metrics.
    """

    def __init__(
        self,
        folder: CheckpointFolder,
        recordings: Sequence[Recording],
        stop: threading.Event,
        watch: Watch,
        emit: Emit,
    ) -> None:
        self._watch = watch
        self._emit = emit
        self.anchor_us = folder.anchor_us(lambda: time.time_ns() // 1000)
        self.files = _inputs(folder, recordings)
        self._folder = folder
        self._stop = stop
        self._stopped_s: float | None = None
        self._pace = Schedule(None, None, time.monotonic)
        self._deliveries = DeliveryTracker()
        self._sent: dict[str, Input] = {}  # files whose progress is ahead of the disk, by digest
        self._unnoted = 0
        self._noted_s = time.monotonic()

    def reports(self) -> list[InputReport]:
        """Tell what became of the files."""
        return [file.report() for file in self.files]

    def tell(self) -> None:
        """Hand the state of all files to whoever watches."""
        reports = self.reports()
        self._watch(reports)
        for name in ("read", "accepted", "refused"):
            self._emit(f"replay_{name}_total", float(sum(getattr(each, name) for each in reports)), {})

    def prepare(self, speed: Speed, *, shift: bool) -> None:
        """Fix the pace and, before anything is sent, the shift of every file that was not begun before."""
        files = [file for file in self.files if file.unfinished]
        if speed != "max" or shift:
            spans = [(file, span) for file in files if (span := file.span()) is not None]
            self._pace = Schedule.of(speed, (span for _, span in spans), time.monotonic)
            # The file that ends last fixes its format's shift.
            for file, span in sorted(spans, key=lambda each: -each[1].ends_us):
                family = file.recording.format.family if file.recording.format else ""
                file.play_shift_us = self._folder.shift_us(family, span.ends_us, self.anchor_us)
                if shift and file.fresh:
                    file.done.shift_us = file.play_shift_us
        for file in files:
            if file.fresh:
                self._folder.save(file.recording.sha256, file.done)

    def play(self, writer: RecordWriter, door: EventProducer) -> None:
        """Send what is left of all files.

        Raises:
            ReplayInterruptedError: Kafka stopped taking records.
        """
        try:
            for cue in self._cues():
                self._wait_for(cue, door)
                if self._stop.is_set():
                    break
                self._send(cue, writer, door)
                if self._due() or cue.item is None:
                    self._note(door)
            self._note(door)
        except DeliveryError as error:
            raise ReplayInterruptedError(
                f"replay interrupted: {error.failed} records not confirmed by Kafka ({error.reason});"
                " what it confirmed is kept: start again when Kafka is back"
            ) from error
        finally:
            self._go_back()

    def _cues(self) -> Iterator[ScheduledRecord]:
        cues = [file.cues() for file in self.files if file.unfinished]
        if self._pace.factor is None:
            return (cue for file in cues for cue in file)
        return in_order(cues)

    def _wait_for(self, cue: ScheduledRecord, door: EventProducer) -> None:
        """Wait for a record's moment, or for the stop."""
        wait_s = self._pace.wait_s(cue.play_us)
        if wait_s > CHECKPOINT_SECONDS and self._unnoted:
            self._note(door)
            wait_s = self._pace.wait_s(cue.play_us)
        if wait_s:
            self._stop.wait(min(wait_s, threading.TIMEOUT_MAX))

    def _send(self, cue: ScheduledRecord, writer: RecordWriter, door: EventProducer) -> None:
        file = cue.file
        if cue.item is None:
            records = writer.write_end(file)
            file.done.finished = True
            if file.recording.problem is not None and file.recording.format is not None:
                # The file stands for its records, which nobody can count.
                file.done.read = file.done.refused = 1
            self._hand_over(records, door)
        else:
            item, records = writer.write(file, cue.item)
            try:
                self._hand_over(records, door)
            except RefusedEventError as error:
                # Only the broker's limit shows here: the record is too large.
                if not isinstance(item, Accepted):
                    raise
                item, records = writer.refuse(file, item, error)
                self._hand_over(records, door)
            file.count(item)
        self._sent[file.recording.sha256] = file
        self._unnoted += 1

    def _hand_over(self, records: Sequence[ProducerRecord], door: EventProducer) -> None:
        for record in records:
            door.send(record, self._deliveries)

    def _due(self) -> bool:
        waited_s = time.monotonic() - self._noted_s
        return self._unnoted >= CHECKPOINT_RECORDS or waited_s >= CHECKPOINT_SECONDS

    def _note(self, door: EventProducer) -> None:
        """Wait until Kafka has confirmed all that was sent, then write the progress down."""
        if self._unnoted and self._confirmed(door):
            for digest, file in self._sent.items():
                self._folder.save(digest, file.done)
            self._sent.clear()
            self._deliveries = DeliveryTracker()
            self._unnoted = 0
            self.tell()
        self._noted_s = time.monotonic()

    def _go_back(self) -> None:
        """Forget what Kafka did not confirm, so that the reports tell what the next start finds."""
        for digest, file in self._sent.items():
            file.done = self._folder.load(digest) or file.done

    def _confirmed(self, door: EventProducer) -> bool:
        """Wait for Kafka; False if the replay was stopped and Kafka did not confirm in time."""
        deliveries = self._deliveries
        waiter = threading.Thread(target=_wait_quietly, args=(door, deliveries), daemon=True)
        waiter.start()
        while waiter.is_alive():
            waiter.join(0.1)
            if self._stop.is_set():
                self._stopped_s = self._stopped_s or time.monotonic()
                if time.monotonic() - self._stopped_s > STOP_WITHIN_S:
                    return False
        deliveries.check()
        return not deliveries.pending


def _wait_quietly(door: EventProducer, deliveries: DeliveryTracker) -> None:
    """Wait for deliveries in a thread of its own; what went wrong is left in `deliveries`."""
    try:
        door.wait(deliveries)
    except DeliveryError as error:
        deliveries.problem = deliveries.problem or (error.topic, error.reason)
        deliveries.failed = deliveries.failed or error.failed


def _inputs(folder: CheckpointFolder, recordings: Sequence[Recording]) -> list[Input]:
    """Take up the files where they were left; the same bytes under a second path are not replayed twice."""
    inputs: list[Input] = []
    first: dict[str, Path] = {}
    for recording in recordings:
        digest, name = recording.sha256, recording.format.name if recording.format else None
        kept = folder.load(digest) if digest else None
        if kept is not None and kept.format != name:  # a format that was not known then
            kept = None
        one = digest if digest and recording.part_of is None else str(recording.path)
        original = first.setdefault(one, recording.path)
        copy_of = None if original == recording.path else original
        inputs.append(
            Input(recording, kept or ReplayCheckpoint(name, 0), fresh=kept is None, copy_of=copy_of)
        )
    return inputs
