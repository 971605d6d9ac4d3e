"""A Kafka record before it is sent, and the header of simulated events."""

from typing import NamedTuple

Header = tuple[str, bytes]
"""Name and value of a record header."""

SIMULATED: Header = ("simulated", b"true")


class ProducerRecord(NamedTuple):
    """An encoded record before it is sent.

    Attributes:
        topic: Its topic.
        key: Raw key.
        value: Raw value; None removes the key in a compacted topic.
        headers: Names and values.
        partition: Its partition; None: the partition of the key.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()
    partition: int | None = None

    def size(self) -> int:
        """Return the approximate size of the record on the wire, in bytes."""
        size = len(self.key or b"") + len(self.value or b"")
        for name, value in self.headers:
            size += len(name) + len(value) + 4
        return size
