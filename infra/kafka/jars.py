"""The broker's jars: exactly the pinned ones, fetched once, verified at every start.

`JarCache.classpath` returns the jars of the lock file and no other, each with the pinned SHA-256. A fetched jar enters
the shared cache by a rename, after its digest was compared. So any number of programs may fill the cache at the same
time and be killed at any moment. jgo decides where jars come from: its default remote, or those of the user's own jgo
settings.

The lock file has one jar a line: `group:artifact:version sha256`. `python -m infra.kafka.jars` writes it: jgo resolves
`ROOTS` with all their dependencies.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import re
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.kafka.errors import DiskFullError, JarChecksumError, JarDownloadError, LockFileError
from infra.kafka.progress import DownloadProgress, SilentProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

LOCK_FILE = Path(__file__).with_name("jars.lock")
# The broker, and the logger that its own distribution binds slf4j to (without it errors go nowhere).
ROOTS = ("org.apache.kafka:kafka_2.13:4.1.0", "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3")
WHAT = "Apache Kafka 4.1.0"
_LINE = re.compile(
    r"(?P<group>[\w.\-]+):(?P<artifact>[\w.\-]+):(?P<version>[\w.\-]+) (?P<sha256>[0-9a-f]{64})"
)
_DOWNLOADS_AT_ONCE = 6
_ATTEMPTS = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Jar:
    """One pinned jar."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """Return the jar's name in the cache; its digest separates jars of different lock files."""
        return f"{self.sha256[:16]}-{self.artifact}-{self.version}.jar"

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"


def parse_lock(text: str) -> tuple[Jar, ...]:
    """Return the jars of a lock file's text, in its order.

    Raises:
        LockFileError: A line is neither a jar nor a comment, or there is no jar.
    """
    jars = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None:
            raise LockFileError(
                f"jars.lock line {number}: expected `group:artifact:version sha256`, got {line!r}"
            )
        jars.append(Jar(**found.groupdict()))
    if not jars:
        raise LockFileError("jars.lock: expected at least one jar, got none; restore the file")
    return tuple(jars)


def default_cache() -> Path:
    """Return the user's cache folder by the platform's convention, shared by all data directories."""
    base = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return base / "city-telemetry" / "jars"


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class JarCache:
    """A folder of verified jars.

    Args:
        folder: The folder; None: the user's cache folder.
        progress: Shows a download; None: nothing is shown.
        lock_file: The list of pinned jars.
    """

    def __init__(
        self,
        folder: Path | None = None,
        progress: DownloadProgress | None = None,
        lock_file: Path = LOCK_FILE,
    ) -> None:
        self.folder = folder or default_cache()
        self._progress = progress or SilentProgress()
        self._lock_file = lock_file

    def classpath(self) -> list[Path]:
        """Return the verified jars in the order of the lock file; fetch those that are missing.

        Raises:
            LockFileError: The lock file cannot be read.
            JarChecksumError: A jar, fetched or cached, has another SHA-256 than the lock file.
            JarDownloadError: A jar could not be fetched.
            DiskFullError: The cache's disk is full.
        """
        try:
            jars = parse_lock(self._lock_file.read_text())
        except OSError as error:
            raise LockFileError(f"{self._lock_file} cannot be read ({error}); restore the file") from error
        missing = [jar for jar in jars if not self._path(jar).exists()]
        if missing:
            self._fetch_all(missing)
        for jar in jars:
            _verify(jar, self._path(jar))
        return [self._path(jar) for jar in jars]

    def _path(self, jar: Jar) -> Path:
        return self.folder / jar.file_name

    def _fetch_all(self, jars: list[Jar]) -> None:
        """Fetch jars into a temporary folder within the cache, then rename each into place."""
        self._progress.started(WHAT, len(jars))
        size = 0
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (
                tempfile.TemporaryDirectory(dir=self.folder, prefix=".fetch-") as staging,
                ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool,
            ):
                size = sum(pool.map(lambda jar: self._fetch(jar, Path(staging)), jars))
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise DiskFullError(
                    f"no space left for Kafka's jars in {self.folder}: free 150 MB"
                ) from error
            raise JarDownloadError(f"cannot keep Kafka's jars in {self.folder}: {error}") from error
        finally:
            self._progress.finished(WHAT, size)

    def _fetch(self, jar: Jar, staging: Path) -> int:
        from requests import RequestException  # noqa: PLC0415 - only a download needs it

        for attempt in range(1, _ATTEMPTS + 1):
            try:
                fetched = download(jar, staging, self._progress.file)
                break
            except (RequestException, RuntimeError) as error:
                _log.debug("attempt %d at %s: %s", attempt, jar, error)
                shutil.rmtree(staging / jar.group.replace(".", "/") / jar.artifact, ignore_errors=True)
                if attempt == _ATTEMPTS:
                    raise JarDownloadError(
                        f"{jar} could not be downloaded ({_reason(error)}): "
                        "check the network (or the repositories in your jgo settings) and start again"
                    ) from error
                time.sleep(attempt)
        _verify(jar, fetched)
        size = fetched.stat().st_size
        fetched.replace(self._path(jar))
        return size


def download(
    jar: Jar, folder: Path, progress: Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
) -> Path:
    """Fetch one jar with jgo and return its path.

    Args:
        jar: The jar.
        folder: Folder below which it is stored.
        progress: `DownloadProgress.file` of the caller.
    """
    from jgo.config import GlobalSettings  # noqa: PLC0415 - only a download needs jgo
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415

    context = MavenContext(
        resolver=PythonResolver(progress_callback=progress), repo_cache=folder, local_repos=[], timeout=30
    )
    context.remote_repos = {**GlobalSettings.load().repositories, **context.remote_repos}
    path = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    return Path(path)


def _verify(jar: Jar, path: Path) -> None:
    found = sha256_of(path)
    if found != jar.sha256:
        raise JarChecksumError(
            f"{jar}: expected SHA-256 {jar.sha256}, got {found} in {path}; delete that file and start again"
        )


def _reason(error: Exception) -> str:
    return "not found in any repository" if type(error) is RuntimeError else type(error).__name__


def resolve(roots: Iterable[str] = ROOTS) -> list[tuple[str, str, str]]:
    """Resolve `roots` with jgo and return group, artifact and version of all jars that the broker needs.

    Each root is resolved separately, and the first one's versions win. Resolved together, the version management of
    the logger's POM would select an old kafka-clients for the broker.
    """
    import jgo  # noqa: PLC0415 - only the writer of the lock file resolves

    versions: dict[tuple[str, str], str] = {}
    for root in roots:
        for artifact in jgo.resolve(root):
            versions.setdefault((artifact.groupId, artifact.artifactId), artifact.version)
    return sorted((group, name, version) for (group, name), version in versions.items())


def write_lock(lock_file: Path = LOCK_FILE) -> None:
    """Resolve and fetch all jars and write their SHA-256 into the lock file."""
    lines = ["# Written by `python -m infra.kafka.jars`: versions and SHA-256 of the broker's jars."]
    with tempfile.TemporaryDirectory() as folder:
        for group, artifact, version in resolve():
            unpinned = Jar(group, artifact, version, "")
            path = download(unpinned, Path(folder), SilentProgress().file)
            lines.append(f"{unpinned} {sha256_of(path)}")
    lock_file.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    write_lock()
