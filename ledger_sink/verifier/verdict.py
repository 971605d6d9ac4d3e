"""The verdict: claim by claim, in words and as JSON, with what was not shown.

A verdict passes if no claim failed. What was left unchecked is a claim of its own, so that silence never
reads as proof.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger_sink.verifier.observed_checkpoint import SignedCheckpoint


class Status(StrEnum):
    """What became of a claim."""

    SHOWN = "shown"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement. `name` is for programs and stays the same; `words` are for people."""

    name: str
    status: Status
    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """All claims about one subject, the facts they are about, and what none of them shows."""

    subject: str
    claims: tuple[Claim, ...]
    not_shown: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    observed: tuple["SignedCheckpoint", ...] = ()
    """Signed checkpoints to be remembered if the verdict passes."""

    @property
    def passed(self) -> bool:
        """Whether something was shown and nothing failed."""
        statuses = {claim.status for claim in self.claims}
        return Status.SHOWN in statuses and Status.FAILED not in statuses

    def text(self) -> str:
        """Say the verdict in words, one claim a line."""
        lines = [f"{'PASS' if self.passed else 'FAIL'}  {printable(self.subject)}", ""]
        lines += [f"  {claim.status.value:<12} {printable(claim.words)}" for claim in self.claims]
        if self.facts.get("simulated"):
            lines += ["", "  SIMULATED    The record says of itself that it was replayed or simulated."]
        if self.not_shown:
            lines += ["", "  Not shown by any of this:"]
            lines += [f"    - {printable(words)}" for words in self.not_shown]
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """Say the verdict as one JSON object."""
        content = {
            "verdict": "pass" if self.passed else "fail",
            "subject": self.subject,
            "facts": dict(self.facts),
            "claims": [
                {"claim": claim.name, "status": claim.status.value, "words": claim.words}
                for claim in self.claims
            ],
            "not_shown": list(self.not_shown),
        }
        return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def shown(name: str, words: str) -> Claim:
    """A claim that was proved."""
    return Claim(name, Status.SHOWN, words)


def failed(name: str, words: str) -> Claim:
    """A claim that was refuted, or whose proof is broken."""
    return Claim(name, Status.FAILED, words)


def not_checked(name: str, words: str) -> Claim:
    """A claim that nobody asked to check, or that could not be."""
    return Claim(name, Status.NOT_CHECKED, words)


def printable(text: str) -> str:
    """Make untrusted text safe for a terminal: anything but printable characters is escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text
    )


def seconds_text(time_s: int) -> str:
    """Say POSIX seconds as UTC, or as a number where the calendar ends."""
    try:
        return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"second {time_s} of POSIX time"


def milliseconds_text(time_ms: int) -> str:
    """Say POSIX milliseconds as UTC."""
    return seconds_text(time_ms // 1000).replace(" UTC", f".{time_ms % 1000:03d} UTC")
