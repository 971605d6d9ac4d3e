"""Multi-part bodies are taken apart byte for byte, or refused with ClickHouse's code."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.clickhouse.errors import RefusedError
from infra.clickhouse.server.multipart import ExternalTable, Form, external_tables, parse_form

FORM = "multipart/form-data; boundary=edge"


def body(*parts: tuple[str, bytes]) -> bytes:
    """Put parts together as clients do: what stands in their disposition, and their bytes."""
    told = [
        b"--edge\r\nContent-Disposition: form-data" + about.encode() + b"\r\n\r\n" + data
        for about, data in parts
    ]
    return b"\r\n".join([*told, b"--edge--\r\n"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"-", b"--", b"\0", b"\x85", b"\xff", b"a"])))
def test_a_file_is_its_bytes(pieces: list[bytes]) -> None:
    """Native and RowBinary have line ends and zero bytes anywhere."""
    data = b"".join(pieces)
    found = parse_form(FORM, body(('; name="query"', b"SELECT 1"), ('; name="t"; filename="t.bin"', data)))
    assert found == Form((("query", "SELECT 1"),), (("t", data),))


@pytest.mark.parametrize(
    ("content_type", "data", "words"),
    [
        ("multipart/form-data", body(('; name="a"', b"1")), "is not what its Content-Type says"),
        ("text/plain", b"SELECT 1", "is not what its Content-Type says"),
        (FORM, body(("", b"1")), "a part of the body has no name"),
    ],
)
def test_what_is_no_form_is_refused(content_type: str, data: bytes, words: str) -> None:
    """No boundary, another type, a part without a name: code 36."""
    with pytest.raises(RefusedError, match=words) as refused:
        parse_form(content_type, data)
    assert refused.value.code == 36


def test_a_table_is_told_by_its_parameters() -> None:
    """Names and types, or types alone; what is nobody's stays a parameter."""
    form = Form((), (("t", b"1\n"), ("u", b"2\n")))
    told = [
        ("t_structure", "a UInt8"),
        ("t_format", "CSV"),
        ("u_types", "UInt8,String"),
        ("query", "SELECT 1"),
    ]
    assert external_tables(form, told) == (
        (
            ExternalTable("t", "a UInt8", "CSV", b"1\n"),
            ExternalTable("u", "_1 UInt8, _2 String", "TabSeparated", b"2\n"),
        ),
        [("query", "SELECT 1")],
    )
    with pytest.raises(RefusedError, match="neither t_structure nor t_types"):
        external_tables(form, told[1:])
