"""What makes a record simulated: subscribers and auditors read the header `simulated` in the same way."""

from collections.abc import Callable

import pytest

from ledger_sink.format.leaf import CanonicalRecord
from ledger_sink.verifier.evidence import is_simulated
from streams.record import SIMULATED
from streams.subscriber.event import Event, RecordPosition

Headers = tuple[tuple[str, bytes | None], ...]

TABLE: list[tuple[str, Headers, bool]] = [
    ("absent", (), False),
    ("other header", (("cause", b"true"),), False),
    ("other spelling of the name", (("Simulated", b"true"),), False),
    ("as the platform writes it", (SIMULATED,), True),
    ("true", (("simulated", b"true"),), True),
    ("True", (("simulated", b"True"),), True),
    ("false", (("simulated", b"false"),), False),
    ("False", (("simulated", b"False"),), True),
    ("false with a space", (("simulated", b"false "),), True),
    ("empty", (("simulated", b""),), True),
    ("null", (("simulated", None),), True),
    ("other bytes", (("simulated", b"\xff\x00"),), True),
    ("false, then true", (("simulated", b"false"), ("cause", b"x"), ("simulated", b"true")), True),
]


def subscriber_reads(headers: Headers) -> bool:
    """Return what the subscriber's event says."""
    return Event(RecordPosition("t", 0, 0), None, None, "", 1, 0, None, None, headers).simulated


def verifier_reads(headers: Headers) -> bool:
    """Return what the auditor's verifier says."""
    return is_simulated(CanonicalRecord("t", 0, 0, 1, 0, None, None, headers))


@pytest.mark.parametrize("reads", [subscriber_reads, verifier_reads])
@pytest.mark.parametrize(("headers", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_any_value_of_the_header_but_false_means_simulated(
    reads: Callable[[Headers], bool], headers: Headers, expected: bool
) -> None:
    """In doubt a record is called simulated: a real one called so is checked again, the reverse misleads."""
    assert reads(headers) is expected
