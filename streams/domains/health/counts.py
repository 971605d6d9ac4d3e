"""Persons' classes → counts that tell of nobody. Pure.

- A person counts once, by their latest measurement.
- A count is told only from `AT_LEAST` persons on, rounded down to a multiple of it: so neither a small group nor
  the difference of two counts (a group and its parts, one scheme and another) tells of fewer persons.
- Counted are whole cohort, each sex, and each sex with each age band; flags for the whole cohort and each sex.

A person travels as a code of fixed length, one letter per property, so that its length in cipher tells nothing:
sex, age band, WHO, Korean, fat and waist class (`-` for none), then the flags as a hexadecimal sum of bits.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from streams.domains.health.rules import AGE_BANDS, FAT, KOREA, SEXES, WAIST, WHO, Verdict
from streams.domains.health.sheet import FLAGS

AT_LEAST = 5
"""Fewest persons that a count may tell of (docs/fields/health.md#small-counts)."""

ALL = "ALL"
NONE = "-"
SCHEMES = (("WHO", WHO), ("KSSO-2018", KOREA), ("PBF", FAT), ("WAIST", WAIST))
_PROPERTIES = (SEXES, AGE_BANDS, *(names for _, names in SCHEMES))
_FLAG_DIGITS = -(-len(FLAGS) // 4)
CODE_LENGTH = len(_PROPERTIES) + _FLAG_DIGITS


class Person(NamedTuple):
    """What a person is counted under."""

    sex: str | None
    age_band: str | None
    classes: tuple[str | None, ...]
    flags: tuple[str, ...]


class Count(NamedTuple):
    """One count, ready to be told; fields of `health.class-count`."""

    sex: str
    age_band: str
    scheme: str
    name: str
    persons: int


def encode(verdict: Verdict) -> str:
    """Write what a person is counted under as a code of `CODE_LENGTH` letters."""
    found = (verdict.sex, verdict.age_band, verdict.who, verdict.korea, verdict.fat, verdict.waist)
    letters = [
        NONE if value is None else str(names.index(value))
        for value, names in zip(found, _PROPERTIES, strict=True)
    ]
    bits = sum(1 << FLAGS.index(flag) for flag in verdict.flags)
    return "".join(letters) + f"{bits:0{_FLAG_DIGITS}x}"


def decode(code: str) -> Person:
    """Read a code.

    Raises:
        ValueError: It is none; the message does not tell it.
    """
    if len(code) != CODE_LENGTH:
        raise ValueError(f"expected a code of {CODE_LENGTH} letters")
    try:
        sex, band, *classes = (
            None if letter == NONE else names[int(letter)]
            for letter, names in zip(code, _PROPERTIES, strict=False)
        )
        bits = int(code[len(_PROPERTIES) :], 16)
    except (ValueError, IndexError):
        raise ValueError("expected a code of sex, age band, classes and flags") from None
    flags = tuple(flag for place, flag in enumerate(FLAGS) if bits >> place & 1)
    return Person(sex, band, tuple(classes), flags)


def counts(persons: Iterable[Person]) -> list[Count]:
    """Count persons; what is too small to be told is left out. The order depends on the persons alone."""
    found: Counter[tuple[str, str, str, str]] = Counter()
    for person in persons:
        found.update(_cells(person))
    told = ((cell, number // AT_LEAST * AT_LEAST) for cell, number in found.items())
    return [Count(*cell, number) for cell, number in sorted(told) if number >= AT_LEAST]


def band_text(band: str) -> str:
    """Write an age band for people: `AGE_30_39` is 30-39, `AGE_80_UP` is 80+."""
    return band.removeprefix("AGE_").replace("_UP", "+").replace("_", "-")


def _cells(person: Person) -> Iterator[tuple[str, str, str, str]]:
    """Name every cell that a person counts in."""
    groups = [(ALL, ALL)]
    if person.sex is not None:
        groups.append((person.sex, ALL))
        if person.age_band is not None:
            groups.append((person.sex, band_text(person.age_band)))
    for sex, band in groups:
        yield sex, band, "PERSONS", ALL
        for (scheme, _), found in zip(SCHEMES, person.classes, strict=True):
            if found is not None:
                yield sex, band, scheme, found
        if band == ALL:
            yield from ((sex, band, "FLAG", flag) for flag in person.flags)
