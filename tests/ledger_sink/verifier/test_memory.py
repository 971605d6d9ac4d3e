"""What was seen before: rollbacks and forks are refused by `ledger-verify`, without network."""

import json
import shutil
import threading
from pathlib import Path

import pytest

from ledger_sink.format import Checkpoint, Policy, SigningKey, layout, log_key, sign_checkpoint, sign_note
from ledger_sink.format.leaf import record_leaves
from ledger_sink.verifier import memory
from ledger_sink.verifier.city_check import check_city
from ledger_sink.verifier.cli import main
from ledger_sink.verifier.errors import StateError
from ledger_sink.verifier.observed_checkpoint import ObservedCheckpoint, SignedCheckpoint
from ledger_sink.verifier.trust import Trust
from tests.ledger_sink.simulated_city import SimulatedCity, SimulatedPartition, record, small_city

KEY = small_city().log.key


class Auditor:
    """One auditor's folder: their policy, their memory, and what they are shown."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "home" / "seen.json"
        (folder / "policy.txt").write_bytes(small_city().policy())

    def run(self, *arguments: str) -> int:
        """Run the command with this memory."""
        return main([*arguments, "--policy", str(self.folder / "policy.txt"), "--state", str(self.state)])

    def city(self, city: SimulatedCity) -> int:
        """Show a ledger directory."""
        ledger = self.folder / "ledger"
        shutil.rmtree(ledger, ignore_errors=True)
        return self.run("--city", str(city.write(ledger)))

    def bundle(self, city: SimulatedCity, offset: int = 3) -> int:
        """Show a bundle of one record."""
        path = self.folder / "event.evidence"
        path.write_bytes(city.evidence(city.partitions[0], offset).encode())
        return self.run(str(path))


@pytest.fixture
def auditor(tmp_path: Path) -> Auditor:
    """An auditor who has seen nothing."""
    return Auditor(tmp_path)


def rewritten(ticks: int = 2) -> SimulatedCity:
    """The same city with another history: records that the first one never had, signed with the same keys."""
    city = SimulatedCity([SimulatedPartition("air-quality.reading", 0)])
    for _ in range(ticks):
        log = city.partitions[0]
        new = [record(len(log.records) + i, (("rewritten", b"1"),)) for i in range(5)]
        log.records += new
        log.append(record_leaves(log.topic, 0, new))
        city.tick()
    return city


def test_a_city_that_grows_passes_again_and_again(
    auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first checkpoint, the same again, then a larger one: each continues what was seen, and says so."""
    city = small_city()
    assert auditor.city(city) == 0
    assert "this is the first one seen" in capsys.readouterr().out
    assert auditor.city(city) == 0
    city.partitions[0].seal(3)
    city.tick()
    assert auditor.city(city) == 0
    assert (
        "continues every checkpoint of seoul.example/city/1 that you saw, the newest size 2"
        in capsys.readouterr().out
    )
    assert len(json.loads(auditor.state.read_text())["logs"][KEY.vkey]) == 2


def test_a_rolled_back_city_is_refused(auditor: Auditor, capsys: pytest.CaptureFixture[str]) -> None:
    """A city that is well signed, but smaller than what was seen: exit code 1, and both sizes are told."""
    assert auditor.city(small_city(ticks=3)) == 0
    assert auditor.city(small_city(ticks=2)) == 1
    assert "Rolled back: of seoul.example/city/1 you saw size 3" in capsys.readouterr().out
    assert auditor.city(small_city(ticks=3)) == 0


def test_a_forked_city_is_refused(auditor: Auditor, capsys: pytest.CaptureFixture[str]) -> None:
    """Another history of the same size, and a larger one that does not contain what was seen."""
    assert auditor.city(small_city(ticks=2)) == 0
    for other in (rewritten(2), rewritten(4)):
        assert auditor.city(other) == 1
        assert "Forked: of seoul.example/city/1 you saw size 2" in capsys.readouterr().out
    assert [s.head.size for s in memory.load(auditor.state).logs[KEY.vkey]] == [2]


def test_bundles_are_compared_at_the_same_size_and_tied_together_by_a_ledger(
    auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    """An older or newer bundle cannot be tied to what was seen, and says so; a fork at one size is refused."""
    assert auditor.bundle(small_city(ticks=2)) == 0
    assert auditor.bundle(rewritten(2)) == 1
    assert "Forked" in capsys.readouterr().out
    assert auditor.bundle(small_city(ticks=3)) == 0
    assert "check the whole ledger (--city) once" in capsys.readouterr().out
    assert auditor.bundle(rewritten(4)) == 0  # of size 4: nothing to compare it with, until
    assert auditor.city(small_city(ticks=4)) == 1
    assert "Forked: of seoul.example/city/1 you saw size 4" in capsys.readouterr().out


def test_a_single_log_and_a_pair_of_checkpoints_are_compared_too(
    auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    """--log refuses a rollback; --consistency refuses a pair that contradicts what was seen."""
    city, key = small_city(ticks=2), small_city().partitions[0].key
    log = city.write(auditor.folder / "ledger") / layout.log_path(key.name)
    assert auditor.run("--log", str(log), "--key", key.vkey) == 0
    older = small_city(ticks=1).write(auditor.folder / "older") / layout.log_path(key.name)
    assert auditor.run("--log", str(older), "--key", key.vkey) == 1
    assert "Rolled back" in capsys.readouterr().out
    old, new = str(older / "checkpoint"), str(log / "checkpoint")
    assert auditor.run("--consistency", old, new, "--key", key.vkey) == 0
    fork = auditor.folder / "fork"
    fork.write_bytes(sign_checkpoint(Checkpoint(key.name, 11, bytes(32)), key))
    assert auditor.run("--consistency", str(fork), str(fork), "--key", key.vkey) == 1
    assert "Forked" in capsys.readouterr().out


def test_another_citys_key_is_another_log(auditor: Auditor) -> None:
    """A new deployment under the same name has other keys: nothing is remembered of it."""
    assert auditor.city(small_city(ticks=3)) == 0
    city = small_city(ticks=1)
    city.log.key = log_key(bytes(32), city.log.origin)
    city.log.files[layout.CHECKPOINT] = city.cosigned()
    (auditor.folder / "policy.txt").write_bytes(city.policy())
    assert auditor.city(city) == 0


def test_what_failed_is_not_remembered_and_no_remember_leaves_no_trace(auditor: Auditor) -> None:
    """A failing verdict, and --no-remember, leave the memory alone; with it a rollback is not noticed."""
    city = small_city()
    city.log.files[layout.CHECKPOINT] = city.log.checkpoint()
    assert auditor.city(city) == 1
    assert not auditor.state.exists()
    ledger = str(small_city(ticks=3).write(auditor.folder / "other"))
    assert auditor.run("--city", ledger, "--no-remember") == 0
    assert not auditor.state.exists()
    assert auditor.city(small_city(ticks=3)) == 0
    before = auditor.state.read_bytes()
    older = str(small_city(ticks=1).write(auditor.folder / "older"))
    assert auditor.run("--city", older, "--no-remember") == 0
    assert auditor.state.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'{"format":"ledger-verify-seen/v1","logs":{"k":[{"note":"x","when":"y"}]}}',
        b"\xff",
    ],
)
def test_a_damaged_memory_is_no_memory_but_an_error(
    auditor: Auditor, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, what is wrong with the file, and what to do; never a silent start from nothing."""
    auditor.state.parent.mkdir()
    auditor.state.write_bytes(content)
    assert auditor.bundle(small_city()) == 3
    assert "--no-remember" in capsys.readouterr().err
    assert auditor.state.read_bytes() == content


def test_where_nothing_can_be_written_the_verdict_still_stands(
    auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    """A state file in a place that is no folder: told on stderr, exit code as the verdict."""
    (auditor.folder / "home").write_text("a file, no folder")
    assert auditor.bundle(small_city()) == 0
    assert "not remembered" in capsys.readouterr().err


def seen(ticks: int) -> SignedCheckpoint:
    """What an auditor remembers of a small city."""
    city = small_city(ticks=ticks)
    _, (found,) = memory.EMPTY_MEMORY.compare(city.cosigned(), Trust(Policy.parse(city.policy())))
    return found


def test_two_auditors_at_once_lose_nothing(tmp_path: Path) -> None:
    """Eight threads add eight checkpoints to one file: all are there, and a fork among them is told."""
    path = tmp_path / "seen.json"
    checkpoints = [seen(ticks) for ticks in range(1, 9)]
    threads = [threading.Thread(target=memory.remember, args=(path, [each])) for each in checkpoints]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.head.size for each in memory.load(path).logs[KEY.vkey]] == list(range(1, 9))
    fork = sign_checkpoint(Checkpoint(KEY.name, 5, bytes(32)), KEY)
    (problem,) = memory.remember(path, [SignedCheckpoint(KEY.vkey, ObservedCheckpoint(fork, "now"))])
    assert "forked" in problem


@pytest.mark.parametrize("ticks", [1, 3])
def test_a_log_of_two_keys_is_one_log(ticks: int, tmp_path: Path) -> None:
    """A rollback is one too under the other key that the auditor trusts for the log; so is its growth growth."""
    other = SigningKey(KEY.name, b"2" * 32)
    trust = Trust(Policy.parse(f"log {KEY.vkey}\nlog {other.vkey}\nquorum none\n".encode()))
    before = check_city("ledger", small_city().write(tmp_path / "before"), trust)
    path = tmp_path / "seen.json"
    assert memory.remember(path, before.observed) == []
    now = small_city(ticks=ticks)
    now.log.files["checkpoint"] = sign_note(now.log.head().text, [other])
    verdict = check_city("ledger", now.write(tmp_path / "now"), trust, memory=memory.load(path))
    words = next(claim.words for claim in verdict.claims if claim.name == "continues-what-was-seen")
    assert verdict.passed == (ticks == 3)
    assert words.startswith("Rolled back" if ticks == 1 else "It continues every checkpoint")


def test_memory_is_bounded(tmp_path: Path) -> None:
    """Of a log the newest checkpoints are kept."""
    path = tmp_path / "seen.json"
    notes = [sign_checkpoint(Checkpoint(KEY.name, size, bytes(32)), KEY) for size in range(1, 251)]
    memory.remember(path, [SignedCheckpoint(KEY.vkey, ObservedCheckpoint(note, "now")) for note in notes])
    kept = memory.load(path).logs[KEY.vkey]
    assert [each.head.size for each in kept] == list(range(51, 251))


def test_without_a_home_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """No home directory: the message says which option to give."""
    monkeypatch.undo()

    def nowhere() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(StateError, match="--state"):
        memory.default_file()
