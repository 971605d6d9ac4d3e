"""Errors of the sink, grouped by what the caller does next.

- `ClickHouseDownError`, `ClickHouseRefusedError`: retry the same batch later.
- `LeaseExpiredError`: commit the claim again, then retry.
- `LeaseLostError`: abandon the batch. Another sink has the partition.
- `SinkStopError`: stop the process and print the message.
"""

from streams.errors import StopError, StreamsError


class SinkError(StreamsError):
    """Root of the sink's errors."""


class ClickHouseDownError(SinkError):
    """ClickHouse does not answer. The outcome of the last request is unknown."""

    def __init__(self, url: str, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"ClickHouse at {url} does not answer ({reason}): records wait in Kafka until it does"
        )


class ClickHouseRefusedError(SinkError):
    """ClickHouse answered with an error. Nothing was stored."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(f"ClickHouse error {code}: {' '.join(text.split())[:400]}")


class LeaseLostError(SinkError):
    """The partition was given to another sink, which finishes the claim."""


class LeaseExpiredError(SinkError):
    """The lease is over. The claim has to be committed again before an insert."""


class SinkStopError(SinkError, StopError):
    """The sink cannot go on. The message is one line for the operator."""
