"""Small files of Kafka's log directory: what is damaged is named with what to do, before Kafka sees it."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.errors import DamagedFileError
from infra.kafka.log_files import ANY_ID, METADATA, require_sound
from infra.kafka.ports import free_ports
from tests.harness.broker import RunningKafka
from tests.infra.kafka.clients import create_topic, produce, read

if TYPE_CHECKING:
    from pathlib import Path

ID, OTHER = "nKPAHR50RYSiAzNbvF_E1Q", "uI44mXjiR2240Gv1-Fo_jg"
CHECKPOINT = "0\n3\na 0 50\na 1 50\n__consumer_offsets 0 0\n"
SMALL = {
    "recovery-point-offset-checkpoint": CHECKPOINT,
    "replication-offset-checkpoint": CHECKPOINT,
    "log-start-offset-checkpoint": "0\n0\n",
    "cleaner-offset-checkpoint": "",
    "bootstrap.checkpoint": "\0" * 16 + "\2" + "\0" * 100,
    "__cluster_metadata-0/quorum-state": '{"leaderId":1,"leaderEpoch":1,"data_version":0}',
    "__cluster_metadata-0/partition.metadata": "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ",
    "__cluster_metadata-0/leader-epoch-checkpoint": "0\n1\n1 0\n",
    "a-0/leader-epoch-checkpoint": "0\n2\n0 0\n3 17\n",
}
"""Files that Kafka makes again, in the form in which Kafka 4 wrote them."""
IDENTITY = "#\n#Tue Dec 01 04:07:16 UTC\nnode.id=1\ndirectory.id=1ejyBqGZKKBdsRI1WOZ-nA\nversion=1\ncluster.id=c-_1\n"


@pytest.fixture
def log_dir(tmp_path: Path) -> Path:
    """A log directory of two topics as a broker leaves it."""
    for partition, topic_id in (("a-0", ID), ("a-1", ID), ("b-0", OTHER)):
        folder = tmp_path / partition
        folder.mkdir()
        (folder / METADATA).write_text(f"version: 0\ntopic_id: {topic_id}")
        (folder / f"{0:020}.log").write_bytes(b"records")
    (tmp_path / "meta.properties").write_text(IDENTITY)
    for name, content in SMALL.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return tmp_path


def refusal(log_dir: Path) -> str:
    """Return the line with which a directory is refused."""
    with pytest.raises(DamagedFileError) as error:
        require_sound(log_dir)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_sound_directory_passes_and_so_does_one_whose_small_files_are_gone(log_dir: Path) -> None:
    """Kafka makes them again."""
    require_sound(log_dir)
    for name in SMALL:
        (log_dir / name).unlink()
    require_sound(log_dir)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe garbage", b"0\n7\na 0 50\n", b"{", b"1", b"0\n1\nnot a number\n", b"[" * 100_000, bytes(100)],
    ids=["bytes", "cut", "brace", "version", "words", "nested", "zeros"],
)
def test_a_damaged_small_file_is_named_and_may_be_moved_away(
    log_dir: Path, name: str, content: bytes
) -> None:
    """Whatever stands in it."""
    path = log_dir / name
    path.write_bytes(content)
    line = refusal(log_dir)
    assert str(path) in line
    assert "move it away and start again" in line
    path.unlink()
    require_sound(log_dir)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\0garbage",
        IDENTITY.replace("node.id=1", "").encode(),
        IDENTITY.replace("node.id=1", "node.id=7").encode(),
        IDENTITY.replace("version=1", "version=9").encode(),
        IDENTITY[:60].encode(),
        IDENTITY.encode() + b"x=\\u12\n",
    ],
)
def test_a_damaged_identity_is_named_and_can_be_written_anew(log_dir: Path, content: bytes) -> None:
    """The command in the line makes the directory sound: Kafka serves its records under any cluster id."""
    path = log_dir / "meta.properties"
    path.write_bytes(content)
    line = refusal(log_dir)
    assert line.startswith(f"{path}: damaged, no record is lost")
    found = re.search(r"printf '.*' > \S+/meta\.properties", line)
    assert found is not None
    subprocess.run(["sh", "-c", found[0]], check=True)
    require_sound(log_dir)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_read(log_dir: Path, make: object) -> None:
    """A pipe, a folder, a link to an endless device."""
    path = log_dir / "replication-offset-checkpoint"
    path.unlink()
    make(path)  # type: ignore[operator]
    assert "is not a file that Kafka wrote" in refusal(log_dir)


@pytest.mark.parametrize(
    "content", [None, b"", b"\xff\0garbage", b"version: 1\ntopic_id: x", b"version: 0\n"]
)
def test_a_partition_without_its_topic_id_is_named_with_the_command_that_helps(
    log_dir: Path, content: bytes | None
) -> None:
    """The file of another partition of the topic is the same."""
    path = log_dir / "a-0" / METADATA
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    line = refusal(log_dir)
    assert f"cp {log_dir / 'a-1' / METADATA} {log_dir / 'a-0'}/" in line
    assert "from a backup" not in line


def test_the_only_partition_of_a_topic_needs_a_backup(log_dir: Path) -> None:
    """No other partition has the file; a partition without records needs none."""
    (log_dir / "b-0" / METADATA).unlink()
    assert "put it back from a backup" in refusal(log_dir)
    (log_dir / "b-0" / f"{0:020}.log").write_bytes(b"")
    require_sound(log_dir)


def test_the_topic_id_of_another_topic_is_named(log_dir: Path) -> None:
    """Kafka would serve neither topic."""
    (log_dir / "a-0" / METADATA).write_text(f"version: 0\ntopic_id: {OTHER}")
    line = refusal(log_dir)
    assert str(log_dir / "a-0" / METADATA) in line
    assert "which topic b has, too" in line
    (log_dir / "a-0" / METADATA).write_text("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAg")
    assert "another partition of the topic names another" in refusal(log_dir)


def test_a_partition_that_kafka_set_aside_is_named_until_it_is_back(log_dir: Path) -> None:
    """Its records are in a folder that ends in `-stray`."""
    stray = (log_dir / "a-0").rename(log_dir / "a-0.32702d92943e42ca895cb8a35d6996d5-stray")
    line = refusal(log_dir)
    assert str(stray) in line
    assert "rename the folder to a-0" in line
    stray.rename(log_dir / "a-0")
    require_sound(log_dir)


def test_a_broker_keeps_its_records_over_the_loss_of_a_topic_id(tmp_path: Path) -> None:
    """Killed, it leaves a sound directory; robbed of the file it does not start; with the file it has every record."""
    running = RunningKafka(EmbeddedKafka(tmp_path, free_ports()))
    running.start()
    try:
        server = {"bootstrap.servers": running.broker.bootstrap}
        create_topic(running.broker.bootstrap, "kept")
        values = [b"%d" % number for number in range(20)]
        assert produce(server, "kept", values) == []
        running.kill()
        require_sound(running.broker.log_dir)
        lost = running.broker.log_dir / "kept-0" / METADATA
        backup = lost.rename(tmp_path / "backup")
        with pytest.raises(DamagedFileError, match=r"kept-0/partition\.metadata: gone .* from a backup"):
            running.broker.prepare()
        backup.rename(lost)
        identity = running.broker.log_dir / "meta.properties"
        identity.write_text(f"version=1\nnode.id=1\ncluster.id={ANY_ID}\n")  # as the line on its loss says
        running.start()
        assert read(server, "kept", 20) == values
    finally:
        running.stop()
