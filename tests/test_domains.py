"""One suite over all domains: a new domain is tested before anyone writes a test of its own.

Domains are found by glob, layer by layer. A further layer adds its checks here as functions that take `domain`; what a
domain does not have in a layer is not asked for, except where its own catalogue calls for it.
"""

import importlib
import re
from pathlib import Path

import pytest

from dashboards.build import boards
from infra.clickhouse.scripts import load_rollups, load_scripts
from schemas import names, registry
from schemas.catalog import DOMAINS, Catalog, Domain, load_catalog
from schemas.codec import decode, encode
from schemas.compatibility import check_all
from schemas.dictionary import rows
from schemas.errors import EventError
from schemas.examples import to_plain
from schemas.tables import create_table
from streams.agents import Handler, handlers_of
from streams.formats import Format
from tests.schemas.wire import on_the_wire

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path.parent.name for path in DOMAINS.glob("*/domain.toml"))
every_domain = pytest.mark.parametrize(
    "domain", [load_catalog().domains[name] for name in FOLDERS], ids=FOLDERS
)
LEGAL_TOPIC = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\.[a-z0-9]+(-[a-z0-9]+)*")
LEGAL_TABLE = re.compile(r"[a-z][a-z0-9_]*")


def module(domain: Domain, name: str) -> object | None:
    """Import a module of the domain's folder in streams, or return None where there is none."""
    if not (ROOT / "streams" / "domains" / domain.name / f"{name}.py").exists():
        return None
    return importlib.import_module(f"streams.domains.{domain.name}.{name}")


def handlers(domain: Domain) -> list[Handler]:
    """List the rules of a domain's agents."""
    agents = module(domain, "agents")
    return handlers_of(agents) if agents else []


def formats(domain: Domain) -> tuple[Format, ...]:
    """List the formats of recordings that a domain reads."""
    recordings = module(domain, "recordings")
    return tuple(recordings.FORMATS) if recordings else ()  # type: ignore[attr-defined]


# schemas/


@every_domain
def test_every_topic_of_a_domain_is_in_the_catalogue(domain: Domain, catalog: Catalog) -> None:
    """Names are derived, legal in Kafka and ClickHouse, and belong to one topic each."""
    for topic in domain.topics:
        assert catalog.topics[topic.name] is topic
        assert topic.name == names.topic_name(domain.name, topic.event)
        assert LEGAL_TOPIC.fullmatch(topic.name)
        assert LEGAL_TABLE.fullmatch(topic.table)
        assert [other.name for other in catalog.topics.values() if other.table == topic.table] == [topic.name]


@every_domain
def test_domain_says_who_answers_for_it(domain: Domain) -> None:
    """Title, owner, readers and how long the records are kept."""
    assert domain.title.strip()
    assert domain.owner.strip()
    assert all(topic.readers and topic.retention_days for topic in domain.topics)


@every_domain
def test_domain_has_one_topic_for_dead_letters(domain: Domain) -> None:
    """What is refused has a place of its own in every domain."""
    letters = [topic.name for topic in domain.topics if topic.kind == "dead-letter"]
    assert letters == [names.dead_letter_topic(domain.name)]


@every_domain
def test_schema_ids_of_a_domain_are_its_own(domain: Domain, catalog: Catalog) -> None:
    """An id means one schema, for ever; only dead letters share theirs."""
    own = {schema.id for topic in domain.topics if topic.kind != "dead-letter" for schema in topic.schemas}
    others = {s.id for t in catalog.topics.values() if t.domain != domain.name for s in t.schemas}
    assert not own & others


@every_domain
def test_examples_of_a_domain_go_through_the_codec(domain: Domain, catalog: Catalog) -> None:
    """Every example is an event: encoded, decoded, the same."""
    for topic in domain.topics:
        for name, example in catalog.examples[topic.schema.id].items():
            event = on_the_wire(topic, example)
            schema, found = decode(encode(topic.schema, event), catalog, topic)
            assert schema is topic.schema
            assert to_plain({key: found[key] for key in event}) == to_plain(event), name


@every_domain
def test_no_personal_value_is_taken_in_clear(domain: Domain, catalog: Catalog) -> None:
    """The codec refuses an event whose personal fields were not encrypted, unless they are null."""
    for topic in domain.topics:
        for example in catalog.examples[topic.schema.id].values():
            if any(example.get(name) is not None for name in topic.schema.personal):
                with pytest.raises(EventError):
                    encode(topic.schema, example)


@every_domain
def test_versions_of_a_schema_may_follow_one_another(domain: Domain) -> None:
    """FULL_TRANSITIVE over all versions."""
    assert [check_all(topic.schemas) for topic in domain.topics if check_all(topic.schemas)] == []


@every_domain
def test_every_column_of_a_domain_is_documented(domain: Domain, catalog: Catalog) -> None:
    """The dictionary has a meaning for each column of each table."""
    entries = [entry for entry in rows(catalog) if entry.domain == domain.name]
    assert {entry.table for entry in entries} >= {topic.table for topic in domain.topics}
    assert all(entry.doc.strip() for entry in entries)
    for topic in domain.topics:
        assert f".{topic.table}\n" in create_table(topic)


@every_domain
def test_registry_serves_every_schema_of_a_domain(domain: Domain, catalog: Catalog) -> None:
    """Under the topic's subject, with the id that stands in the frame."""
    for topic in domain.topics:
        path = f"/subjects/{names.subject_name(topic.name)}/versions/latest"
        assert registry.answer(catalog, "GET", path).body["id"] == topic.schema.id


# every layer


@pytest.mark.parametrize("layer", ["streams", "dashboards", "infra/clickhouse", "tests/streams"])
def test_layer_has_no_domain_that_the_catalogue_does_not_know(layer: str) -> None:
    """What lies in a folder named domains is named after a domain."""
    found = {path.name.removesuffix(".py") for path in (ROOT / layer / "domains").glob("[a-z]*")}
    assert found <= set(FOLDERS)


# streams/


@every_domain
def test_rules_of_a_domain_read_and_write_topics_of_the_catalogue(domain: Domain, catalog: Catalog) -> None:
    """A rule declares what it reads and writes, and writes derived topics only."""
    for handler in handlers(domain):
        assert handler.topic in catalog.topics
        assert {catalog.topics[name].kind for name in handler.outputs} <= {"derived"}


@every_domain
def test_every_derived_topic_has_a_rule_that_writes_it(domain: Domain) -> None:
    """A derived topic that nothing derives would stay empty for ever."""
    derived = {topic.name for topic in domain.topics if topic.kind == "derived"}
    assert derived <= {name for handler in handlers(domain) for name in handler.outputs}


@every_domain
def test_formats_of_a_domain_are_its_own(domain: Domain) -> None:
    """A format is named once and says which domain it belongs to."""
    found = formats(domain)
    assert len({each.name for each in found}) == len(found)
    assert {each.domain for each in found} <= {domain.name}


@every_domain
def test_readme_of_a_domain_says_what_a_record_of_each_format_is(domain: Domain) -> None:
    """Who reads a report finds every format's name in one table."""
    readme = ROOT / "streams" / "domains" / domain.name / "README.md"
    if found := formats(domain):
        (table,) = re.findall(
            r"^\| format \|.*\n((?:\|.*\n)+)", readme.read_text(encoding="utf-8"), re.MULTILINE
        )
        cells = [row.split("|")[1] for row in table.splitlines()]
        assert {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)} >= {
            each.name for each in found
        }


def test_formats_are_declared_in_recordings_py_only() -> None:
    """One way to declare a format: a reader knows how to read, `FORMATS` says what is read."""
    folders = (ROOT / "streams" / "domains").glob("*/*.py")
    makers = {path.name for path in folders if re.search(r"\bFormat\(", path.read_text(encoding="utf-8"))}
    assert makers == {"recordings.py"}


# infra/clickhouse/


@every_domain
def test_statements_of_a_domain_are_found(domain: Domain, catalog: Catalog) -> None:
    """Migrations are numbered from 1 without a gap, roll-ups belong to a table of the domain."""
    scripts = [script.name for script in load_scripts(catalog) if script.domain == domain.name]
    assert [int(name[:4]) for name in scripts] == list(range(1, len(scripts) + 1))
    assert set(load_rollups(catalog)) <= set(catalog.topics)


# dashboards/


@every_domain
def test_board_of_a_domain_carries_its_name(domain: Domain, catalog: Catalog) -> None:
    """A domain with raw data has a board, known by the domain's name."""
    if any(topic.kind == "raw" for topic in domain.topics):
        assert names.board_uid(domain.name) in boards(catalog)
