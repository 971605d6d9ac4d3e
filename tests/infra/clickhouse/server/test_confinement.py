"""The process that runs SQL reaches its own directory and nothing else, whatever the SQL spells."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from infra.process import landlock, seccomp
from infra.process.confinement import read_state
from tests.harness.engine import ClickHouse, EngineProcess
from tests.infra.clickhouse.server.asking import ask
from tests.infra.clickhouse.server.hostile_sql import LEFT_TO_TABLES, REACHES, READS

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).resolve().parents[4]
_SECRET = "the-secret-of-the-keys"
_NOBODY = 65534
_PLAIN_ENGINE = "tests.infra.clickhouse.server.plain_engine"
CONFINES = landlock.version() >= 1 and seccomp.available()
needs_landlock = pytest.mark.skipif(
    not CONFINES, reason="this kernel has no Landlock: the start says so, below"
)


def _prepare(folder: Path) -> Path:
    """Make a data directory with a key, and links to it where the engine reads user files; return the key."""
    key = folder / "keys" / "secret.txt"
    key.parent.mkdir(parents=True)
    key.write_text(_SECRET)
    (folder / "engine" / "temporary").mkdir(parents=True)
    files = folder / "engine" / "user_files"
    files.mkdir()
    (files / "link").symlink_to(key)
    (files / "folder").symlink_to(key.parent)
    return key


def _listing(folder: Path, but: str) -> dict[str, str]:
    """Return every file of a folder with its content, without those of the engine."""
    others = [path for path in folder.iterdir() if not f"{path.name}/".startswith(but)]
    found = {}
    for path in sorted(path for other in others for path in (other, *other.rglob("*"))):
        found[str(path.relative_to(folder))] = path.read_bytes().hex() if path.is_file() else "folder"
    return found


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ClickHouse, Path, EngineProcess]]:
    """A server with canaries around its directory, and the folder of both."""
    folder = tmp_path_factory.mktemp("confinement")
    _prepare(folder)
    process = EngineProcess(folder / "engine", options=("--state", str(folder / "run" / "state.json")))
    door = process.start()
    ask(door, b"CREATE TABLE default.loot (s String) ENGINE = MergeTree ORDER BY s")
    yield door, folder, process
    process.stop()


def test_the_start_says_whether_it_is_confined(started: tuple[ClickHouse, Path, EngineProcess]) -> None:
    """The first line of the log and the state file agree with what this kernel can do."""
    _, folder, process = started
    state = read_state(folder / "run" / "state.json")
    assert state is not None
    assert state.line in process.line
    if CONFINES:
        assert state.confined, state
        assert "landlock" in state.by
        assert "seccomp" in state.by
    else:
        assert "NOT CONFINED" in process.line


@pytest.mark.parametrize("attack", [*READS, *REACHES])
def test_hostile_sql_over_http_gets_nothing(
    started: tuple[ClickHouse, Path, EngineProcess], attack: str
) -> None:
    """Refused, or empty; no answer holds the secret, nothing outside changes, and the server answers the next."""
    door, folder, _ = started
    secret, out = folder / "keys" / "secret.txt", folder / "out"
    before = _listing(folder, "engine/")
    with socket.create_server(("127.0.0.1", 0)) as bait:
        sql = attack
        for name, value in (("secret", secret), ("out", out), ("port", bait.getsockname()[1])):
            sql = sql.replace("{" + name + "}", str(value))
        for method in ("POST", "GET"):
            answer = ask(door, method=method, query=sql, param_p=str(secret), max_execution_time="5")
            assert _SECRET not in answer.data.decode("utf-8", "replace")
            assert answer.status >= 400 or attack in LEFT_TO_TABLES, answer.text
        bait.settimeout(0.001)
        with pytest.raises(TimeoutError):
            bait.accept()
    assert ask(door, b"SELECT count() FROM default.loot").data == b"0\n"
    assert ask(door, b"SELECT 1").data == b"1\n"
    assert _listing(folder, "engine/") == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format_schema", "{secret}:Message"),
        ("format_schema_source", "query"),
        ("format_template_row", "{secret}"),
        ("format_avro_schema_registry_url", "http://127.0.0.1:1/"),
        ("additional_result_filter", "file('{secret}') = 1"),
        ("additional_table_filters", "{'system.one': 'file(''{secret}'') = 1'}"),
        ("dialect", "prql"),
        ("allow_experimental_eval_table_function", "1"),
        ("input_format_record_errors_file_path", "{secret}.out"),
        ("max_memory_usage", "0"),
        ("max_result_bytes", "0"),
        ("profile", "other"),
        ("role", "all"),
    ],
)
def test_settings_of_a_request_reach_nothing_either(
    started: tuple[ClickHouse, Path, EngineProcess], name: str, value: str
) -> None:
    """Settings that name files, addresses, grammars or expressions are read-only or bounded."""
    door, folder, _ = started
    before = _listing(folder, "engine/")
    value = value.replace("{secret}", str(folder / "keys" / "secret.txt"))
    answer = ask(door, b"SELECT * FROM system.one", "POST", None, "/", **{name: value})
    assert _SECRET not in answer.text
    assert answer.status >= 400 or answer.data == b"0\n"
    assert _listing(folder, "engine/") == before


_PLAIN = (
    "SELECT file('{secret}')",
    "SELECT * FROM file('{secret}', 'LineAsString')",
    "SELECT 1 INTO OUTFILE '{outside}/out'",
    "INSERT INTO FUNCTION file('{outside}/out', 'TSV', 's String') SELECT '1'",
    "SELECT * FROM url('http://127.0.0.1:{port}/', 'LineAsString') SETTINGS http_max_tries = 1",
    "SELECT * FROM s3('http://127.0.0.1:{port}/b/x', NOSIGN, 'TSV', 's String') SETTINGS s3_retry_attempts = 0",
    "SELECT * FROM remote('127.0.0.1:{port}', 'system.one') SETTINGS connections_with_failover_max_tries = 1",
    "SELECT * FROM executable('cat {secret}', 'TSV', 's String')",
    "SELECT * FROM sqlite('{secret}', 't')",
    "BACKUP DATABASE default TO File('{outside}/out')",
)


def _plain(tmp_path: Path, user: str, python: tuple[str, ...], statements: tuple[str, ...]) -> dict[str, Any]:
    outside = tmp_path
    key = _prepare(outside)
    os.chown(outside / "engine", int(user) if user != "-" else -1, -1)
    before = _listing(outside, "engine")
    with socket.create_server(("127.0.0.1", 0)) as bait:
        port = bait.getsockname()[1]
        texts = [
            sql.replace("{secret}", str(key)).replace("{outside}", str(outside)).replace("{port}", str(port))
            for sql in statements
        ]
        ran = subprocess.run(
            [*python, "-m", _PLAIN_ENGINE, str(outside / "engine"), str(outside), user, str(port)],
            cwd=_ROOT,
            env={**os.environ, "TMPDIR": str(outside / "engine" / "temporary")},
            input=json.dumps(texts),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    assert _SECRET not in ran.stdout
    assert _listing(outside, "engine") == before
    answers: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return answers


def _refuses_all(answers: dict[str, Any]) -> None:
    done = {name: answer for name, answer in answers["calls"].items() if not answer.startswith("refused")}
    assert not done
    assert answers["state"]["confined"], answers["state"]


@needs_landlock
def test_without_deny_list_and_grants_the_operating_system_alone_refuses(tmp_path: Path) -> None:
    """As the user of the tests (root, where they run as root): system calls, and SQL on a plain engine."""
    answers = _plain(tmp_path, "-", (sys.executable,), _PLAIN)
    _refuses_all(answers)
    assert [answer for answer in answers["sql"] if not answer.startswith("refused")] == []


@needs_landlock
@pytest.mark.skipif(os.geteuid() != 0, reason="the test before ran as an ordinary user already")
def test_as_an_ordinary_user_the_same_system_calls_are_refused(tmp_path: Path) -> None:
    """As `nobody`, the files around readable by anyone, so that only the confinement refuses; without an engine.

    The engine's library may lie where that user cannot read it (below /root), so no SQL runs here.
    """
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != Path("/") and "pytest" in folder.name:
            folder.chmod(0o755)
    answers = _plain(tmp_path, str(_NOBODY), (sys.executable,), ())
    assert answers["user"] == _NOBODY
    _refuses_all(answers)


@pytest.mark.parametrize("how", ["landlock", "required"])
def test_where_it_cannot_be_confined_the_start_says_so_or_refuses(tmp_path: Path, how: str) -> None:
    """A process that may not use Landlock: `NOT CONFINED` in its first line; with `--required` it refuses."""
    shutil.rmtree(tmp_path / "engine", ignore_errors=True)
    prefix = (sys.executable, "-c", _WITHOUT_LANDLOCK)
    state = tmp_path / "state.json"
    options = ("--state", str(state), *(("--required",) if how == "required" else ()))
    if how == "required":
        command = [
            *prefix,
            sys.executable,
            "-m",
            "infra.clickhouse.server",
            str(tmp_path / "engine"),
            "--port=0",
        ]
        ran = subprocess.run(
            [*command, *options], cwd=_ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert ran.returncode == 2
        assert "CITY_CONFINEMENT=required" in ran.stderr
        assert len(ran.stderr.strip().splitlines()) == 1
    else:
        process = EngineProcess(tmp_path / "engine", prefix=prefix, options=options)
        door = process.start()
        assert "NOT CONFINED" in process.line
        assert ask(door, b"SELECT 1").data == b"1\n"
        process.stop()
    found = read_state(state)
    assert found is not None
    assert not found.confined
    assert found.why_not


# A seccomp filter that answers ENOSYS to landlock_create_ruleset, as containers of old do.
_WITHOUT_LANDLOCK = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x00050026), (0x06, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
header = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
if sys.platform == "linux":
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, header, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""
