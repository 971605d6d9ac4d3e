"""Why a log does not go on: one line of text in its folder, durable, so that anyone who can read files sees it.

| file | meaning | removed |
|---|---|---|
| `stopped.txt` | the log's own writer stopped | when the writer opens the log again |
| `refused.txt` | the city log puts no checkpoint of this log into a block | when the city log opens again |
| `waiting.txt` | the city log waits for the clock; the first line is the time until which, or empty | when it goes on |
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ledger_sink.errors import MissingFileError, StoreError

if TYPE_CHECKING:
    from ledger_sink.store import Store

STOPPED: Final = "stopped.txt"
REFUSED: Final = "refused.txt"
WAITING: Final = "waiting.txt"

log = logging.getLogger("ledger.sink")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why and until when the city log waits for the clock."""

    until: str
    """Time at which it goes on by itself, RFC 3339 in UTC; empty if it does not."""
    reason: str

    def __str__(self) -> str:
        until = f" until {self.until}" if self.until else ""
        return f"the city log waits for the clock{until}: {self.reason}"

    def encode(self) -> str:
        """Return the lines of `waiting.txt`."""
        return f"{self.until}\n{self.reason}"

    @classmethod
    def parse(cls, text: str) -> Waiting:
        """Read what `encode` wrote."""
        until, _, reason = text.partition("\n")
        return cls(until, reason)


def write_reason(store: Store, folder: str, name: str, reason: str) -> None:
    """Write a reason; log a warning if the store does not take it."""
    try:
        store.write({f"{folder}/{name}": f"{reason}\n".encode()})
    except StoreError as error:
        log.warning("%s/%s: %s", folder, name, error)


def clear_reason(store: Store, folder: str, name: str) -> None:
    """Remove a reason that no longer holds."""
    store.remove([f"{folder}/{name}"])


def read_reason(store: Store, folder: str, name: str) -> str:
    """Return a reason; empty if there is none."""
    try:
        return store.read(f"{folder}/{name}").decode("utf-8", "replace").removesuffix("\n")
    except MissingFileError:
        return ""


def why_not_covered(store: Store, city_folder: str, log_folder: str) -> str:
    """Return why no block covers what a log appends now, and what to do; empty if nothing is known to be in the way.

    Args:
        store: the ledger's files.
        city_folder: folder of the city log.
        log_folder: folder of the partition log.
    """
    for folder, what in ((city_folder, "the city log"), (log_folder, "its log")):
        if reason := read_reason(store, folder, STOPPED):
            return f"{what} has stopped: {reason}"
    if reason := read_reason(store, log_folder, REFUSED):
        return f"the city log refuses its log: {reason}"
    if text := read_reason(store, city_folder, WAITING):
        return str(Waiting.parse(text))
    return ""
