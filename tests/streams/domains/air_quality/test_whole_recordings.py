"""Whole recordings of Beijing: what the reference temperature and the station's own days change, by others' counts."""

import gzip
from collections import defaultdict
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from streams.domains.air_quality.recordings import BEIJING_PRSA
from streams.domains.air_quality.rules import assess
from streams.readers.formats import Accepted
from streams.zones import local_day
from tests.recordings import whole

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def hours() -> list[dict[str, Any]]:
    """Two years of hours of Aotizhongxin."""
    path = whole("air_quality", "*Aotizhongxin*")[0]
    with gzip.open(path) as stream:
        found = [item for item in BEIJING_PRSA.read(stream) if isinstance(item, Accepted)]  # type: ignore[arg-type]
    drafts = [draft for item in found for draft in item.drafts]
    return [{**draft.fields, "occurred_at": draft.occurred_at} for draft in drafts]


def indices(hours: list[dict[str, Any]], **changed: Any) -> list[tuple[int | None, int | None]]:
    """Return both indices of each hour."""
    state, found = None, []
    for hour in hours:
        state, assessment = assess(state, {**hour, **changed})
        assert assessment is not None
        found.append((assessment.us.value, assessment.kr.value))
    return found


def test_gases_at_0_degrees_change_the_indices_that_were_counted(hours: list[dict[str, Any]]) -> None:
    """638 US and 2,197 Korean indices of 17,544 differ from those at 25 °C."""
    cold, warm = indices(hours), indices(hours, gas_temperature=25.0)
    differ = [
        [one != other for one, other in zip(*pair, strict=True)] for pair in zip(cold, warm, strict=True)
    ]
    assert len(hours) == 17_544
    assert [sum(column) for column in zip(*differ, strict=True)] == [638, 2_197]


def test_97_days_of_beijing_change_side_at_75(hours: list[dict[str, Any]]) -> None:
    """Of 707 days with at least 18 hours by either clock."""

    def means(zone: str) -> dict[Any, float]:
        days = defaultdict(list)
        for hour in hours:
            if hour["pm2_5"] is not None:
                days[local_day(hour["occurred_at"], ZoneInfo(zone))].append(hour["pm2_5"])
        return {day: sum(values) / len(values) for day, values in days.items() if len(values) >= 18}

    own, utc = means("Asia/Shanghai"), means("UTC")
    both = own.keys() & utc.keys()
    assert (len(both), sum((own[day] > 75) != (utc[day] > 75) for day in both)) == (707, 97)
