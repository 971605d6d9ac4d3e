"""One live city for all tests of this folder; see `pytest_collection_modifyitems` for which comes last."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from streams.replay.recordings import bundled
from tests.harness.city import City
from tests.harness.live import LiveCity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCity]:
    """A city that reads a meter every second; where no test ended it, it ends here, and all checks are made."""
    city = City(tmp_path_factory.mktemp("live") / ".city")
    made = LiveCity(city, [path for path in bundled("energy") if "1min" in path.name])
    try:
        made.start()
        yield made
        if not made.ended:
            made.interrupt()
            made.finish()
    finally:
        city.kill_all()


@pytest.fixture(scope="session")
def readings(live: LiveCity, small_recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> LiveCity:
    """The live city, once it has sealed 400 readings of the air; no more come."""
    folder = tmp_path_factory.mktemp("readings")
    for source in sorted(small_recordings.iterdir()):
        lines = gzip.decompress(source.read_bytes()).splitlines(keepends=True)[:101]
        (folder / source.name).write_bytes(gzip.compress(b"".join(lines)))
    live.replay(*sorted(folder.iterdir()))
    live.city.wait_sealed("air-quality.reading", 400)
    live.city.wait_sealed("air-quality.index", 400)
    return live
