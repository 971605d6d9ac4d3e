"""A schema in a bundle: small, read by any gzip, and never larger than told."""

import gzip

import pytest

from ledger_sink.format.errors import BundleFormatError
from ledger_sink.format.schema_file import MAX_SCHEMA_BYTES, pack_schema, unpack_schema
from tests.ledger_sink.simulated_city import stored_gzip

TEXT = '{"fields":[{"name":"é","type":["null","string"]}],"name":"reading","type":"record"}' * 20


def test_what_was_packed_is_unpacked_by_anybody() -> None:
    """By us and by the standard library; packed twice it is the same, and smaller."""
    packed = pack_schema(TEXT)
    assert unpack_schema(packed) == gzip.decompress(packed).decode() == TEXT
    assert packed == pack_schema(TEXT)
    assert len(packed) < len(TEXT.encode()) / 5
    assert unpack_schema(stored_gzip(TEXT)) == TEXT


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        pack_schema(TEXT)[:-1],
        pack_schema(TEXT) + b"x",
        pack_schema(TEXT) + pack_schema(TEXT),
        gzip.compress(b"\xff\xfe"),
        gzip.compress(bytes(MAX_SCHEMA_BYTES + 1)),
    ],
    ids=["empty", "plain", "cut", "more behind", "two members", "no UTF-8", "too large"],
)
def test_anything_else_is_refused(data: bytes) -> None:
    """With one kind of error."""
    with pytest.raises(BundleFormatError, match="schema: "):
        unpack_schema(data)
