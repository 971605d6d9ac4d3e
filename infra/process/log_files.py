"""Keep the log files of child processes small: what is large is cut, and its end is kept in older files.

A child's output goes straight into a file, by the descriptor that it inherits: native code (librdkafka, the embedded
engine, Java) writes there, too. The file is opened for appending, so it can be copied and cut while the child writes
(as logrotate's `copytruncate` does). A pipe with a reader would bound it exactly, but a child whose reader stands
still or dies would hang on its next line; here nothing ever waits for the parent. The price: what is written
within the microseconds between the last copy and the cut is lost, and a child may write beyond the bound until the
next look.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from ledger_sink.regular_file import open_regular

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 8 * 1024 * 1024
"""Bytes of a log file above which it is cut; the most that an older file has."""
OLDER = 2
"""Older files that are kept of each log: `NAME.log.1` is the newer one."""
LOOK_S = 0.5
"""Seconds between two looks at the sizes."""
_LAST_BYTES = 64 * 1024
_PIECE = 1024 * 1024

log = logging.getLogger("city.logs")


def older(path: Path, number: int) -> Path:
    """Return the name of an older file of a log."""
    return path.with_name(f"{path.name}.{number}")


def rotate(path: Path, max_bytes: int = MAX_BYTES, kept: int = OLDER) -> bool:
    """Cut a log file that is larger than `max_bytes`; its last `max_bytes` become the newest older file.

    If there is no room to copy them, the last 64 KiB stay in the file itself.

    Args:
        path: The log file; its writers append.
        max_bytes: The bound of this file, and of each older one.
        kept: How many older files are kept.

    Returns:
        Whether it was cut.
    """
    try:
        with path.open("r+b", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if size <= max_bytes:
                return False
            try:
                _copy_end(file.fileno(), path, size, max_bytes, kept)
            except OSError:
                end = _read_end(file.fileno(), _LAST_BYTES)
                file.truncate(0)
                _append(path, end)
            else:
                file.truncate(0)
    except FileNotFoundError:
        return False
    return True


def _copy_end(source: int, path: Path, size: int, max_bytes: int, kept: int) -> None:
    older(path, kept).unlink(missing_ok=True)
    for number in range(kept - 1, 0, -1):
        if older(path, number).exists():
            older(path, number).replace(older(path, number + 1))
    target = older(path, 1)
    try:
        with target.open("wb") as copy:
            begin = at = max(0, size - max_bytes)
            if begin:
                first = os.pread(source, _LAST_BYTES, at)
                at += first.find(b"\n") + 1  # a whole line first
                copy.write(f"({at:,} bytes before this line were dropped)\n".encode())
            while at < size and (piece := os.pread(source, min(_PIECE, size - at), at)):
                copy.write(piece)
                at += len(piece)
            # What came meanwhile: a process that ends now leaves its reason here.
            now = os.fstat(source).st_size
            copy.write(os.pread(source, _LAST_BYTES, max(at, now - _LAST_BYTES)))
    except OSError:
        target.unlink(missing_ok=True)
        raise


def _read_end(descriptor: int, size: int) -> bytes:
    return os.pread(descriptor, size, max(0, os.fstat(descriptor).st_size - size))


def _append(path: Path, data: bytes) -> None:
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError as error:
        log.warning("%s: %s; its lines so far are lost", path, error.strerror)


def last_lines(path: Path, size: int = _LAST_BYTES, after: str = "") -> list[str]:
    """Return the last lines of a log, going back into the newest older file where the log is short.

    Args:
        path: The log.
        size: Bytes to read at most.
        after: Line behind which they begin, if it is among what was read: what a run wrote before its own lines.
    """
    data = b""
    for each in (path, older(path, 1)):
        if len(data) < size:
            try:
                with open_regular(each) as file:
                    data = _read_end(file.fileno(), size - len(data)) + data
            except OSError:
                continue
    lines = data.decode(errors="replace").splitlines()
    if after and after in lines:
        return lines[len(lines) - lines[::-1].index(after) :]
    return lines


class LogRotation:
    """Cuts the logs of a folder while the process that owns it runs.

    Args:
        folder: Every `*.log` in it is looked at.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look at the sizes; safe to repeat."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log-rotation", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop after a last look."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join(5)
            self._thread = None
            self._stop.clear()

    def look(self) -> None:
        """Cut every log of the folder that is too large."""
        for path in self._folder.glob("*.log"):
            try:
                rotate(path)
            except OSError as error:
                log.warning("%s: cannot be cut: %s", path, error.strerror)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            self.look()
        self.look()
