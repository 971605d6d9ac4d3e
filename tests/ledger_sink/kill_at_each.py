"""SIGKILL in each file call of the small history in turn, in a process of its own that forks for each.

    python -m tests.ledger_sink.kill_at_each FOLDER SHARE OF

takes every OF-th call from the SHARE-th on, and prints how many it took; a child that is not killed, or an end that is
not as without the kill, ends it with an error.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from ledger_sink.store import FileStore
from tests.ledger_sink.faulty_calls import FaultyCalls, Way
from tests.ledger_sink.small_history import check, play, prepare
from tests.ledger_sink.worlds import files_in


def begun(root: Path) -> Path:
    """An empty ledger."""
    with FaultyCalls(root):
        prepare(root)
    return root


def plain_history(root: Path) -> tuple[list[str], dict[str, bytes]]:
    """Play without a fault; return the calls and the files at the end."""
    with FaultyCalls(begun(root)) as counted:
        play(root)
    found = files_in(FileStore(root / "ledger"))
    files = {name: data for name, data in found.items() if not name.endswith("/lock")}
    check(root, files)
    return counted.calls, files


def go_on(root: Path, expected: dict[str, bytes]) -> None:
    """Go on where it was broken off, compare, and tidy up."""
    with FaultyCalls(root):
        play(root)
    check(root, expected)
    shutil.rmtree(root)


def killed_at(root: Path, number: int) -> int:
    """Play in a child that dies in that call; return the signal it died of."""
    child = os.fork()
    if not child:
        with FaultyCalls(root, Way.KILLED, number):
            play(root)
        os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


def main() -> None:
    """Run from the command line."""
    folder, share, of = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    calls, expected = plain_history(folder / "plain")
    numbers = range(1 + share, len(calls) + 1, of)
    for number in numbers:
        root = begun(folder / "one")
        died_of = killed_at(root, number)
        assert died_of == signal.SIGKILL, f"call {number}, {calls[number - 1]}: {died_of}"
        go_on(root, expected)
    sys.stdout.write(f"{len(numbers)}\n")


if __name__ == "__main__":
    main()
