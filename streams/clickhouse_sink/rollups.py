"""Runs the roll-up statements after an insert: once, or once for each time zone that the insert touched.

A statement with the bind `{zone:String}` computes local days: ClickHouse's functions of days and hours take a constant
zone only. The first statement of its file is a SELECT whose first column names the zones (docs/events.md#local-days).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

ZONE: Final = "{zone:String}"

Run = Callable[..., None]
"""Runs a statement with its binds."""
Query = Callable[..., Iterable[Sequence[str]]]
"""Returns the rows of a statement with its binds, as text."""


def refresh(statements: Iterable[str], run: Run, query: Query, partition: int, first: int, last: int) -> None:
    """Recompute the buckets that the records of an offset range touch. A repeat changes nothing.

    Args:
        statements: Statements of a topic's roll-ups, in the order of their file.
        run: Runs a statement.
        query: Returns the rows of a SELECT.
        partition: Partition of the records.
        first: First offset.
        last: Last offset.
    """
    zones: list[str] = []
    for statement in statements:
        binds: dict[str, int | str] = {"partition": partition, "first": first, "last": last}
        if ZONE in statement:
            for zone in zones:
                run(statement, **binds, zone=zone)
        elif names_zones(statement):
            zones = sorted(row[0] for row in query(statement, **binds))
        else:
            run(statement, **binds)


def names_zones(statement: str) -> bool:
    """Return whether a statement is the SELECT of the zones."""
    return _first_word(statement) == "SELECT"


def _first_word(statement: str) -> str:
    """Return the first word of a statement behind its comments."""
    lines = (line.strip() for line in statement.splitlines())
    line = next((line for line in lines if line and not line.startswith("--")), "")
    return line.split(None, 1)[0].upper() if line else ""
