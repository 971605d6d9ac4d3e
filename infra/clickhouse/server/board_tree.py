"""What the syntax tree of a board's statement may hold: functions, sizes and tables. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from infra.clickhouse.errors import RefusedError
from infra.clickhouse.server import board_functions as functions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Node = Mapping[str, Any]
    _Place = tuple[Any, bool, bool]  # a part, whether it stands in a lambda, whether it may be one

MOST_FUNCTIONS = 1_000
MOST_TEXT = 4_096  # characters of one literal, and of one parameter
MOST_ELEMENTS = 1_000  # of an array: written out, or collected from rows
MOST_PATTERN = 256  # characters of a pattern that is looked for in a text
MOST_REPEATS = 32  # of a part of a regular expression: it is compiled as often
MOST_REPEATED = 2  # such parts
MOST_GROWTH = 16  # columns that are joined to longer values: each may double a value's length
MOST_FRAME = 1_000  # rows of a moving window: it is computed anew for each row

SYSTEM_TABLES = frozenset(
    {"one", "numbers", "databases", "tables", "columns", "functions", "parts", "settings"}
)
"""What the boards, their readers and the query editor of Grafana's plug-in ask."""
HIDDEN_COLUMNS = frozenset(
    {
        "data_path",
        "data_paths",
        "disk_name",
        "metadata_path",
        "path",
        "storage_policy",
        "uuid",
        "engine_full",
        "create_table_query",
        "as_select",
    }
)
"""Columns of those tables that show where the engine keeps its data, or statements of others."""
_NOT_SHOWN = ("caches", "cluster", "clusters", "merges")  # of SHOW: what is no table
_SYSTEM_DATABASES = frozenset({"system", "information_schema"})
_REPEATS = re.compile(r"\{(\d+)?(?:,(\d*))?\}")


def check_tree(tree: Node) -> None:
    """Refuse a syntax tree with anything that a board may not use.

    Raises:
        RefusedError: Code 497, with the function, table or clause.
    """
    _check_functions(tree)
    _check_tables(tree)
    for node in _nodes(tree):
        if str(node.get("param_type", "")).strip().casefold() == "identifier":
            raise _past_the_tables(f"{{{node.get('name')}:Identifier}}")
        if node.get("type") == "ShowTablesQuery" and any(node.get(key) for key in _NOT_SHOWN):
            raise _past_the_tables("SHOW CLUSTERS, MERGES or CACHES")
        if any(value and ("out_file" in key or "outfile" in key) for key, value in node.items()):
            raise _past_the_tables("INTO OUTFILE")
        if node.get("type") == "Literal":
            _check_literal(node.get("value"))
        if node.get("type") == "WindowDefinition":
            _check_frame(node)


def check_default_database(name: str | None) -> None:
    """Refuse a default database whose tables a board may not read by their bare names.

    Raises:
        RefusedError: Code 497.
    """
    if name is not None and name.casefold() in _SYSTEM_DATABASES:
        raise _past_the_tables(name)


def check_parameters(params: Mapping[str, str]) -> None:
    """Refuse a query parameter that is too long.

    Raises:
        RefusedError: Code 497.
    """
    for name, value in params.items():
        if len(value) > MOST_TEXT:
            raise _too_much(f"the parameter {name} of {len(value):,} characters", f"{MOST_TEXT:,}")


def _check_functions(tree: Node) -> None:
    count = growth = 0
    pending: list[_Place] = [(tree, False, False)]
    while pending:
        node, in_lambda, lambda_here = pending.pop()
        if isinstance(node, list):
            pending += [(each, in_lambda, False) for each in node]
        elif isinstance(node, dict) and node.get("type") == "Function":
            count += 1
            growth += _check_call(node, in_lambda, lambda_here)
            pending += _parts_of_call(node, in_lambda)
        elif isinstance(node, dict):
            _check_applied(str(node.get("func_name") or ""))
            pending += _parts(node, in_lambda)
    if count > MOST_FUNCTIONS:
        raise _too_much(f"a statement that calls {count:,} functions", f"{MOST_FUNCTIONS:,}")
    if growth > MOST_GROWTH:
        what = f"a statement that joins {growth} values to longer ones (concat, replace …)"
        raise _too_much(what, str(MOST_GROWTH))


def _check_applied(name: str) -> None:
    """Check the function of `APPLY(name)`."""
    if name and (not functions.is_allowed(name) or functions.base(name) in functions.COLLECTING):
        raise _no_such_function(name)


def _parts(node: Node, in_lambda: bool) -> Iterator[_Place]:
    for key, value in node.items():
        if key == "table_function" and isinstance(value, dict):
            _check_table_function(value)
            yield value.get("arguments"), in_lambda, False
        else:
            yield value, in_lambda, False


def _parts_of_call(node: Node, in_lambda: bool) -> Iterator[_Place]:
    """Yield the parts of a call: whether each stands in a lambda, and whether a lambda may stand there."""
    name = str(node.get("name")).casefold()
    for key, value in node.items():
        if key != "arguments":
            yield value, in_lambda, False
    for at, argument in enumerate(_arguments(node)):
        if name == "lambda" and at == 0:
            continue  # the names of its parameters
        yield argument, in_lambda or name == "lambda", name in functions.HIGHER_ORDER and at == 0


def _check_call(node: Node, in_lambda: bool, lambda_here: bool) -> int:
    """Check one call; return by how many columns it makes values longer."""
    name = str(node.get("name"))
    folded = name.casefold()
    arguments = _arguments(node)
    if not functions.is_allowed(name) or (folded == "lambda" and not lambda_here):
        raise _no_such_function(name if folded != "lambda" else "->")
    if in_lambda and not (functions.is_allowed(name) and _may_stand_in_lambda(folded)):
        raise RefusedError(
            497, "ACCESS_DENIED", f"a board may not call `{name}` for each element of an array (`->`)"
        )
    if folded in functions.HIGHER_ORDER and len(arguments) > 1 and not _is_lambda(arguments[0]):
        raise RefusedError(497, "ACCESS_DENIED", f"`{name}` needs its function written out: `x -> …`")
    for at in functions.LITERAL_ARGUMENTS.get(folded, ()):
        _check_literal_argument(name, arguments, at)
    if folded == "array" and len(arguments) > MOST_ELEMENTS:
        raise _too_much(f"an array of {len(arguments):,} elements", f"{MOST_ELEMENTS:,}")
    if node.get("is_window_function") and functions.base(folded) in functions.NOT_IN_WINDOWS:
        raise RefusedError(497, "ACCESS_DENIED", f"a board may not call `{name}` over a window (OVER)")
    if functions.base(folded) in functions.COLLECTING:
        _check_collecting(name, node)
    if folded not in functions.GROWING:
        return 0
    columns = sum(1 for each in arguments if each.get("type") != "Literal")
    return MOST_GROWTH // 2 if folded == "arraystringconcat" else max(1, columns) if columns else 0


def _may_stand_in_lambda(folded: str) -> bool:
    return folded in functions.IN_LAMBDA or folded.startswith("to")


def _check_literal_argument(name: str, arguments: list[Node], at: int) -> None:
    if at >= len(arguments):
        return
    argument = arguments[at]
    kind = argument.get("type")
    is_type = name.casefold() in functions.TYPE_ARGUMENTS
    if kind != "Literal":  # nor a parameter, whose value is not in the tree
        text = f"a board may call `{name}` only with a literal as argument {at + 1}"
        raise RefusedError(497, "ACCESS_DENIED", text)
    text = str((argument.get("value") or {}).get("value", ""))
    if is_type and "fixedstring" in text.casefold():
        raise _no_such_function("FixedString")
    if not is_type and len(text) > MOST_PATTERN:
        raise _too_much(f"a pattern of {len(text):,} characters for `{name}`", str(MOST_PATTERN))
    repeats = [int(number) for pair in _REPEATS.findall(text) for number in pair if number]
    if any(number > MOST_REPEATS for number in repeats) or len(repeats) > 2 * MOST_REPEATED:
        raise _too_much(
            f"a pattern that repeats `{text}`", f"{MOST_REPEATS} times, in {MOST_REPEATED} places"
        )


def _check_collecting(name: str, node: Node) -> None:
    parameters = ((node.get("parameters") or {}).get("children")) or []
    value = (parameters[0].get("value") or {}).get("value") if parameters else None
    if not isinstance(value, int) or not 0 < value <= MOST_ELEMENTS:
        text = f"`{name}` needs the number of elements that it may collect, at most {MOST_ELEMENTS:,}: {name}(100)(x)"
        raise RefusedError(497, "ACCESS_DENIED", text)


def _check_table_function(table: Node) -> None:
    name = str(table.get("name"))
    if name.casefold() not in functions.TABLE_FUNCTIONS:
        raise _no_such_function(name)


def _check_literal(value: Any) -> None:
    """Refuse a text or an array that is too large; a literal may be nested."""
    pending = [value]
    while pending:
        found = pending.pop()
        if isinstance(found, str) and len(found) > MOST_TEXT:
            raise _too_much(f"a literal of {len(found):,} characters", f"{MOST_TEXT:,}")
        if isinstance(found, dict):
            held = found.get("value")
            if found.get("field_type") == "Array" and isinstance(held, list) and len(held) > MOST_ELEMENTS:
                raise _too_much(f"an array of {len(held):,} elements", f"{MOST_ELEMENTS:,}")
            pending += found.values()
        elif isinstance(found, list):
            pending += found


def _check_frame(node: Node) -> None:
    """Refuse a window whose begin moves on with each row, unless it is short: the engine computes it anew."""
    if node.get("frame_is_default") in (None, True) or node.get("frame_begin_type") == "Unbounded":
        return
    for side in ("begin", "end"):
        kind, offset = node.get(f"frame_{side}_type"), node.get(f"frame_{side}_offset")
        rows = ((offset or {}).get("value") or {}).get("value")
        is_short = kind == "Current" or (kind == "Offset" and isinstance(rows, int) and rows <= MOST_FRAME)
        if not is_short or node.get("frame_type") != "ROWS":
            raise _too_much(
                "a moving window that is not ROWS BETWEEN n PRECEDING AND …", f"{MOST_FRAME:,} rows"
            )


def _check_tables(tree: Node) -> None:
    reads_system = False
    for node in _nodes(tree):
        if node.get("type") in ("TableIdentifier", "Identifier"):
            parts = [str(part) for part in node.get("name_parts") or [node.get("name")]]
            if len(parts) > 1 and parts[0].casefold() in _SYSTEM_DATABASES:
                if parts[0].casefold() != "system" or parts[1] not in SYSTEM_TABLES:
                    raise _past_the_tables(".".join(parts[:2]))
                reads_system = True
    if reads_system:
        _check_system_columns(tree)


def _check_system_columns(tree: Node) -> None:
    """Refuse the columns that no board needs, by whichever name a statement could read them."""
    for node in _nodes(tree):
        kind = str(node.get("type"))
        if "column_aliases" in node or "Asterisk" in kind or "Matcher" in kind:
            what = "*, COLUMNS(…) or names for all columns"
            raise RefusedError(
                497, "ACCESS_DENIED", f"name the columns of a system table: {what} may not stand beside it"
            )
        parts = node.get("name_parts") or [node.get("name")]
        hidden = HIDDEN_COLUMNS.intersection(map(str, parts)) if kind == "Identifier" else None
        if hidden:
            raise _past_the_tables(min(hidden))


def _arguments(node: Node) -> list[Node]:
    found = (node.get("arguments") or {}).get("children") or []
    return [each for each in found if isinstance(each, dict)]


def _is_lambda(node: Node) -> bool:
    return node.get("type") == "Function" and str(node.get("name")).casefold() == "lambda"


def _nodes(tree: Any) -> Iterator[Node]:
    """Yield the nodes of a syntax tree, literals as a whole."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending += node
        elif isinstance(node, dict):
            yield node
            if node.get("type") != "Literal":
                pending += node.values()


def _no_such_function(name: str) -> RefusedError:
    text = f"a board may not call `{name}`: its cost for one block is not bounded, or nobody has measured it"
    return RefusedError(497, "ACCESS_DENIED", text)


def _too_much(what: str, most: str) -> RefusedError:
    return RefusedError(497, "ACCESS_DENIED", f"{what}: at most {most} for a board")


def _past_the_tables(name: str) -> RefusedError:
    return RefusedError(497, "ACCESS_DENIED", f"this user reads tables only, and `{name}` reaches past them")
