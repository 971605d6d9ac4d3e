"""Whether a stack runs is known without a client library, and "does not answer" is never "is not there"."""

from __future__ import annotations

import fcntl
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from infra.errors import CityError, DataDirectoryError, PartDownError, StackStoppedError
from infra.process.supervisor import Supervisor
from infra.running import State, is_held, look, require
from infra.settings import Settings
from tests.harness.parts import ANSWERS, HANGS, HTTP, KAFKA, held, stack_of

if TYPE_CHECKING:
    from pathlib import Path


def test_a_directory_without_a_stack_never_started(tmp_path: Path) -> None:
    """Nothing is asked, and nothing is made there."""
    state = look(tmp_path / "nothing")
    assert (state.state, state.parts) == (State.NEVER, ())
    assert "city up" in state.line()
    assert not (tmp_path / "nothing").exists()


def test_a_stopped_stack_is_not_asked_on_its_ports(tmp_path: Path) -> None:
    """Another stack may listen there now: without the lock, no part of its own counts."""
    with stack_of(tmp_path, running=False):
        assert look(tmp_path).state is State.STOPPED
        with pytest.raises(
            StackStoppedError, match=r"not running; start it with `city up --data .*`"
        ) as found:
            require(tmp_path, "kafka")
    assert found.value.exit_code == 2


def test_a_running_stack_answers_in_every_part(tmp_path: Path) -> None:
    """Lock and ports; `require` returns the settings that it left."""
    with stack_of(tmp_path) as settings:
        assert look(tmp_path).state is State.RUNNING
        assert require(tmp_path, "kafka", "clickhouse") == settings


@pytest.mark.parametrize(("missing", "title"), [("kafka", "Kafka"), ("clickhouse", "ClickHouse")])
def test_a_part_that_is_gone_is_named(tmp_path: Path, missing: str, title: str) -> None:
    """The others answer; who needs only those goes on."""
    with stack_of(tmp_path, {name: each for name, each in ANSWERS.items() if name != missing}) as settings:
        state = look(tmp_path)
        assert (state.state, [part.name for part in state.silent]) == (State.PARTLY, [missing])
        with pytest.raises(
            PartDownError, match=rf"^{title} at \S+ \(connection refused\) does not answer"
        ) as found:
            require(tmp_path, "kafka", "clickhouse")
        assert require(tmp_path, *({"kafka", "clickhouse"} - {missing})) == settings
    assert found.value.exit_code == 1
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("part", ["kafka", "clickhouse"])
def test_a_part_that_takes_the_connection_and_says_nothing_does_not_answer(tmp_path: Path, part: str) -> None:
    """A stopped process (SIGSTOP) still has an open port."""
    with stack_of(tmp_path, {**ANSWERS, part: HANGS}):
        began = time.monotonic()
        with pytest.raises(PartDownError, match="says nothing"):
            require(tmp_path, "kafka", "clickhouse", within_s=0.3)
        assert time.monotonic() - began < 10


@pytest.mark.parametrize("answer", [b"", b"\0", b"SSH-2.0-x\r\n" * 3])
def test_what_answers_in_another_tongue_is_no_clickhouse(tmp_path: Path, answer: bytes) -> None:
    """A port that somebody else took is told as such, not as a traceback."""
    with stack_of(tmp_path, {**ANSWERS, "clickhouse": answer}), pytest.raises(PartDownError):
        require(tmp_path, "clickhouse")


def test_parts_of_others_are_asked_without_a_lock(tmp_path: Path) -> None:
    """In containers no `city up` holds the directory; the stores are named by their addresses."""
    with stack_of(tmp_path / "elsewhere", {"kafka": KAFKA, "clickhouse": HTTP}) as there:
        settings = replace(
            Settings(), kafka=f"127.0.0.1:9,{there.kafka_address}", clickhouse=there.clickhouse_url
        )
        with stack_of(tmp_path / "here", {}, running=False, settings=settings) as here:
            assert require(tmp_path / "here", "kafka", "clickhouse") == here
    with pytest.raises(PartDownError, match="was started with this address"):
        require(tmp_path / "here", "kafka")


@pytest.mark.parametrize("text", ["{", "[]", '{"CITY_WORKERS": "x"}'])
def test_damaged_settings_are_told_as_such(tmp_path: Path, text: str) -> None:
    """They are not "no stack has run here"."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "settings.json").write_text(text)
    with pytest.raises(CityError, match=r"damaged|CITY_WORKERS"):
        require(tmp_path, "kafka")


def test_a_file_in_place_of_the_directory_is_told_as_such(tmp_path: Path) -> None:
    """The way that a slip of the hand takes: `--data FILE`."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirectoryError, match="not a directory"):
        require(tmp_path / "file")


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, who may become nobody")
def test_a_directory_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    """Permission denied is not "no stack has run here"."""
    with stack_of(tmp_path, running=False):
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
        (tmp_path / "run").chmod(0o700)
        os.seteuid(65534)
        try:
            with pytest.raises(DataDirectoryError, match=r"cannot be read: Permission denied"):
                require(tmp_path, "kafka")
        finally:
            os.seteuid(0)


def test_looking_does_not_keep_a_stack_from_starting(tmp_path: Path) -> None:
    """Who looks holds a shared lock for an instant; the stack tries again."""
    with held(tmp_path):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
    with (tmp_path / "run" / "lock").open() as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        supervisor = Supervisor(tmp_path)
        with pytest.raises(DataDirectoryError, match="in use"):
            supervisor.take()
    supervisor.take()
    supervisor.release()
