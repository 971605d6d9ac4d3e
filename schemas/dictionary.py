"""Builds the data dictionary: the meaning of every column of every table, from the schemas' docs. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas import names
from schemas.columns import Column, columns
from schemas.model import Catalog, Topic
from schemas.tables import ARCHIVE


@dataclass(frozen=True)
class DictionaryRow:
    """One column of one table; the fields are the columns of `tables.DICTIONARY`."""

    domain: str
    topic: str
    table: str
    position: int
    column: str
    type: str
    unit: str
    doc: str
    personal: bool


def rows(catalog: Catalog) -> Iterator[DictionaryRow]:
    """Yield a row for every column of every typed table and of the archive."""
    for topic in catalog.topics.values():
        yield from _typed(topic)
    for position, column in enumerate(ARCHIVE, start=1):
        yield _row("platform", "", names.ARCHIVE_TABLE, position, column)


def _typed(topic: Topic) -> Iterator[DictionaryRow]:
    """Yield a row for every column of a topic's typed table."""
    fields = {each.name: each for schema in topic.schemas for each in schema.tree.fields}
    for position, column in enumerate(columns(topic), start=1):
        field = fields.get(column.name)
        unit = field.unit if field else ""
        personal = field.personal if field else False
        yield _row(topic.domain, topic.name, topic.table, position, column, unit, personal)


def _row(
    domain: str, topic: str, table: str, position: int, column: Column, unit: str = "", personal: bool = False
) -> DictionaryRow:
    """Return one row."""
    return DictionaryRow(
        domain, topic, table, position, column.name, column.type, unit, column.comment, personal
    )
