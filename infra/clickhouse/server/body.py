"""A request's body: decompressed, bounded, in memory while small and on disk above.

Promise: whatever is sent, no more than one chunk beyond the limit is ever held, a compressed bomb included;
the data of a slow sender waits here and not in the engine.
"""

from __future__ import annotations

import sys
import tempfile
import zlib
from typing import TYPE_CHECKING, Any, Protocol

import lz4.frame

from infra.clickhouse.errors import RefusedError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

_PIECE = 1024 * 1024


class _Inflater(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]: ...

    def whole(self) -> bool: ...


class _Plain:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def whole(self) -> bool:
        return True


class _Zlib:
    """gzip or zlib; members may follow one another."""

    def __init__(self, window_bits: int) -> None:
        self._bits = window_bits
        self._inner = zlib.decompressobj(window_bits)
        self._fed = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inner.eof:
                self._inner = zlib.decompressobj(self._bits)
            self._fed = True
            yield self._inner.decompress(data, _PIECE)
            data = self._inner.unconsumed_tail or self._inner.unused_data

    def whole(self) -> bool:
        return self._inner.eof or not self._fed


class _Frames:
    """zstd or lz4 frames, one after the other; both libraries share this shape."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._inner = make()
        self._fed = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data or not (self._inner.needs_input or self._inner.eof):
            if self._inner.eof:
                self._inner = self._make()
            self._fed = True
            yield self._inner.decompress(data, max_length=_PIECE)
            data = self._inner.unused_data or b"" if self._inner.eof else b""

    def whole(self) -> bool:
        return self._inner.eof or not self._fed


_INFLATERS: dict[str, Callable[[], _Inflater]] = {
    "": _Plain,
    "identity": _Plain,
    "gzip": lambda: _Zlib(31),
    "deflate": lambda: _Zlib(15),
    "zstd": lambda: _Frames(zstd.ZstdDecompressor),
    "lz4": lambda: _Frames(lz4.frame.LZ4FrameDecompressor),
}


class Body:
    """A body that has come in whole. Close it when the statement has run."""

    def __init__(self, spool_bytes: int, directory: Path) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=spool_bytes, dir=str(directory))  # noqa: SIM115  (closed by close)
        self.size = 0

    def write(self, piece: bytes) -> None:
        """Takes the next piece."""
        self._file.write(piece)
        self.size += len(piece)

    def pieces(self, start: int = 0) -> Iterator[bytes]:
        """The bytes from `start` on, a megabyte at a time."""
        self._file.seek(start)
        while piece := self._file.read(_PIECE):
            yield piece

    def head(self, size: int) -> bytes:
        """The first `size` bytes, or all if there are fewer."""
        self._file.seek(0)
        data: bytes = self._file.read(size)
        return data

    def clear(self) -> None:
        """Forgets what was read: it has been taken apart."""
        self._file.seek(0)
        self._file.truncate()
        self.size = 0

    def close(self) -> None:
        """Gives memory and disk back."""
        self._file.close()


async def read_body(
    stream: AsyncIterator[bytes], encoding: str, limit: int, spool_bytes: int, directory: Path
) -> Body:
    """Reads and inflates a body.

    Args:
        stream: the raw chunks as they arrive.
        encoding: the Content-Encoding header.
        limit: most bytes after inflation.
        spool_bytes: above this it lies on disk.
        directory: where.

    Raises:
        RefusedError: 307 if it is larger, 36 for an unknown or broken compression.
    """
    inflater = _inflater(encoding)
    body = Body(spool_bytes, directory)
    try:
        async for chunk in stream:
            _feed(body, inflater, chunk, limit)
        _check_whole(inflater, encoding, body.size)
    except BaseException:
        body.close()
        raise
    return body


def _check_whole(inflater: _Inflater, encoding: str, size: int) -> None:
    if not inflater.whole():
        raise RefusedError(
            36, "BAD_ARGUMENTS", f"the body ends within its {encoding} compression: {size} bytes read"
        )


def _inflater(encoding: str) -> _Inflater:
    make = _INFLATERS.get(encoding.strip().lower())
    if make is None:
        known = ", ".join(sorted(name for name in _INFLATERS if name))
        raise RefusedError(48, "NOT_IMPLEMENTED", f"Content-Encoding {encoding!r}: this door speaks {known}")
    return make()


def _feed(body: Body, inflater: _Inflater, chunk: bytes, limit: int) -> None:
    try:
        for piece in inflater.feed(chunk):
            body.write(piece)
            if body.size > limit:
                raise RefusedError(
                    307,
                    "TOO_MANY_BYTES",
                    f"the body is larger than {limit} bytes (decompressed): send it in smaller inserts",
                )
    except OSError as error:
        raise RefusedError(
            243, "NOT_ENOUGH_SPACE", f"the body cannot be kept on disk: {error.strerror or error}"
        ) from error
    except (zlib.error, zstd.ZstdError, RuntimeError, EOFError) as error:
        raise RefusedError(36, "BAD_ARGUMENTS", f"the body does not decompress: {error}") from error
