"""Every name that a backup leaves out is one that something writes: a stale one would hide what took its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from infra.clickhouse.server.config import ServerConfig
from infra.clickhouse.server.launch import make_directory, temporary_folder
from infra.process.data_lock import lock_file
from infra.process.process_list import process_list
from infra.recovery.data_files import LEFT_OUT
from ledger_sink.format.layout import LOCK
from ledger_sink.store.files import TEMPORARY

if TYPE_CHECKING:
    from pathlib import Path

    from infra.kafka.embedded import EmbeddedKafka
    from tests.harness.engine import ClickHouse

FOREIGN = (
    "kafka/log/.kafka_cleanshutdown",
    "kafka/log/t-0/00000000000000000000.txnindex",
    "kafka/log/t-0.0123456789abcdef-delete/00000000000000000000.log.deleted",
    "kafka/log/t-0/00000000000000000000.log.cleaned",
    "clickhouse/store/abc/abc-def/tmp_insert_all_1_1_0/data.bin",
    "clickhouse/store/abc/abc-def/delete_tmp_all_1_1_0/data.bin",
)
"""Names that Kafka and ClickHouse give for a moment: in Kafka's log directory, and to parts of a MergeTree."""
PASSING = ("ledger/t/0/1/" + LOCK, "ledger/t/0/1/state.json" + TEMPORARY)


def written(folder: Path, name: str) -> set[str]:
    """Return the files and folders below a folder, as a data directory would hold them under a name."""
    found = {f"{name}/{each.relative_to(folder).as_posix()}" for each in folder.rglob("*")}
    return found | {f"{each}/" for each in found}


@pytest.fixture
def names(clickhouse: ClickHouse, kafka_broker: EmbeddedKafka, tmp_path: Path) -> set[str]:
    """All names that the running servers, the code's own paths and the two programs' passing files have."""
    config = ServerConfig(path=tmp_path / "clickhouse")
    make_directory(config.path)
    own = {
        path.relative_to(tmp_path).as_posix()
        for path in (lock_file(tmp_path), process_list(tmp_path), config.config_path / "config.xml")
    }
    own |= {f"{temporary_folder(config.path).relative_to(tmp_path).as_posix()}/query"}
    made = written(config.path, "clickhouse") | written(clickhouse.path, "clickhouse")
    return {*FOREIGN, *PASSING, *own, "logs/kafka.log"} | made | written(kafka_broker.home, "kafka")


def test_no_left_out_name_is_stale(names: set[str]) -> None:
    """Each pattern matches a name that is written."""
    assert [each for each in LEFT_OUT if not any(re.fullmatch(each, name) for name in names)] == []


def test_what_holds_data_is_not_left_out(clickhouse: ClickHouse, kafka_broker: EmbeddedKafka) -> None:
    """Metadata, segments and properties of the running servers are taken."""
    out = re.compile("|".join(LEFT_OUT))
    kept = {
        each.rpartition("/")[2].rpartition(".")[2]
        for each in written(clickhouse.path, "clickhouse") | written(kafka_broker.home, "kafka")
        if not out.fullmatch(each)
    }
    assert {"sql", "log", "properties"} <= kept
