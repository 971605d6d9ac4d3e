"""The classes and flags of docs/fields/health.md, at and beside their borders."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domains.health.bodies import bmi_of, exact, values_of
from streams.domains.health.counts import CODE_LENGTH, decode, encode
from streams.domains.health.rules import (
    DOUBTFUL_PADDED_TO,
    DOUBTS,
    FLAGS_PADDED_TO,
    assess,
    fat_class,
    korean_class,
    waist_class,
    who_class,
)
from streams.domains.health.sheet import FLAGS, IDENTITIES, PLAUSIBLE

MAN: dict[str, Any] = {"sex": "MALE", "age": 41.0}
SHEET: dict[str, Any] = {
    **MAN,
    "body_weight": 83.6,
    "body_height": 174.0,
    "bmi": 27.6,
    "percent_body_fat": 23.4,
    "body_fat_mass": 19.6,
    "lean_body_mass": 64.0,
    "dry_lean_mass": 16.9,
    "total_body_water": 47.1,
    "intracellular_water": 29.4,
    "extracellular_water": 17.7,
    "ecw_ratio": 0.376,
    "protein_mass": 12.6,
    "mineral_mass": 4.3,
}


@pytest.mark.parametrize(
    ("bmi", "who", "korea"),
    [
        ("15.999", "SEVERE_THINNESS", "UNDERWEIGHT"),
        ("16", "MODERATE_THINNESS", "UNDERWEIGHT"),
        ("17", "MILD_THINNESS", "UNDERWEIGHT"),
        ("18.499", "MILD_THINNESS", "UNDERWEIGHT"),
        ("18.5", "NORMAL", "NORMAL"),
        ("22.99", "NORMAL", "NORMAL"),
        ("23", "NORMAL", "PRE_OBESE"),
        ("24.96", "NORMAL", "PRE_OBESE"),
        ("25", "PRE_OBESE", "OBESE_I"),
        ("26.0", "PRE_OBESE", "OBESE_I"),
        ("30", "OBESE_I", "OBESE_II"),
        ("35", "OBESE_II", "OBESE_III"),
        ("40", "OBESE_III", "OBESE_III"),
    ],
)
def test_a_bmi_has_two_labels_on_half_open_intervals(bmi: str, who: str, korea: str) -> None:
    """docs/fields/health.md#body-mass-index: unrounded, lower end included."""
    assert (who_class(Fraction(bmi)), korean_class(Fraction(bmi))) == (who, korea)


def test_no_binary_fraction_decides_on_which_side_of_a_border_a_person_is() -> None:
    """53.465 kg at 170 cm are 18.5 exactly; in binary they would be less."""
    assert bmi_of(values_of({"body_weight": 53.465, "body_height": 170.0})) == Fraction("18.5")
    assert 53.465 / 1.7**2 != 18.5
    assert assess({**MAN, "body_weight": 53.465, "body_height": 170.0}).who == "NORMAL"


@pytest.mark.parametrize(
    ("share", "sex", "name"),
    [
        ("9.9", "MALE", "BELOW"),
        ("10", "MALE", "HEALTHY"),
        ("20", "MALE", "HEALTHY"),
        ("20.1", "MALE", "ABOVE"),
        ("17.9", "FEMALE", "BELOW"),
        ("28", "FEMALE", "HEALTHY"),
        ("28.1", "FEMALE", "ABOVE"),
    ],
)
def test_fat_class_follows_the_healthy_range_of_the_sex(share: str, sex: str, name: str) -> None:
    """Men 10-20 %, women 18-28 %."""
    assert fat_class(Fraction(share), sex) == name


def test_waist_class_is_korean_abdominal_obesity() -> None:
    """From 90 cm for men, 85 cm for women."""
    found = [
        waist_class(Fraction(cm), sex)
        for cm, sex in (("89.9", "MALE"), ("90", "MALE"), ("84.9", "FEMALE"), ("85", "FEMALE"))
    ]
    assert found == ["NORMAL", "ABDOMINALLY_OBESE"] * 2


def test_a_sheet_that_keeps_its_identities_has_no_flag() -> None:
    """All seven hold within their tolerances."""
    assert assess(SHEET).flags == ()


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"bmi": 27.8}, "BMI_MISMATCH"),
        ({"percent_body_fat": 23.9}, "FAT_SHARE_MISMATCH"),
        ({"lean_body_mass": 64.2}, "WEIGHT_MISMATCH"),
        ({"protein_mass": 12.8}, "WEIGHT_PARTS_MISMATCH"),
        ({"intracellular_water": 29.6}, "WATER_MISMATCH"),
        ({"dry_lean_mass": 17.1}, "LEAN_MISMATCH"),
        ({"ecw_ratio": 0.378}, "ECW_RATIO_MISMATCH"),
        ({"ecw_ratio": 0.395}, "ECW_RATIO_HIGH"),
        ({"visceral_fat_level": 10}, "VISCERAL_FAT_HIGH"),
        ({"visceral_fat_area": 100.0}, "VISCERAL_FAT_HIGH"),
        ({"resting_heart_rate": 0.0}, "OUT_OF_RANGE:resting_heart_rate"),
        ({"body_weight": 1000.0}, "OUT_OF_RANGE:body_weight"),
    ],
)
def test_what_does_not_fit_together_is_flagged(change: dict[str, Any], flag: str) -> None:
    """Flagged beyond the tolerance, and classed all the same."""
    assessment = assess({**SHEET, **change})
    assert flag in assessment.flags
    assert assessment.who is not None


def test_an_identity_holds_up_to_its_tolerance() -> None:
    """BMI within 0.1: 27.7126… printed as 27.7 and 27.8 differ by less, 27.9 by more."""
    body = {**MAN, "body_weight": 83.6, "body_height": 173.69}
    printed = {bmi: "BMI_MISMATCH" in assess({**body, "bmi": bmi}).flags for bmi in (27.7, 27.8, 27.9)}
    assert printed == {27.7: False, 27.8: False, 27.9: True}


@pytest.mark.parametrize(
    ("age", "who", "korea", "fat", "waist"),
    [
        (18.0, None, None, None, None),
        (18.99, None, None, None, None),
        (19.0, None, "OBESE_I", None, "ABDOMINALLY_OBESE"),
        (19.99, None, "OBESE_I", None, "ABDOMINALLY_OBESE"),
        (20.0, "PRE_OBESE", "OBESE_I", "ABOVE", "ABDOMINALLY_OBESE"),
    ],
)
def test_each_scheme_counts_adults_from_its_own_age(
    age: float, who: str | None, korea: str | None, fat: str | None, waist: str | None
) -> None:
    """KSSO from 19, WHO and the shares of fat from 20; below that the class is null and flagged."""
    found = assess({**SHEET, "age": age, "waist_circumference": 92.0})
    assert (found.who, found.korea, found.fat, found.waist) == (who, korea, fat, waist)
    assert ("NOT_ADULT" in found.flags) == (age < 20)
    assert found.fields()["schemes"] == [
        "WHO",
        "KSSO-2018",
        "PBF",
    ]  # which of them has a class would tell the age


def test_a_person_of_unknown_age_is_taken_for_an_adult() -> None:
    """With a flag, and without an age band."""
    unknown = assess({**SHEET, "age": None})
    assert (unknown.who, unknown.flags, unknown.age_band) == ("PRE_OBESE", ("AGE_UNKNOWN",), None)


@pytest.mark.parametrize(
    ("change", "doubtful"),
    [
        ({}, ()),
        ({"bmi": 27.9}, ("bmi_class_who", "bmi_class_korea")),
        ({"body_height": 147.0}, ("bmi_class_who", "bmi_class_korea")),
        ({"percent_body_fat": 30.0}, ("bmi_class_who", "bmi_class_korea", "fat_class")),
        ({"body_fat_mass": 29.6}, ("bmi_class_who", "bmi_class_korea", "fat_class")),
        ({"body_weight": 91.1, "bmi": 30.1}, ("bmi_class_who", "bmi_class_korea", "fat_class")),
        ({"intracellular_water": 20.0}, ()),
        ({"waist_circumference": 900.0}, ("waist_class",)),
        ({"age": 19.0, "bmi": 27.9}, ("bmi_class_korea",)),
    ],
)
def test_a_class_of_a_sheet_whose_identities_fail_is_named_as_doubtful(
    change: dict[str, Any], doubtful: tuple[str, ...]
) -> None:
    """BMI is not weight / height², fat is not share × weight, weight is not lean + fat; water decides on no class."""
    assessment = assess({**SHEET, **change})
    assert assessment.doubtful == doubtful
    fields = assessment.fields()
    assert fields["doubtful"].split() == [*doubtful]
    assert len(fields["doubtful"]) == DOUBTFUL_PADDED_TO


def test_a_weight_of_8888_kg_is_classed_and_doubtful() -> None:
    """A code for a refusal in a table is not hidden, and moves no share."""
    found = assess({**MAN, "body_weight": 8888.0, "body_height": 170.0})
    assert (found.who, found.doubtful) == ("OBESE_III", ("bmi_class_who", "bmi_class_korea"))


BMI, FAT = ("bmi_class_who", "bmi_class_korea"), ("fat_class",)


@pytest.mark.parametrize(
    ("sheet", "flags", "doubtful"),
    [
        ({"body_weight": 170.0, "body_height": 70.0}, ("OUT_OF_RANGE:bmi",), BMI),
        ({"body_weight": 70.0, "body_height": 68.0}, ("OUT_OF_RANGE:bmi",), BMI),
        ({"body_weight": 154.0, "body_height": 68.0}, ("OUT_OF_RANGE:bmi",), BMI),
        ({"body_weight": 20.0, "body_height": 200.0}, ("OUT_OF_RANGE:bmi",), BMI),
        ({"body_weight": 90.0, "body_height": 100.0}, (), ()),
        ({"body_weight": 90.1, "body_height": 100.0}, ("OUT_OF_RANGE:bmi",), BMI),
        ({"body_weight": 8.0, "body_height": 100.0}, (), ()),
        ({"body_weight": 7.9, "body_height": 100.0}, ("OUT_OF_RANGE:bmi",), BMI),
        (
            {"body_weight": 70.0, "body_height": 170.0, "body_fat_mass": 90.0},
            ("OUT_OF_RANGE:percent_body_fat", "PARTS_ABOVE_WEIGHT"),
            BMI + FAT,
        ),
        ({"body_weight": 80.0, "body_fat_mass": 60.0}, (), ()),
        ({"body_weight": 80.0, "body_fat_mass": 60.1}, ("OUT_OF_RANGE:percent_body_fat",), FAT),
        ({"body_weight": 80.0, "body_fat_mass": 0.7}, ("OUT_OF_RANGE:percent_body_fat",), FAT),
    ],
)
def test_what_is_computed_is_plausible_too(
    sheet: dict[str, Any], flags: tuple[str, ...], doubtful: tuple[str, ...]
) -> None:
    """Swapped, in pounds or in inches: each value is in its own range, and BMI and share of fat are not."""
    found = assess({**MAN, **sheet})
    assert (found.flags, found.doubtful) == (flags, doubtful)


@pytest.mark.parametrize(
    ("parts", "flags", "doubtful"),
    [
        ({"lean_body_mass": 95.0}, ("PARTS_ABOVE_WEIGHT",), BMI),
        ({"lean_body_mass": 70.15}, (), ()),
        ({"lean_body_mass": 70.16}, ("PARTS_ABOVE_WEIGHT",), BMI),
        ({"total_body_water": 100.0}, ("PARTS_ABOVE_WEIGHT",), BMI),
        ({"skeletal_muscle_mass": 75.0}, ("PARTS_ABOVE_WEIGHT",), BMI),
        ({"trunk_fat_mass": 75.0}, ("PARTS_ABOVE_WEIGHT",), BMI),
        ({"intracellular_water": 45.0, "extracellular_water": 26.0}, ("PARTS_ABOVE_WEIGHT",), BMI),
        ({"body_fat_mass": 30.0, "total_body_water": 45.0}, ("PARTS_ABOVE_WEIGHT",), BMI + FAT),
        ({"percent_body_fat": 40.0, "total_body_water": 45.0}, ("PARTS_ABOVE_WEIGHT",), BMI + FAT),
        ({"body_fat_mass": 20.0, "trunk_fat_mass": 21.0}, ("PARTS_ABOVE_FAT",), FAT),
        ({"percent_body_fat": 20.0, "trunk_fat_mass": 15.0}, ("PARTS_ABOVE_FAT",), FAT),
        ({"lean_body_mass": 50.0, "total_body_water": 52.0}, ("PARTS_ABOVE_LEAN",), ()),
        ({"total_body_water": 40.0, "intracellular_water": 41.0}, ("PARTS_ABOVE_LEAN",), ()),
        ({"body_fat_mass": 20.0, "lean_body_mass": 50.0, "skeletal_muscle_mass": 28.0}, (), ()),
    ],
)
def test_no_part_is_heavier_than_its_whole(
    parts: dict[str, Any], flags: tuple[str, ...], doubtful: tuple[str, ...]
) -> None:
    """Of a body of 70 kg, from any part that was measured; with the tolerance of sums, 0.15 kg."""
    found = assess({**MAN, "body_weight": 70.0, "body_height": 170.0, **parts})
    assert (found.flags, found.doubtful) == (flags, doubtful)


def test_what_was_not_measured_gives_no_class() -> None:
    """Weight zero, no sex, nothing at all: null, never a guess."""
    assert assess({**MAN, "body_weight": 0.0, "body_height": 174.0}).who is None
    assert assess({"age": 41.0, "percent_body_fat": 20.0, "waist_circumference": 99.0}).fat is None
    assert assess(MAN).doubtful == ()


@given(
    measurement=st.fixed_dictionaries(
        {"sex": st.sampled_from([None, "FEMALE", "MALE"])},
        optional=dict.fromkeys([*PLAUSIBLE], st.floats(allow_nan=False, allow_infinity=False)),
    )
)
def test_whatever_was_measured_there_is_an_assessment_that_travels_at_one_length(
    measurement: dict[str, Any],
) -> None:
    """Nothing is raised; the code is always as long and gives the assessment back."""
    assessment = assess(measurement)
    code = encode(assessment)
    person = decode(code)
    assert len(code) == CODE_LENGTH
    assert (person.sex, person.age_band) == (assessment.sex, assessment.age_band)
    assert person.classes == (assessment.who, assessment.korea, assessment.fat, assessment.waist)
    assert person.flags == assessment.flags
    assert len(assessment.fields()["flags"]) == FLAGS_PADDED_TO


@given(grams=st.integers(2_000, 300_000), millimetres=st.integers(400, 2_500))
def test_more_weight_never_makes_a_lighter_class(grams: int, millimetres: int) -> None:
    """Classes follow the BMI in order."""
    height = exact(millimetres / 10) / 100
    one, other = (exact(weight / 1000) / height**2 for weight in (grams, grams + 100))
    order = [*dict.fromkeys([who_class(one), who_class(other)])]
    names = ["SEVERE_THINNESS", "MODERATE_THINNESS", "MILD_THINNESS", "NORMAL", "PRE_OBESE"]
    names += ["OBESE_I", "OBESE_II", "OBESE_III"]
    assert order == sorted(order, key=names.index)


def test_every_cause_of_a_doubt_is_a_flag() -> None:
    """A misspelt cause would doubt nothing."""
    assert frozenset().union(*DOUBTS.values()) <= {*FLAGS}


def test_every_flag_is_told_once_and_identities_come_first() -> None:
    """The bits of a code stand for these places: their order is part of the format."""
    assert len(set(FLAGS)) == len(FLAGS)
    assert FLAGS[: len(IDENTITIES)] == tuple(IDENTITIES)
