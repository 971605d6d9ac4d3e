"""The demo's judgement: a step that does not come out as told ends the story, and what was started is ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.demo.stage import Stage
from infra.demo.story import DemoError, Story
from infra.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.catalog import Catalog


@pytest.fixture
def story(catalog: Catalog) -> Iterator[Story]:
    """A story on a stage where no city runs."""
    with Stage(lambda _typed: None, keep=False) as stage:
        yield Story(stage, catalog, tell=lambda _line: None, head=lambda _title: None)


def test_refusal_for_another_reason_is_not_taken_for_kafkas(story: Story) -> None:
    """Exit code 2 alone does not do: no city runs, so nobody refused anything."""
    with pytest.raises(
        DemoError, match=r"not as told: expected that a refusal, got: .*no stack has run here"
    ):
        story.insurer_may_read_its_topics_only()


def test_evidence_that_does_not_pass_ends_the_story(story: Story) -> None:
    """The verifier's own words are told."""
    bundle = story.stage.data / "accident.evidence"
    bundle.write_bytes(b"no bundle")
    with pytest.raises(DemoError, match=r"not as told: expected that PASS, got: ledger-verify: .*policy"):
        story.evidence_holds(bundle)


def test_city_that_ends_is_told_with_its_last_words(story: Story) -> None:
    """Nobody waits for a city that is gone."""
    story.stage.start_city("--speed", "nonsense")
    with pytest.raises(StackError, match=r"the city ended with 2: its last words: .*--speed: .*'nonsense'"):
        story.stage.wait("ready", lambda: False, 60)


def test_stage_leaves_nothing_behind_unless_told_to(story: Story) -> None:
    """The directory is gone at the end; with `keep` it stays; ports and directory are the demo's own."""
    story.stage.close()
    assert not story.stage.data.exists()
    with Stage(lambda _typed: None, keep=True) as kept:
        assert kept.settings.kafka == ""
        assert kept.data != story.stage.data
    assert kept.data.is_dir()
    kept.data.rmdir()
