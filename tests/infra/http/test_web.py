"""Hostile requests to the status page's own paths: ledger files, registry, proofs; and the page's policy."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from infra.web.app import content_policy
from tests.infra.http.servers import Target, limits_of, serving, status_of
from tests.ledger_sink.simulated_city import small_city

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schemas.catalog import Catalog

CHECKPOINT = "/ledger/air-quality.reading/0/1/checkpoint"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a small ledger, a key beside it, and links that lead to the key."""
    folder = tmp_path_factory.mktemp("web")
    small_city(records=20).write(folder / "ledger")
    (folder / "keys").mkdir()
    (folder / "keys" / "checkpoint").write_text("the secret")
    (folder / "ledger" / "policy.txt").symlink_to(folder / "keys" / "checkpoint")
    (folder / "ledger" / "energy.reading" / "0").mkdir(parents=True)
    (folder / "ledger" / "energy.reading" / "0" / "1").symlink_to(folder / "keys")
    return folder


@pytest.fixture(scope="module")
def web(data: Path, catalog: Catalog) -> Iterator[Target]:
    """The web process's server."""
    with serving("web", limits_of("web", linger_s=0.5), catalog, data) as made:
        yield made


def get(web: Target, path: str, *lines: str) -> bytes:
    """One request on a connection of its own."""
    return web.send(web.head(*lines, "Connection: close", path=path))


@pytest.mark.parametrize(
    "path",
    ["../keys/checkpoint", "%2e%2e/keys/checkpoint", "..%2fkeys%2fcheckpoint", "%252e%252e/keys/checkpoint",
     "city/1/../../../keys/checkpoint", "//keys/checkpoint", "/etc/passwd", "%00", "keys.txt%00.html",
     "..%5ckeys%5ccheckpoint", "policy.txt", "energy.reading/0/1/checkpoint", "a" * 5000, "%ff%fe"],
)  # fmt: skip
def test_nothing_outside_the_ledger_is_served(web: Target, path: str) -> None:
    """By no spelling and no link."""
    answer = get(web, f"/ledger/{path}")
    assert status_of(answer) in {400, 404}, answer[:200]
    assert b"secret" not in answer
    assert status_of(get(web, CHECKPOINT)) == 200


@pytest.mark.parametrize(
    "ranges",
    ["bytes=" + ",".join(f"{n}-{n}" for n in range(2000)), "bytes=0-,0-,0-", "bytes=-1", "lines=1-2"],
)
def test_crafted_ranges_get_the_whole_file(web: Target, ranges: str) -> None:
    """One range is served, many are ignored."""
    assert status_of(get(web, CHECKPOINT, f"Range: {ranges}")) in {200, 431}
    assert status_of(get(web, CHECKPOINT, "Range: bytes=0-3")) == 206


def test_300_mb_to_the_registry_take_no_memory(web: Target) -> None:
    """In chunks, so that no length tells: refused at a megabyte, and status pages are served meanwhile."""
    before = psutil.Process().memory_info().rss
    head = web.head("Transfer-Encoding: chunked", method="POST", path=web.post)
    chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    with web.connect() as connection:
        answered = threading.Event()

        def pour() -> None:
            try:
                connection.sendall(head)
                for _ in range(300):
                    connection.sendall(chunk)
            except OSError:
                pass
            answered.set()

        thread = threading.Thread(target=pour)
        thread.start()
        assert web.ask() == 200
        assert status_of(connection.recv(65536)) == 413
        thread.join(30)
        assert answered.is_set()
    assert psutil.Process().memory_info().rss - before < 60 << 20


def test_a_nested_schema_is_422(web: Target) -> None:
    """JSON within JSON, and a schema whose records nest: one line, as the registry says it."""
    nested: object = "string"
    for _ in range(300):
        nested = {"type": "array", "items": nested}
    for text in ("[" * 200_000, json.dumps(nested), '"\\ud800"', "[]", "1e999", "null"):
        body = json.dumps({"schema": text}).encode()
        answer = web.send(
            web.head(f"Content-Length: {len(body)}", "Connection: close", method="POST", path=web.post) + body
        )
        assert status_of(answer) in {200, 422}, answer[-200:]


def test_a_schema_that_doubles_at_each_level_is_read_once(web: Target) -> None:
    """Sixty records that each hold the one before twice: a few lines that would unfold to 2⁶⁰ fields."""
    kind: list[object] = ["null", {"type": "record", "name": "r0", "fields": [{"name": "a", "type": "int"}]}]
    fields: list[dict[str, object]] = [{"name": "f0", "type": kind}]
    for level in range(1, 60):
        inner = [{"name": name, "type": f"r{level - 1}"} for name in "ab"]
        fields.append(
            {"name": f"f{level}", "type": ["null", {"type": "record", "name": f"r{level}", "fields": inner}]}
        )
    schema = {"type": "record", "name": "city.doubling", "fields": fields}
    body = json.dumps({"schema": json.dumps(schema)}).encode()
    head = web.head(f"Content-Length: {len(body)}", "Connection: close", method="POST", path=web.post)
    assert status_of(web.send(head + body)) == 200


@pytest.mark.parametrize("line", ["X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "Via: 1.1 proxy"])
def test_nobody_gets_a_proof_through_a_proxy(web: Target, line: str) -> None:
    """Who is behind it is not known, whatever the header says."""
    assert status_of(get(web, "/prove?topic=x", line)) == 403
    assert status_of(get(web, "/prove?topic=x")) == 400


def test_the_page_may_use_its_own_style_and_nothing_else() -> None:
    """A style that somebody slips in has another hash."""
    policy = content_policy("<style>a{}</style><p>")
    assert "default-src 'none'" in policy
    assert policy != content_policy("<style>b{}</style><p>")
    assert "unsafe" not in policy
    assert os.linesep not in policy
