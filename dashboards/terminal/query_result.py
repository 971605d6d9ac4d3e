"""The result of a query: column names and rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class QueryResult:
    """The rows of a query.

    Attributes:
        columns: Column names, in order.
        rows: Rows, each with its values in the order of the columns.
        error: Why the query failed. Empty if it ran.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    error: str = ""

    def column(self, name: str) -> list[Any]:
        """Return the values of one column.

        Raises:
            ValueError: There is no such column.
        """
        index = list(self.columns).index(name)
        return [row[index] for row in self.rows]
