"""The numbers of the servers: each has its own, and the operator's page prints them."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.http.server_limits import SERVERS, table
from infra.stack.roles import ROLES

PAGE = Path(__file__).parents[3] / "docs" / "operating.md"


def test_the_operators_page_prints_the_numbers_of_the_code() -> None:
    """Byte for byte."""
    assert table() in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SERVERS)
def test_every_number_bounds_something(name: str) -> None:
    """A role of the stack; one address cannot take all connections; bodies fit the memory for them."""
    limits = SERVERS[name]
    assert name in ROLES
    assert 0 < limits.connections_per_peer < limits.connections < 1000
    assert 0 < limits.body_bytes <= limits.buffered_bytes
