"""Landlock: this thread and what it starts reach only the named files, no TCP port, and no process outside.

Linux only; no privilege is needed, and nothing undoes it. The calls and constants are those of the kernel's
documentation, "Landlock: unprivileged access control" (Documentation/userspace-api/landlock.rst) and
`include/uapi/linux/landlock.h`. Of each version (ABI) everything is asked for that it can refuse.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_SET_NO_NEW_PRIVS = 38

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_REGULAR, _MAKE_SYMLINK = 1 << 7, 1 << 8, 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15

_READ = _READ_FILE | _READ_DIR
_WRITE = (_READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REGULAR | _MAKE_SYMLINK) | (
    _REFER | _TRUNCATE
)
_OF_A_FILE = _WRITE_FILE | _READ_FILE | _TRUNCATE
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: _REFER, 3: _TRUNCATE, 5: _IOCTL_DEVICE}
_TCP_RIGHTS = {4: 0b11}  # bind and connect
_SCOPES = {6: 0b11}  # abstract Unix sockets and signals


def version() -> int:
    """Return the kernel's Landlock version (ABI); 0 if there is none, or a container's filter hides it."""
    if os.uname().sysname != "Linux":
        return 0
    return max(int(_libc().syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)), 0)


def restrict(readable: Iterable[Path], writable: Iterable[Path]) -> int:
    """Restrict the calling thread, and the threads and processes that it starts from now on, for ever.

    No file may be executed, no TCP port bound or connected; sockets that exist stay usable.

    Args:
        readable: Files and folders (with all that is below) that may be read; those that do not exist are skipped.
        writable: The same, to be read, written, made and removed.

    Returns:
        The version that was applied, at least 1.

    Raises:
        OSError: The kernel refused, or knows no Landlock.
    """
    found = version()
    if found < 1:
        raise OSError("this kernel has no Landlock, or a container's filter hides it")
    libc = _libc()
    handled = _sum(_FILE_RIGHTS, found)
    attributes = struct.pack("<QQQ", handled, _sum(_TCP_RIGHTS, found), _sum(_SCOPES, found))
    size = 8 if found < 4 else 16 if found < 6 else 24
    ruleset = _checked(libc.syscall(_CREATE_RULESET, attributes, size, 0), "landlock_create_ruleset")
    try:
        for paths, rights in ((readable, _READ), (writable, _WRITE)):
            for path in paths:
                _allow(libc, ruleset, path, rights & handled)
        _checked(libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)")
        _checked(libc.syscall(_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    finally:
        os.close(ruleset)
    return found


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # what cannot be reached needs no rule
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _OF_A_FILE
        rule = struct.pack("<Qi", rights, descriptor)
        _checked(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0), f"landlock_add_rule({path})")
    finally:
        os.close(descriptor)


def _sum(rights: dict[int, int], found: int) -> int:
    return sum(bits for since, bits in rights.items() if since <= found)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(answer: int, call: str) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return answer
