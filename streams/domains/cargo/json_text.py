"""JSON as it may come from anywhere → values, or a broken rule. Pure.

Taken is RFC 8259 in UTF-8, no more: no NaN, no lone surrogates (no text could hold them), no nesting beyond
what can be read.
"""

import json
from typing import Any, NoReturn

from streams.domains.cargo.rule_violation import BrokenRule


def parse(data: bytes, rule: str) -> tuple[str, Any]:
    """Read a JSON text.

    Args:
        data: Its bytes.
        rule: Rule that bytes break which are no JSON.

    Returns:
        The text and its value.

    Raises:
        BrokenRule: It is no JSON.
    """
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_no_constant)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise BrokenRule(rule, "not JSON: nested too deeply") from None
    except ValueError as error:  # what json and the codecs raise
        raise BrokenRule(rule, f"not JSON: {error}") from None
    return text, value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")
