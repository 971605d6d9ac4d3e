"""How far a replay has come, per file, on disk: what is written here was confirmed by Kafka before.

`<data>/replay/<sha256>.json` per file, by content and not by name; `<data>/replay/anchor` the moment of the
first start, and `<data>/replay/shift.<format>` what is added to a format's times, each fixed once per data
directory (docs/recordings.md#time-shift).
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from streams.durable_files import create_once, private_folder, sync_folder
from streams.errors import StopError
from streams.replay.schedule import shift_to


@dataclass
class ReplayCheckpoint:
    """How much of a file is done.

    Attributes:
        format: Its format, or None when no domain knows it.
        shift_us: What is added to its times.
        read: Source records done.
        accepted: Of these, those that became events.
        refused: Of these, those that became dead letters.
        skipped: Lines without a source record.
        last_us: Time of the last event by the recording, µs since 1970, not shifted; None before the first.
        finished: Whether its end was told to `platform.recording`.
    """

    format: str | None
    shift_us: int
    read: int = 0
    accepted: int = 0
    refused: int = 0
    skipped: int = 0
    last_us: int | None = None
    finished: bool = False

    @property
    def items(self) -> int:
        """Items of the reader that are done."""
        return self.read + self.skipped


class CheckpointFolder:
    """The replay's folder in a data directory; one replay at a time writes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, sha256: str) -> ReplayCheckpoint | None:
        """Read how far a file has come, None if it was never begun.

        Raises:
            StopError: The file is not what `save` writes.
        """
        path = self._path(sha256)
        try:
            return ReplayCheckpoint(**json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise StopError(f"{path}: not a replay's progress ({error}): restore it, or remove it") from error

    def save(self, sha256: str, progress: ReplayCheckpoint) -> None:
        """Write how far a file has come; durable when this returns, and never half."""
        path = self._path(sha256)
        draft = private_folder(self._folder) / f".{path.name}"
        with draft.open("wb") as stream:
            stream.write(json.dumps(asdict(progress)).encode())
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
        sync_folder(self._folder)

    def anchor_us(self, now_us: Callable[[], int]) -> int:
        """Return the moment of the first start of a replay here, µs since 1970."""
        return self._fixed("anchor", now_us)

    def shift_us(self, format_name: str, ends_us: int, anchor_us: int) -> int:
        """Return what is added to the times of a file.

        Files of one format keep their distance: the format's shift is fixed with its first files. A file
        that would end after the anchor under it (it was added later) gets its own.

        Args:
            format_name: Its format.
            ends_us: Where the file, or the last one of its format, ends.
            anchor_us: Moment of the first start.
        """
        shift = self._fixed(f"shift.{format_name}", lambda: shift_to(anchor_us, ends_us))
        return shift if ends_us + shift <= anchor_us else shift_to(anchor_us, ends_us)

    def _fixed(self, name: str, make: Callable[[], int]) -> int:
        path = self._folder / name
        text = path.read_bytes() if path.exists() else create_once(path, str(make()).encode())
        try:
            return int(text)
        except ValueError:
            raise StopError(f"{path}: expected a whole number, got {text[:40]!r}: restore it") from None

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.json"
