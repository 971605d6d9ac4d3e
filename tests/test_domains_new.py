"""`city domains new`: what it lays runs and passes every check as laid, and what it refuses leaves nothing behind."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schemas.id_ranges import SIZE, read_ranges
from tests.fixtures.new_domain import CHECKS, LAY, NAME, REPOSITORY, RUN, Checkout, checkout

IDS = "schemas/domains/ids.toml"
LONGEST = "abcdefghijklmnopqrstuvwxyz_12345_xy"
REFUSED = {
    "": "no domain name",
    ".": "no domain name",
    "../x": "no domain name",
    "a/b": "no domain name",
    "/etc/x": "no domain name",
    "Water": "no domain name",
    "water quality": "no domain name",
    "water__quality": "no domain name",
    "_water": "no domain name",
    "water-": "no domain name",
    "1st": "no domain name",
    "wässer": "no domain name",
    "$name": "no domain name",
    "order": "a word of SQL",
    "group": "a word of SQL",
    "class": "a word of Python",
    "import": "a word of Python",
    "overview": "a board of the platform",
    "ledger": "a board of the platform",
    "platform": "exists already",
    "air_quality": "exists already",
    "air-quality": "exists already",
    f"{LONGEST}z": "has 36 characters",
    "a" * 300: "has 300 characters",
}
INVOKE = """
import json, sys
from click.testing import CliRunner
from infra.cli import main
results = [CliRunner().invoke(main, ["domains", "new", "--", name]) for name in json.loads(sys.argv[1])]
print(json.dumps([[each.exit_code, each.output] for each in results]))
"""
SIGNALLED = """
import os, sys
from infra.cli import main
number, left = int(sys.argv.pop(1)), int(sys.argv.pop(1))
rename = os.rename
def renamed(*args, **kwargs):
    global left
    rename(*args, **kwargs)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), number)
os.rename = os.replace = renamed
main()
"""
"""`city` that sends itself a signal after its n-th rename; arguments: signal, n, those of `city`."""
RENAMES = 6
"""Renames of `city domains new`: five layers and ids.toml."""


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the repository with a domain that CONTRIBUTING's first command laid."""
    copy = checkout(tmp_path_factory.mktemp("laid") / "city")
    before = copy.files()
    done = copy.run(LAY)
    assert done.returncode == 0, done.stderr
    after = copy.files()
    assert {path for path in after if after[path] != before.get(path)} == set(done.stdout.split())
    assert before.keys() <= after.keys()
    return copy


def test_contributing_lays_checks_and_runs_a_domain() -> None:
    """The commands that the tests below and the end-to-end test run are those of the document."""
    assert f"uv run city domains new {NAME}" == LAY
    assert [command.split()[2] for command in CHECKS] == ["pytest", "ruff", "ruff", "mypy", "lint-imports"]
    assert RUN.startswith("uv run city up --once ")


@pytest.mark.parametrize("command", CHECKS)
def test_what_is_laid_passes_the_checks_of_contributing(laid: Checkout, command: str) -> None:
    """The suite over all domains and its own tests, format, lint, types, import contracts."""
    done = laid.run(command, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_domain_is_laid_in_every_layer_and_in_no_list(laid: Checkout) -> None:
    """What is new lies below `domains/NAME`; the one file that changed reserves the next hundred of schema ids."""
    original = checkout(laid.root.parent / "original").files()
    changed = {path for path, content in laid.files().items() if content != original.get(path)}
    assert changed & original.keys() == {IDS}
    layers = {path.split(f"domains/{NAME}")[0] for path in changed - {IDS}}
    assert layers == {"schemas/", "streams/", "infra/clickhouse/", "dashboards/", "tests/streams/"}
    ranges = read_ranges([laid.root / "schemas" / "domains"])
    assert ranges.problems == []
    assert ranges.first[NAME] == read_ranges([REPOSITORY / "schemas" / "domains"]).next_free()


def test_a_name_may_have_hyphens_underscores_and_digits_and_be_short_or_long(tmp_path: Path) -> None:
    """Python's spelling is laid, formatted as the formatter does; each takes a further hundred of ids."""
    copy = checkout(tmp_path / "city")
    names = {"water-quality": "water_quality", "noise_2": "noise_2", "z": "z", LONGEST: LONGEST}
    for text, name in names.items():
        done = copy.run(f"city domains new {text}")
        assert done.returncode == 0, done.stderr
        assert f"dashboards/domains/{name}.py" in done.stdout.split()
    for command in ("ruff format --check .", "ruff check .", "city schemas check"):
        assert copy.run(command).returncode == 0, command
    first = read_ranges([copy.root / "schemas" / "domains"]).first
    taken = [first[name] for name in names.values()]
    assert taken == [taken[0] + SIZE * number for number in range(len(names))]
    done = copy.run(f"pytest -n 0 -q tests/streams/domains/{LONGEST} tests/streams/domains/z")
    assert done.returncode == 0, done.stdout


def test_a_name_that_no_domain_may_have_is_refused_in_one_line(tmp_path: Path) -> None:
    """Exit 2, why, and nothing is laid."""
    copy = checkout(tmp_path / "city")
    before = copy.files()
    (tmp_path / "invoke.py").write_text(INVOKE, encoding="utf-8")
    done = copy.run(f"python {tmp_path / 'invoke.py'} '{json.dumps([*REFUSED])}'")
    assert done.returncode == 0, done.stderr
    for (name, reason), (code, output) in zip(REFUSED.items(), json.loads(done.stdout), strict=True):
        assert code == 2, name
        assert output.startswith("city: "), name
        assert output.count("\n") == 1, name
        assert reason in output, (name, output)
    assert copy.files() == before


@pytest.mark.parametrize(
    "path", ["tests/streams/domains/trial/left.py", "dashboards/domains/trial.py", f"{IDS}"]
)
def test_a_domain_that_one_layer_has_is_not_laid_in_the_others(tmp_path: Path, path: str) -> None:
    """Whether it is a file left over or a reservation of ids."""
    copy = checkout(tmp_path / "city")
    file = copy.root / path
    file.parent.mkdir(exist_ok=True)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"trial = {read_ranges([REPOSITORY / 'schemas' / 'domains']).next_free()}\n")
    before = copy.files()
    done = copy.run(LAY)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "already" in done.stderr
    assert copy.files() == before


def test_a_file_that_cannot_be_written_leaves_nothing_half_laid(tmp_path: Path) -> None:
    """Files of at most 2 KiB may be written, as on a disk that is nearly full: one line, exit 2, all as before."""
    copy = checkout(tmp_path / "city")
    before = copy.files()
    done = copy.run(f"bash -c 'ulimit -f 2; exec {sys.executable} -m infra.cli domains new trial'")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "File too large" in done.stderr
    assert copy.files() == before


def test_a_layer_that_cannot_be_moved_into_takes_the_others_back(tmp_path: Path) -> None:
    """The fourth layer lies on another file system, to which no folder can be renamed: three are taken back."""
    memory = Path("/dev/shm")  # noqa: S108  a file system of its own on Linux
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs /dev/shm as a file system of its own")
    copy = checkout(tmp_path / "city")
    before = copy.files()
    layer = copy.root / "tests" / "streams" / "domains"
    with tempfile.TemporaryDirectory(dir=memory) as elsewhere:
        layer.rename(layer.with_name("kept"))
        layer.symlink_to(elsewhere)
        done = copy.run(LAY)
        assert list(Path(elsewhere).iterdir()) == []
        layer.unlink()
        layer.with_name("kept").rename(layer)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert copy.files() == before


def test_two_at_once_take_two_hundreds(tmp_path: Path) -> None:
    """Neither loses its line in ids.toml, and the catalogue loads with both."""
    copy = checkout(tmp_path / "city")
    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(lambda name: copy.run(f"city domains new {name}"), ("aaa", "bbb")))
    assert [each.returncode for each in done] == [0, 0], [each.stderr for each in done]
    first = read_ranges([copy.root / "schemas" / "domains"]).first
    assert abs(first["aaa"] - first["bbb"]) == SIZE
    assert copy.run("city schemas check").returncode == 0


def test_a_kill_after_any_rename_leaves_a_catalogue_that_loads(tmp_path: Path) -> None:
    """The next run lists what to remove; without that, all is as before."""
    copy = checkout(tmp_path / "city")
    before = copy.files()
    (tmp_path / "signalled.py").write_text(SIGNALLED, encoding="utf-8")
    for renames in range(1, RENAMES + 1):
        done = copy.run(f"python {tmp_path / 'signalled.py'} {signal.SIGKILL:d} {renames} domains new {NAME}")
        assert done.returncode == -signal.SIGKILL, (renames, done.stderr)
        checked = copy.run("city schemas check")
        assert checked.returncode == 0, (renames, checked.stderr)
        if renames == RENAMES:
            break
        done = copy.run(LAY)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), (renames, done.stderr)
        listed = done.stderr.split("remove ")[1].split("; then repeat")[0].split(", ")
        if listed[-1] == f"the line of {NAME} in {IDS}":
            listed.pop()
            (copy.root / IDS).write_bytes(before[IDS])
        for path in listed:
            file = copy.root / path
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        assert copy.files() == before, renames
    assert (copy.root / "schemas" / "domains" / NAME).is_dir()
    done = copy.run(LAY)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "exists already" in done.stderr
    assert list(copy.root.glob(".new-domain-*")) == []


def test_sigterm_after_any_rename_takes_all_of_them_back(tmp_path: Path) -> None:
    """The exit code is a shell's for SIGTERM."""
    copy = checkout(tmp_path / "city")
    before = copy.files()
    (tmp_path / "signalled.py").write_text(SIGNALLED, encoding="utf-8")
    for renames in range(1, RENAMES + 1):
        done = copy.run(f"python {tmp_path / 'signalled.py'} {signal.SIGTERM:d} {renames} domains new {NAME}")
        assert done.returncode == 128 + signal.SIGTERM, (renames, done.stderr)
        assert copy.files() == before, renames


def test_git_ignores_the_staging_folder_of_a_killed_run() -> None:
    """So no commit contains it."""
    command = ["git", "check-ignore", "-q", ".new-domain-x/ids.toml"]
    assert subprocess.run(command, cwd=REPOSITORY, timeout=60, check=False).returncode == 0


def test_an_installed_package_says_that_it_is_no_checkout(tmp_path: Path) -> None:
    """The packages alone, as a wheel holds them: one line, exit 2, nothing laid."""
    whole = checkout(tmp_path / "city")
    shutil.rmtree(whole.root / "tests")
    before = whole.files()
    done = whole.run(LAY)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "in a checkout of the repository, not where the package is installed" in done.stderr
    assert whole.files() == before
