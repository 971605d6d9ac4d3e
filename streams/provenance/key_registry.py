"""Who may sign for a source at a given time: the records of `platform.source-key`, folded.

A record counts for an event if it was in force when Kafka received the event: from its `valid_from`, and not before
Kafka has had the record itself for `settle_s`. A worker reads on at least twice in that time before it judges a
batch, so every worker, and every later replay of the batch, comes to the same answer, without asking Kafka for each
event. This needs brokers whose clocks differ by less than half of `settle_s`.
"""

import threading
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from schemas.names import topic_name

TOPIC: Final = topic_name("platform", "source-key")
REGISTERED: Final = "REGISTERED"
REVOKED: Final = "REVOKED"


class Received(NamedTuple):
    """A record of the registry: when Kafka received it (ms since 1970), and the event."""

    timestamp_ms: int
    event: Mapping[str, Any]


class Registration(NamedTuple):
    """What one record says, and from when it is in force (ms since 1970)."""

    in_force_ms: int
    did: str
    status: str
    required: bool


class KeyStatus(NamedTuple):
    """What holds for a source at some time: the keys that may sign for it, and whether it must be signed."""

    keys: frozenset[str]
    required: bool


class KeySource(Protocol):
    """Where the registry's records come from."""

    def read_on(self) -> Iterable[Received]:
        """Return what came since the last call, up to the present end; each sender's in its order."""


class Registry:
    """The records read so far; any thread may ask.

    Args:
        source: Where records come from; None: there is no registry, nobody is registered.
        settle_s: How long Kafka has had a record before it is in force, seconds.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        source: KeySource | None = None,
        settle_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._settle_s = settle_s
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._registrations: dict[str, list[Registration]] = {}
        self._statuses: dict[str, list[tuple[int, KeyStatus]]] = {}

    @property
    def stale(self) -> bool:
        """Whether it must be read on before a batch is judged."""
        if self._source is None:
            return False
        return self._read_at is None or self._clock() - self._read_at >= self._settle_s / 2

    @property
    def empty(self) -> bool:
        """Whether nobody ever registered a key."""
        return not self._statuses

    def refresh(self) -> None:
        """Read on if it is stale; blocks, so not for the event loop.

        Raises:
            KafkaDownError: Kafka does not answer.
            StopError: The registry's topic does not exist.
        """
        with self._lock:
            if self._source is None or not self.stale:
                return
            begun = self._clock()
            self._take(self._source.read_on())
            self._read_at = begun

    def status(self, sender: str, at_ms: int) -> KeyStatus | None:
        """Return what held for a source when Kafka received an event of it; None: nothing was registered."""
        statuses = self._statuses.get(sender)
        if statuses is None:
            return None
        place = bisect_right(statuses, at_ms, key=lambda each: each[0])
        return statuses[place - 1][1] if place else None

    def registrations(self) -> Mapping[str, list[Registration]]:
        """Return everything that was read, by source, in the order in which it comes into force."""
        return {sender: list(registrations) for sender, registrations in self._registrations.items()}

    def _take(self, received: Iterable[Received]) -> None:
        new: defaultdict[str, list[Registration]] = defaultdict(list)
        for timestamp_ms, event in received:
            in_force = max(-(-event["valid_from"] // 1000), timestamp_ms + int(self._settle_s * 1000))
            new[event["sender"]].append(
                Registration(in_force, event["did"], event["standing"], event["required"])
            )
        for sender, registrations in new.items():
            known = sorted(
                self._registrations.get(sender, []) + registrations, key=lambda each: each.in_force_ms
            )
            self._registrations[sender] = known
            self._statuses[sender] = _fold(known)


def _fold(registrations: Iterable[Registration]) -> list[tuple[int, KeyStatus]]:
    keys: frozenset[str] = frozenset()
    found = []
    for each in registrations:
        keys = keys | {each.did} if each.status == REGISTERED else keys - {each.did}
        found.append((each.in_force_ms, KeyStatus(keys, each.required)))
    return found
