"""Mends a refused record of a recording: its corrected form goes in, and nothing else of the file.

The corrected form is a file of the recording's own format, read by the same reader: the header if the format has one,
and the corrected records. All of it is accepted, or nothing is sent. The ids follow from the dead letter and the place
in the corrected file, so a second mend repeats the first one, byte for byte. The source is the refused record's. The
header `mended-dead-letter` names the dead letter.

The first file that mends a dead letter is the only one: its digest is kept in `<data>/replay/mended/`, before anything
is sent. Another file would give other values to the same ids.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from streams.config import StreamsConfig
from streams.durable_files import create_once
from streams.errors import MendError, RefusedEventError, SubjectForgottenError, UnknownFormatError
from streams.identity.pseudonyms import keyed_digest
from streams.identity.secret import deployment_secret
from streams.produce.producer import EventProducer
from streams.readers.formats import Accepted, Format, Item, Refused
from streams.readers.source import SourceError, head_of, measure, open_source, shown
from streams.record import ProducerRecord
from streams.replay.checkpoint import CheckpointFolder
from streams.replay.input import Input
from streams.replay.recordings import Recording, formats
from streams.replay.records import WHOLE_FILE, RecordWriter

HEADER: Final = "mended-dead-letter"
"""Name of the header that holds the dead letter's event id."""
CLOSING: Final[Mapping[str, tuple[Any, Any]]] = MappingProxyType(
    {"closes": (True, False), "ends": ("RECORDING_ENDED", None)}
)
"""Marks that a reader sets on the last record of a file, and their values elsewhere (docs/identity.md#closing-events).
The last record of the corrected file is not the last one of the recording."""
_DOMAIN: Final = b"city-mended-record/v1\n"


@dataclass(frozen=True)
class RefusedRecord:
    """The refused record of a file, as its dead letter names it.

    Attributes:
        event_id: The dead letter's id.
        path: Base name of the file.
        sha256: SHA-256 of the file, in hex.
        record: Number of the source record.
    """

    event_id: str
    path: str
    sha256: str
    record: int


@dataclass(frozen=True)
class _MendWriter(RecordWriter):
    """Maker of the records of a corrected file: ids of the dead letter, source of the refused record."""

    refused: RefusedRecord | None = None

    def digest(self, file: Input) -> bytes:
        """Return the digest from which the ids follow: that of the dead letter."""
        if self.refused is None:
            return super().digest(file)
        return hashlib.sha256(_DOMAIN + UUID(self.refused.event_id).bytes).digest()

    def record(self, number: int) -> int:
        """Return the number of the refused record."""
        return number if self.refused is None else self.refused.record


def mend(
    config: StreamsConfig, producer: EventProducer, refused: RefusedRecord, path: Path
) -> list[ProducerRecord]:
    """Make the records of a corrected file and keep its digest; the caller sends them.

    Args:
        config: Settings, with the data directory.
        producer: Checks, encrypts and encodes events.
        refused: What is mended.
        path: The corrected records, in the format of the recording.

    Raises:
        MendError: The file is not read, a record of it is refused, or another file mended this before.
        UnknownFormatError: The file is not of the recording's format.
    """
    folder = CheckpointFolder(config.data / "replay")
    done = folder.load(refused.sha256)
    if refused.record == WHOLE_FILE:
        raise MendError(
            f"{refused.path}: the whole file was refused, nothing of it went in: mend the file and replay it "
            "with `city replay`"
        )
    if done is None or done.format is None or done.format not in formats():
        raise MendError(f"{refused.path}: no replay of this file is known in {config.data / 'replay'}")
    form = formats()[done.format]
    if form.members is not None:
        raise MendError(
            f"{refused.path}: a recording of several files is mended as a whole: replay it with `city replay`"
        )
    secret = deployment_secret(config.keys)
    header = (HEADER, refused.event_id.encode())
    writer = _MendWriter(producer, secret, folder.anchor_us(lambda: 0), (header,), refused)
    file = Input(Recording(Path(refused.path), refused.sha256, form), replace(done))
    records = list(_records(writer, file, form, path))
    if not records:
        raise MendError(f"{shown(path)}: it holds no record; nothing was sent")
    with path.open("rb") as stream:
        digest = keyed_digest(secret, hashlib.file_digest(stream, "sha256").digest()).hex()
    kept = create_once(config.data / "replay" / "mended" / refused.event_id, digest.encode())
    if kept != digest.encode():
        raise MendError(
            f"{refused.event_id} was mended with another file before; only that file repeats it, nothing was sent"
        )
    return records


def _records(writer: RecordWriter, file: Input, form: Format, path: Path) -> Iterator[ProducerRecord]:
    for item in _items(form, path, file.recording.path):
        if isinstance(item, Refused):
            raise _refusal(path, item)
        if not isinstance(item, Accepted):
            continue
        drafts = tuple(replace(each, fields=_unclosed(each.fields)) for each in item.drafts)
        try:
            found, records = writer.write(file, replace(item, drafts=drafts))
        except (RefusedEventError, SubjectForgottenError) as error:
            raise MendError(f"{shown(path)} record {item.record}: {error}; nothing was sent") from error
        if isinstance(found, Refused):
            raise _refusal(path, found)
        yield from records


def _items(form: Format, path: Path, named: Path) -> Iterator[Item]:
    """Yield the items of a corrected file; `named` is the path whose name some formats read."""
    try:
        head = head_of(path)
        measure(path)
    except SourceError as error:
        raise MendError(f"{shown(path)}: {error}") from error
    if not (form.matches(head) or (form.matches_name and form.matches_name(head, named.name))):
        raise UnknownFormatError(
            f"{shown(path)}: it does not begin like {form.name}; put the header of {named.name}, or whatever its "
            "records stand in, around the corrected records; nothing was sent"
        )
    with open_source(path) as stream:
        yield from form.items(stream, named)


def _unclosed(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an event's fields without the marks of a file's last record."""
    changes = {name: other for name, (mark, other) in CLOSING.items() if fields.get(name) == mark}
    return {**fields, **changes} if changes else fields


def _refusal(path: Path, item: Refused) -> MendError:
    line = f" line {item.line}" if item.line else ""
    return MendError(
        f"{shown(path)} record {item.record}{line}: refused again by {item.rule}: {item.reason}; nothing was sent"
    )
