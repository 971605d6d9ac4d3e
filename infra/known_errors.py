"""The errors of all layers that a command or process reports in one line, and their exit codes."""

from __future__ import annotations

from infra.errors import CityError


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
