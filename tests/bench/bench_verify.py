"""Verifying one event's bundle at a million events, against the limit of 50 ms, and a range of them.

`python -m tests.bench.bench_verify [--rounds N]` prints times and their ratio to the limit; nothing is judged by them.
The bundle is read and checked from its bytes, as `ledger-verify` does after it has started; the time of the whole
command, interpreter start included, is printed beside it.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ledger_sink.format import Policy
from ledger_sink.verifier.bundle_check import check_bundle
from ledger_sink.verifier.trust import Trust
from tests.ledger_sink.large_city import LargeCity
from tests.ledger_sink.simulated_city import SCHEMA, TOPIC, record, small_city

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT_MS = 50.0


def median_ms(work: Callable[[], object], rounds: int) -> float:
    """Return the median of some rounds, in milliseconds."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def say(what: str, took_ms: float, size: int, limit_ms: float | None = None) -> None:
    """Print one line, with the ratio to the limit where there is one."""
    ratio = "" if limit_ms is None else f", {took_ms / limit_ms:.3f} of the limit of {limit_ms:.0f} ms"
    sys.stdout.write(f"{what}: {took_ms:.2f} ms median, {size:,} bytes{ratio}\n")


def main() -> None:
    """Make the bundles, then measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    rounds = parser.parse_args().rounds
    city = LargeCity([(TOPIC, record(7))])
    bundle, trust = city.large_evidence(0, SCHEMA).encode(), Trust(Policy.parse(city.policy()))
    took = median_ms(lambda: check_bundle("b", bundle, trust), rounds)
    say("one event of 1,000,000", took, len(bundle), LIMIT_MS)
    small = small_city(records=10_000, ticks=1)
    ranged = small.range_evidence(small.partitions[0], 1, 10_001, range(0, 10_000, 100)).encode()
    trust = Trust(Policy.parse(small.policy()))
    say("100 of 10,000 leaves", median_ms(lambda: check_bundle("r", ranged, trust), 5), len(ranged))
    with tempfile.TemporaryDirectory(prefix="bench-verify-") as folder:
        path, policy = Path(folder) / "event.evidence", Path(folder) / "policy.txt"
        path.write_bytes(bundle)
        policy.write_bytes(city.policy())
        command = [sys.executable, "-m", "ledger_sink.verifier.cli", str(path), "--policy", str(policy)]
        command += ["--state", str(Path(folder) / "seen.json")]
        took = median_ms(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), 5)
        say("the whole command, interpreter included", took, len(bundle))


if __name__ == "__main__":
    main()
