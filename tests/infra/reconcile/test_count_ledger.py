"""The parser of published entry bundles that counts with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.errors import StackError
from infra.reconcile.count_ledger import entries

if TYPE_CHECKING:
    from pathlib import Path


def a_log(folder: Path, size: int) -> Path:
    """A tlog-tiles directory whose entries are their numbers."""
    tiles = folder / "tile" / "entries"
    for bundle in range((size + 255) // 256):
        numbers = range(bundle * 256, min(size, bundle * 256 + 256))
        path = tiles / f"{bundle:03}" if len(numbers) == 256 else tiles / f"{bundle:03}.p" / str(len(numbers))
        path.parent.mkdir(parents=True, exist_ok=True)
        told = [str(number).encode() for number in numbers]
        path.write_bytes(b"".join(len(each).to_bytes(2, "big") + each for each in told))
    return folder


@pytest.mark.parametrize("first", [0, 1, 255, 256, 300, 512, 599, 600])
def test_entries_are_read_from_any_number_on(tmp_path: Path, first: int) -> None:
    """Whole bundles before it are not opened; the last one may be partial."""
    log = a_log(tmp_path, 600)
    if first >= 256:
        (log / "tile" / "entries" / "000").unlink()
    assert [int(each) for each in entries(log, 600, first)] == list(range(first, 600))


def test_a_bundle_that_ends_early_is_told(tmp_path: Path) -> None:
    """A cut file is an error, not fewer entries."""
    path = a_log(tmp_path, 10) / "tile" / "entries" / "000.p" / "10"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StackError, match="ends early"):
        list(entries(tmp_path, 10))
