"""The RFC 3161 anchor over `openssl ts`: what the authority must not get away with, and certificates' lives."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from ledger_sink.anchor.timestamp import TimestampAnchor
from ledger_sink.errors import AnchorUnavailableError
from ledger_sink.receipt import timestamp
from ledger_sink.receipt.errors import ReceiptError, UntrustedError
from tests.ledger_sink.anchor.tsa import TestAuthority, issue
from tests.ledger_sink.simulated_city import small_city

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CHECKPOINT = small_city().cosigned()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., TestAuthority]]:
    """Start authorities; end them."""
    made: list[TestAuthority] = []

    def start(name: str = "Test TSA", **life: timedelta) -> TestAuthority:
        made.append(TestAuthority(tmp_path / f"tsa{len(made)}", name, **life))
        return made[-1]

    yield start
    for each in made:
        each.close()


def anchor(authority: TestAuthority) -> TimestampAnchor:
    """The adapter."""
    return TimestampAnchor("tsa", authority.url, (authority.root.certificate,))


def stamped(authority: TestAuthority) -> bytes:
    """A stamp."""
    return anchor(authority).submit(CHECKPOINT).data  # type: ignore[union-attr]


def test_a_stamp_outlives_its_certificate(make: Callable[..., TestAuthority]) -> None:
    """Valid when it was made, expired by now: it still shows what it showed."""
    authority = make(ends=timedelta(seconds=4))
    data = stamped(authority)
    time.sleep(5)
    claim = timestamp.verify(CHECKPOINT, data, (authority.root.certificate,))
    assert claim.by == "CN=Test TSA"
    with pytest.raises(AnchorUnavailableError, match="certificate"):
        anchor(authority).submit(CHECKPOINT)


@pytest.mark.parametrize("life", [{"ends": -timedelta(days=1)}, {"begins": timedelta(days=1)}])
def test_a_stamp_outside_its_certificates_life_is_refused(
    make: Callable[..., TestAuthority], life: dict[str, timedelta]
) -> None:
    """Expired or not yet valid at the stamp's own time."""
    with pytest.raises(AnchorUnavailableError, match="certificate"):
        anchor(make(**life)).submit(CHECKPOINT)


def test_an_answer_to_another_question_is_refused(make: Callable[..., TestAuthority]) -> None:
    """A replayed stamp over the same bytes has another nonce; one over other bytes another hash."""
    authority = make()
    old = stamped(authority)
    authority.alter = lambda _: old
    with pytest.raises(AnchorUnavailableError, match="Nonce"):
        anchor(authority).submit(CHECKPOINT)
    with pytest.raises(AnchorUnavailableError, match="other bytes"):
        anchor(authority).submit(CHECKPOINT + b"x")


def test_a_namesake_authority_is_refused(make: Callable[..., TestAuthority]) -> None:
    """Same names throughout, other keys: the chain does not lead to the pinned root."""
    mine, namesake = make(), make()
    data = stamped(namesake)
    with pytest.raises(ReceiptError):
        timestamp.verify(CHECKPOINT, data, (mine.root.certificate,))
    other = make("Other TSA")
    with pytest.raises(UntrustedError, match="CN=Other TSA"):
        timestamp.verify(CHECKPOINT, stamped(other), (mine.root.certificate,))


def test_a_root_that_is_none_of_its_issuers_does_not_help(make: Callable[..., TestAuthority]) -> None:
    """The right name on a foreign root."""
    authority = make()
    foreign = issue("Test TSA root", authority=True)
    with pytest.raises(ReceiptError):
        timestamp.verify(CHECKPOINT, stamped(authority), (foreign.certificate,))


@pytest.mark.parametrize("answer", [b"", b"<html>busy</html>", b"\x30\x03\x02\x01\x02", bytes(100_000)])
def test_what_is_no_stamp_is_refused(make: Callable[..., TestAuthority], answer: bytes) -> None:
    """Nothing, a web page, a refusal, far too much."""
    authority = make()
    authority.alter = lambda _: answer
    with pytest.raises(AnchorUnavailableError):
        anchor(authority).submit(CHECKPOINT)


def test_several_authorities_vouch_independently(make: Callable[..., TestAuthority]) -> None:
    """One that lies does not spoil the other's stamp."""
    honest, liar = make("A"), make("B")
    liar.alter = lambda data: data[:-1]
    data = stamped(honest)
    with pytest.raises(AnchorUnavailableError):
        anchor(liar).submit(CHECKPOINT)
    both = (liar.root.certificate, honest.root.certificate)
    assert timestamp.verify(CHECKPOINT, data, both).by == "CN=A"
