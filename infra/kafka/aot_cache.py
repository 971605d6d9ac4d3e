"""The broker's ahead-of-time cache: its classes loaded and linked, with the profiles of an earlier run.

Java 25 writes such a file after one run and starts from it in later ones (JEP 483, 514, 515).

A cache is used only with the Java, the jars and the JVM flags that it was made with. Its bytes must have the SHA-256 in
its name. A damaged cache can crash the JVM, which does not check the whole file itself. If anything is
wrong with the cache, the broker starts without it. `infra.kafka.aot_training` makes the file.

Below the folder, which is shared by all data directories: `<key>-<sha256>.aot`, `lock`, `.make-…` while one is made.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

OLDEST_JAVA = 25
"""The first release with profiles in the cache."""

USE_FLAGS = ("-XX:+UnlockDiagnosticVMOptions", "-XX:-AOTAdapterCaching", "-XX:-AOTStubCaching")
"""Java 25.0 confuses cached adapters and warns at every start, so adapters and stubs are not cached."""

KEPT = 4
"""Number of caches of other Javas, jars and flags that are kept; the last used ones."""

_FORMAT = b"city-aot/1"
_VERSION = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)
_KEY_LENGTH = 16


def beside(jars: Path) -> Path:
    """Return the folder of caches, which lies beside the folder of jars."""
    return jars.with_name("aot")


class AotCache:
    """The cache of one Java with its jars and flags."""

    def __init__(self, folder: Path, java: Path, classpath: Sequence[Path], flags: Sequence[str]) -> None:
        """Describe the cache; nothing is read yet.

        Args:
            folder: The folder of caches.
            java: The Java program.
            classpath: The jars, in order.
            flags: The JVM's flags, without those of the cache.
        """
        self.folder = folder
        self._java = java
        self._classpath = tuple(classpath)
        self._flags = tuple(flags)

    def key(self) -> str | None:
        """Return a digest of Java, jars and flags, or None if this Java supports no cache or cannot be read.

        The JVM compares sizes and times of its own files and of the jars, so they are part of the key.
        """
        home = self._java.resolve().parent.parent
        try:
            release = (home / "release").read_text(errors="replace")
            version = _VERSION.search(release)
            if version is None or int(version[1]) < OLDEST_JAVA:
                return None
            runtime = (home / "lib" / "modules", *sorted((home / "lib" / "server").glob("libjvm.*")))
            parts = (release, *self._flags, *map(_identity, (*runtime, *self._classpath)))
        except OSError:
            return None
        digest = hashlib.sha256(_FORMAT)
        for part in parts:
            digest.update(len(part).to_bytes(8) + part.encode(errors="surrogateescape"))
        return digest.hexdigest()[:_KEY_LENGTH]

    def find(self) -> Path | None:
        """Return the verified cache, or None; a damaged one is removed.

        What is no regular file, or cannot be read, is passed over. The folder may be read-only or another user's.
        """
        key = self.key()
        for path in sorted(self.folder.glob(f"{key}-*.aot")) if key else ():
            with suppress(OSError):
                if not path.is_file():
                    continue
                if path.stem == f"{key}-{_sha256(path)}":
                    with suppress(OSError):
                        os.utime(path)
                    return path
                path.unlink()
        return None

    def publish(self, made: Path) -> Path:
        """Make a new cache visible by a rename, and remove the least recently used ones.

        Args:
            made: The file, below the folder of caches.

        Returns:
            Its final path.

        Raises:
            OSError: The file cannot be stored, or the Java runtime or a jar can no longer be read.
        """
        key = self.key()
        if key is None:
            raise FileNotFoundError(f"{self._java}: the runtime or a jar can no longer be read")
        with made.open("rb") as file:
            os.fsync(file.fileno())
        path = self.folder / f"{key}-{_sha256(made)}.aot"
        made.replace(path)
        _sync_folder(self.folder)
        others = [other for other in self.folder.glob("*.aot") if other != path]
        for other in _last_used(others)[KEPT:]:
            other.unlink(missing_ok=True)
        return path

    def discard(self) -> None:
        """Remove the cache, because a broker that used it did not start."""
        with suppress(OSError):
            for path in self.folder.glob(f"{self.key()}-*.aot"):
                path.unlink(missing_ok=True)


def use_flags(cache: Path) -> tuple[str, ...]:
    """Return the JVM flags that use a cache."""
    return (f"-XX:AOTCache={cache}", *USE_FLAGS)


def _identity(path: Path) -> str:
    """Return name, size and modification time of a file, which change with its content."""
    status = path.stat()
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"


def _last_used(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
