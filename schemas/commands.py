"""What stands behind `city schemas list|check|new`; the command line itself is `infra`'s."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas import names
from schemas.catalog import load_catalog
from schemas.errors import CatalogError
from schemas.model import Catalog
from schemas.sharing import load_subscribers


@dataclass(frozen=True)
class Row:
    """One topic as `city schemas list` shows it."""

    topic: str
    kind: str
    key: str
    schema_ids: tuple[int, ...]
    table: str
    retention_days: int
    sealed: bool
    readers: tuple[str, ...]
    personal: tuple[str, ...]


def rows(catalog: Catalog) -> list[Row]:
    """List every topic, by name."""
    return [
        Row(
            topic=each.name,
            kind=each.kind,
            key=each.key,
            schema_ids=tuple(schema.id for schema in each.schemas),
            table=each.table,
            retention_days=each.retention_days,
            sealed=each.sealed,
            readers=each.readers,
            personal=tuple(sorted({name for schema in each.schemas for name in schema.personal})),
        )
        for each in sorted(catalog.topics.values(), key=lambda topic: topic.name)
    ]


def check(*extra_roots: Path) -> list[str]:
    """Judge the catalogue and the packaged subscribers by all their rules.

    Returns:
        One line for each problem, naming the file; empty when all is right.
    """
    try:
        load_subscribers(load_catalog(*extra_roots))
    except CatalogError as error:
        return list(error.problems)
    return []


def new(name: str, root: Path) -> list[Path]:
    """Lay the files of a new domain, ready to be filled in; the catalogue loads with them.

    Args:
        name: The domain in Python's spelling, such as `water_quality`.
        root: The repository, or a folder of domain folders.

    Returns:
        The files laid.

    Raises:
        CatalogError: The name is no domain name, or the domain exists.
    """
    inside = root / "schemas" / "domains"
    folder = (inside if inside.is_dir() else root) / name
    if not names.is_domain_name(name):
        raise CatalogError((f"{name!r} is no domain name (lower case, digits, single underscores)",))
    if folder.exists() or name in load_catalog().domains:
        raise CatalogError((f"{folder}: the domain exists already",))
    return [_write(path, text) for path, text in _files(folder, name, _free_ids())]


def _free_ids() -> int:
    """Find the first hundred of schema ids that nobody uses."""
    return max(schema.id for schema in load_catalog().schemas()) // 100 * 100 + 100


def _write(path: Path, text: str) -> Path:
    """Write one file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _files(folder: Path, name: str, schema_id: int) -> Iterator[tuple[Path, str]]:
    """Yield the files of a domain that has one raw topic and its dead letters."""
    title = name.replace("_", " ").capitalize()
    yield folder / "domain.toml", _DOMAIN.format(title=title, schema_id=schema_id)
    yield folder / names.schema_file("reading", 1), _json(_record(name))
    yield folder / "examples" / "reading.v1.plain.json", _json(_EXAMPLE)


def _json(content: Any) -> str:
    """Write JSON as it stands in files."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _record(name: str) -> dict[str, Any]:
    """Make a first schema."""
    return {
        "type": "record",
        "name": "Reading",
        "namespace": names.record_namespace(name),
        "doc": "What one device measured; occurred_at is when.",
        "fields": [
            {"name": "device", "type": "string", "lowCardinality": True, "doc": "Identifier of the device."},
            {
                "name": "value",
                "type": ["null", "double"],
                "default": None,
                "unit": "1",
                "doc": "What was measured; null when the device gave nothing.",
            },
        ],
    }


_DOMAIN = """\
title = "{title}"
owner = "city data office"
sensitivity = "internal"

[topics.reading]
kind = "raw"
key = "device"
retention_days = 365
schema_ids = [{schema_id}]
readers = ["operator"]

# The schema is the shared one of the platform.
[topics.dead-letter]
kind = "dead-letter"
key = "key"
retention_days = 365
readers = ["operator"]
"""
_EXAMPLE = {
    "event_id": "01900000-0000-7000-8000-000000000000",
    "salt": "00112233445566778899aabbccddeeff",
    "source": "device:example",
    "occurred_at": "2026-01-01T00:00:00Z",
    "device": "example",
    "value": 1.5,
}
