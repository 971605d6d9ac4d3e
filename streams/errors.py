"""Errors of this package, split by what the caller does next.

- `KafkaDownError`, `StopError`: print the one line and end the process.
- `DeliveryError`: commit nothing and run the same batch again.
- `RuleFaultError`: stop this topic, commit nothing of the batch, continue with the other topics.
- `RefusedEventError`: this event cannot be sent; dead-letter its input.
- `SubjectForgottenError`: the person was erased; write nothing about them.
- `DeclarationError`: correct the code of the domain.
"""


class StreamsError(Exception):
    """Base of every error of this package."""


class KafkaDownError(StreamsError):
    """Kafka does not answer. The message names the address and what to do."""

    def __init__(self, address: str, waited_s: float, detail: str = "") -> None:
        self.address = address
        reason = f" ({detail})" if detail else ""
        super().__init__(
            f"Kafka at {address} did not answer within {waited_s:g} s{reason}: start it with `city up`,"
            " or name a running one with `--kafka`"
        )


class DeliveryError(StreamsError):
    """Kafka did not accept records. Their inputs must not be committed."""

    def __init__(self, topic: str, reason: str, *, failed: int = 1) -> None:
        self.topic = topic
        self.reason = reason
        self.failed = failed
        records = "a record was" if failed == 1 else f"{failed} records were"
        super().__init__(f"{topic}: {records} not delivered: {reason}")


class RefusedEventError(StreamsError):
    """The event producer refuses an event: unknown topic, wrong field, too large."""

    def __init__(self, topic: str, reason: str) -> None:
        self.topic = topic
        self.reason = reason
        super().__init__(f"{topic}: {reason}")


class RuleFaultError(StreamsError):
    """A rule reached its refusal limit. Its topic stops; the other topics continue."""


class StopError(StreamsError):
    """The process cannot continue and must end with this one line."""


class DeclarationError(StreamsError):
    """A domain's `agents.py` declares what the catalogue does not have, or a rule name without a version."""


class SubjectForgottenError(StreamsError):
    """The key of this person was erased. None of their values is written or read any more."""

    def __init__(self) -> None:
        super().__init__("this subject was forgotten: their key is erased")


class PersonalFieldError(StreamsError):
    """An encrypted field is not what `field_encryption` writes, or belongs to another event, field or key."""


class SourceKeyError(StreamsError):
    """A source's key, its did:key, or its key file cannot be used."""


class SourceSignatureError(StreamsError):
    """A header `signature` or `sequence` is malformed, or a signature does not fit its record."""


class RecordingError(StreamsError):
    """A named recording cannot be replayed: missing, unreadable, damaged or of no known format."""


class UnknownFormatError(RecordingError):
    """A named file has no format that a domain reads, or the named format does not exist."""


class MendError(StreamsError):
    """A dead letter cannot be mended with this file. Nothing was sent."""


class ReplayInterruptedError(StreamsError):
    """A replay cannot continue. Confirmed records are kept, and the next start continues behind them."""
