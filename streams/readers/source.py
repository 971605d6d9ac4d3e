"""Opens a source: the decompressed bytes that a reader takes (docs/recordings.md#source-records).

gzip, Zstandard and a zip of one file are seen through. Text in UTF-16 with a byte order mark becomes UTF-8; XML stays
as it is, since its parser knows encodings. The first bytes decide, never the name. Each stream can be rewound.
"""

import codecs
import gzip
import io
import lzma
import os
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

HEAD_BYTES = 1 << 16
"""Number of a source's first bytes that decide its format."""

LARGEST_RATIO = 1_000
"""Decompressed bytes for each byte of a file, above which it is refused. Recordings stay below 100."""

FREE_BYTES = 1 << 30
"""Decompressed size up to which the ratio is not asked."""

_FORMS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "Zstandard", b"PK\x03\x04": "zip"}
_ZIP_END, _END_BYTES = b"PK\x05\x06", 22  # APPNOTE 4.3.16, without the comment
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_CHUNK_BYTES = 1 << 20
_NO_MEMBER = ("__MACOSX/", ".DS_Store")
_DAMAGED = (
    EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zstd.ZstdError, zipfile.BadZipFile, NotImplementedError,
    RuntimeError,
)  # fmt: skip


class SourceError(ValueError):
    """A source cannot be opened or read to its end. The message says why and what to do, in one line."""


def shown(path: Path | str) -> str:
    """Return a file's path or name as text of printable characters. Bytes that are no UTF-8 text are escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def open_source(path: Path) -> BinaryIO:
    """Open a file for reading, decompressed and as UTF-8.

    Args:
        path: The file.

    Returns:
        A stream that can be rewound. Its reads raise what the decompressor raises.

    Raises:
        SourceError: It is a zip of no or several files, or of an encrypted one.
        OSError: It cannot be read.
    """
    encoding = _utf16(path)
    stream = _decompressed(path)
    if encoding is None:
        return stream
    return cast("BinaryIO", io.BufferedReader(_AsUtf8(stream, encoding), _CHUNK_BYTES))


def is_compressed(path: Path) -> bool:
    """Return True if a file is one of the compressed forms."""
    return _compression(path) is not None


def head_of(path: Path) -> bytes:
    """Return the first bytes of a source, as UTF-8, as far as they can be read.

    Raises:
        SourceError: As for `open_source`.
        OSError: It cannot be read.
    """
    head = _readable(path, HEAD_BYTES)
    for mark, encoding in _UTF16.items():
        if head.startswith(mark) and not head.startswith(_UTF32):
            return codecs.getincrementaldecoder(encoding)("replace").decode(head[len(mark) :]).encode()
    return head


def measure(path: Path) -> int:
    """Read a source to its end.

    Args:
        path: The file.

    Returns:
        Its decompressed size, in bytes.

    Raises:
        SourceError: It is cut, damaged or expands beyond all measure.
        OSError: It cannot be read.
    """
    most = max(FREE_BYTES, LARGEST_RATIO * path.stat().st_size)
    size = 0
    with open_source(path) as stream:
        try:
            for chunk in _chunks(stream):
                size += len(chunk)
                if size > most:
                    raise SourceError(
                        f"the compressed file expands to more than {most} bytes; decompress it first"
                    )
        except _DAMAGED as error:
            raise SourceError(
                f"the {_compression(path)} file is cut or damaged ({error}); fetch it again"
            ) from error
        except UnicodeDecodeError as error:
            raise SourceError(
                f"the file is not whole UTF-16 text ({error.reason}); fetch it again"
            ) from error
    return size


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk


def _readable(path: Path, count: int) -> bytes:
    """Return the first bytes, at most `count`, or those before a damage."""
    with _decompressed(path) as stream:
        try:
            return stream.read(count)
        except _DAMAGED:
            pass
    found = b""
    with _decompressed(path) as stream:
        try:
            while len(found) < count and (byte := stream.read(1)):
                found += byte
        except _DAMAGED:
            pass
    return found


def _compression(path: Path) -> str | None:
    """Return the name of a file's compressed form, by its first bytes; None if it has none."""
    with path.open("rb") as stream:
        begin = stream.read(4)
    return next((name for mark, name in _FORMS.items() if begin.startswith(mark)), None)


def _decompressed(path: Path) -> BinaryIO:
    form = _compression(path)
    if form == "gzip":
        return cast("BinaryIO", gzip.open(path))
    if form == "Zstandard":
        return cast("BinaryIO", zstd.open(path))
    if form == "zip":
        return _only_member(path)
    return path.open("rb")


def _only_member(path: Path) -> BinaryIO:
    try:
        archive = zipfile.ZipFile(path)
        names = [
            each.filename
            for each in archive.infolist()
            if not each.is_dir()
            and not each.filename.startswith(_NO_MEMBER)
            and not each.filename.endswith(_NO_MEMBER)
        ]
        if "[Content_Types].xml" in names:
            raise SourceError("an office document; save its table as CSV")
        if len(names) != 1:
            raise SourceError(f"a zip of {len(names)} files; unpack it and name its folder")
        if min(each.header_offset for each in archive.infolist()) or not _ends_with_directory(path):
            raise SourceError(
                "bytes stand before or behind the zip archive, such as another one; take it apart"
            )
        return cast("BinaryIO", archive.open(names[0]))
    except (*_DAMAGED, UnicodeDecodeError) as error:
        raise SourceError(f"the zip file is cut, damaged or encrypted ({error}); fetch it again") from error


def _ends_with_directory(path: Path) -> bool:
    """Return True if a zip file ends with the record that ends its central directory, and its comment."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - _END_BYTES - 0xFFFF))
        tail = stream.read()
    at = tail.rfind(_ZIP_END)
    comment = int.from_bytes(tail[at + _END_BYTES - 2 : at + _END_BYTES], "little")
    return at >= 0 and len(tail) - at == _END_BYTES + comment


def _utf16(path: Path) -> str | None:
    """Return the encoding of UTF-16 text that is no XML, None for anything else."""
    begin = _readable(path, 4)
    for mark, encoding in _UTF16.items():
        if begin.startswith(mark) and begin not in _UTF32:
            return None if begin[len(mark) :].decode(encoding, "replace") == "<" else encoding
    return None


class _AsUtf8(io.RawIOBase):
    """UTF-16 text behind its byte order mark, as UTF-8.

    Args:
        stream: The text, at its beginning.
        encoding: Name of its encoding.
    """

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._ready = b""
        self._at = 0
        self._stream.read(2)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # RawIOBase types it as Buffer
        """Read the next bytes."""
        while not self._ready:
            chunk = self._stream.read(_CHUNK_BYTES)
            self._ready = self._decoder.decode(chunk, final=not chunk).encode()
            if not chunk:
                break
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        self._at += count
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset from the beginning. It reads up to there again."""
        if whence == io.SEEK_CUR:
            offset += self._at
        elif whence == io.SEEK_END:
            self.seek(sys.maxsize)  # to the end
            offset += self._at
        if offset < self._at:
            self._stream.seek(2)
            self._decoder.reset()
            self._ready, self._at = b"", 0
        while self._at < offset and self.readinto(
            memoryview(bytearray(min(_CHUNK_BYTES, offset - self._at)))
        ):
            pass
        return self._at

    def tell(self) -> int:
        """Return the offset."""
        return self._at

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        super().close()
