"""Entries of a state changelog, their encoding, and the contract of a changelog."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from streams.errors import StopError
from streams.produce.deliveries import DeliveryTracker

FORMAT = b"\x01"


class Subject(NamedTuple):
    """Whose state: a rule's, of one key in one stream."""

    rule: str
    key: str
    stream: str


class Entry(NamedTuple):
    """What is remembered: the offset of the last record folded, and the state as JSON; empty: cleared."""

    offset: int
    state: bytes


AnySubject = tuple[str, str, str]
"""A `Subject`, or the same without names: made ten times as fast, and not watched by the garbage collector."""


AnyEntry = tuple[int, bytes]
"""An `Entry`, or the same without names."""


class Stored(NamedTuple):
    """An entry as it lies in a changelog: with its subject and who wrote it; entry None: gone."""

    subject: AnySubject
    owner: str
    entry: AnyEntry | None


class Changelog(Protocol):
    """Keeps the entries of the partitions of one topic.

    Attributes:
        owner: Name of this process, unlike that of any other before or beside it.
        partitions: How many partitions the topic has, for good; None: not known.
    """

    owner: str
    partitions: int | None

    def read(self, partition: int) -> Iterable[tuple[AnySubject, str, AnyEntry]]:
        """Return the last entry of each subject and owner that is not gone; blocks, not for the event loop."""

    def write(self, partition: int, entries: Sequence[Stored], deliveries: DeliveryTracker) -> None:
        """Write entries in their order; durable once `deliveries` is settled."""


def encode_entry(entry: AnyEntry) -> bytes:
    """Write an entry as a changelog value."""
    offset, state = entry
    return FORMAT + offset.to_bytes(8, "big") + state


def decode_entry(value: bytes) -> AnyEntry:
    """Read a changelog value.

    Raises:
        StopError: It was written by another version of the platform.
    """
    if not value.startswith(FORMAT) or len(value) < 9:
        raise StopError(f"state changelog: expected format 01, got {value[:1].hex() or 'nothing'}")
    return int.from_bytes(value[1:9], "big"), value[9:]
