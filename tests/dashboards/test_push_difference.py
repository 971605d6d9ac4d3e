"""The difference that `city dashboards push --dry-run` shows."""

from __future__ import annotations

from typing import Any

from dashboards.push.difference import MOST_CHARACTERS, MOST_COMPARED, MOST_LINES, difference


def test_a_change_within_a_long_query_is_shown() -> None:
    """A query stands in one JSON string; only the line of it that changed is marked."""
    query = "\n".join(f"SELECT {', '.join(f'column_{n}_{m}' for m in range(30))}" for n in range(20))
    lines = difference({"rawSql": query}, {"rawSql": query.replace("column_9_17,", "other,")})
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-column_9_17, ", "+other, "]


def test_a_difference_is_bounded_and_printable() -> None:
    """In lines, in their length, in what is compared, in depth; nothing reaches the terminal as a control character."""
    lines = difference({"a": ["x" * 500] * 300}, {"a": [f"y{n}" for n in range(300)]})
    assert len(lines) == MOST_LINES + 1
    assert lines[-1].endswith("more lines")
    assert max(len(line) for line in lines) <= MOST_CHARACTERS
    assert "".join(difference({"a": "\x7f\x9b"}, {})).isprintable()
    assert difference([0] * (MOST_COMPARED + 1), [])[0].startswith("too long")
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert "nested too deep" in difference(deep, [])[0]
    assert difference({"b": 1, "a": 2}, {"a": 2, "b": 1}) == ()
