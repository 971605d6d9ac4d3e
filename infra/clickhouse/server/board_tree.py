"""What the syntax tree of a board's statement may hold: functions and sizes. Pure.

Its tables are those of `board_tables.py`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from infra.clickhouse.errors import RefusedError
from infra.clickhouse.server import board_functions as functions
from infra.clickhouse.server.board_tables import check_tables, nodes, past_the_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Node = Mapping[str, Any]
    _Place = tuple[Any, bool, bool]  # a part, whether it stands in a lambda, whether it may be one

MOST_FUNCTIONS = 1_000
MOST_TEXT = 4_096  # characters of one literal, and of one parameter
MOST_ELEMENTS = 1_000  # of an array: written out, or collected from rows
MOST_PATTERN = 256  # characters of a pattern that is looked for in a text
MOST_WANTED = 100  # elements that are looked for in an array
MOST_PARAMETERS = 32  # of an aggregate function, such as levels of quantiles
MOST_REPEATS = 32  # of a part of a regular expression: it is compiled as often
MOST_REPEATED = 2  # such parts
MOST_GROWTH = 16  # columns that are joined to longer values: each may double a value's length
MOST_FRAME = 1_000  # rows of a moving window: it is computed anew for each row

_NOT_SHOWN = ("caches", "cluster", "clusters", "merges")  # of SHOW: what is no table
_REPEATS = re.compile(r"\{(\d+)?(?:,(\d*))?\}")


def check_tree(tree: Node) -> None:
    """Refuse a syntax tree with anything that a board may not use.

    Raises:
        RefusedError: Code 497, with the function, table or clause.
    """
    _check_functions(tree)
    check_tables(tree)
    for node in nodes(tree):
        if str(node.get("param_type", "")).strip().casefold() == "identifier":
            raise past_the_tables(f"{{{node.get('name')}:Identifier}}")
        if node.get("type") == "ShowTablesQuery" and any(node.get(key) for key in _NOT_SHOWN):
            raise past_the_tables("SHOW CLUSTERS, MERGES or CACHES")
        if any(value and ("out_file" in key or "outfile" in key) for key, value in node.items()):
            raise past_the_tables("INTO OUTFILE")
        if node.get("type") == "Literal":
            _check_literal(node.get("value"))
        if node.get("type") == "WindowDefinition":
            _check_frame(node)


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
    parameters = (node.get("parameters") or {}).get("children") or []
    if len(parameters) > MOST_PARAMETERS:
        raise _too_much(f"`{name}` with {len(parameters):,} parameters", str(MOST_PARAMETERS))
    if functions.base(folded) in functions.COLLECTING:
        _check_collecting(name, parameters)
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
    value = (argument.get("value") or {}).get("value")
    if isinstance(value, list) and len(value) > MOST_WANTED:
        raise _too_much(f"{len(value):,} elements to look for with `{name}`", str(MOST_WANTED))
    if isinstance(value, str) and not is_type and len(text) > MOST_PATTERN:
        raise _too_much(f"a pattern of {len(text):,} characters for `{name}`", str(MOST_PATTERN))
    repeats = [int(number) for pair in _REPEATS.findall(text) for number in pair if number]
    if any(number > MOST_REPEATS for number in repeats) or len(repeats) > 2 * MOST_REPEATED:
        raise _too_much(
            f"a pattern that repeats `{text}`", f"{MOST_REPEATS} times, in {MOST_REPEATED} places"
        )


def _check_collecting(name: str, parameters: list[Node]) -> None:
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


def _arguments(node: Node) -> list[Node]:
    found = (node.get("arguments") or {}).get("children") or []
    return [each for each in found if isinstance(each, dict)]


def _is_lambda(node: Node) -> bool:
    return node.get("type") == "Function" and str(node.get("name")).casefold() == "lambda"


def _no_such_function(name: str) -> RefusedError:
    text = f"a board may not call `{name}`: its cost for one block is not bounded, or nobody has measured it"
    return RefusedError(497, "ACCESS_DENIED", text)


def _too_much(what: str, most: str) -> RefusedError:
    return RefusedError(497, "ACCESS_DENIED", f"{what}: at most {most} for a board")
