"""Migrations: bring ClickHouse to the catalogue's shape (database, tables, columns, roll-ups, data dictionary).

A run is safe at every start and after a crash at any point. Tables and columns come from the catalogue and are
only ever added. The domains' SQL files run once each, in order; a file that changed after it ran is refused. After a
domain's new files its roll-ups are computed anew from what its tables hold.
The embedded engine and a ClickHouse server are treated alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clickhouse_connect.driver.exceptions import ClickHouseError

from infra.clickhouse.errors import MigrationError
from infra.clickhouse.migrations.refill import fill_rollups
from infra.clickhouse.migrations.scripts import DOMAINS, by_number, load_rollups, load_scripts
from schemas import dictionary, names, tables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from infra.clickhouse.migrations.scripts import Script
    from schemas.catalog import Catalog
    from schemas.model import Topic

MIGRATIONS_TABLE = "migrations"
_MIGRATIONS = f"""CREATE TABLE IF NOT EXISTS {names.DATABASE}.{MIGRATIONS_TABLE}
(
    `domain` String COMMENT 'Domain of the file.',
    `script` String COMMENT 'Name of the file.',
    `sha256` String COMMENT 'SHA-256 of the file when it ran.',
    `applied_at` DateTime DEFAULT now() COMMENT 'When it ran, UTC.'
)
ENGINE = ReplacingMergeTree
ORDER BY (domain, script)
COMMENT 'SQL files that have run.'"""


def migrate(client: Any, catalog: Catalog, root: Path = DOMAINS) -> tuple[str, ...]:
    """Create and extend whatever is missing.

    Args:
        client: A clickhouse-connect client.
        catalog: The catalogue whose topics get tables.
        root: The folder of the domains' SQL files.

    Returns:
        What was done, one line each; empty if nothing was missing.

    Raises:
        MigrationError: ClickHouse refused a statement, or a file or column differs. The message says what to do.
    """
    scripts = load_scripts(catalog, root)
    rollups = load_rollups(catalog, root)
    try:
        done = _migrate(client, catalog, scripts, rollups)
    except ClickHouseError as error:
        raise MigrationError(f"ClickHouse refused a migration: {error}") from error
    return tuple(done)


def statements(catalog: Catalog, root: Path = DOMAINS) -> tuple[str, ...]:
    """Return the statements that make every table and view in an empty database, in order.

    Args:
        catalog: The catalogue whose topics get tables.
        root: The folder of the domains' SQL files.

    Raises:
        MigrationError: A file of the folder is not named as a migration is.
    """
    return (
        *_common(),
        *map(tables.create_table, catalog.topics.values()),
        *(statement for script in load_scripts(catalog, root) for statement in script.statements),
    )


def _common() -> tuple[str, ...]:
    return _MIGRATIONS, tables.create_archive(), tables.create_dictionary()


def _migrate(
    client: Any, catalog: Catalog, scripts: tuple[Script, ...], rollups: Mapping[str, tuple[str, ...]]
) -> list[str]:
    client.command(tables.create_database())
    for statement in _common():
        client.command(statement)
    done = _bring_tables(client, catalog)
    done += _bring_scripts(client, catalog, scripts, rollups)
    return done + _bring_dictionary(client, catalog)


def _bring_tables(client: Any, catalog: Catalog) -> list[str]:
    done = []
    there = _columns_there(client)
    for topic in catalog.topics.values():
        if topic.table not in there:
            client.command(tables.create_table(topic))
            done.append(f"table {topic.table}")
        elif _differs(topic, there[topic.table]):
            for statement in tables.add_columns(topic):
                client.command(statement)
            done.append(f"columns of {topic.table}")
    return done


def _columns_there(client: Any) -> dict[str, dict[str, tuple[str, str]]]:
    """Return table → column → (type, comment) as ClickHouse has them."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    rows = client.query(
        "SELECT table, name, type, comment FROM system.columns WHERE database = {database:String}",
        parameters={"database": names.DATABASE},
    ).result_rows
    for table, name, kind, comment in rows:
        found.setdefault(table, {})[name] = (kind, comment)
    return found


def _differs(topic: Topic, there: dict[str, tuple[str, str]]) -> bool:
    """Return True if a column is missing or a comment differs.

    Raises:
        MigrationError: A column has another type: data is never converted in place.
    """
    wanted = {column.name: column for column in tables.columns(topic)}
    for name, column in wanted.items():
        kind = there.get(name, (column.type, ""))[0]
        if kind.replace(" ", "") != column.type.replace(" ", ""):
            raise MigrationError(
                f"{names.DATABASE}.{topic.table}.{name}: expected type {column.type}, the table has {kind}; "
                "a field's type never changes: add a field under another name"
            )
    return any(there.get(name) is None or there[name][1] != each.comment for name, each in wanted.items())


def _bring_scripts(
    client: Any,
    catalog: Catalog,
    scripts: tuple[Script, ...],
    rollups: Mapping[str, tuple[str, ...]],
) -> list[str]:
    applied = _applied(client)
    numbered = by_number(scripts)
    for domain, ordered in numbered.items():
        _check_history(domain, ordered, applied)
    done = []
    for script in scripts:
        if (script.domain, script.name) in applied:
            continue
        _run_script(client, script)
        if script is numbered[script.domain][-1]:
            done += _refill(client, catalog, script.domain, rollups)
        client.insert(
            f"{names.DATABASE}.{MIGRATIONS_TABLE}",
            [[script.domain, script.name, script.sha256]],
            column_names=["domain", "script", "sha256"],
        )
        done.append(f"{script.domain}/{script.name}")
    return done


def _run_script(client: Any, script: Script) -> None:
    for number, statement in enumerate(script.statements, 1):
        try:
            client.command(statement)
        except ClickHouseError as error:
            raise MigrationError(
                f"{script.domain}/{script.name}, statement {number}: {error}; it runs again from its start"
            ) from error


def _refill(client: Any, catalog: Catalog, domain: str, rollups: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Compute a domain's roll-ups anew from its tables. It comes before the file is noted, so a crash repeats it."""
    return [
        f"roll-ups of {topic.table}"
        for topic in catalog.domains[domain].topics
        if (statements := rollups.get(topic.name)) and fill_rollups(client, topic, statements)
    ]


def _applied(client: Any) -> dict[tuple[str, str], str]:
    rows = client.query(
        f"SELECT domain, script, sha256 FROM {names.DATABASE}.{MIGRATIONS_TABLE} FINAL"
    ).result_rows
    return {(domain, file): digest for domain, file, digest in rows}


def _check_history(domain: str, ordered: list[Script], applied: dict[tuple[str, str], str]) -> None:
    last = max((file for of, file in applied if of == domain), default="")
    for script in ordered:
        digest = applied.get((domain, script.name))
        if digest is None and script.name < last:
            raise MigrationError(
                f"{domain}/{script.name}: {last} has run already: give the new file the next number"
            )
        if digest not in (None, script.sha256):
            raise MigrationError(
                f"{domain}/{script.name}: changed after it ran (ran as {digest[:12]}, is {script.sha256[:12]}): "
                "put it back and write the change as a new file"
            )
    missing = {file for of, file in applied if of == domain} - {script.name for script in ordered}
    if missing:
        raise MigrationError(f"{domain}/{min(missing)}: has run, but the file is gone: put it back")


def _bring_dictionary(client: Any, catalog: Catalog) -> list[str]:
    wanted = [
        (
            entry.domain,
            entry.topic,
            entry.table,
            entry.position,
            entry.column,
            entry.type,
            entry.unit,
            entry.doc,
            entry.personal,
        )
        for entry in dictionary.rows(catalog)
    ]
    listed = [column.name for column in tables.DICTIONARY]
    table = f"{names.DATABASE}.{names.DICTIONARY_TABLE}"
    quoted = ", ".join(f"`{name}`" for name in listed)
    there = set(client.query(f"SELECT {quoted} FROM {table} FINAL").result_rows)
    changed = [row for row in wanted if row not in there]
    if not changed:
        return []
    client.insert(table, [list(row) for row in changed], column_names=listed)
    return [f"dictionary: {len(changed)} columns"]
