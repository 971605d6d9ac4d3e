"""The SQL files of the domains: where they lie, and how a file becomes statements.

Pure apart from reading the files. `domains/<domain>/NNNN_<what>.sql` are migrations, run once and in order;
`domains/<domain>/refresh/<table>.sql` are run by the sink after every insert into that table.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.clickhouse.errors import MigrationError
from infra.clickhouse.sql_lexer import tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemas.catalog import Catalog

DOMAINS = Path(__file__).resolve().parents[1] / "domains"
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Script:
    """One migration file."""

    domain: str
    name: str
    sha256: str
    statements: tuple[str, ...]


def load_scripts(catalog: Catalog, root: Path = DOMAINS) -> tuple[Script, ...]:
    """Return all migrations by domain and number.

    Raises:
        MigrationError: A folder is no domain, a name has no number, or a number is used twice.
    """
    found: list[Script] = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("_")):
        if folder.name not in catalog.domains:
            raise MigrationError(f"{folder}: no domain of that name in the catalogue")
        found.extend(_scripts_of(folder))
    return tuple(found)


def load_rollups(catalog: Catalog, root: Path = DOMAINS) -> dict[str, tuple[str, ...]]:
    """Return the statements that the sink runs after an insert.

    Returns:
        Topic name → statements with the binds `{partition:UInt32}`, `{first:UInt64}` and `{last:UInt64}`, and
        `{zone:String}` where they are run once for each zone (`streams/clickhouse_sink/rollups.py`).

    Raises:
        MigrationError: A file is named after no table of its domain.
    """
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(root.glob("*/refresh/*.sql")):
        domain = catalog.domains.get(path.parent.parent.name)
        topic = next((each for each in domain.topics if each.table == path.stem), None) if domain else None
        if topic is None:
            raise MigrationError(f"{path}: no topic of its domain has a table of that name")
        found[topic.name] = split_statements(path.read_text(encoding="utf-8"))
    return found


def split_statements(text: str) -> tuple[str, ...]:
    """Split a file at its semicolons, except those in strings and comments."""
    data, start, found, last = text.encode(), 0, [], 0
    for token in tokens(data):
        if token.text == b";" and token.kind == "sign":
            if last > start:
                found.append(data[start : token.start].decode().strip())
            start = token.end
        last = token.end
    if last > start:
        found.append(data[start:].decode().strip())
    return tuple(found)


def by_number(scripts: tuple[Script, ...]) -> Mapping[str, list[Script]]:
    """Group scripts by domain and keep their order."""
    grouped: dict[str, list[Script]] = {}
    for script in scripts:
        grouped.setdefault(script.domain, []).append(script)
    return grouped


def _scripts_of(folder: Path) -> Iterator[Script]:
    numbers: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path}: expected a name like 0001_what_it_makes.sql")
        if match.group(1) in numbers:
            raise MigrationError(f"{path}: number {match.group(1)} is taken by {numbers[match.group(1)]}")
        numbers[match.group(1)] = path.name
        data = path.read_bytes()
        yield Script(
            folder.name, path.name, hashlib.sha256(data).hexdigest(), split_statements(data.decode())
        )
