"""One contract suite over every store (ledger_sink/store/contract.py)."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from ledger_sink.errors import LockHeldError, MissingFileError, SetupError, StoreError, StoreFullError
from ledger_sink.store import FileStore, MemoryStore
from tests.ledger_sink.faulty_calls import FaultyCalls, Way

if TYPE_CHECKING:
    from pathlib import Path

    from ledger_sink.store import Store


@pytest.fixture(params=["memory", "files"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Each kind of store in turn, empty."""
    return MemoryStore() if request.param == "memory" else FileStore(tmp_path / "ledger")


def test_what_was_written_is_read_back(store: Store) -> None:
    """Every file of a write has its bytes, whatever folder it is in."""
    files = {f"a/{i}/f": bytes([i]) * i for i in range(10)}
    store.write(files)
    assert {name: store.read(name) for name in files} == files


def test_a_file_is_replaced_as_a_whole(store: Store) -> None:
    """A later write under the same name leaves nothing of the earlier one."""
    store.write({"state": b"a long first version"})
    store.write({"state": b"short"})
    assert store.read("state") == b"short"


def test_an_absent_file_is_an_error(store: Store) -> None:
    """Reading what is not there says so by name."""
    with pytest.raises(MissingFileError, match="x/y"):
        store.read("x/y")


def test_a_listing_tells_files_and_folders(store: Store) -> None:
    """Names directly below are listed in order, folders with a slash; an absent folder is empty."""
    store.write({"a/b/c": b"", "a/d": b"", "a/e": b""})
    assert store.listing("a") == ["b/", "d", "e"]
    assert store.listing("nowhere") == []


def test_a_removed_file_is_gone_and_removing_twice_is_harmless(store: Store) -> None:
    """Removal forgets the file and never fails for an absent one."""
    store.write({"a/b": b"1", "a/c": b"2"})
    store.remove(["a/b", "a/b"])
    assert store.listing("a") == ["c"]


def test_one_holder_at_a_time_has_a_lock(store: Store) -> None:
    """A second taker is refused until the first lets go."""
    held = store.lock("a/lock")
    with pytest.raises(LockHeldError, match="a/lock"):
        store.lock("a/lock")
    held.release()
    held.release()
    store.lock("a/lock").release()


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "a/./b", "", "a/\0"])
def test_a_name_cannot_leave_the_store(store: Store, name: str) -> None:
    """Names with empty, dot or dot-dot parts are refused."""
    with pytest.raises(SetupError):
        store.read(name)


OPERATIONS = [f"{when} {what}" for what in ("write", "fsync", "rename") for when in ("before", "after")]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("count", [1, 4, 300])
def test_a_failed_write_leaves_each_file_old_or_new(tmp_path: Path, operation: str, count: int) -> None:
    """Whatever step of a write fails, no file is torn or kept open, and writing again gives the new ones."""
    store = FileStore(tmp_path)
    old, new = {f"f{i}": b"old" * 9 for i in range(count)}, {f"f{i}": b"new" * 99 for i in range(count)}
    store.write(old)

    def fault(done: str, name: str) -> None:
        if done == operation and name in {f"f{count - 1}", str(tmp_path)}:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    store.fault_for_tests = fault
    opened = psutil.Process().num_fds()
    with pytest.raises(StoreError):
        store.write(new)
    assert psutil.Process().num_fds() <= opened  # others may have closed theirs meanwhile
    assert all(store.read(name) in {old[name], new[name]} for name in old)
    store.fault_for_tests = lambda *_: None
    store.write(new)
    assert {name: store.read(name) for name in new} == new


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    """No space left has its own error, with what to do."""

    def fault(operation: str, _: str) -> None:
        if operation == "before fsync":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StoreFullError, match="free some"):
        FileStore(tmp_path, fault_for_tests=fault).write({"a": b"1"})


@pytest.mark.parametrize("call", ["ftruncate", "write"])
def test_a_lock_that_cannot_be_written_is_the_stores_error_and_nobodys(tmp_path: Path, call: str) -> None:
    """A full disk under the lock file is told as such, and the lock is free when there is room again."""
    store = FileStore(tmp_path / "ledger")
    with FaultyCalls(tmp_path) as counted:
        store.lock("lock").release()
    number = next(n for n, made in enumerate(counted.calls, 1) if made.startswith(call))
    with FaultyCalls(tmp_path, Way.NOT_DONE, number) as faulty, pytest.raises(StoreError, match="lock"):
        store.lock("lock")
    assert faulty.calls[-1].startswith(call)
    store.lock("lock").release()


def test_a_lock_dies_with_its_holder(tmp_path: Path) -> None:
    """The lock of a killed process is free at once."""
    program = (
        "import sys, pathlib\n"
        "from ledger_sink.store import FileStore\n"
        "held = FileStore(pathlib.Path(sys.argv[1])).lock('lock')\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LockHeldError, match=str(holder.pid)):
            FileStore(tmp_path).lock("lock")
        holder.kill()
        holder.wait()
    FileStore(tmp_path).lock("lock").release()
