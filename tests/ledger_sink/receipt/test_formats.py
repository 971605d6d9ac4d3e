"""Jobs, lines, paths and certificates: one spelling each, and the parser's own error for everything else."""

from __future__ import annotations

import builtins
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_sink.format.errors import FormatError, ProofError
from ledger_sink.receipt import ethereum, timestamp
from ledger_sink.receipt.bundled import encode_path, parse_path
from ledger_sink.receipt.der import with_sorted_certificates
from ledger_sink.receipt.errors import MissingLibraryError, ReceiptError, UncheckedError, UntrustedError
from ledger_sink.receipt.job import Job
from ledger_sink.receipt.kinds import ReceiptTrust, kind_of, verify_receipt
from ledger_sink.receipt.printed import PrintedLine, parse_copy, verify
from tests.ledger_sink.simulated_city import small_city

CITY = small_city()
CHECKPOINT = CITY.cosigned()
JOB = Job("seoul.example/city/1", 12345, bytes(range(32)), 12000, 1_800_000_000_123, ("a.tsr", "b.evm"))
LINE = PrintedLine.of(CHECKPOINT, 1_800_000_000_123)


def test_a_job_reads_as_it_was_spelled() -> None:
    """Six lines and the receipts."""
    assert Job.parse(JOB.encode()) == JOB
    assert JOB.encode().splitlines()[4:] == [b"12000", b"2027-01-15T08:00:00.123Z", b"a.tsr", b"b.evm"]


@pytest.mark.parametrize(
    "job",
    [
        replace(JOB, receipts=()),
        replace(JOB, receipts=("b.evm", "a.tsr")),
        replace(JOB, receipts=("a.tsr", "a.tsr")),
        replace(JOB, receipts=("../a.tsr",)),
        replace(JOB, receipts=("a.exe",)),
        replace(JOB, previous=12345),
        replace(JOB, origin="seoul.example/air.reading/0/1"),
    ],
)
def test_a_job_that_breaks_a_rule_is_refused(job: Job) -> None:
    """Names, their order, the size before, the kind of log."""
    with pytest.raises(ReceiptError):
        Job.parse(job.encode())


@given(st.binary(max_size=200), st.integers(0, 200), st.integers(0, 255))
def test_no_other_bytes_are_a_job_line_or_path(data: bytes, at: int, value: int) -> None:
    """Random bytes and single changed bytes: refused, or the same spelling of another value."""
    for good, parse in ((JOB.encode(), Job.parse), (LINE.encode(), PrintedLine.parse)):
        changed = bytearray(good)
        changed[at % len(good)] = value
        for bad in (data, bytes(changed)):
            try:
                assert parse(bad).encode() == bad
            except ReceiptError:
                continue
    try:
        assert encode_path(parse_path(data)) == data
    except ProofError:
        return


def test_a_path_reads_as_it_was_spelled() -> None:
    """No hash, one, 63; not 64."""
    for count in (0, 1, 63):
        hashes = tuple(bytes([i]) * 32 for i in range(count))
        assert parse_path(encode_path(hashes)) == hashes
    with pytest.raises(FormatError):
        parse_path(encode_path((bytes(32),) * 64))


def test_a_copied_line_shows_that_the_checkpoint_existed() -> None:
    """The time is the copy's, comments and empty lines are the reader's own."""
    copy = parse_copy(b"# from the notice board\n\n" + LINE.encode())
    later = replace(LINE, time_ms=LINE.time_ms + 5000).encode()
    assert verify(CHECKPOINT, later, copy).time_s == 1_800_000_000
    with pytest.raises(UntrustedError, match="--anchor-copy"):
        verify(CHECKPOINT, LINE.encode(), ())


def test_a_copied_line_with_another_root_is_a_fork() -> None:
    """Same log, same size, other root: the reader holds the proof in hand."""
    other = replace(LINE, head=replace(LINE.head, root=bytes(32)))
    with pytest.raises(ReceiptError, match="forked"):
        verify(CHECKPOINT, LINE.encode(), (other,))


@pytest.mark.parametrize("name", ["x.tsr", "tsa-a.evm", "0.line", "w.cosig"])
def test_names_tell_the_kind(name: str) -> None:
    """The suffix is the kind."""
    assert name.endswith(kind_of(name))


@pytest.mark.parametrize("name", ["", ".tsr", "a", "a.pending", "A.tsr", "a/b.tsr", "-a.tsr", "a.tsr\n"])
def test_other_names_are_no_receipts(name: str) -> None:
    """Nothing that could leave the folder, no ticket, no capital letters."""
    with pytest.raises(ReceiptError):
        kind_of(name)


def test_an_issuer_that_must_be_known_is_wrong_if_it_is_not() -> None:
    """Unknown for an auditor, foreign for the operator who pinned all of them."""
    with pytest.raises(UntrustedError):
        verify_receipt("file.line", CHECKPOINT, LINE.encode(), ReceiptTrust())
    with pytest.raises(ReceiptError, match="foreign"):
        verify_receipt("file.line", CHECKPOINT, LINE.encode(), ReceiptTrust(known=frozenset({"file.line"})))


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base install: neither of the libraries."""
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name.partition(".")[0] in {"rfc3161_client", "Crypto"}:
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)


@pytest.mark.usefixtures("bare")
def test_without_the_libraries_nothing_is_claimed() -> None:
    """The base install says what to install, and never that a receipt holds."""
    with pytest.raises(MissingLibraryError, match="anchors"):
        timestamp.verify(CHECKPOINT, b"", ())
    with pytest.raises(MissingLibraryError, match="anchors"):
        ethereum.verify(CHECKPOINT, b"", {})
    assert verify(CHECKPOINT, LINE.encode(), (LINE,))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_time_stamp_or_refused(data: bytes) -> None:
    """Strict as the library is, nothing but our own errors comes out."""
    with pytest.raises((ReceiptError, UncheckedError)):
        timestamp.verify(CHECKPOINT, data, ())
    try:
        assert len(with_sorted_certificates(data)) == len(data)
    except ReceiptError:
        return
