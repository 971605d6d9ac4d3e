"""Every Kafka consumer of the platform reads committed records only (docs/delivery.md#transactions)."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from streams.worker.batch_consumer import BatchConsumerThread

ROOT = Path(__file__).parents[1]
LAYERS = ("dashboards", "infra", "ledger_sink", "schemas", "streams")
SOURCES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))
CLASSES = {"Consumer", "DeserializingConsumer", "AIOKafkaConsumer", "ShareConsumer"}
OWNERS = {
    "infra/kafka/admin.py",
    "ledger_sink/kafka_source.py",
    "ledger_sink/verifier/topic.py",  # an auditor installs the verifier alone
    "streams/consumer_settings.py",
}


class Construction(NamedTuple):
    """A place where a consumer is made."""

    where: str
    settings: ast.expr | None
    module: ast.Module


def constructions(path: Path) -> list[Construction]:
    """Find every call of a consumer class in a file, and its first argument."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node in ast.walk(module):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in CLASSES:
            where = f"{path.relative_to(ROOT)}:{node.lineno}"
            found.append(Construction(where, node.args[0] if node.args else None, module))
    return found


def dictionaries(construction: Construction) -> list[ast.Dict]:
    """Return the dictionaries that the settings are: the argument, or what the called method of the class returns."""
    settings = construction.settings
    if isinstance(settings, ast.Call) and isinstance(settings.func, ast.Attribute):
        method = settings.func.attr
        return [
            statement.value
            for node in ast.walk(construction.module)
            if isinstance(node, ast.FunctionDef) and node.name == method
            for statement in ast.walk(node)
            if isinstance(statement, ast.Return) and isinstance(statement.value, ast.Dict)
        ]
    return [settings] if isinstance(settings, ast.Dict) else []


def reads_committed(settings: ast.Dict) -> bool:
    """Whether `**READ_COMMITTED` is among the settings."""
    return any(
        key is None and isinstance(value, ast.Name) and value.id == "READ_COMMITTED"
        for key, value in zip(settings.keys, settings.values, strict=True)
    )


ALL = [each for path in SOURCES for each in constructions(path)]


@pytest.mark.parametrize("construction", ALL, ids=[each.where for each in ALL])
def test_every_consumer_reads_committed_records_only(construction: Construction) -> None:
    """Also one that asks for offsets alone: its isolation decides whether an end is the last stable offset."""
    found = dictionaries(construction)
    assert found, f"{construction.where}: write the settings as a dictionary where the consumer is made"
    assert all(map(reads_committed, found)), f"{construction.where}: **READ_COMMITTED is missing"


def test_the_consumers_are_found() -> None:
    """The search sees the consumers of each part."""
    files = {each.where.rpartition(":")[0] for each in ALL}
    assert {
        "infra/evidence/records.py",
        "infra/reconcile/count.py",
        "infra/reconcile/lag.py",
        "ledger_sink/kafka_source.py",
        "ledger_sink/verifier/topic.py",
        "streams/backlog.py",
        "streams/clickhouse_sink/consumer_group.py",
        "streams/partition_reader.py",
        "streams/subscriber/subscription.py",
        "streams/worker/liveness.py",
    } <= files


def test_the_isolation_level_stands_once_in_each_layer() -> None:
    """Only the owner of a layer's consumer settings names the level; nobody names another one."""
    naming = {str(path.relative_to(ROOT)) for path in SOURCES if "read_committed" in path.read_text("utf-8")}
    assert {name for name in naming if _names_level(ROOT / name)} == OWNERS
    other = {str(path.relative_to(ROOT)) for path in SOURCES if "read_uncommitted" in path.read_text("utf-8")}
    assert other == {"infra/evidence/records.py"}  # `end_of` asks for an end offset only, and reads no record


def _names_level(path: Path) -> bool:
    return any(
        isinstance(node, ast.Constant) and node.value == "read_committed"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
    )


def test_the_agents_consumer_of_faust_reads_committed_records_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust itself reads uncommitted records unless it runs exactly-once; aiokafka takes the level when it starts."""

    async def consumer_of_the_agents() -> AIOKafkaConsumer:
        monkeypatch.setattr(AIOKafkaConsumerThread, "_create_worker_consumer", lambda *_: AIOKafkaConsumer())
        thread = BatchConsumerThread.__new__(BatchConsumerThread)
        consumer = BatchConsumerThread._create_worker_consumer(thread, None)
        await consumer.stop()
        return consumer

    assert asyncio.run(consumer_of_the_agents())._isolation_level == "read_committed"
    assert AIOKafkaConsumer.__init__.__kwdefaults__["isolation_level"] == "read_uncommitted"
