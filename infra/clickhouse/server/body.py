"""A request's body: decompressed, bounded, in memory while it is small and on disk above that.

Whatever is sent, at most one chunk beyond the limit is ever held; this includes decompression bombs. The data of a
slow sender waits here and not in the engine.
"""

from __future__ import annotations

import asyncio
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

    def complete(self) -> bool: ...


class _Plain:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def complete(self) -> bool:
        return True


class _Zlib:
    """Inflates gzip or zlib; members may follow one another."""

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

    def complete(self) -> bool:
        return self._inner.eof or not self._fed


class _Frames:
    """Inflates zstd or lz4 frames, one after the other; both libraries have this interface."""

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

    def complete(self) -> bool:
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
    """A decompressed body; close it when the statement has run.

    Args:
        spool_bytes: Most bytes that are held in memory.
        directory: Folder of the file that takes more.
    """

    def __init__(self, spool_bytes: int, directory: Path) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=spool_bytes, dir=str(directory))  # noqa: SIM115  (closed by close)
        self.size = 0

    def write(self, piece: bytes) -> None:
        """Append the next piece."""
        self._file.write(piece)
        self.size += len(piece)

    def pieces(self, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes from `start` on, a mebibyte at a time."""
        self._file.seek(start)
        while piece := self._file.read(_PIECE):
            yield piece

    def head(self, size: int) -> bytes:
        """Return the first `size` bytes, or all if there are fewer."""
        self._file.seek(0)
        data: bytes = self._file.read(size)
        return data

    def clear(self) -> None:
        """Drop the bytes after they have been parsed."""
        self._file.seek(0)
        self._file.truncate()
        self.size = 0

    def close(self) -> None:
        """Release memory and disk."""
        self._file.close()


async def read_body(
    stream: AsyncIterator[bytes], encoding: str, limit: int, spool_bytes: int, directory: Path
) -> Body:
    """Read and decompress a body.

    Args:
        stream: The raw chunks as they arrive.
        encoding: The Content-Encoding header.
        limit: Most bytes after decompression.
        spool_bytes: Most bytes that are held in memory; more go to disk.
        directory: Folder for them.

    Raises:
        RefusedError: Code 307 if the body is larger, 48 for an unknown compression, 36 for a damaged one, 243 if
            the disk is full.
    """
    inflater = _inflater(encoding)
    body = Body(spool_bytes, directory)
    try:
        async for chunk in stream:
            if isinstance(inflater, _Plain):
                _feed(body, inflater, chunk, limit)
            else:  # a few bytes may become many: the loop serves others meanwhile
                await asyncio.to_thread(_feed, body, inflater, chunk, limit)
        _check_complete(inflater, encoding, body.size)
    except BaseException:
        body.close()
        raise
    return body


def _check_complete(inflater: _Inflater, encoding: str, size: int) -> None:
    if not inflater.complete():
        raise RefusedError(
            36, "BAD_ARGUMENTS", f"the body ends within its {encoding} compression: {size} bytes read"
        )


def _inflater(encoding: str) -> _Inflater:
    make = _INFLATERS.get(encoding.strip().lower())
    if make is None:
        known = ", ".join(sorted(name for name in _INFLATERS if name))
        raise RefusedError(48, "NOT_IMPLEMENTED", f"Content-Encoding {encoding!r}: this server reads {known}")
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
