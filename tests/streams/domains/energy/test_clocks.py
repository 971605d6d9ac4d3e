"""Local times: which instant they name, where the clock jumps."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.domains.energy.clocks import AMBIGUOUS, NONEXISTENT, SAN_FRANCISCO, SYDNEY, Instant, instant


def utc(found: Instant) -> str:
    """Write an instant as UTC."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=found.at_us)).isoformat()


@pytest.mark.parametrize(
    ("local", "expected", "flags"),
    [
        ("2011-07-01 00:00", "2011-06-30T14:00:00+00:00", ()),
        ("2011-10-02 01:30", "2011-10-01T15:30:00+00:00", ()),
        ("2011-10-02 02:00", "2011-10-01T16:00:00+00:00", (NONEXISTENT,)),
        ("2011-10-02 02:30", "2011-10-01T16:00:00+00:00", (NONEXISTENT,)),
        ("2011-10-02 03:00", "2011-10-01T16:00:00+00:00", ()),
        ("2011-12-31 23:30", "2011-12-31T12:30:00+00:00", ()),
        ("2012-04-01 01:30", "2012-03-31T14:30:00+00:00", ()),
        ("2012-04-01 02:00", "2012-03-31T15:00:00+00:00", (AMBIGUOUS,)),
        ("2012-04-01 02:30", "2012-03-31T15:30:00+00:00", (AMBIGUOUS,)),
        ("2012-04-01 03:00", "2012-03-31T17:00:00+00:00", ()),
    ],
)
def test_sydneys_clock(local: str, expected: str, flags: tuple[str, ...]) -> None:
    """UTC+10 in winter, +11 in summer; the hour left out is the instant of the jump, the hour doubled its first."""
    found = instant(datetime.fromisoformat(local), SYDNEY)
    assert (utc(found), found.flags) == (expected, flags)


LOCAL_TIMES = st.datetimes(datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2029-12-31"))


@given(LOCAL_TIMES, st.sampled_from([SYDNEY, SAN_FRANCISCO]))
@example(datetime.fromisoformat("2011-10-02 02:30"), SYDNEY)
@example(datetime.fromisoformat("2016-03-13 02:30"), SAN_FRANCISCO)
def test_a_time_that_was_once_is_that_time(local: datetime, zone: object) -> None:
    """Instants without a flag show the local time they were told; the others say why not, and lie at a jump."""
    found = instant(local, zone)  # type: ignore[arg-type]
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=found.at_us)
    shown = at.astimezone(zone)  # type: ignore[arg-type]
    if found.flags != (NONEXISTENT,):
        assert shown.replace(tzinfo=None, fold=0) == local
    else:
        before = (at - timedelta(seconds=1)).astimezone(zone)  # type: ignore[arg-type]
        assert before.replace(tzinfo=None) < local < shown.replace(tzinfo=None)
        assert before.utcoffset() != shown.utcoffset()


def test_times_before_1970_are_refused() -> None:
    """The platform's clock begins there."""
    with pytest.raises(ValueError, match="before 1970"):
        instant(datetime.fromisoformat("1969-12-31"), SYDNEY)
