"""The sub-indices that a scale works out beforehand are those of its line, and the line goes on behind them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.air_quality import cai, us_aqi
from streams.domains.air_quality.scale import Scale

SCALES = [*cai.SCALES.values(), *(each for each in vars(us_aqi).values() if isinstance(each, Scale))]


def by_formula(scale: Scale, step: int) -> int | None:
    """Place a step by the formula of the index rules, in fractions."""
    lows = [end + 1 if end else 0 for end in scale.concentrations[:-1]]
    if step < lows[0]:
        return None
    band = max(k for k, low in enumerate(lows) if low <= step)
    index_low = scale.indices[band] + (1 if scale.indices[band] else 0)
    slope = Fraction(scale.indices[band + 1] - index_low, scale.concentrations[band + 1] - lows[band])
    index = int(slope * (step - lows[band]) + index_low + Fraction(1, 2))
    return index if scale.highest is None else min(index, scale.highest)


@pytest.mark.parametrize("scale", SCALES)
def test_every_step_of_the_table_has_the_index_of_the_formula(scale: Scale) -> None:
    """From nothing to a tenth beyond the last band, step by step."""
    steps = range(scale.concentrations[-1] * 11 // 10)
    found = [scale.sub_index((step, scale.steps_per_unit)) for step in steps]
    assert found == [by_formula(scale, step) for step in steps]


@given(st.sampled_from(SCALES), st.integers(0, 10**14), st.integers(1, 10**10))
def test_any_fraction_is_cut_to_a_step_before_it_is_placed(
    scale: Scale, numerator: int, denominator: int
) -> None:
    """However large the numbers, and far beyond the table."""
    step = int(Fraction(numerator, denominator) * scale.steps_per_unit)
    assert scale.sub_index((numerator, denominator)) == by_formula(scale, step)
