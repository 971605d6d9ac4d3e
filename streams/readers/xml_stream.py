"""Cuts the elements of lists out of an XML document of any length, with their bytes and lines. Pure.

The document is parsed once, in pieces, by expat. The time is linear in its length. The memory is bounded by the largest
element and by the envelope: the document without what stands in its lists. Document types, entities and external
references are refused (`defusedxml`): nothing is expanded or fetched. Comments and processing instructions are passed
over. Every byte belongs to one element or to the envelope.

Encodings are those of expat: UTF-8, UTF-16 with a byte order mark or a declaration, ISO-8859-1, and Python's
single-byte codecs. A declared UTF-16 in front of single bytes is a document that was converted since: it is read as
UTF-8.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers.expat import ExpatError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from streams.readers.formats import Span

LARGEST_ELEMENT = 4 << 20
"""Bytes above which an element is not read. Kafka takes records of about 1 MB."""

LARGEST_ENVELOPE = 4 << 20
"""Bytes above which an envelope is not read, without what is ignored."""

DEEPEST = 200
"""Elements inside one another that are read."""

CHUNK_BYTES = 1 << 16
_KEPT_OF_TOO_LARGE = 1 << 19
_ENDLESS = 10_000
_CONVERTED = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml[^>]{0,200}?encoding\s*=\s*["']UTF-?16""", re.IGNORECASE)

Tags = tuple[str, ...]
"""Tags of an element and those around it, outermost first, as ElementTree spells them: `{namespace}name`."""

LIST = "list"
IGNORED = "ignored"

Role = Callable[[Tags], str]
"""Returns `LIST` for an element whose children are cut out, `IGNORED` for one that is not kept, else nothing."""


class XmlElement(NamedTuple):
    """An element that was cut out.

    Attributes:
        span: Its bytes in the file, with what stands before the next one.
        line: Line where it starts, from 1.
        data: Its own bytes, in the document's encoding. The first `_KEPT_OF_TOO_LARGE` if it is too large.
        element: Its tree, None if there is a problem.
        problem: Why it was not read.
    """

    span: Span
    line: int
    data: bytes
    element: Element | None
    problem: str | None = None


class XmlEnvelope(NamedTuple):
    """What stands around the elements.

    Attributes:
        root: The document's root with what is neither ignored nor cut out. None if there is none, or it is too large.
        data: Its bytes, or the beginning of them.
        spans: Its bytes in the file.
        lists: Tags of the lists, in order.
        problem: Why the document is no XML or not read.
    """

    root: Element | None
    data: bytes
    spans: tuple[Span, ...]
    lists: tuple[Tags, ...]
    problem: str | None = None


def cut(
    stream: BinaryIO,
    role: Role,
    *,
    largest_element: int = LARGEST_ELEMENT,
    largest_envelope: int = LARGEST_ENVELOPE,
) -> Iterator[XmlElement | XmlEnvelope]:
    """Cut an XML document into the elements of its lists.

    A list inside a list belongs to the outer one. If the root itself has the role `LIST`, its children are cut out; a
    root alone is an envelope.

    Args:
        stream: The document, from its beginning.
        role: Says which elements are lists, and which are ignored. It is asked for what stands in no list, and for
            the children of a list: an element that it calls a list there is none to be cut out.
        largest_element: Bytes above which an element is not kept. It has a problem then.
        largest_envelope: Bytes above which the envelope is not kept. It has a problem then.

    Yields:
        The elements in the order of the file, then the envelope.
    """
    cutter = _Cutter(role, largest_element, largest_envelope)
    chunk = stream.read(CHUNK_BYTES)
    cutter.begin(chunk)
    while chunk:
        cutter.feed(chunk)
        yield from cutter.take()
        chunk = stream.read(CHUNK_BYTES)
    yield from cutter.finish()


class _UnreadableError(Exception):
    """The document goes on in a way that is not read."""


class _Cutter:
    """One cut. The handlers are called by expat in the order of the document.

    Args:
        role: Says which elements are lists.
        largest_element: Bytes of an element that are kept.
        largest_envelope: Bytes of the envelope that are kept.
    """

    def __init__(self, role: Role, largest_element: int, largest_envelope: int) -> None:
        self._role = role
        self._largest = largest_element
        self._parser: Any = None
        self._names: dict[str, str] = {}
        self._problem: str | None = None
        self._size = 0
        self._window = _Window()
        self._around = _Envelope(largest_envelope)
        self._tags: list[str] = []
        self._roles: list[str] = []
        self._list_depth = 0  # of the outermost list that is open, 0 if none is
        self._open: _Record | None = None  # the element that is open, or that waits for the next one
        self._done: list[XmlElement] = []

    def begin(self, head: bytes) -> None:
        """Create the parser for a document that begins with these bytes."""
        encoding = "utf-8" if _CONVERTED.match(head) else None
        wrapper: Any = DefusedXMLParser(target=TreeBuilder(), forbid_dtd=True, encoding=encoding)
        parser = wrapper.parser
        parser.buffer_text = False
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        parser.CharacterDataHandler = self._on_text
        parser.CommentHandler = parser.DefaultHandlerExpand = self._on_other
        parser.ProcessingInstructionHandler = self._on_other
        self._parser = parser

    def feed(self, chunk: bytes) -> None:
        """Parse further bytes. Those behind an error are only counted and kept."""
        self._window.data += chunk
        self._size += len(chunk)
        read = self._parse(chunk, last=False) if self._problem is None else self._size
        if self._open is not None:
            self._open.bound(self._window, self._largest, read, self._size)
        else:
            self._around.keep(self._window.take(read), ignored=self._ignored())

    def take(self) -> Iterator[XmlElement]:
        """Return the elements that are complete."""
        done, self._done = self._done, []
        yield from done

    def finish(self) -> Iterator[XmlElement | XmlEnvelope]:
        """End the document. Yield what is left."""
        if self._problem is None:
            self._parse(b"", last=True)
        if self._open is not None:
            self._open.problem = self._open.problem or self._problem
            self._open.close(self._window, self._size, self._largest)
            self._yield_open(self._size)
        yield from self.take()
        self._around.close(self._window, self._size)
        yield self._around.finish(self._problem)

    def _parse(self, chunk: bytes, *, last: bool) -> int:
        """Parse further bytes. Return the offset up to which they were read: all of them behind an error."""
        try:
            self._parser.Parse(chunk, last)
        except DefusedXmlException as error:
            self._problem = f"document types and entities are not read: {error}"
        except (ExpatError, ValueError, LookupError) as error:
            self._problem = f"not XML: {error}"
        except _UnreadableError as error:
            self._problem = str(error)
        at: int = self._parser.CurrentByteIndex
        if self._problem is None and self._size - at <= self._largest:
            return at
        self._problem = self._problem or f"a tag of more than {self._largest} bytes"
        record = self._open
        if record is not None and (record.ended or record.end is not None):
            record.close(self._window, self._window.end_of_tag(record.end_tag), self._largest)
            self._yield_open(record.end or at)
            self._around.keep(record.tail)
        return self._size

    def _on_start(self, name: str, attributes: list[str]) -> None:
        at = self._parser.CurrentByteIndex
        tag = self._names.get(name)
        if tag is None:
            tag = self._names[name] = _tag(name)
        record = self._open
        if record is not None:
            if record.end is None and not record.ended:
                record.start(tag, attributes)
                return
            record.close(self._window, at, self._largest)
        self._tags.append(tag)
        role = IGNORED if self._ignored() else self._role(tuple(self._tags))
        if self._list_depth and role != LIST:
            self._tags.pop()
            self._begin_record(at, tag, attributes)
            return
        self._roles.append(role)
        if len(self._tags) > DEEPEST:
            raise _UnreadableError(f"more than {DEEPEST} elements inside one another")
        if self._list_depth:
            return
        if role == LIST:
            self._list_depth = len(self._tags)
            self._around.lists.append(tuple(self._tags))
        if role != IGNORED and self._around.tree is not None:
            self._around.tree.start(tag, _attributes(attributes))

    def _on_end(self, name: str) -> None:
        at = self._parser.CurrentByteIndex
        record = self._open
        if record is not None:
            if record.end is None and not record.ended:
                record.stop(self._names[name], at)
                return
            record.close(self._window, at, self._largest)
        self._tags.pop()
        role = self._roles.pop()
        depth = len(self._tags) + 1
        if depth == self._list_depth:
            self._yield_open(at)
            self._list_depth = 0
        if not self._list_depth and role != IGNORED and self._around.tree is not None:
            self._around.tree.end(self._names[name])

    def _on_text(self, text: str) -> None:
        record = self._open
        if record is None:
            if self._tags and not self._list_depth and not self._ignored() and self._around.tree is not None:
                self._around.tree.data(text)
        elif record.ended:
            record.close(self._window, self._parser.CurrentByteIndex, self._largest)
        elif record.tree is not None and record.end is None:
            record.tree.data(text)

    def _on_other(self, *_: str) -> None:
        if self._open is not None and self._open.ended:
            self._open.close(self._window, self._parser.CurrentByteIndex, self._largest)

    def _ignored(self) -> bool:
        return bool(self._roles) and self._roles[-1] == IGNORED

    def _begin_record(self, at: int, tag: str, attributes: list[str]) -> None:
        if self._open is None:
            self._around.close(self._window, at)
        self._yield_open(at)
        self._around.begin = None
        self._open = _Record(at, self._parser.CurrentLineNumber)
        self._open.start(tag, attributes)

    def _yield_open(self, next_begin: int) -> None:
        """Finish the element before the next one, or before the end of its list."""
        record = self._open
        if record is None:
            return
        element = record.tree.close() if record.tree is not None and record.problem is None else None
        span = (record.begin, next_begin)
        self._done.append(XmlElement(span, record.line, record.data, element, record.problem))
        self._open = None
        self._window.take(next_begin)
        self._around.begin = next_begin


class _Window:
    """The bytes of the document that are still needed."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.begin = 0

    def take(self, upto: int) -> bytes:
        """Remove and return the bytes before an offset."""
        taken = bytes(self.data[: max(0, upto - self.begin)])
        del self.data[: len(taken)]
        self.begin += len(taken)
        return taken

    def end_of_tag(self, at: int) -> int:
        """Return the offset behind the end tag at an offset, or the offset itself if no tag is there."""
        begin = at - self.begin
        found = (
            self.data.find(b">", begin) + 1 if self.data[begin : begin + 2].strip(b"\x00")[:1] == b"<" else 0
        )
        wide = found and self.data[found : found + 1] == b"\x00"  # the second byte of UTF-16
        return self.begin + found + bool(wide) if found else at


class _Record:
    """An element that is cut out.

    Args:
        begin: Offset of its first byte.
        line: Its line.
    """

    def __init__(self, begin: int, line: int) -> None:
        self.begin = begin
        self.line = line
        self.tree: TreeBuilder | None = TreeBuilder()
        self.problem: str | None = None
        self.ended = False  # its end tag was read, which ends where the next token begins
        self.end_tag = begin
        self.end: int | None = None
        self.data = b""
        self.tail = (
            b""  # what stands behind it in pieces that were read: the envelope's, if no further one comes
        )
        self._depth = 0

    def start(self, tag: str, attributes: list[str]) -> None:
        """Begin it, or an element inside it."""
        self._depth += 1
        if self._depth > DEEPEST:
            self.tree = None
            self.problem = f"more than {DEEPEST} elements inside one another"
            if self._depth > _ENDLESS:
                raise _UnreadableError(f"more than {_ENDLESS} elements inside one another")
        if self.tree is not None:
            self.tree.start(tag, _attributes(attributes))

    def stop(self, tag: str, at: int) -> None:
        """End it, or an element inside it, with the end tag at an offset."""
        self.end_tag = at
        self._depth -= 1
        if self.tree is not None:
            self.tree.end(tag)
        self.ended = not self._depth

    def close(self, window: _Window, end: int, largest: int) -> None:
        """Note where it ends, and keep its bytes."""
        if self.end is not None:
            return
        self.end = end
        self.ended = False
        taken = window.take(end)
        length = end - self.begin
        if length > largest:
            self.problem = f"an element of {length} bytes, read are at most {largest}"
            taken = taken[:_KEPT_OF_TOO_LARGE]
        self.data = (self.data + taken)[: max(_KEPT_OF_TOO_LARGE, largest)]

    def bound(self, window: _Window, largest: int, read: int, size: int) -> None:
        """Keep no more bytes than are allowed.

        Args:
            window: The bytes that are still needed.
            largest: Bytes of an element that are kept.
            read: Offset up to which the document was read.
            size: Offset of the end of `window`.
        """
        if self.end is not None:
            self.tail = (self.tail + window.take(read))[:_KEPT_OF_TOO_LARGE]
        elif not self.ended and len(window.data) > largest:
            self.tree = None
            self.problem = self.problem or f"an element of more than {largest} bytes"
            taken = window.take(size)
            if len(self.data) < _KEPT_OF_TOO_LARGE:
                self.data = (self.data + taken)[:_KEPT_OF_TOO_LARGE]


class _Envelope:
    """What stands around the elements.

    Args:
        largest: Bytes that are kept.
    """

    def __init__(self, largest: int) -> None:
        self.tree: TreeBuilder | None = TreeBuilder()
        self.lists: list[Tags] = []
        self.begin: int | None = 0  # of the current span, None inside a list with elements
        self._largest = largest
        self._length = 0
        self._data = bytearray()
        self._spans: list[Span] = []

    def keep(self, data: bytes, *, ignored: bool = False) -> None:
        """Keep further bytes. Those of an ignored element do not count against the limit."""
        if not ignored:
            self._length += len(data)
        self._data += data[: max(0, self._largest - len(self._data))]
        if self._length > self._largest:
            self.tree = None

    def close(self, window: _Window, end: int) -> None:
        """End the current span."""
        if self.begin is None:
            return
        self.keep(window.take(end))
        if self.begin < end:
            self._spans.append((self.begin, end))
        self.begin = None

    def finish(self, problem: str | None) -> XmlEnvelope:
        """Return the envelope of a document that has ended."""
        if problem is None and self.tree is None:
            problem = f"what stands around the list is more than {self._largest} bytes"
        root = self.tree.close() if problem is None and self.tree is not None else None
        return XmlEnvelope(root, bytes(self._data), tuple(self._spans), tuple(self.lists), problem)


def _attributes(given: list[str]) -> dict[str, str]:
    """Return attributes as ElementTree has them. expat gives names and values in turn."""
    return {_tag(given[at]): given[at + 1] for at in range(0, len(given), 2)} if given else {}


def _tag(name: str) -> str:
    return "{" + name if "}" in name else name
