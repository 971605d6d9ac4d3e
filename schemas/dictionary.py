"""The data dictionary: what every column of every table means, from the schemas' own docs. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas import names
from schemas.columns import Column, columns
from schemas.model import Catalog, Topic
from schemas.tables import ARCHIVE


@dataclass(frozen=True)
class Entry:
    """One column of one table; fields as the columns of `tables.DICTIONARY`."""

    domain: str
    topic: str
    table: str
    position: int
    column: str
    type: str
    unit: str
    doc: str
    personal: bool


def rows(catalog: Catalog) -> Iterator[Entry]:
    """Yield an entry for every column of every typed table and of the archive."""
    for topic in catalog.topics.values():
        yield from _typed(topic)
    for position, column in enumerate(ARCHIVE, start=1):
        yield _entry("platform", "", names.ARCHIVE_TABLE, position, column)


def _typed(topic: Topic) -> Iterator[Entry]:
    """Yield the columns of a topic's typed table."""
    fields = {each.name: each for schema in topic.schemas for each in schema.tree.fields}
    for position, column in enumerate(columns(topic), start=1):
        field = fields.get(column.name)
        unit = field.unit if field else ""
        personal = field.personal if field else False
        yield _entry(topic.domain, topic.name, topic.table, position, column, unit, personal)


def _entry(
    domain: str, topic: str, table: str, position: int, column: Column, unit: str = "", personal: bool = False
) -> Entry:
    """Make one entry."""
    return Entry(domain, topic, table, position, column.name, column.type, unit, column.comment, personal)
