"""Rows against limits: what counts as met, what is written down, and what becomes of a row that cannot be measured."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from tests.bench.harness import Row, SideError, discover
from tests.bench.limit_report import figure, limit_lines
from tests.bench.limits import LimitRow, Quantity, every_row, run_limits
from tests.bench.report import Place, as_json
from tests.bench.results import WHY, merged, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PLACE = Place("a processor, 2 cores, 4 GiB", "Linux", {"commit": "abc"}, "2026-01-02T03:04:05+00:00", 0.1)


@contextlib.contextmanager
def nothing(events: int) -> Iterator[int]:
    """A stage that is the number of events."""
    yield events


def a_row(
    measure: Callable[[Any, int, int], Sequence[Quantity]], name: str = "toy", rounds: int = 5
) -> LimitRow:
    """A row of up to five rounds."""
    return LimitRow(name, "nothing", nothing, measure, events=100, small=10, rounds=rounds)


def rising(_: Any, number: int, events: int) -> list[Quantity]:
    """Figures that grow with the round."""
    return [
        Quantity("delay, p99", "s", 1.0 + number, most=2.5),
        Quantity("speed", "events/s", events * 1000.0, least=200_000.0),
        Quantity("memory", "MiB", 80.0),
    ]


def quietly(row: LimitRow, rounds: int = 3) -> Any:
    """Run a row without a word."""
    return run_limits(row, rounds, row.events, lambda _: None)


def test_a_limit_is_met_by_every_round_by_the_median_or_not_at_all() -> None:
    """The words tell the three apart; a quantity without a limit is only told."""
    told = list(limit_lines(quietly(a_row(rising))))
    assert told == [
        "toy: nothing; 100 events, 3 rounds",
        "  delay, p99: 2.00 (1.00 to 3.00) s; limit ≤ 2.5 s: met by the median, not in every round",
        "  speed: 100,000 events/s; limit ≥ 200,000 events/s: missed",
        "  memory: 80.00 MiB",
    ]
    assert "limit ≤ 2.5 s: met" in list(limit_lines(quietly(a_row(rising), 1)))[1]


def test_a_row_is_run_no_oftener_than_it_allows() -> None:
    """A five-minute row is not run five times because five rounds were asked for."""
    assert len(quietly(a_row(rising, rounds=1), 5).found) == 1
    assert len(quietly(a_row(rising, rounds=5), 2).found) == 2


def test_a_row_that_cannot_be_measured_says_why() -> None:
    """Its reason stands in the words, in the JSON and in the results; no figure of it is kept."""

    def failing(_: Any, number: int, events: int) -> list[Quantity]:
        if number:
            raise SideError(f"no broker | for {events} events")
        return rising(_, number, events)

    outcome = quietly(a_row(failing))
    assert not outcome.found
    assert list(limit_lines(outcome))[1] == "  not run: no broker | for 100 events"
    told = as_json([], [outcome], PLACE, "city bench")
    assert told["limits"]["toy"]["not run"] == outcome.reason
    assert json.loads(json.dumps(told)) == told
    text = merged("", [outcome], PLACE, "city bench", {"toy": outcome.row})
    assert "| toy |  | not run: no broker / for 100 events |" in text


def test_quantities_keep_their_names() -> None:
    """A name told twice in a round, or another one in the next, leaves no spread to tell."""
    twice = quietly(a_row(lambda *_: [Quantity("a", "s", 1.0), Quantity("a", "s", 2.0)]))
    assert twice.reason == "toy: a quantity is told twice in a round: a, a"
    other = quietly(a_row(lambda _, number, __: [Quantity(f"a{number}", "s", 1.0)]))
    assert other.reason == "toy: rounds tell different quantities: a1"


def test_results_keep_other_limits_and_replace_all_lines_of_a_row() -> None:
    """A quantity that a row no longer tells goes; so does a row that no longer exists."""
    first, second = a_row(rising), a_row(rising, name="other")
    rows = {"toy": first, "other": second, "third": a_row(rising, name="third")}
    text = merged("", [quietly(first), quietly(second)], PLACE, "city bench", rows)
    assert "No figures recorded yet for: `third`." in text
    assert len(parse(text).limited) == 6
    assert parse(text).limited["toy", "delay, p99"][2:6] == (
        "2.00 (1.00 to 3.00) s",
        "≤ 2.5 s",
        "met by the median, not in every round",
        "`city bench`",
    )
    fewer = quietly(a_row(lambda *_: [Quantity("memory", "MiB", 7.0)]))
    text = merged(text, [fewer], PLACE, "city bench toy", rows)
    assert {key for key in parse(text).limited if key[0] == "toy"} == {("toy", "memory")}
    assert {key[0] for key in parse(merged(text, [], PLACE, "", {"other": second})).limited} == {"other"}


def test_what_is_written_by_hand_is_kept_as_it_is() -> None:
    """Even a table in it is no line of ours."""
    by_hand = f"{WHY}\n- `toy` misses because of this.\n\n| row | a |\n| --- | --- |\n| toy | memory |\n"
    row = a_row(rising)
    text = merged("", [quietly(row)], PLACE, "city bench", {"toy": row})
    assert text.endswith(WHY)
    text = merged(text.replace(WHY, by_hand), [quietly(row)], PLACE, "city bench", {"toy": row})
    assert text.endswith(by_hand)
    assert text == merged(text, [], PLACE, "", {"toy": row})


def test_figures_have_the_digits_they_are_good_for() -> None:
    """No digit of noise in a large one, none lost of a small one."""
    assert [figure(each) for each in (0.0, 0.01234, 3.14159, 314.159, 31415.9)] == [
        "0.00", "0.0123", "3.14", "314.2", "31,416",
    ]  # fmt: skip


def test_rows_against_limits_are_found_by_their_place() -> None:
    """Every one has its name and sizes, and none has the name of a comparison."""
    rows = discover(LimitRow)
    for name, row in rows.items():
        assert row.name == name
        assert 0 < row.small < row.events
        assert row.rounds > 0
    assert every_row().keys() == rows.keys() | discover(Row).keys()
