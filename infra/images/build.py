"""Builds the images that are missing, parents first."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from infra.images.debian import debian_image
from infra.images.recipes import RECIPES, REPOSITORY, RUNNABLE, Recipe, tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from infra.images.docker_cli import Docker


def build(
    docker: Docker, names: Iterable[str] = RUNNABLE, say: Callable[[str], None] = lambda _line: None
) -> dict[str, str]:
    """Build the images that are missing and return each image's tag by name; `:latest` points to the same image.

    Args:
        docker: The daemon that gets the images.
        names: Names in `RECIPES`.
        say: Takes one line for each image that was built.

    Raises:
        ImageError: Something is missing or a step failed.
    """
    docker.require()
    return {name: _ensure(docker, RECIPES[name], say) for name in names}


def _ensure(docker: Docker, recipe: Recipe, say: Callable[[str], None]) -> str:
    name = tag(recipe)
    latest = f"{REPOSITORY}/{recipe.name}:latest"
    if docker.has(name):
        docker.run("tag", name, latest)
        return name
    if recipe.parent:
        arguments = {"PARENT": _ensure(docker, RECIPES[recipe.parent], say)}
    else:
        arguments = {"DEBIAN": debian_image(docker)}
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="city-image-") as folder:
        recipe.gather(Path(folder))
        gathered = time.monotonic()
        docker.build([name, latest], recipe.dockerfile_path, Path(folder), arguments)
    size = int(docker.run("image", "inspect", "--format", "{{.Size}}", name))
    say(
        f"{name}: {size / 1e6:.0f} MB, gathered in {gathered - started:.1f} s, "
        f"built in {time.monotonic() - gathered:.1f} s"
    )
    return name
