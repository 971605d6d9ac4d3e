"""One file on its way through a replay: what of it is done, and what comes next.

It reads and counts; it knows neither Kafka nor the disk's progress files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from streams.readers.formats import Accepted, Item, Refused, Skipped
from streams.replay.checkpoint import ReplayCheckpoint
from streams.replay.recordings import Recording, content
from streams.replay.schedule import Span


@dataclass(frozen=True)
class InputReport:
    """What became of one file.

    Attributes:
        path: The file.
        format: Its format, None when no domain knows it.
        domain: The format's domain.
        read: Source records read so far, by this run and those before it.
        accepted: Of these, those that became events.
        refused: Of these, those that became dead letters.
        skipped: Lines without a source record (blank, comment).
        reason: Why it was not replayed to its end, None when it was.
    """

    path: str
    format: str | None
    domain: str | None
    read: int = 0
    accepted: int = 0
    refused: int = 0
    skipped: int = 0
    reason: str | None = None


@dataclass
class Input:
    """A file of a replay.

    Attributes:
        recording: The file.
        done: How far it was sent; ahead of the disk by what Kafka has not confirmed.
        fresh: Whether the disk knows nothing of it yet.
        play_shift_us: What is added to its times for its moment in the play.
        copy_of: Another path with the same bytes, which is replayed instead.
    """

    recording: Recording
    done: ReplayCheckpoint
    fresh: bool = True
    play_shift_us: int = 0
    copy_of: Path | None = None

    @property
    def unfinished(self) -> bool:
        """Whether there is something left to send."""
        alone = self.copy_of is None and self.recording.part_of is None
        return alone and not self.done.finished and self.recording.sha256 != ""

    def items(self) -> Iterator[Item]:
        """Read the file from its beginning; nothing, where it cannot be read."""
        if self.recording.format is None or self.recording.problem is not None:
            return
        with content(self.recording) as stream:
            yield from self.recording.format.items(stream, self.recording.path)

    def cues(self) -> Iterator["ScheduledRecord"]:
        """Read what is left of the file; a record without a time has the moment of the one before it."""
        last = self.done.last_us or 0
        for item in islice(self.items(), self.done.items, None):
            if isinstance(item, Accepted) and item.drafts:
                last = item.drafts[-1].occurred_at
            yield ScheduledRecord(last + self.play_shift_us, self, item)
        yield ScheduledRecord(last + self.play_shift_us, self, None)

    def span(self) -> Span | None:
        """Read the file's first and last time, None if it has none."""
        accepted = (item for item in self.items() if isinstance(item, Accepted))
        times = [draft.occurred_at for item in accepted for draft in item.drafts]
        return Span(min(times), max(times)) if times else None

    def count(self, item: Item) -> None:
        """Count an item that was sent."""
        if isinstance(item, Skipped):
            self.done.skipped += 1
            return
        self.done.read += 1
        if isinstance(item, Refused):
            self.done.refused += 1
            return
        self.done.accepted += 1
        if item.drafts:
            self.done.last_us = item.drafts[-1].occurred_at

    def report(self) -> InputReport:
        """Tell what became of the file."""
        form, done = self.recording.format, self.done
        name, domain = (form.name, form.domain) if form else (None, None)
        path = str(self.recording.path)
        if self.recording.part_of is not None:
            return InputReport(path, name, domain, reason=f"read together with {self.recording.part_of}")
        if self.copy_of is not None:
            return InputReport(path, name, domain, reason=f"the same bytes as {self.copy_of}, replayed once")
        left = None if done.finished else f"stopped after record {done.read}; the next start goes on"
        reason = self.recording.problem or left
        return InputReport(path, name, domain, done.read, done.accepted, done.refused, done.skipped, reason)


class ScheduledRecord(NamedTuple):
    """A source record at its moment; `item` None is the file's end."""

    play_us: int
    file: Input
    item: Item | None
