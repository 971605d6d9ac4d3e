"""The lease of a claim: until when this sink may insert under it.

The lease protects against a sink that was suspended just before sending an insert and resumed later
(docs/delivery.md#fences). Kafka refuses its commits, but the insert would still arrive. So the statement carries the
end of the lease in ClickHouse's time and throws after it. Before that, the deduplication window holds the token,
and a late insert is a repeat.
"""

import threading
import time

from streams.clickhouse_sink.client import ClickHouseClient
from streams.clickhouse_sink.errors import LeaseExpiredError, LeaseLostError
from streams.clickhouse_sink.insert_sql import lease_expiry_check


class Lease:
    """A lease that begins just before the claim's commit is sent. The sink's main thread may end it at any time.

    Args:
        seconds: Its duration.
    """

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._lost = threading.Event()

    @property
    def lost(self) -> bool:
        """True if the partition is no longer assigned to this sink."""
        return self._lost.is_set()

    def lose(self) -> None:
        """End the lease: no further insert begins under it."""
        self._lost.set()

    def lease_expiry_check(self, clock: "ClickHouseClock") -> str:
        """Return the SQL condition that throws once the lease is over.

        Args:
            clock: Converts this process's time to ClickHouse's.

        Raises:
            LeaseLostError: The partition is no longer assigned to this sink.
            LeaseExpiredError: The lease is over.
        """
        if self.lost:
            raise LeaseLostError("the partition was given to another sink")
        if time.monotonic() >= self._until:
            raise LeaseExpiredError("the claim is too old to insert under")
        return lease_expiry_check(int(self._until + clock.ahead()))


class ClickHouseClock:
    """Offset of ClickHouse's clock to this process's. It is measured once, and again after an early expiry."""

    def __init__(self, client: ClickHouseClient) -> None:
        self._client = client
        self._ahead: float | None = None

    def ahead(self) -> float:
        """Return the seconds by which ClickHouse's clock is ahead of `time.monotonic`."""
        if self._ahead is None:
            self._ahead = self._client.seconds_ahead()
        return self._ahead

    def forget(self) -> None:
        """Measure again at the next call."""
        self._ahead = None
