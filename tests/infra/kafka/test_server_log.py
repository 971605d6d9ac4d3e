"""What the broker's last log lines tell the one who started it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.kafka.errors import (
    BrokerStoppedError,
    DataInUseError,
    DiskFullError,
    KafkaSetupError,
    PortInUseError,
)
from infra.kafka.server_log import log_size, why_stopped

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("logged", "kind", "told"),
    [
        ("java.io.IOException: No space left on device", DiskFullError, "no room left"),
        ("java.net.BindException: Address already in use", PortInUseError, "was taken"),
        ("Failed to acquire lock on file .lock in /x", DataInUseError, "another Kafka works"),
        (
            "ERROR Exiting (kafka.Kafka$)\norg.apache.kafka.common.config.ConfigException: no such setting",
            BrokerStoppedError,
            "ConfigException: no such setting",
        ),
        ("[2026-01-01 00:00:00,000] ERROR halting (kafka.Kafka$)", BrokerStoppedError, "halting"),
        ("", BrokerStoppedError, "no reason"),
    ],
)
def test_cause_in_the_log_becomes_one_line(
    tmp_path: Path, logged: str, kind: type[KafkaSetupError], told: str
) -> None:
    """Each known cause has its own error and every other is told as Kafka wrote it."""
    log_file = tmp_path / "server.log"
    log_file.write_text(logged)
    error = why_stopped(log_file)
    assert type(error) is kind
    assert told in str(error)
    assert "\n" not in str(error)


def test_causes_of_past_runs_do_not_count(tmp_path: Path) -> None:
    """Only what was logged since this start is read."""
    log_file = tmp_path / "server.log"
    log_file.write_text("java.io.IOException: No space left on device\n")
    since = log_size(log_file)
    assert type(why_stopped(log_file, since)) is BrokerStoppedError


def test_missing_log_is_no_error_of_its_own(tmp_path: Path) -> None:
    """A broker that ended before it logged anything is told as that."""
    assert "no reason" in str(why_stopped(tmp_path / "none"))
