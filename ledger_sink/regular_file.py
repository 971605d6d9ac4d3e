"""Read regular files only, without waiting, and only so much: for every file that others may have put there.

A FIFO would wait for a writer for ever, a device may never end, and a huge file would fill the memory. A link is
followed unless the caller says otherwise, because a ledger may be spread over disks; what it leads to must be a regular
file.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

MOST_BYTES = 64 * 1024 * 1024
"""Most bytes of a file that is read whole, where its reader names no limit: four times the largest file of a ledger."""

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class NotRegularError(OSError):
    """What stands there is no regular file."""


class FileTooLongError(OSError):
    """The file is longer than its reader takes."""


def open_regular(path: Path, *, links: bool = True) -> BufferedReader:
    """Open a regular file for reading; never wait for it.

    Args:
        path: The file.
        links: Whether it may be a link.

    Raises:
        NotRegularError: It is something else.
        OSError: It cannot be opened.
    """
    try:
        descriptor = os.open(path, _FLAGS | (0 if links else os.O_NOFOLLOW))
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket, or a device without a driver
            raise _not_regular(path, path.stat().st_mode) from error
        raise
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise _not_regular(path, mode)


def read_regular(path: Path, limit: int = MOST_BYTES) -> bytes:
    """Return the bytes of a regular file of at most `limit` bytes.

    Raises:
        FileTooLongError: It is longer.
        NotRegularError: It is something else.
        OSError: It cannot be read.
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > limit:
            raise _too_long(path, limit)
        data = file.read(limit + 1)
    if len(data) > limit:
        raise _too_long(path, limit)
    return data


def read_regular_text(path: Path, limit: int = MOST_BYTES, errors: str = "strict") -> str:
    """Return the text of a regular file in UTF-8; errors as of `read_regular`, and `UnicodeDecodeError`."""
    return read_regular(path, limit).decode(errors=errors)


def _not_regular(path: Path, mode: int) -> NotRegularError:
    kind = _KINDS.get(stat.S_IFMT(mode), "none")
    return NotRegularError(errno.EINVAL, f"expected a regular file, this is {kind}", str(path))


def _too_long(path: Path, limit: int) -> FileTooLongError:
    return FileTooLongError(errno.EOVERFLOW, f"expected at most {limit} bytes, there are more", str(path))
