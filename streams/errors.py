"""What can go wrong in this package, split by what the caller does next.

`KafkaDownError`, `StopError`: stop the process and say the one line. `DeliveryError`: nothing may be
committed; the same batch again. `RuleFaultError`: stop this topic, commit nothing of the batch, go on with the
others. `RefusedEventError`: this one event cannot be sent; dead-letter what it came from.
`SubjectForgottenError`: the person was erased; do not write about them. `DeclarationError`: the code of a
domain is wrong; mend it.
"""


class StreamsError(Exception):
    """Root of every error of this package."""


class KafkaDownError(StreamsError):
    """Kafka does not answer at all; names the address and what to do."""

    def __init__(self, address: str, waited_s: float, detail: str = "") -> None:
        self.address = address
        reason = f" ({detail})" if detail else ""
        super().__init__(
            f"Kafka at {address} did not answer within {waited_s:g} s{reason}: start it with `city up`,"
            " or name a running one with `--kafka`"
        )


class DeliveryError(StreamsError):
    """Kafka did not take records that were handed to it; whatever they came from must not be committed."""

    def __init__(self, topic: str, reason: str, *, failed: int = 1) -> None:
        self.topic = topic
        self.reason = reason
        self.failed = failed
        records = "a record was" if failed == 1 else f"{failed} records were"
        super().__init__(f"{topic}: {records} not delivered: {reason}")


class RefusedEventError(StreamsError):
    """An event that the one door does not let through: unknown topic, wrong field, too large."""

    def __init__(self, topic: str, reason: str) -> None:
        self.topic = topic
        self.reason = reason
        super().__init__(f"{topic}: {reason}")


class RuleFaultError(StreamsError):
    """A rule refuses so many records that the rule is at fault: its topic stops, the other topics go on."""


class StopError(StreamsError):
    """The process cannot go on and must end with this one line."""


class DeclarationError(StreamsError):
    """A domain's `agents.py` declares what the catalogue does not have, or a rule name without a version."""


class SubjectForgottenError(StreamsError):
    """The key of this subject was erased: nothing of theirs is written or read any more."""

    def __init__(self) -> None:
        super().__init__("this subject was forgotten: their key is erased")


class PersonalFieldError(StreamsError):
    """An encrypted field is not what `field_encryption` writes, or belongs to another event, field or key."""


class SourceKeyError(StreamsError):
    """A source's key, its did:key, or its key file cannot be used."""


class SourceSignatureError(StreamsError):
    """A header `signature` or `sequence` is malformed, or a signature does not fit its record."""


class RecordingError(StreamsError):
    """A recording that was named cannot be replayed: missing, unreadable, damaged or of no known format."""


class UnknownFormatError(RecordingError):
    """A file that was named is of no format that a domain reads, or the format that was named is none."""


class ReplayInterruptedError(StreamsError):
    """A replay could not go on; what Kafka confirmed is kept, and the next start goes on behind it."""
