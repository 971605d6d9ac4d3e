"""The items that a reader yields, and the declaration of a file format (docs/recordings.md#source-records).

A domain declares its formats in `FORMATS` of its `recordings.py`, a tuple of `Format` values.
`streams.replay.recordings` finds it by the folder's name. A reader is pure: it takes a stream of decompressed bytes
and yields one item per source record, for any bytes. It knows nothing of ids, Kafka, shifted times or checkpoints. Only
the reader of a format whose subject stands in the file's name (`named`) receives the path.

Every item names its bytes by spans. The spans of all items of a source are disjoint and cover it: each byte belongs to
an accepted record, to a refused record, or to a part that was skipped with a reason.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

Span = tuple[int, int]
"""Bytes of a source: offset of the first one, and offset behind the last one. A source of several files (`members`)
is their concatenation, in order."""


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event of a recording, before it has an id.

    Attributes:
        topic: Its topic.
        occurred_at: Its recorded time, µs since 1970 UTC.
        fields: Its own fields, without the envelope.
    """

    topic: str
    occurred_at: int
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A source record that became events.

    Attributes:
        record: Its number in the file, from 1.
        line: Line where it starts, from 1. None if the format has no lines.
        data: Its bytes in the file.
        drafts: Its events, numbered by their order. Empty for a valid record without an event, such as a query.
        spans: Where its bytes lie, line ends included.
    """

    record: int
    line: int | None
    data: bytes
    drafts: tuple[EventDraft, ...]
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A source record that cannot be parsed, or that its format forbids.

    Attributes:
        record: Its number in the file, from 1.
        line: Line where it starts, from 1. None if the format has no lines.
        data: Its bytes in the file.
        reason: What was expected and what was found, in one line.
        rule: The rule that refused it, `name@version`.
        spans: Where its bytes lie, line ends included.
    """

    record: int
    line: int | None
    data: bytes
    reason: str
    rule: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A part of a source that holds no source record: a blank line, a comment, a header, an envelope.

    Attributes:
        line: Line where it starts, from 1. None if the format has no lines.
        reason: What it is, in a few words.
        spans: Where its bytes lie, line ends included.
    """

    line: int | None
    reason: str = "blank line or comment"
    spans: tuple[Span, ...] = ()


Item = Accepted | Refused | Skipped


def size_of(item: Item) -> int:
    """Return the number of bytes that belong to an item."""
    return sum(end - begin for begin, end in item.spans)


@dataclass(frozen=True, slots=True)
class Format:
    """A file format that a domain reads.

    Attributes:
        name: Its name in `--format` and in the report.
        domain: Folder name of the domain.
        source_record: What one source record is, for people.
        matches: Returns True if a file's first bytes, decompressed, begin like this format.
        read: The reader. Receives the whole file, decompressed.
        kind: Kind of the files, the beginning of their events' `source`.
        resolve: For a format of several domains: returns the domain's format from the first bytes. Raises ValueError
            if they are invalid.
        members: For a recording of several files: returns the files of the recording that a file belongs to, by
            the names that its reader knows, the main file first. Empty if it belongs to none. The reader receives
            all of them as one zip.
        named: For a format whose subject stands only in the file's name: the reader that also receives the path. It
            is called instead of `read`.
        matches_name: For a format whose content is thin: returns True if first bytes and file name together are of
            this format. It is asked only if `matches` of no format returns True.
        together: For a format whose message stands or falls as a whole: the rule that refuses its valid events if one
            of them is refused, `name@version`.
        shifted_with: Formats with the same value share a shift group. Empty: the format's name.
    """

    name: str
    domain: str
    source_record: str
    matches: Callable[[bytes], bool]
    read: Callable[[BinaryIO], Iterator[Item]]
    kind: Literal["replay", "scenario"] = "replay"
    resolve: "Callable[[bytes], Format] | None" = None
    members: Callable[[Path], Mapping[str, Path]] | None = None
    shifted_with: str = ""
    named: Callable[[BinaryIO, Path], Iterator[Item]] | None = None
    matches_name: Callable[[bytes, str], bool] | None = None
    together: str | None = None

    def items(self, stream: BinaryIO, path: Path) -> Iterator[Item]:
        """Read a file's items.

        Args:
            stream: The file, decompressed.
            path: Its path, for a format with `named`.
        """
        return self.read(stream) if self.named is None else self.named(stream, path)

    @property
    def shift_group(self) -> str:
        """Files of one shift group keep their distance when times are shifted (docs/recordings.md#time-shift)."""
        return self.shifted_with or self.name
