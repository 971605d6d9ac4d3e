"""The event of an audit names the verifier that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from infra.platform_events.events import send_audit
from infra.settings import Settings
from ledger_sink.verifier.source_digest import source_digest

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from schemas.catalog import Catalog


def test_the_event_of_an_audit_holds_the_digest_of_the_verifier(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is sealed like every event, so that anyone can compare the sources of `ledger-verify` with the city's."""
    sent: list[tuple[str, dict[str, Any]]] = []

    class Producer:
        def __init__(self, *_: object) -> None:
            pass

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def produce(self, topic: str, event: dict[str, Any]) -> None:
            sent.append((topic, event))

        def flush(self) -> None:
            pass

    monkeypatch.setattr("streams.produce.kafka.Producer", Producer)
    document = {"audit": {"verdict": "pass", "problems": []}, "city_log": {"size": 3}}
    send_audit(Settings(data=tmp_path), catalog, document)
    ((topic, event),) = sent
    assert topic == "platform.audit"
    assert event["details"] == {"size": "3", "verifier": source_digest()}
