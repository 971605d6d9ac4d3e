"""Maritime mobile service identities (MMSI): whose they are, by their form. Pure.

ITU-R M.585 gives each kind of station its own form of the nine digits; MID stands for three digits that the Radio
Regulations (Appendix 42) assign to a country:

    MIDXXXXXX ship         0MIDXXXXX group of ships   00MIDXXXX coast station    111MIDXXX search and rescue aircraft
    8MIDXXXXX handheld     98MIDXXXX auxiliary craft  99MIDXXXX aid to navigation
    970, 972, 974, 979 and six digits: search and rescue transmitter, man overboard, EPIRB, autonomous device group B
"""

import re
from functools import lru_cache
from typing import Final

from pyais.constants import COUNTRY_MAPPING

VESSEL, AUXILIARY = "VESSEL", "AUXILIARY_CRAFT"
BASE_STATION, AID_TO_NAVIGATION, SAR_AIRCRAFT = "BASE_STATION", "AID_TO_NAVIGATION", "SAR_AIRCRAFT"
COAST_STATION, GROUP, HANDHELD = "COAST_STATION", "GROUP", "HANDHELD"
SAR_TRANSMITTER, MAN_OVERBOARD, EPIRB, AUTONOMOUS = (
    "SAR_TRANSMITTER",
    "MAN_OVERBOARD",
    "EPIRB",
    "AUTONOMOUS_DEVICE",
)

VESSELS: Final = frozenset({VESSEL, AUXILIARY})
"""Kinds that count as vessels."""

MIDS: Final = frozenset(f"{mid:03d}" for mid in {*COUNTRY_MAPPING, 550, 638})
"""Assigned maritime identification digits: those of pyais, Timor-Leste (550) and South Sudan (638)."""

_NINE_DIGITS = re.compile(r"\d{9}", re.ASCII)
_FORMS: Final = (
    ("00", COAST_STATION),
    ("0", GROUP),
    ("111", SAR_AIRCRAFT),
    ("99", AID_TO_NAVIGATION),
    ("98", AUXILIARY),
    ("8", HANDHELD),
    ("", VESSEL),
)
"""Digits in front of the MID, the longest that fits first, and the kind."""
_DEVICES: Final = {"970": SAR_TRANSMITTER, "972": MAN_OVERBOARD, "974": EPIRB, "979": AUTONOMOUS}
_ALL_COAST_STATIONS = "009990000"
_KINDS_OF_MESSAGES: Final = {4: BASE_STATION, 9: SAR_AIRCRAFT, 21: AID_TO_NAVIGATION}
_PLACEHOLDERS: Final = frozenset({
    *(digit * 9 for digit in "0123456789"),
    "123456789", "234567890", "012345678", "987654321", "876543210", "001193046",
})  # fmt: skip
"""Numbers that transmitters send before anyone entered theirs: one digit repeated, digits in order, and 0x123456."""


@lru_cache(1 << 14)
def kind_of(mmsi: str) -> str | None:
    """Return the kind of station that a number's form belongs to.

    Args:
        mmsi: The number as text.

    Returns:
        One of this module's kinds. None if ITU-R M.585 has no such number, or its MID is not assigned.
    """
    if not _NINE_DIGITS.fullmatch(mmsi):
        return None
    if mmsi[:3] in _DEVICES:
        return _DEVICES[mmsi[:3]]
    if mmsi == _ALL_COAST_STATIONS:
        return COAST_STATION
    prefix, kind = next(each for each in _FORMS if mmsi.startswith(each[0]))
    return kind if mmsi[len(prefix) : len(prefix) + 3] in MIDS else None


def mmsi_problem(mmsi: str) -> str | None:
    """Check a sender's number.

    Returns:
        ``MMSI_FORM`` if it is none of ITU-R M.585, a known placeholder, or the number of a group, which is called but
        sends nothing. Else None.
    """
    return "MMSI_FORM" if mmsi in _PLACEHOLDERS or kind_of(mmsi) in (None, GROUP) else None


def station_of(mmsi: str, message_type: int | None = None) -> str:
    """Return the kind of the station that sent a position.

    The message type decides where only one kind of station sends it (ITU-R M.1371, Annex 8): type 4 is of base
    stations, 9 of search and rescue aircraft, 21 of aids to navigation. Else the form of the number decides.

    Args:
        mmsi: The sender's number.
        message_type: Type of its message, or None.

    Returns:
        One of this module's kinds. `VESSEL` for a group's number or one of no known form: all other types are those of
        vessels.
    """
    by_type = _KINDS_OF_MESSAGES.get(message_type or 0)
    if by_type is not None:
        return by_type
    kind = kind_of(mmsi)
    if kind is None or kind == GROUP:
        return VESSEL
    return BASE_STATION if kind == COAST_STATION else kind
