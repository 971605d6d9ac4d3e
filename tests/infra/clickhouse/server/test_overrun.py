"""A board's statement that the engine cannot stop gives its turn to others and is told to the status."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from infra.clickhouse.errors import RefusedError
from infra.clickhouse.server.admission import AdmissionQueue
from infra.clickhouse.server.config import BoardLimits
from infra.clickhouse.server.overrun import Overruns
from infra.process.confinement import Confinement, write_state
from infra.settings import Settings
from infra.status.reader import CONFINEMENT, StatusReader
from schemas.catalog import Catalog

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = BoardLimits(running=1, max_execution_s=0, grace_s=0, spare=1)


async def _others_get_a_turn(queue: AdmissionQueue) -> bool:
    nobody_left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    try:
        async with queue.admit(nobody_left):
            return True
    except RefusedError:
        return False


def test_its_turn_goes_to_others_as_often_as_there_are_spare_workers() -> None:
    """The first gives its turn away, the second keeps it; the number that overrun is told, up to none."""
    told: list[int] = []

    async def run() -> list[bool]:
        queue, overruns = AdmissionQueue(1, 1, 0.01), Overruns(LIMITS, told.append)
        left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        served = []
        async with contextlib.AsyncExitStack() as stack:
            for count in (1, 2):
                turn = await stack.enter_async_context(queue.admit(left))
                served.append(await _others_get_a_turn(queue))
                stack.enter_context(overruns.watch(turn.give_back))
                await asyncio.sleep(0.01)
                assert len(told) == count
                served.append(await _others_get_a_turn(queue))
        served.append(await _others_get_a_turn(queue))
        return served

    assert asyncio.run(run()) == [False, True, False, False, True]
    assert told == [1, 2, 1, 0]


def test_a_statement_within_its_limit_is_not_told() -> None:
    """Nor is one that ended before."""
    told: list[int] = []

    async def run() -> None:
        with Overruns(replace(LIMITS, grace_s=1000), told.append).watch(pytest.fail):
            await asyncio.sleep(0)
        with Overruns(LIMITS, told.append).watch(pytest.fail):
            pass
        await asyncio.sleep(0.01)

    asyncio.run(run())
    assert told == []


def test_the_status_reads_what_the_engine_writes(tmp_path: Path) -> None:
    """By the file of the confinement, which is open before the process is confined."""
    path = tmp_path / "run" / CONFINEMENT
    path.parent.mkdir()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    seen = []
    for count in (0, 2, 0):
        write_state(descriptor, Confinement(True, "landlock"), count)
        status = StatusReader(replace(Settings(), data=tmp_path), Catalog({}, {})).read()
        seen.append([problem.reason for problem in status.problems if problem.part == "clickhouse"])
    os.close(descriptor)
    assert sorted(seen[1]) == sorted(["overrun", *seen[0]])
    assert seen[2] == seen[0]
