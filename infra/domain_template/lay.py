"""Lays a new domain in the repository: all of its layers, or nothing.

It works in a staging folder and moves finished layers into place, one process at a time. The folder of the catalogue
comes last, after its schema ids: so the catalogue loads wherever a kill stops it. `name` decides which names are
allowed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from infra.domain_template.name import domain_name
from infra.errors import DomainError
from schemas.catalog import load_catalog
from schemas.id_ranges import FILE, read_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = Path(__file__).parent / "files"
SUFFIX = ".template"
CATALOGUE = Path("schemas", "domains")
IDS = CATALOGUE / FILE
STAGING = ".new-domain-"
"""Prefix of the staging folder's name."""
EARLIER_IDS = f"{FILE}.earlier"
"""Copy of the unchanged ids.toml in the staging folder, for rollback."""
INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
LAYERS = (
    Path("infra", "clickhouse", "domains", "NAME"),
    Path("streams", "domains", "NAME"),
    Path("dashboards", "domains", "NAME.py"),
    Path("tests", "streams", "domains", "NAME"),
    CATALOGUE / "NAME",
)
"""Paths of a domain, one per layer, below the repository, in the order in which they are moved into place."""


def lay(text: str) -> list[Path]:
    """Lay the files of a new domain, and reserve its schema ids.

    The files are written to a staging folder, loaded as a catalogue, and then moved into place. If a step fails, or
    SIGINT or SIGTERM arrives, the repository stays as it was. A second process waits until the first has ended.

    Args:
        text: Name of the domain, in Python's or Kafka's spelling: `water_quality` or `water-quality`.

    Returns:
        The files laid and the changed `ids.toml`, below the repository, sorted.

    Raises:
        DomainError: The name is not allowed, the domain exists, or the package is not in a checkout.
        CatalogError: The catalogue does not load, without or with the new domain.
        OSError: A file cannot be written.
        SystemExit: SIGTERM arrived.
    """
    name = domain_name(text)
    layers = [_named(layer, name) for layer in LAYERS]
    if lacking := [each.parent for each in layers if not (REPOSITORY / each.parent).is_dir()]:
        raise DomainError(
            f"{REPOSITORY / lacking[0]}: no such folder; a domain is laid in a checkout of the repository, "
            "not where the package is installed"
        )
    with _interrupted_once(), _alone():
        for left in REPOSITORY.glob(f"{STAGING}*"):
            shutil.rmtree(left)
        _refuse_what_exists(name, layers)
        return _lay(name, layers)


def _lay(name: str, layers: list[Path]) -> list[Path]:
    """Write the files to a staging folder, load them, move them into place; return what was laid."""
    staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=REPOSITORY))
    try:
        first_id = read_ranges([REPOSITORY / CATALOGUE]).next_free()
        files = [_write(staging, path, content) for path, content in _files(name, first_id)]
        _write(
            staging, Path(FILE), f"{(REPOSITORY / IDS).read_text('utf-8').rstrip()}\n{name} = {first_id}\n"
        )
        load_catalog(staging / CATALOGUE)
        _move(staging, layers)
    finally:
        shutil.rmtree(staging)
    return sorted([*files, IDS])


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock of the catalogue's folder: the next hundred is read, and reserved, by one process at a time.

    The lock is on the folder, since a rename replaces ids.toml. A kill releases it.
    """
    folder = os.open(REPOSITORY / CATALOGUE, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def _interrupted_once() -> Iterator[None]:
    """Raise at the first SIGINT or SIGTERM, and ignore further ones: they would stop the rollback."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, _frame: FrameType | None) -> None:
        for each in INTERRUPTS:
            signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    earlier = {
        each: signal.signal(each, interrupt)
        for each in INTERRUPTS
        if signal.getsignal(each) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _refuse_what_exists(name: str, layers: list[Path]) -> None:
    """Raise DomainError if a layer or ids.toml has the domain already.

    Layers without the catalogue's are what a killed run leaves: the message lists what to remove.
    """
    there = [each for each in layers if os.path.lexists(REPOSITORY / each)]
    if layers[-1] in there:
        raise DomainError(f"{layers[-1]}: exists already")
    reserved = name in read_ranges([REPOSITORY / CATALOGUE]).first
    if there:
        line = [f"the line of {name} in {IDS}"] if reserved else []
        raise DomainError(
            f"{name} is laid in part already; remove {', '.join([*map(str, there), *line])}; then repeat"
        )
    if reserved:
        raise DomainError(f"{IDS}: {name} has its schema ids already")


def _files(name: str, first_id: int) -> Iterator[tuple[Path, str]]:
    """Yield path below the repository and text of each file of the domain."""
    words = {
        "name": name,
        "hyphens": name.replace("_", "-"),
        "title": name.replace("_", " ").capitalize(),
        "first_id": str(first_id),
        "second_id": str(first_id + 1),
    }
    for path in sorted(FILES.rglob(f"*{SUFFIX}")):
        below = _named(path.relative_to(FILES), name)
        yield (
            below.with_name(below.name.removesuffix(SUFFIX)),
            Template(path.read_text(encoding="utf-8")).substitute(words),
        )


def _named(path: Path, name: str) -> Path:
    """Return a path with the domain's name in place of NAME."""
    return Path(*(part.replace("NAME", name) for part in path.parts))


def _write(staging: Path, path: Path, content: str) -> Path:
    """Write one file and its parent folders; return its path below the staging folder."""
    (staging / path).parent.mkdir(parents=True, exist_ok=True)
    (staging / path).write_text(content, encoding="utf-8")
    return path


def _move(staging: Path, layers: list[Path]) -> None:
    """Move every layer into place, ids.toml and the catalogue's folder last; on failure move them back.

    Ids reserved for a folder that is not there are allowed; a folder without reserved ids is not.
    """
    shutil.copy2(REPOSITORY / IDS, staging / EARLIER_IDS)
    moves = [(staging / each, REPOSITORY / each) for each in layers]
    moves.insert(-1, (staging / FILE, REPOSITORY / IDS))
    try:
        for source, target in moves:
            source.rename(target)
    except BaseException:
        for source, target in reversed(moves):
            if os.path.lexists(source):
                continue
            if source == staging / FILE:
                (staging / EARLIER_IDS).rename(target)
            else:
                target.rename(source)
        raise
