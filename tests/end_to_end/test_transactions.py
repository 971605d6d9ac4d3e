"""Transactions on every raw topic of a city under load: it goes on, and derives nothing from what was aborted."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.harness.city import interrupt
from tests.harness.raw_topics import Place, RawTopicWriter
from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.harness.city import City

LONGER_THAN_LIVENESS_S = 75.0
COPIES = 20
"""Records of each example in each transaction."""


def causes_and_places(city: City) -> tuple[set[str], set[Place]]:
    """Return the causes of all derived records of a stack that is down, and the places of all archived ones."""
    with city.engine() as client:
        causes = client.query(
            "SELECT DISTINCT h.2 FROM city.records ARRAY JOIN headers AS h WHERE h.1 = 'cause'"
        ).result_rows
        places = client.query("SELECT topic, partition, offset FROM city.records").result_rows
    return {str(row[0]) for row in causes}, {(str(t), int(p), int(o)) for t, p, o in places}


@pytest.mark.nightly
@pytest.mark.timeout(1200)
def test_transactions_on_every_raw_topic_under_load(make_city: Callable[..., City], first_rows: Path) -> None:
    """Every end of a transaction while a replay runs; one stays open for longer than a worker may stand still."""
    city = make_city()
    recordings = ("--recordings", str(first_rows))
    output = city.data.parent / "live.txt"
    city.data.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w") as out:
        process = city.start("--speed", "max", *recordings, output=out)
    city.wait_for(process.pid, "worker-0", "sink", "ledger")
    writer = RawTopicWriter(city, COPIES)
    writer.rounds(3)
    began = time.monotonic()
    writer.leave_open(LONGER_THAN_LIVENESS_S)
    held = writer.held()
    assert {topic for topic, _ in held} == {each.name for each in writer.topics}
    eventually(lambda: "held back by an open transaction" in city.city("status").stdout, "status tells")
    told = city.city("status").stdout
    for topic, partition in held:
        assert f"topic {topic} partition {partition}: " in told, told
    eventually(lambda: not writer.held(), "Kafka aborts the open transaction", within_s=180, every_s=1)
    assert time.monotonic() - began > LONGER_THAN_LIVENESS_S - 1
    assert process.poll() is None, output.read_text()
    writer.rounds(1)
    interrupt(process)
    assert process.returncode == 0, output.read_text()

    while_once(city, writer, recordings)
    causes, places = causes_and_places(city)
    assert writer.committed <= places
    assert not writer.lost & places
    spelled = {f"{topic}/{partition}/{offset}" for topic, partition, offset in writer.lost}
    assert not causes & spelled
    assert causes & {f"{topic}/{partition}/{offset}" for topic, partition, offset in writer.committed}
    print(
        f"{len(writer.topics)} raw topics, {len(writer.committed)} records committed and archived, "
        f"{len(writer.lost)} aborted, fenced or timed out and neither archived nor a cause; "
        f"{len(causes)} causes"
    )


def while_once(city: City, writer: RawTopicWriter, recordings: Sequence[str]) -> None:
    """Run `--once` with transactions while it runs; it waits for an open one and passes."""
    city.report.unlink(missing_ok=True)
    process = city.start("--once", "--speed", "max", "--report", str(city.report), *recordings)
    city.wait_for(process.pid, "worker-0", "sink", "ledger")
    failed: list[BaseException] = []

    def write() -> None:
        try:
            writer.rounds(1)
            writer.leave_open(20.0)
        except BaseException as error:  # noqa: BLE001 - raised below, in the test's own thread
            failed.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    said, _ = process.communicate(timeout=280)
    thread.join(30)
    if failed:
        raise failed[0]
    print(said)
    assert process.returncode == 0, said
    assert city.read_report()["audit"] == {"verdict": "pass", "problems": []}
