"""Check digits and forms of numbers, by the published values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.cargo import identifiers as ids


@pytest.mark.parametrize(("number", "digit"), [("CSQU305438", 3), ("APZU481209", 0), ("CITU100001", 2)])
def test_container_check_digit_is_that_of_iso_6346(number: str, digit: int) -> None:
    """CSQU3054383 sums to 6185, APZU4812090 to 5720; ten counts as nought."""
    assert ids.container_check_digit(number) == digit
    assert ids.container_problem(f"{number}{digit}") is None
    assert ids.container_problem(f"{number}{(digit + 1) % 10}") == "CONTAINER_CHECK_DIGIT"


@pytest.mark.parametrize(
    "number", ["", "CSQU305438", "CSQA3054383", "csqu3054383", "CSQU30543831", "CSQU３054383"]
)
def test_container_number_has_a_fixed_form(number: str) -> None:
    """Three letters, U, J or Z, seven digits, nothing else."""
    assert ids.container_problem(number) == "CONTAINER_FORM"


@pytest.mark.parametrize("number", ["9074729", "9321483", "9811000"])
def test_imo_numbers_of_the_standard_are_right(number: str) -> None:
    """The weights 7 to 2 give the seventh digit."""
    assert ids.imo_problem(number) is None
    assert ids.imo_problem(number[:-1] + str((int(number[-1]) + 3) % 10)) == "IMO_CHECK_DIGIT"


@pytest.mark.parametrize(
    "number", ["0000000", "0074729", "0999992", "", "907472", "90747290", "907472A", "９074729"]
)
def test_what_is_below_a_million_or_has_another_length_is_no_imo_number(number: str) -> None:
    """Zeros have a check digit that fits, and are none."""
    assert ids.imo_problem(number) == "IMO_CHECK_DIGIT"


@given(st.integers(0, 999_999), st.integers(0, 5), st.integers(1, 9))
def test_one_wrong_digit_of_a_container_number_shows(serial: int, place: int, by: int) -> None:
    """Any single digit of the serial, changed by anything, unless remainder ten hides it."""
    digits = f"{serial:06d}"
    changed = digits[:place] + str((int(digits[place]) + by) % 10) + digits[place + 1 :]
    right = ids.container_check_digit(f"CSQU{digits}")
    wrong = ids.container_check_digit(f"CSQU{changed}")
    assert right != wrong or right == 0


@pytest.mark.parametrize(
    ("code", "good"),
    [
        ("KRPUS", True),
        ("FRPAR", True),
        ("USLGB", True),
        ("XZ2AA", True),
        ("XYABC", False),
        ("KRPU", False),
        ("KR1US", False),
    ],
)
def test_locode_begins_with_a_country(code: str, good: bool) -> None:
    """XY is no country of ISO 3166-1; places hold letters and 2 to 9."""
    assert ids.is_locode(code) is good


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("https://id.gs1.org/01/09521141012345/21/2017", None),
        ("https://id.gs1.org/01/09521141012346/21/2017", "GS1_CHECK_DIGIT"),
        ("https://id.gs1.org/414/4012345000054", None),
        ("urn:epc:id:bic:CSQU3054383", None),
        ("urn:epc:id:bic:CSQU3054384", "CONTAINER_CHECK_DIGIT"),
        ("urn:epc:id:imovn:9321483", None),
        ("urn:epc:id:imovn:7654321", "IMO_CHECK_DIGIT"),
        ("urn:epc:id:sgtin:0614141.107346.2017", None),
    ],
)
def test_numbers_inside_uris_are_judged(uri: str, problem: str | None) -> None:
    """Digital Links carry GS1's check digit, EPCs of boxes and ships their own; an EPC of goods carries none."""
    assert ids.uri_problem(uri) == problem
