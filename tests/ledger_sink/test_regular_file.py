"""Files of a ledger, keys and run files are regular, bounded, and never waited for; no reader opens them otherwise."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.errors import DataDirectoryError, StackError
from infra.process.data_lock import is_locked, lock_file
from infra.reconcile.count_ledger import entries
from infra.settings import recall, settings_file
from infra.status.ledger_facts import ledger_facts
from ledger_sink.errors import SetupError, StoreError
from ledger_sink.regular_file import FileTooLongError, NotRegularError, open_regular, read_regular
from ledger_sink.store import FileStore
from ledger_sink.store.secret_files import load_or_create_seed, read_token

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
READERS = (
    "ledger_sink",
    *(f"infra/{room}" for room in ("evidence", "process", "reconcile", "recovery", "status", "web")),
)
"""Rooms that read what others may have put into a data directory."""
OWN = {
    "ledger_sink/city_log/block_clock.py": "the kernel's boot id",
    "ledger_sink/verifier/source_digest.py": "the verifier's own sources",
    "infra/process/identity.py": "the kernel's list of processes",
    "infra/recovery/freeze.py": "the kernel's list of processes",
    "infra/process/confinement.py": "a probe whether a path can be read at all",
}
"""Modules that open other things."""
pytestmark = pytest.mark.timeout(20)  # a FIFO that is waited for


def fifo(path: Path) -> None:
    """Make a FIFO that nobody writes to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    """By its kind, with its path; also behind a link."""
    fifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    (tmp_path / "device").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for name, kind in {
            "fifo": "a FIFO", "link": "a FIFO", "device": "a device", "socket": "a socket", ".": "a folder",
        }.items():  # fmt: skip
            with pytest.raises(NotRegularError, match=f"expected a regular file, this is {kind}"):
                read_regular(tmp_path / name)


def test_a_link_is_followed_unless_the_reader_forbids_it(tmp_path: Path) -> None:
    """A ledger may be spread over disks; a backup copies no links."""
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", 3) == b"abc"
    with pytest.raises(OSError, match="symbolic links"):
        open_regular(tmp_path / "link", links=False)
    with pytest.raises(FileTooLongError, match="expected at most 2 bytes"):
        read_regular(tmp_path / "link", 2)


def seed(folder: Path) -> None:
    """Read the city's seed."""
    fifo(folder / "seed")
    (folder / "seed").chmod(0o600)
    load_or_create_seed(folder / "seed")


def token(folder: Path) -> None:
    """Read the signer's token."""
    fifo(folder / "token")
    read_token(folder / "token")


def checkpoint(folder: Path) -> None:
    """Read a checkpoint as an audit does."""
    fifo(folder / "city/1/checkpoint")
    FileStore(folder).read("city/1/checkpoint")


def temporary(folder: Path) -> None:
    """Write where somebody has put a FIFO under the temporary name."""
    fifo(folder / "city/1/state.json.tmp")
    FileStore(folder).write({"city/1/state.json": b"{}"})


def settings(folder: Path) -> None:
    """Read the settings of a running stack."""
    fifo(settings_file(folder))
    recall(folder)


def lock(folder: Path) -> None:
    """Look whether a stack runs."""
    fifo(lock_file(folder))
    is_locked(folder)


def bundle(folder: Path) -> None:
    """Count the records of a log."""
    fifo(folder / "tile/entries/000")
    list(entries(folder, 1))


@pytest.mark.parametrize("read", [seed, token, checkpoint, temporary, settings, lock, bundle])
def test_a_fifo_in_the_place_of_a_file_is_an_error_with_its_path(
    tmp_path: Path, read: Callable[[Path], None]
) -> None:
    """Nobody waits for its writer."""
    with pytest.raises(
        (OSError, SetupError, StoreError, StackError, DataDirectoryError), match=re.escape(str(tmp_path))
    ):
        read(tmp_path)


def test_a_status_names_fifos_in_a_ledger(tmp_path: Path) -> None:
    """The city log's checkpoint, a partition log's, a state, a reason: each unreadable, none waited for."""
    for name in ("city/1/checkpoint", "a.b/0/1/checkpoint", "a.b/0/1/state.json", "a.b/1/1/stopped.txt"):
        fifo(tmp_path / name)
    found = ledger_facts(tmp_path, ["a.b"], 0.0)
    assert found.city_log is not None
    assert "FIFO" in found.city_log.unreadable
    assert "FIFO" in found.logs[0].unreadable
    assert "FIFO" in found.logs[1].stopped


def test_no_reader_opens_files_by_other_means() -> None:
    """`read_bytes`, `read_text` and `open` to read wait for a FIFO: these rooms have one function for all."""
    opening = re.compile(r"\.read_bytes\(|\.read_text\(|\.open\(\s*[\"']r|\bopen\([^)]*[\"']rb?[\"']")
    found = {
        path.relative_to(ROOT).as_posix()
        for room in READERS
        for path in (ROOT / room).rglob("*.py")
        if opening.search(
            path.read_text().replace('.open("r+b"', "")
        )  # a log that is cut: never a FIFO's end
    }
    assert found == set(OWN)
