"""The broker's configuration: what it must never say."""

from __future__ import annotations

from pathlib import Path

from infra.kafka.server_properties import KafkaAddresses, KafkaPorts, server_properties


def settings(addresses: KafkaAddresses | None = None) -> dict[str, str]:
    """Return the configuration by name."""
    text = server_properties(Path("/data/log"), KafkaPorts(1, 2, 3), addresses or KafkaAddresses())
    return dict(line.split("=", 1) for line in text.splitlines())


def test_nothing_listens_beyond_the_loopback_by_default() -> None:
    """All three listeners are on 127.0.0.1."""
    assert settings()["listeners"] == "INTERNAL://127.0.0.1:1,SASL://127.0.0.1:2,CONTROLLER://127.0.0.1:3"


def test_controller_stays_on_the_loopback_in_a_container() -> None:
    """Whatever the broker listens on, the controller is reached from its own machine only."""
    has = settings(KafkaAddresses("0.0.0.0", "kafka:1", "localhost:9"))  # noqa: S104 - the container's own network
    assert has["listeners"] == "INTERNAL://0.0.0.0:1,SASL://0.0.0.0:2,CONTROLLER://127.0.0.1:3"
    assert has["advertised.listeners"] == "INTERNAL://kafka:1,SASL://localhost:9"


def test_access_is_denied_unless_granted() -> None:
    """The standard authorizer decides and nothing is allowed by default."""
    has = settings()
    assert has["authorizer.class.name"].endswith("StandardAuthorizer")
    assert has["allow.everyone.if.no.acl.found"] == "false"
    assert has["auto.create.topics.enable"] == "false"
