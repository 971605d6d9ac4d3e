"""Decides which names a new domain may have.

Every derived name must be valid: module, SQL table, Kafka topic, board uid. `schemas.names` derives them.
"""

from __future__ import annotations

import keyword

from infra.errors import DomainError
from schemas import names

LONGEST = 35
"""Most characters of a name: Grafana's board uid has at most 40, and five are `city-`."""

BOARDS = frozenset({"overview", "pipeline", "ledger"})
"""Boards of the platform; a domain of such a name would take their uid."""

IGNORED = frozenset({"build", "dist", "venv", "node_modules", "tests", "test"})
"""Names of folders that git, pytest or the wheel pass over."""

_SQL = """
all alter and any array as asc between by case cast check column create cross cube database default delete desc
describe distinct drop else end engine except exists explain false final for format from full function global grant
group having if ilike in index inner insert intersect interval into is join key left like limit materialized natural
not null offset on or order outer over partition prewhere primary references revoke right rollup row rows sample
select semi set settings show some system table then to top totals trim true truncate union unique update use user
using values view when where window with
"""
SQL_WORDS = frozenset(_SQL.split())


def domain_name(text: str) -> str:
    """Return a new domain's name in Python's spelling.

    Args:
        text: The name in Python's or Kafka's spelling: `water_quality` or `water-quality`.

    Returns:
        The name with underscores.

    Raises:
        DomainError: The name is not allowed; the message gives the reason in one line.
    """
    name = text.replace("-", "_")
    if not names.is_domain_name(name):
        raise DomainError(
            f"{text[:60]!r} is no domain name (lower case, digits, single underscores, such as water_quality)"
        )
    if len(name) > LONGEST:
        raise DomainError(f"{text[:60]!r} has {len(name)} characters; a domain's name has at most {LONGEST}")
    for words, whose in ((frozenset(keyword.kwlist), "Python"), (SQL_WORDS, "SQL")):
        if name in words:
            raise DomainError(f"{name} is a word of {whose}; take another name")
    if name in IGNORED:
        raise DomainError(f"{name} is a folder that git or pytest passes over; take another name")
    if name in BOARDS:
        raise DomainError(f"{name} is a board of the platform; take another name")
    return name
