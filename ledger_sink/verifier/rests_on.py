"""Whose word a verdict rests on, in one sentence: the city alone, independent witnesses, outside services."""

from collections.abc import Iterable, Mapping
from typing import Any

from ledger_sink.format.cosigned import Cosigned
from ledger_sink.format.errors import OriginError
from ledger_sink.format.keys import Origin, is_own_witness

NO_SIGNATURE = "nothing: no signature that you trust was found."


def rests_on(opened: Cosigned | None, attested: Iterable[str] = ()) -> str:
    """Return the sentence.

    Args:
        opened: the checkpoint with its cosignatures, if it satisfies the auditor's trust.
        attested: what outside services attest, a phrase each.
    """
    outside = "".join(f"; {words}" for words in attested)
    if opened is None:
        return NO_SIGNATURE if not outside else f"no signature of the log{outside}."
    origin = opened.checkpoint.origin
    names = [witness.key.name for witness, _ in opened.witnesses]
    own = [name for name in names if is_own_witness(origin.partition("/")[0], name)]
    others = [name for name in names if name not in own]
    if not _is_city(origin):
        signer = f"the signer of {origin}"
        return f"{signer}{' and ' + ' and '.join(names) if names else ' alone'}{outside}."
    mine = f" and its own witness {', '.join(own)}" if own else ""
    if not others:
        return f"the city alone: its signer{mine}; no independent witness cosigned{outside}."
    return f"the city's signer{mine}; and independent of it {', '.join(others)}{outside}."


def attested_by(facts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a phrase for each valid receipt of a bundle: who says what, and when."""
    return [f"{fact['by']} attests: {fact['kind']} {fact['time']}" for fact in facts]


def _is_city(origin: str) -> bool:
    try:
        return Origin.parse(origin).is_city
    except OriginError:
        return False
