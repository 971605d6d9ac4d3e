"""Implements `city schemas list` and `city schemas check`; `infra` owns the command line."""

from dataclasses import dataclass
from pathlib import Path

from schemas.catalog import load_catalog
from schemas.errors import CatalogError
from schemas.model import Catalog
from schemas.subscriber_grants import load_subscribers


@dataclass(frozen=True)
class TopicRow:
    """One topic as `city schemas list` shows it; the fields are the members of its JSON output."""

    topic: str
    kind: str
    key: str
    schema_ids: tuple[int, ...]
    table: str
    retention_days: int
    sealed: bool
    readers: tuple[str, ...]
    personal: tuple[str, ...]


def rows(catalog: Catalog) -> list[TopicRow]:
    """Return a row for every topic, sorted by name."""
    return [
        TopicRow(
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
    """Check the catalogue and the packaged subscribers by all their rules.

    Args:
        extra_roots: Further folders that hold domain folders.

    Returns:
        One line for each problem, with the file; empty if no rule is violated.
    """
    try:
        load_subscribers(load_catalog(*extra_roots))
    except CatalogError as error:
        return list(error.problems)
    return []
