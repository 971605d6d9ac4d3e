"""The settings of this package. `infra` creates them; nothing here reads the environment."""

from dataclasses import dataclass
from pathlib import Path

from schemas.names import AGENTS_GROUP


@dataclass(frozen=True)
class StreamsConfig:
    """The settings of producers, agents and replays.

    Attributes:
        kafka: Bootstrap address, `host:port[,host:port]`.
        data: Data directory of this stack; keys lie in `<data>/keys`.
        city: Name of the city, for CloudEvents sources.
        group: Consumer group of the agents; also the first part of their changelogs' names.
        domains: Whether the packaged `streams.domains.*.agents` run.
        extra_agents: Import names of further modules that declare rules (tests).
        session_timeout_s: Seconds without heartbeat after which Kafka gives a worker's partitions to another.
        heartbeat_s: Seconds between heartbeats.
        commit_interval_s: Seconds between commits of finished batches.
        max_batch_records: Largest number of records in one fetch, over all partitions.
        max_fetch_bytes: Largest number of bytes in one fetch from one partition.
        unfinished_batches: Batches of one partition that may wait or run at a time; bounds memory.
        slice_s: Seconds after which a batch yields to the event loop.
        batch_pause_for_tests_s: Seconds between the steps of a batch, so that a test can kill a worker there. No
            setting of the platform sets it: 0 in production.
        changelog_replication: Replicas of the state changelogs.
        delivery_timeout_s: Seconds after which a record that Kafka has not confirmed counts as failed.
        connect_timeout_s: Seconds to wait for Kafka's first answer.
        queue_records: Records that may wait in the producer before `produce` blocks.
        refusal_limit: Least number of records of a partition that one rule must refuse, within `refusal_window`, before
            its topic stops.
        refusal_share: Least refused part of the rule's last `refusal_window` calls. Both limits must be reached.
        refusal_window: Last calls of a rule on a partition in which refusals are counted.
        stalled_after_s: Seconds with lag and no progress after which the worker ends itself
            (docs/delivery.md#liveness).
        metrics_interval_s: Seconds between two reports of lag and counts.
        origin_settle_s: Seconds that Kafka must have had the registration of a source's key before it is in force;
            the same for all workers.
        stop_within_s: Seconds after SIGTERM until a worker that has not stopped ends itself.
        cloudevents: Whether records carry the CloudEvents attributes as headers.
    """

    kafka: str = "127.0.0.1:19092"
    data: Path = Path(".city")
    city: str = "city.example"
    group: str = AGENTS_GROUP
    domains: bool = True
    extra_agents: tuple[str, ...] = ()
    session_timeout_s: float = 8.0
    heartbeat_s: float = 2.0
    commit_interval_s: float = 1.0
    max_batch_records: int = 5_000
    max_fetch_bytes: int = 1 << 20
    unfinished_batches: int = 3
    slice_s: float = 0.05
    batch_pause_for_tests_s: float = 0.0
    changelog_replication: int = 1
    delivery_timeout_s: float = 30.0
    connect_timeout_s: float = 10.0
    queue_records: int = 100_000
    refusal_limit: int = 200
    refusal_share: float = 0.5
    refusal_window: int = 1_000
    stalled_after_s: float = 60.0
    metrics_interval_s: float = 5.0
    origin_settle_s: float = 5.0
    stop_within_s: float = 9.0
    cloudevents: bool = False

    @property
    def keys(self) -> Path:
        """Folder of the deployment secret and the subjects' keys."""
        return self.data / "keys"
