"""The verdict of a verification: its claims, in words and as JSON, and what none of them shows.

A verdict passes if a claim was shown and none failed. What was not checked is a claim of its own, so that silence
is never taken for proof.
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
    """The result of a claim."""

    SHOWN = "shown"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement of a verdict. `name` is stable, for programs; `words` are for people."""

    name: str
    status: Status
    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """All claims on one subject.

    Attributes:
        subject: name of what was verified.
        claims: the claims, in the order of the verification.
        not_shown: what none of the claims shows, in words.
        facts: values that the claims are about, for programs.
        observed: signed checkpoints to remember if the verdict passes.
    """

    subject: str
    claims: tuple[Claim, ...]
    not_shown: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    observed: tuple["SignedCheckpoint", ...] = ()

    @property
    def passed(self) -> bool:
        """Return whether a claim was shown and none failed."""
        statuses = {claim.status for claim in self.claims}
        return Status.SHOWN in statuses and Status.FAILED not in statuses

    def text(self) -> str:
        """Return the verdict in words, one claim per line."""
        lines = [f"{'PASS' if self.passed else 'FAIL'}  {printable(self.subject)}", ""]
        lines += [f"  {claim.status.value:<12} {printable(claim.words)}" for claim in self.claims]
        if self.facts.get("simulated"):
            lines += ["", "  SIMULATED    The record says of itself that it was replayed or simulated."]
        if self.not_shown:
            lines += ["", "  Not shown by any of this:"]
            lines += [f"    - {printable(words)}" for words in self.not_shown]
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """Return the verdict as one JSON object."""
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
    """Return a claim that was proved."""
    return Claim(name, Status.SHOWN, words)


def failed(name: str, words: str) -> Claim:
    """Return a claim that was refuted, or whose proof is wrong."""
    return Claim(name, Status.FAILED, words)


def not_checked(name: str, words: str) -> Claim:
    """Return a claim that was not requested, or could not be checked."""
    return Claim(name, Status.NOT_CHECKED, words)


def printable(text: str) -> str:
    """Return untrusted text with unprintable characters escaped, safe for a terminal.

    `streams.worker.rule_executor` does the same; the two layers do not import each other.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text
    )


def seconds_text(time_s: int) -> str:
    """Format POSIX seconds as UTC; outside the calendar's range, as a number."""
    try:
        return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"second {time_s} of POSIX time"


def milliseconds_text(time_ms: int) -> str:
    """Format POSIX milliseconds as UTC."""
    return seconds_text(time_ms // 1000).replace(" UTC", f".{time_ms % 1000:03d} UTC")
