"""`python -m infra.kafka.serve`: the broker in the foreground, as its image runs it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

from infra.kafka.admin import cluster_id, connect
from infra.kafka.ports import free_ports
from tests.harness.waiting import eventually

ROOT = Path(__file__).parents[3]


def serve(data: Path, *words: str) -> subprocess.Popen[str]:
    """Start the program."""
    command = [sys.executable, "-m", "infra.kafka.serve", "--data", str(data), *words]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def port_words(port: int | None = None) -> tuple[str, ...]:
    """Return free ports as options, the first one replaced by `port`."""
    free = free_ports()
    numbers = (port or free.kafka, free.sasl, free.controller)
    options = zip(("--port", "--sasl-port", "--controller-port"), numbers, strict=True)
    return tuple(f"{option}={number}" for option, number in options)


def test_program_becomes_the_broker_and_ends_with_a_signal(tmp_path: Path) -> None:
    """It answers on its port, and SIGTERM to the very process ends the broker within ten seconds."""
    words = port_words()
    process = serve(tmp_path, *words)
    try:
        admin = connect(f"127.0.0.1:{words[0].partition('=')[2]}")

        def answers() -> bool:
            assert process.poll() is None
            return cluster_id(admin, timeout_s=1) is not None

        eventually(answers, "the broker answers")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.communicate()


def test_program_that_cannot_start_says_why_in_one_line(tmp_path: Path) -> None:
    """A taken port: exit code 2 and one line, no traceback."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        process = serve(tmp_path, *port_words(other.getsockname()[1]))
        _, told = process.communicate(timeout=30)
    assert process.returncode == 2
    assert told.startswith("kafka: Kafka's kafka port 127.0.0.1:")
    assert told.count("\n") == 1
