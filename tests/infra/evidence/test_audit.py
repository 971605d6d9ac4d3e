"""What an audit says of itself."""

from __future__ import annotations

import pytest

from infra.evidence.audit import WholeAudit
from infra.tables.typed_audit import TypedResult
from ledger_sink.audit.run import AuditResult


@pytest.mark.parametrize(
    ("compared", "repeats", "said"),
    [
        (100, 0, "100 typed rows in 1 tables (100 % of their rows one by one), 0 rows of roll-ups"),
        (100, 171, "(100 % of their rows one by one), 171 records that repeat an event, 0 rows of roll-ups"),
        (50, 0, "(50 % of their rows one by one), "),
        (101, 0, "(100 % of their rows one by one), "),
    ],
)
def test_no_share_is_above_the_whole_and_repeats_stand_apart(compared: int, repeats: int, said: str) -> None:
    """Rows that went away meanwhile make no share of 101 %, either."""
    typed = TypedResult(compared=compared, repeats=repeats, rows=100, tables=1)
    whole = WholeAudit("pass", [], [], [], [], [], AuditResult("pass", []), typed)
    assert said in whole.compared()
