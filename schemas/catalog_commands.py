"""What stands behind `city schemas list|check`; the command line itself is `infra`'s."""

from dataclasses import dataclass
from pathlib import Path

from schemas.catalog import load_catalog
from schemas.errors import CatalogError
from schemas.model import Catalog
from schemas.subscriber_grants import load_subscribers


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
