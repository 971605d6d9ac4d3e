"""Lay a new domain in the repository: all of its layers, or nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from infra.domain_template.name import domain_name
from infra.errors import DomainError
from schemas.catalog import load_catalog
from schemas.id_ranges import FILE, read_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = Path(__file__).parent / "files"
SUFFIX = ".template"
CATALOGUE = Path("schemas", "domains")
IDS = CATALOGUE / FILE
LAYERS = (
    CATALOGUE / "NAME",
    Path("infra", "clickhouse", "domains", "NAME"),
    Path("streams", "domains", "NAME"),
    Path("dashboards", "domains", "NAME.py"),
    Path("tests", "streams", "domains", "NAME"),
)
"""What a domain has in each layer: a folder or a file of its name."""


def lay(text: str) -> list[Path]:
    """Lay the files of a new domain, and reserve its schema ids.

    Everything is written beside the layers first, loaded as a catalogue, and then moved into place; whatever fails on
    the way, nothing stays.

    Args:
        text: Name of the domain, in Python's spelling or in Kafka's.

    Returns:
        The files laid and the changed `ids.toml`, below the repository, sorted.

    Raises:
        DomainError: The name cannot be had, the domain exists, or this package lies in no checkout of the repository.
        CatalogError: The catalogue would not load with the new domain, or does not load now.
        OSError: A file cannot be written.
    """
    name = domain_name(text)
    layers = [_named(layer, name) for layer in LAYERS]
    if lacking := [each.parent for each in layers if not (REPOSITORY / each.parent).is_dir()]:
        raise DomainError(
            f"{REPOSITORY / lacking[0]}: no such folder; a domain is laid in a checkout of the repository, "
            "not where the package is installed"
        )
    _refuse_what_exists(name, layers)
    staging = Path(tempfile.mkdtemp(prefix=".new-domain-", dir=REPOSITORY))
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


def _refuse_what_exists(name: str, layers: list[Path]) -> None:
    """Refuse a name that some layer or ids.toml has already."""
    for each in layers:
        if os.path.lexists(REPOSITORY / each):
            raise DomainError(f"{each}: exists already")
    if name in read_ranges([REPOSITORY / CATALOGUE]).first:
        raise DomainError(f"{IDS}: {name} has its schema ids already")


def _files(name: str, first_id: int) -> Iterator[tuple[Path, str]]:
    """Yield each file of the domain, by its path below the repository, with its text."""
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
    """Put the domain's name into a path."""
    return Path(*(part.replace("NAME", name) for part in path.parts))


def _write(staging: Path, path: Path, content: str) -> Path:
    """Write one file, with the folders above it; return its path below the repository."""
    (staging / path).parent.mkdir(parents=True, exist_ok=True)
    (staging / path).write_text(content, encoding="utf-8")
    return path


def _move(staging: Path, layers: list[Path]) -> None:
    """Move every layer into place, ids.toml last; take back what was moved if one cannot be."""
    moved: list[Path] = []
    try:
        for each in layers:
            (staging / each).rename(REPOSITORY / each)
            moved.append(each)
        (staging / FILE).replace(REPOSITORY / IDS)
    except BaseException:
        for each in moved:
            (REPOSITORY / each).rename(staging / each)
        raise
