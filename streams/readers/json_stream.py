"""Cuts the elements of arrays out of a JSON text of any length, with their bytes and lines. Pure.

The text is read once, in pieces. The time is linear in its length. The memory is bounded by the largest element and
by the envelope: the text with its arrays emptied. Neither is parsed here: `json_value.parse` does that.

A text that is no JSON is cut as far as its brackets and strings allow, so that a damaged element takes no other
along. A bracket that closes an outer pair closes the inner ones too. A string ends at a line end (RFC 8259 allows no
control characters in strings). Every byte belongs to one element or to the envelope.

`ijson`, `json-stream` and `orjson` parse such texts, but give no positions in the file.
"""

import json
import re
from collections.abc import Collection, Generator, Iterator
from typing import BinaryIO, NamedTuple

from streams.readers.formats import Span

Path = tuple[str, ...]
"""Names of the members that lead to an array. Empty: the top-level value is the array."""

LARGEST_ELEMENT = 4 << 20
"""Bytes above which an element is not read. Kafka takes records of about 1 MB."""

LARGEST_ENVELOPE = 8 << 20
"""Bytes above which an envelope is not read."""

CUT_OFF = "the text ends inside this value"
"""Problem of an element that the end of the text cuts off: nothing stands behind it."""

CHUNK_BYTES = 1 << 18
_KEPT_OF_TOO_LARGE = 1 << 19
_LONGEST_NAME = 1 << 10
_BOM = b"\xef\xbb\xbf"

_BLANKS = re.compile(rb"[ \t\r\n]*+")
_SCALAR = re.compile(rb'[^ \t\r\n,:\[\]{}"]*+')
_STRING = rb'"(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+"'
_IN_STRING = re.compile(rb'(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+')
_STRING_END = re.compile(rb'[\\"]?')


def _balanced(depth: int) -> bytes:
    """Return a pattern for text whose brackets match, up to a depth."""
    inner = b'[^"{}\\[\\]]++|' + _STRING
    for _ in range(depth):
        inner = b'[^"{}\\[\\]]++|' + _STRING + b"|\\{(?:" + inner + b")*+\\}|\\[(?:" + inner + b")*+\\]"
    return b"(?:" + inner + b")*+"


_FLAT = re.compile(_balanced(5))
_WHOLE = re.compile(b"\\{" + _balanced(5) + b"\\}|\\[" + _balanced(5) + b"\\]")


class Element(NamedTuple):
    """An element of an array.

    Attributes:
        path: Path of the array.
        span: Its bytes, with the comma and the white space behind it.
        line: Line where it starts, from 1.
        data: Its own bytes. The first `_KEPT_OF_TOO_LARGE` if it is too large.
        problem: Why it is no element of a JSON array, None if only its value is left to be parsed.
    """

    path: Path
    span: Span
    line: int
    data: bytes
    problem: str | None = None


class Envelope(NamedTuple):
    """What stands around the elements.

    Attributes:
        data: The text with its arrays emptied, without a byte order mark. The beginning of it if it is too large.
        spans: Its bytes in the file.
        line: Line where the top-level value starts, from 1.
        arrays: Paths of the arrays that were cut, in order.
        problem: Why the text is not JSON or not read, as far as the cut shows. None if only `data` is left to be
            parsed.
    """

    data: bytes
    spans: tuple[Span, ...]
    line: int
    arrays: tuple[Path, ...]
    problem: str | None = None


def cut(
    stream: BinaryIO,
    paths: Collection[Path],
    *,
    largest_element: int = LARGEST_ELEMENT,
    largest_envelope: int = LARGEST_ENVELOPE,
) -> Iterator[Element | Envelope]:
    """Cut a JSON text into the elements of its arrays.

    Args:
        stream: The text, from its beginning.
        paths: Paths of the arrays. What stands at a path and is no array stays in the envelope.
        largest_element: Bytes above which an element's bytes are not kept. It has a problem then.
        largest_envelope: Bytes above which the envelope's bytes are not kept. It has a problem then.

    Yields:
        The elements in the order of the file, then the envelope.
    """
    cutter = _Cutter(stream, frozenset(map(tuple, paths)), largest_element, largest_envelope)
    problem = None
    try:
        yield from cutter.text()
    except _DamagedTextError as error:
        problem = str(error)
    yield cutter.finish(problem)


def envelope(
    stream: BinaryIO, paths: Collection[Path], *, largest_envelope: int = LARGEST_ENVELOPE
) -> Envelope:
    """Return the envelope of a JSON text alone. The arguments are those of `cut`."""
    for part in cut(stream, paths, largest_envelope=largest_envelope):
        if isinstance(part, Envelope):
            return part
    raise AssertionError("cut always yields an envelope")


def opening(stream: BinaryIO, paths: Collection[Path]) -> bytes | None:
    """Return what stands before the first element as a JSON text, closed where the array begins.

    Args:
        stream: The text, from its beginning. It is read up to its first element.
        paths: Paths of the arrays.

    Returns:
        The beginning of the envelope's `data`, made whole. None if there is no element.
    """
    cutter = _Cutter(stream, frozenset(map(tuple, paths)), LARGEST_ELEMENT, LARGEST_ENVELOPE)
    try:
        first = next(cutter.text(), None)
    except _DamagedTextError:
        return None
    return None if first is None else cutter.kept + b"]" + b"}" * len(first.path)


class _DamagedTextError(Exception):
    """The text ends or continues in a way that leaves no further element to be cut."""


class _Kept:
    """Bytes that are kept up to a limit.

    Args:
        limit: Number of bytes above which only the beginning is kept.
    """

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self.length = 0
        self._limit = limit

    def add(self, data: bytes) -> None:
        """Keep further bytes."""
        self.length += len(data)
        if self.length <= self._limit:
            self.data += data
        elif len(self.data) > _KEPT_OF_TOO_LARGE:
            del self.data[_KEPT_OF_TOO_LARGE:]
        elif len(self.data) < _KEPT_OF_TOO_LARGE:
            self.data += data[: _KEPT_OF_TOO_LARGE - len(self.data)]

    @property
    def problem(self) -> str | None:
        """Why not all bytes are here."""
        return (
            None if self.length <= self._limit else f"of {self.length} bytes, read are at most {self._limit}"
        )


class _Source:
    """The text, read in pieces. It counts bytes and lines.

    Args:
        stream: The text.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.buffer = b""
        self.at = 0
        self._base = 0
        self._counted = 0
        self._line = 1
        self._after_return = False

    @property
    def offset(self) -> int:
        """Offset of the next byte in the file."""
        return self._base + self.at

    def line(self) -> int:
        """Return the line of the next byte. A line ends with CR, LF or CRLF."""
        begin, end = self._counted, self.at
        if begin < end:
            text = self.buffer
            self._line += text.count(b"\n", begin, end)
            if self._after_return and text[begin] == 0x0A:
                self._line -= 1
            if returns := text.count(b"\r", begin, end):
                self._line += returns - text.count(b"\r\n", begin, end)
            self._after_return = text[end - 1] == 0x0D
            self._counted = end
        return self._line

    def more(self) -> bool:
        """Read the next piece and drop what was consumed. Return False at the end of the file."""
        chunk = self._stream.read(CHUNK_BYTES)
        if not chunk:
            return False
        self.line()
        self.buffer = self.buffer[self.at :] + chunk
        self._base += self.at
        self.at = self._counted = 0
        return True

    def has(self, number: int) -> bool:
        """Return whether so many further bytes are in the buffer, after reading them if needed."""
        while len(self.buffer) - self.at < number:
            if not self.more():
                return False
        return True

    def next(self) -> int:
        """Return the next byte without consuming it, -1 at the end of the file."""
        return self.buffer[self.at] if self.has(1) else -1


class _Cutter:
    """One cut: its source, what is kept of the envelope, and the element before the next."""

    def __init__(self, stream: BinaryIO, paths: frozenset[Path], largest: int, envelope: int) -> None:
        self._source = _Source(stream)
        self._paths = paths
        self._ways = frozenset(path[:depth] for path in paths for depth in range(len(path)))
        self._largest = largest
        self._kept = _Kept(envelope)
        self._spans: list[Span] = []
        self._begin: int | None = 0  # of the envelope's current span, None inside an array
        self._line = 1
        self._arrays: list[Path] = []

    def text(self) -> Generator[Element]:
        """Cut the whole text."""
        source = self._source
        if source.has(len(_BOM)) and source.buffer.startswith(_BOM):
            source.at = len(_BOM)
        self._blanks(self._kept)
        self._line = source.line()
        if source.next() < 0:
            raise _DamagedTextError("the text is empty")
        yield from self._value(())
        self._blanks(self._kept)
        if source.next() >= 0:
            raise _DamagedTextError(f"the text goes on behind its value, on line {source.line()}")

    @property
    def kept(self) -> bytes:
        """What is kept of the envelope so far."""
        return bytes(self._kept.data)

    def finish(self, problem: str | None) -> Envelope:
        """Take the rest of the file into the envelope and return it."""
        source = self._source
        if self._begin is None and source.next() >= 0:
            self._begin = source.offset
        while source.next() >= 0:
            self._take(len(source.buffer), self._kept)
        if self._begin is not None and self._begin < source.offset:
            self._spans.append((self._begin, source.offset))
        too_large = self._kept.problem
        return Envelope(
            bytes(self._kept.data),
            tuple(self._spans),
            self._line,
            tuple(self._arrays),
            problem or (too_large and f"what stands around the list is {too_large}"),
        )

    def _value(self, path: Path) -> Generator[Element]:
        first = self._source.next()
        if first == 0x5B and path in self._paths:
            yield from self._array(path)
        elif first == 0x7B and path in self._ways:
            yield from self._object(path)
        else:
            self._skip_value(self._kept)

    def _object(self, path: Path) -> Generator[Element]:
        kept = self._kept
        self._take(self._source.at + 1, kept)
        self._blanks(kept)
        while self._source.next() != 0x7D:
            name = self._name()
            self._blanks(kept)
            self._expect(b":", "behind a member's name")
            self._blanks(kept)
            yield from self._value((*path, name))
            self._blanks(kept)
            if self._source.next() == 0x7D:
                break
            self._expect(b",", "or } behind a member")
            self._blanks(kept)
        self._take(self._source.at + 1, kept)

    def _name(self) -> str:
        if self._source.next() != 0x22:
            self._fail("a member's name")
        name = _Kept(_LONGEST_NAME)
        self._skip_value(name)
        self._kept.add(bytes(name.data))
        if name.problem is not None:
            raise _DamagedTextError(f"a member's name is {name.problem}")
        try:
            found = json.loads(name.data)
        except ValueError:
            return ""
        return str(found)

    def _array(self, path: Path) -> Generator[Element]:
        source = self._source
        self._arrays.append(path)
        self._take(source.at + 1, self._kept)
        self._blanks(None)
        self._spans.append((self._begin or 0, source.offset))
        self._begin = None
        before: Element | None = None
        comma = True  # whether a value may come
        while (first := source.next()) >= 0 and first != 0x5D:
            if before is not None:
                yield before._replace(span=(before.span[0], source.offset))
            before = self._element(path, expected=comma)
            self._blanks(None)
            comma = source.next() == 0x2C
            if comma:
                source.at += 1
                self._blanks(None)
        if before is not None:
            before = before._replace(span=(before.span[0], source.offset))
            if comma and first >= 0:
                before = before._replace(problem=before.problem or "no value stands behind its comma")
            yield before
        if first < 0:
            raise _DamagedTextError(f"the text ends inside the list {'.'.join(path) or 'of its top level'}")
        self._begin = source.offset
        self._take(source.at + 1, self._kept)

    def _element(self, path: Path, *, expected: bool) -> Element:
        source = self._source
        line, begin = source.line(), source.offset
        if (found := self._whole()) is not None:
            data, problem = found, None
        else:
            kept = _Kept(self._largest)
            problem = self._try_value(kept)
            data = bytes(kept.data)
            if kept.problem is not None:
                problem = f"a value {kept.problem}"
        if not expected:
            problem = problem or "no comma stands before it"
        return Element(path, (begin, source.offset), line, data, problem)

    def _whole(self) -> bytes | None:
        """Take an element that lies in the buffer and is not nested deeply. None if there is none."""
        source = self._source
        for _ in range(2):
            match = _WHOLE.match(source.buffer, source.at)
            if match is not None:
                if len(match[0]) > self._largest:
                    return None
                source.at = match.end()
                return match[0]
            if len(source.buffer) - source.at >= CHUNK_BYTES or not source.more():
                return None
        return None

    def _try_value(self, kept: _Kept) -> str | None:
        """Take a value. Return what is wrong with it, as far as its end shows."""
        source = self._source
        if source.next() in b"}:,":
            self._take(source.at + 1, kept)
            return f"expected a value, got {bytes(kept.data).decode()}"
        try:
            self._skip_value(kept)
        except _DamagedTextError as error:
            return str(error)
        return None

    def _skip_value(self, kept: _Kept) -> None:
        """Take the value at the source's position.

        Raises:
            _DamagedTextError: The text ends inside the value, or no value is here.
        """
        first = self._source.next()
        if first == 0x22:
            self._skip_string(kept)
        elif first >= 0 and first in b"[{":
            self._skip_brackets(kept)
        elif not self._run(_SCALAR, kept):
            self._fail("a value")

    def _skip_brackets(self, kept: _Kept) -> None:
        source = self._source
        open_brackets = bytearray()
        while True:
            match = _FLAT.match(source.buffer, source.at)
            if match is not None and match.end() > source.at and open_brackets:
                self._take(match.end(), kept)
            byte = source.next()
            if byte < 0:
                raise _DamagedTextError(CUT_OFF)
            if byte == 0x22:
                self._skip_string(kept)
                continue
            if byte in b"[{":
                open_brackets.append(byte)
            elif byte in b"]}":
                opening = open_brackets.rfind(0x5B if byte == 0x5D else 0x7B)
                if opening >= 0:
                    del open_brackets[opening:]
            else:
                continue  # further text was read
            self._take(source.at + 1, kept)
            if not open_brackets:
                return

    def _skip_string(self, kept: _Kept) -> None:
        """Take a string. One that is not closed ends before the first control character."""
        source = self._source
        self._take(source.at + 1, kept)
        while True:
            match = _IN_STRING.match(source.buffer, source.at)
            if match is not None:
                self._take(match.end(), kept)
            if not source.has(1) or (source.buffer[source.at] == 0x5C and not source.has(2)):
                self._take(len(source.buffer), kept)
                raise _DamagedTextError(CUT_OFF)
            byte = source.buffer[source.at]
            if byte == 0x22:
                self._take(source.at + 1, kept)
                return
            if byte == 0x5C and source.buffer[source.at + 1] < 0x20:
                self._take(source.at + 1, kept)
                return
            if byte < 0x20:
                return

    def _blanks(self, kept: _Kept | None) -> None:
        self._run(_BLANKS, kept)

    def _run(self, pattern: re.Pattern[bytes], kept: _Kept | None) -> bool:
        """Take all bytes that a pattern matches. Return whether there were any."""
        source = self._source
        begin = source.offset
        while True:
            match = pattern.match(source.buffer, source.at)
            if match is not None:
                self._take(match.end(), kept)
            if source.at < len(source.buffer) or not source.more():
                return source.offset > begin

    def _take(self, end: int, kept: _Kept | None) -> None:
        """Consume the buffer up to `end`."""
        source = self._source
        if kept is not None:
            kept.add(source.buffer[source.at : end])
        source.at = end

    def _expect(self, wanted: bytes, where: str) -> None:
        if self._source.next() != wanted[0]:
            self._fail(f"{wanted.decode()} {where}")
        self._take(self._source.at + 1, self._kept)

    def _fail(self, expected: str) -> None:
        source = self._source
        byte = source.next()
        if byte < 0:
            raise _DamagedTextError(f"the text ends where {expected} is expected")
        found = repr(chr(byte)) if 0x20 < byte < 0x7F else f"byte 0x{byte:02x}"
        raise _DamagedTextError(f"line {source.line()}: expected {expected}, got {found}")
