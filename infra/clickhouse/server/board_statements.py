"""Statements of a user with the role `boards`: one that reads, checked by the engine's own parser.

The engine parses the text into its syntax tree (`parseQueryToJSON`), and the tree decides: no comment, quote or escape
can hide a part of it. Everything that is not known to read, or to end soon, is refused (`board_tree.py`). The grants of
the role and `readonly = 1` hold beside it; the embedded engine asks for no grant on the tables of `system`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from infra.clickhouse.errors import EngineError, RefusedError
from infra.clickhouse.server.board_tree import check_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.clickhouse.server.config import BoardLimits
    from infra.clickhouse.server.engine import Handle

_READING = frozenset({"SelectWithUnionQuery", "ExplainQuery", "ShowTablesQuery", "ShowColumnsQuery"})
# Reading statements that the engine parses, and whose tree it does not write out; it names them in its refusal.
_NAMED_READING = frozenset(
    {"DescribeQuery", "ExistsTableQuery", "ShowCreateTableQuery", "ExistsDatabaseQuery"}
)
_NOT_WRITTEN_OUT = re.compile(r"AST node of type '([A-Za-z]+)(?:_[^']*)?' does not support JSON")
_SCOPE = re.compile(r": In scope SELECT parseQueryToJSON\(.*", re.DOTALL)
_FREE_SETTINGS = frozenset(
    {
        "date_time_input_format",
        "date_time_output_format",
        "extremes",
        "join_use_nulls",
        "send_progress_in_http_headers",
        "session_timezone",
        "use_uncompressed_cache",
    }
)
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"})
_FREE_PREFIXES = ("output_format_", "format_csv_", "cancel_http_readonly")


def check_board_statement(sql: bytes, handle: Handle) -> None:
    """Check that a text is one statement that reads and writes no file.

    Args:
        sql: The statement.
        handle: Runs the engine's parser.

    Raises:
        RefusedError: Code 164 for a statement that does not read, 497 for one that reaches past the tables, 306 for
            one that nests too deeply.
        EngineError: The engine cannot parse it.
    """
    try:
        answer = handle.query(
            b"SELECT parseQueryToJSON({statement:String})",
            "TSVRaw",
            {"statement": _escaped(sql)},
        )
    except EngineError as error:
        named = _NOT_WRITTEN_OUT.search(error.text)
        if named is None:
            raise EngineError(_SCOPE.sub("", error.text)) from error
        if (
            named.group(1) in _NAMED_READING and b"(" not in sql
        ):  # of a table by its name, not of an expression
            return
        raise _not_reading(named.group(1)) from error
    try:
        tree = json.loads(answer)
    except RecursionError as error:
        raise RefusedError(306, "TOO_DEEP_RECURSION", "the statement nests too deeply") from error
    if tree.get("type") not in _READING:
        raise _not_reading(str(tree.get("type")))
    check_tree(tree)


def _escaped(sql: bytes) -> str:
    """Return a statement as the value of a query parameter, which the engine reads as a field of TSV.

    Raises:
        RefusedError: Code 62; it is no UTF-8.
    """
    try:
        text = sql.decode()
    except UnicodeDecodeError as error:
        raise RefusedError(62, "SYNTAX_ERROR", f"the statement is no UTF-8: {error.reason}") from error
    return text.translate(_ESCAPES)


def board_settings(asked: Mapping[str, str], limits: BoardLimits) -> dict[str, str]:
    """Return the settings of a board's statement: limits that it may lower, and `readonly = 1`, which freezes them.

    Raises:
        RefusedError: Code 164 for a setting that such a user may not change.
    """
    most = {
        "max_execution_time": limits.max_execution_s,
        "max_result_rows": limits.max_result_rows,
        "max_memory_usage": limits.max_memory_bytes,
        "max_block_size": limits.max_block_rows,
        "max_joined_block_size_rows": limits.max_block_rows,
        "max_threads": limits.max_threads,
    }
    kept = {}
    for name, value in asked.items():
        if name in _FREE_SETTINGS or name.startswith(_FREE_PREFIXES):
            kept[name] = value
        elif name not in most and name not in ("readonly", "log_comment", "max_result_bytes"):
            raise RefusedError(
                164, "READONLY", f"Cannot modify '{name}' setting in readonly mode: this user reads boards"
            )
    for name, limit in most.items():
        number = asked.get(name, "")
        is_lower = re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,9})?", number) and 0 < float(number) <= limit
        kept[name] = number if is_lower else str(limit)
    return kept | {"readonly": "1"}


def _not_reading(what: str) -> RefusedError:
    return RefusedError(
        164, "READONLY", f"this user reads boards: {what} is not a SELECT, SHOW, DESCRIBE, EXISTS or EXPLAIN"
    )
