"""The cut of XML documents: against ElementTree on sound documents, and by its spans on any bytes."""

import io
import tracemalloc
import xml.etree.ElementTree as ET

import defusedxml.ElementTree
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.readers.xml_stream import IGNORED, LARGEST_ELEMENT, LIST, Tags, XmlElement, XmlEnvelope, cut
from tests.properties import fewer
from tests.streams.readers.test_json_stream import ShortReads

HEAD = '<?xml version="1.0" encoding="{}"?>\n<?xml-stylesheet href="a.xsl"?><!-- a > b -->\n'
DOCUMENT = (
    '<d xmlns="urn:d" n="1"><head>{0}</head>\n<body>\n'
    "<list> <!-- c -->\n{1}\n</list>\n<tail/></body></d>\n<!-- e -->"
)


def role(tags: Tags) -> str:
    """Cut `list`, and `extension` inside it; ignore `head`."""
    name = tags[-1].rpartition("}")[2]
    if name == "head":
        return IGNORED
    return LIST if name == "list" or (name == "extension" and "list" in tags[-2]) else ""


def parts(data: bytes, size: int = 1 << 16, **limits: int) -> tuple[list[XmlElement], XmlEnvelope]:
    """Cut a document. Check that every byte belongs to one part."""
    *found, last = cut(ShortReads(data, size), role, **limits)
    assert isinstance(last, XmlEnvelope)
    cut_out = [each for each in found if isinstance(each, XmlElement)]
    assert len(cut_out) == len(found)
    spans = sorted([*(each.span for each in cut_out), *last.spans])
    assert [0, *(end for _, end in spans)] == [*(begin for begin, _ in spans), len(data)]
    for each in cut_out:
        assert data[slice(*each.span)].startswith(each.data)
    return cut_out, last


def told(found: tuple[list[XmlElement], XmlEnvelope]) -> object:
    """Tell a cut without its trees, which are not equal to others."""
    elements, envelope = found
    return [(each.span, each.line, each.data, each.problem) for each in elements], envelope._replace(
        root=None
    )


texts = st.text(st.sampled_from("ab é漢\n<>&\"'\U0001f680"), max_size=12)
items = st.recursive(
    texts.map(lambda each: each.replace("&", "&amp;").replace("<", "&lt;").replace("]]>", "]]&gt;")),
    lambda inner: st.lists(inner, max_size=3).map(
        lambda each: "".join(f'<x:i xmlns:x="urn:x" a="&gt;">{one}</x:i>' for one in each)
    ),
    max_leaves=5,
).map(lambda each: f"<e>{each}</e>")


@fewer(2)
@given(
    st.lists(items | st.just("<e/>") | st.just("<f a='>'><![CDATA[</e>]]></f>"), max_size=5),
    items,
    st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-8-sig"]),
    st.integers(1, 40),
)
def test_a_sound_document_is_cut_into_its_elements(
    elements: list[str], head: str, encoding: str, size: int
) -> None:
    """In any encoding, however few bytes are read at a time."""
    name = "utf-16" if "16" in encoding else "utf-8"
    text = HEAD.format(name) + DOCUMENT.format(head, "\n".join(elements))
    data = text.encode(encoding)
    if encoding == "utf-16-le":
        data = b"\xff\xfe" + data
    found, left = parts(data, size)
    whole = defusedxml.ElementTree.fromstring(data)
    wanted = whole.find(".//{urn:d}list")
    assert wanted is not None
    assert [each.problem for each in found] == [None] * len(elements)
    for each, element, source in zip(found, wanted, elements, strict=True):
        assert each.element is not None
        tree, same = ET.tostring(each.element), ET.tostring(element)
        assert ET.canonicalize(tree, strip_text=True) == ET.canonicalize(same, strip_text=True)
        assert each.data.decode(encoding.replace("-sig", "")).lstrip("\ufeff") == source
        assert each.line == 1 + data[: each.span[0]].decode(encoding, "ignore").count("\n")
    assert left.root is not None
    assert [each.tag for each in left.root.iter()] == [
        f"{{urn:d}}{each}" for each in ("d", "body", "list", "tail")
    ]
    assert told((found, left)) == told(parts(data))


@fewer(2)
@given(st.lists(items, max_size=4), st.data())
def test_a_mutated_document_keeps_all_its_bytes(elements: list[str], data: st.DataObject) -> None:
    """The parts do not depend on where the reads end."""
    text = bytearray(DOCUMENT.format("", "".join(elements)).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        begin = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(begin, min(begin + 9, len(text))))
        text[begin:end] = data.draw(
            st.sampled_from([b"", b"\x00", b"<", b">", b"</e>", b"&", b"\xff", b"<!DOCTYPE a>"])
            | st.just(bytes(text[begin:end]) * 2)
        )
    one, other = parts(bytes(text)), parts(bytes(text), data.draw(st.integers(1, 40)))
    assert [each.data for each in one[0]] == [each.data for each in other[0]]
    assert one[1].spans == other[1].spans


@given(st.binary(max_size=60), st.integers(1, 9))
def test_any_bytes_are_accounted_for(data: bytes, size: int) -> None:
    """Also what is no XML at all."""
    assert parts(data)[1].spans == parts(data, size)[1].spans


def test_a_damaged_document_is_cut_up_to_its_damage() -> None:
    """What follows the damage belongs to the element that it is in, or to the envelope."""
    text = DOCUMENT.format("", "<e>1</e><e>2</e><e>3</e>").encode()
    found, left = parts(text[: text.index(b"3")])
    assert [(each.data, each.problem is None) for each in found] == [
        (b"<e>1</e>", True),
        (b"<e>2</e>", True),
        (b"<e>", False),
    ]
    assert left.root is None
    assert left.problem is not None
    assert left.problem.startswith("not XML: ")
    damaged = text.replace(b"<e>2", b"& <e>2")
    found, left = parts(damaged)
    assert [each.data for each in found] == [b"<e>1</e>"]
    assert [each.problem for each in found] == [None]
    assert damaged[slice(*left.spans[-1])].startswith(b"& <e>2</e>")


@pytest.mark.parametrize("wrong", ["</list></d><d/>", "<tail></body>", "&no;", "<", "</list></body></d>\n x"])
def test_an_envelope_keeps_its_bytes_whatever_the_pieces(wrong: str) -> None:
    """White space behind the last element, which waited for a further one, too."""
    data = f"<d><body><list><a/>\n  <b>1</b>\n\n <!-- c -->  \n{wrong}\n  </list></body></d>\n".encode()
    for size in (*range(1, 12), 1 << 16):
        _, last = parts(data, size)
        assert last.problem is not None
        assert last.data == b"".join(data[begin:end] for begin, end in last.spans), size


def test_a_list_inside_a_list_belongs_to_it() -> None:
    """EPCIS 1.2 puts some events into an `extension`."""
    text = DOCUMENT.format("", "<extension>\n<e>1</e></extension><e>2</e><extension><e>3</e></extension>")
    found, left = parts(text.encode())
    assert [each.data for each in found] == [b"<e>1</e>", b"<e>2</e>", b"<e>3</e>"]
    assert len(left.spans) == 2
    assert len(left.lists) == 1


@pytest.mark.parametrize(
    "kind", ['<!DOCTYPE d [<!ENTITY x "y">]>', '<!DOCTYPE d SYSTEM "file:///etc/passwd">']
)
def test_document_types_are_refused(kind: str) -> None:
    """Nothing is expanded, nothing is fetched."""
    found, left = parts((kind + DOCUMENT.format("", "<e>&x;</e>")).encode())
    assert found == []
    assert left.problem is not None
    assert left.problem.startswith("document types and entities are not read: ")


def test_a_document_that_was_converted_is_read_by_what_it_is() -> None:
    """A tool that turns UTF-16 into UTF-8 leaves the declaration."""
    found, left = parts((HEAD.format("UTF-16") + DOCUMENT.format("", "<e>é</e>")).encode())
    assert [each.data.decode() for each in found] == ["<e>é</e>"]
    assert left.problem is None


def test_what_is_too_large_or_too_deep_is_named_and_not_kept() -> None:
    """An element takes no other along; an envelope takes the document."""
    deep = "<a>" * 300 + "</a>" * 300
    found, left = parts(
        DOCUMENT.format("", f"<e>{'x' * 90}</e><e>2</e><e>{deep}</e><e>4</e>").encode(), 7, largest_element=60
    )
    assert [each.problem for each in found] == [
        "an element of 97 bytes, read are at most 60",
        None,
        "an element of 2107 bytes, read are at most 60",
        None,
    ]
    found, left = parts(DOCUMENT.format("", f"<e>{deep}</e><e>4</e>").encode())
    assert [each.problem for each in found] == ["more than 200 elements inside one another", None]
    assert left.problem is None
    large = DOCUMENT.format("h" * 99, "<e/>").replace("<tail/>", "<tail>" + "t" * 200 + "</tail>").encode()
    assert parts(large, 5, largest_envelope=300)[1].problem is None
    assert (
        parts(large, 5, largest_envelope=150)[1].problem
        == "what stands around the list is more than 150 bytes"
    )
    tag = f"<e a='{'x' * 99}'/>"
    assert (
        parts(DOCUMENT.format("", tag).encode(), 5, largest_element=60)[1].problem
        == "a tag of more than 60 bytes"
    )


def test_memory_does_not_grow_with_the_document() -> None:
    """Neither with an element that does not end, nor with many."""

    class Endless(io.RawIOBase):
        """A document of 30 MB."""

        left = 3_000

        def read(self, _: int = -1, /) -> bytes:
            """Return the beginning of an element, then further text of it."""
            self.left -= 1
            return b"<list><e>" if self.left == 2_999 else b"x" * 10_000 if self.left > 0 else b""

    tracemalloc.start()
    *found, _ = cut(Endless(), role)  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 1
    assert peak < 4 * LARGEST_ELEMENT
