"""Claims on the witnesses of a checkpoint: who cosigned it, when, and whose cosignature does not count."""

from typing import Any

from ledger_sink.format.block import time_text
from ledger_sink.format.clock import CLOCK_TOLERANCE_S, seconds_text
from ledger_sink.format.cosigned import Cosigned
from ledger_sink.format.keys import is_own_witness
from ledger_sink.format.policy import PolicyWitness
from ledger_sink.verifier.trust import Trust
from ledger_sink.verifier.verdict import Claim, not_checked, shown

SPLIT_VIEW = "that everybody is shown the same city log: no independent witness cosigned"


def witness_claims(opened: Cosigned, trust: Trust, block_ms: int | None = None) -> tuple[Claim, ...]:
    """Return the claims on the cosignatures of a checkpoint that satisfies the policy.

    Args:
        opened: the checkpoint.
        trust: the auditor's trust.
        block_ms: the time of a block that the checkpoint covers, in POSIX milliseconds.
    """
    each = [_cosigned(opened, *pair, block_ms) for pair in opened.witnesses]
    each += [
        not_checked(
            "cosignature-time",
            f"The cosignature of {found.witness.key.name} does not count: {found.problem}.",
        )
        for found in opened.misdated
    ]
    if trust.policy is None or trust.policy.quorum is None:
        return (*each, not_checked("witnessed", "Your policy demands no witness (quorum none)."))
    return (*each, shown("quorum", f"The cosignatures satisfy your policy's quorum ({trust.policy.quorum})."))


def _cosigned(opened: Cosigned, witness: PolicyWitness, time_s: int, block_ms: int | None) -> Claim:
    words = f"Cosigned by {witness.key.name} at {seconds_text(time_s)}"
    if block_ms is not None and time_s + CLOCK_TOLERANCE_S < block_ms // 1000:
        words += (
            f", although the city dates a block in that checkpoint {time_text(block_ms)}: "
            "one of the two clocks is wrong"
        )
    if _own(opened.checkpoint.origin, witness.key.name):
        return shown("witnessed", f"{words}. This witness is run by the city itself: it is NOT independent.")
    return shown("witnessed", f"{words}.")


def _own(origin: str, key_name: str) -> bool:
    return is_own_witness(origin.partition("/")[0], key_name)


def is_independent(opened: Cosigned) -> bool:
    """Return whether a witness cosigned that the city does not run."""
    return any(not _own(opened.checkpoint.origin, witness.key.name) for witness, _ in opened.witnesses)


def cosignature_facts(opened: Cosigned | None) -> list[dict[str, Any]]:
    """Return the witnesses' cosignatures for programs, those that do not count too."""
    if opened is None:
        return []
    counted = [(witness.key.name, time_s, True) for witness, time_s in opened.witnesses]
    others = [(each.witness.key.name, each.time_s, False) for each in opened.misdated]
    return [
        {"witness": name, "time": seconds_text(time_s), "time_s": time_s, "counts": counts}
        for name, time_s, counts in (*counted, *others)
    ]
