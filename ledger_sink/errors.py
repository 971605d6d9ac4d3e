"""Every error of the running ledger, classified by what the caller does next.

- `RetryError`: nothing is lost; try again later.
- `LogStoppedError`: this log stops and reports the reason; the others go on.
- `StoreError`: the store itself fails (full, read-only, defective device). Nothing is published before it is
  durable.
- `RefusedError`: the request cannot be served; the message names the next step.
- `SetupError`: the process cannot start with its configuration.

Errors of the format (`format.errors`) belong to a layer below. Code that reads from a store turns them into these.
"""

from __future__ import annotations


class LedgerError(Exception):
    """Base class of all errors of the running ledger."""


class RetryError(LedgerError):
    """A peer does not answer as agreed at the moment. State is unchanged; try again later."""


class SignerUnavailableError(RetryError):
    """The signer cannot be reached or does not answer in time."""


class WitnessUnavailableError(RetryError):
    """A witness cannot be reached or does not answer in time."""


class AnchorUnavailableError(RetryError):
    """An anchoring service cannot be reached, does not answer in time, or gives an invalid answer."""


class NodeRefusedError(AnchorUnavailableError):
    """An EVM node answered a call with an error of its own."""


class AnchorLostError(RetryError):
    """An anchoring service has lost a submission: submit it again."""


class KafkaUnavailableError(RetryError):
    """Kafka does not answer a request about a topic in time."""


class ClockSteppedBackError(RetryError):
    """The clock shows an earlier time than the previous block. Wait until it has caught up."""


class ClockDoubtedError(RetryError):
    """The clock's time may not go into a block now. Wait, or set the clock right."""


class LogStoppedError(LedgerError):
    """One log cannot go on and stops. The others are not affected."""


class DamagedStateError(LogStoppedError):
    """A state file does not hold what was written to it."""


class DamagedLogError(LogStoppedError):
    """Tiles, entry bundles or checkpoint do not fit the committed state."""


class TopicReplacedError(LogStoppedError):
    """The topic's id differs from the one that this log was started for."""


class OffsetPastEndError(LogStoppedError):
    """The next offset to seal lies past the end of the topic-partition: Kafka lost records."""


class RecordRefusedError(LogStoppedError):
    """A record has no canonical form, so it has no leaf."""


class SignatureRefusedError(LogStoppedError):
    """The signer refuses a checkpoint: it contradicts what it signed before."""


class CheckpointRefusedError(LogStoppedError):
    """The city log refuses a partition checkpoint: bad signature or not consistent."""


class StoreError(LedgerError):
    """The store failed to make a write durable. No file of that write may be relied on."""


class MissingFileError(StoreError):
    """The store holds no file of this name."""


class StoreFullError(StoreError):
    """No space is left where the ledger is kept."""


class StoreReadOnlyError(StoreError):
    """The ledger's directory may not be written."""


class LockHeldError(LedgerError):
    """Another process holds the writer lock of this log."""


class SetupError(LedgerError):
    """The process cannot start with these settings or key files."""


class RefusedError(LedgerError):
    """A request cannot be served."""


class NotSealedError(RefusedError):
    """The record is not in its log."""


class NotCoveredYetError(RefusedError):
    """The record is sealed, but no cosigned city checkpoint covers it yet."""
