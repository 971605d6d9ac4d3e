"""Compares roll-ups with what the typed rows give, and with their digests at the last audit.

A roll-up is computed anew, in a scratch database, if its topic has new rows or its digest is not the remembered one. So
a change of any row is found, and one that new events explain is none.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from infra.clickhouse.migrations.refill import fill_rollups
from infra.clickhouse.migrations.scripts import load_rollups
from infra.layer_configs import catalog as load_catalog
from infra.tables.rollups import all_targets, compared, scratch_statements
from infra.tables.row_hash import number, row_bytes
from schemas.names import DATABASE
from schemas.tables import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.model import Topic

ATTEMPTS = 3
PAUSE_S = 1.0
MOST_ROWS = 20

Digest = tuple[int, int]
"""Number and digest of rows."""


class RollupAudit:
    """One comparison of roll-ups.

    Args:
        client: A clickhouse-connect client.
        topics: Names of the topics whose roll-ups are compared.
        remembered: By table: what the last audit that passed remembered; `None` compares every row.
        settled: Whether nothing is in flight; otherwise what differs is computed again.
    """

    def __init__(
        self, client: Any, topics: Sequence[str], remembered: Mapping[str, Any] | None, *, settled: bool
    ) -> None:
        self._client = client
        self._remembered = remembered
        self._attempts = 1 if settled else ATTEMPTS
        found = load_rollups(load_catalog())
        self._statements = {topic: found[topic] for topic in topics if topic in found}
        self._digests: dict[str, Digest] = {}

    def read(self) -> None:
        """Read the digests of the stored roll-ups; leave out a table that cannot be read."""
        for statements in self._statements.values():
            try:
                self._digests |= self._read(compared(statements))
            except OperationalError:
                raise
            except ClickHouseError:
                continue  # it is computed anew, and its error named

    def to_compare(self, topic: str, *, has_new_rows: bool) -> bool:
        """Return whether a topic's roll-ups must be computed anew."""
        if topic not in self._statements:
            return False
        known = self._remembered or {}
        return has_new_rows or any(
            name not in self._digests or known.get(name) != _stored(self._digests[name])
            for name in compared(self._statements[topic])
        )

    def remembered(self) -> dict[str, list[str]]:
        """Return the digests that were read, for the next baseline."""
        return {name: _stored(digest) for name, digest in self._digests.items()}

    def not_compared(self) -> list[str]:
        """Return one line for each table that is not compared as a whole."""
        lines = []
        for statements in self._statements.values():
            selects = compared(statements)
            for name in all_targets(statements):
                if name not in selects:
                    lines.append(f"{DATABASE}.{name}: its rows depend on the order in which events came")
                elif f"SELECT * FROM {DATABASE}.{name} " not in selects[name]:
                    lines.append(
                        f"{DATABASE}.{name}: rows and columns beside `{selects[name]}`: "
                        "they depend on the order in which events came"
                    )
        return lines

    def compare(self, topic: Topic, scratch: str) -> tuple[list[str], int]:
        """Compare the roll-ups of a topic with what its typed rows give.

        Returns:
            One line for each differing row, and the number of compared rows.
        """
        statements = self._statements[topic.name]
        moved = scratch_statements(statements, scratch)
        problems: list[str] = []
        count = 0
        for attempt in range(self._attempts):
            if attempt:
                time.sleep(PAUSE_S)
                self._digests |= self._read(compared(statements))
            for name in all_targets(statements):
                self._client.command(f"DROP TABLE IF EXISTS {scratch}.{name} SYNC")
                self._client.command(f"CREATE TABLE {scratch}.{name} AS {DATABASE}.{name}")
            fill_rollups(self._client, topic, moved)
            selects = compared(statements)
            made = {
                name: select.replace(f"{DATABASE}.{name} ", f"{scratch}.{name} ")
                for name, select in selects.items()
            }
            digests = self._read(made)
            count = sum(rows for rows, _ in digests.values())
            problems = [
                line
                for name, select in selects.items()
                if self._remembered is None or digests[name] != self._digests.get(name)
                for line in self._lines(name, select, made[name])
            ]
            if not problems:
                break
        return problems, count

    def _read(self, selects: Mapping[str, str]) -> dict[str, Digest]:
        """Return number and digest of the rows of each SELECT."""
        if not selects:
            return {}
        rows = self._client.query(
            " UNION ALL ".join(
                f"SELECT {quote(name)} AS name, count() AS a, sum({number(row_bytes())}) AS b FROM ({select})"
                for name, select in selects.items()
            )
        ).result_rows
        return {str(name): (int(count), int(digest)) for name, count, digest in rows}

    def _lines(self, name: str, stored: str, made: str) -> list[str]:
        """Return one line for each row that is in one of two SELECTs alone."""
        row_hash = f"sipHash128({row_bytes()})"
        key = ", ".join(self._key(name)) if stored.startswith("SELECT * ") else "*"
        lines = []
        for one, other, words in (
            (made, stored, "expected a row as its table's events give, got none or another"),
            (stored, made, "got a row that its table's events do not give"),
        ):
            rows = self._client.query(
                f"SELECT replaceAll(trim(BOTH '\\n' FROM formatRow('TSV', {key})), '\\t', ' ') AS text FROM ({one}) "
                f"WHERE {row_hash} NOT IN (SELECT {row_hash} FROM ({other})) ORDER BY text LIMIT {MOST_ROWS}"
            ).result_rows
            lines += [f"{DATABASE}.{name}: {text}: {words}" for (text,) in rows]
        return lines

    def _key(self, name: str) -> list[str]:
        rows = self._client.query(
            "SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String} "
            "AND is_in_sorting_key ORDER BY position",
            parameters={"database": DATABASE, "table": name},
        ).result_rows
        return [f"`{column}`" for (column,) in rows]


def _stored(digest: Digest) -> list[str]:
    """Return a digest as the baseline keeps it."""
    return [str(each) for each in digest]
