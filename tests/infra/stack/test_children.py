"""A child that ends while the stack starts is named at once, with its own error line and what to do."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

import pytest

from infra.errors import StackError
from infra.kafka import server_log
from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.errors import PortInUseError
from infra.ports import free_port
from infra.process.supervisor import Supervisor
from infra.settings import Ports, Settings
from infra.stack.stack import Stack
from schemas.catalog import load_catalog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOON_S = 10.0
"""Far less than the minute after which a part that does not answer has failed."""
LEAVES = "import sys; print('ERROR the disk is on fire'); print('bye'); sys.exit(3)"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack of which nothing has started."""
    supervisor = Supervisor(tmp_path)
    supervisor.take()
    ports: list[int] = []
    for _ in Ports.names():
        ports.append(free_port(ports))
    settings = Settings(data=tmp_path, ports=Ports(**dict(zip(Ports.names(), ports, strict=True))))
    yield Stack(settings, load_catalog(), supervisor, supervisor.check, say=lambda _: None)
    supervisor.stop()
    supervisor.release()


def use(monkeypatch: pytest.MonkeyPatch, role: str, code: str) -> None:
    """Put a program in place of a role's process, as an operator does."""
    command = shlex.join([sys.executable, "-c", code])
    monkeypatch.setenv(f"CITY_COMMAND_{role.upper()}", command)


@pytest.mark.parametrize("role", ["clickhouse", "signer", "witness", "web"])
def test_a_child_that_ends_is_named_with_its_error_line(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    """Its name, how it ended, the line that reports the error, its log, and that nothing is lost."""
    use(monkeypatch, role, LEAVES)
    began = time.monotonic()
    stack._start(role)
    with pytest.raises(StackError) as found:
        stack._await_http(role, f"http://127.0.0.1:{free_port()}/")
    assert time.monotonic() - began < SOON_S
    line = str(found.value)
    assert line.startswith(f"{role} ended with 3: ERROR the disk is on fire (log: ")
    assert line.endswith("nothing is lost")
    assert "start again with `city up --data" in line


def test_a_program_in_place_of_kafka_is_run_and_named(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """`CITY_COMMAND_KAFKA` takes the broker's place; where it ends, its own words are told."""
    use(monkeypatch, "kafka", LEAVES)
    monkeypatch.setattr(EmbeddedKafka, "prepare", lambda _: None)
    monkeypatch.setattr(EmbeddedKafka, "lacks_cache", property(lambda _: False))
    monkeypatch.setattr(EmbeddedKafka, "environment", lambda _: {})
    kafka = stack._start_kafka()
    assert kafka is not None
    with pytest.raises(StackError, match=r"^kafka ended with 3: ERROR the disk is on fire"):
        kafka.wait_ready(SOON_S, alive=stack._broker_lives)


def test_a_killed_worker_says_that_nothing_is_lost(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of the signal, with the command that starts all again."""
    use(monkeypatch, "worker", "import time; print('working', flush=True); time.sleep(60)")
    child = stack._start("worker", name="worker-0")
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.wait(SOON_S)
    line = stack.exit_message(child)
    assert line.startswith("worker-0 was ended by signal 9 (SIGKILL): ")
    assert "start again with `city up --data" in line
    assert "nothing is lost" in line


@pytest.mark.parametrize("role", ["signer", "witness", "web", "clickhouse"])
def test_a_port_taken_since_it_was_chosen_is_named(stack: Stack, role: str) -> None:
    """The line names the port, at once, though the program that took it answers like a server."""
    port = getattr(stack.settings.ports, role)
    with socket.create_server(("127.0.0.1", port)):
        stack._start(role)
        with pytest.raises(
            StackError, match=rf"^{role} ended with 2: .*127\.0\.0\.1:{port}.*choose another port"
        ):
            stack._supervisor.wait_until(role, lambda: False, 30)


@pytest.mark.parametrize("listener", ["SASL", "CONTROLLER"])
def test_a_port_that_the_broker_cannot_bind_is_named(tmp_path: Path, listener: str) -> None:
    """Kafka's own log has it; the line says what to do."""
    log = tmp_path / "server.log"
    log.write_text(
        f"[2026-12-01 00:00:00,000] ERROR Unable to open {listener} (kafka.network.SocketServer)\n"
        "org.apache.kafka.common.KafkaException: Socket server failed to bind to 127.0.0.1:19093: Address already in "
        "use.\nCaused by: java.net.BindException: Address already in use\n"
    )
    error = server_log.why_stopped(log)
    assert isinstance(error, PortInUseError)
    assert "port 19093 was taken by another program" in str(error)
    assert "--ports" in str(error)
