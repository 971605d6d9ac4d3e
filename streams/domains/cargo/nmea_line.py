r"""Lines of a log → their NMEA 0183 sentences, with what stands before and behind each. Pure.

A line should hold one sentence. Loggers put a time in front or behind, a lost line end glues several together, and a
serial port adds NUL bytes. So a line is cut at every place where a sentence begins:

    2023-11-14T22:15:00Z \s:r1,c:1700000000*hh\!AIVDM,…*1E,r003669945,1700000000
    └ prefix             └ tag blocks          └ sentence  └ suffix

What stands between two sentences of a line is the suffix of the first if it begins with a comma, else the prefix of the
second. A sentence without a checksum reaches to the next one.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from streams.readers.lines import Line

BLANK: Final = b" \t\r\n\x00\x0b\x0c\x1a\xef\xbb\xbf"
"""Bytes that mean nothing around a sentence: white space, NUL, end-of-file mark, the bytes of a byte order mark."""

LONGEST_LINE: Final = 1 << 16
"""Bytes from which a line without an end is cut before its last sentence. It bounds the memory."""

_CHUNK_BYTES = 1 << 18
_LINE_END = re.compile(rb"\r\n|\n\r|\n|\r")
_START = re.compile(rb"(?:\\[^\\!$]{1,400}\\[ \t]{0,4}){0,8}[!$](?=[A-Z][A-Z0-9]{1,7},)")
_PLAIN = re.compile(
    rb"((?:\\[^\\!$]{1,400}\\[ \t]{0,4}){0,8})[!$][A-Z][A-Z0-9]{1,7},[^*!$\\]*\*[0-9A-Fa-f]{2}(?P<suffix>,.*|\s*)",
    re.DOTALL,
)
"""A line that holds one sentence with its tag blocks and suffix, and nothing else."""

TAG_BLOCKS: Final = re.compile(rb"(?:\\[^\\!$]{1,400}\\[ \t]{0,4}){1,8}")
"""Tag blocks alone."""

_CHECKED = re.compile(rb"[!$][^*!$\\]*\*[0-9A-Fa-f]{2}")


class Piece(NamedTuple):
    """One sentence of a line. The pieces of a line cover it without gaps.

    Attributes:
        begin: Offset in the line where its prefix begins.
        tags_at: Offset of its tag blocks, or of the sentence.
        sentence_at: Offset of its `!` or `$`.
        suffix_at: Offset behind its checksum, or where the piece ends.
        end: Offset behind its suffix.
        checked: True if it has a checksum, which may be wrong.
    """

    begin: int
    tags_at: int
    sentence_at: int
    suffix_at: int
    end: int
    checked: bool


def log_lines(stream: BinaryIO) -> Iterator[Line]:
    """Yield the lines of a log. They end with CR, LF, CRLF or LFCR, and cover the log without gaps.

    A line that is too long comes in several parts of the same number, cut where a sentence begins. So a log that lost
    its line ends is read to the last sentence.

    Args:
        stream: The log, at its beginning.
    """
    number, base, rest = 1, 0, b""
    while True:
        chunk = stream.read(_CHUNK_BYTES)
        buffer, at = rest + chunk, 0
        for match in _LINE_END.finditer(buffer):
            if chunk and match.end() == len(buffer) and match.end() - match.start() == 1:
                break  # the second byte of the line end may follow
            yield Line(number, base + at, base + match.end(), buffer[at : match.start()])
            number, at = number + 1, match.end()
        while len(buffer) - at > LONGEST_LINE:
            cut = at + _cut(buffer[at : at + LONGEST_LINE])
            yield Line(number, base + at, base + cut, buffer[at:cut])
            at = cut
        base, rest = base + at, buffer[at:]
        if not chunk:
            break
    if rest:
        yield Line(number, base, base + len(rest), rest)


def _cut(line: bytes) -> int:
    """Return the offset of the last sentence of a line that does not end in it, or the line's length."""
    starts = [match.start() for match in _START.finditer(line, len(line) // 2)]
    return starts[-1] if starts else len(line)


def pieces(line: bytes) -> list[Piece]:
    """Cut a line at its sentences.

    Args:
        line: The line, without its end.

    Returns:
        The sentences in their order; none if none begins in the line.
    """
    plain = _PLAIN.fullmatch(line)
    if plain and not _START.search(line, plain.start("suffix")):
        return [Piece(0, 0, plain.end(1), plain.start("suffix"), len(line), checked=True)]
    starts = list(_START.finditer(line))
    found, begin = [], 0
    for number, each in enumerate(starts, 1):
        following = starts[number] if number < len(starts) else None
        limit = following.start() if following else len(line)
        sentence_at = each.end() - 1
        checked = _CHECKED.match(line, sentence_at, limit)
        suffix_at = checked.end() if checked else limit
        is_suffix = following is None or line[suffix_at : suffix_at + 1] == b","
        end = limit if is_suffix else suffix_at
        found.append(Piece(begin, each.start(), sentence_at, suffix_at, end, checked is not None))
        begin = end
    return found
