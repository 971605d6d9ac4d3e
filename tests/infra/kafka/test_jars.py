"""The pinned jars: what the lock file may hold, and that nothing else is ever run."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from infra.kafka import jars as jars_module
from infra.kafka.errors import JarChecksumError, JarDownloadError, LockFileError
from infra.kafka.jars import LOCK_FILE, Jar, JarCache, parse_lock, sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LINE = "org.example:thing:1.0 " + "ab" * 32


class CountingProgress:
    """Remembers what a download told about itself."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self.bytes = 0

    def started(self, what: str, files: int) -> None:
        """Remember the number of files."""
        self.told.append((what, files))

    @contextmanager
    def file(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """Count the pieces."""
        del name, size
        yield self._piece

    def _piece(self, size: int) -> None:
        self.bytes += size

    def finished(self, what: str, size: int) -> None:
        """Remember the size."""
        self.told.append((what, size))


def one_jar_lock(folder: Path) -> tuple[Path, Jar]:
    """Write a lock file that holds the smallest of the real jars only."""
    jar = next(jar for jar in parse_lock(LOCK_FILE.read_text()) if jar.artifact == "jspecify")
    lock_file = folder / "one.lock"
    lock_file.write_text(f"{jar} {jar.sha256}\n")
    return lock_file, jar


def test_lock_holds_versions_and_digests_only() -> None:
    """Every line of the committed lock file is one jar with its digest; no address is in it."""
    text = LOCK_FILE.read_text()
    assert "://" not in text
    names = [f"{jar.group}:{jar.artifact}" for jar in parse_lock(text)]
    assert names == sorted(set(names))


def test_lock_pins_one_kafka_version_throughout() -> None:
    """The broker and its client library are of the same version, whatever a logger's POM manages."""
    kafka = {jar.version for jar in parse_lock(LOCK_FILE.read_text()) if jar.group == "org.apache.kafka"}
    assert kafka == {"4.1.0"}


@pytest.mark.parametrize(
    "line", ["", "# only a comment", LINE[:-1], LINE + "0", LINE.upper(), "x" + LINE[3:] + " y"]
)
def test_malformed_lock_is_refused(line: str) -> None:
    """A lock file that holds no jar, or a line that is none, is refused."""
    with pytest.raises(LockFileError, match=r"jars\.lock"):
        parse_lock(line)


def test_missing_lock_is_refused(tmp_path: Path) -> None:
    """Without a lock file nothing is run."""
    with pytest.raises(LockFileError, match="restore the file"):
        JarCache(tmp_path, lock_file=tmp_path / "none").classpath()


def test_missing_jar_is_fetched_and_its_size_told(tmp_path: Path) -> None:
    """A jar that the cache lacks is fetched through jgo, verified, kept, and its bytes are counted."""
    lock_file, jar = one_jar_lock(tmp_path)
    progress = CountingProgress()
    (path,) = JarCache(tmp_path / "cache", progress, lock_file).classpath()
    size = path.stat().st_size
    assert sha256_of(path) == jar.sha256
    assert progress.told == [("Apache Kafka 4.1.0", 1), ("Apache Kafka 4.1.0", size)]
    assert progress.bytes == size
    assert [each.name for each in (tmp_path / "cache").iterdir()] == [jar.file_name]


def test_cached_jar_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a warm cache no download begins."""
    lock_file, jar = one_jar_lock(tmp_path)
    shutil.copy(JarCache().folder / jar.file_name, tmp_path / jar.file_name)
    monkeypatch.setattr(jars_module, "download", None)
    assert JarCache(tmp_path, lock_file=lock_file).classpath() == [tmp_path / jar.file_name]


def test_changed_jar_in_the_cache_is_refused(tmp_path: Path, kafka: str) -> None:
    """One flipped bit in a cached jar is named with the file to delete, and nothing is run."""
    del kafka  # the broker's start filled the user's cache
    lock_file, jar = one_jar_lock(tmp_path)
    content = bytearray((JarCache().folder / jar.file_name).read_bytes())
    content[100] ^= 1
    (tmp_path / jar.file_name).write_bytes(content)
    with pytest.raises(JarChecksumError, match=rf"jspecify.*expected SHA-256 {jar.sha256}.*delete that file"):
        JarCache(tmp_path, lock_file=lock_file).classpath()


def test_fetched_jar_with_another_digest_never_enters_the_cache(tmp_path: Path) -> None:
    """What a repository serves is compared before it is kept."""
    lock_file, jar = one_jar_lock(tmp_path)
    lock_file.write_text(f"{jar} {'00' * 32}\n")
    with pytest.raises(JarChecksumError, match="got " + jar.sha256):
        JarCache(tmp_path / "cache", lock_file=lock_file).classpath()
    assert list((tmp_path / "cache").iterdir()) == []


def test_failed_download_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A jar that no repository has is named, with what to do; nothing is left behind."""
    monkeypatch.setattr("infra.kafka.jars._ATTEMPTS", 1)
    lock_file = tmp_path / "lock"
    lock_file.write_text("org.apache.kafka:kafka_2.13:4.1.0-none " + "00" * 32 + "\n")
    with pytest.raises(JarDownloadError, match=r"^org\.apache\.kafka.*check the network") as caught:
        JarCache(tmp_path / "cache", lock_file=lock_file).classpath()
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "cache").iterdir()) == []
