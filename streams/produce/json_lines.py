"""Produces events from JSON lines, for `city produce TOPIC`.

Each event counts as a device's: random UUIDv7, random salt, `occurred_at` now unless the line has its own. A line
that cannot be sent is reported with its number and the reason. The other lines are sent.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from streams.errors import RefusedEventError, SubjectForgottenError
from streams.identity.event_ids import device_id, device_salt, stream_of
from streams.produce.producer import EventProducer

_TIMES = ("occurred_at", "recorded_at")
_OURS = ("salt",)


def produce_lines(
    producer: EventProducer, topic: str, lines: Iterable[str], source: str, first_number: int | None = None
) -> tuple[int, list[str]]:
    """Send one event per line and wait for their delivery.

    Args:
        producer: Sends the events.
        topic: Topic of the catalogue.
        lines: JSON objects. Blank lines are skipped. Missing envelope fields are filled in. Times are ISO 8601 with
            offset, or microseconds since 1970.
        source: Source of the lines that have none.
        first_number: First sequence number of each source's events of each subject. None: no numbers.

    Returns:
        The number of delivered events, and one line of text for each refused line.

    Raises:
        DeliveryError: Kafka did not take them.
    """
    sent, refused = 0, []
    known = producer.catalog.topics.get(topic)
    numbers: Counter[tuple[str, str]] = Counter()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            event = _event(line, source)
            subject = (stream_of(str(event["source"])), str(event.get(known.key) if known else ""))
            own = None if first_number is None else first_number + numbers[subject]
            producer.produce(topic, event, sequence=own)
        except (ValueError, RefusedEventError, SubjectForgottenError) as error:
            refused.append(f"line {number}: {error}")
        else:
            sent += 1
            numbers[subject] += 1
    producer.flush()
    return sent, refused


def _event(line: str, source: str) -> dict[str, Any]:
    """Parse a line and add the envelope fields that it lacks.

    Raises:
        ValueError: The line is no JSON object, or sets a field that is made here.
    """
    given = json.loads(line)
    if not isinstance(given, dict):
        raise ValueError(f"expected a JSON object, got {type(given).__name__}")  # noqa: TRY004  a wrong line, not a bug
    for name in _OURS:
        if name in given:
            raise ValueError(f"{name}: is made here, a line cannot give it")
    now_us = time.time_ns() // 1000
    event: dict[str, Any] = {
        "event_id": device_id(),
        "salt": device_salt(),
        "source": source,
        "occurred_at": now_us,
        "recorded_at": None,
        **given,
    }
    for name in _TIMES:
        if isinstance(event[name], str):
            event[name] = instant(name, event[name])
    return event


def instant(name: str, text: str) -> datetime:
    """Parse an ISO 8601 time with offset.

    Args:
        name: Name of the field, for the error message.
        text: The time.

    Raises:
        ValueError: The text is no such time. The message begins with the name.
    """
    try:
        time_given = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name}: expected ISO 8601, got {text[:40]!r}") from None
    if time_given.tzinfo is None:
        raise ValueError(f"{name}: expected an offset such as Z or +09:00, got {text[:40]!r}")
    return time_given
