"""What an operator asks of dead letters, and what is never sent."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import confluent_kafka
import pytest

from infra.admin import dead_letters
from infra.admin.dead_letters import DeadLetterError, DeadLetterOffice, Wanted
from infra.clickhouse.server.deny_list import refuse_unsafe
from infra.clickhouse.sql_lexer import tokens
from infra.errors import PartDownError
from infra.settings import Settings
from schemas.catalog import load_catalog

if TYPE_CHECKING:
    from collections.abc import Callable

LETTER = "0f3b1f0e-7c1e-8b1c-9c58-1a5c0a3f8a11"
ROW = {
    "event_id": LETTER,
    "origin": "air-quality.reading/0@5",
    "origin_topic": "air-quality.reading",
    "origin_partition": 0,
    "origin_offset": 5,
    "length": 3,
    "bytes": b"abc",
}


class Client:
    """A ClickHouse that answers with nothing and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> Any:
        """Keep a question."""
        self.asked.append((sql, parameters or {}))
        return SimpleNamespace(column_names=(), result_rows=[])

    def close(self) -> None:
        """End."""


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> DeadLetterOffice:
    """An office that knows one dead letter, of a topic."""
    monkeypatch.setattr(dead_letters, "connect", lambda _: Client())
    made = DeadLetterOffice(Settings(), load_catalog())
    monkeypatch.setattr(made, "_one", lambda _: dict(ROW))
    return made


@pytest.mark.parametrize(
    ("wanted", "condition"),
    [
        (Wanted(), "1"),
        (Wanted(topic="a"), "1 AND origin_topic = {topic:String}"),
        (Wanted(file="b", stage="read"), "1 AND origin_path = {path:String} AND stage = {stage:String}"),
    ],
)
def test_filters_are_parameters(wanted: Wanted, condition: str) -> None:
    """No text of the operator becomes SQL."""
    found, parameters = wanted.condition()
    assert found == condition
    assert {f"{{{name}:String}}" for name in parameters} == set(re.findall(r"\{\w+:String\}", found))


@pytest.mark.parametrize("group", [False, True])
def test_a_domain_limits_the_tables(office: DeadLetterOffice, group: bool) -> None:
    """One table is asked, not all."""
    wanted = Wanted(domain="vehicle", rule="x' OR 1")
    found = office.groups(wanted) if group else office.letters(wanted, limit=5)
    assert found == []
    asked = [(sql, values) for sql, values in office._client.asked if "argMax" not in sql]
    assert len(asked) == 1
    assert "vehicle_dead_letter" in asked[0][0]
    assert "x' OR 1" not in asked[0][0]
    assert asked[0][1]["rule"] == "x' OR 1"


def test_an_unknown_domain_comes_with_the_nearest(office: DeadLetterOffice) -> None:
    """One line, with what there is."""
    with pytest.raises(DeadLetterError, match="did you mean"):
        office.letters(Wanted(domain="vehicel"), limit=1)


def gone(*_: Any, **__: Any) -> None:
    """Neither Kafka nor the archive has the record."""


def other(*_: Any, **__: Any) -> Any:
    """Another record lies there now."""
    return SimpleNamespace(value=b"xyz", key=None, headers=())


def silent(*_: Any, **__: Any) -> Any:
    """Neither answers."""
    raise PartDownError("Kafka at x does not answer")


@pytest.mark.parametrize(
    ("read", "error"), [(gone, DeadLetterError), (other, DeadLetterError), (silent, PartDownError)]
)
def test_replay_sends_nothing_where_headers_cannot_be_read(
    office: DeadLetterOffice,
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[..., Any],
    error: type[Exception],
) -> None:
    """A record without its signature would be another one; no producer is even made."""
    monkeypatch.setattr(dead_letters, "fetch", read)

    def never(_: Any) -> None:
        raise AssertionError("a producer was made")

    monkeypatch.setattr(confluent_kafka, "Producer", never)
    with pytest.raises(error):
        office.replay(LETTER)


def test_replay_of_a_prefix_sends_nothing(office: DeadLetterOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the beginning of a long record is in its dead letter."""
    monkeypatch.setattr(office, "_one", lambda _: {**ROW, "length": 900_000})
    with pytest.raises(DeadLetterError, match="only the first 3 of 900000 bytes"):
        office.replay(LETTER)


@pytest.mark.parametrize("before", ["mended", "replayed"])
def test_what_went_in_after_all_is_not_discarded(
    office: DeadLetterOffice, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """The list would hide that the record was corrected."""
    monkeypatch.setattr(office, "_one", lambda _: {**ROW, "event_id": LETTER})
    monkeypatch.setattr(office, "_decisions", lambda: {LETTER: before})
    with pytest.raises(DeadLetterError, match=f"{LETTER} was {before} already"):
        office.discard(LETTER, "a test")


@pytest.mark.parametrize(
    ("record", "line", "words"),
    [(0, None, "a.xml record 0"), (3, 7, "a.xml record 3 line 7"), (None, None, "a.xml")],
)
def test_an_origin_names_what_is_known(record: int | None, line: int | None, words: str) -> None:
    """No reader counts lines in XML."""
    known = {"origin_path": "a.xml", "origin_record": record, "origin_line": line}
    rest = dict.fromkeys(("_received_at", "stage", "reason", "rule", "key", "length"))
    row = {**rest, **known, "event_id": LETTER, "sha256_hex": "", "content": ""}
    assert dead_letters.letter_of(row)["origin"] == words


def test_the_engine_does_not_refuse_a_filter(office: DeadLetterOffice) -> None:
    """No parameter has the name of a function that the confined engine denies."""
    wanted = Wanted(topic="a", file="b", rule="c", stage="read")
    office.letters(wanted, limit=5)
    office.groups(wanted)
    for sql, _ in office._client.asked:
        refuse_unsafe(tuple(tokens(sql.encode())))
