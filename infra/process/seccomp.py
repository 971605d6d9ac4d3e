"""A seccomp filter: system calls that a server of an embedded engine never needs are refused from now on.

It closes what Landlock leaves open (Documentation/userspace-api/seccomp_filter.rst): programs, child processes,
sockets of every family (UDP, Unix, netlink), connections, tracing, io_uring, changes of modes and owners, mounts,
modules, clocks, and signals to other processes. Sockets that exist keep accepting. x86-64 and 64-bit ARM only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

_SECCOMP = {"x86_64": 317, "aarch64": 277}
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SET_MODE_FILTER, _TSYNC = 1, 1
_SET_NO_NEW_PRIVS = 38

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _MORE_OR_EQUAL, _ANY_BIT, _RETURN, _AND = 0x20, 0x15, 0x35, 0x45, 0x06, 0x54
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_X32 = 0x40000000
_CLONE_THREAD = 0x00010000
_SOCK_STREAM, _SOCK_TYPE = 1, 0xF

# Name → number on x86-64 and on 64-bit ARM (None: not there), from the kernel's syscall tables.
_REFUSED: dict[str, tuple[int | None, int]] = {
    "execve": (59, 221),
    "execveat": (322, 281),
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "tkill": (200, 130),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "personality": (135, 92),
    "syslog": (103, 116),
}
_REFUSED_X86 = {
    "fork": 57,
    "vfork": 58,
    "chmod": 90,
    "chown": 92,
    "lchown": 94,
    "mknod": 133,
    "iopl": 172,
    "ioperm": 173,
    "modify_ldt": 154,
}
# The caller sees a kernel that lacks them, and takes the older call, whose arguments a filter can read.
_UNKNOWN: dict[str, tuple[int, int]] = {"clone3": (435, 435), "io_uring_setup": (425, 425)}
_OWN_PROCESS_ONLY: dict[str, tuple[int, int]] = {
    "kill": (62, 129),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
}
_CLONE, _SENDTO, _SOCKETPAIR, _TRUNCATE = (56, 220), (44, 206), (53, 199), (76, 45)


def available() -> bool:
    """Return whether there is a filter for this machine."""
    return os.uname().sysname == "Linux" and os.uname().machine in _SECCOMP


def restrict(*, refuse_truncate: bool = False) -> None:
    """Apply the filter to every thread of this process, for ever.

    Args:
        refuse_truncate: Refuse `truncate`, too, which Landlock refuses from its version 3 on only.

    Raises:
        OSError: The kernel refused, or there is no filter for this machine.
    """
    if not available():
        raise OSError(f"no seccomp filter for {os.uname().sysname} on {os.uname().machine}")
    machine = os.uname().machine
    code = program(machine, os.getpid(), refuse_truncate=refuse_truncate)
    libc = ctypes.CDLL(None, use_errno=True)
    held = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(held)))
    if (
        libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
        or libc.syscall(_SECCOMP[machine], _SET_MODE_FILTER, _TSYNC, header) != 0
    ):
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")


def program(machine: str, process: int, *, refuse_truncate: bool = False) -> bytes:
    """Return the filter as classic BPF, `struct sock_filter` after `struct sock_filter`.

    Args:
        machine: `x86_64` or `aarch64`.
        process: This process's id, the only one that may be signalled.
        refuse_truncate: See `restrict`.
    """
    column = 0 if machine == "x86_64" else 1
    refuse = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    code = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, _AUDIT_ARCH[machine]), (_RETURN, 0, 0, _KILL)]
    code += [(_LOAD, 0, 0, _NUMBER)]
    if machine == "x86_64":
        code += [(_MORE_OR_EQUAL, 0, 1, _X32), refuse]
    numbers = [row[column] for row in _REFUSED.values()]
    numbers += list(_REFUSED_X86.values()) if machine == "x86_64" else []
    numbers += [_TRUNCATE[column]] if refuse_truncate else []
    for number in numbers:
        if number is not None:
            code += [(_EQUAL, 0, 1, number), refuse]
    for row in _UNKNOWN.values():
        code += [(_EQUAL, 0, 1, row[column]), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    for row in _OWN_PROCESS_ONLY.values():
        code += _if(row[column], (_argument(0), (_EQUAL, 1, 0, process), refuse))
    code += _if(_CLONE[column], (_argument(0), (_ANY_BIT, 1, 0, _CLONE_THREAD), refuse))
    # sendto with an address reaches others from any socket of datagrams; send is sendto without one.
    no_address = (_argument(4), (_EQUAL, 0, 2, 0), _argument(4, 4), (_EQUAL, 1, 0, 0), refuse)
    code += _if(_SENDTO[column], no_address)
    stream_only = (_argument(1), (_AND, 0, 0, _SOCK_TYPE), (_EQUAL, 1, 0, _SOCK_STREAM), refuse)
    code += _if(_SOCKETPAIR[column], stream_only)
    code += [(_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in code)


def _argument(number: int, offset: int = 0) -> tuple[int, int, int, int]:
    """Return the step that loads the low (offset 0) or high (4) half of a system call's argument."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * number + offset)


def _if(number: int, steps: tuple[tuple[int, int, int, int], ...]) -> list[tuple[int, int, int, int]]:
    """Return steps for one system call, which end in its permission; every other call jumps over them."""
    body = [*steps, (_RETURN, 0, 0, _ALLOW)]
    return [(_EQUAL, 0, len(body), number), *body]
