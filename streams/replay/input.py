"""One file of a replay: its progress and its remaining records.

It reads and counts. It knows neither Kafka nor the checkpoints on disk.
"""

import logging
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from schemas.avro.limits import FIRST_DAY, LAST_DAY, PER_DAY
from streams.readers.formats import Accepted, Item, Refused, Skipped, Span, size_of
from streams.readers.source import shown
from streams.readers.together import Check, all_or_none
from streams.replay.checkpoint import ReplayCheckpoint
from streams.replay.recordings import Recording, content
from streams.replay.schedule import Span as Times
from streams.replay.shuffle import shuffled

FIRST_US = FIRST_DAY * PER_DAY["timestamp-micros"]
"""First instant that a table holds, µs since 1970 UTC."""

_MANY = 64
"""Spans that are kept before they are merged."""

LAST_US = (LAST_DAY + 1) * PER_DAY["timestamp-micros"] - 1
"""Last instant that a table holds, µs since 1970 UTC."""


READER_RULE = "reader-failed@1"
"""Rule that refuses the rest of a file whose reader raised an error."""

log = logging.getLogger(__name__)


class Covered:
    """The bytes of a source that belong to items so far."""

    def __init__(self) -> None:
        self._spans: list[Span] = []  # disjoint, not touching, in order

    def add(self, spans: Iterable[Span]) -> None:
        """Add the spans of an item."""
        for begin, end in spans:
            if self._spans and self._spans[-1][1] == begin:
                self._spans[-1] = (self._spans[-1][0], end)
            else:
                insort(self._spans, (begin, end))
            if len(self._spans) > _MANY:
                self._merge()

    def rest(self, size: int) -> tuple[Span, ...]:
        """Return the spans of a source of `size` bytes that were not added."""
        self._merge()
        ends = [0, *(end for _, end in self._spans)]
        begins = [*(begin for begin, _ in self._spans), size]
        return tuple(each for each in zip(ends, begins, strict=True) if each[0] < each[1])

    def _merge(self) -> None:
        merged: list[Span] = []
        for begin, end in self._spans:
            if merged and merged[-1][1] >= begin:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((begin, end))
        self._spans = merged


def _no_refusal(_: Accepted) -> None:
    """Refuse nothing."""


@dataclass(frozen=True)
class InputReport:
    """The outcome of one file.

    Attributes:
        path: The file.
        format: Its format, None if no domain reads it.
        domain: The format's domain.
        read: Source records read so far, by this run and earlier ones.
        accepted: How many of them became events.
        refused: How many of them became dead letters.
        skipped: Parts without a source record (header, blank line, comment, envelope).
        bytes: Its decompressed bytes (`source`), and how many of them belong to accepted records, refused records and
            skipped parts. None if they were not counted.
        refusals: The rules that refused records: how many, and number and reason of the first one.
        reason: Why it was not replayed to its end, None if it was.
    """

    path: str
    format: str | None
    domain: str | None
    read: int = 0
    accepted: int = 0
    refused: int = 0
    skipped: int = 0
    bytes: Mapping[str, int] | None = None
    refusals: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reason: str | None = None


@dataclass
class Input:
    """A file of a replay.

    Attributes:
        recording: The file.
        done: What was sent. Ahead of the checkpoint on disk by what Kafka has not confirmed.
        fresh: Whether there is no checkpoint on disk yet.
        playback_shift_us: What is added to its times for their playback times, in µs.
        begins_us: Playback time of what stands before its first time, such as its header, less `playback_shift_us`.
        copy_of: Another path with the same bytes, which is replayed instead.
        keyed_number: For a recording of persons: returns the keyed number of an item, by which items of one time are
            ordered. None: items keep the file's order.
    """

    recording: Recording
    done: ReplayCheckpoint
    fresh: bool = True
    playback_shift_us: int = 0
    begins_us: int = 0
    copy_of: Path | None = None
    keyed_number: Callable[[int], int] | None = None

    @property
    def unfinished(self) -> bool:
        """True if something is left to send."""
        alone = self.copy_of is None and self.recording.part_of is None
        return alone and not self.done.finished and self.recording.sha256 != ""

    def items(self, check: Check = _no_refusal) -> Iterator[Item]:
        """Yield the file's items from its beginning. Nothing if it cannot be read.

        Args:
            check: How a record that the reader accepts would be refused later. It decides on the whole file if the
                format's records are accepted together.
        """
        form = self.recording.format
        if form is None or self.recording.problem is not None:
            return
        if form.together is None:
            yield from self._read()
        else:
            yield from all_or_none(self._read, form.together, check)

    def _read(self) -> Iterator[Item]:
        form, covered, records = self.recording.format, Covered(), 0
        if form is None:
            return
        try:
            with content(self.recording) as stream:
                for item in form.items(stream, self.recording.path):
                    covered.add(item.spans)
                    records += not isinstance(item, Skipped)
                    yield item
        except OSError:
            raise
        except Exception as error:
            log.exception("%s: the reader failed", shown(self.recording.path))
            reason = f"the reader failed here: {type(error).__name__}; report it with this file"
            yield Refused(records + 1, None, b"", reason, READER_RULE, covered.rest(self.recording.size))

    def scheduled(self, check: Check = _no_refusal) -> Iterator["ScheduledRecord"]:
        """Yield the remaining records with their playback times, then the file's end.

        A record without a time has the playback time of the previous one.

        Args:
            check: As for `items`.
        """
        last = self.begins_us if self.done.last_us is None else self.done.last_us
        for item in self._remaining(check):
            if isinstance(item, Accepted) and item.drafts:
                last = item.drafts[-1].occurred_at
            yield ScheduledRecord(last + self.playback_shift_us, self, item)
        yield ScheduledRecord(last + self.playback_shift_us, self, None)

    def _remaining(self, check: Check) -> Iterator[Item]:
        """Yield the items that were not sent yet, in the order in which they are sent."""
        if self.keyed_number is None:
            return islice(self.items(check), self.done.items, None)
        return shuffled(lambda: self.items(check), self.keyed_number, self.done.items)

    def span(self) -> Times | None:
        """Read the whole file and return its first and last time, None if it has no times.

        Times that no table holds do not count: the producer refuses their events.
        """
        first = last = None
        for item in self.items():
            for draft in item.drafts if isinstance(item, Accepted) else ():
                if FIRST_US <= draft.occurred_at <= LAST_US:
                    first = draft.occurred_at if first is None else min(first, draft.occurred_at)
                    last = draft.occurred_at if last is None else max(last, draft.occurred_at)
        return None if first is None or last is None else Times(first, last)

    def count(self, item: Item) -> None:
        """Count a sent item."""
        done, size = self.done, size_of(item)
        if isinstance(item, Skipped):
            done.skipped += 1
            done.skipped_bytes += size
            return
        done.read += 1
        if isinstance(item, Refused):
            done.refused += 1
            done.refused_bytes += size
            done.count_refusal(item.rule, item.record, item.reason)
            return
        done.accepted += 1
        done.accepted_bytes += size
        if item.drafts:
            done.last_us = item.drafts[-1].occurred_at

    def report(self) -> InputReport:
        """Return the file's outcome so far."""
        form, done = self.recording.format, self.done
        name, domain = (form.name, form.domain) if form else (None, None)
        path = shown(self.recording.path)
        if self.recording.part_of is not None:
            return InputReport(
                path, name, domain, reason=f"read together with {shown(self.recording.part_of)}"
            )
        if self.copy_of is not None:
            return InputReport(
                path, name, domain, reason=f"the same bytes as {shown(self.copy_of)}, replayed once"
            )
        left = None if done.finished else f"stopped after record {done.read}; the next start goes on"
        reason = self.recording.problem or left
        return InputReport(
            path,
            name,
            domain,
            done.read,
            done.accepted,
            done.refused,
            done.skipped,
            self._bytes(),
            done.refusals,
            reason,
        )

    def _bytes(self) -> dict[str, int] | None:
        """Return the bytes of the file and of its items, None if they were not counted."""
        done = self.done
        if not done.items_are_parts or self.recording.problem is not None:
            return None
        return {
            "source": self.recording.size,
            "accepted": done.accepted_bytes,
            "refused": done.refused_bytes,
            "skipped": done.skipped_bytes,
        }


class ScheduledRecord(NamedTuple):
    """A source record at its playback time.

    Attributes:
        playback_us: Its playback time, µs since 1970.
        file: Its file.
        item: The record, None for the file's end.
    """

    playback_us: int
    file: Input
    item: Item | None
