"""When a subscriber learns of a crash: a subscriber of the city, by the way that all of them go."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from infra.sharing import password_of
from streams.subscriber import Connection, Subscription
from tests.bench.path.events import ACCIDENT, born_ms

if TYPE_CHECKING:
    from typing import Self

    from tests.bench.path.city import City

SUBSCRIBER = "insurer-a"
_JOIN_S = 8.0


class AlarmWatch:
    """Reads accidents in a thread; for each, milliseconds since the signal was made that showed the crash."""

    def __init__(self, city: City) -> None:
        self.took_ms: list[tuple[float, float]] = []
        settings = city.settings
        connection = Connection(settings.sasl_address, SUBSCRIBER, str(password_of(settings, SUBSCRIBER)))
        self._events = Subscription(connection, city.topics, [ACCIDENT], start="now")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        time.sleep(_JOIN_S)  # it has its partitions by then, and what comes now is not what waited for it
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._events.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            event = self._events.poll(0.2)
            if event is None or event.fields is None:
                continue
            born = born_ms(event.fields["signal_id"])
            self.took_ms.append((born, time.time() * 1000 - born))
            self._events.handled(event)
