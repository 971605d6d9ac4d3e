"""Entries of a state changelog, their encoding, and the contract of a changelog."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from streams.errors import StopError
from streams.produce.deliveries import DeliveryTracker

FORMAT = b"\x01"


class Subject(NamedTuple):
    """The identity of a state: one rule, for one key in one stream.

    Attributes:
        rule: `name@version`.
        key: Key of the records.
        stream: Source up to `#`, or the kind of source for a cross-source rule.
    """

    rule: str
    key: str
    stream: str


class Entry(NamedTuple):
    """The state of a subject.

    Attributes:
        offset: Offset of the last folded record.
        state: The state as JSON; empty: cleared.
    """

    offset: int
    state: bytes


AnySubject = tuple[str, str, str]
"""A `Subject`, or a plain tuple: ten times as fast to make, and not tracked by the garbage collector."""


AnyEntry = tuple[int, bytes]
"""An `Entry`, or a plain tuple."""


class Stored(NamedTuple):
    """An entry in a changelog.

    Attributes:
        subject: Rule, key and stream of the state.
        owner: Name of the process that wrote it.
        entry: The state; None: removed.
    """

    subject: AnySubject
    owner: str
    entry: AnyEntry | None


class Changelog(Protocol):
    """The entries of one topic's partitions.

    Attributes:
        owner: Name of this process; no other process ever has the same.
        partitions: Number of the topic's partitions, which never changes; None: not known.
        entries_read: Number of entries read so far, of all partitions; it grows while `read` runs.
    """

    owner: str
    partitions: int | None
    entries_read: int

    def read(self, partition: int) -> Iterable[tuple[AnySubject, str, AnyEntry]]:
        """Return the last entry of each subject and owner, without removed ones.

        It blocks, so call it outside of the event loop.
        """

    def write(self, partition: int, entries: Sequence[Stored], deliveries: DeliveryTracker) -> None:
        """Write entries in their order. They are durable once `deliveries` is settled."""


def encode_entry(entry: AnyEntry) -> bytes:
    """Return the changelog value of an entry: `01 ‖ offset (8, big-endian) ‖ state`."""
    offset, state = entry
    return FORMAT + offset.to_bytes(8, "big") + state


def decode_entry(value: bytes) -> AnyEntry:
    """Return the entry of a changelog value.

    Raises:
        StopError: The value has another format: another version of the platform wrote it.
    """
    if not value.startswith(FORMAT) or len(value) < 9:
        raise StopError(f"state changelog: expected format 01, got {value[:1].hex() or 'nothing'}")
    return int.from_bytes(value[1:9], "big"), value[9:]
