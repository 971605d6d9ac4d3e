"""The demo: a step that does not come out as expected ends it, and what was started is ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.demo.demo_city import DemoCity
from infra.demo.walkthrough import DemoError, Walkthrough
from infra.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.catalog import Catalog


@pytest.fixture
def walkthrough(catalog: Catalog) -> Iterator[Walkthrough]:
    """A walkthrough of a city that does not run."""
    with DemoCity(lambda _typed: None, keep=False) as city:
        yield Walkthrough(city, catalog, tell=lambda _line: None, head=lambda _title: None)


def test_refusal_for_another_reason_is_not_taken_for_kafkas(walkthrough: Walkthrough) -> None:
    """Exit code 2 alone does not do: no city runs, so nobody refused anything."""
    with pytest.raises(DemoError, match=r"not as expected: wanted a refusal, got: .*no stack has run here"):
        walkthrough.insurer_may_read_its_topics_only()


def test_evidence_that_does_not_pass_ends_the_walkthrough(walkthrough: Walkthrough) -> None:
    """The error has the verifier's own message."""
    bundle = walkthrough.city.data / "accident.evidence"
    bundle.write_bytes(b"no bundle")
    with pytest.raises(DemoError, match=r"not as expected: wanted PASS, got: ledger-verify: .*policy"):
        walkthrough.evidence_holds(bundle)


def test_city_that_ends_is_reported_with_its_last_line(walkthrough: Walkthrough) -> None:
    """Nobody waits for a city that is gone."""
    walkthrough.city.start("--speed", "nonsense")
    with pytest.raises(StackError, match=r"the city ended with 2: its last line: .*--speed: .*'nonsense'"):
        walkthrough.city.wait("ready", lambda: False, 60)


def test_demo_leaves_nothing_behind_unless_asked_to(walkthrough: Walkthrough) -> None:
    """The directory is gone at the end; with `keep` it stays; ports and directory are the demo's own."""
    walkthrough.city.close()
    assert not walkthrough.city.data.exists()
    with DemoCity(lambda _typed: None, keep=True) as kept:
        assert kept.settings.kafka == ""
        assert kept.data != walkthrough.city.data
    assert kept.data.is_dir()
    kept.data.rmdir()
