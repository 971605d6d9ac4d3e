"""Every start applies the erasures again before a process that decrypts runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra import deployed
from infra.settings import Settings
from infra.stack import stack as stack_module
from infra.stack.stack import Stack
from schemas.catalog import load_catalog
from streams.privacy.reapply import Reapplied

if TYPE_CHECKING:
    from pathlib import Path

DONE = Reapplied(2, 1)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the steps of a start instead of taking them."""
    taken: list[str] = []

    def erase_again(*_: object) -> Reapplied:
        taken.append("erasures")
        return DONE

    for module in (stack_module, deployed):
        monkeypatch.setattr(module, "prepare_stores", lambda *_: taken.append("stores"))
        monkeypatch.setattr(module, "reapply_erasures", erase_again)
    monkeypatch.setattr(stack_module, "refill", lambda *_: [])
    monkeypatch.setattr(stack_module, "parts_set_aside", lambda *_: [])
    monkeypatch.setattr(Stack, "_start", lambda _self, role, *_a, **_k: taken.append(role))
    monkeypatch.setattr(Stack, "_start_kafka", lambda _self: None)
    monkeypatch.setattr(Stack, "_await_http", lambda *_: None)
    return taken


def test_a_start_erases_again_before_worker_sink_web_and_replay(steps: list[str], tmp_path: Path) -> None:
    """And after topics and tables exist; what it did is kept for the screen."""
    stack = Stack(Settings(data=tmp_path), load_catalog(), None, lambda: None)  # type: ignore[arg-type]
    stack.start()
    at = steps.index("erasures")
    assert steps[at - 1] == "stores"
    assert {"worker", "sink", "ledger", "web"} <= {*steps[at:]}
    assert not {"worker", "sink", "web"} & {*steps[:at]}
    assert stack.erasures == DONE


def test_a_deployed_stack_erases_again_in_its_preparation(
    steps: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its processes start after it, and it prints what it did."""
    monkeypatch.setattr(deployed, "connect", lambda *_: None)
    monkeypatch.setattr(deployed, "_await", lambda *_: None)
    assert deployed.prepare(Settings(data=tmp_path)) == 0
    assert steps == ["stores", "erasures"]
    assert "1 keys had come back" in capsys.readouterr().out
