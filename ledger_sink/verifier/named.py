"""The files and folders that the command line names: one that does not exist is wrong usage (docs/ledger.md)."""

import os
from argparse import Namespace
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from ledger_sink.format.keys import CITY_LOG
from ledger_sink.verifier.errors import UsageError
from ledger_sink.verifier.remote import is_url

MAX_NAMES = 10_000
"""Most names of a folder among which the nearest is searched."""


def require_named(options: Namespace) -> None:
    """Require that each path of the command line exists, and that a ledger's folder is not the one above it.

    Args:
        options: the parsed command line.

    Raises:
        UsageError: if one does not exist. What exists and cannot be read is left to its reader.
    """
    for path in _paths(options):
        _require(path)
    if options.city is not None and not is_url(options.city):
        folder = Path(options.city)
        if not _is_dir(folder / CITY_LOG) and _is_dir(folder / "ledger" / CITY_LOG):
            raise UsageError(f"{folder}: this is no ledger; its ledger is {folder / 'ledger'}")


def _paths(options: Namespace) -> Iterator[Path]:
    one = (options.bundle, options.policy, options.records, options.password_file)
    yield from (path for path in one if path is not None)
    yield from (*options.keys, *options.tsa_root, *options.anchor_copy)
    names = (options.log, options.city, *(options.consistency or ()))
    yield from (Path(name) for name in names if name is not None and not is_url(name))


def _require(path: Path) -> None:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{path}: there is no such file or folder{_nearest(path)}") from None
    except (OSError, ValueError):
        return


def _nearest(path: Path) -> str:
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry in islice(entries, MAX_NAMES)]
    except (OSError, ValueError):
        return ""
    found = get_close_matches(path.name, names, 1)
    return f"; did you mean {path.parent / found[0]}?" if found else ""


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
