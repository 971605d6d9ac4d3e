"""Confinement of a process by the operating system: it reaches its own folder and nothing else.

`confine` gives up what the process does not need, then *tries* to reach past its folder; only what was seen to hold
is called confined. It must run before any thread starts and before the code that is not trusted is loaded
(docs/confinement.md).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import socket
import struct
import sys
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.process import landlock, seccomp
from ledger_sink.regular_file import read_regular_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STATE_FILE = "clickhouse-confinement.json"
"""The state of the process that runs SQL, in `<data>/run`: an object of `confined`, `by`, `why_not`."""
STATE_BYTES = 1024

_MACHINE = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/uptime",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/fs/cgroup",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
)
_DEVICES = ("/dev/null",)
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 4, 24
_CAPABILITY_VERSION_3 = 0x20080522
_DAC_OVERRIDE = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """What a confined process may reach, and what must be out of its reach.

    Attributes:
        own: The folder that it may read and write.
        readable: Further files and folders that it may read.
        out_of_reach: Files and folders that it tries to read and write afterwards, and must not.
    """

    own: Path
    readable: tuple[Path, ...]
    out_of_reach: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Confinement:
    """The state of a process's confinement.

    Attributes:
        confined: Whether files, network and programs outside were all tried and refused.
        by: What confines it, such as `landlock 7, seccomp`; empty if nothing does.
        why_not: Why it is not confined; empty if it is.
    """

    confined: bool
    by: str
    why_not: str = ""

    @property
    def line(self) -> str:
        """Return the state for a reader."""
        return f"confined by {self.by}" if self.confined else f"NOT CONFINED: {self.why_not}"

    def document(self) -> dict[str, object]:
        """Return the state as the members of a JSON object."""
        return asdict(self)


def python_paths(packages: Sequence[str], search: Iterable[str] | None = None) -> tuple[Path, ...]:
    """Return what a Python process reads to import modules: libraries whole, of a source tree only its packages.

    A source tree may hold the data directory, so it is never readable as a whole.

    Args:
        packages: Top-level packages of the platform.
        search: Folders that are searched for modules; None: those of this process.
    """
    paths = {Path(path) for name, path in sysconfig.get_paths().items() if name.endswith(("stdlib", "lib"))}
    library = sysconfig.get_config_var("LIBDIR")
    if library:
        paths |= {path for path in Path(library).glob("libpython*") if path.is_file()}
    for folder in map(Path, filter(None, sys.path if search is None else search)):
        held = [folder / name for name in packages if (folder / name / "__init__.py").is_file()]
        is_library = folder.name in ("site-packages", "dist-packages")
        paths |= set(held) if held and not is_library else {folder}
    return tuple(sorted(paths))


def machine_paths() -> tuple[Path, ...]:
    """Return what the C library and the engine read of the machine: libraries, processors, memory, random numbers."""
    return tuple(Path(path) for path in _MACHINE)


def confine(rules: Rules, *, by_sandbox: str = "") -> Confinement:
    """Confine this process for ever, and try whether it holds.

    Args:
        rules: What it may reach.
        by_sandbox: Name of a sandbox that it was started in, which takes the place of Landlock.

    Returns:
        The state. Where something is missing, the rest is applied all the same.
    """
    threads = _threads()
    if threads > 1:
        return Confinement(False, "", f"{threads} threads ran before it")
    _hide_memory()
    means, missing = [by_sandbox] if by_sandbox else [], []
    landlock_version = 0
    if not by_sandbox:
        try:
            landlock_version = landlock.restrict(rules.readable, (rules.own, *map(Path, _DEVICES)))
            means.append(f"landlock {landlock_version}")
        except OSError as error:
            missing.append(error.strerror or str(error))
    _drop_capabilities(rules.own)
    try:
        seccomp.restrict(refuse_truncate=landlock_version < 3 and not by_sandbox)
        means.append("seccomp")
    except OSError as error:
        missing.append(error.strerror or str(error))
    reached = tuple(reachable(rules))
    why_not = "; ".join([*missing, *(f"it could {what}" for what in reached)])
    return Confinement(not (missing or reached), ", ".join(means), why_not)


def reachable(rules: Rules) -> Iterable[str]:
    """Yield what this process can do, of all that it must not: read, write, open a socket, run a program."""
    for path in rules.out_of_reach:
        if _can_read(path):
            yield f"read {path}"
        if _can_write(path):
            yield f"write below {path}"
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
        yield "open a socket"
    except OSError:
        pass
    try:
        os.execv("/nonexistent/program", ["program"])  # noqa: S606 - it is refused, or is not there
    except PermissionError:
        pass
    except OSError:
        yield "run a program"


def write_state(descriptor: int, state: Confinement, overruns: int = 0) -> None:
    """Write the state as one write of a fixed length, so that a reader never sees half of it.

    Args:
        descriptor: The open file.
        state: The confinement.
        overruns: Statements of boards that run beyond their limit and cannot be stopped.
    """
    text = json.dumps(state.document() | {"overruns": overruns})
    if len(text) > STATE_BYTES:
        shorter = Confinement(state.confined, state.by, state.why_not[: STATE_BYTES // 4])
        text = json.dumps(shorter.document() | {"overruns": overruns})
    os.pwrite(descriptor, text.ljust(STATE_BYTES - 1).encode() + b"\n", 0)
    os.fsync(descriptor)


def read_state(path: Path) -> Confinement | None:
    """Return the state that a file holds; None if it cannot be read, which is unknown and not confined."""
    try:
        found = json.loads(read_regular_text(path))
        return Confinement(bool(found["confined"]), str(found["by"]), str(found["why_not"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _can_read(path: Path) -> bool:
    try:
        if os.path.isdir(path):  # noqa: PTH112 - as in `_can_write`
            next(path.iterdir(), None)
        else:
            with path.open("rb") as file:
                file.read(1)
    except OSError:
        return False
    return True


def _can_write(path: Path) -> bool:
    if not os.path.isdir(path):  # noqa: PTH112 - `Path.is_dir` raises where a parent may not be searched
        return False
    probe = path / f".confinement-{os.getpid()}"
    try:
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        return False
    with contextlib.suppress(OSError):
        probe.unlink()
    return True


def _threads() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return 1


def _hide_memory() -> None:
    """Leave no core dump, and let no other process of this user read the memory or trace it."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _drop_capabilities(own: Path) -> None:
    """Drop root's capabilities; the one to write files of other owners is kept where the own folder is such."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    kept = 0 if own.stat().st_uid == 0 else 1 << _DAC_OVERRIDE
    libc = ctypes.CDLL(None)
    for number in range(64):
        if not kept >> number & 1:
            libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    header = struct.pack("<Ii", _CAPABILITY_VERSION_3, 0)
    libc.capset(header, struct.pack("<IIIIII", kept, kept, 0, 0, 0, 0))
