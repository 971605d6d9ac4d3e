"""The errors of all layers that a command or process reports in one line, and their exit codes."""

from __future__ import annotations

from infra.errors import CityError


def known_errors() -> tuple[type[Exception], ...]:
    """Return the root classes of the errors that are reported in one line, of every layer."""
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
    """Return the exit code for an error of any layer: 1 if a running part failed, 2 if the caller can correct it."""
    from streams.errors import DeliveryError, KafkaDownError, ReplayInterruptedError

    if isinstance(error, CityError):
        return error.exit_code
    return 1 if isinstance(error, DeliveryError | KafkaDownError | ReplayInterruptedError) else 2
