"""One behaviour for every anchor: each test runs over all adapters, each against a real local peer."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ledger_sink.anchor import contract, evm_rpc, timestamp
from ledger_sink.anchor import scheduler as keeper
from ledger_sink.anchor.config import ConfiguredAnchor
from ledger_sink.anchor.contract import Pending, Receipt
from ledger_sink.anchor.jobs import AnchorJobs
from ledger_sink.anchor.scheduler import AnchorScheduler
from ledger_sink.errors import AnchorUnavailableError, StoreError
from ledger_sink.format.layout import CHECKPOINT, log_path
from ledger_sink.format.note import parse_note
from ledger_sink.receipt.attestation import AttestationKind
from ledger_sink.receipt.errors import ReceiptError, UncheckedError
from ledger_sink.store import FileStore
from tests.harness.waiting import patient
from tests.ledger_sink.anchor.peers import CASES, Case, SilentPort
from tests.ledger_sink.running import Metrics, warnings_of
from tests.ledger_sink.simulated_city import small_city

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ledger_sink.anchor.contract import Anchor

STEPS = 40


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """One adapter with its running peer."""
    made = CASES[request.param](tmp_path_factory.mktemp(request.param))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once."""
    monkeypatch.setattr(keeper, "FIRST_RETRY_S", 0.0)


class Kept:
    """A keeper over a ledger of its own."""

    def __init__(self, folder: Path, case: Case) -> None:
        self.case = case
        self.store = FileStore(folder / "ledger", threads=1)
        self.origin = case.city.log.origin
        self.metrics = Metrics()
        name = f"{log_path(self.origin)}/{CHECKPOINT}"
        self.store.write({name: case.checkpoint})

    def step(
        self, anchor: Anchor, steps: int = 1, clock: Callable[[], float] = time.time
    ) -> tuple[bytes | None, list[str]]:
        """Start a keeper, let it work, end it; return the receipt if it is there, and what the log says was wrong."""
        configured = ConfiguredAnchor(anchor, 60.0)
        made = AnchorScheduler(self.store, self.origin, [configured], self.metrics, clock=clock, poll_s=0)
        with warnings_of(keeper.log) as told, contextlib.closing(made):
            for _ in range(steps):
                made()
                if self.receipt(configured.receipt) is not None:
                    break
                self.case.settle()
            return self.receipt(configured.receipt), told

    def receipt(self, name: str) -> bytes | None:
        """The receipt that was kept."""
        jobs = AnchorJobs(self.store, log_path(self.origin))
        job = jobs.newest(name)
        return None if job is None else jobs.receipt(job, name)


@pytest.fixture
def kept(tmp_path: Path, case: Case) -> Kept:
    """A keeper for this adapter."""
    return Kept(tmp_path, case)


def finished(case: Case, anchor: Anchor, checkpoint: bytes) -> bytes:
    """Submit and wait for the receipt, without a keeper."""
    answer: Pending | Receipt = anchor.submit(checkpoint)
    for _ in range(STEPS):
        if isinstance(answer, Receipt):
            return answer.data
        case.settle()
        answer = anchor.poll(checkpoint, answer)
    raise AssertionError("no receipt came")


@pytest.fixture(scope="module")
def receipt(case: Case) -> bytes:
    """A receipt over the case's checkpoint."""
    return finished(case, case.anchor(), case.checkpoint)


def test_a_receipt_is_a_claim_of_kind_time_issuer_and_assumptions(case: Case, receipt: bytes) -> None:
    """Who said what, when, and what it rests on: nothing is claimed without its assumptions."""
    claim = case.anchor().verify(case.checkpoint, receipt, case.trust(receipt))
    assert claim.kind is AttestationKind.EXISTED_BY
    assert abs(claim.time_s - time.time()) < 300
    assert claim.by
    assert claim.assumptions


def test_a_duplicate_submission_is_harmless(case: Case) -> None:
    """The same checkpoint twice: both receipts hold."""
    for _ in range(2):
        data = finished(case, case.anchor(), case.checkpoint)
        assert case.anchor().verify(case.checkpoint, data, case.trust(data))


def test_the_receipt_is_kept_and_not_asked_for_again(case: Case, kept: Kept) -> None:
    """After the receipt a restarted keeper has nothing to do."""
    first, trouble = kept.step(case.anchor(), STEPS)
    assert first is not None
    assert not trouble
    assert kept.step(case.unreachable(), 3) == (first, [])
    assert kept.metrics.of("ledger_anchor_lag_seconds")[-1] == 0


def test_a_crash_between_submission_and_storing_submits_again(case: Case, kept: Kept) -> None:
    """The answer is lost with the process: the next one submits the same bytes again and gets its receipt."""

    def crash(operation: str, name: str) -> None:
        if operation == "before write" and name.rpartition(".")[2] in {"pending", case.anchor().suffix}:
            raise StoreError("the process died here")

    kept.store.fault_for_tests = crash
    assert kept.step(case.anchor(), 1)[0] is None
    kept.store.fault_for_tests = lambda _operation, _name: None
    data, trouble = kept.step(case.anchor(), STEPS)
    assert data is not None
    assert not trouble
    assert case.anchor().verify(case.checkpoint, data, case.trust(data))


@pytest.mark.parametrize("step", range(1, 4))
def test_a_crash_at_every_step_of_a_job_is_survived(case: Case, kept: Kept, step: int) -> None:
    """Each file operation of a job in turn is the last one of its process."""
    seen = 0

    def crash(operation: str, _name: str) -> None:
        nonlocal seen
        seen += operation == "after rename"
        if operation == "after rename" and seen == step:
            raise StoreError("the process died here")

    kept.store.fault_for_tests = crash
    with contextlib.suppress(StoreError):
        kept.step(case.anchor(), 1)
    kept.store.fault_for_tests = lambda _operation, _name: None
    assert kept.step(case.anchor(), STEPS)[0] is not None


def test_no_answer_is_told_and_tried_again(case: Case, kept: Kept) -> None:
    """A peer that is away: the job waits, the metric alarms, and the receipt comes once it is back."""
    data, trouble = kept.step(case.unreachable(), 2)
    assert data is None
    assert trouble
    assert kept.metrics.of("ledger_anchor_down")[-1] == 1
    assert kept.metrics.of("ledger_anchor_lag_seconds")[-1] > 0
    assert kept.step(case.anchor(), STEPS)[0] is not None
    assert kept.metrics.of("ledger_anchor_down")[-1] == 0


def test_a_peer_that_never_answers_costs_its_time_limit(
    case: Case, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that hangs ends after the limit, and is told like any silence."""
    for module in (timestamp, evm_rpc):
        monkeypatch.setattr(module, "TIMEOUT_S", 0.3)
    port = SilentPort()
    anchor = case.silent(port.url)
    began = time.monotonic()
    if anchor is not None:
        assert kept.step(anchor, 1)[1]
    port.close()
    assert time.monotonic() - began < patient(3)


def test_no_receipt_of_a_foreign_issuer_is_claimed(case: Case, receipt: bytes) -> None:
    """A reader who does not know the issuer gets no claim."""
    with pytest.raises((UncheckedError, ReceiptError)):
        case.anchor().verify(case.checkpoint, receipt, case.foreign_trust())


def test_no_damaged_receipt_says_anything_else(case: Case, receipt: bytes) -> None:
    """Any flipped bit: refused, or (outside what is signed) the very same claim."""
    trust, anchor = case.trust(receipt), case.anchor()
    true = anchor.verify(case.checkpoint, receipt, trust)
    dice = random.Random(7)
    positions = {0, len(receipt) - 1, *(dice.randrange(len(receipt)) for _ in range(150))}
    for position in sorted(positions):
        damaged = bytearray(receipt)
        damaged[position] ^= 1 << dice.randrange(8)
        try:
            assert anchor.verify(case.checkpoint, bytes(damaged), trust) == true
        except (ReceiptError, UncheckedError):
            continue
    for cut in (b"", receipt[:-1], receipt[: len(receipt) // 2], receipt + b"\0", receipt + receipt):
        with pytest.raises((ReceiptError, UncheckedError)):
            anchor.verify(case.checkpoint, cut, trust)


def test_a_receipt_of_another_checkpoint_is_refused(case: Case, receipt: bytes) -> None:
    """An altered checkpoint, an older one, or the same without its cosignatures is not what was anchored."""
    trust, anchor = case.trust(receipt), case.anchor()
    note = parse_note(case.checkpoint)
    others = [
        small_city(records=4).cosigned(),
        replace(note, text=note.text.replace("\n2\n", "\n3\n")).encode(),
        case.city.log.checkpoint(),
    ]
    for other in others:
        with pytest.raises(ReceiptError):
            anchor.verify(other, receipt, trust)


def test_verification_needs_no_network(case: Case, receipt: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no socket to be had, a receipt is verified all the same."""
    trust, anchor = case.trust(receipt), case.anchor()

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network here")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert anchor.verify(case.checkpoint, receipt, trust)


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0])
def test_a_receipt_of_an_impossible_time_is_not_kept(case: Case, kept: Kept, seconds: float) -> None:
    """When the issuer's clock and ours differ by more than minutes, neither is believed and it is told."""
    anchor = case.skewed(seconds)
    clock = time.time if anchor else lambda: time.time() + seconds
    data, trouble = kept.step(anchor or case.anchor(), 8, clock)
    assert data is None
    assert "a clock is wrong" in trouble[0]


def test_garbage_never_escapes_as_another_error(case: Case, receipt: bytes) -> None:
    """Random bytes for a receipt, random bytes for a checkpoint: the receipt's own errors only."""
    dice = random.Random(3)
    anchor, trust = case.anchor(), case.trust(receipt)
    for size in (0, 1, 2, 10, 100, 1000):
        with pytest.raises((ReceiptError, UncheckedError)):
            anchor.verify(case.checkpoint, dice.randbytes(size), trust)


def test_the_contract_holds_for_types(case: Case) -> None:
    """An adapter's name and suffix make a receipt's file name; a dead peer is the contract's error."""
    anchor: contract.Anchor = case.unreachable()
    assert anchor.name
    with pytest.raises(AnchorUnavailableError):
        anchor.submit(case.checkpoint)
