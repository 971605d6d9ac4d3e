"""A record that tells no event goes through a replay like any other."""

from __future__ import annotations

from streams.replay.checkpoint import ReplayCheckpoint
from streams.replay.input import Input
from streams.replay.recordings import bundled, formats, look


def test_a_query_is_counted_and_gives_no_event() -> None:
    """Read and accepted; no time, no event, and the end of the file after it."""
    path = next(path for path in bundled("cargo") if "query_SimpleEventQuery" in path.name)
    file = Input(look(path, list(formats().values())), ReplayCheckpoint("epcis-xml", 0))
    assert file.span() is None
    query, end = file.scheduled()
    assert query.item is not None
    assert end.item is None
    file.count(query.item)
    assert (file.done.read, file.done.accepted, file.done.last_us) == (1, 1, None)
