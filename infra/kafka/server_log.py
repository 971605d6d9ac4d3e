"""The broker's own log: its configuration, and the reason for a failed start from its last lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from infra.kafka.errors import (
    BrokerStoppedError,
    DataInUseError,
    DiskFullError,
    KafkaSetupError,
    PortInUseError,
)
from infra.kafka.lock import in_use
from infra.process.disk_space import ADVICE
from ledger_sink.regular_file import open_regular

if TYPE_CHECKING:
    from pathlib import Path

_TAIL_BYTES = 256 * 1024
_FAULT = re.compile(r"^\[\S+ \S+\] (?:ERROR|FATAL) (?P<text>.*)$", re.MULTILINE)
_BIND = re.compile(r"failed to bind to \S*?:(\d+)")
"""Kafka's words about a listener that it cannot open (`kafka.network.SocketServer`)."""
_CAUSE = re.compile(
    r"^(?:Caused by: )?(?:[a-z]\w*\.)+(?P<name>[A-Z]\w*(?:Exception|Error)): (?P<text>.+)$", re.MULTILINE
)


def log4j2_properties(log_file: Path) -> str:
    """Return a log4j2 configuration that writes warnings to `log_file`, at most three times 5 MB."""
    name = str(log_file).replace("\\", "\\\\")
    lines = {
        "status": "error",
        "appender.file.type": "RollingFile",
        "appender.file.name": "file",
        "appender.file.fileName": name,
        "appender.file.filePattern": f"{name}.%i",
        "appender.file.layout.type": "PatternLayout",
        "appender.file.layout.pattern": "[%d] %p %m (%c)%n",
        "appender.file.policies.type": "Policies",
        "appender.file.policies.size.type": "SizeBasedTriggeringPolicy",
        "appender.file.policies.size.size": "5MB",
        "appender.file.strategy.type": "DefaultRolloverStrategy",
        "appender.file.strategy.max": "2",
        # Errors also go to the process's output, one line each, for its supervisor.
        "appender.output.type": "Console",
        "appender.output.name": "output",
        "appender.output.layout.type": "PatternLayout",
        "appender.output.layout.pattern": "%p %m%n",
        "appender.output.layout.alwaysWriteExceptions": "false",
        "appender.output.filter.threshold.type": "ThresholdFilter",
        "appender.output.filter.threshold.level": "error",
        "rootLogger.level": "warn",
        "rootLogger.appenderRef.file.ref": "file",
        "rootLogger.appenderRef.output.ref": "output",
    }
    return "".join(f"{key}={value}\n" for key, value in lines.items())


def log_size(log_file: Path) -> int:
    """Return the log's length in bytes; what comes after it belongs to the next run."""
    return log_file.stat().st_size if log_file.exists() else 0


def why_stopped(log_file: Path, since: int = 0) -> KafkaSetupError:
    """Return the error that reports why the broker ended, according to its log.

    Args:
        log_file: The broker's log.
        since: Byte at which this run's part of the log begins.
    """
    text = _tail(log_file, since)
    if "No space left on device" in text or "Disk quota exceeded" in text:
        return DiskFullError(f"Kafka stopped: no room left at {log_file.parent}; {ADVICE}")
    if "Address already in use" in text:
        bound = _BIND.findall(text)
        which = f"port {bound[-1]}" if bound else "one of its ports"
        return PortInUseError(
            f"Kafka stopped: {which} was taken by another program while it started; start again, or choose "
            f"another with --ports ({log_file})"
        )
    if "Failed to acquire lock on file" in text:
        return DataInUseError(in_use(log_file.parent))
    found = _CAUSE.findall(text) or [("", fault) for fault in _FAULT.findall(text)]
    reason = ": ".join(part for part in found[-1] if part) if found else "it logged no reason"
    return BrokerStoppedError(f"Kafka stopped before it was ready: {reason} ({log_file})")


def _tail(log_file: Path, since: int) -> str:
    try:
        with open_regular(log_file) as file:
            size = file.seek(0, 2)
            start = since if since <= size else 0  # rolled over meanwhile
            file.seek(max(start, size - _TAIL_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
