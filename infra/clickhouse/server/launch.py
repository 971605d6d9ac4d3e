"""The start of the process that runs SQL: everything that needs more than its own folder, then a clean process.

`launch` binds the port, writes the engine's configuration, reads the passwords and replaces this process by one that
knows none of them: `embedded.py` with an environment of its own, the listening socket, a pipe with the configuration
and a descriptor of the file that states its confinement. Process id, log and parent stay the same.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from infra.clickhouse.errors import ServerStartError
from infra.clickhouse.server.engine_config import write_engine_config
from infra.http.serving import listen
from infra.process import confinement
from infra.process.child import PARENT_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.clickhouse.server.config import ServerConfig

ROOT = Path(__file__).resolve().parents[3]
_KEPT_VARIABLES = ("LANG", "LC_ALL", "TZ", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", PARENT_VARIABLE)


def launch(config: ServerConfig, *, required: bool = False, state: Path | None = None) -> NoReturn:
    """Replace this process by the server of a data directory.

    Args:
        config: Address, users and limits.
        required: Refuse to start where the operating system cannot confine the process.
        state: File for the state of the confinement; None: it is only written to the log.

    Raises:
        PortInUseError: The port is taken.
        ServerStartError: Another process holds the directory, or it cannot be written.
    """
    listening = listen(config.host, config.port)
    try:
        make_directory(config.path)
        lock = _lock_directory(config.path)  # before anything of another engine's could be touched
        write_engine_config(config)
        descriptor = _open_state(state)
    except OSError as error:
        raise _unwritable(config.path, error) from error
    document = {
        "config": config.document(),
        "listening": listening.fileno(),
        "state": descriptor,
        "required": required,
        "out_of_reach": [str(config.path.parent), *([str(state.parent)] if state else [])],
    }
    reader, writer = os.pipe()
    os.set_blocking(writer, False)  # a document that no pipe holds is an error, not a silence
    os.write(writer, json.dumps(document).encode())
    os.close(writer)
    for number in (listening.fileno(), reader, descriptor, lock):
        if number >= 0:
            os.set_inheritable(number, True)
    command = [sys.executable, "-P", "-m", "infra.clickhouse.server.embedded", str(reader)]
    sys.stderr.flush()
    environment = clean_environment(os.environ, config.path)
    os.execve(sys.executable, command, environment)  # noqa: S606 - our own program, without a shell


def clean_environment(environment: Mapping[str, str], path: Path) -> dict[str, str]:
    """Return the few variables that the server needs; those of the shell, such as secrets, are not among them.

    Args:
        environment: The variables of this process.
        path: The engine's data directory, for temporary files.
    """
    kept = {name: environment[name] for name in _KEPT_VARIABLES if name in environment}
    search = [str(ROOT), *filter(None, kept.get("PYTHONPATH", "").split(os.pathsep))]
    return kept | {
        "PYTHONPATH": os.pathsep.join(search),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(path),
        "TMPDIR": str(temporary_folder(path)),
    }


def temporary_folder(path: Path) -> Path:
    """Return the folder of temporary files within the engine's data directory."""
    return path / "temporary"


def make_directory(path: Path) -> None:
    """Make the data directory, and check that it can be written.

    Raises:
        ServerStartError: The disk is full, or the directory cannot be written.
    """
    try:
        (path / "user_files").mkdir(parents=True, exist_ok=True)
        temporary_folder(path).mkdir(exist_ok=True)
        probe = path / ".probe"
        probe.write_bytes(bytes(64 * 1024))
        probe.unlink()
    except OSError as error:
        raise _unwritable(path, error) from error


def locked_line(path: Path) -> str:
    """Return the line about a data directory that another process holds."""
    return f"{path}: another process holds this data directory: stop it or choose another directory"


def _lock_directory(path: Path) -> int:
    """Lock a data directory until the process ends, however it ends; return the lock's descriptor.

    Raises:
        ServerStartError: Another process holds it.
    """
    # Earlier versions lock a file of this name too: it stays, so that two versions never open one directory.
    lock = os.open(path / "door.lock", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise ServerStartError(locked_line(path)) from error
    return lock


def _unwritable(path: Path, error: OSError) -> ServerStartError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ServerStartError(f"{path}: the disk is full: free some space and start again")
    return ServerStartError(f"{path}: cannot be written: {error.strerror or error}")


def _open_state(path: Path | None) -> int:
    """Open the file of the confinement's state, which says `starting` until the process knows; -1 for none."""
    if path is None:
        return -1
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    confinement.write_state(descriptor, confinement.Confinement(False, "", "starting"))
    return descriptor
