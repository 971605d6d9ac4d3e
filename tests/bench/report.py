"""An outcome as lines for a reader and as JSON for a program; and what it was measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from tests.bench.child import ROOT, SIDES
from tests.bench.figures import Measured, Spread
from tests.bench.limit_report import limits_as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.bench.figures import Ratio
    from tests.bench.harness import Outcome, Side
    from tests.bench.limits import LimitOutcome

PACKAGES = ("confluent-kafka", "faust-streaming", "aiokafka", "clickhouse-connect", "chdb", "pyarrow")
QUIET_LOAD = 0.5
"""Load average for each core above which the machine is not quiet."""
_GO_MOD = Path(__file__).parent / "tessera" / "go.mod"
_PIN = re.compile(r'"(quixstreams|pathway)==([^"]+)"')


@dataclass(frozen=True)
class Place:
    """What was measured on, and when.

    Attributes:
        machine: Processor, cores and memory.
        system: Operating system and Python.
        versions: Of ours (commit) and of what the peers are made of.
        date: UTC, ISO 8601.
        load: Load average for each core at the start.
    """

    machine: str
    system: str
    versions: dict[str, str]
    date: str
    load: float

    @property
    def quiet(self) -> bool:
        """Whether little else ran."""
        return self.load <= QUIET_LOAD


def look_around() -> Place:
    """Tell where we are."""
    cores = os.cpu_count() or 1
    memory = psutil.virtual_memory().total / (1 << 30)
    return Place(
        f"{_processor()}, {cores} cores, {memory:.0f} GiB",
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        _versions(),
        datetime.now(UTC).isoformat(timespec="seconds"),
        round(os.getloadavg()[0] / cores, 2),
    )


def lines(outcome: Outcome) -> Iterable[str]:
    """Tell an outcome in words: every side, then ours against each peer."""
    row = outcome.row
    yield f"{row.name}: {row.what}; {outcome.events:,} events, {outcome.rounds} rounds"
    for side in row.sides:
        if side.name in outcome.absent:
            yield f"  {side.name}: not run: {outcome.absent[side.name]}"
            continue
        rounds = outcome.measured.get(side.name, {}).values()
        for what, figure in _FIGURES:
            found = spread(rounds, figure)
            if found is not None and (found.high or what != "servers, µs/event"):
                yield f"  {side.name}, {what}: {numbers(found)}"
    for peer in row.peers:
        ratio = outcome.ratio(peer)
        if ratio is not None:
            yield f"  ours / {peer.name}: {_ratio_words(peer, ratio)}"


def as_json(
    outcomes: Iterable[Outcome], limited: Iterable[LimitOutcome], place: Place, command: str
) -> dict[str, Any]:
    """Give everything that was measured, round by round."""
    return {
        "command": command,
        **asdict(place),
        "rows": {
            outcome.row.name: {
                "what": outcome.row.what,
                "events": outcome.events,
                "rounds": {
                    name: {str(number): asdict(each) for number, each in rounds.items()}
                    for name, rounds in outcome.measured.items()
                },
                "not run": outcome.absent,
                "ratios": {
                    peer.name: asdict(ratio)
                    for peer in outcome.row.peers
                    if (ratio := outcome.ratio(peer)) is not None
                },
            }
            for outcome in outcomes
        },
        "limits": {outcome.row.name: limits_as_json(outcome) for outcome in limited},
    }


def spread(rounds: Iterable[Measured], figure: Callable[[Measured], float]) -> Spread | None:
    """Sum up one figure of some rounds; None if there are none."""
    found = [figure(each) for each in rounds]
    return Spread.of(found) if found else None


def numbers(found: Spread) -> str:
    """Write a spread."""
    digits = 0 if found.median >= 1000 else 2
    return f"min {found.low:,.{digits}f} median {found.median:,.{digits}f} max {found.high:,.{digits}f}"


def target_words(peer: Side) -> str:
    """Write what is aimed at against a peer."""
    told = []
    if peer.target is not None:
        told.append(f"≥ {peer.target:g}×")
    if peer.target_cpu is not None:
        told.append(f"≥ {peer.target_cpu:g}× per CPU second")
    return ", ".join(told) or "none"


def _ratio_words(peer: Side, ratio: Ratio) -> str:
    speed, cpu = ratio.speed_rounds, ratio.cpu_rounds
    return (
        f"{ratio.speed:.2f}× events/s ({speed.low:.2f} to {speed.high:.2f}), "
        f"{ratio.cpu:.2f}× per CPU second ({cpu.low:.2f} to {cpu.high:.2f}); target {target_words(peer)}"
    )


_FIGURES: tuple[tuple[str, Callable[[Measured], float]], ...] = (
    ("events/s", lambda each: each.speed),
    ("CPU µs/event", lambda each: each.cpu_us),
    ("servers, µs/event", lambda each: each.server_cpu_us),
)


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    found = {"commit": _commit()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    for path in sorted(SIDES.glob("*.py")):
        found |= dict(_PIN.findall(path.read_text(encoding="utf-8")))
    if told := re.search(r"transparency-dev/(tessera) v(\S+)", _GO_MOD.read_text(encoding="utf-8")):
        found[told.group(1)] = told.group(2)
    return found


def _commit() -> str:
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except OSError:
        return "unknown"
    return told.stdout.strip() or "unknown"
