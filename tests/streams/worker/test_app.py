"""The Faust app without a broker: `app.test_context()`, and what refuses to start."""

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from faust.types import TP

from schemas.codec import encode
from streams.agents import handlers_of
from streams.config import StreamsConfig
from streams.errors import DeclarationError
from streams.provenance.key_registry import Registry
from streams.state.store import PartitionStore
from streams.testing import MemoryChangelog, MemoryProducer, record
from streams.worker.app import create_app
from streams.worker.batches import Batch
from streams.worker.discovery import discover
from streams.worker.faust_app import CityApp
from tests.streams.probe import ECHO, TICK, TOTAL, probe_catalog, tick

CATALOG = probe_catalog()


def probe_app(data: Path) -> tuple[CityApp, MemoryProducer]:
    """Make the app of the probe domain, with everything it writes kept in memory."""
    config = StreamsConfig(data=data, domains=False, extra_agents=("tests.streams.probe",))
    door = MemoryProducer(CATALOG, config)
    app = create_app(
        config, CATALOG, producer=door, changelog=lambda _: MemoryChangelog(), registry=Registry()
    )
    return app, door


def batch_of(numbers: range) -> Batch:
    """Make a delivered batch of ticks."""
    schema = CATALOG.topics[TICK].schema
    records = [
        SimpleNamespace(
            topic=TICK,
            partition=0,
            offset=number,
            key=b"a",
            value=encode(schema, tick("a", number)),
            headers=(),
            timestamp=0,
        )
        for number in numbers
    ]
    return Batch(TP(TICK, 0), records)


def test_an_agent_takes_a_batch_as_one_event(tmp_path: Path) -> None:
    """In Faust's own test context: the agent is an ordinary Faust agent, the batch an ordinary event."""

    async def scenario() -> tuple[Batch, MemoryProducer]:
        app, door = probe_app(tmp_path)
        batch = batch_of(range(5))
        async with app.agents[f"agents.{TICK}"].test_context() as agent:
            app.consumer.progress[batch.tp].deliver(batch)
            await agent.put(batch)
            for _ in range(200):
                if batch.done:
                    break
                await asyncio.sleep(0.02)
        return batch, door

    batch, door = asyncio.run(scenario())
    assert batch.done
    assert [each.event["number"] for each in door.sent(ECHO)] == [0, 1, 2, 3, 4]
    assert [each.event["count"] for each in door.sent(TOTAL)] == [1, 2, 3, 4, 5]


def test_every_packaged_domain_is_found_and_fits_the_catalogue(tmp_path: Path) -> None:
    """`streams/domains/*/agents.py` without any list; each rule's topics exist."""
    config = StreamsConfig(data=tmp_path)
    rules = discover(config, CATALOG)
    assert rules["air-quality.reading"]
    assert rules["vehicle.dssad-event"] == [], "no rule reads it; the origin of its events is checked"
    app = create_app(
        config, CATALOG, producer=MemoryProducer(CATALOG, config), changelog=lambda _: MemoryChangelog()
    )
    assert {f"agents.{topic}" for topic in rules} <= set(app.agents)


def test_a_domain_that_the_catalogue_lacks_is_refused(tmp_path: Path) -> None:
    """The error names the topic."""
    config = StreamsConfig(data=tmp_path, domains=False, extra_agents=("tests.streams.probe",))
    catalog = type(CATALOG)({name: each for name, each in CATALOG.domains.items() if name != "probe"})
    with pytest.raises(DeclarationError, match=r"probe\.tick: the catalogue has no such topic"):
        create_app(
            config, catalog, producer=MemoryProducer(catalog, config), changelog=lambda _: MemoryChangelog()
        )


def test_the_settings_that_make_faust_safe_are_set(tmp_path: Path) -> None:
    """Each is an answer to a pitfall listed in streams/worker/README.md."""
    conf = probe_app(tmp_path)[0].conf
    assert conf.web_enabled is False
    assert conf.stream_wait_empty is False
    assert conf.topic_disable_leader is True
    assert conf.topic_allow_declare is False
    assert conf.consumer_auto_offset_reset == "earliest"
    assert conf.broker_session_timeout == 8.0
    assert conf.processing_guarantee.value == "at_least_once"


def test_the_readme_names_what_exists() -> None:
    """Where each pitfall is met, by files and names that are there; and its example is a rule that runs."""
    folder = Path(__file__).parents[3] / "streams"
    table = (folder / "worker" / "README.md").read_text(encoding="utf-8").split("## Pitfalls")[1]
    met = "".join(row.split("|")[2] for row in table.splitlines() if row.startswith("|"))
    code = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    names = re.findall(r"`([A-Za-z_.]+)`", met)
    assert len(names) > 15
    assert [
        each for each in names if not (folder / "worker" / each).exists() and each.split(".")[-1] not in code
    ] == []
    example: dict[str, object] = {}
    text = (folder / "README.md").read_text(encoding="utf-8")
    exec(text.split("```python\n")[1].split("```")[0], example)  # noqa: S102 - our own README
    (index,) = handlers_of(SimpleNamespace(**example))
    state = PartitionStore(MemoryChangelog(), 0, 1)
    remembered = state.begin().state(("r@1", "s", "x"), 0)
    assert remembered is not None
    (output,) = index.call(record(index.topic, {}, key="s"), remembered)
    assert output.event == {"station": "s"}
    assert remembered.get() == {"readings": 1}
