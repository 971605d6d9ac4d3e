"""The broker's configuration as text. Pure.

Rules kept here:
 - Three listeners. INTERNAL (plaintext) is for the platform's own processes, CONTROLLER for the quorum of one. Both
   must be unreachable for others, because every client there is the super user. SASL (SCRAM-SHA-512) is for
   subscribers, who may do only what `infra.kafka.access` granted.
 - StandardAuthorizer, default deny. No topic is created automatically.
 - Topics get LogAppendTime by default: otherwise retention would delete old recordings at once.
 - Sizes fit a machine with 2 cores and little memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.ports import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

# The principal of every connection without authentication: INTERNAL's and CONTROLLER's clients.
SUPER_USER = "ANONYMOUS"
NODE_ID = 1
_SCRAM_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True)
class KafkaPorts:
    """The three TCP ports of one broker."""

    kafka: int = 19092
    sasl: int = 19093
    controller: int = 19094


@dataclass(frozen=True)
class KafkaAddresses:
    """Where the broker listens, and the addresses that it advertises (host:port); loopback by default."""

    listen: str = LOOPBACK
    internal: str | None = None
    sasl: str | None = None


def server_properties(log_dir: Path, ports: KafkaPorts, addresses: KafkaAddresses) -> str:
    """Return the text of server.properties for one combined broker and controller.

    Args:
        log_dir: Kafka's log directory.
        ports: The ports of the three listeners.
        addresses: The host to listen on and the advertised addresses.
    """
    settings = {**_roles(ports), **_listeners(ports, addresses), **_access(), **_small(), **_topics()}
    settings["log.dirs"] = _escaped(str(log_dir))
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _escaped(value: str) -> str:
    """Escape a path for a Java properties file."""
    return value.replace("\\", "\\\\")


def _roles(ports: KafkaPorts) -> dict[str, object]:
    return {
        "process.roles": "broker,controller",
        "node.id": NODE_ID,
        "controller.quorum.voters": f"{NODE_ID}@{LOOPBACK}:{ports.controller}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "INTERNAL",
    }


def _listeners(ports: KafkaPorts, addresses: KafkaAddresses) -> dict[str, object]:
    internal = addresses.internal or f"{LOOPBACK}:{ports.kafka}"
    sasl = addresses.sasl or f"{LOOPBACK}:{ports.sasl}"
    return {
        "listeners": f"INTERNAL://{addresses.listen}:{ports.kafka},SASL://{addresses.listen}:{ports.sasl},"
        f"CONTROLLER://{LOOPBACK}:{ports.controller}",
        "advertised.listeners": f"INTERNAL://{internal},SASL://{sasl}",
        "listener.security.protocol.map": "INTERNAL:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
    }


def _access() -> dict[str, object]:
    return {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{SUPER_USER}",
        "allow.everyone.if.no.acl.found": "false",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl.scram-sha-512.sasl.jaas.config": f"{_SCRAM_LOGIN} required;",
    }


def _topics() -> dict[str, object]:
    return {
        "auto.create.topics.enable": "false",
        "log.message.timestamp.type": "LogAppendTime",
        "num.partitions": 2,
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 2,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 2,
        # A transaction that nobody ends holds back all readers: it is aborted a second after its time-out, not 10 s.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
    }


def _small() -> dict[str, object]:
    return {
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
        "num.recovery.threads.per.data.dir": 2,
        # A killed broker may register again only after its previous session has ended: 9 s by default.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 1000,
        # An idle controller writes an empty metadata record, and syncs it, twice a second by default.
        "metadata.max.idle.interval.ms": 10_000,
        "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
        # A group waits only this long: members that join within it share the first assignment.
        "group.initial.rebalance.delay.ms": 200,
        # A paused worker's partitions may move as soon as its own session timeout has passed.
        "group.min.session.timeout.ms": 1000,
    }
