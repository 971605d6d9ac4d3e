"""Exact body values: no binary fraction decides in which class a person is.

A measured value is the decimal that was written down. It comes as a binary number, and its shortest decimal
spelling is what was meant; everything is computed from that, as fractions.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

BODY = (
    "body_weight",
    "body_height",
    "bmi",
    "percent_body_fat",
    "body_fat_mass",
    "lean_body_mass",
    "dry_lean_mass",
    "skeletal_muscle_mass",
    "total_body_water",
    "intracellular_water",
    "extracellular_water",
    "ecw_ratio",
    "protein_mass",
    "mineral_mass",
    "trunk_percent_fat",
    "trunk_fat_mass",
    "visceral_fat_level",
    "visceral_fat_area",
    "phase_angle",
    "basal_metabolic_rate",
    "waist_circumference",
    "hip_circumference",
    "resting_heart_rate",
    "systolic_blood_pressure",
    "diastolic_blood_pressure",
)
"""Numeric fields of `health.measurement` beside the age."""

Values = Mapping[str, Fraction]
"""What was measured, exactly, by field; what was not measured is not there."""


def exact(value: float) -> Fraction:
    """Hold a measured number as the decimal that was meant."""
    return Fraction(repr(value))


def values_of(measurement: Mapping[str, Any]) -> dict[str, Fraction]:
    """Take what was measured of a measurement's fields in clear; what is no finite number is left out."""
    found = {}
    for field in (*BODY, "age"):
        value = measurement.get(field)
        if value is not None and math.isfinite(value):
            found[field] = exact(value)
    return found


def bmi_of(values: Values) -> Fraction | None:
    """Compute the body mass index; from the sheet where weight or height is missing or not above zero."""
    weight, height = values.get("body_weight"), values.get("body_height")
    if weight is not None and height is not None and weight > 0 and height > 0:
        return weight / (height / 100) ** 2
    printed = values.get("bmi")
    return printed if printed is not None and printed > 0 else None


def fat_share_of(values: Values) -> Fraction | None:
    """Tell the share of body fat in percent: as measured, else from the fat's mass and the weight."""
    share = values.get("percent_body_fat")
    if share is None:
        mass, weight = values.get("body_fat_mass"), values.get("body_weight")
        share = 100 * mass / weight if mass is not None and weight is not None and weight > 0 else None
    return share if share is not None and share >= 0 else None
