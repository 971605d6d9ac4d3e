"""Finds recordings, recognises their formats and opens them (docs/recordings.md#source-records).

- Every `streams/domains/<domain>/recordings.py` declares its formats in `FORMATS`. They are not listed here.
- A file's first bytes decide its format (`streams.readers.source` decompresses them). Its name is asked only where the
  content is thin.
- A file is read through once before anything of it is sent. Its digest covers the bytes on disk. So a truncated or
  damaged compressed file is found before half of it was sent.
- A file of a folder that cannot be read is listed with the reason. If it was named explicitly, it is an error.
- Labelled scenarios (`streams.readers.scenarios`) are found the same way.
- A recording of several files is known by its main file. The digest is that file's. The others are listed as its parts.
"""

import hashlib
import importlib
import importlib.util
import io
import pkgutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

import streams.domains
from streams.errors import RecordingError, UnknownFormatError
from streams.readers.formats import Format
from streams.readers.scenarios import SCENARIO
from streams.readers.source import SourceError, head_of, is_compressed, measure, open_source, shown

LARGEST_TOGETHER = 256 << 20
"""Decompressed bytes of a recording of several files: its reader gets them in memory."""

UNKNOWN = "no known format"
_EXCERPTS = "excerpts"
_SCENARIOS = "scenarios"


@dataclass(frozen=True, slots=True)
class Recording:
    """A file that was read through once.

    Attributes:
        path: Its path.
        sha256: Digest of its bytes in hex. Empty if it could not be opened.
        format: Its format, None if no domain reads it.
        problem: Why it is not replayed, in one line. None if it is.
        part_of: Main file of the recording that it belongs to. None for the main file itself.
        size: Its decompressed bytes, those of all its files for a recording of several. 0 if it cannot be read.
    """

    path: Path
    sha256: str
    format: Format | None
    problem: str | None = None
    part_of: Path | None = None
    size: int = 0

    @property
    def source(self) -> str:
        """Source of its events, without `#` and the record's number (docs/identity.md#sources)."""
        kind = "replay" if self.format is None else self.format.kind
        return f"{kind}:{self.sha256[:16]}"


@cache
def formats() -> Mapping[str, Format]:
    """Return the formats of all domains and the scenario format, by name."""
    found: dict[str, Format] = {SCENARIO.name: SCENARIO}
    for domain in pkgutil.iter_modules(streams.domains.__path__):
        module = f"{streams.domains.__name__}.{domain.name}.recordings"
        if not domain.ispkg or importlib.util.find_spec(module) is None:
            continue
        for each in importlib.import_module(module).FORMATS:
            found[each.name] = each
    return found


def bundled(domain: str = "*") -> tuple[Path, ...]:
    """Return the packaged recordings of one domain, by default of all. A folder is one recording."""
    found = [path for path in _packaged(f"{domain}/{_EXCERPTS}/*") if path.suffix == ".gz" or path.is_dir()]
    return tuple(found)


def bundled_scenarios(domain: str = "*") -> tuple[Path, ...]:
    """Return the packaged scenarios of one domain, by default of all."""
    return tuple(_packaged(f"{domain}/{_SCENARIOS}/*.jsonl"))


def _packaged(pattern: str) -> list[Path]:
    return sorted(path for place in streams.domains.__path__ for path in Path(place).glob(pattern))


def content(recording: Recording) -> BinaryIO:
    """Open the reader's input: the file, or a zip of the files of a recording of several."""
    form = recording.format
    if form is None or form.members is None:
        return open_source(recording.path)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, path in form.members(recording.path).items():
            with open_source(path) as stream:
                archive.writestr(name, stream.read())
    packed.seek(0)
    return packed


def find(paths: Sequence[Path], *, format_name: str | None = None) -> list[Recording]:
    """Read through files and folders and recognise their formats.

    Args:
        paths: Files and folders. A folder stands for all files below it, sorted, without hidden ones.
        format_name: The only format to recognise, if given.

    Returns:
        Every file once, in order. Those of a folder that are not replayed have a `problem`.

    Raises:
        UnknownFormatError: There is no such format, or a named file has no known format.
        RecordingError: A named path does not exist, cannot be read or is damaged.
    """
    wanted = _wanted(format_name)
    found: dict[Path, Recording] = {}
    for path in paths:
        if path.is_dir():
            files = list(_files(path))
            if not files:
                raise RecordingError(f"{shown(path)}: the folder holds no file")
            for file in files:
                found.setdefault(file, look(file, wanted))
            continue
        recording = look(path, wanted)
        _require_sound(recording, wanted)
        found[path] = recording
        if recording.part_of is not None:
            found.setdefault(recording.part_of, look(recording.part_of, wanted))
    return list(found.values())


def check_named(paths: Sequence[Path], *, format_name: str | None = None) -> None:
    """Check the named files by their first bytes. `find` reads the rest and the folders.

    Args:
        paths: Files and folders, as for `find`.
        format_name: The format of every file, if given.

    Raises:
        UnknownFormatError: There is no such format, or a file has no known format.
        RecordingError: A path does not exist, is no file, or cannot be read.
    """
    wanted = _wanted(format_name)
    for path in paths:
        if path.is_dir():
            if next(_files(path), None) is None:
                raise RecordingError(f"{shown(path)}: the folder holds no file")
            continue
        if not path.exists():
            raise RecordingError(f"{shown(path)}: no such file or folder")
        if not path.is_file():  # reading a pipe would wait for its writer
            raise RecordingError(f"{shown(path)}: neither a file nor a folder")
        _require_sound(_checked(path, wanted), wanted)


def _checked(path: Path, wanted: Sequence[Format]) -> Recording:
    """Recognise a file. A compressed one is read to its end first."""
    try:
        damage = _damage(path) if is_compressed(path) else None
    except OSError as error:
        return _unreadable(path, error)
    return _recognized(path, wanted, damage=damage)


def _require_sound(recording: Recording, wanted: Sequence[Format]) -> None:
    if recording.problem is None:
        return
    if recording.format:
        raise RecordingError(f"{shown(recording.path)}: {recording.problem}")
    if recording.problem != UNKNOWN:
        raise UnknownFormatError(f"{shown(recording.path)}: {recording.problem}")
    known = ", ".join(each.name for each in wanted)
    raise UnknownFormatError(f"{shown(recording.path)}: {recording.problem} (known: {known})")


def look(path: Path, wanted: Sequence[Format]) -> Recording:
    """Read through one file. Any fault of it becomes its `problem`.

    Args:
        path: The file.
        wanted: Formats to recognise.
    """
    size, damage = 0, None
    if path.is_dir():
        return Recording(path, "", None, "a link to a folder is not followed; name the folder itself")
    if path.exists() and not path.is_file():  # reading a pipe would wait for its writer
        return Recording(path, "", None, "neither a file nor a folder")
    try:
        digest = _digest(path)
        size = measure(path)
    except SourceError as error:
        damage = str(error)
    except OSError as error:
        return _unreadable(path, error)
    return _recognized(path, wanted, digest, damage, size)


def _unreadable(path: Path, error: OSError) -> Recording:
    return Recording(path, "", None, f"cannot be read: {error.strerror or error}")


def _recognized(
    path: Path, wanted: Sequence[Format], digest: str = "", damage: str | None = None, size: int = 0
) -> Recording:
    """Recognise a file's format by its first bytes. Known damage explains why it has none."""
    try:
        head = head_of(path)
    except SourceError as error:
        return Recording(path, digest, None, damage or str(error))
    except OSError as error:
        return _unreadable(path, error)
    try:
        form = _format_of(head, path.name, wanted)
    except ValueError as error:
        return Recording(path, digest, None, damage or (str(error) if head else _damage(path)) or str(error))
    if form.members is not None:
        return _member(path, digest, form)
    return Recording(path, digest, form, damage, size=size)


def _format_of(head: bytes, name: str, wanted: Sequence[Format]) -> Format:
    """Return the format of a source.

    Raises:
        ValueError: It has none, or its first line is invalid.
    """
    if not head:
        raise ValueError("the file is empty")
    found = next((each for each in wanted if each.matches(head)), None) or next(
        (each for each in wanted if each.matches_name and each.matches_name(head, name)), None
    )
    if found is None:
        raise ValueError(UNKNOWN)
    return found if found.resolve is None else found.resolve(head)


def _damage(path: Path) -> str | None:
    """Read a source to its end. Return what is wrong with it, or None."""
    try:
        measure(path)
    except SourceError as error:
        return str(error)
    return None


def _member(path: Path, digest: str, form: Format) -> Recording:
    """Return a file as the main file or a part of its recording."""
    members = form.members(path) if form.members is not None else {}
    main = next(iter(members.values()), None)
    if main is None:
        return Recording(
            path, digest, None, f"a file of a {form.name} recording whose main files are not there"
        )
    if main != path:
        return Recording(path, digest, form, part_of=main)
    try:
        size = sum(map(measure, members.values()))
        if size > LARGEST_TOGETHER:
            problem = (
                f"a recording of several files of {size} bytes together; at most {LARGEST_TOGETHER} are read"
            )
            return Recording(path, digest, form, problem)
        return Recording(path, digest, form, size=size)
    except SourceError as error:
        return Recording(path, digest, form, str(error))
    except OSError as error:
        return _unreadable(path, error)


def _wanted(name: str | None) -> Sequence[Format]:
    known = formats()
    if name is None:
        return list(known.values())
    if name not in known:
        raise UnknownFormatError(f"{name}: no such format; known are {', '.join(sorted(known))}")
    return [known[name]]


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
