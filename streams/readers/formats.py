"""What a reader of recordings gives, and what a domain says about the formats it reads.

A domain declares its formats in one place: `FORMATS` in its `recordings.py`, a tuple of `Format` values.
`streams.replay.recordings` finds it by the folder's name. A reader is pure: it takes a stream of bytes (never
compressed) and yields one item per source record, in the file's order, whatever the bytes are. It knows
nothing of ids, Kafka, shifted times or progress. What a file says is told by its bytes; only a format that keeps its
subject in the file's name (`named`) is told the name.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event of a recording, before it has an identity.

    Attributes:
        topic: Topic it belongs to.
        occurred_at: When it happened by the recording, µs since 1970 UTC.
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
        line: Line where it starts, from 1; None where the format has no lines.
        data: Its bytes as they lie in the file.
        drafts: Its events; their order numbers them. None at all where the record is sound and tells no event, as
            a question put to a register does.
    """

    record: int
    line: int | None
    data: bytes
    drafts: tuple[EventDraft, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A source record that cannot be parsed, or that its format forbids.

    Attributes:
        record: Its number in the file, from 1.
        line: Line where it starts, from 1; None where the format has no lines.
        data: Its bytes as they lie in the file.
        reason: What was expected and what was found, in one line.
        rule: What refused it, `name@version`.
    """

    record: int
    line: int | None
    data: bytes
    reason: str
    rule: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that holds no source record: blank, or a comment.

    Attributes:
        line: Its number, from 1.
    """

    line: int


Item = Accepted | Refused | Skipped


@dataclass(frozen=True, slots=True)
class Format:
    """A file format that a domain reads.

    Attributes:
        name: What `--format` and the report call it.
        domain: Folder name of the domain.
        source_record: What one source record is, for people.
        matches: Whether a file begins like this format; gets its first bytes, decompressed.
        read: The reader; gets the whole file, decompressed.
        kind: What the files are; becomes the beginning of their events' `source`.
        settle: For a format of several domains: tells by the first bytes of which one a file is, or raises
            ValueError with what is wrong.
        members: For a recording that is several files: tells the files of the recording that a file belongs
            to, by the names its reader knows, the main one first; none where it belongs to none. The reader
            gets all of them as one zip.
        named: For a format whose subject stands in the file's name only: the reader that gets the path as well;
            it is called instead of `read`.
        shifted_with: Files that share this keep their distance when times are shifted; the format's name
            where it is empty.
    """

    name: str
    domain: str
    source_record: str
    matches: Callable[[bytes], bool]
    read: Callable[[BinaryIO], Iterator[Item]]
    kind: Literal["replay", "scenario"] = "replay"
    settle: "Callable[[bytes], Format] | None" = None
    members: Callable[[Path], Mapping[str, Path]] | None = None
    shifted_with: str = ""
    named: Callable[[BinaryIO, Path], Iterator[Item]] | None = None

    def items(self, stream: BinaryIO, path: Path) -> Iterator[Item]:
        """Read a file, told its path if its format needs that."""
        return self.read(stream) if self.named is None else self.named(stream, path)

    @property
    def family(self) -> str:
        """What files that keep their distance have in common."""
        return self.shifted_with or self.name
