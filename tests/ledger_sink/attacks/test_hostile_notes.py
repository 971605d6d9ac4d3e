"""Spellings by which verifiers of notes, bundles and policies were deceived elsewhere; each has one outcome here.

The kinds are those of public advisories: signatures of one key counted several times (TUF, GMS-2022-4197), proofs whose
checkpoint or entry was not compared with what they prove (Sigstore, GHSA-whqx-f9j3-ch6m), and parsers of notes that
read several spellings of base64, numbers, line ends or names as one.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.cosigned import open_cosigned
from ledger_sink.format.errors import FormatError, KeyFormatError, QuorumError
from ledger_sink.format.merkle import EMPTY_ROOT
from ledger_sink.format.note import ED25519, VerifierKey, parse_note, sign_note
from ledger_sink.format.policy import Policy
from ledger_sink.format.tlog_proof import TlogProof
from ledger_sink.verifier.evidence import check_evidence
from ledger_sink.verifier.trust import Trust
from tests.ledger_sink.simulated_city import OWN_WITNESS, WITNESS, small_city

CITY = small_city()
KEY = CITY.log.key
HEAD = CITY.log.head()
NOTE = CITY.cosigned().decode()
LAST = NOTE.splitlines(keepends=True)[-1]
ROOT = HEAD.text.splitlines()[2]
POLICY = Policy.parse(CITY.policy())
PROOF = CITY.log.proof(1, CITY.cosigned())


def test_a_witness_counts_once_however_often_it_signs() -> None:
    """Ninety-nine lines of one witness are one witness; a hundred and one lines are no note."""
    two = (
        f"log {KEY.vkey}\nwitness a {WITNESS.vkey}\nwitness b {OWN_WITNESS.vkey}\ngroup g 2 a b\nquorum g\n"
    ).encode()
    many = (NOTE + LAST * 98).encode()
    assert len(open_cosigned(many, POLICY).witnesses) == 1
    with pytest.raises(QuorumError, match="got 'a'"):
        open_cosigned(many, Policy.parse(two))
    with pytest.raises(FormatError, match="at most 100 signatures"):
        parse_note(many + LAST.encode())


RESPELL: dict[str, Callable[[str], str]] = {
    "CRLF": lambda note: note.replace("\n", "\r\n"),
    "byte order mark": lambda note: "\ufeff" + note,
    "another dash": lambda note: note.replace("— ", "– "),
    "no-break space": lambda note: note.replace("— ", "—\u00a0"),
    "trailing line": lambda note: note + "\n",
    "trailing data": lambda note: note + "x\n",
    "trailing space": lambda note: note.replace(LAST, LAST[:-1] + " \n"),
    "no last newline": lambda note: note[:-1],
    "URL-safe base64": lambda note: note.replace(LAST, LAST.translate(str.maketrans("+/", "-_"))),
    "unpadded base64": lambda note: note.replace(ROOT, ROOT.rstrip("=")),
    "padded twice": lambda note: note.replace(ROOT, ROOT + "="),
    "bits after the last byte": lambda note: note.replace(ROOT, ROOT[:-2] + chr(ord(ROOT[-2]) + 1) + "="),
    "base64 over two lines": lambda note: note.replace(ROOT, ROOT[:20] + "\n" + ROOT[20:]),
    "size with a sign": lambda note: note.replace("\n2\n", "\n+2\n"),
    "size with a zero": lambda note: note.replace("\n2\n", "\n02\n"),
    "size in other digits": lambda note: note.replace("\n2\n", "\n\u0662\n"),
    "size beyond 2^63": lambda note: note.replace("\n2\n", f"\n{2**63 + 2}\n"),
    "origin with a look-alike": lambda note: note.replace("seoul", "seо" + "ul"),
    "NUL": lambda note: note.replace("\n2\n", "\n2\0\n"),
}


@pytest.mark.parametrize("name", RESPELL)
def test_a_checkpoint_has_one_spelling(name: str) -> None:
    """Signed by its log or not: no other spelling of a checkpoint is read as the same one."""
    other = RESPELL[name](NOTE)
    assert other != NOTE
    with pytest.raises(FormatError):
        open_cosigned(other.encode(), POLICY)
    text = RESPELL[name](HEAD.text)
    if text != HEAD.text:
        with pytest.raises(FormatError):
            open_cosigned(sign_note(text, [KEY]) + LAST.encode(), POLICY)


@pytest.mark.parametrize(
    "name", ["", "a b", "a+b", "a\u00a0b", "a\u2003b", "a\tb", "a\nb", "a\u2028b", "x" * 256]
)
def test_a_key_name_has_neither_plus_nor_space(name: str) -> None:
    """In the constructor and in the text form."""
    with pytest.raises(KeyFormatError):
        VerifierKey(name, ED25519, KEY.verifier.public_key)
    with pytest.raises(KeyFormatError):
        VerifierKey.parse(KEY.vkey.replace(KEY.name, name))


@pytest.mark.parametrize(
    "proof",
    [
        TlogProof(1, (*PROOF.proof, bytes(32)), PROOF.checkpoint),
        TlogProof(1, (), PROOF.checkpoint),
        TlogProof(2, PROOF.proof, PROOF.checkpoint),
        TlogProof(2**53 - 1, PROOF.proof, PROOF.checkpoint),
        TlogProof(0, PROOF.proof, PROOF.checkpoint),
        TlogProof(1, PROOF.proof, sign_note(Checkpoint(KEY.name, 0, EMPTY_ROOT).text, [KEY])),
        TlogProof(1, PROOF.proof, sign_note(Checkpoint(KEY.name, 0, HEAD.root).text, [KEY])),
        TlogProof(1, PROOF.proof, sign_note(Checkpoint(KEY.name, 2**53 - 1, HEAD.root).text, [KEY])),
        TlogProof(1, PROOF.proof, sign_note(Checkpoint(KEY.name, 3, HEAD.root).text, [KEY])),
    ],
    ids=[
        "longer",
        "shorter",
        "index = size",
        "huge index",
        "other index",
        "size 0",
        "size 0, root",
        "huge size",
        "size",
    ],
)
def test_a_proof_is_of_its_size_and_index(proof: TlogProof) -> None:
    """Though the log itself signed: the block's step fails, and so does the verdict."""
    trust = Trust(Policy.parse(f"log {KEY.vkey}\nquorum none\n".encode()))
    evidence = replace(CITY.evidence(CITY.partitions[0], 3), city_proof=proof.encode())
    verdict = check_evidence("x", evidence.encode(), trust)
    assert "block-in-city-log" in [claim.name for claim in verdict.claims if claim.status == "failed"]
