"""Agents: Kafka → Avro decode → rule → Avro encode → Kafka, ours and peers, in four weights.

All sides run the same functions (`tests.bench.work`) on the same topic and must deliver the same set of keys
and values; each but Pathway must have committed all of its input. Ours writes two headers besides, counts,
isolates failures to each record and judges every batch; the peers do not. With state, ours, Quix Streams (RocksDB)
and Faust (a table in memory) keep it in a changelog; the bare loop keeps it in a dict and would lose it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.bench.child import prepare, run_side
from tests.bench.harness import Row, Run, Side, SideError
from tests.bench.kafka_stage import Broker, a_broker
from tests.bench.work import DECODE, LIGHT, READING, STATE, WHOLE, Work, readings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.figures import Measured


@dataclass
class AgentStage:
    """A broker with readings; smaller topics for sides that get a share."""

    broker: Broker
    work: Work
    records: list[tuple[bytes, bytes]]
    sources: dict[int, str] = field(default_factory=dict)
    expected: dict[int, set[tuple[bytes, bytes]]] = field(default_factory=dict)

    def source(self, events: int) -> str:
        """Return a topic with the first `events` readings; the rules' own topic holds all."""
        if events not in self.sources:
            whole = events == len(self.records)
            name = READING if whole else f"bench.readings-{events}"
            if not whole:
                self.broker.create(name)
            self.broker.fill(name, self.records[:events])
            self.sources[events] = name
        return self.sources[events]

    def wanted(self, events: int) -> set[tuple[bytes, bytes]]:
        """Return what must be delivered for the first `events` readings."""
        if events not in self.expected:
            self.expected[events] = self.work.outputs(self.records[:events])
        return self.expected[events]


@contextlib.contextmanager
def stage(work: Work, events: int) -> Iterator[AgentStage]:
    """Start a broker and fill it."""
    with a_broker() as broker:
        made = AgentStage(broker, work, list(readings(events)))
        made.source(events)
        yield made


def measure(program: str, on: AgentStage, run: Run, *, commits: bool = True) -> Measured:
    """Run a side and check what it delivered.

    Raises:
        SideError: It failed, delivered anything else, or did not commit its input.
    """
    source = on.source(run.events)
    before = on.broker.ends(on.work.output) if on.work.output else []
    told: dict[str, Any] = {
        "kafka": on.broker.kafka,
        "group": run.group,
        "source": source,
        "work": on.work.name,
        "total": run.events,
        "servers": [on.broker.pid],
        "folder": str(on.broker.folder / run.group),
    }
    measured = run_side(program, told)
    if commits:
        on.broker.await_commit(run.group, source)
    if on.work.output:
        _check(on, run, before)
    return measured


def _check(on: AgentStage, run: Run, before: list[int]) -> None:
    found, wanted = set(on.broker.read(on.work.output, before)), on.wanted(run.events)
    if found != wanted:
        raise SideError(
            f"delivered something else: {len(wanted - found)} of {len(wanted)} missing, "
            f"{len(found - wanted)} not expected"
        )


def measure_apart(program: str, on: AgentStage, run: Run, *, commits: bool = True) -> Measured:
    """Run a side that has an environment of its own."""
    prepare(program)
    return measure(program, on, run, commits=commits)


def _row(work: Work, what: str, bare: float | None, quix: float | None, *more: Side) -> Row:
    return Row(
        f"agents-{work.name}",
        what,
        Side("ours", partial(measure, "agents_ours")),
        (
            Side("bare confluent-kafka loop", partial(measure, "agents_bare"), bare, bare),
            Side("Quix Streams", partial(measure_apart, "agents_quix"), quix, quix),
            Side("Faust as shipped", partial(measure, "agents_faust"), share=0.1),
            *more,
        ),
        partial(stage, work),
        events=200_000,
        small=3_000,
    )


_PATHWAY = Side("Pathway", partial(measure_apart, "agents_pathway", commits=False))
WHOLE_ROW = _row(WHOLE, "Avro decode, the air-quality rule, Avro encode, produce", 0.9, 3.0, _PATHWAY)
LIGHT_ROW = _row(LIGHT, "Avro decode, one comparison, Avro encode, produce", 0.9, 3.0, _PATHWAY)
DECODE_ROW = _row(DECODE, "Avro decode", 0.9, 3.0, _PATHWAY)
STATE_ROW = _row(STATE, "the light work with durable keyed state: one get and one put a record", None, None)
