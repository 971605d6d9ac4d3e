"""Lays a new domain in the repository: all of its layers, or nothing.

It works in a staging folder and moves finished layers into place. `name` decides which names are allowed.
"""

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
"""Paths of a domain, one per layer, below the repository."""


def lay(text: str) -> list[Path]:
    """Lay the files of a new domain, and reserve its schema ids.

    The files are written to a staging folder, loaded as a catalogue, and then moved into place. If a step fails, the
    repository stays as it was.

    Args:
        text: Name of the domain, in Python's or Kafka's spelling: `water_quality` or `water-quality`.

    Returns:
        The files laid and the changed `ids.toml`, below the repository, sorted.

    Raises:
        DomainError: The name is not allowed, the domain exists, or the package is not in a checkout.
        CatalogError: The catalogue does not load, without or with the new domain.
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
    """Raise DomainError if a layer or ids.toml has the domain already."""
    for each in layers:
        if os.path.lexists(REPOSITORY / each):
            raise DomainError(f"{each}: exists already")
    if name in read_ranges([REPOSITORY / CATALOGUE]).first:
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
    """Move every layer into place, ids.toml last; on failure move them back."""
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
