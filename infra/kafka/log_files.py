"""Looks at the small files of Kafka's log directory before the broker does.

Kafka sets a partition aside (`<topic>-<n>.<id>-stray`) whose `partition.metadata` is gone, and goes on with an empty
one. A checkpoint that it cannot read takes the whole directory off line, though Kafka would make the file again from
its records if it were gone. Both were tried with each file and Kafka 4 (`tests/infra/kafka/test_log_files.py`).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from infra.kafka.errors import DamagedFileError
from ledger_sink.regular_file import FileTooLongError, NotRegularError, read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

MOST_BYTES = 16 << 20
"""Most that is read of one file; a checkpoint holds a short line for each partition or leader epoch."""
METADATA = "partition.metadata"
ANY_ID = "Y2l0eS10ZWxlbWV0cnktMQ"
"""A cluster id in Kafka's form, for a log directory that has lost its own."""
OFFSETS = (
    "recovery-point-offset-checkpoint",
    "replication-offset-checkpoint",
    "log-start-offset-checkpoint",
    "cleaner-offset-checkpoint",
)
EPOCHS = "leader-epoch-checkpoint"
IDENTITY = "meta.properties"
_QUORUM = "__cluster_metadata-0"
_NAME = re.compile(r"(?P<topic>[a-zA-Z0-9._-]{1,249})-\d+")
"""Folder of a partition (the characters of a topic's name: `org.apache.kafka.common.internals.Topic`)."""
_STRAY = re.compile(r"(?P<partition>.+-\d+)\.[0-9a-f]{32}-stray")
_TOPIC_ID = re.compile(r"version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n?")
_OFFSETS = re.compile(r"0\n(\d+)\n((?:\S+ \d+ \d+\n?)*)")
_EPOCHS = re.compile(r"0\n(\d+)\n((?:\d+ \d+\n?)*)")
_PROPERTY = re.compile(r"\s*(?:[#!].*)?|(version|node\.id|directory\.id|cluster\.id)=([\w.-]*)\s*")
_BATCH_BYTES, _MAGIC = 61, 16
"""Length of the header of a record batch, and where its version stands (Kafka protocol guide, "Record Batch")."""


def require_sound(log_dir: Path) -> None:
    """Refuse a log directory with a small file that Kafka would stumble over, or lose a partition by.

    Args:
        log_dir: Kafka's log directory, formatted, while no broker works in it.

    Raises:
        DamagedFileError: A file is damaged or gone; the message says what to do.
        OSError: The directory cannot be read.
    """
    found = [*_identity(log_dir), *_small_files(log_dir), *_partitions(log_dir)]
    if found:
        more = f" (and {len(found) - 1} more such files)" if len(found) > 1 else ""
        raise DamagedFileError(f"{found[0]}{more}; docs/recovery.md")


def write_anew(path: Path) -> str:
    """Return what to do where a log directory's identity is gone: Kafka serves its records under any cluster id."""
    lines = rf"version=1\nnode.id=1\ncluster.id={ANY_ID}\n"
    return f"put it back from any backup, or write it anew: printf '{lines}' > {path}"


def _identity(log_dir: Path) -> Iterator[str]:
    """Yield one line if `meta.properties` is not as Kafka wrote it."""
    path = log_dir / IDENTITY
    content = _content(path)
    lines = [_PROPERTY.fullmatch(line) for line in (content or b"").decode(errors="replace").splitlines()]
    values = {each[1]: each[2] for each in lines if each and each[1]}
    if None in lines or (values.get("version"), values.get("node.id")) != ("1", "1"):
        yield f"{path}: damaged, no record is lost: {write_anew(path)}"


def _small_files(log_dir: Path) -> Iterator[str]:
    """Yield one line for each damaged file that Kafka makes again."""
    made_again = [log_dir / name for name in (*OFFSETS, "bootstrap.checkpoint")]
    made_again += [log_dir / _QUORUM / name for name in ("quorum-state", METADATA)]
    made_again += sorted(log_dir.glob(f"*-*/{EPOCHS}"))
    for path in made_again:
        content = _content(path)
        if content is not None and not _is_sound(path, content):
            yield f"{path}: damaged; move it away and start again: Kafka makes it anew, no record is lost"


def _content(path: Path) -> bytes | None:
    """Return a file's bytes; None if there is no such file.

    Raises:
        DamagedFileError: It is no regular file, or far too large.
    """
    try:
        return read_regular(path, MOST_BYTES)
    except (FileNotFoundError, NotRegularError, FileTooLongError) as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            return None
        raise DamagedFileError(
            f"{path}: is not a file that Kafka wrote; move it away and start again"
        ) from error


def _is_sound(path: Path, content: bytes) -> bool:
    if path.name == "bootstrap.checkpoint":
        return len(content) > _BATCH_BYTES and content[_MAGIC] == 2
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    match path.name:
        case "quorum-state":
            try:
                return isinstance(json.loads(text), dict)
            except (ValueError, RecursionError):
                return False
        case name if name == METADATA:
            return _TOPIC_ID.fullmatch(text) is not None
        case name:
            return text == "" or _is_checkpoint(_EPOCHS if name == EPOCHS else _OFFSETS, text)


def _is_checkpoint(form: re.Pattern[str], text: str) -> bool:
    found = form.fullmatch(text)
    return found is not None and int(found[1]) == len(found[2].splitlines())


def _partitions(log_dir: Path) -> Iterator[str]:
    """Yield one line for each partition whose topic Kafka would not recognise, or did not recognise earlier."""
    folders = sorted(path for path in log_dir.iterdir() if path.is_dir() and path.name != _QUORUM)
    ids: dict[Path, str | None] = {}
    for folder in folders:
        if _NAME.fullmatch(folder.name):
            content = _content(folder / METADATA)
            text = (content or b"").decode(errors="replace")
            found = _TOPIC_ID.fullmatch(text)
            ids[folder] = found[1] if found else None
    yield from strays(log_dir)
    yield from _unnamed(ids)
    yield from _foreign(ids)


def strays(log_dir: Path) -> Iterator[str]:
    """Yield one line for each partition with records that Kafka has set aside; a broker may run.

    Raises:
        OSError: The directory cannot be read.
    """
    for folder in sorted(log_dir.iterdir() if log_dir.exists() else ()):
        if (stray := _STRAY.fullmatch(folder.name)) and _has_records(folder):
            yield (
                f"{folder}: Kafka set this partition aside because its {METADATA} was gone; its records are "
                f"there: stop the city, rename the folder to {stray['partition']} (move an empty one of that name "
                f"away) and put {METADATA} back, or move it out of {log_dir} if its topic was deleted"
            )


def _unnamed(ids: Mapping[Path, str | None]) -> Iterator[str]:
    """Yield one line for each partition with records and no topic id."""
    for folder, topic_id in ids.items():
        if topic_id is not None or not _has_records(folder):
            continue
        others = (each for each, known in ids.items() if known and _topic(each) == _topic(folder))
        other = next(others, None)
        todo = f"cp {other / METADATA} {folder}/" if other else "put it back from a backup"
        yield (
            f"{folder / METADATA}: gone or damaged, so Kafka would set the partition's records aside; it is the same "
            f"for each partition of a topic: {todo}"
        )


def _foreign(ids: Mapping[Path, str | None]) -> Iterator[str]:
    """Yield one line for each topic whose partitions have several ids, and for each id of several topics."""
    topics_of: dict[str, set[str]] = {}
    ids_of: dict[str, set[str]] = {}
    for folder, topic_id in ids.items():
        if topic_id:
            topics_of.setdefault(topic_id, set()).add(_topic(folder))
            ids_of.setdefault(_topic(folder), set()).add(topic_id)
    for folder, topic_id in ids.items():
        if topic_id and max(len(ids_of[_topic(folder)]), len(topics_of[topic_id])) > 1:
            yield (
                f"{folder / METADATA}: names topic id {topic_id}, {_why(_topic(folder), ids_of, topics_of[topic_id])}: "
                "put the file back from a backup"
            )


def _why(topic: str, ids_of: Mapping[str, Iterable[str]], topics: set[str]) -> str:
    others = sorted(topics - {topic})
    if others:
        return f"which topic {others[0]} has, too"
    return f"and another partition of the topic names another of {', '.join(sorted(ids_of[topic]))}"


def _topic(folder: Path) -> str:
    return folder.name.rpartition("-")[0]


def _has_records(folder: Path) -> bool:
    return any(path.stat().st_size for path in folder.glob("*.log") if path.exists())
