"""The identity of an interval: consumption + export = generation + import, whatever was measured."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from streams.domains.energy.balance import FLOWS_DISAGREE, NETTED, ImpossibleEnergyError, balance_of

ENERGY = st.integers(0, 10**9)


@given(consumption=ENERGY, generation=ENERGY)
def test_gross_values_are_netted_to_the_watt_hour(consumption: int, generation: int) -> None:
    """Nothing is imported and exported in the same interval; the identity is exact; nothing is negative."""
    found = balance_of({"consumption_wh": consumption, "generation_wh": generation})
    assert found is not None
    assert found.consumption + found.exported == found.generation + found.imported
    assert min(found.imported, found.exported) == 0
    assert found.self_consumption == min(consumption, generation)
    assert (found.basis, found.flags) == ("GROSS", (NETTED,))


@given(imported=ENERGY, generation=ENERGY, used_directly=ENERGY, left=st.sets(st.integers(0, 3), max_size=1))
def test_three_flows_give_the_fourth(
    imported: int, generation: int, used_directly: int, left: set[int]
) -> None:
    """Whichever one of the four is not measured, the balance is the same; with all four as well."""
    assume(used_directly <= generation)
    whole = {
        "import_wh": imported,
        "export_wh": generation - used_directly,
        "consumption_wh": imported + used_directly,
        "generation_wh": generation,
    }
    told = {name: None if number in left else value for number, (name, value) in enumerate(whole.items())}
    found = balance_of(told)
    assert found is not None
    assert found.fields() == whole
    assert found.self_consumption == used_directly
    assert (found.basis, found.flags) == ("FLOWS", ())


def test_flows_that_disagree_give_way_and_say_so() -> None:
    """Consumption and generation count; import and export are what is left of them."""
    found = balance_of({"import_wh": 5, "export_wh": 5, "consumption_wh": 100, "generation_wh": 40})
    assert found is not None
    assert found.fields() == {"consumption_wh": 100, "generation_wh": 40, "import_wh": 60, "export_wh": 0}
    assert found.flags == (NETTED, FLOWS_DISAGREE)


@pytest.mark.parametrize(
    "told", [{}, {"generation_wh": 5}, {"import_wh": 5, "export_wh": 0}, {"import_wh": 1, "generation_wh": 2}]
)
def test_too_little_gives_no_balance(told: dict[str, int | None]) -> None:
    """A roof that tells its yield alone says nothing about a home."""
    assert balance_of(told) is None


@pytest.mark.parametrize(
    "told",
    [
        {"consumption_wh": -1, "generation_wh": 5},
        {"import_wh": 0, "export_wh": 10, "generation_wh": 5},
        {"import_wh": 20, "export_wh": 0, "consumption_wh": 10},
        {"import_wh": 10, "export_wh": 15, "generation_wh": 10},
    ],
)
def test_what_no_meter_can_have_counted_is_refused(told: dict[str, int | None]) -> None:
    """Negative energy, or more given to the grid than was generated."""
    with pytest.raises(ImpossibleEnergyError):
        balance_of(told)
