"""Exact numbers for the indices: no binary fraction decides on which side of a boundary the air is.

A measured value is an integer: millionths of the unit it was measured in. An intermediate value is an exact fraction,
``(numerator, denominator)``, left unreduced because it is used once. Only the rules of an index round.
"""

from functools import cache

Exact = tuple[int, int]
"""A non-negative value as numerator and positive denominator."""

MICRO = 1_000_000
"""Parts per unit of a measured value."""

GAS_CONSTANT = 8.314462618
"""Molar gas constant, J/(mol·K) (CODATA 2018, exact)."""
PRESSURE_PA = 101_325
ZERO_CELSIUS_K = 273.15

MOLAR_MASS_MG = {"o3": 47_998, "no2": 46_006, "so2": 64_066, "co": 28_010}
"""Mass of one mole of each gas, in mg (docs/fields/air-quality.md#units-and-completeness)."""

CEILING = 100_000
"""Value, in its own unit, from which a reading is a fault; it keeps an index within 32 bits."""

UNITS = ("PPM", "UG_M3")
"""Units in which gases are measured."""

GASES = ("no2", "o3", "co", "so2")
PARTICLES = ("pm10", "pm2_5")
POLLUTANTS = (*PARTICLES, *GASES)


def to_micro(value: float) -> int:
    """Convert a measured value to millionths of its unit.

    Exact for every decimal of at most six places below 10⁹: the product is off by less than a quarter, so the nearest
    integer is the written decimal.

    Args:
        value: A finite number in the unit it was measured in.

    Returns:
        The value in millionths of that unit.
    """
    return round(value * MICRO)


def usable(value: float | None) -> int | None:
    """Convert a value to millionths if it may enter an index.

    Args:
        value: Value of the reading, in its own unit; None if it was not measured.

    Returns:
        The value in millionths; None if it is missing, negative, not finite, or at least ``CEILING``.
    """
    if value is None or not 0 <= value < CEILING:
        return None
    return round(value * MICRO)  # to_micro, inlined: this runs for every value of every reading


@cache
def molar_volume_ml(temperature: float) -> int:
    """Return the volume of one mole of gas at 1013.25 hPa, in ml: 22,414 at 0 °C, 24,055 at 20 °C, 24,465 at 25 °C.

    Args:
        temperature: In °C.
    """
    return round(GAS_CONSTANT * (temperature + ZERO_CELSIUS_K) / PRESSURE_PA * MICRO)


def in_ppm(gas: str, value: Exact, unit: str, temperature: float) -> Exact:
    """Convert a gas concentration to ppm.

    Args:
        gas: ``no2``, ``o3``, ``co`` or ``so2``.
        value: The concentration in ``unit``.
        unit: ``PPM`` or ``UG_M3``.
        temperature: Temperature that µg/m³ refer to, in °C, at 1013.25 hPa.

    Returns:
        The concentration in ppm.
    """
    if unit == "PPM":
        return value
    numerator, denominator = value
    # ppb = µg/m³ · (l/mol) / (g/mol); ml over mg is the same ratio, and ppm are a thousandth of ppb.
    return numerator * molar_volume_ml(temperature), denominator * MOLAR_MASS_MG[gas] * 1000


def half_up(numerator: int, denominator: int) -> int:
    """Round a non-negative fraction to the nearest integer, half up.

    Args:
        numerator: At least 0.
        denominator: Above 0.

    Returns:
        The nearest integer.
    """
    return (2 * numerator + denominator) // (2 * denominator)
