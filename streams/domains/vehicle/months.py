"""Names of months in the languages of phones → their numbers. Pure.

Android's `SimpleDateFormat` writes the abbreviations of CLDR, with a dot or without, in capitals or not. A name is
known by its first letters. Languages in which the same letters mean different months are left out (Croatian and
Polish `lis`, Croatian and Czech `srp`).
"""

import re
import unicodedata

_NAMES = (
    "jan gen ene sty ian янв ιαν oca",
    "feb fev lut фев φεβ sub",
    "mar mrt мар μαρ",
    "apr avr abr kwi апр απρ nis",
    "may mai maj mag mei май мая маи μαι",
    "jun juin giu cze iun июн ιουν haz",
    "jul juil lug lip iul июл ιουλ tem",
    "aug aou ago sie avg авг αυγ agu",
    "sep set wrz сен σεπ eyl",
    "oct okt ott out paz окт οκτ eki",
    "nov noi noy ноя νοε kas",
    "dec dez dic dis gru дек δεκ ara",
)
_NUMBERS = {name: number for number, names in enumerate(_NAMES, start=1) for name in names.split()}
_EAST = re.compile(r"(\d{1,2})\s*[월月]?")


def month_number(name: str) -> int:
    """Return the number of a month, from 1.

    Raises:
        ValueError: No language that is known has a month of this name.
    """
    text = name.strip().rstrip(".").lower()
    found = _EAST.fullmatch(text)
    if found is not None and 1 <= int(found[1]) <= 12:
        return int(found[1])
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    for length in range(len(plain), 2, -1):
        number = _NUMBERS.get(plain[:length])
        if number is not None:
            return number
    raise ValueError(f"expected a month, got {name[:20]!r}")
