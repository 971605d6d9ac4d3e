"""Values of AIS with their "not available" and their ranges, for all readers of AIS (ITU-R M.1371, Annex 8). Pure.

"Not available" becomes null: latitude 91, longitude 181, speed 102.3 kn, course 360°, heading 511, IMO number 0. A
value that the standard does not use becomes null with a flag, so that nobody takes it for "not available".
In static data (message 5) 0 is "not available" for type of ship and cargo, dimensions and draught, `@` fills texts.
"""

from typing import NamedTuple, TypeVar

from streams.domains.cargo.identifiers import imo_problem

POSITION_OUT_OF_RANGE = "POSITION_OUT_OF_RANGE"
SOG_OUT_OF_RANGE, COG_OUT_OF_RANGE = "SOG_OUT_OF_RANGE", "COG_OUT_OF_RANGE"
HEADING_OUT_OF_RANGE, HEADING_ROUNDED = "HEADING_OUT_OF_RANGE", "HEADING_ROUNDED"
SHIP_TYPE_OUT_OF_RANGE = "SHIP_TYPE_OUT_OF_RANGE"

NO_SPEED, NO_COURSE, NO_HEADING = 102.3, 360.0, 511
FIRST_OFFICIAL_NUMBER = 10_000_000
"""From this number on the field of the IMO number holds an official number of the flag state (message type 5)."""

_Number = TypeVar("_Number", int, float)
_TURN = 360
_LAST_SHIP_TYPE = 255

Checked = tuple[float | None, str | None]
"""A value or None, and the flag that says why it is missing or changed, or None."""


class ShipNumber(NamedTuple):
    """What a ship's IMO field holds.

    Attributes:
        imo: Its IMO number as given, or None.
        official_number: The flag state's official number instead, or None.
        flag: What is wrong with the IMO number, or None.
    """

    imo: str | None = None
    official_number: str | None = None
    flag: str | None = None


def position(
    latitude: float | None, longitude: float | None
) -> tuple[float | None, float | None, str | None]:
    """Return a position that is available and in range.

    Args:
        latitude: Degrees north; 91 means not available.
        longitude: Degrees east; 181 means not available.

    Returns:
        Latitude and longitude, or two None; the flag `POSITION_OUT_OF_RANGE`, or None.
    """
    if latitude is None or longitude is None or (abs(latitude) == 91 or abs(longitude) == 181):
        return None, None, None
    if -90 <= latitude <= 90 and -180 <= longitude <= 180:
        return float(latitude), float(longitude), None
    return None, None, POSITION_OUT_OF_RANGE


def speed(value: float | None, unavailable: float = NO_SPEED) -> Checked:
    """Check a speed over ground.

    Args:
        value: Knots, or None.
        unavailable: The value that means "not available": 102.3, for aircraft 1023, for long-range reports 63.
    """
    if value is None or value == unavailable:
        return None, None
    return (float(value), None) if 0 <= value < unavailable else (None, SOG_OUT_OF_RANGE)


def course(value: float | None, unavailable: float = NO_COURSE) -> Checked:
    """Check a course over ground.

    Args:
        value: Degrees, or None.
        unavailable: The value that means "not available": 360, for long-range reports 511.
    """
    if value is None or value == unavailable:
        return None, None
    return (float(value), None) if 0 <= value < _TURN else (None, COG_OUT_OF_RANGE)


def heading(value: float | None) -> tuple[int | None, str | None]:
    """Check a true heading in degrees. AIS has whole degrees: a fraction is rounded, with a flag."""
    if value is None or value == NO_HEADING:
        return None, None
    if not 0 <= value < _TURN:
        return None, HEADING_OUT_OF_RANGE
    whole = round(value)
    return whole % _TURN, None if whole == value else HEADING_ROUNDED


def particular(value: _Number | None) -> _Number | None:
    """Return a ship's type, cargo type, length, width or draught; None for 0, which means "not available"."""
    return value or None


def text(value: str | None) -> str | None:
    """Return a text without the `@` that fill it up; None if nothing is left, which means "not available"."""
    return (value or "").rstrip("@ ") or None


def ship_type(value: int | None) -> str | None:
    """Return `SHIP_TYPE_OUT_OF_RANGE` if a type of ship is not one of AIS (8 bits), such as a code of its source."""
    return None if value is None or 0 <= value <= _LAST_SHIP_TYPE else SHIP_TYPE_OUT_OF_RANGE


def ship_number(given: str) -> ShipNumber:
    """Return what the IMO field of AIS holds.

    Args:
        given: Its text without a prefix; empty or zeros mean "not available".
    """
    if not given.strip("0"):
        return ShipNumber()
    if given.isascii() and given.isdigit() and int(given) >= FIRST_OFFICIAL_NUMBER:
        return ShipNumber(official_number=str(int(given)))
    return ShipNumber(imo=given, flag=imo_problem(given))
