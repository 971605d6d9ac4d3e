"""A disturbed run beside an undisturbed one: what the platform made of the same recordings must not differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.report import broken_equations, totals

if TYPE_CHECKING:
    from tests.harness.city import City


def assert_nothing_differs(city: City, undisturbed: City) -> None:
    """Compare reports, and what a query sees: events, rows, roll-ups of air quality.

    Args:
        city: The stack that was disturbed; its last run came to its end.
        undisturbed: One whose facts were kept.
    """
    report = city.read_report()
    assert broken_equations(report) == []
    assert totals(report) == totals(undisturbed.read_report())
    assert city.facts() == undisturbed.kept_facts()
