"""A peer: a table of Faust in memory; what each change would put on its changelog is encoded, and goes nowhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import faust
from faust.serializers.codecs import dumps

from tests.bench.counting import SUBJECTS, Counting


def encoded(_: Any, key: Any, value: Any) -> Any:
    """Stand in for `Table.send_changelog`: without Kafka there is only the record to be made."""
    dumps("json", key)
    dumps("json", value)
    return SimpleNamespace(message=SimpleNamespace(partition=0))


def main() -> None:
    """Get and put as an agent does; a table gives out what it holds, not a copy."""
    work = Counting.read()
    clock = work.clock
    app = faust.App("bench-state", broker="kafka://127.0.0.1:1", store="memory://", autodiscover=False)
    table = app.Table("kept", partitions=1, use_partitioner=True)
    table.send_changelog = encoded
    clock.begin()
    for offset in range(clock.total):
        name = work.subjects[offset % SUBJECTS]
        table[name] = work.after(table.get(name))
    clock.count(clock.total)
    work.finish(table.get)


if __name__ == "__main__":
    main()
