"""Checks the identities and the plausible ranges of a result sheet. Anomalies are flagged, never dropped.

Sources: docs/fields/health.md#result-sheets.

- `BMI_MISMATCH`: BMI = weight / (height in m)², within 0.1.
- `FAT_SHARE_MISMATCH`: PBF = 100 · BFM / weight, within 0.2 points.
- `WEIGHT_MISMATCH`: weight = lean body mass + BFM (or PBF's share of the weight), within 0.15 kg.
- `WEIGHT_PARTS_MISMATCH`: weight = TBW + protein + minerals + BFM, within 0.15 kg.
- `WATER_MISMATCH`: TBW = ICW + ECW, within 0.15 L.
- `LEAN_MISMATCH`: lean body mass = dry lean mass + TBW, within 0.15 kg (a litre of water is a kilogram).
- `ECW_RATIO_MISMATCH`: ECW / TBW, within 0.001, the sheet's last digit.
- `ECW_RATIO_HIGH`: above 0.39. `VISCERAL_FAT_HIGH`: level from 10, or area from 100 cm².
- `OUT_OF_RANGE:<field>`: outside the plausible range of the field. BMI and PBF are checked as printed and as computed
  from weight, height and BFM: weight and height that are swapped, or in pounds or inches, are each in their own range.
- `PARTS_ABOVE_WEIGHT`: parts of the body that do not overlap weigh more than the body, by more than 0.15 kg.
- `PARTS_ABOVE_FAT`, `PARTS_ABOVE_LEAN`: the same of BFM, and of lean body mass or TBW.

An identity is checked only if all its parts were measured; for `PARTS_ABOVE_…` those that were measured are enough.
Flags have the fixed order of `FLAGS`.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction

from streams.domains.health.bodies import BODY, Values, bmi_of, derived_fat_share

PLAUSIBLE = {
    "body_weight": ("2", "300"),
    "body_height": ("40", "250"),
    "bmi": ("8", "90"),
    "percent_body_fat": ("1", "75"),
    "body_fat_mass": ("0.5", "200"),
    "lean_body_mass": ("1", "150"),
    "dry_lean_mass": ("0.5", "60"),
    "skeletal_muscle_mass": ("1", "80"),
    "total_body_water": ("1", "120"),
    "intracellular_water": ("0.5", "80"),
    "extracellular_water": ("0.5", "60"),
    "ecw_ratio": ("0.30", "0.50"),
    "protein_mass": ("0.5", "40"),
    "mineral_mass": ("0.1", "12"),
    "trunk_percent_fat": ("1", "75"),
    "trunk_fat_mass": ("0.1", "120"),
    "visceral_fat_level": ("1", "20"),
    "visceral_fat_area": ("5", "500"),
    "phase_angle": ("1", "15"),
    "basal_metabolic_rate": ("300", "5000"),
    "waist_circumference": ("30", "250"),
    "hip_circumference": ("30", "250"),
    "resting_heart_rate": ("25", "250"),
    "systolic_blood_pressure": ("50", "280"),
    "diastolic_blood_pressure": ("20", "180"),
    "age": ("0", "120"),
}
"""Lowest and highest plausible value (docs/fields/health.md#plausible-ranges)."""

BMI_WITHIN = Fraction("0.1")
SHARE_WITHIN = Fraction("0.2")
MASS_WITHIN = Fraction("0.15")
RATIO_WITHIN = Fraction("0.001")
ECW_RATIO_HIGH = Fraction("0.39")
VISCERAL_LEVEL_HIGH = 10
VISCERAL_AREA_HIGH = 100


class Identity:
    """An equation between fields of a sheet.

    Attributes:
        fields: Fields of the equation, in the order of `off`'s arguments.
        off: Returns by how much the values miss the equation.
        tolerance: Largest deviation, in the unit that `off` returns.
    """

    __slots__ = ("fields", "off", "tolerance")

    def __init__(self, fields: tuple[str, ...], off: Callable[..., Fraction], tolerance: Fraction) -> None:
        self.fields = fields
        self.off = off
        self.tolerance = tolerance

    def violated(self, values: Values) -> bool:
        """Return whether all fields were measured and miss the equation by more than the tolerance."""
        parts = [values.get(field) for field in self.fields]
        given = [part for part in parts if part is not None]
        return len(given) == len(parts) and abs(self.off(*given)) > self.tolerance


def _bmi_off(bmi: Fraction, weight: Fraction, height: Fraction) -> Fraction:
    return bmi - weight / (height / 100) ** 2 if height else bmi


def _share_off(share: Fraction, fat: Fraction, weight: Fraction) -> Fraction:
    return share - 100 * fat / weight if weight else share


def _lean_off(weight: Fraction, lean: Fraction, share: Fraction) -> Fraction:
    return weight * (1 - share / 100) - lean


def _ratio_off(ratio: Fraction, outside: Fraction, total: Fraction) -> Fraction:
    return ratio - outside / total if total else ratio


def _sum_off(whole: Fraction, *parts: Fraction) -> Fraction:
    return whole - sum(parts, Fraction(0))


IDENTITIES: dict[str, tuple[Identity, ...]] = {
    "BMI_MISMATCH": (Identity(("bmi", "body_weight", "body_height"), _bmi_off, BMI_WITHIN),),
    "FAT_SHARE_MISMATCH": (
        Identity(("percent_body_fat", "body_fat_mass", "body_weight"), _share_off, SHARE_WITHIN),
    ),
    "WEIGHT_MISMATCH": (
        Identity(("body_weight", "lean_body_mass", "body_fat_mass"), _sum_off, MASS_WITHIN),
        Identity(("body_weight", "lean_body_mass", "percent_body_fat"), _lean_off, MASS_WITHIN),
    ),
    "WEIGHT_PARTS_MISMATCH": (
        Identity(
            ("body_weight", "total_body_water", "protein_mass", "mineral_mass", "body_fat_mass"),
            _sum_off,
            MASS_WITHIN,
        ),
    ),
    "WATER_MISMATCH": (
        Identity(("total_body_water", "intracellular_water", "extracellular_water"), _sum_off, MASS_WITHIN),
    ),
    "LEAN_MISMATCH": (
        Identity(("lean_body_mass", "dry_lean_mass", "total_body_water"), _sum_off, MASS_WITHIN),
    ),
    "ECW_RATIO_MISMATCH": (
        Identity(("ecw_ratio", "extracellular_water", "total_body_water"), _ratio_off, RATIO_WITHIN),
    ),
}

PARTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "body_weight": (
        ("body_fat_mass", "lean_body_mass"),
        ("body_fat_mass", "dry_lean_mass", "total_body_water"),
        ("body_fat_mass", "dry_lean_mass", "intracellular_water", "extracellular_water"),
        ("body_fat_mass", "total_body_water", "protein_mass", "mineral_mass"),
        ("body_fat_mass", "intracellular_water", "extracellular_water", "protein_mass", "mineral_mass"),
        ("body_fat_mass", "skeletal_muscle_mass"),
        ("trunk_fat_mass",),
    ),
    "lean_body_mass": (
        ("dry_lean_mass", "total_body_water"),
        ("dry_lean_mass", "intracellular_water", "extracellular_water"),
        ("total_body_water", "protein_mass", "mineral_mass"),
        ("intracellular_water", "extracellular_water", "protein_mass", "mineral_mass"),
        ("skeletal_muscle_mass",),
    ),
    "total_body_water": (("intracellular_water", "extracellular_water"),),
    "body_fat_mass": (("trunk_fat_mass",),),
}
"""Groups of parts that do not overlap, by their whole (kg; a litre of water is a kilogram)."""

PARTS_FLAGS = {
    "body_weight": "PARTS_ABOVE_WEIGHT",
    "body_fat_mass": "PARTS_ABOVE_FAT",
    "lean_body_mass": "PARTS_ABOVE_LEAN",
    "total_body_water": "PARTS_ABOVE_LEAN",
}
"""Flag of parts that are heavier than their whole, by whole."""

RANGE_FIELDS = (*BODY, "age")
FLAGS = (
    *IDENTITIES,
    "ECW_RATIO_HIGH",
    "VISCERAL_FAT_HIGH",
    "NOT_ADULT",
    "AGE_UNKNOWN",
    *(f"OUT_OF_RANGE:{field}" for field in RANGE_FIELDS),
    *dict.fromkeys(PARTS_FLAGS.values()),
)
"""Every flag, in a fixed order: a flag's index is its bit in the code of `counts`."""


def flags_of(values: Values) -> tuple[str, ...]:
    """Return the flags of a sheet: violated identities, high values, implausible values, parts above their whole."""
    return tuple(_flags(values))


def _flags(values: Values) -> Iterator[str]:
    yield from (name for name, ways in IDENTITIES.items() if any(way.violated(values) for way in ways))
    if values.get("ecw_ratio", Fraction(0)) > ECW_RATIO_HIGH:
        yield "ECW_RATIO_HIGH"
    level, area = values.get("visceral_fat_level"), values.get("visceral_fat_area")
    if (level is not None and level >= VISCERAL_LEVEL_HIGH) or (
        area is not None and area >= VISCERAL_AREA_HIGH
    ):
        yield "VISCERAL_FAT_HIGH"
    computed = {"bmi": bmi_of(values), "percent_body_fat": derived_fat_share(values)}
    for field in RANGE_FIELDS:
        if not (_is_plausible(field, values.get(field)) and _is_plausible(field, computed.get(field))):
            yield f"OUT_OF_RANGE:{field}"
    known = dict(values)
    if "body_fat_mass" not in known and "percent_body_fat" in known and "body_weight" in known:
        known["body_fat_mass"] = known["percent_body_fat"] * known["body_weight"] / 100
    yield from dict.fromkeys(
        flag for whole, flag in PARTS_FLAGS.items() if whole in known and _parts_exceed(whole, known)
    )


def _is_plausible(field: str, value: Fraction | None) -> bool:
    """Return whether a value is within the plausible range of its field; a missing one is."""
    lowest, highest = PLAUSIBLE[field]
    return value is None or Fraction(lowest) <= value <= Fraction(highest)


def _parts_exceed(whole: str, values: Values) -> bool:
    """Return whether the measured parts of one group are heavier than the whole by more than the tolerance."""
    sums = (sum((values.get(part, Fraction(0)) for part in group), Fraction(0)) for group in PARTS[whole])
    return any(each > values[whole] + MASS_WITHIN for each in sums)
