"""Bodies come in whole, decompressed and bounded."""

from __future__ import annotations

import asyncio
import gzip
import sys
import zlib
from typing import TYPE_CHECKING

import lz4.frame
import pytest

from infra.clickhouse.errors import RefusedError
from infra.clickhouse.server.body import read_body

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

_DATA = bytes(range(256)) * 8000  # 2 MB: more than one piece
_CODECS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
    "lz4": lz4.frame.compress,
}


def _read(data: bytes, encoding: str, directory: Path, limit: int = 1 << 24, step: int = 1 << 16) -> bytes:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), step):
            yield data[start : start + step]

    body = asyncio.run(read_body(chunks(), encoding, limit, 1 << 20, directory))
    try:
        return b"".join(body.pieces())
    finally:
        body.close()


@pytest.mark.parametrize("encoding", list(_CODECS))
def test_every_encoding_gives_back_the_bytes(encoding: str, tmp_path: Path) -> None:
    """In large chunks, small ones, and as two members one after the other."""
    packed = _CODECS[encoding](_DATA)
    assert _read(packed, encoding, tmp_path) == _DATA
    assert _read(_CODECS[encoding](b"city"), encoding, tmp_path, step=1) == b"city"
    assert _read(_CODECS[encoding](b"ci") + _CODECS[encoding](b"ty"), encoding, tmp_path) == b"city"
    assert _read(b"", encoding, tmp_path) == b""


@pytest.mark.parametrize("encoding", list(_CODECS))
def test_a_body_beyond_the_limit_is_refused(encoding: str, tmp_path: Path) -> None:
    """The limit counts decompressed bytes, so a bomb is none."""
    with pytest.raises(RefusedError, match="larger than 1000000 bytes") as refused:
        _read(_CODECS[encoding](bytes(50_000_000)), encoding, tmp_path, limit=1_000_000)
    assert refused.value.status == 413


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "lz4"])
def test_a_truncated_or_foreign_body_is_refused(encoding: str, tmp_path: Path) -> None:
    """A body that ends early is never taken for a shorter one."""
    packed = _CODECS[encoding](_DATA)
    for broken in (packed[:-3], packed[: len(packed) // 2], b"no compression at all"):
        with pytest.raises(RefusedError):
            _read(broken, encoding, tmp_path)


def test_an_unknown_encoding_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    """The message says what is spoken."""
    with pytest.raises(RefusedError, match="deflate, gzip"):
        _read(b"x", "br", tmp_path)
