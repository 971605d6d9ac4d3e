"""Every command of `city --help`, in every state of a stack: one line, the right exit code, no traceback, no noise.

The commands are found by walking the tree. A new one without a sample here fails the first test.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from infra import running
from infra.cli import main
from tests.harness.parts import ANSWERS, HANGS, Answer, stack_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LETTER = "0f3b1f0e-7c1e-8b1c-9c58-1a5c0a3f8a11"
DID = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
BOTH = ("kafka", "clickhouse")
TITLES = {"kafka": "Kafka at ", "clickhouse": "ClickHouse at "}
WITHIN_S = 15.0
"""Longest time that any command takes to say that something does not answer."""


@dataclass(frozen=True)
class Sample:
    """A call of a command.

    Attributes:
        words: Its arguments; FILE stands for an existing file, NEW for a path that does not exist.
        needs: Parts of the stack that it talks to.
        data: Whether it has `--data`.
        reports: It reports each part that does not answer, and goes on with the others.
    """

    words: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    data: bool = True
    reports: bool = False


SAMPLES: Mapping[str, Sample] = {
    "audit": Sample(needs=BOTH, reports=True),
    "backup": Sample(("NEW",)),
    "dashboards build": Sample(("--output", "NEW"), data=False),
    "dashboards push": Sample(("--grafana", "http://admin@127.0.0.1:9", "--password-file", "FILE")),
    "dashboards show": Sample(("overview",), ("clickhouse",)),
    "dead-letters discard": Sample((LETTER, "--why", "known"), BOTH),
    "dead-letters list": Sample((), ("clickhouse",)),
    "dead-letters mend": Sample((LETTER, "FILE"), BOTH),
    "dead-letters replay": Sample((LETTER,), BOTH),
    "dead-letters show": Sample((LETTER,), ("clickhouse",)),
    "domains new": Sample(("vehicle",), data=False),
    "forget": Sample(("nhanes:93703", "--ground", "asked"), ("kafka",)),
    "keys new-epoch": Sample(("vehicle.signal",)),
    "keys new-source": Sample(("NEW",), data=False),
    "keys register": Sample(("--source", "urn:a", "--did", DID, "--ground", "new"), ("kafka",)),
    "keys revoke-source": Sample(("--source", "urn:a", "--did", DID, "--ground", "lost"), ("kafka",)),
    "keys show": Sample(),
    "keys sources": Sample((), BOTH),
    "produce": Sample(("vehicle.signal", "FILE"), ("kafka",)),
    "prove": Sample(("--event", LETTER), BOTH),
    "replay": Sample(("FILE",), ("kafka",)),
    "restore": Sample(("NEW", "--check"), data=False),
    "schemas check": Sample(data=False),
    "schemas list": Sample(data=False),
    "status": Sample(needs=BOTH, reports=True),
    "subscribe": Sample(("--as", "insurer-a", "--timeout", "1"), ("kafka",)),
    "tables rebuild": Sample(("--all",), ("clickhouse",)),
    "witness": Sample(("--help",), data=False),
}
STARTERS = {"up", "demo", "bench"}
"""Commands that start a stack of their own."""


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> dict[str, click.Command]:
    """Return every command that is no group, by its words."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= leaves(command, (*path, name))
        else:
            found[" ".join((*path, name))] = command
    return found


def test_every_command_has_a_sample() -> None:
    """A new command is tried in every state from its first day on."""
    assert sorted(leaves(main)) == sorted([*SAMPLES, *STARTERS])


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str
    seconds: float


@dataclass
class Shell:
    """Runs samples in this process; also what C libraries write to stderr is seen."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    calls: int = 0

    def run(self, name: str, data: Path) -> Outcome:
        """Run a command's sample over a data directory."""
        self.calls += 1
        sample = SAMPLES[name]
        file = self.folder / "file.jsonl"
        places = {"FILE": str(file), "NEW": str(self.folder / f"new-{self.calls}")}
        words = [*name.split(), *(places.get(word, word) for word in sample.words)]
        self.capture.readouterr()
        began = time.monotonic()
        result = CliRunner().invoke(main, [*words, *(("--data", str(data)) if sample.data else ())])
        noise = self.capture.readouterr()
        return Outcome(
            result.exit_code,
            result.stdout + noise.out,
            result.stderr + noise.err,
            time.monotonic() - began,
        )

    def one_line(self, name: str, data: Path, code: int, *parts: str) -> list[str]:
        """Run a command; return what is wrong with how it says that something is missing."""
        done = self.run(name, data)
        lines = done.err.splitlines()
        wrong = [f"{part!r} is missing" for part in parts if part not in done.err]
        if len(lines) != 1 or not done.err.startswith("city: ") or "Traceback" in done.err:
            wrong.append("not one line")
        if done.code != code:
            wrong.append(f"exit code {done.code}, not {code}")
        if done.out:
            wrong.append("something on stdout")
        if done.seconds > WITHIN_S:
            wrong.append(f"it took {done.seconds:.0f} s")
        return [f"city {name}: {', '.join(wrong)}:\n{done.out}{done.err}"] if wrong else []


@pytest.fixture
def shell(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Runs samples; a part that hangs is given up soon."""
    monkeypatch.setattr(running, "ANSWER_S", 0.2)
    (tmp_path / "shell").mkdir()
    (tmp_path / "shell" / "file.jsonl").write_text("")
    return Shell(tmp_path / "shell", capfd)


def with_needs(*parts: str) -> list[str]:
    """Return the commands that need one of the parts and nothing that they go on without."""
    return [name for name, each in SAMPLES.items() if set(each.needs) & set(parts) and not each.reports]


def test_a_directory_without_a_stack(shell: Shell, tmp_path: Path) -> None:
    """Exit 2: no stack has run here, and how to start one."""
    faults = [
        fault
        for name, sample in SAMPLES.items()
        if sample.data
        for fault in shell.one_line(name, tmp_path / "none", 2, "no stack has run here", "`city up`")
    ]
    assert not faults, "\n".join(faults)
    assert not (tmp_path / "none").exists()


def test_a_file_in_place_of_a_directory(shell: Shell) -> None:
    """`--data /etc/hostname`: exit 2, and not "no stack has run here"."""
    file = shell.folder / "a-file"
    file.write_text("x")
    faults = [
        fault
        for name, sample in SAMPLES.items()
        if sample.data
        for fault in shell.one_line(name, file, 2, f"{file}: not a directory")
    ]
    assert not faults, "\n".join(faults)


@contextmanager
def nobody() -> Iterator[None]:
    """Be a user who may read nothing of others."""
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, who may become nobody")
def test_a_directory_that_cannot_be_read(shell: Shell, tmp_path: Path) -> None:
    """Exit 2 and the reason; it is not "no stack has run here"."""
    data = tmp_path / "private"
    with stack_of(data, {}, running=False):
        for folder in (shell.folder, *shell.folder.parents[:4]):
            folder.chmod(0o755)
        shell.folder.chmod(0o777)
        data.chmod(0o700)
        faults = []
        for name, sample in SAMPLES.items():
            if sample.data:
                shell.run(name, data)  # loads what nobody may not read
                with nobody():
                    faults += shell.one_line(name, data, 2, "cannot be read: Permission denied")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("answers", [{}, ANSWERS], ids=["nobody listens", "others listen"])
def test_a_stopped_stack(shell: Shell, tmp_path: Path, answers: Mapping[str, Answer]) -> None:
    """Exit 2 and the command that starts it, whoever listens on its ports now."""
    data = tmp_path / "city"
    with stack_of(data, answers, running=False):
        faults = [
            fault
            for name in with_needs(*BOTH)
            for fault in shell.one_line(
                name, data, 2, "not running", f"start it with `city up --data {data}`"
            )
        ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("missing", BOTH)
@pytest.mark.parametrize("how", ["gone", "hangs", "talks nonsense"])
def test_a_part_that_does_not_answer(shell: Shell, tmp_path: Path, missing: str, how: str) -> None:
    """Exit 1, the part by name and address; never "there is none"."""
    data = tmp_path / "city"
    answers = dict(ANSWERS)
    if how == "gone":
        del answers[missing]
    else:
        answers[missing] = HANGS if how == "hangs" else b""
    with stack_of(data, answers):
        faults = [
            fault
            for name in with_needs(missing)
            for fault in shell.one_line(name, data, 1, TITLES[missing], "not answer", "city up")
        ]
    assert not faults, "\n".join(faults)


def test_a_stack_that_is_only_starting(shell: Shell, tmp_path: Path) -> None:
    """The directory is held, nothing answers yet."""
    data = tmp_path / "city"
    with stack_of(data, {}):
        faults = [
            fault
            for name in with_needs(*BOTH)
            for fault in shell.one_line(name, data, 1, "not answer", "starting")
        ]
    assert not faults, "\n".join(faults)


def test_a_clickhouse_that_refuses_the_password(shell: Shell, tmp_path: Path) -> None:
    """Exit 1 and where the password is; no page of HTTP."""
    data = tmp_path / "city"
    text = b"Code: 516. DB::Exception: city: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)\n"
    refusal = (
        b"HTTP/1.0 403 Forbidden\r\nX-ClickHouse-Exception-Code: 516\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(text), text)
    )
    with stack_of(data, {**ANSWERS, "clickhouse": refusal}):
        faults = [
            fault
            for name in with_needs("clickhouse")
            for fault in shell.one_line(name, data, 1, "ClickHouse refuses", "password")
        ]
    assert not faults, "\n".join(faults)


def test_commands_that_need_no_stack_work_without_one(shell: Shell, tmp_path: Path) -> None:
    """What reads files alone ends with 0, or with one line that is not about the stack."""
    data = tmp_path / "city"
    faults = []
    with stack_of(data, {}, running=False):
        for name, sample in SAMPLES.items():
            if sample.needs:
                continue
            done = shell.run(name, data)
            if done.code and (done.err.count("\n") != 1 or "not running" in done.err):
                faults.append(f"city {name}: {done.code}\n{done.err}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("state", ["stopped", "half"])
@pytest.mark.parametrize("name", [name for name, each in SAMPLES.items() if each.reports])
def test_what_reports_says_that_nothing_is_known(shell: Shell, tmp_path: Path, name: str, state: str) -> None:
    """`city status` and `city audit` never end with 0 then, and never with a traceback or a client's log lines."""
    data = tmp_path / "city"
    with stack_of(data, {} if state == "stopped" else {"clickhouse": b""}, running=state != "stopped"):
        done = shell.run(name, data)
    assert done.code in (1, 2)
    assert "Traceback" not in done.err
    assert "rdkafka" not in done.err
