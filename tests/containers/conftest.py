"""Daemon, images and stacks of the container tests; skipped only where no daemon can start."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.images.build import build
from tests.containers.compose import find_compose
from tests.containers.container_city import ContainerCity
from tests.containers.daemon import NoDaemonError, PrivateDaemon, answering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infra.images.docker_cli import Docker


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    """A daemon that answers: the environment's, else a private one that ends with the tests."""
    found = answering()
    if found is not None:
        yield found
        return
    daemon = PrivateDaemon()
    try:
        private = daemon.start()
    except NoDaemonError as error:
        pytest.skip(f"no container daemon: {error}")
    before = os.environ.get("DOCKER_HOST")
    os.environ["DOCKER_HOST"] = daemon.host  # testcontainers and compose look there
    try:
        yield private
    finally:
        if before is None:
            del os.environ["DOCKER_HOST"]
        else:
            os.environ["DOCKER_HOST"] = before
        daemon.stop()


@pytest.fixture(scope="session")
def images(docker: Docker) -> dict[str, str]:
    """The images under test: built once, or the ones that the environment names (`CITY_IMAGE_CLICKHOUSE=…`)."""
    built = build(docker, say=print)
    return {
        "kafka": os.environ.get("CITY_IMAGE_KAFKA", built["kafka"]),
        "clickhouse": os.environ.get("CITY_IMAGE_CLICKHOUSE", built["clickhouse"]),
        "platform": os.environ.get("CITY_IMAGE_PLATFORM", built["platform"]),
    }


@pytest.fixture(scope="session")
def compose(docker: Docker) -> list[str]:
    """The words that run compose."""
    del docker
    try:
        return find_compose()
    except NoDaemonError as error:
        pytest.skip(f"no compose: {error}")


@pytest.fixture
def make_city(images: dict[str, str], compose: list[str]) -> Iterator[Callable[..., ContainerCity]]:
    """Make stacks of containers in place of those of processes; they end with the test."""
    root = Path(tempfile.mkdtemp(prefix="city-containers-"))
    root.chmod(0o755)
    made: list[ContainerCity] = []

    def make(name: str = "city") -> ContainerCity:
        city = ContainerCity(root / name, images=images, compose=compose)
        made.append(city)
        return city

    yield make
    for city in made:
        city.remove()
    shutil.rmtree(root, ignore_errors=True)
