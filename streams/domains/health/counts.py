"""Counts persons' classes without revealing persons. Pure.

- A person counts once, by the latest measurement.
- A count is published from `AT_LEAST` persons on, rounded down to a multiple of it. So neither a small group nor the
  difference of two counts (a group and its parts, one scheme and another) reveals fewer persons.
- A doubtful class is counted as the flag `DOUBTFUL:<scheme>` instead of the class, so that values that contradict one
  another move no share.
- Groups are the whole cohort, each sex, and each sex with each age band; flags are counted for the whole cohort and
  each sex.

A person is encoded in a fixed number of letters, so the length of the ciphertext reveals nothing: sex, age band, WHO,
Korean, fat and waist class (`-` for none), then the flags as a hexadecimal sum of bits.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from streams.domains.health.rules import AGE_BANDS, DOUBTS, FAT, KOREA, SEXES, WAIST, WHO, Assessment, doubts
from streams.domains.health.sheet import FLAGS

AT_LEAST = 5
"""Fewest persons of a published count (docs/fields/health.md#small-counts)."""

ALL = "ALL"
NONE = "-"
SCHEMES = (("WHO", WHO), ("KSSO-2018", KOREA), ("PBF", FAT), ("WAIST", WAIST))
_PROPERTIES = (SEXES, AGE_BANDS, *(names for _, names in SCHEMES))
_FLAG_DIGITS = -(-len(FLAGS) // 4)
CODE_LENGTH = len(_PROPERTIES) + _FLAG_DIGITS


class Person(NamedTuple):
    """Properties under which a person is counted.

    Attributes:
        sex: One of `SEXES`; None if unknown.
        age_band: One of `AGE_BANDS`; None if unknown.
        classes: Class of each of `SCHEMES`, in their order; None for no class.
        flags: In the order of `FLAGS`.
    """

    sex: str | None
    age_band: str | None
    classes: tuple[str | None, ...]
    flags: tuple[str, ...]


class Count(NamedTuple):
    """One count to publish; fields of `health.class-count`.

    Attributes:
        sex: Sex of the group, or `ALL`.
        age_band: Age band of the group, such as 30-39, or `ALL`.
        scheme: Scheme of the class: one of `SCHEMES`, `PERSONS` or `FLAG`.
        name: Name of the class or flag, or `DOUBTFUL:<scheme>`.
        persons: Number of persons, a multiple of `AT_LEAST`.
    """

    sex: str
    age_band: str
    scheme: str
    name: str
    persons: int


def encode(assessment: Assessment) -> str:
    """Return the code of a person, `CODE_LENGTH` letters."""
    found = (
        assessment.sex,
        assessment.age_band,
        assessment.who,
        assessment.korea,
        assessment.fat,
        assessment.waist,
    )
    letters = [
        NONE if value is None else str(names.index(value))
        for value, names in zip(found, _PROPERTIES, strict=True)
    ]
    bits = sum(1 << FLAGS.index(flag) for flag in assessment.flags)
    return "".join(letters) + f"{bits:0{_FLAG_DIGITS}x}"


def decode(code: str) -> Person:
    """Return the properties that a code encodes.

    Raises:
        ValueError: The text is no code; the message does not quote it.
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
    flags = tuple(flag for bit, flag in enumerate(FLAGS) if bits >> bit & 1)
    return Person(sex, band, tuple(classes), flags)


def counts(persons: Iterable[Person]) -> list[Count]:
    """Return the counts of persons, without those that are too small to publish.

    Args:
        persons: Each person once, in any order.

    Returns:
        Counts sorted by sex, age band, scheme and class.
    """
    found: Counter[tuple[str, str, str, str]] = Counter()
    for person in persons:
        found.update(_cells(person))
    rounded = ((cell, number // AT_LEAST * AT_LEAST) for cell, number in found.items())
    return [Count(*cell, number) for cell, number in sorted(rounded) if number >= AT_LEAST]


def band_text(band: str) -> str:
    """Return an age band as people write it: 30-39 for `AGE_30_39`, 80+ for `AGE_80_UP`."""
    return band.removeprefix("AGE_").replace("_UP", "+").replace("_", "-")


def _cells(person: Person) -> Iterator[tuple[str, str, str, str]]:
    """Yield every cell that a person counts in: sex, age band, scheme, class."""
    doubtful = doubts(person.flags)
    groups = [(ALL, ALL)]
    if person.sex is not None:
        groups.append((person.sex, ALL))
        if person.age_band is not None:
            groups.append((person.sex, band_text(person.age_band)))
    for sex, band in groups:
        yield sex, band, "PERSONS", ALL
        for (scheme, _), field, found in zip(SCHEMES, DOUBTS, person.classes, strict=True):
            if found is None:
                continue
            if field not in doubtful:
                yield sex, band, scheme, found
            elif band == ALL:
                yield sex, band, "FLAG", f"DOUBTFUL:{scheme}"
        if band == ALL:
            yield from ((sex, band, "FLAG", flag) for flag in person.flags)
