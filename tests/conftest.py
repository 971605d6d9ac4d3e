"""Shared fixtures, the order of the files, who shares a test process, and how long properties are tried."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import settings

from tests.harness import shared

if TYPE_CHECKING:
    from collections.abc import Sequence

pytest_plugins = [
    "tests.fixtures.catalog",
    "tests.fixtures.kafka",
    "tests.fixtures.clickhouse",
    "tests.fixtures.stack",
]

# A busy machine must not decide a test: no deadlines.
settings.register_profile("gate", max_examples=100, deadline=None)
settings.register_profile("nightly", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


LEASE = pytest.StashKey[IO[str]]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Hold the lease of the servers that all test processes share, in the first of them."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        folder = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        session.config.stash[LEASE] = shared.hold(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let the shared servers end, and wait for them."""
    if LEASE in config.stash:
        shared.give_back(config.stash[LEASE])


@pytest.fixture(autouse=True)
def own_memory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test of `ledger-verify` remember what it saw in the home of whoever runs it, or for another test."""
    folder = tmp_path_factory.getbasetemp() / "remembered" / uuid4().hex
    monkeypatch.setattr("ledger_sink.verifier.memory.default_file", lambda: folder / "seen.json")


LONGEST_FIRST = (
    "end_to_end/live/",
    "end_to_end/test_kill",
    "end_to_end/test_up_once",
    "end_to_end/",
    "streams/worker/test_workers",
    "streams/clickhouse_sink/",
    "streams/replay/test_run",
    "ledger_sink/peers",
    "ledger_sink/test_",
    "infra/kafka/",
    "dashboards/test_boards",
    "infra/",
)
"""Several files run at a time, so the long ones begin first; within that the order stays random."""


LAST_IN_ITS_FOLDER = "end_to_end/live/test_ctrl_c"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest in front."""
    items.sort(key=lambda item: (_place(item.nodeid, LONGEST_FIRST), LAST_IN_ITS_FOLDER in item.nodeid))


def _place(name: str, order: Sequence[str]) -> int:
    return next((number for number, part in enumerate(order) if part in name), len(order))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each file to one process, and some files together."""
    from tests.harness.scheduling import Scheduling

    return Scheduling(config, log)
