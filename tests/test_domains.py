"""One suite over all domains: a new domain is tested before anyone writes a test of its own.

Domains are found by glob, layer by layer. Each layer has a function here that returns what is wrong with a domain; it
is run over every domain, and over a copy of it that breaks each rule in turn, which must be found. What a domain does
not have in a layer is not asked for, except where its own catalogue calls for it.
"""

import importlib
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.build import boards
from infra.clickhouse.errors import MigrationError
from infra.clickhouse.migrations.scripts import DOMAINS as SCRIPTS
from infra.clickhouse.migrations.scripts import load_rollups, load_scripts
from schemas import names, registry
from schemas.catalog import DOMAINS, Catalog, Domain, Topic
from schemas.codec import decode, encode
from schemas.compatibility import check_all
from schemas.dictionary import rows
from schemas.errors import EventError
from schemas.examples import to_plain
from schemas.tables import create_table
from streams.agents import Handler, handlers_of
from streams.readers.formats import Format
from tests.schemas.wire import on_the_wire

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path.parent.name for path in DOMAINS.glob("*/domain.toml"))
LEGAL_TOPIC = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\.[a-z0-9]+(-[a-z0-9]+)*")
LEGAL_TABLE = re.compile(r"[a-z][a-z0-9_]*")


@pytest.fixture(params=FOLDERS)
def domain(request: pytest.FixtureRequest, catalog: Catalog) -> Domain:
    """Every domain in turn."""
    return catalog.domains[request.param]


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


def with_domain(catalog: Catalog, domain: Domain) -> Catalog:
    """Return the catalogue with this copy of a domain in place of its own."""
    return Catalog({**catalog.domains, domain.name: domain}, catalog.examples)


def with_topic(domain: Domain, number: int, **changes: object) -> Domain:
    """Return a copy of a domain with one topic changed."""
    topics = list(domain.topics)
    topics[number] = replace(topics[number], **changes)  # type: ignore[arg-type]
    return replace(domain, topics=tuple(topics))


# schemas/


def topic_problems(domain: Domain, catalog: Catalog) -> Iterator[str]:
    """Names are derived, legal in Kafka and ClickHouse, and belong to one topic each."""
    tables = [topic.table for topic in catalog.topics.values()]
    for topic in domain.topics:
        if catalog.topics.get(topic.name) is not topic:
            yield f"{topic.name}: not in the catalogue"
        if topic.name != names.topic_name(domain.name, topic.event) or not LEGAL_TOPIC.fullmatch(topic.name):
            yield f"{topic.name}: name of topic"
        if topic.table != names.table_name(topic.name) or not LEGAL_TABLE.fullmatch(topic.table):
            yield f"{topic.name}: name of table"
        if tables.count(topic.table) != 1:
            yield f"{topic.name}: shares its table"


def declaration_problems(domain: Domain) -> Iterator[str]:
    """Title, owner, readers and how long the records are kept; one topic for what is refused."""
    if not domain.title.strip():
        yield "title"
    if not domain.owner.strip():
        yield "owner"
    for topic in domain.topics:
        if not topic.readers:
            yield f"{topic.name}: readers"
        if topic.retention_days <= 0:
            yield f"{topic.name}: retention"
    letters = [topic.name for topic in domain.topics if topic.kind == "dead-letter"]
    if letters != [names.dead_letter_topic(domain.name)]:
        yield "dead letters"


def schema_id_problems(domain: Domain, catalog: Catalog) -> Iterator[str]:
    """An id means one schema, for ever; only dead letters share theirs."""
    own = [schema.id for topic in domain.topics if topic.kind != "dead-letter" for schema in topic.schemas]
    others = {s.id for t in catalog.topics.values() if t.domain != domain.name for s in t.schemas}
    yield from (f"{number}: also another domain's" for number in own if number in others)
    yield from (f"{number}: twice" for number in sorted(set(own)) if own.count(number) > 1)


def version_problems(domain: Domain) -> Iterator[str]:
    """Versions of a schema are numbered and may follow one another: FULL_TRANSITIVE over all."""
    for topic in domain.topics:
        yield from (f"{topic.name}: {problem}" for problem in check_all(topic.schemas))
        if [schema.version for schema in topic.schemas] != list(range(1, len(topic.schemas) + 1)):
            yield f"{topic.name}: versions"


def test_topics_of_a_domain_are_named_as_the_catalogue_names_them(domain: Domain, catalog: Catalog) -> None:
    """Of the domain as it is, no name is wrong."""
    assert list(topic_problems(domain, catalog)) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "Other.topic"}, "name of topic"),
        ({"event": "other-event"}, "name of topic"),
        ({"table": "other_table"}, "name of table"),
        ({"table": "platform_metric"}, "name of table"),
    ],
)
def test_a_topic_with_another_name_is_found(
    domain: Domain, catalog: Catalog, changes: dict[str, object], problem: str
) -> None:
    """In a copy of the domain with one wrong name, that name is reported."""
    broken = with_topic(domain, 0, **changes)
    found = list(topic_problems(broken, with_domain(catalog, broken)))
    assert any(each.endswith(problem) for each in found)


def test_a_topic_that_the_catalogue_lacks_or_whose_table_two_have_is_found(
    domain: Domain, catalog: Catalog
) -> None:
    """A domain beside the catalogue is not in it; a table belongs to one topic."""
    broken = with_topic(domain, 0, table=domain.topics[1].table)
    assert f"{domain.topics[0].name}: not in the catalogue" in topic_problems(broken, catalog)
    assert f"{domain.topics[1].name}: shares its table" in topic_problems(
        broken, with_domain(catalog, broken)
    )


def test_a_domain_says_who_answers_for_it_and_where_refused_records_go(domain: Domain) -> None:
    """Title, owner, readers, retention, dead letters."""
    assert list(declaration_problems(domain)) == []


@pytest.mark.parametrize(
    ("breaking", "problem"),
    [
        (lambda domain: replace(domain, title=" "), "title"),
        (lambda domain: replace(domain, owner=""), "owner"),
        (lambda domain: with_topic(domain, 0, readers=()), "readers"),
        (lambda domain: with_topic(domain, 0, retention_days=0), "retention"),
        (lambda domain: replace(domain, topics=(*domain.topics, letters_of(domain))), "dead letters"),
        (
            lambda domain: replace(domain, topics=tuple(t for t in domain.topics if t.kind != "dead-letter")),
            "dead letters",
        ),
    ],
)
def test_a_domain_that_does_not_say_so_is_found(
    domain: Domain, breaking: Callable[[Domain], Domain], problem: str
) -> None:
    """A copy that leaves one of them out, or has dead letters twice."""
    (found,) = declaration_problems(breaking(domain))
    assert found.endswith(problem)


def letters_of(domain: Domain) -> Topic:
    """Return the topic of a domain's dead letters."""
    return next(topic for topic in domain.topics if topic.kind == "dead-letter")


def test_schema_ids_of_a_domain_are_its_own(domain: Domain, catalog: Catalog) -> None:
    """No id is another domain's, or twice the domain's own."""
    assert list(schema_id_problems(domain, catalog)) == []


def test_a_schema_id_that_is_taken_is_found(domain: Domain, catalog: Catalog) -> None:
    """A copy that takes another domain's id, and one whose second topic repeats the first's."""
    other = next(each for each in catalog.domains.values() if each.name != domain.name)
    taken = next(topic for topic in other.topics if topic.kind != "dead-letter").schema
    own = next(number for number, topic in enumerate(domain.topics) if topic.kind != "dead-letter")
    broken = with_topic(domain, own, schemas=(taken,))
    assert f"{taken.id}: also another domain's" in schema_id_problems(broken, with_domain(catalog, broken))
    first = domain.topics[own].schema
    broken = replace(domain, topics=(*domain.topics, domain.topics[own]))
    assert f"{first.id}: twice" in schema_id_problems(broken, with_domain(catalog, broken))


def test_examples_of_a_domain_go_through_the_codec(domain: Domain, catalog: Catalog) -> None:
    """Every schema has an example, and every example is an event: encoded, decoded, the same."""
    for topic in domain.topics:
        assert catalog.examples[topic.schema.id]
        for name, example in catalog.examples[topic.schema.id].items():
            event = on_the_wire(topic, example)
            schema, found = decode(encode(topic.schema, event), catalog, topic)
            assert schema is topic.schema
            assert to_plain({key: found[key] for key in event}) == to_plain(event), name


def test_no_personal_value_is_taken_in_clear(domain: Domain, catalog: Catalog) -> None:
    """The codec refuses an event whose personal fields were not encrypted, unless they are null."""
    for topic in domain.topics:
        for example in catalog.examples[topic.schema.id].values():
            if any(example.get(name) is not None for name in topic.schema.personal):
                with pytest.raises(EventError):
                    encode(topic.schema, example)


def test_versions_of_a_schema_may_follow_one_another(domain: Domain) -> None:
    """FULL_TRANSITIVE over all versions."""
    assert list(version_problems(domain)) == []


def test_a_version_that_may_not_follow_is_found(domain: Domain) -> None:
    """A copy whose second version adds a field that has no default."""
    first = domain.topics[0].schema
    added = {"name": "added", "type": "string", "doc": "A field that older events cannot have."}
    record = {**first.record, "fields": [*first.record["fields"], added]}
    second = replace(first, id=first.id + 100_000, version=len(domain.topics[0].schemas) + 1, record=record)
    broken = with_topic(domain, 0, schemas=(*domain.topics[0].schemas, second))
    found = list(version_problems(broken))
    assert found
    assert all("added" in each for each in found)


def test_every_column_of_a_domain_is_documented(domain: Domain, catalog: Catalog) -> None:
    """The dictionary has a meaning for each column of each table."""
    entries = [entry for entry in rows(catalog) if entry.domain == domain.name]
    assert {entry.table for entry in entries} >= {topic.table for topic in domain.topics}
    assert all(entry.doc.strip() for entry in entries)
    for topic in domain.topics:
        assert f".{topic.table}\n" in create_table(topic)


def test_registry_serves_every_schema_of_a_domain(domain: Domain, catalog: Catalog) -> None:
    """Under the topic's subject, with the id that stands in the frame."""
    for topic in domain.topics:
        path = f"/subjects/{names.subject_name(topic.name)}/versions/latest"
        assert registry.respond(catalog, "GET", path).body["id"] == topic.schema.id


# every layer


@pytest.mark.parametrize("layer", ["streams", "dashboards", "infra/clickhouse", "tests/streams"])
def test_layer_has_no_domain_that_the_catalogue_does_not_know(layer: str) -> None:
    """What lies in a folder named domains is named after a domain."""
    found = {path.name.removesuffix(".py") for path in (ROOT / layer / "domains").glob("[a-z]*")}
    assert found <= set(FOLDERS)


# streams/


def rule_problems(domain: Domain, found: list[Handler], catalog: Catalog) -> Iterator[str]:
    """A rule reads topics of the catalogue and writes derived ones; every derived topic of the domain has a writer."""
    for handler in found:
        if handler.topic not in catalog.topics:
            yield f"{handler.rule}: reads {handler.topic}"
        for output in handler.outputs:
            if output not in catalog.topics or catalog.topics[output].kind != "derived":
                yield f"{handler.rule}: writes {output}"
    written = {name for handler in found for name in handler.outputs}
    for topic in domain.topics:
        if topic.kind == "derived" and topic.name not in written:
            yield f"{topic.name}: nothing writes it"


def format_problems(domain: Domain, found: tuple[Format, ...]) -> Iterator[str]:
    """A format is named once and says which domain it belongs to."""
    given = [each.name for each in found]
    yield from (f"{name}: twice" for name in sorted(set(given)) if given.count(name) > 1)
    yield from (f"{each.name}: of {each.domain}" for each in found if each.domain != domain.name)


def test_rules_of_a_domain_read_and_write_topics_of_the_catalogue(domain: Domain, catalog: Catalog) -> None:
    """What a rule declares is there, and no derived topic stays empty for ever."""
    assert list(rule_problems(domain, handlers(domain), catalog)) == []


def test_a_rule_that_reads_or_writes_elsewhere_is_found(domain: Domain, catalog: Catalog) -> None:
    """Topics that are not there, a raw topic as output, a derived topic without its rule."""
    found = handlers(domain)
    raw = next(topic.name for topic in catalog.topics.values() if topic.kind == "raw")
    for handler in found[:1]:
        strange = replace(handler, topic="no.topic", outputs=("no.output", raw))
        assert list(rule_problems(domain, [strange, *found], catalog)) == [
            f"{handler.rule}: reads no.topic",
            f"{handler.rule}: writes no.output",
            f"{handler.rule}: writes {raw}",
        ]
    derived = [f"{topic.name}: nothing writes it" for topic in domain.topics if topic.kind == "derived"]
    assert list(rule_problems(domain, [], catalog)) == derived


def test_formats_of_a_domain_are_its_own(domain: Domain) -> None:
    """None is named twice or belongs to another."""
    assert list(format_problems(domain, formats(domain))) == []


def test_a_format_of_another_domain_or_name_is_found(domain: Domain) -> None:
    """A copy under another domain's name, and the same format twice."""
    for each in formats(domain)[:1]:
        foreign = replace(each, domain="elsewhere")
        assert list(format_problems(domain, (each, foreign))) == [
            f"{each.name}: twice",
            f"{each.name}: of elsewhere",
        ]


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


def script_problems(domain: Domain, catalog: Catalog, root: Path = SCRIPTS) -> Iterator[str]:
    """Migrations of the domain are numbered from 1 without a gap; its roll-ups belong to its own tables."""
    numbers = [int(each.name[:4]) for each in load_scripts(catalog, root) if each.domain == domain.name]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"migrations: {numbers}"
    own = {topic.table: topic.name for topic in domain.topics}
    rollups = load_rollups(catalog, root)
    for path in sorted((root / domain.name / "refresh").glob("*.sql")):
        if not rollups.get(own.get(path.stem, "")):
            yield f"{path.name}: no statement for a table of the domain"


def test_statements_of_a_domain_are_found(domain: Domain, catalog: Catalog) -> None:
    """Numbers and tables are the domain's own."""
    assert list(script_problems(domain, catalog)) == []


def test_statements_that_are_not_the_domains_own_are_found(
    domain: Domain, catalog: Catalog, tmp_path: Path
) -> None:
    """A copy with a gap in its numbers, one with an empty roll-up, one with a roll-up of a table that is not there."""
    root = tmp_path / "domains"
    shutil.copytree(SCRIPTS, root)
    folder = root / domain.name
    (folder / "refresh").mkdir(parents=True, exist_ok=True)
    (folder / "0077_gap.sql").write_text("SELECT 1;\n")
    (folder / "refresh" / f"{domain.topics[0].table}.sql").write_text("-- nothing\n")
    gap, empty = script_problems(domain, catalog, root)
    assert gap.startswith("migrations: ")
    assert gap.endswith("77]")
    assert empty.startswith(f"{domain.topics[0].table}.sql")
    (folder / "refresh" / "no_table.sql").write_text("SELECT 1;\n")
    with pytest.raises(MigrationError, match="no_table"):
        list(script_problems(domain, catalog, root))


# dashboards/


def board_problems(domain: Domain, uids: set[str]) -> Iterator[str]:
    """A domain with raw data has a board, known by the domain's name."""
    if any(topic.kind == "raw" for topic in domain.topics) and names.board_uid(domain.name) not in uids:
        yield f"no board {names.board_uid(domain.name)}"


def test_board_of_a_domain_carries_its_name(domain: Domain, catalog: Catalog) -> None:
    """It is among those that are built."""
    assert list(board_problems(domain, set(boards(catalog)))) == []


def test_a_domain_without_its_board_is_found(domain: Domain, catalog: Catalog) -> None:
    """Of a domain that the builder does not know, no board is made; without raw data none is asked for."""
    known = {name: each for name, each in catalog.domains.items() if name != domain.name}
    uids = {names.board_uid(name) for name in known}
    raw = [topic for topic in domain.topics if topic.kind == "raw"]
    assert list(board_problems(domain, uids)) == ([f"no board {names.board_uid(domain.name)}"] if raw else [])
