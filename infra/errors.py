"""What an operator is told when something cannot go on: one line, and what to do.

Each error carries the exit code of the command that meets it: 2 for what the caller can mend
(a port, a file, an option), 1 for a stack that was running and failed.
"""

from __future__ import annotations


class CityError(Exception):
    """An operator's mistake or a missing part: one clear line, exit code 2."""

    exit_code = 2


class SettingsError(CityError):
    """A setting or option has a value that cannot be used."""


class PortInUseError(CityError):
    """A port that the stack needs is taken by somebody else."""


class DataDirectoryError(CityError):
    """The data directory is in use by another stack, or cannot be written."""


class DomainError(CityError):
    """A new domain cannot be laid under this name, or here."""


class StackError(CityError):
    """A process of the running stack ended or did not come up."""

    exit_code = 1


def known_errors() -> tuple[type[Exception], ...]:
    """Return the roots of the errors that every layer tells in one line."""
    from dashboards.errors import PushError
    from infra.clickhouse.errors import MigrationError, ServerError
    from infra.kafka.errors import KafkaSetupError
    from ledger_sink.errors import LedgerError
    from ledger_sink.format import FormatError
    from schemas.errors import SchemaError
    from streams.errors import StreamsError

    return (
        CityError,
        ServerError,
        MigrationError,
        KafkaSetupError,
        LedgerError,
        FormatError,
        SchemaError,
        StreamsError,
        PushError,
    )


def exit_code_of(error: Exception) -> int:
    """Return the exit code for an error of any layer: 1 where a running part failed, 2 where the caller can mend."""
    from streams.errors import DeliveryError, KafkaDownError, ReplayInterruptedError

    if isinstance(error, CityError):
        return error.exit_code
    return 1 if isinstance(error, DeliveryError | KafkaDownError | ReplayInterruptedError) else 2
