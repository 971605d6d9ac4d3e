"""What of a ledger is covered by the newest published city checkpoint: the reader's view of all logs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ledger_sink.city_log.state import read_city_state
from ledger_sink.errors import LedgerError, MissingFileError
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.format.keys import city_origin
from ledger_sink.format.layout import CHECKPOINT, log_path
from ledger_sink.format.leaf import LEAF_BYTES, Kind
from ledger_sink.log.epochs import epochs_of, partitions_of
from ledger_sink.log.name import LogName
from ledger_sink.log.state import read_state
from ledger_sink.log.tile_log import TileSource
from ledger_sink.store import FileStore
from ledger_sink.witness.city_policy import read_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger_sink.config import LedgerConfig
    from ledger_sink.format.checkpoint import Checkpoint
    from ledger_sink.store import Store


@dataclass(frozen=True)
class Summary:
    """How far a ledger is, read from its published files alone."""

    sealed: dict[str, int] = field(default_factory=dict)
    """Record leaves under signed partition checkpoints, by topic, all epochs."""
    logs: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Size and base64 root of each published partition log, by origin."""
    city: tuple[int, str] = (0, "")
    """Size and base64 root of the published city log; leaf k is block k, so the size is the number of blocks."""
    cosignatures: int = 0
    """Cosignature lines on the published city checkpoint."""
    uncovered: tuple[str, ...] = ()
    """Origins whose published checkpoint, or committed state, no published city checkpoint covers yet."""
    stopped: dict[str, str] = field(default_factory=dict)
    """Why a log stopped, by origin."""


def summarize(config: LedgerConfig) -> Summary:
    """Read how far the ledger is; a file that cannot be read counts as not there (the audit says why)."""
    store = FileStore(config.ledger)
    city_folder = log_path(city_origin(config.city))
    covered, mentions, cosignatures = published_head(store, city_folder), {}, 0
    try:
        state = read_city_state(store, city_folder)
        if state is not None and covered is not None:
            mentions = {o: m.size for o, m in state.last_checkpoints.items() if m.block < covered.size}
            cosignatures = _cosignatures(store, city_folder)
    except LedgerError:
        pass  # nothing is covered that cannot be shown
    sealed: dict[str, int] = {}
    logs, uncovered, stopped = {}, [], {}
    for name in logs_of(store, config):
        sealed.setdefault(name.topic, 0)
        head = published_head(store, name.folder)
        reason = _stopped(store, name)
        if reason:
            stopped[name.origin] = reason
        if head is not None:
            sealed[name.topic] += count_records(store, name, head.size)
            logs[name.origin] = (head.size, _base64(head))
        committed = _committed_size(store, name)
        if committed and mentions.get(name.origin, 0) < committed:
            uncovered.append(name.origin)
    city = (covered.size, _base64(covered)) if covered else (0, "")
    return Summary(sealed, logs, city, cosignatures, tuple(uncovered), stopped)


def logs_of(store: Store, config: LedgerConfig) -> Iterator[LogName]:
    """Return every log on file of the configured topics, all partitions and epochs."""
    for topic in config.topics:
        for partition in partitions_of(store, topic.name):
            for epoch in epochs_of(store, topic.name, partition):
                yield LogName(config.city, topic.name, partition, epoch)


def published_head(store: Store, folder: str) -> Checkpoint | None:
    """Return the head that a log publishes; its signatures are not checked here."""
    try:
        return parse_checkpoint(store.read(f"{folder}/{CHECKPOINT}"))[0]
    except (MissingFileError, FormatError):
        return None


def count_records(store: Store, name: LogName, size: int) -> int:
    """Count the leaves of kind record among the first `size`."""
    source, count = TileSource(store, name.folder), 0
    try:
        for entry in source.entries(size):
            count += len(entry) == LEAF_BYTES and entry[1] == Kind.RECORD
    except LedgerError:
        return count
    return count


def _committed_size(store: Store, name: LogName) -> int:
    try:
        state = read_state(store, name.folder)
    except LedgerError:
        return 0
    return state.size if state else 0


def _cosignatures(store: Store, folder: str) -> int:
    policy = read_policy(store)
    _, note = parse_checkpoint(store.read(f"{folder}/{CHECKPOINT}"))
    keys = [witness.key for witness in policy.witnesses] if policy else []
    return sum(any(key.matches(signature) for key in keys) for signature in note.signatures)


def _stopped(store: Store, name: LogName) -> str:
    try:
        return store.read(f"{name.folder}/stopped.txt").decode().strip()
    except MissingFileError:
        return ""


def _base64(head: Checkpoint) -> str:
    return head.text.split("\n")[2]
