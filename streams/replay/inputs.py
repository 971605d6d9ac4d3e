"""The files of a replay: each with its progress, and the order in which its items are sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from schemas.catalog import Catalog
from streams.identity.pseudonyms import keyed_order
from streams.identity.secret import DeploymentSecret
from streams.readers.source import shown
from streams.replay.checkpoint import CheckpointFolder, ReplayCheckpoint
from streams.replay.input import Input
from streams.replay.recordings import Recording

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class KeyedOrder:
    """The order in which recordings of persons are sent (`streams.replay.shuffle`).

    Attributes:
        catalog: Its topics state which domains make pseudonyms.
        secret: Returns the deployment secret.
    """

    catalog: Catalog
    secret: Callable[[], DeploymentSecret]

    def of(self, recording: Recording) -> Callable[[int], int] | None:
        """Return what numbers the items of a recording. None if it keeps the file's order."""
        domain = self.catalog.domains.get(recording.format.domain if recording.format else "")
        if domain is None or not recording.sha256 or not any(topic.pseudonym for topic in domain.topics):
            return None
        return partial(keyed_order, self.secret(), bytes.fromhex(recording.sha256))


def inputs_of(folder: CheckpointFolder, recordings: Sequence[Recording], order: KeyedOrder) -> list[Input]:
    """Return the files with their checkpoints. The same bytes under a second path are not replayed twice.

    Args:
        folder: The checkpoints.
        recordings: The files, in order.
        order: The order of recordings of persons.
    """
    inputs: list[Input] = []
    first: dict[str, Path] = {}
    for recording in recordings:
        digest, name = recording.sha256, recording.format.name if recording.format else None
        keyed_number = order.of(recording)
        shuffled = keyed_number is not None
        kept = folder.load(digest, shuffled=shuffled) if digest else None
        if kept is not None and (kept.format != name or _renamed(recording, kept)):
            kept = None  # its format was not known when it was saved, or its name did not say whose it is
        one = digest if digest and recording.part_of is None else str(recording.path)
        original = first.setdefault(one, recording.path)
        copy_of = None if original == recording.path else original
        inputs.append(
            Input(
                recording,
                kept or ReplayCheckpoint(name, 0, name=shown(recording.path.name), shuffled=shuffled),
                fresh=kept is None,
                copy_of=copy_of,
                keyed_number=keyed_number,
            )
        )
    return inputs


def _renamed(recording: Recording, kept: ReplayCheckpoint) -> bool:
    """Return True if all of a file was refused under another name, and its format reads the name."""
    named = recording.format is not None and recording.format.named is not None
    return named and kept.read > 0 and not kept.accepted and kept.name != shown(recording.path.name)
