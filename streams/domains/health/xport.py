"""Reads the SAS transport format (XPORT) of versions 5 and 8, part by part, in bounded memory. Pure.

Sources: SAS, "The Record Layout of a Data Set in SAS Transport (XPORT) Format" (TS-140, version 5 and 6), and "Record
Layout for a SAS Version 8 or 9 Data Set in SAS Transport Format".

- A file is a sequence of records of 80 bytes: a library header, then members. A member has a header, one description
  (NAMESTR) per variable, and observations of a fixed length, filled up to 80 bytes at the member's end.
- The fill is blanks by the standard; some programs write zero bytes. Whole observations of fill are no observations.
- A number is an IBM hexadecimal float of 2 to 8 bytes. `.`, `._` and `.A` to `.Z` are missing values. Zero is eight
  zero bytes; programs that shift bits only make 5.4e-79 of it, so any value below `SAS_ZERO_BELOW` is zero.
- Version 8 gives the number of observations in a header, which some programs leave out. It is used where it fits.
- A file that was copied as text has a CR before each LF. Nothing of it can be trusted, and it says so.
"""

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

LIBRARY = (
    b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!",
    b"HEADER RECORD*******LIBV8   HEADER RECORD!!!!!!!",
)
"""First bytes of a file, by version: 5 and 6, then 8 and 9."""

SAS_ZERO_BELOW = 1e-70
"""Absolute value below which a number of SAS is zero: 16^-65, the smallest of the format, is a wrongly read zero."""

AS_TEXT = "the file was copied as text, a CR stands before each LF: fetch it again as binary"

CARD = 80
_HEADER = b"HEADER RECORD*******"
_MEMBER = (b"MEMBER  HEADER RECORD!!!!!!!", b"MEMBV8  HEADER RECORD!!!!!!!")
_NAMESTR = (b"NAMESTR HEADER RECORD!!!!!!!", b"NAMSTV8 HEADER RECORD!!!!!!!")
_OBSERVATIONS = (b"OBS     HEADER RECORD!!!!!!!", b"OBSV8   HEADER RECORD!!!!!!!")
_DESCRIPTION = struct.Struct(">hhhh8s40s8shhh2s8shhl")
_CHUNK = CARD * 4096
_LARGEST_HEADER = 16 * 1024 * 1024
_LARGEST_OBSERVATION = 1024 * 1024
_CERTAIN_LINES = 4
"""LFs, each after a CR, that no binary file has by chance."""
_MISSING = frozenset(b"._ABCDEFGHIJKLMNOPQRSTUVWXYZ")


class XportError(ValueError):
    """A header that cannot be read; the message says what is wrong with the file, and no value."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a member.

    Attributes:
        name: Its name, in upper case.
        numeric: Whether it is a number.
        begin: Its first byte in an observation.
        length: Its bytes.
    """

    name: str
    numeric: bool
    begin: int
    length: int


@dataclass(frozen=True, slots=True)
class Member:
    """A data set of a file.

    Attributes:
        name: Its name, in upper case, such as BMX_J.
        variables: Its variables by name.
        length: Bytes of an observation.
        observations: Number of observations that the header gives; None if it gives none.
    """

    name: str
    variables: Mapping[str, Variable]
    length: int
    observations: int | None

    def value(self, observation: bytes, name: str) -> float | str | None:
        """Return the value of a variable: a number, or a text; None if it is missing, or not among the variables."""
        variable = self.variables.get(name)
        if variable is None:
            return None
        data = observation[variable.begin : variable.begin + variable.length]
        return number(data) if variable.numeric else data.strip(b" \0").decode("latin-1") or None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file.

    Attributes:
        begin: Its first byte in the file.
        end: The byte after its last.
        member: The member that it belongs to; None for what stands before the first or cannot be read.
        data: Bytes of an observation, or of the beginning of what is damaged; empty for others.
        kind: `header`, `observation`, `fill`, or `damaged`.
        reason: What is wrong with what is damaged.
    """

    begin: int
    end: int
    member: Member | None
    data: bytes
    kind: str
    reason: str = ""


def number(data: bytes) -> float | None:
    """Return an IBM hexadecimal float of 2 to 8 bytes as the nearest float; None for a missing value."""
    first, fraction = data[0], int.from_bytes(data[1:].ljust(7, b"\0"), "big")
    if fraction == 0:
        return None if first in _MISSING else 0.0
    value = math.ldexp(fraction, 4 * ((first & 0x7F) - 64) - 56)
    if value < SAS_ZERO_BELOW:
        return 0.0
    return -value if first & 0x80 else value


def parts(stream: BinaryIO) -> Iterator[Part]:
    """Yield the parts of a file in order; together they are all its bytes.

    Args:
        stream: The file, seekable, decompressed.
    """
    begins, size, lines = _scan(stream)
    if not size:
        return
    if lines >= _CERTAIN_LINES or not begins:
        yield _damaged(stream, 0, size, AS_TEXT if begins else "the file holds no data set: fetch it again")
        return
    if begins[0]:
        yield Part(0, begins[0], None, b"", "header")
    for begin, end in zip(begins, [*begins[1:], size], strict=True):
        yield from _member_parts(stream, begin, end, AS_TEXT if lines else "")


def member_name(head: bytes) -> str | None:
    """Return the name of a file's first member, in upper case, from its first 720 bytes; None if there is none."""
    for version, library in enumerate(LIBRARY):
        if head.startswith(library):
            card = head[5 * CARD : 6 * CARD]
            return _text(card[8 : 16 if version == 0 else 40]) or None
    return None


def _scan(stream: BinaryIO) -> tuple[list[int], int, int]:
    """Return where members begin, the size of the file, and its LFs if each of them has a CR before it, else 0."""
    stream.seek(0)
    begins: list[int] = []
    offset = lines = after_cr = 0
    last = b""
    while chunk := stream.read(_CHUNK):
        found = chunk.find(_HEADER)
        while found != -1:
            if (offset + found) % CARD == 0 and chunk.startswith(_MEMBER, found + len(_HEADER)):
                begins.append(offset + found)
            found = chunk.find(_HEADER, found + 1)
        lines += chunk.count(b"\n")
        after_cr += chunk.count(b"\r\n") + (last == b"\r" and chunk.startswith(b"\n"))
        offset, last = offset + len(chunk), chunk[-1:]
    return begins, offset, lines if lines == after_cr else 0


def _member_parts(stream: BinaryIO, begin: int, end: int, suspicion: str) -> Iterator[Part]:
    """Yield a member's parts. If a header cannot be read, `suspicion` is the reason, if there is one."""
    stream.seek(begin)
    try:
        member, data_begin = _header(stream, end)
    except XportError as error:
        yield _damaged(stream, begin, end, suspicion or str(error))
        return
    yield Part(begin, data_begin, member, b"", "header")
    number_of = _number_of_observations(stream, member, data_begin, end)
    stream.seek(data_begin)
    for index in range(number_of):
        at = data_begin + index * member.length
        yield Part(at, at + member.length, member, stream.read(member.length), "observation")
    rest_begin = data_begin + number_of * member.length
    if rest_begin == end:
        return
    rest = stream.read(end - rest_begin)
    if _is_fill(rest):
        yield Part(rest_begin, end, member, b"", "fill")
    else:
        yield Part(
            rest_begin, end, member, rest, "damaged", "the file ends within an observation: fetch it again"
        )


def _number_of_observations(stream: BinaryIO, member: Member, begin: int, end: int) -> int:
    """Return the number of observations, without those that are fill."""
    size, length = end - begin, member.length
    given = member.observations
    if given is not None and 0 <= size - given * length < CARD:
        stream.seek(begin + given * length)
        if _is_fill(stream.read(size - given * length)):
            return given
    found = size // length
    while found and size - (found - 1) * length < CARD:
        stream.seek(begin + (found - 1) * length)
        if not _is_fill(stream.read(end - stream.tell())):
            break
        found -= 1
    return found


def _is_fill(data: bytes) -> bool:
    return len(data) < CARD and (not data.strip(b" ") or not data.strip(b"\0"))


def _damaged(stream: BinaryIO, begin: int, end: int, reason: str) -> Part:
    stream.seek(begin)
    return Part(begin, end, None, stream.read(min(end - begin, CARD)), "damaged", reason)


def _header(stream: BinaryIO, end: int) -> tuple[Member, int]:
    """Read a member's headers. Return the member and where its observations begin.

    Raises:
        XportError: A header is cut or damaged.
    """
    cards = [stream.read(CARD) for _ in range(5)]
    if len(cards[-1]) < CARD or cards[4][:20] != _HEADER or not cards[4][20:].startswith(_NAMESTR):
        raise XportError("the header of the data set is cut or damaged: fetch the file again")
    version = 8 if cards[4][20:].startswith(_NAMESTR[1]) else 5
    name = _text(cards[2][8 : 16 if version == 5 else 40])
    size = _digits(cards[0][74:78]) or 140
    described, at = b"", stream.tell()
    for digits in (cards[4][54:60], cards[4][54:58]) if version == 8 else (cards[4][54:58],):
        wanted = _digits(digits) * size
        padded = -(-wanted // CARD) * CARD
        if not 0 < padded <= min(_LARGEST_HEADER, end - at):
            continue
        stream.seek(at)
        described = stream.read(padded)[:wanted]
        if stream.read(len(_HEADER)) == _HEADER:
            break
    else:
        raise XportError("the descriptions of the variables are cut or damaged: fetch the file again")
    variables = _variables(described, size, version)
    length = sum(each.length for each in variables.values())
    observations = _find_observations(stream, at + padded, end)
    return Member(name, variables, length, observations), stream.tell()


def _variables(described: bytes, size: int, version: int) -> dict[str, Variable]:
    """Read the descriptions of the variables; they must fill the observation without gaps.

    Raises:
        XportError: A description is damaged.
    """
    found: dict[str, Variable] = {}
    at = 0
    for begin in range(0, len(described), size):
        entry = described[begin : begin + size].ljust(140, b"\0")
        fields = _DESCRIPTION.unpack_from(entry)
        kind, length, name, position = fields[0], fields[2], _text(fields[4]), fields[-1]
        if version == 8:
            name = _text(entry[88:120]) or name
        numeric = kind == 1
        shortest, longest = (2, 8) if numeric else (1, 32_767)
        if kind not in (1, 2) or not shortest <= length <= longest or position != at or name in found:
            raise XportError("a description of a variable is damaged: fetch the file again")
        found[name] = Variable(name, numeric, position, length)
        at += length
    if at > _LARGEST_OBSERVATION:
        raise XportError(f"an observation is longer than {_LARGEST_OBSERVATION} bytes")
    return found


def _find_observations(stream: BinaryIO, begin: int, end: int) -> int | None:
    """Go to the first observation, over headers of labels. Return the number of observations if it is given.

    Raises:
        XportError: There is no header of observations.
    """
    stream.seek(begin)
    for at in range(begin, min(end, begin + _LARGEST_HEADER), CARD):
        card = stream.read(CARD)
        if card.startswith(_HEADER) and card[20:].startswith(_OBSERVATIONS) and at + CARD <= end:
            return _digits(card[48:63]) or None
    raise XportError("the header of the observations is missing: fetch the file again")


def _digits(text: bytes) -> int:
    """Return a number in blanks; 0 if it is none."""
    stripped = text.strip()
    return int(stripped) if stripped.isdigit() else 0


def _text(data: bytes) -> str:
    return data.strip(b" \0").decode("latin-1").upper()
