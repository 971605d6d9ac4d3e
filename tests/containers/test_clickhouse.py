"""ClickHouse's image alone, by testcontainers: the official one where it is named, else ours."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING, Any

import clickhouse_connect
import pytest

from infra.ports import free_port
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def engine(images: dict[str, str]) -> Iterator[tuple[Any, int]]:
    """A container that answers ClickHouse's HTTP interface, and its port on the loopback."""
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.core.container import DockerContainer

    port = free_port()
    container = (
        DockerContainer(images["clickhouse"])
        .with_name(f"city-clickhouse-{secrets.token_hex(4)}")
        .with_envs(CITY_CLICKHOUSE="http://city:correct-horse@localhost:8123")
        .with_envs(CLICKHOUSE_USER="city", CLICKHOUSE_PASSWORD="correct-horse")
    )
    container.ports[8123] = ("127.0.0.1", port)
    with container:
        yield container, port


def client(port: int) -> Any:
    """Connect, waiting for the engine to open."""

    def opened() -> Any:
        with contextlib.suppress(Exception):
            return clickhouse_connect.get_client(
                host="127.0.0.1", port=port, username="city", password="correct-horse"
            )

    return eventually(opened, "the engine opens", within_s=60, every_s=0.3)


def test_clickhouse_container_keeps_rows_over_a_kill(engine: tuple[Any, int]) -> None:
    """An acknowledged insert is there after `docker kill` and `docker start`."""
    container, port = engine
    first = client(port)
    first.command("CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n")
    first.insert("kept", [[n] for n in range(1000)], column_names=["n"])
    wrapped = container.get_wrapped_container()
    wrapped.kill()
    wrapped.start()
    assert client(port).query("SELECT count(), sum(n) FROM kept").result_rows == [(1000, 499_500)]


def test_clickhouse_container_refuses_a_wrong_password(engine: tuple[Any, int]) -> None:
    """Who does not know the password is refused."""
    _, port = engine
    client(port)
    with pytest.raises(clickhouse_connect.driver.exceptions.DatabaseError, match=r"516|AUTHENTICATION|401"):
        clickhouse_connect.get_client(host="127.0.0.1", port=port, username="city", password="wrong")
