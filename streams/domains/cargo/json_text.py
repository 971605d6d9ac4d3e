"""JSON text of unknown origin → its value, or a rule violation. Pure.

Accepted is RFC 8259 in UTF-8, and no extension: no NaN or Infinity, no lone surrogates (no UTF-8 text can hold
them), no nesting beyond what Python's parser can read. A byte order mark is skipped.
"""

import json
from typing import Any, NoReturn

from streams.domains.cargo.rule_violation import RuleViolation


def parse(data: bytes, rule: str) -> tuple[str, Any]:
    """Parse a JSON text.

    Args:
        data: Its bytes.
        rule: Rule that bytes violate which are not JSON.

    Returns:
        The decoded text and its value.

    Raises:
        RuleViolation: The bytes are not JSON.
    """
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_no_constant)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise RuleViolation(rule, "not JSON: nested too deeply") from None
    except ValueError as error:  # json and the codecs raise it
        raise RuleViolation(rule, f"not JSON: {error}") from None
    return text, value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")
