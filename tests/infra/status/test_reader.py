"""Snapshots of a stack of which parts hang, of ledgers that are damaged, and the command's exit codes."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from infra.cli import main
from infra.errors import StackError
from infra.layer_configs import catalog
from infra.ports import free_port
from infra.settings import Settings, remember
from infra.stack.standstill import StandstillWatch
from infra.status.health import Facts, problems
from infra.status.ledger_facts import ledger_facts
from infra.status.patience import PatientQuestion
from infra.status.reader import CONFINEMENT, StatusReader
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.policy import encode_keys
from ledger_sink.store import FileStore
from tests.ledger_sink.worlds import World, record, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def half(tmp_path: Path) -> Iterator[Settings]:
    """A stack that holds its directory, of which Kafka and ClickHouse take connections and say nothing."""
    with ExitStack() as stack:
        ports = []
        for _ in range(2):
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            ports.append(server.getsockname()[1])
        closed = free_port()
        chosen = replace(
            Settings().ports, kafka=ports[0], clickhouse=ports[1], web=closed, signer=closed, witness=closed
        )
        settings = replace(Settings(), data=tmp_path, ports=chosen)
        remember(settings)
        lock = os.open(tmp_path / "run" / "lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield settings
        os.close(lock)


def test_a_stack_that_hangs_is_read_within_ten_seconds(half: Settings) -> None:
    """Every part is red, every count unknown; the time is that of the snapshot."""
    stray = half.data / "kafka" / "log" / f"a-0.{0:032x}-stray"
    stray.mkdir(parents=True)
    (stray / f"{0:020}.log").write_bytes(b"records")
    (half.data / "run" / CONFINEMENT).write_text(
        '{"confined": false, "by": "", "why_not": "no Landlock", "overruns": 2}'
    )
    reader = StatusReader(half, catalog())
    began = time.monotonic()
    status = reader.read()
    assert time.monotonic() - began < 10
    assert {problem.part for problem in status.red} == {"kafka", "clickhouse", "web", "signer", "witness"}
    assert [p.reason for p in status.problems if p.severity == "yellow"] == ["not-confined"]
    assert [p.what for p in status.red if p.reason == "set-aside" and str(stray) in p.what]
    assert status.reporting == {"ledger": True, "clickhouse": False, "kafka": False}
    assert {(t.records, t.rows, t.events, t.lag, t.age_s) for t in status.topics} == {(None,) * 5}
    again = reader.read()
    assert {p.since for p in again.red if p.part == "kafka"} < {status.time, *(p.since for p in again.red)}


def test_the_command_of_a_half_started_stack_names_the_parts(half: Settings) -> None:
    """Exit 1, complete without a terminal, and JSON with the problems and the time."""
    shown = CliRunner().invoke(main, ["status", "--data", str(half.data)])
    assert shown.exit_code == 1, shown.output
    assert f"Kafka does not answer at 127.0.0.1:{half.ports.kafka}" in shown.output
    assert all(topic in shown.output for topic in catalog().topics)


def test_a_stopped_stack_is_one_line(tmp_path: Path) -> None:
    """Not a list of parts that do not answer."""
    port = free_port()
    silent = replace(Settings().ports, kafka=port, clickhouse=port, web=port, signer=port, witness=port)
    remember(replace(Settings(), data=tmp_path, ports=silent))
    shown = CliRunner().invoke(main, ["status", "--data", str(tmp_path)])
    assert shown.exit_code == 2
    assert shown.stderr == (
        f"city: the stack at {tmp_path} is not running; start it with `city up --data {tmp_path}`\n"
    )


def sealed_world(root: Path) -> World:
    """A ledger on disk with one log of five records that no block covers."""
    world = World(FileStore(root))
    sequencer = world.open()
    sequencer.append(records(0, 5))
    sequencer.commit()
    world.publish(sequencer)
    sequencer.close()
    return world


def test_a_state_with_a_flipped_bit_is_unreadable_and_no_number(tmp_path: Path) -> None:
    """Its own check sum is looked at: a size that nobody wrote is not shown, in a partition's log and the city's."""
    world = sealed_world(tmp_path)
    world.chain().extend(1_800_000_000_000)
    for path in tmp_path.rglob("state.json"):
        path.write_bytes(path.read_bytes().replace(b'"size":', b'"size":1', 1))
    facts = ledger_facts(tmp_path, ["air.reading"], time.time())
    assert facts.logs[0].next_offset is None
    assert "state.json: damaged" in facts.logs[0].unreadable
    assert facts.city_log is not None
    assert "state.json: damaged" in facts.city_log.unreadable


def test_what_no_block_covers_counts_from_when_kafka_received_it(tmp_path: Path) -> None:
    """The oldest record behind the newest block; nothing once it is covered and published."""
    world = sealed_world(tmp_path)
    (log,) = ledger_facts(tmp_path, ["air.reading"], time.time()).logs
    assert (log.sealed, log.appended, log.next_offset) == (5, 5, 5)
    assert log.uncovered_since == record(0).timestamp_ms / 1000
    chain = world.chain()
    chain.extend(1_800_000_000_000)
    chain.publish(world.no_witness())
    facts = ledger_facts(tmp_path, ["air.reading"], time.time())
    assert (facts.logs[0].uncovered_since, facts.city_log and facts.city_log.blocks) == (None, 1)


@pytest.mark.parametrize("name", ["air.reading/0/1/state.json", "air.reading/0/1/checkpoint"])
@pytest.mark.parametrize("damage", ["folder", "garbage"])
def test_a_file_that_cannot_be_read_is_named_and_never_0(tmp_path: Path, name: str, damage: str) -> None:
    """Absent is not unreadable."""
    sealed_world(tmp_path)
    (tmp_path / name).unlink()
    if damage == "folder":
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(b"\xff\x00 garbage")
    (log,) = ledger_facts(tmp_path, ["air.reading"], time.time()).logs
    assert name in log.unreadable
    assert log.sealed is None or log.next_offset is None


def covered_world(root: Path) -> World:
    """A ledger with a published city log, its keys and its policy."""
    world = sealed_world(root)
    world.store.write({"policy.txt": world.no_witness().policy.encode()})
    chain = world.chain()
    chain.extend(1_800_000_000_000)
    chain.publish(world.no_witness())
    origins = sorted(parse_checkpoint(path.read_bytes())[0].origin for path in root.rglob("checkpoint"))
    world.store.write({"keys.txt": encode_keys(world.vkeys(origins))})
    return world


def test_whole_control_files_are_no_problem(tmp_path: Path) -> None:
    """Nor is a ledger that has none yet."""
    assert ledger_facts(tmp_path, ["air.reading"], time.time()).damaged == []
    covered_world(tmp_path)
    facts = ledger_facts(tmp_path, ["air.reading"], time.time())
    assert facts.damaged == []
    assert (facts.city_log and facts.city_log.unreadable, facts.logs[0].unreadable) == ("", "")


@pytest.mark.parametrize("name", ["policy.txt", "keys.txt"])
@pytest.mark.parametrize("damage", ["gone", "empty", "fifo", "flipped"])
def test_a_damaged_policy_or_key_list_is_red_at_the_next_look(tmp_path: Path, name: str, damage: str) -> None:
    """Whoever verifies with it would verify nothing."""
    covered_world(tmp_path)
    path = tmp_path / name
    data = path.read_bytes()
    path.unlink()
    if damage == "empty":
        path.touch()
    elif damage == "fifo":
        os.mkfifo(path)
    elif damage == "flipped":
        path.write_bytes(data[:-8] + bytes([data[-8] ^ 1]) + data[-7:])
    damaged = ledger_facts(tmp_path, ["air.reading"], time.time()).damaged
    assert [line for line in damaged if str(path) in line]
    (problem,) = problems(Facts(time.time(), ledger_damaged=damaged))
    assert (problem.severity, problem.reason) == ("red", "damaged")


@pytest.mark.parametrize("name", ["city/1/checkpoint", "air.reading/0/1/checkpoint"])
@pytest.mark.parametrize("line", [2, 4])
def test_a_bit_of_a_root_or_a_signature_is_red_at_the_next_look(tmp_path: Path, name: str, line: int) -> None:
    """Signatures are verified whenever a checkpoint has changed."""
    covered_world(tmp_path)
    lines = (tmp_path / name).read_text().split("\n")
    at = len(lines[line]) - 6
    lines[line] = lines[line][:at] + ("B" if lines[line][at] == "A" else "A") + lines[line][at + 1 :]
    (tmp_path / name).write_text("\n".join(lines))
    facts = ledger_facts(tmp_path, ["air.reading"], time.time())
    assert facts.city_log is not None
    found = facts.city_log.unreadable if name.startswith("city") else facts.logs[0].unreadable
    assert f"{name}: damaged" in found


def test_reasons_beside_the_logs_are_facts_and_end_a_run_that_must_come_to_rest(tmp_path: Path) -> None:
    """At once in the status; for `--once` after they have lasted."""
    sealed_world(tmp_path)
    now = [0.0]
    watch = StandstillWatch(tmp_path, clock=lambda: now[0])
    (tmp_path / "air.reading/0/1/stopped.txt").write_text("its topic was re-created\n")
    (tmp_path / "city/1").mkdir(parents=True, exist_ok=True)
    (tmp_path / "city/1/waiting.txt").write_text("2027-01-01T00:00:00Z\nit jumped\n")
    facts = ledger_facts(tmp_path, ["air.reading"], time.time())
    assert facts.logs[0].stopped == "its topic was re-created"
    assert facts.city_log is not None
    assert facts.city_log.waiting == "the city log waits for the clock until 2027-01-01T00:00:00Z: it jumped"
    watch.check()
    now[0] = 6.0
    with pytest.raises(StackError, match=r"re-created.*waits for the clock until 2027"):
        watch.check()


def test_a_question_that_hangs_is_asked_once_and_its_late_answer_has_its_own_time() -> None:
    """A part that hangs holds one thread, not one for each snapshot."""
    asked: list[float] = []

    def ask() -> int:
        asked.append(time.time())
        time.sleep(0.3)
        return 7

    question = PatientQuestion(ask)
    assert question.answer(0.01).late
    assert question.answer(0.01).value is None
    assert len(asked) == 1
    assert question.answer(5).value == 7
