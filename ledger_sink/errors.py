"""Every error of the running ledger, split by what the caller does next.

`RetryError`: nothing is lost, try again later. `LogStoppedError`: this log stops and says why, the others
go on. `StoreError`: the store itself fails (full, read-only, broken device); nothing that was not durable
has been shown. `RefusedError`: what was asked for cannot be had, and the message tells the next step.
`SetupError`: the process cannot start as it is configured. The format's own errors (`format.errors`)
stay below: whoever reads bytes from a store turns them into one of these.
"""

from __future__ import annotations


class LedgerError(Exception):
    """Root of all errors of the running ledger."""


class RetryError(LedgerError):
    """A peer does not answer as it should just now; state is unchanged, try again later."""


class SignerUnavailableError(RetryError):
    """The signer cannot be reached or does not answer in time."""


class WitnessUnavailableError(RetryError):
    """A witness cannot be reached or does not answer in time."""


class AnchorUnavailableError(RetryError):
    """An anchoring service cannot be reached, does not answer in time, or answers what is no good."""


class NodeRefusedError(AnchorUnavailableError):
    """An EVM node answered a call with an error of its own."""


class AnchorLostError(RetryError):
    """What was submitted to an anchoring service is gone there: submit it again."""


class KafkaUnavailableError(RetryError):
    """Kafka does not answer a question about a topic just now."""


class ClockSteppedBackError(RetryError):
    """The clock shows an earlier time than the previous block; wait until it has caught up."""


class LogStoppedError(LedgerError):
    """One log cannot go on and stops; the others are not touched."""


class DamagedStateError(LogStoppedError):
    """A state file does not hold what was written to it."""


class DamagedLogError(LogStoppedError):
    """Tiles, entry bundles or checkpoint do not fit the committed state."""


class TopicReplacedError(LogStoppedError):
    """The topic's id is another than the one this log was started for."""


class OffsetPastEndError(LogStoppedError):
    """The next offset to seal lies past the end of the topic-partition: Kafka lost records."""


class RecordRefusedError(LogStoppedError):
    """A record has properties that no leaf can be made of."""


class SignatureRefusedError(LogStoppedError):
    """The signer refuses a checkpoint: it contradicts what it signed before."""


class CheckpointRefusedError(LogStoppedError):
    """The city log refuses a partition checkpoint: bad signature or not consistent."""


class StoreError(LedgerError):
    """The store did not make something durable; nothing of it counts."""


class MissingFileError(StoreError):
    """The store holds no file of this name."""


class StoreFullError(StoreError):
    """No space is left where the ledger is kept."""


class StoreReadOnlyError(StoreError):
    """The ledger's directory may not be written."""


class LockHeldError(LedgerError):
    """Another process is the one writer of this log."""


class SetupError(LedgerError):
    """The process cannot start with these settings or key files."""


class RefusedError(LedgerError):
    """What was asked for cannot be given."""


class NotSealedError(RefusedError):
    """The record is not in its log."""


class NotCoveredYetError(RefusedError):
    """The record is sealed, but no cosigned city checkpoint covers it yet."""
