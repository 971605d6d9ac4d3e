"""Boards in a terminal: units and colours, charts, maps and tables as text, without any engine."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from dashboards.build import boards
from dashboards.terminal.atlas import atlas
from dashboards.terminal.canvas import Canvas
from dashboards.terminal.chart import PALETTE, chart, series_of
from dashboards.terminal.query_result import QueryResult
from dashboards.terminal.screen import Size, board, table
from dashboards.terminal.words import colour, duration, on, words
from infra.errors import SettingsError
from infra.status.boards import POINTS, interval_of, start_of
from infra.status.svg import save_picture
from schemas.catalog import load_catalog

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

BOARDS = boards(load_catalog())
AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
SEOUL = next(p for p in BOARDS["city-air-quality"]["panels"] if p["type"] == "geomap")


def text_of(content: RenderableType, width: int = 100) -> str:
    """Return what a terminal of that width shows, without colours."""
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(content)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "s", "–"),
        (True, "short", "yes"),
        (0.1234, "percentunit", "12.3 %"),
        (1.0, "percentunit", "100 %"),
        (45, "s", "45 s"),
        (3700, "s", "1 h 1 min"),
        (1_234_567, "watth", "1.23 MWh"),
        (950, "watth", "950 Wh"),
        (1_234_567, "short", "1,234,567"),
        (Decimal("2.50"), "velocitykmh", "2.5 km/h"),
        (float("nan"), "short", "–"),
        (AT, "short", "2026-05-04 12:00"),
        (date(2026, 5, 4), "short", "2026-05-04"),
        (["a", 1], "short", "a, 1"),
        ({"quantile": "0.99"}, "short", "quantile=0.99"),
        ("two\n lines", "short", "two lines"),
    ],
)
def test_values_are_told_as_people_read_them(value: object, unit: str, text: str) -> None:
    """Units as Grafana names them, separators, and a dash for nothing."""
    assert words(value, unit) == text


def test_a_time_span_has_two_units_at_most() -> None:
    """From fractions of a second to days."""
    assert [duration(s) for s in (0.25, 90, 7200, 90_000, -90)] == [
        "0.25 s",
        "1 min 30 s",
        "2 h",
        "1 d 1 h",
        "-1 min 30 s",
    ]


def test_the_colour_is_that_of_the_highest_step_reached() -> None:
    """The first step has no bound; Grafana's names become its colours; words on it stay readable."""
    steps: list[dict[str, Any]] = [{"value": None, "color": "green"}, {"value": 51, "color": "#FFFF00"}]
    assert (colour(50, steps), colour(51, steps), colour("x", steps)) == ("#73bf69", "#FFFF00", "#73bf69")
    assert on("#FFFF00").startswith("black on")
    assert on("#7E0023").startswith("white on")


def test_dots_lie_where_braille_patterns_have_them() -> None:
    """Each of the eight dots of a character is its own bit; outside there is nothing (The Unicode Standard, 21.1)."""
    signs = []
    for x, y in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3), (2, 0), (0, -1)):
        canvas = Canvas(1, 1)
        canvas.dot(x, y)
        signs.append(canvas.lines()[0].plain)
    assert "".join(signs) == "⠁⠂⠄⠈⠐⠠⡀⢀  "


def test_a_label_hides_no_mark() -> None:
    """It stands to the right, else to the left, else nowhere."""
    canvas = Canvas(9, 1)
    canvas.mark(8, 0, "●")
    canvas.mark(12, 0, "●")
    canvas.label(8, 0, "ab")
    canvas.label(8, 0, "cd")
    assert canvas.lines()[0].plain == " ab ● ●  "


def test_long_answers_become_one_line_per_label() -> None:
    """A text column names the series; several numbers add their column's name; what is missing is left out."""
    answer = QueryResult(("time", "city", "low", "high"), [(AT, "Seoul", 1, None), (AT, "Beijing", 3, 4)])
    assert [(s.name, len(s.points)) for s in series_of(answer)] == [
        ("Seoul low", 1),
        ("Beijing low", 1),
        ("Beijing high", 1),
    ]


@pytest.mark.parametrize(("draw", "filled"), [("line", 20), ("bars", 3), ("points", 2)])
def test_lines_join_bars_stand_points_stay_alone(draw: str, filled: int) -> None:
    """Two values far apart: a line crosses the chart, bars and points leave the middle empty."""
    answer = QueryResult(("time", "n"), [(AT, 8), (AT + timedelta(days=9), 8)])
    shown = text_of(chart(answer, "short", 40, draw), 40)
    dots = sum(0x2800 < ord(sign) <= 0x28FF for sign in shown)
    assert dots >= filled
    assert (dots < 20) == (draw != "line")
    assert "2026-05-04" in shown
    assert "2026-05-13" in shown
    assert "n 8" in shown


def test_a_map_shows_land_places_scale_and_the_worst() -> None:
    """The outline in dots, a disc per place in its colour, a bar of round length, and the highest by name."""
    columns = ("place", "latitude", "longitude", "us_index")
    shown = text_of(
        atlas(
            SEOUL,
            QueryResult(columns, [("Jung-gu", 37.558, 126.994, 180), ("Mapo-gu", 37.562, 126.909, 40)]),
            70,
        ),
        70,
    )
    assert shown.count("●") == 2
    assert any(0x2800 < ord(sign) <= 0x28FF for sign in shown)
    assert "┤ 10 km" in shown
    assert "highest: Jung-gu 180, Mapo-gu 40" in shown
    assert "no place" in text_of(atlas(SEOUL, QueryResult(columns, []), 70))


def test_a_table_shows_its_first_rows_in_their_units() -> None:
    """Units and colours by column; what is left out is counted; no rows are said to be none."""
    panel = {
        "fieldConfig": {
            "overrides": [
                {
                    "matcher": {"id": "byName", "options": "share"},
                    "properties": [{"id": "unit", "value": "percentunit"}],
                }
            ]
        }
    }
    shown = text_of(table(panel, QueryResult(("name", "share"), [("a", 0.5), ("b", 0.25), ("c", 1)]), 2))
    assert "50 %" in shown
    assert "c" not in shown.splitlines()[-2]
    assert "… 1 more" in shown
    assert "no rows" in text_of(table(panel, QueryResult((), []), 2))


@pytest.mark.parametrize("made", BOARDS.values(), ids=BOARDS)
def test_a_board_without_data_or_with_a_failing_query_is_drawn_all_the_same(made: dict[str, Any]) -> None:
    """Every panel stands there with its title; a refused query tells why in its place."""
    for answer in (QueryResult((), []), QueryResult((), [], "no such table")):
        shown = text_of(board(made, lambda _sql, answer=answer: answer, Size(140, 5), "today"), 140)  # type: ignore[misc]
        assert all(panel["title"][:12] in shown for panel in made["panels"])
        assert ("no such table" in shown) == bool(answer.error)


def test_a_picture_names_nothing_outside_itself(tmp_path: Path) -> None:
    """No web font, no script, no address but the name of SVG's own vocabulary; wide signs take two cells."""
    path = tmp_path / "new" / "picture.svg"
    save_picture(
        table({"fieldConfig": {}}, QueryResult(("station",), [("강남구",)]), 5), path, "some <title>", 80
    )
    svg = path.read_text(encoding="utf-8")
    assert svg.count("://") == 1
    assert 'xmlns="http://www.w3.org/2000/svg"' in svg
    assert "@import" not in svg
    assert "@font-face" not in svg
    assert 'textLength="85.4">강남구' in svg


def test_the_time_shown_is_a_date_or_a_span() -> None:
    """Anything else is refused with what is expected."""
    assert start_of("12h", AT) == AT - timedelta(hours=12)
    assert start_of("2013-03-01", AT) == datetime(2013, 3, 1, tzinfo=UTC)
    with pytest.raises(SettingsError, match="expected a date"):
        start_of("yesterday", AT)


@pytest.mark.parametrize("days", [0.01, 1, 30, 5000])
def test_charts_have_a_bounded_number_of_steps(days: float) -> None:
    """Whatever the range, no more than so many, and of a round length."""
    step = interval_of(AT - timedelta(days=days), AT)
    assert days * 86_400 / step <= POINTS


def test_neighbouring_series_differ_in_colour() -> None:
    """The palette repeats, but not at once."""
    assert len(set(PALETTE)) == len(PALETTE)
