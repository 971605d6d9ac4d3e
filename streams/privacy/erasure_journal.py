"""Notes erasures on disk before they begin: `<data>/keys/erased/<event id>.json`, one event of `platform.erasure` each.

A note stays for ever. Together with `platform.erasure` it is what a start applies again (`reapply.py`). So an erasure
that a crash interrupted is finished, and a folder of notes that was kept apart from a backup erases the persons again
in what is restored from it. A note names a pseudonym and a ground, never a key.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from streams.durable_files import create_once
from streams.errors import StopError

FOLDER = "erased"
_MEMBERS = {"event_id", "salt", "source", "occurred_at", "recorded_at", "subject", "ground", "keys"}


def note(keys: Path, event: Mapping[str, Any]) -> None:
    """Note an erasure durably.

    Args:
        keys: `<data>/keys`.
        event: Its event, with the envelope.
    """
    plain = {**event, "salt": event["salt"].hex()}
    path = keys / FOLDER / f"{event['event_id']}.json"
    create_once(path, json.dumps(plain, ensure_ascii=False).encode())


def notes(keys: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of all noted erasures, in the order of their ids.

    Args:
        keys: `<data>/keys`.

    Raises:
        StopError: A note cannot be read. Without it a person could come back.
    """
    for path in sorted((keys / FOLDER).glob("*.json")):
        if path.name.startswith("."):
            continue
        try:
            yield _parsed(path.read_bytes())
        except OSError as error:
            raise StopError(f"{path}: cannot be read: {error.strerror or error}") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise StopError(
                f"{path}: not the note of an erasure: restore it from a copy of this folder; without one, remove it and"
                " erase the person again with `city forget`"
            ) from error


def _parsed(data: bytes) -> dict[str, Any]:
    """Return the event of a note.

    Raises:
        ValueError: It is no event of `platform.erasure`.
    """
    event = json.loads(data)
    if event.keys() != _MEMBERS or not isinstance(event["subject"], str) or not event["subject"]:
        raise ValueError("not an erasure")
    return {**event, "salt": bytes.fromhex(event["salt"])}
