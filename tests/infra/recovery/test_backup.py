"""Backup and restore of a directory in which nothing runs, and what both refuse."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from infra.recovery.backup import back_up, forget_views
from infra.recovery.errors import BackupError, RestoreError
from infra.recovery.freeze import frozen
from infra.recovery.manifest import FILES, NAME, read_manifest
from infra.recovery.restore import check, restore
from infra.settings import Settings
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = {
    "kafka/log/t-0/00000000000000000000.log": b"records",
    "kafka/log/meta.properties": b"cluster.id=x\n",
    "clickhouse/store/a/part/data.bin": b"rows",
    "ledger/t/0/1/state.json": b'{"size":7}\nsum\n',
    "keys/ledger-master.seed": b"seed",
    "witness/witness.seed": b"seed",
}
LEFT_OUT = {
    "run/settings.json": b"{}",
    "logs/kafka.log": b"",
    "kafka/server.properties": b"",
    "clickhouse.config/users.xml": b"",
    "clickhouse/temporary/query": b"",
    "kafka/log/.kafka_cleanshutdown": b"",
    "kafka/log/t-0/00000000000000000000.index": b"",
    "clickhouse/store/a/tmp_insert_1/data.bin": b"",
    "ledger/t/0/1/state.json.tmp": b"",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A directory with a file of each kind, and a link as ClickHouse makes them."""
    data = tmp_path / "data"
    for name, content in {**CONTENT, **LEFT_OUT}.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(content)
    (data / "clickhouse" / "link").symlink_to("store/a")
    (data / "clickhouse" / "tmp").mkdir()
    return Settings(data=data)


def files(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_backup_holds_what_cannot_be_made_again_and_restores_to_the_same(
    settings: Settings, tmp_path: Path
) -> None:
    """Files, modes, links and empty folders; private for its owner; the leaves of each log are in the manifest."""
    made = back_up(settings, tmp_path / "backup")
    assert made.paused_s == 0
    assert set(made.manifest.files) == set(CONTENT)
    assert made.manifest.ledger == {"t/0/1": 7}
    assert all(
        not path.stat().st_mode & 0o077 for path in (tmp_path / "backup").rglob("*") if not path.is_symlink()
    )
    assert not list((settings.data / "run").glob("backup-view-*"))
    restore(tmp_path / "backup", tmp_path / "again")
    there = files(tmp_path / "again")
    assert there.pop("clickhouse/link/part/data.bin", b"rows") == b"rows"
    assert there == CONTENT
    assert (tmp_path / "again" / "clickhouse" / "link").is_symlink()
    assert (tmp_path / "again" / "clickhouse" / "tmp").is_dir()


def test_a_backup_without_keys_has_none(settings: Settings, tmp_path: Path) -> None:
    """No file below `keys/`, and not the witness's seed."""
    manifest = back_up(settings, tmp_path / "backup", with_keys=False).manifest
    assert not manifest.keys
    assert not [name for name in manifest.files if "seed" in name]


def damaged() -> Iterator[tuple[str, str]]:
    """Yield damages to a backup, and what is said of each."""
    yield "manifest removed", "this is no backup, or it was interrupted"
    yield "manifest flipped", "damaged"
    yield "file flipped", "SHA-256 differs"
    yield "file cut", "the manifest lists"
    yield "file removed", "No such file"


@pytest.mark.parametrize(("damage", "line"), list(damaged()))
def test_a_damaged_backup_is_named_and_nothing_is_restored(
    settings: Settings, tmp_path: Path, damage: str, line: str
) -> None:
    """Each file is compared before anything is written."""
    backup = tmp_path / "backup"
    back_up(settings, backup)
    path = backup / NAME if damage.startswith("manifest") else backup / FILES / "ledger/t/0/1/state.json"
    content = path.read_bytes()
    if damage.endswith("removed"):
        path.unlink()
    elif damage.endswith("cut"):
        path.write_bytes(content[:-3])
    else:
        path.write_bytes(content.replace(b"7", b"8"))
    with pytest.raises(BackupError, match=line):
        check(backup)
    with pytest.raises(BackupError, match=line):
        restore(backup, tmp_path / "again")
    assert not (tmp_path / "again").exists()
    assert not [path for path in tmp_path.iterdir() if "restoring" in path.name]


MEMBERS: list[tuple[str, Any]] = [
    ("files", []),
    ("files", {"x": {"size": -1, "sha256": "0" * 64, "mode": 0o600}}),
    ("files", {"x": {"size": 1.5, "sha256": "0" * 64, "mode": 0o600}}),
    ("files", {"x": {"size": True, "sha256": "0" * 64, "mode": 0o600}}),
    ("files", {"x": {"size": 1, "sha256": "0" * 63, "mode": 0o600}}),
    ("files", {"x": {"size": 1, "sha256": 7, "mode": 0o600}}),
    ("files", {"x": {"size": 1, "sha256": "0" * 64, "mode": 0o4755}}),
    ("files", {"x": {"size": 1, "sha256": "0" * 64, "mode": "0600"}}),
    ("files", {"x": {"size": 1, "sha256": "0" * 64}}),
    ("files", {"x": 7}),
    ("folders", "kafka"),
    ("folders", [7]),
    ("links", {"kafka/link": 7}),
    ("links", []),
    ("ledger", {"t/0/1": "seven"}),
    ("ledger", {"t/0/1": -1}),
    ("ledger", None),
    ("made", 7),
    ("keys", "yes"),
    ("surplus", 1),
]


@pytest.mark.parametrize(("member", "value"), MEMBERS)
def test_a_manifest_of_other_types_is_refused_in_one_line(
    settings: Settings, tmp_path: Path, member: str, value: object
) -> None:
    """Its digest fits, so only the types and ranges tell."""
    made = back_up(settings, tmp_path / "backup").manifest
    content = {**json.loads(made.encode()), member: value}
    del content["digest"]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    (tmp_path / "backup" / NAME).write_text(json.dumps({**content, "digest": digest}))
    with pytest.raises(BackupError) as error:
        read_manifest(tmp_path / "backup")
    assert str(tmp_path / "backup" / NAME) in str(error.value)
    assert "another backup" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"7", b"null", b"\xff", b"{}", b'{"format": 1}', b"[" * 200_000, b'"format"']
)
def test_what_is_no_manifest_is_refused(settings: Settings, tmp_path: Path, content: bytes) -> None:
    """Whatever stands in the file."""
    back_up(settings, tmp_path / "backup")
    (tmp_path / "backup" / NAME).write_bytes(content)
    with pytest.raises(BackupError, match="damaged; use another backup"):
        read_manifest(tmp_path / "backup")


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", [NAME, f"{FILES}/ledger/t/0/1/state.json"])
@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "device"])
def test_only_regular_files_are_read(settings: Settings, tmp_path: Path, name: str, kind: str) -> None:
    """A pipe would hang, a link would lead elsewhere, a device would never end."""
    path = tmp_path / "backup" / name
    back_up(settings, tmp_path / "backup")
    kept = path.rename(tmp_path / "kept")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(kept if kind == "link" else "/dev/zero")
    with pytest.raises(BackupError, match="backup"):
        restore(tmp_path / "backup", tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", ""])
def test_a_manifest_cannot_write_outside(settings: Settings, tmp_path: Path, name: str) -> None:
    """A path that leads out of the directory is refused, and so is a link."""
    made = back_up(settings, tmp_path / "backup").manifest
    some = next(iter(made.files.values()))
    for evil in (replace(made, files={name: some}), replace(made, links={"kafka/link": f"../../{name}"})):
        (tmp_path / "backup" / NAME).write_bytes(evil.encode())
        with pytest.raises(BackupError, match="leads out of the data directory"):
            read_manifest(tmp_path / "backup")


def test_nothing_is_written_over(settings: Settings, tmp_path: Path) -> None:
    """Neither by a backup nor by a restore; a place within the data directory is none."""
    back_up(settings, tmp_path / "backup")
    with pytest.raises(BackupError, match="is not empty"):
        back_up(settings, tmp_path / "backup")
    with pytest.raises(BackupError, match="lies in the data directory"):
        back_up(settings, settings.data / "run" / "backup")
    with pytest.raises(RestoreError, match="nothing is ever written over"):
        restore(tmp_path / "backup", settings.data)
    with pytest.raises(BackupError, match=r"Kafka at broker:9092 is not part of this stack"):
        back_up(replace(settings, kafka="broker:9092"), tmp_path / "other")
    with pytest.raises(BackupError, match="no stack has run here"):
        back_up(replace(settings, data=tmp_path / "nothing"), tmp_path / "other")


def test_a_link_out_of_the_directory_is_refused(settings: Settings, tmp_path: Path) -> None:
    """What lies behind it would be missing in the backup."""
    (settings.data / "anchors").symlink_to(tmp_path)
    with pytest.raises(BackupError, match="outside of the data directory"):
        back_up(settings, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_what_a_killed_backup_left_is_removed(settings: Settings) -> None:
    """By the next backup; that of a running one stays."""
    view = settings.data / "run" / "backup-view-999999999"
    view.mkdir()
    forget_views(settings.data)
    assert not view.exists()


def test_a_pause_that_takes_too_long_ends_by_itself_and_is_no_backup() -> None:
    """The guard lets the process go on; the caller learns that it read no single instant."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        process = psutil.Process(child.pid)
        with pytest.raises(BackupError, match=r"took longer than 0\.2 s"):
            _hold(process, longest_s=0.2)
        with frozen([process]):
            assert process.status() == psutil.STATUS_STOPPED
        assert process.status() != psutil.STATUS_STOPPED
        child.kill()


def _hold(process: psutil.Process, longest_s: float) -> None:
    """Keep a process stopped until it goes on by itself."""
    with frozen([process], longest_s=longest_s):
        assert process.status() == psutil.STATUS_STOPPED
        eventually(lambda: process.status() != psutil.STATUS_STOPPED, "it goes on", within_s=10)


def test_the_manifest_is_json_of_a_named_format(settings: Settings, tmp_path: Path) -> None:
    """Another format is refused with its name."""
    back_up(settings, tmp_path / "backup")
    path = tmp_path / "backup" / NAME
    value = json.loads(path.read_text())
    path.write_text(json.dumps({**value, "format": "city-backup/9"}))
    with pytest.raises(BackupError, match="city-backup/9"):
        read_manifest(tmp_path / "backup")
