"""Boards in the terminal: each panel's query runs with expanded macros in ClickHouse, and its result is drawn."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards.build import boards
from dashboards.queries import expand
from dashboards.terminal.query_result import QueryResult
from dashboards.terminal.screen import Size, board
from infra.connections import connect
from infra.errors import SettingsError
from infra.near_names import did_you_mean

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Group

    from infra.settings import Settings
    from schemas.catalog import Catalog

SPANS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
INTERVALS_S = (
    1,
    2,
    5,
    10,
    30,
    60,
    300,
    600,
    1800,
    3600,
    10_800,
    21_600,
    43_200,
    86_400,
    604_800,
    2_592_000,
    31_536_000,
)
"""Time steps in seconds; a chart takes the first that gives it at most POINTS points."""
POINTS = 120


class BoardReader:
    """Reads the content of boards from one stack."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        """Connect to ClickHouse.

        Args:
            settings: The stack.
            catalog: Its catalogue; the boards are built from it.

        Raises:
            ClickHouseError: ClickHouse does not answer, or refuses the login.
        """
        self.boards = boards(catalog)
        self.failed = 0
        """Panels whose query was refused so far."""
        self._client = connect(settings, boards=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def find(self, name: str) -> dict[str, Any]:
        """Return a board by its uid, with or without the prefix `city-`, with hyphens or underscores.

        Raises:
            SettingsError: There is no such board; the message lists the known ones.
        """
        short = {uid.removeprefix("city-"): made for uid, made in self.boards.items()}
        wanted = name.removeprefix("city-").replace("_", "-")
        if wanted not in short:
            raise SettingsError(
                f"{name}: no board of that name{did_you_mean(wanted, short)} (there are {', '.join(short)})"
            )
        return short[wanted]

    def draw(self, made: dict[str, Any], size: Size, since: str | None = None) -> Group:
        """Return a board's content for a terminal.

        Args:
            made: The board.
            size: Width and rows.
            since: Start of the time shown, as `start_of` reads it; by default the board's own.
        """
        now = datetime.now(tz=UTC)
        start = start_of(since or made["time"]["from"].removeprefix("now-"), now)
        interval = interval_of(start, now)

        def ask(sql: str) -> QueryResult:
            try:
                result = self._client.query(expand(sql, start, now, interval))
            except ClickHouseError as error:
                self.failed += 1
                return QueryResult((), (), " ".join(str(error).split())[:400])
            return QueryResult(result.column_names, result.result_rows)

        return board(made, ask, size, f"{start:%Y-%m-%d %H:%M} to {now:%Y-%m-%d %H:%M} UTC")


def start_of(text: str, now: datetime) -> datetime:
    """Parse `--since`: a date (2013-03-01, UTC) or a span before now (30d, 12h, 15m).

    Raises:
        SettingsError: It is neither.
    """
    if match := re.fullmatch(r"(\d{1,6})([smhdw])", text):
        return now - timedelta(**{SPANS[match[2]]: int(match[1])})
    try:
        day = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(
            f"--since {text}: expected a date (2013-03-01) or a span (30d, 12h, 15m)"
        ) from error
    return day if day.tzinfo else day.replace(tzinfo=UTC)


def interval_of(start: datetime, end: datetime) -> int:
    """Return the time step in seconds at which a chart of that range has at most POINTS points."""
    span = (end - start).total_seconds()
    return next((step for step in INTERVALS_S if span / step <= POINTS), INTERVALS_S[-1])
