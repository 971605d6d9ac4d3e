"""The verdict of a verification: its claims, in words and as JSON, and what none of them shows.

A verdict holds if a claim was shown, and none failed, lacked a key, could not be read, or had nothing to check. What
was not asked for is a claim of its own, so that silence is never taken for proof.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ledger_sink.format.clock import seconds_text

if TYPE_CHECKING:
    from ledger_sink.verifier.observed_checkpoint import SignedCheckpoint


class Status(StrEnum):
    """The result of a claim."""

    SHOWN = "shown"
    FAILED = "failed"
    KEY_MISSING = "key missing"
    UNREADABLE = "could not read"
    NOTHING = "nothing checked"
    NOT_CHECKED = "not checked"


class Outcome(StrEnum):
    """The outcome of a verification, the gravest of its claims. `exit_code` is the command's."""

    HOLDS = "holds"
    FAILS = "does not hold"
    KEY_MISSING = "key missing"
    UNREADABLE = "could not read"
    NOTHING = "nothing checked"

    @property
    def exit_code(self) -> int:
        """Return the exit code of `ledger-verify`."""
        return {"holds": 0, "does not hold": 1, "nothing checked": 2, "could not read": 3, "key missing": 4}[
            self
        ]


_GRAVEST_FIRST = (
    (Status.FAILED, Outcome.FAILS),
    (Status.KEY_MISSING, Outcome.KEY_MISSING),
    (Status.UNREADABLE, Outcome.UNREADABLE),
    (Status.NOTHING, Outcome.NOTHING),
    (Status.SHOWN, Outcome.HOLDS),
)


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
        holds: what the verification shows if nothing failed, in one sentence.
        rests_on: whose word it rests on, in one sentence.
    """

    subject: str
    claims: tuple[Claim, ...]
    not_shown: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    observed: tuple["SignedCheckpoint", ...] = ()
    holds: str = ""
    rests_on: str = ""

    @property
    def outcome(self) -> Outcome:
        """Return the outcome: fails > key missing > could not read > nothing checked > holds (FORMAT.md §7.4)."""
        statuses = {claim.status for claim in self.claims}
        return next((outcome for status, outcome in _GRAVEST_FIRST if status in statuses), Outcome.NOTHING)

    @property
    def passed(self) -> bool:
        """Return whether everything that was asked for was checked and holds."""
        return self.outcome is Outcome.HOLDS

    def text(self, *, verbose: bool = True) -> str:
        """Return the verdict in words; `verbose` gives every claim a line."""
        return verdict_text(self, verbose=verbose)

    def json(self) -> str:
        """Return the verdict as one JSON object."""
        content = {
            "verdict": "pass" if self.passed else "fail",
            "outcome": self.outcome.value,
            "exit_code": self.outcome.exit_code,
            "subject": self.subject,
            "holds": self.holds if self.passed else "",
            "rests_on": self.rests_on,
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


def key_missing(name: str, words: str) -> Claim:
    """Return a claim that could not be checked because the auditor gave no key for it."""
    return Claim(name, Status.KEY_MISSING, words)


def unreadable(name: str, words: str) -> Claim:
    """Return a claim that could not be checked because a file or server could not be read."""
    return Claim(name, Status.UNREADABLE, words)


def nothing(name: str, words: str) -> Claim:
    """Return a claim that was requested and has nothing to be checked on."""
    return Claim(name, Status.NOTHING, words)


def printable(text: str) -> str:
    """Return untrusted text with unprintable characters escaped, safe for a terminal.

    `streams.worker.rule_executor` does the same; the two layers do not import each other.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text
    )


def milliseconds_text(time_ms: int) -> str:
    """Format POSIX milliseconds as UTC."""
    return seconds_text(time_ms // 1000).replace(" UTC", f".{time_ms % 1000:03d} UTC")


MOST_CLAIMS = 9
"""Most claims that have a line each where the verdict is not verbose."""
MOST_FAILURES = 8
"""Most failed claims in words where the verdict is not verbose."""
_SHORT = 3


def verdict_text(verdict: Verdict, *, verbose: bool) -> str:
    """Return a verdict in words: three plain lines, PASS or FAIL with the subject, then the claims.

    Args:
        verdict: the verdict.
        verbose: give every claim and everything that is not shown a line; else claims of one kind share a line.
    """
    head = [f"{name:<11}{printable(words)}" for name, words in _three_lines(verdict, verbose=verbose)]
    if verdict.facts.get("simulated"):
        head.append("SIMULATED  The record says of itself that it was replayed or simulated.")
    lines = [
        *head,
        "",
        f"{'PASS' if verdict.passed else _word(verdict.outcome)}  {printable(verdict.subject)}",
        "",
    ]
    claims = [(c.status.value, c.words) for c in verdict.claims] if verbose else _grouped(verdict.claims)
    lines += [f"  {status:<15} {printable(words)}" for status, words in claims]
    if verbose and verdict.not_shown:
        lines += ["", "  Not shown by any of this:"]
        lines += [f"    - {printable(words)}" for words in verdict.not_shown]
    return "\n".join(lines) + "\n"


def _word(outcome: Outcome) -> str:
    return "FAIL" if outcome is Outcome.FAILS else outcome.value.upper()


def _three_lines(verdict: Verdict, *, verbose: bool) -> list[tuple[str, str]]:
    outcome = verdict.outcome
    status = next((status for status, found in _GRAVEST_FIRST if found is outcome), Status.NOTHING)
    words = [claim.words for claim in verdict.claims if claim.status is status]
    if outcome is Outcome.HOLDS:
        first = verdict.holds or f"{len(words)} claims on {verdict.subject}."
    else:
        more = f" (and {len(words) - 1} more)" if len(words) > 1 else ""
        first = (words[0] if words else "nothing was there to be checked.") + more
    missing = list(verdict.not_shown)
    if not verbose and len(missing) > _SHORT:
        missing = [*missing[:_SHORT], f"{len(missing) - _SHORT} things more (--verbose)"]
    name = "not shown:"
    return [
        (f"{outcome.value}:", first if len(outcome) < 10 else f" {first}"),
        ("rests on:", verdict.rests_on or "nothing: no signature was checked."),
        (name, "; ".join(missing) + "." if missing else "anything beyond the claims below."),
    ]


def _grouped(claims: tuple[Claim, ...]) -> list[tuple[str, str]]:
    """Return a line for each claim if they are few; else one for all claims of a kind."""
    if len(claims) <= MOST_CLAIMS:
        return [(claim.status.value, claim.words) for claim in claims]
    groups: dict[tuple[Status, str], list[str]] = {}
    for claim in claims:
        groups.setdefault((claim.status, claim.name), []).append(claim.words)
    lines: list[tuple[str, str]] = []
    for (status, name), words in groups.items():
        most = 1 if status in (Status.SHOWN, Status.NOT_CHECKED) else MOST_FAILURES
        if len(words) <= most:
            lines += [(status.value, each) for each in words]
        elif most == 1:
            lines.append((status.value, f"{len(words)} × {name} (--verbose), the first: {words[0]}"))
        else:
            lines += [(status.value, each) for each in words[:most]]
            lines.append((status.value, f"and {len(words) - most} more of {name} (--verbose)"))
    return lines
