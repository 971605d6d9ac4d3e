"""Receipts in a running ledger: what is kept passes openssl and the audit; what is damaged is named exactly."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from ledger_sink.anchor.audit import anchor_states, audit_anchors
from ledger_sink.anchor.config import connect
from ledger_sink.anchor.evm import read_account
from ledger_sink.anchor.jobs import anchored_sizes
from ledger_sink.anchor.scheduler import AnchorScheduler
from ledger_sink.anchor.scheduler import log as keeper_log
from ledger_sink.audit import run as audit
from ledger_sink.config import AnchorSettings, EvmSettings, FileSettings, TimestampSettings
from ledger_sink.errors import LogStoppedError, StoreError
from ledger_sink.format.bundle import Evidence
from ledger_sink.format.keys import city_origin
from ledger_sink.format.layout import POLICY
from ledger_sink.metrics import no_emit
from ledger_sink.prove.record import prove
from ledger_sink.receipt import ethereum
from ledger_sink.store import FileStore, MemoryStore
from ledger_sink.verifier import cli
from tests.ledger_sink.anchor.anvil import Anvil, anvil_binary
from tests.ledger_sink.anchor.peers import KEY
from tests.ledger_sink.anchor.tsa import TestAuthority
from tests.ledger_sink.audit.test_run import TOPIC, City, FakeArchive, FakeKafka
from tests.ledger_sink.running import warnings_of
from tests.ledger_sink.worlds import CITY, World, record, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ledger_sink.audit.baseline import AuditBaseline

FOLDER = "city/1/anchors/0"


@dataclass
class Anchored:
    """A ledger of three city checkpoints, each anchored by all, and the peers that did it."""

    city: City
    settings: tuple[AnchorSettings, ...]
    authorities: list[TestAuthority]
    node: Anvil

    def audit(self, *, settled: bool = True, baseline: AuditBaseline | None = None) -> audit.AuditResult:
        """Audit it."""
        return audit.run(
            replace(self.city.config, anchors=self.settings),
            archive=FakeArchive(self.city.rows),
            source=self.city.kafka,
            settled=settled,
            baseline=baseline,
        )

    def grow(self, count: int) -> None:
        """Seal more records and put them in a block."""
        for partition, found in self.city.kafka.partitions.items():
            new = [record(offset) for offset in range(len(found), len(found) + count)]
            found.extend(new)
            self.city.rows.setdefault(partition, list(found[:-count])).extend(new)
        self.city.seal()

    def anchor(self) -> None:
        """Let the keeper work until every receipt is there."""
        connected = [replace(connect(each), interval_s=0.0) for each in self.settings]
        keeper = AnchorScheduler(
            FileStore(self.city.root / "ledger"), city_origin(CITY), connected, no_emit, poll_s=0
        )
        with warnings_of(keeper_log) as told, contextlib.closing(keeper):
            for _ in range(6):
                keeper()
                self.node.mine()
        assert told == []


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anchored]:
    """The whole thing; nobody touches it."""
    root = tmp_path_factory.mktemp("anchored")
    authorities = [TestAuthority(root / name, name) for name in ("tsa-a", "tsa-b")]
    node = Anvil(anvil_binary())
    key = root / "evm.key"
    key.write_text(KEY.hex())
    key.chmod(0o600)
    settings: tuple[AnchorSettings, ...] = (
        FileSettings(root / "checkpoints.txt"),
        *(TimestampSettings(a.folder.name, a.url, a.folder / "root.pem") for a in authorities),
        EvmSettings(node.url, node.chain_id, key, confirmations=2),
    )
    node.fund(read_account(key).address)
    kafka = FakeKafka({0: records(0, 50), 1: records(0, 30)})
    rows = {partition: list(found) for partition, found in kafka.partitions.items()}
    city = City(root, kafka, rows, World(FileStore(root / "ledger")))
    city.world.store.write({POLICY: city.world.no_witness().policy.encode()})
    city.seal()
    made = Anchored(city, settings, authorities, node)
    made.anchor()
    for _ in range(2):
        made.grow(300)
        made.anchor()
    yield made
    node.close()
    for authority in authorities:
        authority.close()


@pytest.fixture
def anchored(original: Anchored, tmp_path: Path) -> Anchored:
    """A copy to be damaged."""
    shutil.copytree(original.city.root / "ledger", tmp_path / "ledger")
    signer_store = MemoryStore()
    signer_store.files = dict(original.city.world.signer_store.files)
    kafka = FakeKafka({partition: list(found) for partition, found in original.city.kafka.partitions.items()})
    rows = {partition: list(found) for partition, found in original.city.rows.items()}
    world = World(FileStore(tmp_path / "ledger"), signer_store)
    return replace(original, city=City(tmp_path, kafka, rows, world))


def test_an_anchored_ledger_passes(anchored: Anchored) -> None:
    """Every receipt of every anchor holds, and nothing is late."""
    result = anchored.audit()
    assert (result.verdict, result.problems) == ("pass", [])
    assert not any("receipts" in words for words in result.not_checked)
    assert list(anchored_sizes(anchored.city.world.store, "city/1")) == [1, 2, 3]


def test_openssl_accepts_our_stored_receipts(anchored: Anchored) -> None:
    """`openssl ts -verify` passes every stored stamp over its checkpoint, and refuses it over another."""
    for authority in anchored.authorities:
        name, root = f"{authority.folder.name}.tsr", authority.folder / "root.pem"
        for size in (1, 2, 3):
            folder = anchored.city.root / "ledger" / FOLDER / str(size)
            for data, accepted in ((folder / "checkpoint.txt", True), (folder / "job.txt", False)):
                program: list[str | Path] = ["openssl", "ts", "-verify", "-data", data, "-in", folder / name]
                program += ["-CAfile", root]
                done = subprocess.run(program, capture_output=True, text=True, timeout=30, check=False)
                assert ("Verification: OK" in done.stdout + done.stderr) is accepted, done.stderr


RECEIPTS = ["tsa-a.tsr", "tsa-b.tsr", "evm.evm", "file.line"]


@pytest.mark.parametrize("name", [*RECEIPTS, "job.txt", "checkpoint.txt"])
@pytest.mark.parametrize("size", [1, 3])
def test_a_damaged_file_is_named(anchored: Anchored, size: int, name: str) -> None:
    """One flipped bit in receipt, job or anchored checkpoint: the audit fails and names the file."""
    path = anchored.city.root / "ledger" / FOLDER / str(size) / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    result = anchored.audit()
    assert result.verdict == "fail"
    assert all(p.startswith(f"{FOLDER}/{size}/{name}: ") for p in result.problems), result.problems


@pytest.mark.parametrize("name", RECEIPTS)
def test_a_removed_receipt_is_named(anchored: Anchored, name: str) -> None:
    """A receipt that was asked for and is not there is missing, by name."""
    (anchored.city.root / "ledger" / FOLDER / "2" / name).unlink()
    (problem,) = anchored.audit().problems
    assert problem == f"{FOLDER}/2/{name}: missing: expected a receipt, got none"


def test_a_removed_newest_receipt_is_named_when_it_is_late(anchored: Anchored) -> None:
    """The newest receipt may still come; after some intervals it is a problem."""
    (anchored.city.root / "ledger" / FOLDER / "3/tsa-a.tsr").unlink()
    result = anchored.audit()
    assert result.verdict == "pass"
    assert f"{FOLDER}/3/tsa-a.tsr: still awaited." in result.not_checked
    store = anchored.city.world.store
    later = audit_anchors(store, CITY, anchored.settings, settled=True, clock=lambda: time.time() + 1000)
    (problem,) = later.problems
    assert problem.startswith(f"{FOLDER}/3/tsa-a.tsr: expected within 480 s, missing for 10")


def test_a_removed_job_is_named(anchored: Anchored) -> None:
    """Each job names the one before: a folder that is gone is missed."""
    shutil.rmtree(anchored.city.root / "ledger" / FOLDER / "2")
    (problem,) = anchored.audit().problems
    assert problem == f"{FOLDER}/2: missing: {FOLDER}/3/job.txt names it as the one before"


def test_an_incremental_audit_checks_the_new_receipts(anchored: Anchored) -> None:
    """What was audited before is not read again; a damaged receipt after it is named."""
    first = anchored.audit()
    anchored.grow(40)
    anchored.anchor()
    assert anchored.audit(baseline=first.baseline).problems == []
    for size in (2, 4):
        path = anchored.city.root / "ledger" / FOLDER / str(size) / "tsa-a.tsr"
        path.write_bytes(path.read_bytes()[:-1])
    (problem,) = anchored.audit(baseline=first.baseline).problems
    assert problem.startswith(f"{FOLDER}/4/tsa-a.tsr: ")


@pytest.mark.parametrize("name", RECEIPTS)
def test_a_swapped_receipt_is_named(anchored: Anchored, name: str) -> None:
    """A true receipt of another checkpoint proves nothing here."""
    folder = anchored.city.root / "ledger" / FOLDER
    shutil.copy(folder / "1" / name, folder / "2" / name)
    (problem,) = anchored.audit().problems
    assert problem.startswith(f"{FOLDER}/2/{name}: ")


def test_a_receipt_of_a_foreign_authority_is_not_taken_for_ours(anchored: Anchored) -> None:
    """A true stamp under a root that nobody pinned is named."""
    folder = anchored.city.root / "ledger" / FOLDER / "2"
    shutil.copy(folder / "tsa-b.tsr", folder / "tsa-a.tsr")
    only_a = replace(anchored, settings=tuple(s for s in anchored.settings if s.name != "tsa-b"))
    (problem,) = only_a.audit().problems
    assert problem.startswith(
        f"{FOLDER}/2/tsa-a.tsr: it is of a foreign issuer, or damaged: stamped under CN=tsa-b"
    )


def test_a_receipt_of_a_foreign_chain_is_named(anchored: Anchored) -> None:
    """The settings say which chain: a receipt of another is a problem."""
    other = tuple(replace(s, chain_id=1) if isinstance(s, EvmSettings) else s for s in anchored.settings)
    problems = replace(anchored, settings=other).audit().problems
    assert f"{FOLDER}/2/evm.evm: expected chain 1, got 31337" in problems


def test_a_late_anchor_is_named_while_the_stack_runs(anchored: Anchored) -> None:
    """The city log outgrew the newest receipt long ago (its next block's time says when): a problem."""
    anchored.grow(10)
    problems = anchored.audit(settled=False).problems
    assert problems == [] or all("outgrown" in p for p in problems)
    store = FileStore(anchored.city.root / "ledger")
    (late, *_) = anchor_states(store, CITY, anchored.settings, lambda: 1_800_000_000 + 1000)
    assert late.problem.startswith(
        "anchor file: expected a receipt within 480 s, the newest is of city log size 3"
    )


def bundle(anchored: Anchored, partition: int, offset: int) -> bytes:
    """The bundle of a record."""
    found = {r.offset: r for r in anchored.city.kafka.partitions[partition]}
    config = replace(anchored.city.config, anchors=anchored.settings)
    return prove(config, TOPIC, partition, offset, fetch=lambda _t, _p, o: found.get(o))


def verify(anchored: Anchored, folder: Path, data: bytes, *options: str) -> tuple[int, dict[str, object]]:
    """What `ledger-verify --json` says."""
    (folder / "event.evidence").write_bytes(data)
    (key,) = anchored.city.world.vkeys([city_origin(CITY)])
    (folder / "policy.txt").write_text(f"log {key.vkey}\nquorum none\n")
    arguments = [str(folder / "event.evidence"), "--policy", str(folder / "policy.txt"), "--json", *options]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = cli.main(arguments)
    return code, json.loads(out.getvalue())


def trust_options(anchored: Anchored, size: int) -> list[str]:
    """An auditor's own trust: both roots, a copy of the lines, and the block as a node tells it."""
    receipt = anchored.city.root / "ledger" / FOLDER / str(size)
    placed = ethereum.verify_inclusion(
        (receipt / "checkpoint.txt").read_bytes(), (receipt / "evm.evm").read_bytes()
    )
    block = anchored.node.call("eth_getBlockByNumber", hex(placed.number), False)["hash"]
    roots = [word for a in anchored.authorities for word in ("--tsa-root", str(a.folder / "root.pem"))]
    copy = str(anchored.authorities[0].folder.parent / "checkpoints.txt")
    return [*roots, "--anchor-copy", copy, "--evm", f"{anchored.node.chain_id}:{block}"]


@pytest.mark.parametrize(("offset", "size"), [(10, 1), (49, 1), (50, 2), (349, 2), (350, 3)])
def test_a_bundle_carries_the_earliest_receipts_that_cover_the_record(
    anchored: Anchored, tmp_path: Path, offset: int, size: int
) -> None:
    """An old record is shown to have existed by its first anchored checkpoint, not by today's."""
    code, verdict = verify(anchored, tmp_path, bundle(anchored, 0, offset), *trust_options(anchored, size))
    assert code == 0, verdict
    facts = verdict["facts"]
    assert isinstance(facts, dict)
    claims = {each["receipt"]: each for each in facts["anchors"]}
    assert set(claims) == {f"anchors/{size}/{name}" for name in RECEIPTS}
    assert {each["kind"] for each in claims.values()} == {"existed by"}
    assert {each["block"] for each in claims.values()} == {size - 1}
    assert claims[f"anchors/{size}/tsa-a.tsr"]["by"] == "CN=tsa-a"
    assert all(each["assumptions"] for each in claims.values())


def test_a_bundle_without_the_auditors_trust_says_what_is_missing(anchored: Anchored, tmp_path: Path) -> None:
    """No root, no block, no copy: nothing is claimed, and each receipt says what it needs."""
    code, verdict = verify(anchored, tmp_path, bundle(anchored, 1, 3))
    assert code == 0
    claims = verdict["claims"]
    assert isinstance(claims, list)
    words = [c["words"] for c in claims if c["claim"] == "anchor"]
    assert {c["status"] for c in claims if c["claim"] == "anchor"} == {"not checked"}
    assert len(words) == len(RECEIPTS)
    for option in ("--tsa-root", "--evm 31337:0x", "--anchor-copy"):
        assert any(option in each for each in words), words


def test_a_record_that_is_not_anchored_yet_has_a_bundle_without_receipts(anchored: Anchored) -> None:
    """Evidence does not wait for anchors."""
    anchored.grow(5)
    assert b"anchors/" not in bundle(anchored, 0, len(anchored.city.kafka.partitions[0]) - 1)


@pytest.mark.parametrize(
    "part", ["first/block.txt", "first/leaf.path", "2/city.tlog-proof", "2/tsa-a.tsr", "2/evm.evm"]
)
def test_a_forged_part_of_the_receipts_fails_the_verdict(
    anchored: Anchored, tmp_path: Path, part: str
) -> None:
    """Another record's block, path, proof or receipt in the bundle is found out, whatever the manifest says."""
    mine, other = (Evidence.parse(bundle(anchored, 0, offset)) for offset in (60, 400))
    foreign = {name.replace("anchors/3/", "anchors/2/"): data for name, data in other.anchors.items()}
    forged = replace(mine, anchors={**mine.anchors, f"anchors/{part}": foreign[f"anchors/{part}"]})
    code, verdict = verify(anchored, tmp_path, forged.encode(), *trust_options(anchored, 2))
    assert code == 1
    claims = verdict["claims"]
    assert isinstance(claims, list)
    assert any(c["claim"] == "anchor" and c["status"] == "failed" for c in claims)


def test_a_prover_over_damaged_jobs_says_so(anchored: Anchored) -> None:
    """A damaged job or checkpoint does not become evidence."""
    path = anchored.city.root / "ledger" / FOLDER / "1/checkpoint.txt"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises((LogStoppedError, StoreError), match=r"checkpoint\.txt: damaged"):
        bundle(anchored, 0, 3)
