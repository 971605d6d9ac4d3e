"""A Kafka record ready to be sent: topic, key, value, headers."""

from typing import NamedTuple

Header = tuple[str, bytes]


SIMULATED: Header = ("simulated", b"true")


class ProducerRecord(NamedTuple):
    """A record ready to be carried; `partition` None leaves the choice to the key."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()
    partition: int | None = None

    def size(self) -> int:
        """Return about how many bytes it takes on the wire."""
        size = len(self.key or b"") + len(self.value or b"")
        for name, value in self.headers:
            size += len(name) + len(value) + 4
        return size
