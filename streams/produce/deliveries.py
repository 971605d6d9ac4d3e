"""Counts the deliveries of a set of records and keeps the first failure."""

import threading
from typing import Any

from streams.errors import DeliveryError


class DeliveryTracker:
    """What became of a set of records that were sent: one waits for it before anything is committed."""

    __slots__ = ("_lock", "failed", "problem", "sent", "settled")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.sent = 0
        self.settled = 0
        self.failed = 0
        self.problem: tuple[str, str] | None = None

    @property
    def pending(self) -> int:
        """Records handed over whose fate is not known yet."""
        return self.sent - self.settled

    def expect(self) -> None:
        """Count a record that is handed over now."""
        with self._lock:
            self.sent += 1

    def report(self, error: Any, message: Any) -> None:
        """Take librdkafka's report of one record: `KafkaError` or None, and the record."""
        if error is None:
            with self._lock:
                self.settled += 1
        else:
            self.settle(message.topic(), str(error.str()))

    def settle(self, topic: str, problem: str | None = None) -> None:
        """Count a record as delivered, or as failed for a reason."""
        with self._lock:
            self.settled += 1
            if problem is not None:
                self.failed += 1
                self.problem = self.problem or (topic, problem)

    def check(self) -> None:
        """Raise DeliveryError if any record failed."""
        if self.problem is not None:
            raise DeliveryError(*self.problem, failed=self.failed)
