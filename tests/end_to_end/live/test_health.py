"""A part of the live city is suspended: status, page, metrics and exit code say so within 10 s, and no longer after."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.harness.waiting import eventually, patient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.city import City
    from tests.harness.live import LiveCity

SEEN_S = 10.0


@contextmanager
def suspended(city: City, name: str) -> Iterator[None]:
    """Suspend a process of the stack, and continue it."""
    pid = city.pids()[name]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def page(city: City, path: str) -> str:
    """Return what the web process answers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{city.ports['web']}{path}", timeout=60) as answer:
        return str(answer.read().decode())


def red(city: City) -> set[str]:
    """Return the parts that `/status.json` shows in red."""
    return {p["part"] for p in json.loads(page(city, "/status.json"))["problems"] if p["severity"] == "red"}


def samples(city: City) -> list[Any]:
    """Return the samples of `/metrics`."""
    families = text_string_to_metric_families(page(city, "/metrics"))
    return [sample for family in families for sample in family.samples]


@pytest.mark.parametrize("part", ["sink", "kafka", "clickhouse", "signer"])
def test_a_suspended_part_is_red_everywhere_and_its_counts_are_unknown(live: LiveCity, part: str) -> None:
    """Then it goes on, and nothing was lost: the run at the end counts."""
    city = live.city
    with suspended(city, part):
        eventually(lambda: part in red(city), f"{part} is red", within_s=patient(SEEN_S))
        found = samples(city)
        assert any(s.name == "city_parts_ill" and s.value >= 1 for s in found)
        assert any(s.name == "city_problems" and s.labels["part"] == part for s in found)
        unknown = {"kafka": "records", "clickhouse": "rows"}.get(part)
        if unknown:
            assert not any(s.name == f"city_topic_{unknown}" for s in found)
            silent = [s.value for s in found if s.name == "city_not_reporting" and s.labels["part"] == part]
            assert silent == [1.0]
        assert "<div class=red>" in page(city, "/")
    eventually(
        lambda: part not in red(city), lambda: page(city, "/status.json")[-3000:], within_s=patient(15)
    )


def test_the_command_ends_with_1_while_the_sink_is_suspended(live: LiveCity) -> None:
    """The line names the process, and how to continue it."""
    city = live.city
    with suspended(city, "sink"):
        done = city.city("status")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "sink is suspended by a signal (SIGSTOP)" in done.stdout
    assert f"kill -CONT {city.pids()['sink']}" in done.stdout
