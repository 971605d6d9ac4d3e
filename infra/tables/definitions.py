"""Compares the definitions of tables and views with those that the migrations make, object by object.

The engine itself makes every object anew in a scratch database; then both definitions are read from `system.tables`
and compared in the engine's own words. So a column, type, default, order, index, TTL, setting or SELECT that differs
is found whatever statement changed it. Comments are not compared: they follow the documentation.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from infra.clickhouse.errors import RefusedError
from infra.clickhouse.migrations.migrate import statements
from infra.clickhouse.migrations.scripts import load_rollups, load_scripts
from infra.clickhouse.sql_lexer import tokens
from infra.connections import one_line
from infra.tables.rollups import all_targets
from infra.tables.scratch import PREFIX, scratch_database
from schemas.names import ARCHIVE_TABLE, DATABASE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from schemas.model import Catalog

MOST_LINES = 3
"""Most differences that are named of one object; the others are counted."""
SHOWN = 160
"""Most characters of a line in a problem."""
_OWN = re.compile(rf"\b{DATABASE}\.(?=\w)")
_TABLE_ENGINES = {"View": "view", "MaterializedView": "materialised view", "Dictionary": "dictionary"}


@dataclass(frozen=True)
class Definition:
    """What an object of a database is."""

    kind: str
    """`table`, `view`, `materialised view` or `dictionary`."""
    lines: tuple[str, ...]
    """Its CREATE statement as the engine formats it, without comments and without the database's name."""


Definitions = dict[str, Definition]
"""By name of the object."""


def expected(client: Any, catalog: Catalog) -> Definitions:
    """Return the definitions that the migrations make; the engine makes them in a scratch database."""
    with scratch_database(client) as scratch:
        for statement in statements(catalog):
            client.command(moved(statement, scratch))
        return stored(client, scratch)


def stored(client: Any, database: str = DATABASE) -> Definitions:
    """Return the definitions of all objects of a database."""
    rows = client.query(
        "SELECT name, engine, formatQueryOrNull(create_table_query), create_table_query FROM system.tables "
        "WHERE database = {database:String}",
        parameters={"database": database},
    ).result_rows
    return {
        name: Definition(_TABLE_ENGINES.get(engine, "table"), _lines(formatted or raw, database))
        for name, engine, formatted, raw in rows
    }


def foreign_writers(client: Any) -> list[str]:
    """Return one line for each materialised view of another database that writes into the platform's tables."""
    rows = client.query(
        "SELECT concat(database, '.', name) FROM system.tables WHERE engine = 'MaterializedView' "
        "AND database != {database:String} AND NOT startsWith(database, {scratch:String}) "
        "AND match(create_table_query, {target:String}) ORDER BY 1",
        parameters={"database": DATABASE, "scratch": PREFIX, "target": rf"\bTO `?{DATABASE}`?\."},
    ).result_rows
    return [
        f"{name}: expected no view that writes into {DATABASE}, got this materialised view: drop it"
        for (name,) in rows
    ]


@dataclass
class DefinitionsResult:
    """What a comparison of definitions found."""

    problems: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    count: int = 0
    """Objects whose definitions are compared."""
    fingerprint: str = ""
    """For an incremental audit; empty if something differs."""


def check(client: Any, catalog: Catalog, remembered: str = "") -> DefinitionsResult:
    """Compare the definitions of all objects of the platform's database.

    Args:
        client: A clickhouse-connect client.
        catalog: The catalogue.
        remembered: Fingerprint at the last audit that passed; where nothing changed since, nothing is made anew.
    """
    result = DefinitionsResult()
    try:
        now, result.count = fingerprint(client, catalog)
        if now != remembered:
            there = stored(client)
            result.problems = [*problems(expected(client, catalog), there, catalog), *foreign_writers(client)]
        if not result.problems:
            result.fingerprint = now
    except OperationalError as error:
        result.unreadable.append(f"ClickHouse: {one_line(error)}: definitions are not compared")
    except ClickHouseError as error:
        result.problems.append(f"{DATABASE}: definitions cannot be compared: {one_line(error)}")
    return result


def fingerprint(client: Any, catalog: Catalog) -> tuple[str, int]:
    """Return a digest of what is stored, what should be and the engine's version; and the number of objects."""
    rows = client.query(
        "SELECT database, name, create_table_query, version() FROM system.tables "
        "WHERE database = {database:String} OR engine = 'MaterializedView' ORDER BY database, name",
        parameters={"database": DATABASE},
    ).result_rows
    whole = repr((statements(catalog), [row for row in rows if not row[0].startswith(PREFIX)]))
    count = sum(1 for database, *_ in rows if database == DATABASE)
    return hashlib.sha256(whole.encode()).hexdigest(), count


def moved(statement: str, database: str) -> str:
    """Return a statement with another database in place of the platform's."""
    return _OWN.sub(f"{database}.", statement)


def problems(
    wanted: Mapping[str, Definition], there: Mapping[str, Definition], catalog: Catalog
) -> list[str]:
    """Return one line for each object that is missing, added or different: which, what differs, what to do. Pure.

    Args:
        wanted: What the migrations make.
        there: What is stored.
        catalog: The catalogue, for what to do.
    """
    found = []
    advice = _Advice(catalog)
    for name in sorted({*wanted, *there}):
        want, got = wanted.get(name), there.get(name)
        if want == got:
            continue
        if want is None and got is not None:
            found.append(
                f"{DATABASE}.{name}: expected no such {got.kind}, got one that no migration makes: drop it, "
                "or move it into a database of your own"
            )
        elif got is None and want is not None:
            found.append(f"{DATABASE}.{name}: expected this {want.kind}, got none: {advice.of(name, '')}")
        elif got is not None and want is not None:
            what = (
                f"a {got.kind}" if got.kind != want.kind else "; ".join(_differences(want.lines, got.lines))
            )
            head = f"expected a {want.kind}, got {what}" if got.kind != want.kind else what
            found.append(f"{DATABASE}.{name}: its definition differs: {head}: {advice.of(name, want.kind)}")
    return found


class _Advice:
    """What to do where an object is not as the migrations make it."""

    def __init__(self, catalog: Catalog) -> None:
        self._topics = {topic.table: topic for topic in catalog.topics.values()}
        self._rollups = {
            table: topic for topic, texts in load_rollups(catalog).items() for table in all_targets(texts)
        }
        self._scripts = load_scripts(catalog)

    def of(self, name: str, kind: str) -> str:
        """Return what to do about an object; `kind` is empty if it is not there."""
        first = f"drop this {kind}, then " if kind else ""
        topic = self._topics.get(name)
        if topic is not None and topic.archived:
            return f"`city tables rebuild {topic.name}` makes it again"
        if name in self._rollups:
            return f"{first}`city tables rebuild {self._rollups[name]}` makes it again"
        if name == ARCHIVE_TABLE:
            return "restore ClickHouse from a backup"
        pattern = re.compile(rf"^\s*CREATE\b.*?\b{DATABASE}\.{name}\b", re.MULTILINE)
        files = [
            f"{each.domain}/{each.name}"
            for each in self._scripts
            if any(pattern.search(text) for text in each.statements)
        ]
        if files:
            return f"{first}run its statement of infra/clickhouse/domains/{files[-1]} again"
        return f"{first}the next start makes it again"


def _differences(want: Sequence[str], got: Sequence[str]) -> list[str]:
    """Return what differs between two definitions, line by line."""
    pairs = list(_pairs(want, got))
    words = [f"expected {_shown(one)}, got {_shown(other)}" for one, other in pairs[:MOST_LINES]]
    return words + ([f"and {len(pairs) - MOST_LINES} lines more"] if len(pairs) > MOST_LINES else [])


def _pairs(want: Sequence[str], got: Sequence[str]) -> Iterator[tuple[str, str]]:
    for action, first, last, begin, end in SequenceMatcher(None, want, got, autojunk=False).get_opcodes():
        if action == "equal":
            continue
        for at in range(max(last - first, end - begin)):
            yield (
                want[first + at] if first + at < last else "",
                got[begin + at] if begin + at < end else "",
            )


def _shown(line: str) -> str:
    text = line.strip()
    return f"[{text[:SHOWN]}]" if text else "nothing"


def _lines(text: str, database: str) -> tuple[str, ...]:
    """Return the lines of a CREATE statement without comments and the name of its database."""
    text = _without_comments(text.replace(f"{database}.", f"{DATABASE}."))
    lines = (line.rstrip().removesuffix(",").rstrip() for line in text.splitlines())
    return tuple(line for line in lines if line)


def _without_comments(text: str) -> str:
    data, kept, start, comment = text.encode(), [], 0, -1
    try:
        for token in tokens(data):
            if comment >= 0 and token.kind == "string":
                kept.append(data[start:comment])
                start = token.end
            comment = token.start if token.kind == "word" and token.upper == b"COMMENT" else -1
    except RefusedError:
        return text
    return b"".join([*kept, data[start:]]).decode()
