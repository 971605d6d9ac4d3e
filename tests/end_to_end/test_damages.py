"""Each damage of `docs/recovery.md#table-of-damages`: what a start says, and whether it heals as the page says."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.harness.city import City
from tests.harness.damages import DAMAGES, Damage
from tests.harness.report import broken_equations, totals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMOKE = "kafka-older"
"""The row of the gate: the start is refused, so it costs a start of the stores and no more."""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory, small_recordings: Path) -> tuple[City, Path]:
    """A city that has replayed all recordings, and a copy of its directory from when it had replayed half of them."""
    city = City(tmp_path_factory.mktemp("damages") / "city")
    recordings = sorted(map(str, small_recordings.iterdir()))
    old = city.data.with_name("old")
    for words in (recordings[:2], recordings):
        run = city.up_once("--recordings", *words)
        assert run.returncode == 0, run.stdout + run.stderr
        if not old.exists():
            shutil.copytree(city.data, old, symlinks=True)
    city.keep_facts()
    return city, old


def rows() -> list[object]:
    """Return the damages; all but one take too long for every change."""
    return [
        pytest.param(each, id=each.name, marks=[] if each.name == SMOKE else [pytest.mark.nightly])
        for each in DAMAGES
    ]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("damage", rows())
def test_a_damage_is_named_and_heals_as_the_page_says(
    damage: Damage, before: tuple[City, Path], make_city: Callable[..., City], small_recordings: Path
) -> None:
    """Code and line of a start over the damaged directory; where it heals, totals and facts are as before."""
    whole, old = before
    city = make_city(damage.name)
    shutil.copytree(whole.data, city.data, symlinks=True)
    shutil.rmtree(city.data / "logs")
    damage.do(city.data, old)
    run = city.up_once("--recordings", *sorted(map(str, small_recordings.iterdir())))
    said = (
        run.stdout
        + run.stderr
        + "".join(path.read_text(errors="replace") for path in (city.data / "logs").glob("*.log"))
    )
    assert run.returncode == damage.code, said
    assert damage.line in said
    assert "Traceback" not in run.stdout + run.stderr
    if damage.code == 0:
        report = city.read_report()
        assert broken_equations(report) == []
        assert totals(report) == totals(whole.read_report())
        assert city.facts() == whole.kept_facts()
    if damage.remedy:
        done = city.city(*damage.remedy)
        assert done.returncode == 0, done.stdout + done.stderr
        again = city.up_once("--recordings", *sorted(map(str, small_recordings.iterdir())))
        assert again.returncode == 0, again.stdout + again.stderr
        assert city.read_report()["audit"]["problems"] == []
