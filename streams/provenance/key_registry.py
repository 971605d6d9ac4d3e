"""The keys that may sign for a source at a given time, from the records of `platform.source-key`.

A registration counts for an event if it was in force when Kafka received the event. It is in force from its
`valid_from`, but not before Kafka has had it for `settle_s`. A worker reads new registrations at least every half
`settle_s` before it verifies a batch. So every worker, and every repetition of a batch, gets the same result without a
request for each event. This needs brokers whose clocks differ by less than half of `settle_s`.
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
    """A record of the registry's topic.

    Attributes:
        timestamp_ms: When Kafka received it, milliseconds since 1970.
        event: The decoded event.
    """

    timestamp_ms: int
    event: Mapping[str, Any]


class Registration(NamedTuple):
    """The registration or revocation of one key.

    Attributes:
        in_force_ms: From when it is in force, milliseconds since 1970.
        did: did:key of the key.
        status: `REGISTERED` or `REVOKED`.
        required: Whether the source must sign every event.
    """

    in_force_ms: int
    did: str
    status: str
    required: bool


class KeyStatus(NamedTuple):
    """The keys of a source at one time.

    Attributes:
        keys: did:keys that may sign for it.
        required: Whether it must sign every event.
    """

    keys: frozenset[str]
    required: bool


class KeySource(Protocol):
    """A source of the registry's records."""

    def read_on(self) -> Iterable[Received]:
        """Return the records since the last call, up to the current end, each sender's in their order."""


class Registry:
    """The registrations read so far. Safe from any thread.

    Args:
        source: Returns the records; None: no key is registered.
        settle_s: Seconds that Kafka must have had a registration before it is in force.
        clock: Monotonic time in seconds.
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
        """Whether `refresh` is due before a batch is verified."""
        if self._source is None:
            return False
        return self._read_at is None or self._clock() - self._read_at >= self._settle_s / 2

    @property
    def empty(self) -> bool:
        """Whether no key was ever registered."""
        return not self._statuses

    def refresh(self) -> None:
        """Read new registrations if `stale`. It blocks, so call it outside of the event loop.

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
        """Return the keys of a source at one time.

        Args:
            sender: Source up to `#`.
            at_ms: When Kafka received its event, milliseconds since 1970.

        Returns:
            The keys; None if none was registered by then.
        """
        statuses = self._statuses.get(sender)
        if statuses is None:
            return None
        count = bisect_right(statuses, at_ms, key=lambda each: each[0])
        return statuses[count - 1][1] if count else None

    def registrations(self) -> Mapping[str, list[Registration]]:
        """Return all registrations by source, in the order in which they come into force."""
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
