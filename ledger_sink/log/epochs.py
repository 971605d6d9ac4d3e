"""Epochs of a partition log: which one is current, and how to declare a new one (docs/ledger.md#names-and-epochs).

An operator declares a new epoch when a log cannot go on: the topic was re-created, Kafka lost records, a state was
damaged, a key changed. Its START leaf names the last checkpoint of the epoch before.
"""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ledger_sink.errors import DamagedStateError, LedgerError, SetupError
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.control import Gap, Start, parse_control
from ledger_sink.format.errors import FormatError
from ledger_sink.format.layout import LOCK, STATE, control_path
from ledger_sink.format.leaf import Kind, Leaf
from ledger_sink.format.merkle import EMPTY_ROOT
from ledger_sink.log.name import NO_TOPIC, LogName, published_checkpoint
from ledger_sink.log.reasons import REFUSED, STOPPED, read_reason
from ledger_sink.log.state import LogState, read_state
from ledger_sink.log.tile_log import TileSource
from ledger_sink.store import FileStore

if TYPE_CHECKING:
    from ledger_sink.config import LedgerConfig
    from ledger_sink.store import Store


def epochs_of(store: Store, topic: str, partition: int) -> list[int]:
    """Return the epochs of a partition log on disk, in rising order."""
    names = [name.rstrip("/") for name in store.listing(f"{topic}/{partition}")]
    return sorted(int(name) for name in names if name.isdecimal())


def partitions_of(store: Store, topic: str) -> list[int]:
    """Return the partitions of a topic on disk, in rising order."""
    names = [name.rstrip("/") for name in store.listing(topic)]
    return sorted(int(name) for name in names if name.isdecimal())


def current_log(store: Store, city: str, topic: str, partition: int) -> LogName:
    """Return the log of the newest epoch of a partition; epoch 1 if none is on disk."""
    return LogName(city, topic, partition, max(epochs_of(store, topic, partition), default=1))


def new_epoch_command(store: Store, topic: str) -> str:
    """Return the words that say how an operator declares a new epoch of a topic."""
    root = getattr(store, "root", None)
    where = "" if root is None else f" --data {shlex.quote(str(root.parent))}"
    return f"stop the city and run: city keys new-epoch {topic}{where}"


def sound_logs(config: LedgerConfig, topic: str) -> list[str]:
    """Return the origins of a topic's newest logs that nothing keeps from going on, while the ledger is stopped."""
    store = FileStore(config.ledger)
    logs = [current_log(store, config.city, topic, partition) for partition in partitions_of(store, topic)]
    return [name.origin for name in logs if _is_sound(store, name)]


def _is_sound(store: Store, name: LogName) -> bool:
    if read_reason(store, name.folder, STOPPED) or read_reason(store, name.folder, REFUSED):
        return False
    try:
        state = read_state(store, name.folder)
    except LedgerError:
        return False
    return state is not None and state.origin == name.origin


def new_epoch(config: LedgerConfig, topic: str) -> list[str]:
    """Declare a new epoch of every partition log of a topic while the ledger is stopped.

    If the topic is still the same, the new epoch goes on where the last published checkpoint ends. If the topic was
    re-created, the new epoch begins at the topic's beginning.

    Args:
        config: city name and data directory.
        topic: name of the topic.

    Returns:
        The new origins. An epoch that was declared before and has no leaf yet stays as it is.

    Raises:
        LockHeldError: the ledger is running; stop it first.
        SetupError: no log of this topic is on disk.
    """
    store = FileStore(config.ledger)
    partitions = partitions_of(store, topic)
    if not partitions:
        raise SetupError(f"{topic}: no log on file under {config.ledger}; nothing to declare")
    with ExitStack() as locks:
        logs = [current_log(store, config.city, topic, partition) for partition in partitions]
        for name in logs:
            locks.callback(store.lock(f"{name.folder}/{LOCK}").release)
        states = {}
        origins = []
        for name in logs:
            if _is_declared(store, name):
                origins.append(name.origin)
                continue
            fresh = LogName(name.city, name.topic, name.partition, name.epoch + 1)
            topic_id, next_offset = _carried(store, name)
            state = LogState(fresh.origin, topic_id, 0, EMPTY_ROOT, next_offset)
            states[f"{fresh.folder}/{STATE}"] = state.encode()
            origins.append(fresh.origin)
        store.write(states)
    return origins


def _is_declared(store: Store, name: LogName) -> bool:
    """Return whether a log is a declared epoch without leaves."""
    try:
        state = read_state(store, name.folder)
    except DamagedStateError:
        return False
    return state is not None and not state.size


def _carried(store: Store, name: LogName) -> tuple[bytes, int]:
    """Return topic id and next offset as of the last published checkpoint; `NO_TOPIC` and 0 if unreadable."""
    try:
        state = read_state(store, name.folder)
    except LedgerError:
        state = None
    note = published_checkpoint(store, name)
    try:
        size = parse_checkpoint(note)[0].size if note else 0
        if state is not None and state.size == size:
            return state.topic_id, state.next_offset
        start = parse_control(store.read(f"{name.folder}/{control_path(0)}"))
        if size and isinstance(start, Start):
            return bytes.fromhex(start.topic_id), _next_offset(store, name, size)
    except (LedgerError, FormatError):
        pass  # too damaged to go on from: the new epoch begins where the topic does
    return NO_TOPIC, 0


def _next_offset(store: Store, name: LogName, size: int) -> int:
    """Return the first offset that the first `size` leaves do not commit to."""
    leaf = Leaf.parse(TileSource(store, name.folder).entry(size - 1, size))
    if leaf.kind is Kind.RECORD:
        return leaf.offset + 1
    control = parse_control(store.read(f"{name.folder}/{control_path(size - 1)}"))
    return control.last_missing + 1 if isinstance(control, Gap) else leaf.offset
