"""The Kafka image carries all of ours that its program imports."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from infra.images.sources import KAFKA_CODE, ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_the_broker_program_starts_from_the_files_of_its_image_alone(tmp_path: Path) -> None:
    """A module that is imported and not carried is named here, not by a container that does not start."""
    for name in KAFKA_CODE:
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    run = subprocess.run(
        [sys.executable, "-m", "infra.kafka.serve", "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
