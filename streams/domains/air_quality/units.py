"""Exact numbers for the indices: no binary fraction decides on which side of a boundary the air is.

A measured value is held as an integer of millionths of the unit it was measured in. A value on its way
through a formula is an exact fraction, ``(numerator, denominator)``, left unreduced because it is used
once. Rounding happens where the index's own rules ask for it, and nowhere else.
"""

Exact = tuple[int, int]
"""A non-negative value as numerator and positive denominator."""

MICRO = 1_000_000
"""Parts per unit in which measured values are held."""

REFERENCE_TEMPERATURE_C = 25
"""Temperature at which µg/m³ become ppm, the one of the US and the Korean rules (at 1013.25 hPa)."""

MOLAR_VOLUME_ML = 24_465
"""Volume of one mole of gas at 25 °C, in ml (docs/fields/air-quality.md#units-and-completeness)."""

MOLAR_MASS_MG = {"o3": 47_998, "no2": 46_006, "so2": 64_066, "co": 28_010}
"""Mass of one mole of each gas, in mg (docs/fields/air-quality.md#units-and-completeness)."""

CEILING = 100_000
"""Value in its own unit from which no air can be meant, only a fault; it keeps an index within 32 bits."""

UNITS = ("PPM", "UG_M3")
"""Units in which gases are measured."""

GASES = ("no2", "o3", "co", "so2")
PARTICLES = ("pm10", "pm2_5")
POLLUTANTS = (*PARTICLES, *GASES)


def to_micro(value: float) -> int:
    """Hold a measured value as millionths of its unit.

    Exact for every decimal of at most six places below 10⁹: the product is off by less than a quarter, and
    the nearest integer is the decimal that was meant.

    Args:
        value: A finite number in the unit it was measured in.

    Returns:
        The value in millionths of that unit.
    """
    return round(value * MICRO)


def usable(value: float | None) -> int | None:
    """Hold a value if an index may rest on it.

    Args:
        value: What the reading says, in its own unit, or None when it was not measured.

    Returns:
        The value in millionths; None for a missing, negative or non-finite one, and from ``CEILING`` on.
    """
    if value is None or not 0 <= value < CEILING:
        return None
    return round(value * MICRO)  # as to_micro does, without another call for every value of every reading


def in_ppm(gas: str, value: Exact, unit: str) -> Exact:
    """Express a gas concentration in ppm, at ``REFERENCE_TEMPERATURE_C``.

    Args:
        gas: ``no2``, ``o3``, ``co`` or ``so2``.
        value: The concentration in ``unit``.
        unit: ``PPM`` or ``UG_M3``.

    Returns:
        The concentration in ppm.
    """
    if unit == "PPM":
        return value
    numerator, denominator = value
    # ppb = µg/m³ · (l/mol) / (g/mol); ml over mg is the same ratio, and ppm are a thousandth of ppb.
    return numerator * MOLAR_VOLUME_ML, denominator * MOLAR_MASS_MG[gas] * 1000


def half_up(numerator: int, denominator: int) -> int:
    """Round a non-negative fraction to the nearest integer, a half upwards.

    Args:
        numerator: At least 0.
        denominator: Above 0.

    Returns:
        The nearest integer.
    """
    return (2 * numerator + denominator) // (2 * denominator)
