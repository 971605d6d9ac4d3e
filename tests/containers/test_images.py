"""The images as the daemon has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.images.build import build

if TYPE_CHECKING:
    from infra.images.docker_cli import Docker

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]


@pytest.mark.parametrize("name", ["kafka", "clickhouse", "platform"])
def test_containers_run_without_rights(docker: Docker, images: dict[str, str], name: str) -> None:
    """Nothing in a container runs as root."""
    printed = docker.run(
        "run", "--rm", "--network", "none", "--entrypoint", "id", images[name], "-u", timeout=60
    )
    assert printed.strip() != "0"


def test_what_is_there_is_not_built_again(docker: Docker, images: dict[str, str]) -> None:
    """With unchanged sources a second build builds nothing."""
    del images
    told: list[str] = []
    libraries = ("libraries", "engine", "runtime")
    assert set(build(docker, libraries, told.append)) == set(libraries)
    assert told == []


def test_images_know_nothing_of_where_packages_came_from(docker: Docker, images: dict[str, str]) -> None:
    """No layer's history and no environment variable holds an address."""
    for tag in images.values():
        if tag.startswith("city-telemetry/"):
            told = docker.run("history", "--no-trunc", "--format", "{{.CreatedBy}}", tag)
            told += docker.run("image", "inspect", "--format", "{{json .Config.Env}}", tag)
            assert "://" not in told, tag


def test_wheel_in_the_image_is_complete(docker: Docker, images: dict[str, str]) -> None:
    """The platform's image knows its own version, its commands and its bundled recordings."""
    inside = (
        "import importlib.metadata as m; from streams.replay.recordings import bundled; import infra.cli;"
        "print(m.version('city-telemetry'), len(list(bundled())))"
    )
    words = ["run", "--rm", "--network", "none", "--entrypoint", "python3", images["platform"], "-c", inside]
    version, recordings = docker.run(*words, timeout=60).split()
    assert version
    assert int(recordings) > 0
