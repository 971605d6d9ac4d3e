"""Exact body values: no binary fraction decides in which class a person is.

A measured value is a written decimal. It arrives as a binary number; its shortest decimal spelling is the written one.
Everything is computed from that spelling, as fractions.
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
"""Exact measured values by field; fields that were not measured are absent."""


def exact(value: float) -> Fraction:
    """Return the written decimal of a measured number, as a fraction."""
    return Fraction(repr(value))


def values_of(measurement: Mapping[str, Any]) -> dict[str, Fraction]:
    """Return the exact values of a measurement; values that are not finite are left out.

    Args:
        measurement: Fields of `health.measurement` in clear.
    """
    found = {}
    for field in (*BODY, "age"):
        value = measurement.get(field)
        if value is not None and math.isfinite(value):
            found[field] = exact(value)
    return found


def bmi_of(values: Values) -> Fraction | None:
    """Return the body mass index in kg/m²; the printed one if weight or height is missing or not above zero."""
    weight, height = values.get("body_weight"), values.get("body_height")
    if weight is not None and height is not None and weight > 0 and height > 0:
        return weight / (height / 100) ** 2
    printed = values.get("bmi")
    return printed if printed is not None and printed > 0 else None


def fat_share_of(values: Values) -> Fraction | None:
    """Return the share of body fat in percent: the measured one, else from fat mass and weight."""
    share = values.get("percent_body_fat")
    share = derived_fat_share(values) if share is None else share
    return share if share is not None and share >= 0 else None


def derived_fat_share(values: Values) -> Fraction | None:
    """Return body fat mass / weight in percent; None if one is missing or the weight is not above zero."""
    mass, weight = values.get("body_fat_mass"), values.get("body_weight")
    return 100 * mass / weight if mass is not None and weight is not None and weight > 0 else None
