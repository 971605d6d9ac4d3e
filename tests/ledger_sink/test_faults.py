"""A fault at each single file call of a whole ledger, in each way it can go wrong; then the history goes on.

Every call is enumerated: the plain history says how many there are. After each fault whatever was published stays
true, and the files at the end are those of the history without a fault, byte for byte.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ledger_sink.errors import LedgerError, StoreFullError
from tests.ledger_sink.faulty_calls import FaultyCalls, Way
from tests.ledger_sink.kill_at_each import begun, go_on, plain_history
from tests.ledger_sink.small_history import play

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
SHARES = 2
MINUTES_S = 400


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A place in memory where there is one: hundreds of histories are played there."""
    if not IN_MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=IN_MEMORY, prefix="ledger-faults-") as made:
        yield Path(made)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, bytes]]:
    """The calls of a history without a fault, and the files at its end."""
    return plain_history(tmp_path_factory.mktemp("plain") / "one")


def test_the_history_calls_everything(plain: tuple[list[str], dict[str, bytes]]) -> None:
    """Every kind of call is in it, by every part: sequencer, publisher, signer, city chain, witness."""
    calls, _ = plain
    assert {call.split()[0] for call in calls} == {
        "open", "write", "fsync", "rename", "unlink", "mkdir", "rmdir", "ftruncate",
    }  # fmt: skip
    paths = "\n".join(calls)
    for part in ("0/1/state.json", "0/1/checkpoint", "keys/ledger-signer", "city/1/state.json", "witness/"):
        assert part in paths
    assert len(calls) > 150


def break_off(root: Path, way: Way, number: int) -> LedgerError | None:
    """Play until the fault; what it ends with is the ledger's own error or none."""
    try:
        with FaultyCalls(root, way, number):
            play(root)
    except LedgerError as error:
        return error
    return None


@pytest.mark.parametrize("way", [Way.NOT_DONE, Way.DONE])
def test_a_call_that_fails_loses_and_forks_nothing(
    folder: Path, plain: tuple[list[str], dict[str, bytes]], way: Way
) -> None:
    """EIO from each call in turn, done or not: an error of the ledger or none at all, and then the same end."""
    calls, expected = plain
    stopped = 0
    for number in range(1, len(calls) + 1):
        root = begun(folder / "one")
        stopped += break_off(root, way, number) is not None
        go_on(root, expected)
    assert stopped > len(calls) / 2


def test_a_full_disk_is_a_clear_stop_and_a_clean_start(
    folder: Path, plain: tuple[list[str], dict[str, bytes]]
) -> None:
    """Full from any call on: whoever is at work says so and what to do; with room again the end is the same."""
    calls, expected = plain
    told = set()
    for number in range(1, len(calls) + 1):
        root = begun(folder / "one")
        error = break_off(root, Way.FULL, number)
        if error is not None:
            part, _, rest = str(error).removeprefix(f"{root}/").partition("/")
            told.add((type(error), part, "no space left" in rest))
        go_on(root, expected)
    assert told == {(StoreFullError, "ledger", True), (StoreFullError, "keys", True)}


@pytest.mark.parametrize("share", range(SHARES))
def test_a_kill_in_any_call_loses_and_forks_nothing(
    folder: Path, plain: tuple[list[str], dict[str, bytes]], share: int
) -> None:
    """SIGKILL in each call in turn, half-written files and all: nobody tidies up, and then the same end."""
    program = [sys.executable, "-m", "tests.ledger_sink.kill_at_each", str(folder), str(share), str(SHARES)]
    done = subprocess.run(
        program,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=MINUTES_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    calls, _ = plain
    assert int(done.stdout) == len(range(1 + share, len(calls) + 1, SHARES))
