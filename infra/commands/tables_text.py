"""Tables on standard output: folded or in blocks where they are too wide for the terminal, and never cut."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

LEAST_ROOM = 12
"""Characters that each column needs to be folded readably."""
_ENDLESS = 100_000
_GAP = 2


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]], kept: Collection[str]) -> None:
    """Print a table to standard output; nothing of it is ever cut.

    Where it does not fit into the terminal, its columns are folded but for those of `kept`. Where that leaves too
    little room, each row becomes a block of lines. Elsewhere than on a terminal each row is one line, as long as it is.

    Args:
        titles: The titles.
        rows: Cells in the order of the titles.
        kept: Titles of the columns whose values must stay in one piece, as names do.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for title in titles:
        table.add_column(title, no_wrap=title in kept, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False)
    natural = Console(width=_ENDLESS).measure(table).maximum
    if not console.is_terminal:
        console.width = max(natural, 1)
    elif natural > console.width and _room(titles, rows, kept, console.width) < LEAST_ROOM:
        for row in rows:
            console.print(_block(titles, row, kept, console.width), markup=False)
        return
    console.print(table)


def _room(titles: Sequence[str], rows: Sequence[Sequence[str]], kept: Collection[str], width: int) -> int:
    """Return the width that is left for each column that may be folded."""
    taken = 0
    for index, title in enumerate(titles):
        if title in kept:
            cells = [title, *(row[index] for row in rows)]
            taken += max(len(line) for cell in cells for line in cell.split("\n")) + _GAP
    return (width - taken) // max(len(titles) - len(kept), 1) - _GAP


def _block(titles: Sequence[str], row: Sequence[str], kept: Collection[str], width: int) -> str:
    """Return a row as lines: the values of `kept`, then each other value behind its title."""
    cells = list(zip(titles, row, strict=True))
    head = "  ".join(cell.replace("\n", ", ") for title, cell in cells if title in kept)
    rest = "; ".join(
        f"{title} {cell}".replace("\n", ", ") for title, cell in cells if title not in kept and cell
    )
    body = fill(rest, width - 1, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    return f"{head}\n{body}"
