"""A replay's progress on disk: whole or not there, and what was fixed once stays."""

from pathlib import Path

import pytest

from streams.errors import StopError
from streams.replay.checkpoint import CheckpointFolder, ReplayCheckpoint
from streams.replay.schedule import DAY_US

DIGEST = "ab" * 32


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    """By the file's digest."""
    folder = CheckpointFolder(tmp_path / "replay")
    progress = ReplayCheckpoint("seoul-daily", DAY_US, read=3, accepted=2, refused=1, skipped=4, last_us=7)
    assert folder.load(DIGEST) is None
    folder.save(DIGEST, progress)
    assert folder.load(DIGEST) == progress
    assert progress.items == 7


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"read": 1}', b'{"format": null, "shift_us": 0, "x": 1}']
)
def test_a_broken_progress_file_stops_with_its_name(tmp_path: Path, content: bytes) -> None:
    """It is never taken for the beginning."""
    (tmp_path / f"{DIGEST}.json").write_bytes(content)
    with pytest.raises(StopError, match=f"{DIGEST}.json: not a replay's progress"):
        CheckpointFolder(tmp_path).load(DIGEST)


def test_refusals_are_counted_by_rule(tmp_path: Path) -> None:
    """With number and reason of the first record of each; they are kept with the progress."""
    folder, progress = CheckpointFolder(tmp_path / "replay"), ReplayCheckpoint("seoul-daily", 0)
    for rule, record in (("a@1", 2), ("b@1", 3), ("a@1", 5)):
        progress.count_refusal(rule, record, f"why {record}")
    folder.save(DIGEST, progress)
    kept = folder.load(DIGEST)
    assert kept is not None
    assert kept.refusals == {
        "a@1": {"count": 2, "record": 2, "reason": "why 2"},
        "b@1": {"count": 1, "record": 3, "reason": "why 3"},
    }


def test_an_unfinished_progress_of_an_earlier_version_begins_again(tmp_path: Path) -> None:
    """It counted other items; a finished one stays."""
    folder = CheckpointFolder(tmp_path)
    counts = '"read": 3, "accepted": 3, "refused": 0, "skipped": 0'
    earlier = f'{{"format": "f", "shift_us": 7, {counts}, "last_us": 1, "finished": %s}}'
    (tmp_path / f"{DIGEST}.json").write_text(earlier % "false")
    assert folder.load(DIGEST) == ReplayCheckpoint("f", 7)
    (tmp_path / f"{DIGEST}.json").write_text(earlier % "true")
    finished = folder.load(DIGEST)
    assert finished is not None
    assert (finished.read, finished.finished, finished.items_are_parts) == (3, True, False)


def test_the_anchor_is_fixed_once(tmp_path: Path) -> None:
    """The second start has the first one's moment."""
    assert CheckpointFolder(tmp_path).anchor_us(lambda: 5) == 5
    assert CheckpointFolder(tmp_path).anchor_us(lambda: 6) == 5


def test_files_of_a_format_keep_their_distance(tmp_path: Path) -> None:
    """The first shift of a format holds for its other files, later runs included."""
    folder = CheckpointFolder(tmp_path)
    late = folder.shift_us("seoul-daily", 10 * DAY_US, 100 * DAY_US)
    early = CheckpointFolder(tmp_path).shift_us("seoul-daily", 3 * DAY_US, 100 * DAY_US)
    assert (late, early) == (90 * DAY_US, 90 * DAY_US)


def test_a_file_that_was_added_later_does_not_end_in_the_future(tmp_path: Path) -> None:
    """It gets a shift of its own."""
    folder = CheckpointFolder(tmp_path)
    folder.shift_us("seoul-daily", 10 * DAY_US, 100 * DAY_US)
    assert folder.shift_us("seoul-daily", 20 * DAY_US, 100 * DAY_US) == 80 * DAY_US
