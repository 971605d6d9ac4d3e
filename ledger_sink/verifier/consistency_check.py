"""Verification that a newer checkpoint of a log continues an older one: history was not rewritten."""

from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.format.merkle import verify_consistency
from ledger_sink.format.tiles import consistency_proof, tile_path
from ledger_sink.verifier.errors import UnreadableError
from ledger_sink.verifier.folder import LogFiles
from ledger_sink.verifier.memory import EMPTY_MEMORY, CheckpointMemory
from ledger_sink.verifier.trust import KeyMissingError, Trust
from ledger_sink.verifier.verdict import Claim, Status, Verdict, failed, key_missing, shown, unreadable


def check_consistency(
    subject: str,
    old: bytes,
    new: bytes,
    tiles: LogFiles,
    trust: Trust,
    memory: CheckpointMemory = EMPTY_MEMORY,
) -> Verdict:
    """Verify that the log of the new checkpoint begins with the log of the old one.

    Args:
        subject: name of the pair in the verdict.
        old: the older signed checkpoint, as bytes.
        new: the newer signed checkpoint, as bytes.
        tiles: files of the log. Its tiles give the proof; they are not read if the sizes are equal.
        trust: the auditor's trust; a key in it must have signed both.
        memory: the checkpoints that the auditor observed before. At equal sizes the roots must be equal.
    """
    claims: list[Claim] = []
    heads: list[Checkpoint] = []
    for name, data in (("old-signed", old), ("new-signed", new)):
        try:
            heads.append(trust.signed(data))
            claims.append(shown(name, f"{heads[-1].origin} at size {heads[-1].size} is signed."))
        except KeyMissingError as problem:
            claims.append(key_missing(name, str(problem)))
        except FormatError as problem:
            claims.append(failed(name, str(problem)))
    if len(heads) == 2:
        claims.append(_consistent(heads[0], heads[1], tiles))
    if any(claim.status is not Status.SHOWN for claim in claims):
        return Verdict(subject, tuple(claims), _NOT_SHOWN, rests_on=_RESTS_ON)
    known, observed = memory.compare(new, trust, {heads[0].size: heads[0].root})
    return Verdict(
        subject,
        (*claims, *known),
        _NOT_SHOWN,
        observed=(*memory.compare(old, trust)[1], *observed),
        holds=f"{heads[1].origin} at size {heads[1].size} continues itself at size {heads[0].size}.",
        rests_on=_RESTS_ON,
    )


_RESTS_ON = "the log's own signatures, under the keys that you gave."
_NOT_SHOWN = ("that the entries tell the truth", "that everybody is shown the same log")


def _consistent(old: Checkpoint, new: Checkpoint, folder: LogFiles) -> Claim:
    if old.origin != new.origin:
        return failed("consistent", f"They are of two logs: {old.origin} and {new.origin}.")
    if new.size < old.size:
        return failed(
            "consistent", f"Rolled back: the newer one has size {new.size}, the older one {old.size}."
        )

    def read_tile(level: int, index: int, width: int) -> bytes:
        try:
            return folder.read_tile(level, index, width)
        except UnreadableError as problem:
            raise UnreadableError(f"{tile_path(level, index, width)}: {problem}") from None

    try:
        proof = consistency_proof(old.size, new.size, read_tile)
        verify_consistency(old.size, old.root, new.size, new.root, proof)
    except UnreadableError as problem:
        return unreadable("consistent", f"No proof could be made from the tiles: {problem}")
    except FormatError as problem:
        return failed("consistent", f"Forked, or the tiles are damaged: {problem}")
    return shown(
        "consistent", f"The first {old.size} of {new.size} leaves are the same: nothing was rewritten."
    )
