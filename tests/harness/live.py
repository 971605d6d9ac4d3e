"""A city that lives while several tests use it, and what each of them expects of its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.harness.city import City, interrupt

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path


TOPIC = "energy.reading"
"""What the city reads as long as it lives; tests leave it alone."""

SPEED = "10"
"""With a reading a minute, one every six seconds: longer than all tests take, and little work beside them."""


@dataclass
class LiveCity:
    """A stack whose replay goes on and on; each test brings a source, a person or a file of its own.

    What a test expects of the whole, counted at rest, it leaves with `at_the_end`.
    """

    city: City
    recordings: list[Path]
    checks: list[Callable[[dict[str, Any]], None]] = field(default_factory=list)
    brought: Counter[str] = field(default_factory=Counter)
    """Records of a topic that a test has added to those which another test counts."""
    ended: bool = False

    def start(self) -> None:
        """Start the stack and wait until the replay has begun."""
        self._output = self.city.data.parent / "live.txt"
        pace = ("--speed", SPEED, "--shift-to-now")
        with self._output.open("w") as output:
            self.process = self.city.start(*pace, "--recordings", *map(str, self.recordings), output=output)
        self.city.wait_for(self.process.pid, "worker-0", "sink", "ledger", "replay")
        self.city.wait_sealed(TOPIC)

    @property
    def said(self) -> str:
        """What `city up` has printed."""
        return self._output.read_text(errors="replace")

    def run(self, *words: str, stdin: str | None = None) -> str:
        """Run a `city` command that must succeed; return what it printed."""
        done = self.city.city(*words, stdin=stdin)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def replay(self, *paths: Path) -> str:
        """Replay files at full speed; the run at the end counts them, too."""
        self.recordings += paths
        return self.run("replay", *map(str, paths))

    def at_the_end(self, check: Callable[[dict[str, Any]], None]) -> None:
        """Have the report of the run at the end checked."""
        self.checks.append(check)

    def interrupt(self) -> str:
        """Press Ctrl-C and return all that was printed."""
        self.ended = True
        interrupt(self.process)
        return self.said

    def finish(self) -> dict[str, Any]:
        """Run `city up --once` over all that was brought; return its report, checked."""
        run: subprocess.CompletedProcess[str] = self.city.up_once("--recordings", *map(str, self.recordings))
        assert run.returncode == 0, run.stdout + run.stderr
        report = self.city.read_report()
        for check in self.checks:
            check(report)
        return report
