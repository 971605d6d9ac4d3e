"""Labelled scenarios: what they must say of themselves, what their lines become, and that they are never recordings."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalog import load_catalog
from streams.errors import UnknownFormatError
from streams.identity.secret import DeploymentSecret
from streams.readers.formats import Accepted, Item, Refused, Skipped
from streams.readers.scenarios import matches, parse_header, read, resolve
from streams.replay.checkpoint import ReplayCheckpoint
from streams.replay.input import Input
from streams.replay.recordings import bundled_scenarios, content, find
from streams.replay.records import RecordWriter
from streams.testing import MemoryProducer

HEADER: dict[str, Any] = {
    "scenario": 1,
    "title": "A day in Seoul",
    "domain": "air_quality",
    "seed": 7,
    "facts": ["WHO 2021"],
    "begins_at": "2026-03-02T08:00:00Z",
}
FIELDS = {"station": "s", "city": "Seoul", "averaging": "PT1H", "gas_unit": "PPM", "pm10": 30.5}
EVENT: dict[str, Any] = {"topic": "air-quality.reading", "offset_ms": 1500, "fields": FIELDS}
BEGINS_US = 1_772_438_400_000_000


def lines(*events: Any, header: Any = HEADER) -> bytes:
    """Write a scenario."""
    texts = [each if isinstance(each, str) else json.dumps(each) for each in (header, *events)]
    return ("\n".join(texts) + "\n").encode()


def items(*events: Any) -> list[Item]:
    """Read a scenario of these lines. Its header is the first item."""
    header, *found = read(io.BytesIO(lines(*events)))
    assert header == Skipped(1, "header", ((0, len(lines())),))
    return found


def test_a_line_becomes_an_event_at_its_offset() -> None:
    """Counted from the header's moment; fractions of a millisecond are kept to the microsecond."""
    first, second = items(EVENT, {**EVENT, "offset_ms": 0.25, "note": "for people"})
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    (draft,) = first.drafts
    assert (draft.topic, draft.occurred_at, draft.fields) == (EVENT["topic"], BEGINS_US + 1_500_000, FIELDS)
    assert second.drafts[0].occurred_at == BEGINS_US + 250
    assert (first.record, first.line, second.record, second.line) == (1, 2, 2, 3)


def test_a_line_may_have_its_own_time() -> None:
    """ISO 8601 with an offset."""
    (item,) = items({"topic": EVENT["topic"], "occurred_at": "2026-03-02T17:00:00+09:00", "fields": FIELDS})
    assert isinstance(item, Accepted)
    assert item.drafts[0].occurred_at == BEGINS_US


def test_blank_lines_and_comments_are_no_records() -> None:
    """They are skipped and do not number the records."""
    found = items("# morning", "", EVENT)
    assert [type(item) for item in found] == [Skipped, Skipped, Accepted]
    assert isinstance(found[2], Accepted)
    assert (found[2].record, found[2].line) == (1, 4)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("[1]", "expected a JSON object, got list"),
        ('{"topic": NaN}', "NaN is no JSON value"),
        ('{"offset_ms": 1, "offset_ms": 999}', "offset_ms"),
        ("[" * 100_000, "nested too deeply"),
        ({**EVENT, "topic": "air-quality.index"}, "expected a raw topic of air_quality"),
        ({**EVENT, "topic": ["x"]}, "expected a raw topic of air_quality"),
        ({**EVENT, "colour": 1}, "unknown entry colour"),
        ({**EVENT, "fields": []}, "fields: expected an object"),
        ({**EVENT, "offset_ms": "1"}, "offset_ms: expected a number"),
        ({**EVENT, "offset_ms": True}, "offset_ms: expected a number"),
        ({**EVENT, "offset_ms": 1e300}, "offset_ms: no such time"),
        ({**EVENT, "offset_ms": -1e13}, "time before 1970"),
        ({**EVENT, "occurred_at": "2026-03-02T08:00:00Z"}, "expected one of offset_ms and occurred_at"),
        ({"topic": EVENT["topic"], "occurred_at": "2026-03-02T08:00:00", "fields": {}}, "expected an offset"),
        ({"topic": EVENT["topic"], "occurred_at": 5, "fields": {}}, "expected ISO 8601"),
    ],
)
def test_a_line_that_is_no_event_is_refused_with_the_reason(line: Any, reason: str) -> None:
    """Its neighbours are accepted."""
    first, bad, last = items(EVENT, line, EVENT)
    assert isinstance(first, Accepted)
    assert isinstance(last, Accepted)
    assert isinstance(bad, Refused)
    assert reason in bad.reason
    assert bad.rule == "read-scenario@1"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"scenario": 2}, "expected version 1, got 2"),
        ({"scenario": True}, "scenario: expected int"),
        ({"title": " "}, "expected what the scenario tells"),
        ({"domain": "mars"}, "there is no 'mars'"),
        ({"seed": "x"}, "seed: expected int"),
        ({"facts": []}, "where the scenario's facts come from"),
        ({"begins_at": "tomorrow"}, "begins_at: expected ISO 8601"),
        ({"colour": "red"}, "unknown entry: colour"),
    ],
)
def test_a_scenario_that_does_not_say_what_it_is_is_not_read(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    """In a folder it is listed with the reason; named it is an error."""
    (tmp_path / "a.jsonl").write_bytes(lines(EVENT, header={**HEADER, **change}))
    (found,) = find([tmp_path])
    assert found.format is None
    assert reason in (found.problem or "")
    with pytest.raises(UnknownFormatError, match="not a scenario that can be read"):
        find([tmp_path / "a.jsonl"])


def test_a_missing_entry_of_the_first_line_is_named() -> None:
    """Title, domain, seed and facts are needed."""
    for name in ("title", "domain", "seed", "facts"):
        header = {key: value for key, value in HEADER.items() if key != name}
        with pytest.raises(ValueError, match=f"the first line lacks {name}"):
            parse_header(json.dumps(header).encode())


def test_a_scenario_is_never_called_a_recording(tmp_path: Path) -> None:
    """Its source says scenario, its header says simulated, and it belongs to the domain that it names."""
    (tmp_path / "a.jsonl").write_bytes(lines(EVENT))
    (found,) = find([tmp_path])
    assert found.format is not None
    assert (found.format.name, found.format.domain) == ("scenario", "air_quality")
    assert found.format.shift_group == "scenario.air_quality"
    assert found.source == f"scenario:{found.sha256[:16]}"
    with content(found) as stream:
        _, item = found.format.read(stream)
    producer = MemoryProducer(load_catalog())
    _, (record,) = RecordWriter(producer, DeploymentSecret(bytes(32)), 0).write(
        Input(found, ReplayCheckpoint("scenario", 0)), item
    )
    producer.send(record)
    (sent,) = producer.sent()
    assert sent.event["source"] == f"{found.source}#1"
    assert sent.headers["simulated"] == b"true"


@pytest.mark.parametrize(
    "head", [b"", b"{}", b'{"title": "scenario"}', b"scenario,1\n", b'{\n"scenario": 1}']
)
def test_only_a_first_line_that_says_so_makes_a_scenario(head: bytes) -> None:
    """Other JSON is not taken for one."""
    assert not matches(head)
    assert matches(lines(EVENT))


@given(body=st.binary(max_size=300))
def test_whatever_the_lines_are_each_is_accounted_for(body: bytes) -> None:
    """Nothing is raised, and records are numbered 1, 2, 3 …."""
    found = list(read(io.BytesIO(lines() + body)))
    assert [each.spans[0][0] for each in found] == [0, *(each.spans[0][1] for each in found)][:-1]
    assert found[-1].spans[0][1] == len(lines() + body)
    numbers = [item.record for item in found if not isinstance(item, Skipped)]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("path", bundled_scenarios(), ids=lambda path: path.name)
def test_bundled_scenarios_are_read_to_the_last_line(path: Path) -> None:
    """Every line is an event that its schema takes, in a small file of the domain whose folder it lies in."""
    assert path.stat().st_size < 1_000_000
    (found,) = find([path])
    assert found.format is not None
    assert found.format.domain == path.parents[1].name
    producer = MemoryProducer(load_catalog())
    envelope = {
        "event_id": "018f0000-0000-7000-8000-000000000001",
        "salt": bytes(16),
        "source": "scenario:0#1",
    }
    with content(found) as stream:
        for item in found.format.read(stream):
            assert not isinstance(item, Refused), item.reason
            for draft in item.drafts if isinstance(item, Accepted) else ():
                schema = load_catalog().topics[draft.topic].schema
                own = {name: value for name, value in draft.fields.items() if name not in schema.personal}
                if schema.personal:
                    continue  # needs a subject's key: the domain's own tests
                producer.prepare(draft.topic, {**envelope, "occurred_at": draft.occurred_at, **own})


def test_the_domain_is_told_before_anything_is_read() -> None:
    """By the first bytes alone."""
    assert resolve(lines(EVENT)[:200]).domain == "air_quality"
