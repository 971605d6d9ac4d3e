"""What an auditor does: install the wheel alone in an empty environment, verify a bundle offline."""

import json
import shutil
import subprocess
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from infra.entry_point import missing, shadowed
from infra.ports import free_port
from ledger_sink.format import tiles
from ledger_sink.receipt.bundled import FIRST_BLOCK, LEAF_PATH, encode_path
from ledger_sink.receipt.printed import PrintedLine
from ledger_sink.verifier.source_digest import source_digest
from tests.harness.waiting import eventually
from tests.harness.wheel import build_wheel, environment, run
from tests.ledger_sink.simulated_city import small_city
from tests.ledger_sink.verifier.test_records import lines


@pytest.fixture(scope="session")
def auditor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with nothing but the wheel and what it depends on; the path of its programs."""
    base = tmp_path_factory.mktemp("auditor")
    return environment(base, build_wheel(base))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A bundle, a copy with one byte flipped, a range, a ledger, an older copy, an export, the auditor's policy."""
    city = small_city()
    bundle = city.evidence(city.partitions[1], 4).encode()
    flipped = bytearray(bundle)
    flipped[len(bundle) // 2] ^= 1
    (tmp_path / "event.evidence").write_bytes(bundle)
    (tmp_path / "flipped.evidence").write_bytes(flipped)
    (tmp_path / "policy.txt").write_bytes(city.policy())
    (tmp_path / "range.evidence").write_bytes(city.range_evidence(city.partitions[1], 2, 9, [3, 5]).encode())
    city.write(tmp_path / "ledger")
    small_city(ticks=1).write(tmp_path / "older")
    (tmp_path / "export.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines(city)))
    return tmp_path


def verify(auditor: Path, files: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed `ledger-verify` in a folder that is not the repository."""
    told = ("--policy", "policy.txt", "--state", "seen.json")
    return run(str(auditor / "ledger-verify"), *arguments, *told, cwd=files)


def test_the_wheel_brings_cryptography_and_nothing_of_the_platform(auditor: Path, tmp_path: Path) -> None:
    """An auditor installs a handful of packages: no Kafka, no ClickHouse, no web server."""
    code = "import importlib.metadata as m; print(*sorted({d.name.lower() for d in m.distributions()}))"
    listed = run(str(auditor / "python"), "-c", code, cwd=tmp_path).stdout.split()
    assert set(listed) <= {
        "city-telemetry",
        "cryptography",
        "cffi",
        "pycparser",
        "typing-extensions",
        "typing_extensions",
    }


def test_the_wheel_alone_verifies_a_bundle(auditor: Path, files: Path) -> None:
    """The installed command passes a true bundle and says what is not shown."""
    done = verify(auditor, files, "event.evidence")
    assert done.returncode == 0, done.stdout + done.stderr
    first, second, third, *_ = done.stdout.splitlines()
    assert first.startswith("holds:     record ")
    assert second.startswith(
        "rests on:  the city's signer; and independent of it witness.university.example/w1"
    )
    assert third.startswith("not shown: ")
    assert "PASS  event.evidence" in done.stdout


def test_the_wheel_alone_verifies_a_range(auditor: Path, files: Path) -> None:
    """A range bundle passes, and says that records which are not in it cannot be told from commitments."""
    done = verify(auditor, files, "range.evidence")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 of the range's 7 records are not in the bundle" in done.stdout


def test_the_wheel_alone_compares_records_and_remembers(auditor: Path, files: Path) -> None:
    """An export leads to the signed roots; an older copy of the ledger is then a rollback; Kafka needs a client."""
    done = verify(auditor, files, "--city", "ledger", "--records", "export.jsonl")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "they lead to its signed root" in done.stdout
    done = verify(auditor, files, "--city", "older")
    assert (done.returncode, "Rolled back" in done.stdout) == (1, True)
    done = verify(auditor, files, "--city", "ledger", "--kafka", "127.0.0.1:1")
    assert (done.returncode, "pip install confluent-kafka" in done.stderr) == (2, True)


def test_the_wheel_alone_refuses_a_flipped_byte(auditor: Path, files: Path) -> None:
    """One flipped byte: exit code 1, and the claim that fell."""
    done = verify(auditor, files, "flipped.evidence")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.startswith("does not hold: The bundle is not whole")
    assert "FAIL  flipped.evidence" in done.stdout


def test_the_wheel_alone_recomputes_a_ledger(auditor: Path, files: Path) -> None:
    """A whole ledger directory passes; with one tile gone it fails and the tile is named."""
    assert verify(auditor, files, "--city", "ledger").returncode == 0
    (files / "ledger/air-quality.reading/0/1/tile/0/000.p/11").unlink()
    done = verify(auditor, files, "--city", "ledger")
    assert done.returncode == 1
    assert "air-quality.reading/0/1/tile/0/000.p/11" in done.stdout


def test_the_wheel_alone_runs_a_witness(auditor: Path, files: Path) -> None:
    """One command: it makes its key, answers on loopback, and ends in order."""
    port = free_port()
    words = ("--logs", "policy.txt", "--name", "witness.other.example", "--port", str(port))
    witness = subprocess.Popen(
        [str(auditor / "ledger-witness"), *words], cwd=files, stdout=subprocess.PIPE, text=True
    )
    try:
        assert witness.stdout is not None
        assert f"http://127.0.0.1:{port}/" in witness.stdout.readline()
        key = asked(f"http://127.0.0.1:{port}/vkey")
    finally:
        witness.terminate()
        assert witness.wait(10) == 0
    assert key == (files / "witness" / "witness.vkey").read_text()
    assert key.startswith("witness.other.example+")


def asked(url: str) -> str:
    """Ask a server on loopback that is just starting."""

    def answer() -> str:
        try:
            with urllib.request.urlopen(url, timeout=3) as found:  # noqa: S310 - loopback
                return str(found.read().decode())
        except OSError:
            return ""

    return eventually(answer, f"{url} answers")


def test_the_wheel_alone_says_which_receipts_it_did_not_check(auditor: Path, files: Path) -> None:
    """Time stamps and EVM receipts need two more packages: not checked, and what to install; never passed."""
    city = small_city()
    partition = city.partitions[1]
    evidence = city.evidence(partition, 4)
    block = city.blocks[-1]
    path = tiles.inclusion_proof(5, partition.size, partition.read_tile)
    anchors = {
        FIRST_BLOCK: block.encode(),
        LEAF_PATH: encode_path(path),
        "anchors/2/city.tlog-proof": city.log.proof(block.number, city.cosigned()).encode(),
        "anchors/2/tsa-a.tsr": b"a stamp",
        "anchors/2/evm.evm": b"a receipt",
        "anchors/2/file.line": PrintedLine.of(city.cosigned(), 1_800_000_000_000).encode(),
    }
    (files / "event.evidence").write_bytes(replace(evidence, anchors=anchors).encode())
    done = verify(auditor, files, "event.evidence", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    claims = [claim for claim in json.loads(done.stdout)["claims"] if claim["claim"] == "anchor"]
    assert [claim["status"] for claim in claims] == ["not checked"] * 3
    assert sum("'<wheel>[anchors]'" in claim["words"] for claim in claims) == 2


def test_the_same_sources_make_the_same_wheel(tmp_path: Path) -> None:
    """Two builds of two copies have the same bytes, so that a wheel's SHA-256 says what is in it."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = (build_wheel(tmp_path / name).read_bytes() for name in "ab")
    assert first == second


def test_the_digest_of_the_verifier_is_what_the_documented_command_prints(auditor: Path, files: Path) -> None:
    """`--version` names the digest of the sources; `sha256sum` computes the same; another byte changes it."""
    told = run(str(auditor / "ledger-verify"), "--version", cwd=files).stdout.split()[-1]
    (package,) = auditor.parent.glob("lib/python*/site-packages/ledger_sink")
    command = (
        "find ledger_sink/__init__.py ledger_sink/bounded_http ledger_sink/format ledger_sink/receipt "
        "ledger_sink/regular_file.py ledger_sink/verifier -name '*.py' | LC_ALL=C sort | xargs sha256sum | sha256sum"
    )
    by_hand = run("sh", "-c", command, cwd=package.parent).stdout.split()[0]
    assert told == by_hand == source_digest()
    shutil.copytree(package, files / "ledger_sink")
    (files / "ledger_sink/verifier/trust.py").write_text("# another one")
    assert source_digest(files / "ledger_sink") != told


def test_every_command_of_the_base_install_names_the_extra_in_one_line(auditor: Path, tmp_path: Path) -> None:
    """`city` without its extra: one line, exit code 2, no traceback."""
    for words in (["up"], ["--help"], []):
        done = run(str(auditor / "city"), *words, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1, done.stderr
        assert "no module `click`: install the wheel with an extra, '<wheel>[subscriber]'" in done.stderr
    assert "'<wheel>[embedded]'" in missing("chdb.session")
    assert "'<wheel>[platform]'" in missing("clickhouse_connect")


def test_a_foreign_package_of_our_name_is_named(auditor: Path, tmp_path: Path) -> None:
    """A package `schemas` that comes first in the path is told in one line."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "__init__.py").write_text("")
    code = "import sys; sys.argv = ['city', 'up']; from infra.entry_point import main; main()"
    done = run(str(auditor / "python"), "-c", code, cwd=tmp_path)
    assert done.returncode == 2
    assert f"another package `schemas` ({tmp_path / 'schemas'}) comes before ours" in done.stderr
    assert shadowed() == ""
