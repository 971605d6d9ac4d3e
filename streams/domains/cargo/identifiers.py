"""Numbers that carry a check digit or a fixed form: ISO 6346, IMO, MMSI, UN/LOCODE, GS1. Pure.

Standards: ISO 6346 (containers), IMO Resolution A.1117(30) (ships), ITU-R M.585 (MMSI), UN/CEFACT
Recommendation 16 (UN/LOCODE), GS1 General Specifications (check digit).
"""

import re

from streams.domains.cargo.word_list import word_list

_CONTAINER = re.compile(r"[A-Z]{3}[UJZ]\d{7}", re.ASCII)
_IMO = re.compile(r"\d{7}", re.ASCII)
_MMSI = re.compile(r"\d{9}", re.ASCII)
_LOCODE = re.compile(r"[A-Z]{2}[A-Z2-9]{3}", re.ASCII)
_GS1_KEYS = re.compile(r"/(00|01|253|255|402|414|417|8003|8010|8017|8018)/(\d{13,20})(?=[/?#]|$)", re.ASCII)
_GS1_LENGTHS = {"00": 18, "01": 14, "253": 13, "414": 13, "417": 13, "8017": 18, "8018": 18, "402": 17}
_BIC_EPC = "urn:epc:id:bic:"
_IMO_EPC = "urn:epc:id:imovn:"

_LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (each for each in range(10, 39) if each % 11), strict=True))

COUNTRIES = word_list("""
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY
    BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK
    FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR
    IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK
    ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
    PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF
    TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW XZ
    """)
"""Country codes of ISO 3166-1 alpha-2, and XZ, which UN/LOCODE uses for international waters."""


def container_check_digit(number: str) -> int:
    """Return the check digit of a container number's first ten characters (ISO 6346)."""
    total = sum(
        (_LETTERS[each] if each in _LETTERS else int(each)) << position
        for position, each in enumerate(number[:10])
    )
    return total % 11 % 10


def container_problem(number: str) -> str | None:
    """Check a container number (ISO 6346).

    Returns:
        ``CONTAINER_FORM``, ``CONTAINER_CHECK_DIGIT``, or None if it is valid.
    """
    if not _CONTAINER.fullmatch(number):
        return "CONTAINER_FORM"
    return None if container_check_digit(number) == int(number[10]) else "CONTAINER_CHECK_DIGIT"


def imo_check_digit(number: str) -> int:
    """Return the check digit of an IMO number's first six digits (IMO Resolution A.1117(30))."""
    return sum(int(digit) * weight for digit, weight in zip(number, (7, 6, 5, 4, 3, 2), strict=False)) % 10


def imo_problem(number: str) -> str | None:
    """Return ``IMO_CHECK_DIGIT`` if an IMO number is not 1000000 to 9999999 with its check digit, else None."""
    if _IMO.fullmatch(number) and number[0] != "0" and imo_check_digit(number) == int(number[6]):
        return None
    return "IMO_CHECK_DIGIT"


def mmsi_problem(number: str) -> str | None:
    """Return ``MMSI_FORM`` if an MMSI is not nine digits (ITU-R M.585) or all zero, else None."""
    return None if _MMSI.fullmatch(number) and int(number) else "MMSI_FORM"


def is_locode(code: str) -> bool:
    """Return whether a text has the form of a UN/LOCODE and begins with an assigned country code."""
    return _LOCODE.fullmatch(code) is not None and code[:2] in COUNTRIES


def gs1_check_digit(digits: str) -> int:
    """Return the check digit that follows some digits (GS1 General Specifications)."""
    return (
        -sum(int(digit) * (3 if position % 2 == 0 else 1) for position, digit in enumerate(reversed(digits)))
        % 10
    )


def uri_problem(uri: str) -> str | None:
    """Check the number inside an EPC or GS1 Digital Link URI.

    Returns:
        ``CONTAINER_FORM``, ``CONTAINER_CHECK_DIGIT``, ``IMO_CHECK_DIGIT``, ``GS1_CHECK_DIGIT``, or None if the number
        is valid or the URI holds none that can be checked.
    """
    if uri.startswith(_BIC_EPC):
        return container_problem(uri.removeprefix(_BIC_EPC))
    if uri.startswith(_IMO_EPC):
        return imo_problem(uri.removeprefix(_IMO_EPC))
    match = _GS1_KEYS.search(uri) if uri.startswith("http") else None
    if match is None or match[1] not in _GS1_LENGTHS:
        return None
    digits = match[2][: _GS1_LENGTHS[match[1]]]
    complete = len(digits) == _GS1_LENGTHS[match[1]]
    return None if complete and gs1_check_digit(digits[:-1]) == int(digits[-1]) else "GS1_CHECK_DIGIT"
