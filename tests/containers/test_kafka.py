"""Kafka's image alone, by testcontainers: it answers through a published port and keeps what it acknowledged."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from infra.kafka.access import ensure_user, settle_grants
from infra.kafka.admin import cluster_id, connect
from infra.kafka.ports import free_ports
from streams.subscriber import Connection
from tests.harness.waiting import eventually
from tests.infra.kafka.clients import create_topic, produce, read, subscribe_error

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]
VALUES = [b"%d" % number for number in range(300)]


@dataclass(frozen=True)
class KafkaContainer:
    """A running broker in a container."""

    container: Any
    bootstrap: str
    sasl: str

    def wait_ready(self) -> None:
        """Wait until it answers its clients."""
        admin = connect(self.bootstrap)
        eventually(
            lambda: cluster_id(admin, timeout_s=2.0), self.container.get_logs, within_s=60, every_s=0.2
        )


@contextmanager
def kafka_container(image: str, with_space: str | None = None) -> Iterator[KafkaContainer]:
    """Kafka on the bridge network with two ports published on the loopback."""
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")  # its image cannot be had everywhere
    from testcontainers.core.container import DockerContainer

    ports = free_ports()
    bootstrap, sasl = f"127.0.0.1:{ports.kafka}", f"127.0.0.1:{ports.sasl}"
    words = ["--listen=0.0.0.0", f"--port={ports.kafka}", f"--sasl-port={ports.sasl}"]
    container = (
        DockerContainer(image)
        .with_name(f"city-kafka-{secrets.token_hex(4)}")
        .with_command([*words, f"--advertise={bootstrap}", f"--advertise-sasl={sasl}"])
    )
    for port in (ports.kafka, ports.sasl):
        container.ports[port] = ("127.0.0.1", port)
    if with_space:
        container.with_tmpfs_mount("/data", with_space)
    with container:
        running = KafkaContainer(container, bootstrap, sasl)
        running.wait_ready()
        yield running


@pytest.fixture(scope="module")
def broker(images: dict[str, str]) -> Iterator[KafkaContainer]:
    """The container that the tests share."""
    with kafka_container(images["kafka"]) as running:
        yield running


def test_kafka_container_answers_through_a_published_port(broker: KafkaContainer) -> None:
    """What is produced from the host is consumed from the host."""
    create_topic(broker.bootstrap, "plain")
    assert produce({"bootstrap.servers": broker.bootstrap}, "plain", VALUES) == []
    assert read({"bootstrap.servers": broker.bootstrap}, "plain", len(VALUES)) == VALUES


def test_kafka_container_refuses_a_subscriber_what_was_not_granted(broker: KafkaContainer) -> None:
    """The SASL listener is published too, and denies by default."""
    for topic in ("granted", "denied"):
        create_topic(broker.bootstrap, topic)
        assert produce({"bootstrap.servers": broker.bootstrap}, topic, [b"x"]) == []
    admin = connect(broker.bootstrap)
    ensure_user(admin, "erin", "correct horse")
    settle_grants(admin, "erin", ["granted"])
    settings = {**Connection(broker.sasl, "erin", "correct horse").settings(), "group.id": "erin.one"}
    assert subscribe_error(settings, "granted") == "none"
    assert subscribe_error(settings, "denied") == "TOPIC_AUTHORIZATION_FAILED"


def test_killed_kafka_container_keeps_what_it_acknowledged(broker: KafkaContainer) -> None:
    """`docker kill` and `docker start` lose no record."""
    create_topic(broker.bootstrap, "kept")
    assert produce({"bootstrap.servers": broker.bootstrap}, "kept", VALUES) == []
    container = broker.container.get_wrapped_container()
    container.kill()
    container.start()
    broker.wait_ready()
    assert read({"bootstrap.servers": broker.bootstrap}, "kept", len(VALUES)) == VALUES


def test_full_disk_stops_the_broker_with_its_reason(images: dict[str, str]) -> None:
    """With no space left nothing is acknowledged, and the broker ends and says which directory failed."""
    with kafka_container(images["kafka"], with_space="size=300m,uid=10001") as broker:
        create_topic(broker.bootstrap, "full")
        container = broker.container.get_wrapped_container()
        container.exec_run("sh -c 'cat /dev/zero > /data/fill'")
        settings = {"bootstrap.servers": broker.bootstrap, "message.timeout.ms": "4000"}
        assert set(produce(settings, "full", [os.urandom(100_000) for _ in range(20)])) == {"_MSG_TIMED_OUT"}
        assert container.wait(timeout=30)["StatusCode"] == 1
        last = container.logs().decode().strip().splitlines()[-1]
        assert "all log dirs in /data/kafka/log have failed" in last
