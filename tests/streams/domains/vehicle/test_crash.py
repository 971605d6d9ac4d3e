"""Delta-V, direction of force and severity, by published values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.vehicle.crash import (
    STANDARD_GRAVITY,
    delta_v_kmh,
    exceeds_wake,
    pdof_clock,
    resultant,
    severity,
    triggers,
)

KMH = st.floats(-100, 100, allow_nan=False)


def test_twenty_g_for_100_ms_is_70_6_kmh() -> None:
    """The published check value of Δv += a·Δt."""
    assert delta_v_kmh(20 * STANDARD_GRAVITY, 0.1) == pytest.approx(70.6, abs=0.05)


def test_one_g_for_10_ms_is_0_353_kmh() -> None:
    """One sample at 100 per second."""
    assert delta_v_kmh(STANDARD_GRAVITY, 0.01) == pytest.approx(0.353, abs=0.0005)


@pytest.mark.parametrize(
    ("x", "y", "hour"),
    [
        (-30, 0, 12),
        (0, 30, 3),
        (30, 0, 6),
        (0, -30, 9),
        (-30, -15, 11),
        (-30, 15, 1),
        (-30, 30, 2),
        (30, 1, 6),
    ],
)
def test_force_comes_from_the_clock_hour(x: float, y: float, hour: int) -> None:
    """Pushed back: 12; pushed to the left: 3, from the right; pushed forward: 6."""
    assert pdof_clock(x, y) == hour


@pytest.mark.parametrize(
    ("delta_v", "band"),
    [
        (0, "NONE"),
        (7.99, "NONE"),
        (8, "MINOR"),
        (14.99, "MINOR"),
        (15, "MODERATE"),
        (30, "SERIOUS"),
        (50, "SERIOUS"),
        (50.01, "CRITICAL"),
    ],
)
def test_severity_has_the_published_bands(delta_v: float, band: str) -> None:
    """A boundary belongs to the band above it, 50 to the one below."""
    assert severity(delta_v) == band


def test_trigger_is_8_kmh_and_waking_is_above_0_8_kmh() -> None:
    """Along or across, either way (49 CFR 563.5)."""
    assert [triggers(-8.0, 0), triggers(0, 8.0), triggers(7.99, 7.99)] == [True, True, False]
    assert [exceeds_wake(0.81, 0), exceeds_wake(0.8, -0.8)] == [True, False]


@given(x=KMH, y=KMH)
def test_resultant_is_never_below_its_parts_and_the_hour_is_one_of_twelve(x: float, y: float) -> None:
    """For any change of velocity; the opposite change comes from the opposite hour, give or take rounding."""
    assert resultant(x, y) >= max(abs(x), abs(y)) * (1 - 1e-12)
    assert 1 <= pdof_clock(x, y) <= 12
    if resultant(x, y) > 1e-6:
        assert (pdof_clock(x, y) - pdof_clock(-x, -y)) % 12 in (5, 6, 7)
