"""Two outsiders by literal commands: an auditor over HTTP, and an insurer's developer with the wheel alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.harness.city import REPOSITORY
from tests.harness.waiting import eventually
from tests.harness.wheel import build_wheel, clean_env, environment, run
from tests.ledger_sink.verifier.serving import served

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.live import LiveCity

CRASH = REPOSITORY / "streams/domains/vehicle/scenarios/automated_car_crash.jsonl"


@pytest.fixture(scope="session")
def outsider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and the extra of subscribers; the folder of its programs."""
    base = tmp_path_factory.mktemp("outsider")
    return environment(base, build_wheel(base), "subscriber")


def block(page: str, language: str, heading: str = "") -> str:
    """Return the first block of a language below a heading of a page."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    text = text[text.index(heading) :]
    found = re.search(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)
    assert found is not None, f"{page}: no {language} below {heading!r}"
    return found[1]


def test_an_auditor_checks_the_city_over_http(readings: LiveCity, outsider: Path, tmp_path: Path) -> None:
    """The page's commands, twice; a bundle; then a wrong topic, nobody there, a changed file, a key that is missing."""
    web = f"http://127.0.0.1:{readings.city.ports['web']}"
    env = {**clean_env(tmp_path), "PATH": f"{outsider}:/usr/bin:/bin"}
    commands = block("docs/ledger.md", "sh", "## Checking as an auditor").replace(
        "http://127.0.0.1:18080", web
    )

    def shell(line: str) -> subprocess.CompletedProcess[str]:
        return run("sh", "-c", line, cwd=tmp_path, env=env)

    for _ in range(2):
        for line in commands.splitlines():
            done = shell(line)
            assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        assert done.stdout.startswith("holds: ")
        assert len(done.stdout.splitlines()) <= 15, done.stdout
        assert "rests on:  the city alone" in done.stdout
    assert "It continues every checkpoint" in done.stdout
    readings.run(
        *("prove", "--topic", "air-quality.reading", "--partition", "0", "--offset", "0", "--wait", "60"),
        *("--output", str(tmp_path / "event.evidence")),
    )
    assert shell("ledger-verify event.evidence --policy policy.txt").returncode == 0
    done = shell(commands.splitlines()[-1].replace("air-quality.reading", "air-quality.raeding"))
    assert (done.returncode, "did you mean air-quality.reading?" in done.stdout) == (2, True)
    done = shell(commands.splitlines()[-1].replace(web, "http://127.0.0.1:1"))
    assert (done.returncode, "could not read" in done.stdout) == (3, True)
    (tmp_path / "few.txt").write_text((tmp_path / "keys.txt").read_text().splitlines()[0] + "\n")
    done = shell(commands.splitlines()[-1].replace("keys.txt", "few.txt"))
    assert (done.returncode, done.stdout.startswith("key missing:")) == (4, True), done.stdout
    changed = tmp_path / "changed"
    shutil.copytree(readings.city.data / "ledger", changed)
    tile = min(
        (changed / "air-quality.reading/0/1/tile/entries").rglob("*"), key=lambda p: (p.is_dir(), str(p))
    )
    data = bytearray(tile.read_bytes())
    data[len(data) // 2] ^= 1
    tile.write_bytes(data)
    with served(changed) as url:
        done = shell(commands.splitlines()[-1].replace(f"{web}/ledger", url))
    assert (done.returncode, done.stdout.startswith("does not hold: ")) == (1, True), done.stdout
    assert "air-quality.reading/0/1" in done.stdout


def test_an_insurers_developer_reads_with_the_wheel_alone(
    live: LiveCity, outsider: Path, tmp_path: Path
) -> None:
    """The SDK's example as it stands: it says that it waits, receives an accident, and the evidence holds it."""
    crash = tmp_path / CRASH.name  # another car, and without the records that another test counts
    lines = CRASH.read_text().replace("av-07", "av-09").splitlines(keepends=True)
    crash.write_text("".join(line for line in lines if "vehicle.dssad-event" not in line))
    ports = live.city.settings().ports
    program = block("streams/subscriber/README.md", "python")
    program = program.replace(".city/", f"{live.city.data}/").replace("19093", str(ports.sasl))
    program = program.replace("18080", str(ports.web))
    (tmp_path / "example.py").write_text(program)
    out, err = (tmp_path / "out").open("w"), (tmp_path / "err").open("w")
    reader = subprocess.Popen(
        [str(outsider / "python"), "-u", "example.py"],
        cwd=tmp_path,
        env=clean_env(tmp_path),
        stdout=out,
        stderr=err,
    )

    def told(name: str, words: str) -> str:
        assert reader.poll() is None, (tmp_path / "err").read_text()
        text = (tmp_path / name).read_text()
        return text if words in text else ""

    try:
        eventually(
            lambda: told("err", 'start="beginning" reads everything'), "it says that it waits", within_s=60
        )
        live.replay(crash)
        line = eventually(lambda: told("out", "offset"), "the accident arrives", within_s=60).splitlines()[0]
    finally:
        reader.terminate()
        reader.wait(20)
        out.close()
        err.close()
    found = re.search(r"topic='(.+?)', partition=(\d+), offset=(\d+)", line) or re.search(
        r"^(\S+)/(\d+) offset (\d+)", line
    )
    assert found is not None, line
    topic, partition, offset = found.groups()
    bundle = tmp_path / "accident.evidence"
    live.run(
        *("prove", "--topic", topic, "--partition", partition, "--offset", offset, "--wait", "60"),
        *("--output", str(bundle)),
    )
    shutil.copy(live.city.data / "ledger" / "policy.txt", tmp_path)
    done = run(
        *(str(outsider / "ledger-verify"), bundle.name, "--policy", "policy.txt", "--json"),
        cwd=tmp_path, env=clean_env(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads(done.stdout)["facts"]
    assert (facts["topic"], facts["offset"]) == ("vehicle.accident", int(offset))
    listed = run(str(outsider / "city"), "subscribe", "--list", cwd=tmp_path, env=clean_env(tmp_path))
    assert "insurer-a" in listed.stdout
