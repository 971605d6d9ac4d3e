"""Whole recordings: the project carries excerpts only, and nightly tests read the whole files where they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "CITY_TEST_RECORDINGS"
"""Names the folder of whole recordings, one folder per domain; the READMEs beside the excerpts name their sources."""


def whole(place: str, pattern: str = "") -> list[Path]:
    """Find whole recordings, or skip the test where no folder of them is named.

    Args:
        place: A file or folder below the named folder, such as `cargo/ais_nmea`.
        pattern: Which files below `place` are wanted; without it, `place` itself.

    Returns:
        The paths, sorted; at least one.

    Raises:
        AssertionError: The folder is named, and holds no such file.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} does not name the folder of whole recordings")
    path = Path(folder, place)
    found = sorted(path.rglob(pattern)) if pattern else [path]
    assert found, f"{path} holds no {pattern}"
    assert all(each.exists() for each in found), f"{path} does not exist"
    return found
