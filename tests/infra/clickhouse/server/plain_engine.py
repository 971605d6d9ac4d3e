"""A child process: confines itself, then runs SQL and system calls without deny list, grants or limits.

`python -m tests.infra.clickhouse.server.plain_engine OWN OUTSIDE USER PORT`: statements come as JSON on stdin, the
answers go out as JSON. USER is a numeric user id to become after the modules are loaded, or `-`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.process import confinement

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Confine, run everything, print what came of it."""
    own, outside, user, port = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    statements = json.load(sys.stdin)
    readable = (*confinement.machine_paths(), *confinement.python_paths(("infra", "tests")))
    if user != "-":
        os.setgroups([])
        os.setgid(int(user))
        os.setuid(int(user))
    state = confinement.confine(confinement.Rules(own, readable, (outside,)))
    calls = _calls(outside, port)
    answers: dict[str, Any] = {"state": state.document(), "user": os.geteuid()}
    answers["calls"] = {name: _tried(call) for name, call in calls.items()}
    if statements:
        import chdb

        connection = chdb.connect(str(own / "engine"))
        answers["sql"] = [_tried(partial(connection.query, sql, "TSV")) for sql in statements]
    print(json.dumps(answers), flush=True)
    os._exit(0)


def _calls(outside: Path, port: int) -> dict[str, Callable[[], object]]:
    secret = outside / "keys" / "secret.txt"
    udp = socket.AF_INET, socket.SOCK_DGRAM
    return {
        "read a key": secret.read_text,
        "list the keys": lambda: os.listdir(secret.parent),  # noqa: PTH208
        "write a key": lambda: secret.write_text("changed"),
        "truncate a key": lambda: os.truncate(secret, 0),
        "remove a key": secret.unlink,
        "rename a key": lambda: secret.rename(outside / "moved"),
        "link a key": lambda: os.link(secret, Path(sys.argv[1]) / "linked"),
        "change a key's mode": lambda: secret.chmod(0o777),
        "make a file outside": lambda: (outside / "new").write_text("x"),
        "make a folder outside": (outside / "folder").mkdir,
        "read by a symbolic link": lambda: _link(secret).read_text(),
        "read by /proc/self/root": lambda: Path(f"/proc/self/root{secret}").read_text(),
        "read the parent's environment": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
        "read /etc/passwd": Path("/etc/passwd").read_text,
        "connect by TCP": lambda: socket.create_connection(("127.0.0.1", port), 2),
        "send by UDP": lambda: socket.socket(*udp).sendto(b"x", ("127.0.0.1", port)),
        "listen": lambda: socket.create_server(("127.0.0.1", 0)),
        "open a Unix socket": lambda: socket.socket(socket.AF_UNIX),
        "run a program": lambda: subprocess.run(["/bin/true"], check=True),
        "replace itself": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606
        "fork": os.fork,
        "signal the parent": lambda: os.kill(os.getppid(), 0),
        "stop the parent": lambda: os.kill(os.getppid(), signal.SIGSTOP),
        "become root": lambda: os.setresuid(0, 0, 0) if os.geteuid() else _refused(),
        "change the root folder": lambda: os.chroot(outside),
    }


def _refused() -> None:
    raise PermissionError(1, "root is root")


def _link(secret: Path) -> Path:
    link = Path(sys.argv[1]) / "link-of-a-key"
    link.unlink(missing_ok=True)
    link.symlink_to(secret)
    return link


def _tried(call: Callable[[], object]) -> str:
    """Return `refused: …`, or `done: …` with the value."""
    try:
        return f"done: {call()}"
    except Exception as error:  # noqa: BLE001 - the engine's errors are its own
        return f"refused: {error}"


if __name__ == "__main__":
    main()
