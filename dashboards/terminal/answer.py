"""What a query returned: column names and rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Answer:
    """Rows of a query.

    Attributes:
        columns: Names in order.
        rows: Values in the order of the columns.
        error: Why there are none, in words; empty if the query ran.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    error: str = ""

    def column(self, name: str) -> list[Any]:
        """Return the values of one column."""
        index = list(self.columns).index(name)
        return [row[index] for row in self.rows]
