"""The broker's storage on disk: the space for it, and its one-time format.

`format_storage` leaves either a formatted log directory or none, whenever it is killed.
"""

from __future__ import annotations

import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

from infra.kafka.errors import DiskFullError, StorageFormatError
from infra.kafka.log_files import IDENTITY, write_anew
from infra.process.disk_space import almost_full
from ledger_sink.regular_file import read_regular_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

LEAST_FREE_BYTES = 256 * 1024 * 1024
FORMAT_S = 120.0


def require_space(home: Path) -> None:
    """Refuse a disk that is almost full.

    Raises:
        DiskFullError: Less than LEAST_FREE_BYTES are free.
    """
    line = almost_full(home, LEAST_FREE_BYTES)
    if line:
        raise DiskFullError(line)


def require_no_records(log_dir: Path) -> None:
    """Refuse to format a log directory that holds something: it has only lost the file with its cluster's id.

    Raises:
        StorageFormatError: It is not empty.
    """
    if log_dir.is_dir() and any(log_dir.iterdir()):
        path = log_dir / IDENTITY
        raise StorageFormatError(
            f"{path}: gone or without a cluster id, while the records beside it are there; {write_anew(path)} "
            "(docs/recovery.md#table-of-damages)"
        )


def format_storage(
    log_dir: Path,
    properties: Callable[[Path], str],
    command: Callable[..., list[str]],
    environment: Mapping[str, str],
) -> None:
    """Format a directory beside the final one with Kafka's own tool, then rename it.

    Args:
        log_dir: The final log directory, which does not exist yet.
        properties: Returns the broker's configuration for a log directory.
        command: Returns the Java command line for a class and its arguments.
        environment: Environment of the Java process.

    Raises:
        StorageFormatError: The tool refused or took too long.
        DiskFullError: There is no space left.
    """
    home, fresh = log_dir.parent, log_dir.with_name(f"{log_dir.name}.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    file = home / "format.properties"
    file.write_text(properties(fresh))
    new_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # With `=`, because an id may begin with a dash.
    words = command("kafka.tools.StorageTool", "format", f"--cluster-id={new_id}", "--config", str(file))
    try:
        done = subprocess.run(
            words, env=environment, capture_output=True, text=True, timeout=FORMAT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise StorageFormatError(f"formatting Kafka's storage in {home} took over {FORMAT_S:g} s") from error
    if done.returncode != 0 or not (fresh / "meta.properties").exists():
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        if "No space left on device" in done.stderr + done.stdout:
            raise DiskFullError(f"no space left for {home}: free some and start again")
        raise StorageFormatError(f"Kafka's storage in {home} could not be formatted: {lines[0]}")
    file.unlink()
    fresh.replace(log_dir)


def cluster_id_of(log_dir: Path) -> str | None:
    """Return the id that a log directory was formatted with, or None if it was not."""
    try:
        lines = read_regular_text(log_dir / "meta.properties", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    return next((line.partition("=")[2] for line in lines if line.startswith("cluster.id=")), None)
