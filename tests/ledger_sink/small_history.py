"""A short history of a whole ledger over files: sequencer, publisher, signer, city chain and a witness.

Played on what is there: a history that was broken off anywhere goes on, as started processes would. It is the same
bytes each time, so whatever happened on the way, its end can be compared with an end without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sink.city_log.writer import CityLogWriter, Quorum
from ledger_sink.errors import StoreError, WitnessUnavailableError
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.cosignature import CosigningKey
from ledger_sink.format.keys import city_origin, log_key
from ledger_sink.format.note import VerifierKey
from ledger_sink.format.policy import Policy, PolicyLog, PolicyWitness
from ledger_sink.http.client import HttpClient
from ledger_sink.http.server import Request
from ledger_sink.log.name import LogName
from ledger_sink.sealing.publisher import Publisher
from ledger_sink.sealing.sequencer import PartitionFacts, Sequencer
from ledger_sink.signer.server import SIGNED_HEADS_NAME, Signer, encode_signed_heads, read_signed_heads
from ledger_sink.store import FileStore
from ledger_sink.witness.client import WitnessClient
from ledger_sink.witness.server import Witness
from tests.ledger_sink import naive
from tests.ledger_sink.kill_loop import told
from tests.ledger_sink.kill_parts import TellingStore
from tests.ledger_sink.worlds import CITY, SEED, TOPIC_ID, assert_log_whole, files_in, records

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STAGES = (3, 257)
"""Records sealed at each checkpoint: partial tiles; then a full one that replaces them, and new partial ones."""
RECORDS = records(0, STAGES[-1])
NOW_MS = 1_760_000_000_000
"""A time of the past: a cosignature of the future would not count."""
TOPIC = "air.reading"
FOLDER = f"{TOPIC}/0/1"
CITY_KEY = log_key(SEED, city_origin(CITY)).verifier
OWN = CosigningKey("witness.example", b"w" * 32)


class Beside(HttpClient):
    """A witness in this process, asked as if it were away: what fails in it is no answer."""

    def __init__(self, witness: Witness) -> None:
        super().__init__("http://witness.example", timeout_s=1, unavailable=WitnessUnavailableError)
        self._witness = witness

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Answer one request."""
        try:
            response = self._witness.answer(Request(method, path, headers or {}, body or b""))
        except StoreError as error:
            raise WitnessUnavailableError(str(error)) from error
        return response.status, response.body


def prepare(root: Path) -> None:
    """Make the signer's empty memory, older than any ledger."""
    FileStore(root / "keys").write({SIGNED_HEADS_NAME: encode_signed_heads({})})


def quorum_at(root: Path) -> Quorum:
    """The policy with the one witness, whose files are below the root as well."""
    witness = Witness(
        OWN, FileStore(root / "witness", threads=1), lambda: {CITY_KEY.name: CITY_KEY}, lambda: NOW_MS // 1000
    )
    cosigner = WitnessClient(OWN.verifier, "http://witness.example")
    cosigner._peer = Beside(witness)
    policy = Policy((PolicyLog(CITY_KEY),), (PolicyWitness("w", OWN.verifier, None),), (), "w")
    return Quorum(policy, (("w", cosigner),))


def play(root: Path) -> None:
    """Go on to the end.

    Raises:
        StoreError: a file call failed.
    """
    store = TellingStore(root / "ledger", threads=1)
    signer = Signer(CITY, SEED, FileStore(root / "keys", threads=1))
    sequencer = Sequencer.open(store, LogName(CITY, TOPIC, 0), PartitionFacts(TOPIC_ID, 0, 10**6))
    chain = None
    try:
        chain = CityLogWriter(store, city_origin(CITY), signer.sign)
        publisher = Publisher(
            store, signer.sign, lambda origins: [VerifierKey.parse(signer.vkey(o)) for o in origins]
        )
        quorum = quorum_at(root)
        for end in STAGES:
            sequencer.append(RECORDS[max(0, sequencer.next_offset - 2) : end])
            sequencer.commit()
            publisher.ensure_keys([CITY_KEY.name])
            publisher.publish({sequencer.name: sequencer.state})
            assert not publisher.published.refused, publisher.published.refused
            chain.extend(NOW_MS + sequencer.next_offset)
            chain.publish(quorum)
            assert not chain.refused, chain.refused
    finally:
        sequencer.close()
        if chain is not None:
            chain.close()


def check(root: Path, expected: Mapping[str, bytes]) -> None:
    """Demand the end of an unbroken history, and that all that was ever published or signed is part of it."""
    store = FileStore(root / "ledger")
    files = files_in(store)
    lost = {name for name, data in expected.items() if files.get(name) != data}
    assert not lost, f"not as without the fault: {sorted(lost)}"
    memory = read_signed_heads(FileStore(root / "keys"))
    heads = [parse_checkpoint(note)[0] for note in told(root)]
    published = {(head.origin, head.size, head.root) for head in heads}
    for folder in (FOLDER, "city/1"):
        newest, _ = parse_checkpoint(files[f"{folder}/checkpoint"])
        entries = assert_log_whole(store, folder, newest.size, newest.root)
        assert memory[newest.origin] == (newest.size, newest.root)
        for origin, size, root_hash in published:
            if origin == newest.origin:
                assert naive.tree_hash(entries[:size]) == root_hash, f"{origin} at {size}: fork"
