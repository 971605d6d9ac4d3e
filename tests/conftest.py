"""Session fixtures: one real Kafka, one real ClickHouse engine and one whole run per test process; what runs first."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

pytest_plugins = [
    "tests.fixtures.catalog",
    "tests.fixtures.kafka",
    "tests.fixtures.clickhouse",
    "tests.fixtures.stack",
]


@pytest.fixture(autouse=True)
def own_memory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test of `ledger-verify` remember what it saw in the home of whoever runs it, or for another test."""
    folder = tmp_path_factory.getbasetemp() / "remembered" / uuid4().hex
    monkeypatch.setattr("ledger_sink.verifier.memory.default_file", lambda: folder / "seen.json")


LONGEST_FIRST = (
    "end_to_end/test_kill",
    "end_to_end/test_up_once",
    "end_to_end/",
    "streams/test_workers",
    "streams/sinks",
    "dashboards/test_boards",
    "ledger_sink/test_",
    "streams/test_",
    "infra/",
)
"""Several files run at a time, so the long ones begin first; within that the order stays random."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest in front."""
    items.sort(key=lambda item: _place(item.nodeid, LONGEST_FIRST))


def _place(name: str, order: Sequence[str]) -> int:
    return next((number for number, part in enumerate(order) if part in name), len(order))
