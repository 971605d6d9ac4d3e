"""Damaged parts of ClickHouse's tables: those that the engine set aside at its start, and those that it cannot read.

Where a file of a part is missing or cut, the engine opens without the part, and says so in its log only. A part with a
flipped bit stays in use until something reads it. `tests/infra/clickhouse/server/test_damaged_parts.py` tries both.
"""

from __future__ import annotations

import json
import re
from typing import Any

from schemas.names import DATABASE

_CODE = re.compile(r"(?:Code: \d+\. )?DB::Exception: ")
LONGEST = 160
"""Characters of the engine's own words in a line."""


def set_aside(client: Any) -> list[str]:
    """Return one line for each table with damaged parts that the engine has set aside.

    Args:
        client: A clickhouse-connect client.

    Raises:
        ClickHouseError: The engine does not answer, or refuses.
    """
    rows = client.query(
        "SELECT database || '.' || table, count(), min(path) FROM system.detached_parts "
        f"WHERE database = '{DATABASE}' AND (reason LIKE '%broken%' OR reason IN ('unexpected', 'noquorum')) "
        "GROUP BY ALL ORDER BY ALL"
    ).result_rows
    return [
        f"{path}: ClickHouse has set this part of {table} aside because a file of it is damaged or missing"
        f"{f' (and {int(count) - 1} more parts)' if int(count) > 1 else ''}; rows that are missing are filled again "
        "from Kafka at the start; once `city audit` passes, the folder may be removed "
        "(docs/recovery.md#a-part-of-clickhouse-is-damaged)"
        for table, count, path in rows
    ]


def unsound(client: Any) -> list[str]:
    """Return one line for each part in use whose files are not those that the engine wrote; reads every file.

    Args:
        client: A clickhouse-connect client.

    Raises:
        ClickHouseError: The engine does not answer, or refuses.
    """
    tables = client.query(
        f"SELECT name FROM system.tables WHERE database = '{DATABASE}' AND engine LIKE '%MergeTree' ORDER BY name"
    ).result_rows
    found = []
    for (table,) in tables:
        name = f"{DATABASE}.{table}"
        checked = client.raw_query(
            f"CHECK TABLE {DATABASE}.`{table}` SETTINGS check_query_single_value_result = 0",
            fmt="JSONCompactEachRow",
        )
        for part, passed, message in map(json.loads, checked.splitlines()):
            if not passed:
                found.append(_line(_path(client, str(table), str(part)), name, str(message)))
    return found


def _path(client: Any, table: str, part: str) -> str:
    rows = client.query(
        f"SELECT path FROM system.parts WHERE database = '{DATABASE}' AND table = {{table:String}} "
        "AND name = {part:String} ORDER BY active DESC LIMIT 1",
        parameters={"table": table, "part": part},
    ).result_rows
    return str(rows[0][0]).rstrip("/") if rows else part


def _line(path: str, table: str, why: str) -> str:
    reason = _CODE.sub("", _one_line(why)).strip()[:LONGEST]
    return (
        f"{path}: a part of {table} is damaged: stop the city, move this folder out of clickhouse/ and start again, "
        f"which fills its rows again from Kafka (docs/recovery.md#a-part-of-clickhouse-is-damaged); {reason}"
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
