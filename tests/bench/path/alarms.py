"""When a subscriber learns of a crash: a subscriber of the city, by the way that all of them go."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from infra.admin.subscriber_access import password_of
from streams.subscriber import Connection, Subscription
from tests.bench.path.events import ACCIDENT, born_ms
from tests.bench.path.looking import Looking

if TYPE_CHECKING:
    from tests.bench.path.city import City

SUBSCRIBER = "insurer-a"
_JOIN_S = 6.0


class AlarmWatch(Looking):
    """Reads accidents.

    Attributes:
        took_ms: Of each, when the signal was made that showed the crash, in milliseconds since 1970, and how many
            milliseconds later the subscriber had it.
    """

    def __init__(self, city: City) -> None:
        super().__init__(0.0)  # each look waits for itself
        self.took_ms: list[tuple[float, float]] = []
        settings = city.settings
        connection = Connection(settings.sasl_address, SUBSCRIBER, str(password_of(settings, SUBSCRIBER)))
        self._events = Subscription(connection, city.topics, [ACCIDENT], start="now")

    def begin(self) -> None:
        """Join the group, so that what comes later did not wait for that."""
        joined = time.monotonic() + _JOIN_S
        while time.monotonic() < joined:
            self.look()

    def look(self) -> None:
        """Wait for an accident."""
        event = self._events.poll(0.2)
        if event is None or event.fields is None:
            return
        born = born_ms(str(event.fields["signal_id"]))
        self.took_ms.append((born, time.time() * 1000 - born))
        self._events.handled(event)

    def end(self) -> None:
        """Leave the group."""
        self._events.close()
