"""A database for what one comparison or rebuild makes, dropped at its end.

One that a killed process left behind is dropped by the next: its name holds the time at which it was made.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from schemas.tables import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager, ExitStack

    from schemas.model import Topic

T = TypeVar("T")
PREFIX = "city_scratch_"
LEFT_BEHIND_S = 3600
"""Age in seconds from which a scratch database is left behind: nothing runs that long."""


@contextmanager
def scratch_database(client: Any) -> Iterator[str]:
    """Make a database and drop it at the end; yield its name."""
    now = int(time.time())
    for (name,) in client.query(
        f"SELECT name FROM system.databases WHERE startsWith(name, '{PREFIX}')"
    ).result_rows:
        made = name.removeprefix(PREFIX).partition("_")[0]
        if made.isdigit() and now - int(made) > LEFT_BEHIND_S:
            client.command(f"DROP DATABASE IF EXISTS {name}")
    database = f"{PREFIX}{now}_{uuid.uuid4().hex[:8]}"
    client.command(f"CREATE DATABASE {database}")
    try:
        yield database
    finally:
        with contextlib.suppress(Exception):  # the next one drops it
            client.command(f"DROP DATABASE IF EXISTS {database}")


def create_rows_table(topic: Topic, database: str) -> str:
    """Return the DDL of a table for a topic's decoded rows: the typed table's columns, every row kept."""
    body = ", ".join(column.definition() for column in columns(topic))
    return f"CREATE TABLE {database}.{topic.table} ({body}) ENGINE = MergeTree ORDER BY (_partition, _offset)"


def on_demand(stack: ExitStack, make: Callable[[], AbstractContextManager[T]]) -> Callable[[], T]:
    """Return a function that enters a context when it is first called, and returns the same from then on.

    Args:
        stack: It leaves the context at its own end.
        make: Makes the context.
    """
    return cache(lambda: stack.enter_context(make()))
