"""What can go wrong in the sinks, split by what the caller does next.

`ClickHouseDownError`, `ClickHouseRefusedError`: the same batch again, later. `LeaseExpiredError`: claim it anew
first. `LeaseLostError`: let go, another sink has the partition. `SinkStopError`: stop the process and say
the one line.
"""

from streams.errors import StopError, StreamsError


class SinkError(StreamsError):
    """Root of the sinks' own errors."""


class ClickHouseDownError(SinkError):
    """ClickHouse does not answer; nothing is known about what was asked last."""

    def __init__(self, url: str, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"ClickHouse at {url} does not answer ({reason}): records wait in Kafka until it does"
        )


class ClickHouseRefusedError(SinkError):
    """ClickHouse answered with an error; nothing was stored."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(f"ClickHouse error {code}: {' '.join(text.split())[:400]}")


class LeaseLostError(SinkError):
    """The partition was given to another sink; what is claimed is theirs to finish."""


class LeaseExpiredError(SinkError):
    """Too much time went by since the claim was committed; it has to be committed again before an insert."""


class SinkStopError(SinkError, StopError):
    """The sink cannot go on; the message is the one line to say."""
