"""The settings of the ClickHouse sink. `infra` makes them, nothing here reads the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from schemas.names import CLICKHOUSE_SINK_GROUP, DATABASE


@dataclass(frozen=True)
class SinkConfig:
    """Addresses, limits and times of the ClickHouse sink.

    Attributes:
        kafka: Bootstrap address, `host:port[,host:port]`.
        url: ClickHouse's HTTP interface, `http://host:port`.
        user: User of ClickHouse.
        password: The user's password, never printed.
        database: Database of the tables.
        rollups: Statements by topic that update its roll-ups, with the query parameters `{partition:UInt32}`,
            `{first:UInt64}` and `{last:UInt64}`, and `{zone:String}` where days are local
            (`streams/clickhouse_sink/rollups.py`). They run after each insert and before its confirmation, so each
            may run any number of times.
        group: Consumer group. Its committed offsets and claims are the sink's only state.
        max_rows: Most records of one batch of one partition.
        max_bytes: Most bytes of keys and values of one batch.
        max_age_s: Longest time that a record waits for its batch to fill. If twice the last batch's write time is
            longer, that counts, up to four times this.
        max_waiting_bytes: Most bytes of values that wait for their batch, over all partitions. Beyond it, fetching
            stops.
        inserts: Batches of different partitions that are written at a time. At most twice as many are in memory.
        compression: Compression of insert bodies. On one machine it costs more than it gives.
        session_timeout_s: Seconds without heartbeat after which Kafka gives the partitions to another sink.
        heartbeat_s: Seconds between heartbeats.
        lease_s: Seconds that a claim is valid. ClickHouse refuses a later insert, so a sink that was suspended and
            resumed hours later stores nothing. Longer than `insert_timeout_s`.
        insert_timeout_s: Seconds to wait for ClickHouse's answer.
        backoff_s: Seconds before the first retry of a failed batch. Doubles up to `max_backoff_s`.
        max_backoff_s: Longest time between retries.
        refusal_limit: Most records that are dead-lettered although the codec reads them, because ClickHouse does not.
            Beyond it the sink waits: the tables are wrong (docs/delivery.md#one-bad-datum).
        metrics_interval_s: Seconds between two reports of metrics.
        stalled_after_s: Seconds with lag and no progress after which the sink is unhealthy and ends itself.
        connect_timeout_s: Seconds to wait for Kafka's first answer.
        stop_within_s: Seconds that a stop may take.
    """

    kafka: str = "127.0.0.1:19092"
    url: str = "http://127.0.0.1:18123"
    user: str = "city"
    password: str = field(default="", repr=False)
    database: str = DATABASE
    rollups: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    group: str = CLICKHOUSE_SINK_GROUP
    max_rows: int = 20_000
    max_bytes: int = 6 << 20
    max_age_s: float = 0.5
    max_waiting_bytes: int = 64 << 20
    inserts: int = 3
    compression: Literal["none", "lz4", "zstd"] = "none"
    session_timeout_s: float = 8.0
    heartbeat_s: float = 2.0
    lease_s: float = 60.0
    insert_timeout_s: float = 30.0
    backoff_s: float = 0.2
    max_backoff_s: float = 5.0
    refusal_limit: int = 100
    metrics_interval_s: float = 5.0
    stalled_after_s: float = 60.0
    connect_timeout_s: float = 10.0
    stop_within_s: float = 8.0
