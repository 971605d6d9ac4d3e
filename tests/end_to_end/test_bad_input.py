"""Bad input is one clear line that says what to do; nothing is lost."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.harness.city import City


def error_line(text: str) -> str:
    """Return the line that tells the error."""
    return next(line for line in reversed(text.splitlines()) if line.startswith("city:"))


def test_a_port_in_use_is_named_with_the_way_out(make_city: Callable[..., City]) -> None:
    """Exit 2, the port, and the option that chooses another."""
    city = make_city()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", city.ports["clickhouse"]))
        taken.listen()
        run = city.up_once()
    assert run.returncode == 2
    line = error_line(run.stderr)
    assert str(city.ports["clickhouse"]) in line
    assert "--ports" in line


def test_a_kafka_that_does_not_answer_is_one_line(make_city: Callable[..., City]) -> None:
    """`--kafka` at a closed port: exit 2, the address, nothing left behind."""
    city = make_city()
    run = city.up_once("--kafka", "127.0.0.1:9", "--no-shift-to-now")
    assert run.returncode == 2
    assert "127.0.0.1:9 does not answer" in error_line(run.stderr)
    assert "Traceback" not in run.stderr
    assert set(city.pids()) <= {"parent"}


def test_a_data_directory_in_use_is_refused(make_city: Callable[..., City]) -> None:
    """A second stack over the same directory ends with one line."""
    import fcntl

    city = make_city()
    (city.data / "run").mkdir(parents=True)
    with (city.data / "run" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run = city.up_once()
    assert run.returncode == 2
    assert "in use by another running stack" in error_line(run.stderr)
