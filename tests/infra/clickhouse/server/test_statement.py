"""A statement is split from its inline data where ClickHouse splits it."""

from __future__ import annotations

import pytest

from infra.clickhouse.server.statement import parse_statement


@pytest.mark.parametrize(
    ("text", "kind", "form", "head", "data"),
    [
        (b"SELECT 1", "select", None, b"SELECT 1", b""),
        (b"SELECT 1 FORMAT JSON", "select", "JSON", b"SELECT 1 FORMAT JSON", b""),
        (b"-- a\nWITH 1 AS x SELECT x", "select", None, b"-- a\nWITH 1 AS x SELECT x", b""),
        (b"INSERT INTO t FORMAT Native\n\x00'(", "insert", "Native", b"INSERT INTO t ", b"\x00'("),
        (b"INSERT INTO t (a, b) VALUES (1, 'x')", "insert", "Values", b"INSERT INTO t (a, b) ", b" (1, 'x')"),
        (b"INSERT INTO t FORMAT Values (1)", "insert", "Values", b"INSERT INTO t ", b"(1)"),
        (b"INSERT INTO t SELECT 1", "insert_select", None, b"INSERT INTO t SELECT 1", b""),
        (b"SET a = 1", "session", None, b"SET a = 1", b""),
        (b"CREATE TABLE t (a UInt8)", "other", None, b"CREATE TABLE t (a UInt8)", b""),
        (b"  /* nothing */ ", "empty", None, b"  /* nothing */ ", b""),
        (b"SELECT (SELECT 1 FORMAT X)", "select", None, b"SELECT (SELECT 1 FORMAT X)", b""),
    ],
)
def test_kind_format_and_data_are_found(
    text: bytes, kind: str, form: str | None, head: bytes, data: bytes
) -> None:
    """The parts are what the engine would take them for."""
    found = parse_statement(text)
    assert (found.kind, found.format, found.head, found.data) == (kind, form, head, data)


def test_an_insert_from_input_is_an_insert_with_data() -> None:
    """`SELECT … FROM input('…') FORMAT x` keeps its structure and the place of the call."""
    found = parse_statement(
        b"INSERT INTO t SELECT a FROM input('a String, b Enum8(\\'x\\' = 1)') FORMAT Avro\nObj"
    )
    assert (found.kind, found.format, found.data) == ("insert", "Avro", b"Obj")
    assert found.input_structure == "a String, b Enum8('x' = 1)"


@pytest.mark.parametrize("text", [b"SET a = 1", b"USE city", b"CREATE TEMPORARY TABLE t (a UInt8)"])
def test_statements_that_leave_something_in_their_session_are_known(text: bytes) -> None:
    """Only those make the door keep a handle."""
    assert parse_statement(text).makes_session_state
    assert not parse_statement(b"SELECT 1").makes_session_state
