"""Checkpoints and tiles over HTTP: C2SP tlog-tiles' types and caching, and nothing that is not public or not final."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from infra.ports import free_port
from infra.web import ledger_files
from ledger_sink.format import Policy
from ledger_sink.verifier.city_check import check_city
from ledger_sink.verifier.remote import LedgerUrl
from ledger_sink.verifier.trust import Trust
from tests.harness.waiting import eventually
from tests.ledger_sink.simulated_city import small_city

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

CITY = small_city(records=300)
LOG = "air-quality.reading/0/1"


def application(ledger: Path) -> Starlette:
    """The web process's ledger routes alone."""

    async def respond(request: Request) -> Response:
        name = request.path_params["name"]
        return ledger_files.respond(ledger, name) if name else ledger_files.index(ledger)

    return Starlette(routes=[Route("/ledger/{name:path}", respond)])


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger of two partitions with 601 leaves, a policy, and files that are the writers' own."""
    folder = CITY.write(tmp_path / "ledger")
    (folder / "policy.txt").write_bytes(CITY.policy())
    for name in ("state.json", "lock", "cover.json", "stopped.txt"):
        (folder / LOG / name).write_text("own")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "checkpoint").write_text("secret")
    return folder


def test_checkpoints_are_fresh_and_tiles_are_for_ever(ledger: Path) -> None:
    """Types and caching of each kind of file (C2SP tlog-tiles)."""
    text, octets = "text/plain; charset=utf-8", "application/octet-stream"
    for name, kind, cache in (
        (f"{LOG}/checkpoint", text, "public, max-age=1"),
        ("city/1/checkpoint", text, "public, max-age=1"),
        ("keys.txt", text, "public, max-age=1"),
        ("policy.txt", text, "public, max-age=1"),
        (f"{LOG}/tile/0/000", octets, ledger_files.IMMUTABLE),
        (f"{LOG}/tile/0/002.p/89", octets, ledger_files.IMMUTABLE),
        (f"{LOG}/tile/1/000.p/2", octets, ledger_files.IMMUTABLE),
        (f"{LOG}/tile/entries/002.p/89", octets, ledger_files.IMMUTABLE),
        ("city/1/tile/entries/000.p/2", octets, ledger_files.IMMUTABLE),
        (f"{LOG}/control/0.json", "application/json", ledger_files.IMMUTABLE),
    ):
        found = ledger_files.respond(ledger, name)
        assert found.status_code == 200, name
        assert (found.headers["content-type"], found.headers["cache-control"]) == (kind, cache)


def test_nothing_but_the_public_layout_is_served(ledger: Path) -> None:
    """States, locks, other spellings, folders, paths out of the ledger: 404, and no cache keeps that."""
    assert (ledger / LOG / "state.json").exists()
    for name in (
        f"{LOG}/state.json", f"{LOG}/lock", f"{LOG}/cover.json", f"{LOG}/stopped.txt", f"{LOG}", "city", "secret",
        "../secret", "./secret", "../1/checkpoint", f"{LOG}/tile/0/0", f"{LOG}/tile/0/000.p/256",
        f"{LOG}/tile/00/000", f"{LOG}/tile/0/x000/000", f"{LOG}/tile/0/000\n", f"{LOG}/control/00.json",
        f"{LOG}/control/1.json", f"{LOG}/tile/entries/٠٠٠", "air-quality.reading/00/1/checkpoint",
        f"{LOG}/../1/checkpoint", "air-quality.reading/0/2/checkpoint",
    ):  # fmt: skip
        found = ledger_files.respond(ledger, name)
        assert (found.status_code, found.headers["cache-control"]) == (404, "no-store"), name


def test_what_lies_beyond_the_checkpoint_is_not_served(ledger: Path) -> None:
    """Tiles that a crash may still change must never reach a cache that keeps them for ever."""
    older = small_city(records=300, ticks=1).partitions[0].checkpoint()
    (ledger / LOG / "checkpoint").write_bytes(older)
    assert ledger_files.respond(ledger, f"{LOG}/tile/0/001.p/45").status_code == 200
    for name in ("tile/0/001", "tile/0/002.p/89", "tile/entries/001", "tile/1/000.p/2"):
        assert (ledger / LOG / name).exists()
        assert ledger_files.respond(ledger, f"{LOG}/{name}").status_code == 404
    (ledger / LOG / "checkpoint").unlink()
    assert ledger_files.respond(ledger, f"{LOG}/tile/0/000").status_code == 404
    assert ledger_files.respond(ledger, f"{LOG}/control/0.json").status_code == 404


def test_the_index_lists_the_logs(ledger: Path) -> None:
    """A line each."""
    assert bytes(ledger_files.index(ledger).body).decode().split() == [
        "air-quality.reading/0/1/checkpoint",
        "air-quality.reading/1/1/checkpoint",
        "city/1/checkpoint",
    ]


@contextmanager
def serving(ledger: Path) -> Iterator[str]:
    """The routes behind the real server."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(application(ledger), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started, "the server listens")
        yield f"http://127.0.0.1:{port}/ledger"
    finally:
        server.should_exit = True
        thread.join()


def test_an_auditor_verifies_what_is_served(ledger: Path) -> None:
    """`ledger-verify --city URL` over the real server: the same verdict as on disk; damage there is named here."""
    trust = Trust(Policy.parse(CITY.policy()))
    with serving(ledger) as url:
        verdict = check_city("city", LedgerUrl(url), trust)
        assert verdict.passed, verdict.text()
        (ledger / LOG / "tile/entries/001").write_bytes(b"")
        verdict = check_city("city", LedgerUrl(url), trust)
    failed = [claim.words for claim in verdict.claims if claim.status == "failed"]
    assert any(f"{LOG}/tile/entries/001" in words for words in failed)
