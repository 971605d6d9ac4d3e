"""One live city for all tests of this folder; see `pytest_collection_modifyitems` for which comes last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.city import City
from tests.harness.live import LiveCity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory, small_recordings: Path) -> Iterator[LiveCity]:
    """A city over the small recordings; where no test ended it, it ends here, and all checks are made."""
    city = City(tmp_path_factory.mktemp("live") / ".city")
    made = LiveCity(city, sorted(small_recordings.iterdir()))
    try:
        made.start()
        yield made
        if not made.ended:
            made.interrupt()
            made.finish()
    finally:
        city.kill_all()
