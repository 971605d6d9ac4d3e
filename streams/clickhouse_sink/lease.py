"""A lease: for how long a committed claim entitles this sink to insert, and whether it still does.

The fence against a sink that was stopped in the middle and continues (docs/delivery.md#fences): Kafka refuses its
commits, but an insert that it was about to send would still arrive. So the statement itself carries the end of the
lease, in ClickHouse's own time, and throws after it. Until then the deduplication window holds the token, and a
late insert is a repeat.
"""

import threading
import time

from streams.clickhouse_sink.client import ClickHouseClient
from streams.clickhouse_sink.errors import LeaseExpiredError, LeaseLostError
from streams.clickhouse_sink.insert_sql import lease_expiry_check


class Lease:
    """Begins when the claim's commit is about to be sent; the sink's main thread may end it at any time."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._lost = threading.Event()

    @property
    def lost(self) -> bool:
        """Whether the partition is no longer ours."""
        return self._lost.is_set()

    def lose(self) -> None:
        """Let go: no insert is begun under this lease any more."""
        self._lost.set()

    def lease_expiry_check(self, clock: "ClickHouseClock") -> str:
        """Write the SQL condition that throws once the lease is over.

        Raises:
            LeaseLostError: It was let go.
            LeaseExpiredError: It is over.
        """
        if self.lost:
            raise LeaseLostError("the partition was given to another sink")
        if time.monotonic() >= self._until:
            raise LeaseExpiredError("the claim is too old to insert under")
        return lease_expiry_check(int(self._until + clock.ahead()))


class ClickHouseClock:
    """ClickHouse's clock against ours, asked once and again when a fence fell too early."""

    def __init__(self, engine: ClickHouseClient) -> None:
        self._engine = engine
        self._ahead: float | None = None

    def ahead(self) -> float:
        """Return how many seconds ClickHouse's clock is ahead of `time.monotonic`."""
        if self._ahead is None:
            self._ahead = self._engine.seconds_ahead()
        return self._ahead

    def forget(self) -> None:
        """Ask again next time."""
        self._ahead = None
