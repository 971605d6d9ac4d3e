"""A rule of another topic, to see that it goes on: `probe.secret` → `probe.echo`."""

from collections.abc import Iterator

from streams.agents import Output, Record, batched
from tests.streams.probe import ECHO, SECRET


@batched(SECRET, rule="probe-answer@1", outputs=(ECHO,))
def answer(record: Record) -> Iterator[Output]:
    """Answer each secret with an echo."""
    yield Output(ECHO, {"subject": record.key, "number": -1}, key=record.key)
