"""Energy as meters count it: exact inside, whole Wh outside."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.energy.units import HOUR_US, Register, duration_us, energy_wh, number


def test_what_is_small_is_not_lost() -> None:
    """2.7 W make 0.045 Wh a minute, and after an hour 2.7 Wh: 3, not 0."""
    register = Register()
    shown = [register.count(energy_wh(Fraction("2.7"), HOUR_US // 60)) for _ in range(60)]
    assert set(shown) == {0, 1}
    assert sum(shown) == 3


def test_noise_of_floats_does_not_move_a_register() -> None:
    """0.45399999999999996 kW over half an hour are 227 Wh, as 0.454 kW are."""
    register = Register()
    assert register.count(energy_wh(Fraction("0.45399999999999996") * 1000, HOUR_US // 2)) == 227


@given(st.lists(st.fractions(min_value=0, max_value=10**6), max_size=50))
def test_any_stretch_of_a_register_is_right_to_one_watt_hour(energies: list[Fraction]) -> None:
    """What a register shows never goes back and is never more than half a Wh from the exact total."""
    register, shown, exact = Register(), 0, Fraction()
    for energy in energies:
        moved = register.count(energy)
        assert moved >= 0
        shown, exact = shown + moved, exact + energy
        assert abs(shown - exact) <= Fraction(1, 2)
        assert abs(moved - energy) <= 1


def test_a_register_does_not_go_back() -> None:
    """Negative energy is another register's."""
    with pytest.raises(ValueError, match="cannot go back"):
        Register().count(Fraction(-1))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT30M", 1800), ("PT1H", 3600), ("PT1M", 60), ("PT0S", 0), ("P1D", 86_400), ("P1DT1H30M5S", 91_805)],
)
def test_durations_are_iso_8601(text: str, seconds: int) -> None:
    """Days, hours, minutes, seconds."""
    assert duration_us(text) == seconds * 1_000_000


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1DT", "P1M", "P1Y", "1H", "PT-1H", "PT1.5H", "pt1h", "PT1H ", "PT٣H"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Months and years have no fixed length; the rest is no ISO 8601."""
    with pytest.raises(ValueError, match="expected ISO 8601"):
        duration_us(text)


@pytest.mark.parametrize(
    ("text", "value"), [("0.5", "1/2"), ("-2.7098", "-27098/10000"), ("1e-7", "1/10000000")]
)
def test_numbers_are_read_exactly(text: str, value: str) -> None:
    """No binary fraction comes between."""
    assert number("x", text) == Fraction(value)
    assert number("x", "  ") is None


@pytest.mark.parametrize("text", ["nan", "inf", "1_0", "1/2", "1,5", "0x1", "٣", "1e999", "--1", "."])
def test_what_is_no_number_is_refused(text: str) -> None:
    """One line that names the column."""
    with pytest.raises(ValueError, match="column x: expected a number"):
        number("x", text)
