"""The walkthrough: a crash becomes an event, the event reaches the insurer, its evidence holds, a forged one does not.

Every step is a real command and is checked by its output. All numbers, offsets and verdicts that are shown come from
the commands. The first step that does not come out as expected ends the walkthrough.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from infra.errors import StackError
from infra.stack.stores import answers
from infra.stack.up import REPLAY_RESULT
from ledger_sink.format.bundle import RECORD, Evidence
from schemas.names import topic_name
from streams.readers.scenarios import parse_header
from streams.replay.recordings import bundled, bundled_scenarios

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from infra.demo.demo_city import CommandResult, DemoCity
    from schemas.catalog import Catalog

DOMAIN = "vehicle"
TOPIC = topic_name(DOMAIN, "accident")
CLOSED = topic_name("health", "measurement")
INSURER = "insurer-a"
UP_S, REPLAYED_S, CRASH_S = 90.0, 90.0, 60
SEALED_S = "60"


class DemoError(StackError):
    """A step of the demo did not come out as expected."""


@dataclass
class Walkthrough:
    """One run of the walkthrough.

    Attributes:
        city: The city; it runs the commands.
        catalog: The catalogue of the city.
        tell: Takes a line of output.
        head: Takes the title of a step.
        accident: The event that the insurer received; empty before that.
    """

    city: DemoCity
    catalog: Catalog
    tell: Callable[[str], None]
    head: Callable[[str], None]
    accident: dict[str, Any] = field(default_factory=dict)

    def run(self) -> None:
        """Run all steps in order.

        Raises:
            DemoError: A step did not come out as expected.
            StackError: The city ended, or took too long.
        """
        self.city_runs()
        self.insurer_may_read_its_topics_only()
        self.crash_reaches_the_insurer()
        bundle = self.evidence_is_made()
        self.evidence_holds(bundle)
        self.forged_evidence_does_not(bundle)

    def city_runs(self) -> None:
        """Start a city with one recording of each domain."""
        self.head("A city starts: Kafka, ClickHouse's engine, agents, sinks, signer, witness")
        began = time.monotonic()
        city = self.city
        recordings = [
            min(files, key=_size) for domain in sorted(self.catalog.domains) if (files := bundled(domain))
        ]
        words = [word for path in recordings for word in ("--recordings", _short(path))]
        city.start("--speed", "max", *words)
        city.wait("ready", lambda: answers(f"{city.settings.web_url}/ping", timeout_s=2), UP_S)
        self.tell(f"It is ready after {time.monotonic() - began:.1f} s: {city.settings.web_url}")
        result = city.settings.data / "run" / REPLAY_RESULT
        city.wait("its recordings are replayed", result.exists, REPLAYED_S)
        rows = json.loads(result.read_text()).values()
        read, accepted = (sum(row[name] for row in rows) for name in ("read", "accepted"))
        _require(len(rows) == len(recordings) and accepted > 0, "every recording is replayed", rows)
        self.tell(
            f"{len(recordings)} recordings, one of each domain: {read:,} records read, {accepted:,} accepted."
        )

    def insurer_may_read_its_topics_only(self) -> None:
        """Ask Kafka for a topic that was not granted to the insurer."""
        self.head("The insurer asks for what was not granted: Kafka refuses")
        done = self.city.run("subscribe", "--as", INSURER, "--topic", CLOSED)
        _require(done.code != 0 and "refused by Kafka" in done.error and not done.out, "a refusal", done)
        self.tell(done.last_line())

    def crash_reaches_the_insurer(self) -> None:
        """Replay the labelled scenario while the insurer waits for its accident."""
        (scenario, *_) = bundled_scenarios(DOMAIN)
        content = scenario.read_bytes()
        title = parse_header(content.split(b"\n", 1)[0]).title
        self.head("The insurer listens, and a car crashes")
        words = ("--as", INSURER, "--topic", TOPIC, "--count", "1", "--timeout", str(CRASH_S), "--json")
        received = self.city.start_command("subscribe", *words)
        crash = self.city.run("replay", _short(scenario))
        _require(crash.code == 0, "the scenario is replayed", crash)
        (row,) = json.loads(crash.out).values()
        _require(row["read"] == row["accepted"] > 0, "every signal of the scenario is accepted", row)
        self.tell(f"Made up, and labelled so: {title} ({row['accepted']} records).")
        done = received()
        _require(done.code == 0, "the accident reaches the insurer", done)
        self.accident = json.loads(done.out)
        event = self.accident["event"]
        _require(sha256(content).hexdigest()[:16] in event["source"], "it is of this scenario", event)
        _require(self.accident["simulated"], "it says of itself that it is simulated", self.accident)
        self.tell(
            f"{INSURER} received {TOPIC}/{self.accident['partition']} offset {self.accident['offset']}: vehicle "
            f"{event['vehicle']}, delta-V {event['max_delta_v']:.1f} km/h, severity {event['severity']}, "
            f"autonomy {event['autonomy_level']}."
        )

    def evidence_is_made(self) -> Path:
        """Make the bundle of the event's coordinates and compare it with the record that the insurer received."""
        self.head("Its evidence, by the coordinates that the insurer saw")
        path = self.city.data / "accident.evidence"
        position = {name: str(self.accident[name]) for name in ("topic", "partition", "offset")}
        words = [word for name, value in position.items() for word in (f"--{name}", value)]
        done = self.city.run("prove", *words, "--output", str(path), "--wait", SEALED_S)
        _require(done.code == 0, "the bundle is made", done)
        record = Evidence.parse(path.read_bytes()).record
        commit = sha256(record).hexdigest()
        _require(commit == self.accident["commit"], "it holds the record that the insurer received", commit)
        self.tell(
            f"{path.stat().st_size:,} bytes; the record in it is the one received: SHA-256 {commit[:16]}…."
        )
        return path

    def evidence_holds(self, bundle: Path) -> None:
        """Verify the bundle: sealed, in a block, cosigned."""
        self.head("Anyone checks it offline, with keys they trust")
        done = self.verify(bundle, "--verbose")
        _require(done.code == 0 and done.out.startswith("holds:"), "PASS", done)
        shown = [line.strip() for line in done.out.splitlines() if line.startswith("  shown ")]
        _require(any("Cosigned by" in line for line in shown), "the city's checkpoint is cosigned", done)
        for line in done.out.splitlines()[:3]:
            self.tell(line)
        self.tell(f"PASS: {len(shown)} claims shown, among them:")
        for line in shown:
            words = line.removeprefix("shown").strip()
            if words.startswith(("Record ", "Cosigned by ")):
                self.tell("  " + words)

    def forged_evidence_does_not(self, bundle: Path) -> None:
        """Change one bit of the record in a copy and verify that."""
        self.head("One byte of the event is changed")
        data = bundle.read_bytes()
        record = Evidence.parse(data).record
        at = data.index(record) + len(record) - 1
        forged = bundle.with_name("forged.evidence")
        line = (
            f"cp {bundle} {forged} && printf '\\{data[at] ^ 1:03o}' | "
            f"dd of={forged} bs=1 seek={at} conv=notrunc"
        )
        done = self.city.shell(line)
        _require(done.code == 0, "the copy is changed", done)
        changed = [i for i, (a, b) in enumerate(zip(data, forged.read_bytes(), strict=True)) if a != b]
        _require(changed == [at], "one byte differs", changed)
        self.tell(
            f"Byte {at} of {len(data):,}, the last one of {RECORD}: {data[at]:02x} → {data[at] ^ 1:02x}."
        )
        done = self.verify(forged)
        _require(done.code == 1 and done.out.startswith("does not hold:"), "FAIL", done)
        failed = [line.strip() for line in done.out.splitlines() if line.startswith("  failed ")]
        _require(any(RECORD in line for line in failed), f"the verdict names {RECORD}", done)
        for line in failed:
            self.tell("FAIL: " + line.removeprefix("failed").strip())

    def verify(self, bundle: Path, *words: str) -> CommandResult:
        """Run `ledger-verify` on a bundle with the city's policy."""
        policy = self.city.settings.data / "ledger" / "policy.txt"
        return self.city.verify(str(bundle), "--policy", str(policy), *words)


def _require(so: bool, expected: str, got: object) -> None:
    if not so:
        shown = got.last_line() if hasattr(got, "last_line") else str(got)
        raise DemoError(f"not as expected: wanted {expected}, got: {shown[:300]}")


def _short(path: Path) -> str:
    """Return a path as it would be typed from the working directory."""
    return str(path.relative_to(path.cwd()) if path.is_relative_to(path.cwd()) else path)


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files of a recording that is a folder."""
    return sum(
        each.stat().st_size for each in ([path] if path.is_file() else path.rglob("*")) if each.is_file()
    )
