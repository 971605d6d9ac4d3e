"""Derives classes and flags from a measurement. Pure; values and classes are in clear.

Sources: docs/fields/health.md#body-mass-index.

- BMI classes are half-open intervals on the unrounded value, which is computed from weight and height if both were
  measured: 24.96 is normal on the scale of WHO, and 25 exactly is not.
- A BMI has two classes: WHO's and Korea's (KSSO, since 2018); 26.0 is pre-obese for WHO and obese for KSSO.
- The healthy share of body fat, 10–20 % for men and 18–28 % for women, includes its ends.
- Korean abdominal obesity: waist from 90 cm (men), 85 cm (women).
- Adults only: children's classes are percentiles by age and sex. Each scheme counts adults from its own age
  (`ADULT_FROM`): WHO from 20, since its growth reference covers 5-19 years; KSSO from 19, since the Korean growth
  charts cover up to 18. Below it the scheme's classes are null, with the flag `NOT_ADULT`.
- A person of unknown age is classed as an adult, with the flag `AGE_UNKNOWN`.
- A class is doubtful if it follows from values that miss an identity of the sheet or lie outside the plausible range
  (`DOUBTS`). It is kept, the classification names it in `doubtful`, and no count of the class includes it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from streams.domains.health.bodies import bmi_of, fat_share_of, values_of
from streams.domains.health.sheet import FLAGS, flags_of

ADULT_FROM = {"WHO": 20, "KSSO-2018": 19, "PBF": 20}
"""Age in years from which a scheme's classes hold; the waist class is KSSO's (docs/fields/health.md#adults)."""

BAND_YEARS = 10

SEXES = ("FEMALE", "MALE")
AGE_BANDS = (
    "AGE_0_9",
    "AGE_10_19",
    "AGE_20_29",
    "AGE_30_39",
    "AGE_40_49",
    "AGE_50_59",
    "AGE_60_69",
    "AGE_70_79",
    "AGE_80_UP",
)
WHO = (
    "SEVERE_THINNESS",
    "MODERATE_THINNESS",
    "MILD_THINNESS",
    "NORMAL",
    "PRE_OBESE",
    "OBESE_I",
    "OBESE_II",
    "OBESE_III",
)
WHO_FROM = tuple(map(Fraction, ("16", "17", "18.5", "25", "30", "35", "40")))
KOREA = ("UNDERWEIGHT", "NORMAL", "PRE_OBESE", "OBESE_I", "OBESE_II", "OBESE_III")
KOREA_FROM = tuple(map(Fraction, ("18.5", "23", "25", "30", "35")))
FAT = ("BELOW", "HEALTHY", "ABOVE")
FAT_HEALTHY = {"MALE": (10, 20), "FEMALE": (18, 28)}
WAIST = ("NORMAL", "ABDOMINALLY_OBESE")
WAIST_OBESE_FROM = {"MALE": 90, "FEMALE": 85}

FLAGS_PADDED_TO = len(" ".join(FLAGS))
"""Characters of the flags' text: all flags fit, so that it always has one length."""

_WEIGHT_DOUBTS = frozenset(
    {
        "FAT_SHARE_MISMATCH",
        "WEIGHT_MISMATCH",
        "WEIGHT_PARTS_MISMATCH",
        "PARTS_ABOVE_WEIGHT",
        "OUT_OF_RANGE:body_weight",
    }
)
_BMI_DOUBTS = _WEIGHT_DOUBTS | {"BMI_MISMATCH", "OUT_OF_RANGE:body_height", "OUT_OF_RANGE:bmi"}
DOUBTS: dict[str, frozenset[str]] = {
    "bmi_class_who": _BMI_DOUBTS,
    "bmi_class_korea": _BMI_DOUBTS,
    "fat_class": _WEIGHT_DOUBTS
    | {"PARTS_ABOVE_FAT", "OUT_OF_RANGE:percent_body_fat", "OUT_OF_RANGE:body_fat_mass"},
    "waist_class": frozenset({"OUT_OF_RANGE:waist_circumference"}),
}
"""Flags that make a class doubtful, by field of `health.classification`: those of the values it may follow from."""

DOUBTFUL_PADDED_TO = 64
"""Characters of the field `doubtful`: all class names fit."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """Classes and flags of one measurement; a class is None if it cannot be derived.

    Attributes:
        sex: FEMALE or MALE; None if unknown.
        age_band: One of `AGE_BANDS`; None if the age is unknown.
        who: BMI class of WHO.
        korea: BMI class of KSSO.
        fat: Class of the share of body fat.
        waist: Class of the waist: abdominal obesity.
        flags: In the order of `FLAGS`.
    """

    sex: str | None
    age_band: str | None
    who: str | None
    korea: str | None
    fat: str | None
    waist: str | None
    flags: tuple[str, ...]

    def fields(self) -> dict[str, Any]:
        """Return the classes as fields of `health.classification`."""
        return {
            "schemes": list(ADULT_FROM),  # all that were applied: those without a class would reveal an age
            "sex": self.sex,
            "age_band": self.age_band,
            "bmi_class_who": self.who,
            "bmi_class_korea": self.korea,
            "fat_class": self.fat,
            "waist_class": self.waist,
            "flags": padded(self.flags),
            "doubtful": " ".join(self.doubtful).ljust(DOUBTFUL_PADDED_TO),
        }

    @property
    def doubtful(self) -> tuple[str, ...]:
        """Names of the classes that are derived and doubtful, as fields of `health.classification`."""
        derived = dict(zip(DOUBTS, (self.who, self.korea, self.fat, self.waist), strict=True))
        return tuple(name for name in doubts(self.flags) if derived[name] is not None)


def doubts(flags: Iterable[str]) -> tuple[str, ...]:
    """Return the classes that flags make doubtful, derived or not, in the order of `DOUBTS`."""
    found = frozenset(flags)
    return tuple(name for name, causes in DOUBTS.items() if causes & found)


def padded(flags: tuple[str, ...]) -> str:
    """Return flags as one text, always of one length."""
    return " ".join(flags).ljust(FLAGS_PADDED_TO)


def assess(measurement: Mapping[str, Any]) -> Assessment:
    """Return the classes and flags of a measurement.

    Args:
        measurement: Fields of `health.measurement` in clear.
    """
    values, sex = values_of(measurement), measurement.get("sex")
    age = values.get("age")
    adult = {scheme: age is None or age >= years for scheme, years in ADULT_FROM.items()}
    bmi, share, waist = bmi_of(values), fat_share_of(values), values.get("waist_circumference")
    flags = (
        {*flags_of(values)}
        | (set() if all(adult.values()) else {"NOT_ADULT"})
        | ({"AGE_UNKNOWN"} if age is None else set())
    )
    return Assessment(
        sex=sex,
        age_band=None if age is None else AGE_BANDS[max(0, min(int(age) // BAND_YEARS, len(AGE_BANDS) - 1))],
        who=who_class(bmi) if bmi is not None and adult["WHO"] else None,
        korea=korean_class(bmi) if bmi is not None and adult["KSSO-2018"] else None,
        fat=fat_class(share, sex) if share is not None and sex is not None and adult["PBF"] else None,
        waist=(
            waist_class(waist, sex)
            if waist is not None and waist > 0 and sex is not None and adult["KSSO-2018"]
            else None
        ),
        flags=tuple(flag for flag in FLAGS if flag in flags),
    )


def who_class(bmi: Fraction) -> str:
    """Return WHO's class of a BMI (kg/m²)."""
    return WHO[bisect_right(WHO_FROM, bmi)]


def korean_class(bmi: Fraction) -> str:
    """Return KSSO's class of a BMI (kg/m²)."""
    return KOREA[bisect_right(KOREA_FROM, bmi)]


def fat_class(share: Fraction, sex: str) -> str:
    """Return the class of a share of body fat (percent) for a sex."""
    lowest, highest = FAT_HEALTHY[sex]
    return FAT[0] if share < lowest else FAT[2] if share > highest else FAT[1]


def waist_class(waist: Fraction, sex: str) -> str:
    """Return the class of a waist (cm) for a sex."""
    return WAIST[waist >= WAIST_OBESE_FROM[sex]]
