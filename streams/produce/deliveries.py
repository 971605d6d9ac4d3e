"""Tracks the deliveries of a set of records and keeps the first failure."""

import threading
from typing import Any

from streams.errors import DeliveryError


class DeliveryTracker:
    """Delivery outcomes of a set of sent records. Callers wait for them before they commit anything.

    Attributes:
        sent: Records handed over.
        settled: Records that were delivered or failed.
        failed: Records that failed.
        problem: Topic and reason of the first failure.
    """

    __slots__ = ("_lock", "failed", "problem", "sent", "settled")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.sent = 0
        self.settled = 0
        self.failed = 0
        self.problem: tuple[str, str] | None = None

    @property
    def pending(self) -> int:
        """Number of sent records that are neither delivered nor failed yet."""
        return self.sent - self.settled

    def expect(self) -> None:
        """Count a record as sent."""
        with self._lock:
            self.sent += 1

    def report(self, error: Any, message: Any) -> None:
        """Count one record from librdkafka's delivery report.

        Args:
            error: A `KafkaError`, or None if the record was delivered.
            message: The record.
        """
        if error is None:
            with self._lock:
                self.settled += 1
        else:
            self.settle(message.topic(), str(error.str()))

    def settle(self, topic: str, problem: str | None = None) -> None:
        """Count one record as delivered, or as failed.

        Args:
            topic: The record's topic.
            problem: Why it failed, None if it was delivered.
        """
        with self._lock:
            self.settled += 1
            if problem is not None:
                self.failed += 1
                self.problem = self.problem or (topic, problem)

    def check(self) -> None:
        """Raise an error if any record failed.

        Raises:
            DeliveryError: The first failure, with the number of all.
        """
        if self.problem is not None:
            raise DeliveryError(*self.problem, failed=self.failed)
