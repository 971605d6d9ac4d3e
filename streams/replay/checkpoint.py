"""Stores a replay's checkpoints: for each file, what Kafka has confirmed.

- `<data>/replay/<sha256>.json`: the checkpoint of a file, by its content and not by its name.
- `<data>/replay/anchor`: the time of the first start, fixed once per data directory.
- `<data>/replay/shift.<group>`: the shift of a group of formats, fixed once per data directory
  (docs/recordings.md#time-shift).
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from streams.durable_files import create_once, private_folder, sync_folder
from streams.errors import StopError
from streams.replay.schedule import shift_to

LONGEST_REASON = 300
"""Characters of a reason that are kept."""


@dataclass
class ReplayCheckpoint:
    """The progress of one file. Its attributes are the members of the file on disk.

    Attributes:
        format: The file's format, None if no domain reads it.
        shift_us: What is added to its times, in µs.
        read: Source records that were replayed.
        accepted: How many of them became events.
        refused: How many of them became dead letters.
        skipped: Parts without a source record.
        accepted_bytes: Bytes of the accepted records.
        refused_bytes: Bytes of the refused records.
        skipped_bytes: Bytes of the skipped parts.
        refusals: By rule: how many records it refused (`count`), and `record` and `reason` of the first one.
        last_us: Recorded time of the last event, not shifted, µs since 1970. None before the first.
        finished: Whether its end was published to `platform.recording`.
        name: Name of the file. Some formats read it (`Format.named`).
        items_are_parts: False in the progress of an earlier version, which did not count headers as items.
        shuffled: Whether its items are sent in an order of their own (`streams.replay.shuffle`). False in the progress
            of an earlier version.
    """

    format: str | None
    shift_us: int
    read: int = 0
    accepted: int = 0
    refused: int = 0
    skipped: int = 0
    accepted_bytes: int = 0
    refused_bytes: int = 0
    skipped_bytes: int = 0
    refusals: dict[str, dict[str, Any]] = field(default_factory=dict)
    last_us: int | None = None
    finished: bool = False
    name: str = ""
    items_are_parts: bool = True
    shuffled: bool = False

    @property
    def items(self) -> int:
        """Number of the reader's items that were replayed."""
        return self.read + self.skipped

    def count_refusal(self, rule: str, record: int, reason: str) -> None:
        """Count a refused record.

        Args:
            rule: The rule that refused it, `name@version`.
            record: Its number.
            reason: Why, in one line.
        """
        found = self.refusals.setdefault(
            rule, {"count": 0, "record": record, "reason": reason[:LONGEST_REASON]}
        )
        found["count"] += 1


class CheckpointFolder:
    """The replay's folder in a data directory. One replay at a time writes it.

    Args:
        folder: `<data>/replay`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, sha256: str, *, shuffled: bool = False) -> ReplayCheckpoint | None:
        """Read a file's checkpoint, None if the file was never begun.

        Args:
            sha256: Digest of the file, in hex.
            shuffled: Whether its items are sent in an order of their own.

        Raises:
            StopError: The checkpoint is not what `save` writes.
        """
        path = self._path(sha256)
        try:
            found = ReplayCheckpoint(**{"items_are_parts": False, **json.loads(path.read_bytes())})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise StopError(f"{path}: not a replay's progress ({error}): restore it, or remove it") from error
        if found.finished or (found.items_are_parts and found.shuffled == shuffled):
            return found
        # It counted other items. From the beginning again: the same records make events with the same ids.
        return ReplayCheckpoint(found.format, found.shift_us, shuffled=shuffled)

    def save(self, sha256: str, checkpoint: ReplayCheckpoint) -> None:
        """Write a file's checkpoint, durably and atomically.

        Args:
            sha256: Digest of the file, in hex.
            checkpoint: Its progress.
        """
        path = self._path(sha256)
        temporary = private_folder(self._folder) / f".{path.name}"
        with temporary.open("wb") as stream:
            stream.write(json.dumps(asdict(checkpoint)).encode())
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        sync_folder(self._folder)

    def anchor_us(self, now_us: Callable[[], int]) -> int:
        """Return the time of the first replay in this data directory, µs since 1970.

        Args:
            now_us: Returns the current time. Called at the first start only.

        Raises:
            StopError: The stored time is no number.
        """
        return self._fixed("anchor", now_us)

    def shift_us(self, shift_group: str, ends_us: int, anchor_us: int) -> int:
        """Return what is added to the times of a file, in µs.

        Files of one shift group keep their distance: its first files fix the group's shift. A file that was added
        later and would end after the anchor gets its own shift.

        Args:
            shift_group: `Format.shift_group` of the file.
            ends_us: Time of the file's last event, µs since 1970.
            anchor_us: Time of the first replay, µs since 1970.

        Raises:
            StopError: The stored shift is no number.
        """
        shift = self._fixed(f"shift.{shift_group}", lambda: shift_to(anchor_us, ends_us))
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
