"""The harness itself: what it calls a ratio, whose turn it is, and what it says of a side that cannot run."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from infra.cli import main
from tests.bench.child import run_command
from tests.bench.clock import MARK, Clock
from tests.bench.figures import Measured, Spread, compare
from tests.bench.harness import Outcome, Row, Run, Side, SideError, discover, in_turn, run_row
from tests.bench.limits import every_row
from tests.bench.report import Place, as_json, lines
from tests.bench.results import RESULTS, merged, parse
from tests.bench.run import ChoiceError, bench, chosen
from tests.bench.work import DECODE, LIGHT, STATE, WHOLE, readings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLACE = Place("a processor, 2 cores, 4 GiB", "Linux", {"commit": "abc"}, "2026-01-02T03:04:05+00:00", 0.1)


@contextlib.contextmanager
def nothing(events: int) -> Iterator[list[Run]]:
    """A stage that is a list of the turns taken on it."""
    del events
    yield []


def a_row(*peers: Side, name: str = "toy") -> Row:
    """A row whose ours takes 1 s for 100 events and 0.1 s of processor time."""
    return Row(name, "nothing", Side("ours", taking(1.0, 0.1)), peers, nothing, events=100, small=10)


def taking(seconds: float, cpu_s: float) -> Any:
    """A measure that always takes as long."""

    def measure(stage: list[Run], run: Run) -> Measured:
        stage.append(run)
        return Measured(run.events, seconds, cpu_s)

    return measure


def failing(_: Any, run: Run) -> Measured:
    """A measure that cannot run."""
    raise SideError(f"no such thing in round {run.number}")


def test_a_spread_is_smallest_middle_and_largest() -> None:
    """The middle of an even number of figures is between two; of none there is none."""
    assert Spread.of([4.0, 1.0, 2.0]) == Spread(1.0, 2.0, 4.0)
    assert Spread.of([4.0, 1.0]) == Spread(1.0, 2.5, 4.0)
    with pytest.raises(ValueError, match="no figures"):
        Spread.of([])


def test_a_ratio_is_of_medians_with_the_spread_of_paired_rounds() -> None:
    """Above 1 is better for us, in speed and in processor time; rounds that only one side has do not count."""
    ours = {0: Measured(100, 1.0, 0.1), 1: Measured(100, 2.0, 0.2), 2: Measured(100, 1.0, 0.1)}
    peer = {0: Measured(50, 1.0, 0.2), 1: Measured(50, 1.0, 0.1)}
    ratio = compare(ours, peer)
    assert ratio is not None
    assert ratio.speed == pytest.approx(75 / 50)
    assert (ratio.speed_rounds.low, ratio.speed_rounds.high) == pytest.approx((1.0, 2.0))
    assert ratio.cpu == pytest.approx(3000 / 1500)
    assert (ratio.cpu_rounds.low, ratio.cpu_rounds.high) == pytest.approx((1.0, 4.0))
    assert compare(ours, {}) is None


def test_processor_time_too_short_to_be_seen_claims_nothing() -> None:
    """A ratio through zero is 0, not infinite."""
    ratio = compare({0: Measured(1, 1.0, 0.0)}, {0: Measured(1, 1.0, 0.5)})
    assert ratio is not None
    assert ratio.cpu == 0


def test_each_round_begins_with_another_side() -> None:
    """Ours and the peers alternate, so that no side always has the cold or the warm broker."""
    row = a_row(Side("b", taking(1, 1)), Side("c", taking(1, 1)))
    orders = [[side.name for side in in_turn(row.sides, number)] for number in range(4)]
    assert orders == [["ours", "b", "c"], ["b", "c", "ours"], ["c", "ours", "b"], ["ours", "b", "c"]]


def test_a_slow_peer_gets_its_share_of_the_events() -> None:
    """The figures are per event, so a tenth of the events makes the same ratio."""
    outcome = run_row(a_row(Side("slow", taking(1.0, 0.1), share=0.1)), 2, 100, lambda _: None)
    assert [each.events for each in outcome.measured["slow"].values()] == [10, 10]
    ratio = outcome.ratio(outcome.row.peers[0])
    assert ratio is not None
    assert ratio.speed == pytest.approx(10)


def test_a_side_that_cannot_run_says_why_and_the_others_go_on() -> None:
    """It is tried once; its reason stands in the words, in the JSON and in the results."""
    said: list[str] = []
    outcome = run_row(a_row(Side("absent", failing), Side("there", taking(2, 0.1))), 3, 100, said.append)
    assert outcome.absent == {"absent": "no such thing in round 0"}
    assert sum("absent: not run" in line for line in said) == 1
    assert len(outcome.measured["there"]) == 3
    assert any("absent: not run: no such thing" in line for line in lines(outcome))
    told = as_json([outcome], [], PLACE, "city bench")
    assert told["rows"]["toy"]["not run"] == outcome.absent
    assert json.loads(json.dumps(told)) == told
    text = merged("", [outcome], PLACE, "city bench", {"toy": outcome.row})
    assert "not run: no such thing in round 0" in text


def test_a_stage_that_cannot_be_made_takes_all_sides_along() -> None:
    """The row says why, and the run goes on with the next row."""

    @contextlib.contextmanager
    def broken(events: int) -> Iterator[None]:
        raise SideError(f"no broker for {events} events")
        yield

    row = Row("toy", "nothing", Side("ours", taking(1, 1)), (Side("b", taking(1, 1)),), broken, 100, 10)
    outcome = run_row(row, 1, 100, lambda _: None)
    assert set(outcome.absent) == {"ours", "b"}
    assert not outcome.measured


def test_results_keep_other_rows_and_replace_their_own() -> None:
    """A second record of a row leaves one line for each peer; rows without figures are named."""
    first, second = a_row(Side("b", taking(2, 0.1))), a_row(Side("b", taking(4, 0.1)), name="other")
    rows = {"toy": first, "other": second, "third": a_row(name="third")}
    text = merged("", [_run(first)], PLACE, "city bench toy", rows)
    assert "No figures recorded yet for: `other`, `third`." in text
    text = merged(text, [_run(second)], PLACE, "city bench other", rows)
    text = merged(text, [_run(first)], PLACE, "city bench toy again", rows)
    found = parse(text).compared
    assert set(found) == {("toy", "b"), ("other", "b")}
    assert found["toy", "b"][4].startswith("2.00×")
    assert found["toy", "b"][7] == "`city bench toy again`"
    assert found["other", "b"][4].startswith("4.00×")
    gone = {"other": second}
    assert set(parse(merged(text, [], PLACE, "", gone)).compared) == {("other", "b")}


def test_the_results_file_is_what_the_harness_writes() -> None:
    """Nobody edits figures by hand; every row has figures or is named as having none."""
    text = RESULTS.read_text(encoding="utf-8")
    assert merged(text, [], PLACE, "", every_row()) == text


def test_a_clock_counts_from_the_first_event_to_the_last_durable_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Only the first `begin` and the first `finish` count."""
    clock = Clock(3)
    clock.finish()
    assert capsys.readouterr().out == ""
    clock.begin()
    clock.begin()
    assert [clock.count(), clock.count(2)] == [False, True]
    clock.finish()
    clock.finish()
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line]
    assert Measured(**json.loads(line.removeprefix(MARK))).events == 3


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("raise SystemExit('no broker here')", "exit status 1: no broker here"),
        ("pass", "exit status 0: it said nothing"),
        ("import time; time.sleep(60)", "did not end within"),
    ],
)
def test_a_side_that_fails_is_told_by_its_last_line(program: str, reason: str) -> None:
    """A process that dies, says nothing or hangs makes one line."""
    with pytest.raises(SideError, match=reason):
        run_command([sys.executable, "-c", program], limit_s=5 if "sleep" not in program else 1)


def test_what_a_side_started_ends_with_it() -> None:
    """A hanging side whose own child holds the pipe does not hold the harness."""
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    begun = time.monotonic()
    with pytest.raises(SideError, match="did not end within"):
        run_command([sys.executable, "-c", program], limit_s=1)
    assert time.monotonic() - begun < 20


def test_a_program_that_is_not_there_is_told() -> None:
    """No Go, no uv: one line."""
    with pytest.raises(SideError, match="no-such-program"):
        run_command(["no-such-program"])


def test_rows_are_found_by_their_place() -> None:
    """Every row has a name, a target or peer to print, and sizes."""
    rows = discover(Row)
    assert {"agents-decode", "agents-light", "agents-whole", "ledger", "producer", "sink"} <= rows.keys()
    for name, row in rows.items():
        assert row.name == name
        assert row.peers
        assert 0 < row.small < row.events
        assert len({side.name for side in row.sides}) == len(row.sides)


def test_rows_are_chosen_by_name_or_beginning() -> None:
    """`agents` means all of them; what is no row is refused with the names there are."""
    assert {row.name for row in chosen(["agents"])} == {
        name for name in every_row() if name.startswith("agents")
    }
    assert len(chosen([])) == len(every_row())
    with pytest.raises(ChoiceError, match="no row is called nonsense: there are agents-decode"):
        chosen(["nonsense"])


def test_small_figures_are_never_recorded() -> None:
    """They show that a row works, not how fast it is."""
    with pytest.raises(ChoiceError, match="record full ones"):
        bench(["state"], small=True, recorded=True)


def test_the_command_runs_a_row_and_writes_json(tmp_path: Path) -> None:
    """`city bench state --small`: sides measured, ratio told, every round in the file; a peer may be absent."""
    out = tmp_path / "bench.json"
    ended = CliRunner().invoke(main, ["bench", "state", "--small", "--rounds", "1", "--json", str(out)])
    assert ended.exit_code == 0, ended.output
    assert "ours / a dict of JSON bytes: " in ended.output
    told = json.loads(out.read_text(encoding="utf-8"))
    assert told["rows"]["state"]["rounds"].keys() >= {"ours", "a dict of JSON bytes", "Faust table (memory)"}


def test_without_the_repository_the_command_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """From an installed wheel: one line, exit code 2."""
    monkeypatch.setitem(sys.modules, "tests.bench.run", None)
    ended = CliRunner().invoke(main, ["bench"])
    assert ended.exit_code == 2
    assert ended.stderr.startswith("city: city bench needs the repository's tests/")
    assert ended.stderr.count("\n") == 1


def test_an_unknown_row_is_one_line() -> None:
    """Exit code 2, and the names there are."""
    ended = CliRunner().invoke(main, ["bench", "nonsense"])
    assert ended.exit_code == 2
    assert "city: no row is called nonsense" in ended.output


def test_the_work_of_the_agent_rows_derives_one_event_of_each_reading() -> None:
    """All sides are held to these outputs; with state they count on."""
    records = list(readings(1500))
    assert len(set(records)) == 1500
    for work in (WHOLE, LIGHT, STATE):
        assert len(work.outputs(records)) == 1500
    assert DECODE.outputs(records) == set()
    assert len(STATE.outputs(records) & LIGHT.outputs(records)) == 0


def _run(row: Row) -> Outcome:
    return run_row(row, 2, 100, lambda _: None)
