"""Ledgers over HTTP: the same verdicts as on disk, and a server that misbehaves harms nobody."""

import shutil
import threading
from functools import partial
from pathlib import Path

import pytest

from ledger_sink.format import Policy, layout
from ledger_sink.verifier import remote
from ledger_sink.verifier.city_check import check_city
from ledger_sink.verifier.cli import main
from ledger_sink.verifier.errors import AbsentError, TooLongError, UnreadableError
from ledger_sink.verifier.remote import LedgerUrl, LogUrl, fetch
from ledger_sink.verifier.trust import Trust
from tests.ledger_sink.simulated_city import SimulatedCity, small_city
from tests.ledger_sink.verifier.serving import Handler, served

CITY = small_city(records=300)
TRUST = Trust(Policy.parse(CITY.policy()))


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger directory of two partitions of 601 leaves, with a policy beside it."""
    (tmp_path / "policy.txt").write_bytes(CITY.policy())
    return CITY.write(tmp_path / "ledger")


def test_a_ledger_is_verified_over_http(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A whole ledger, one log, and a pair of checkpoints; what cannot be listed is said."""
    policy = str(ledger.parent / "policy.txt")
    with served(ledger.parent) as url:
        assert main(["--city", f"{url}/ledger/", "--policy", policy]) == 0
        assert "over HTTP no folder can be listed" in capsys.readouterr().out
        log = f"{url}/ledger/{layout.log_path(CITY.log.origin)}"
        assert main(["--log", log, "--policy", policy]) == 0
        assert main(["--consistency", f"{log}/checkpoint", f"{log}/checkpoint", "--policy", policy]) == 0
        assert main(["--city", f"{url}/nothing", "--policy", policy]) == 3
        assert main(["--consistency", f"{url}/none", f"{log}/checkpoint", "--policy", policy]) == 3
    assert main(["--log", log, "--policy", policy]) == 3  # nobody answers any more


def test_a_full_tile_stands_in_for_a_partial_one_over_http(tmp_path: Path) -> None:
    """Partial tiles that their full ones replaced are gone, as tlog-tiles allows: the log still passes."""
    city = small_city(records=300, ticks=1)
    folder = city.write(tmp_path) / layout.log_path(city.partitions[0].origin)
    checkpoint = (folder / "checkpoint").read_bytes()
    city.partitions[0].seal(300)
    city.write(tmp_path)
    for replaced in list(folder.rglob("001.p")):
        shutil.rmtree(replaced)
    (folder / "checkpoint").write_bytes(checkpoint)
    with served(tmp_path) as url:
        log = LogUrl(f"{url}/{layout.log_path(city.partitions[0].origin)}")
        assert len(list(log.entries(301))) == 301
        assert len(log.read_tile(0, 1, 45)) == 45 * 32
        with pytest.raises(AbsentError):
            log.read_tile(0, 7, 3)


def test_damage_is_named_over_http(ledger: Path) -> None:
    """One flipped byte in a tile on the server: the same claim fails as on disk."""
    name = "air-quality.reading/0/1/tile/0/001"
    data = bytearray((ledger / name).read_bytes())
    data[77] ^= 1
    (ledger / name).write_bytes(data)
    with served(ledger) as url:
        verdict = check_city("city", LedgerUrl(url), TRUST)
    failed = [claim.words for claim in verdict.claims if claim.status == "failed"]
    assert any(name in words for words in failed), failed
    assert not verdict.passed


def test_only_the_named_topics_logs_are_read(ledger: Path) -> None:
    """With a topic, the city log and that topic's logs; others are not asked for. Of an unknown one nothing holds."""
    asked: list[str] = []

    def note(handler: Handler) -> bool:
        asked.append(handler.path)
        return False

    with served(ledger, note) as url:
        verdict = check_city("city", LedgerUrl(url), TRUST, topic="air-quality.raeding")
    assert verdict.outcome.exit_code == 2
    assert "did you mean air-quality.reading?" in verdict.text()
    assert {path.split("/")[1] for path in asked} == {"city", "keys.txt"}


def answer(handler: Handler, status: int, body: bytes = b"", **headers: str) -> bool:
    """Answer in place of the file."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    return True


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x", "gopher://x/"]
)
def test_redirects_to_other_schemes_are_refused(tmp_path: Path, target: str) -> None:
    """A server cannot make the verifier read files or speak other protocols."""
    with (
        served(tmp_path, lambda handler: answer(handler, 302, Location=target)) as url,
        pytest.raises(UnreadableError, match=r"redirect|302"),
    ):
        fetch(f"{url}/x")


def test_redirects_at_the_same_place_are_followed_but_not_for_ever(ledger: Path) -> None:
    """A moved ledger is found, also by a relative reference; a loop ends."""

    def moved(handler: Handler) -> bool:
        if handler.path.startswith("/old/"):
            return answer(handler, 301, Location="../new/" + handler.path.removeprefix("/old/"))
        handler.path = handler.path.removeprefix("/new")
        return False

    with served(ledger, moved) as here:
        assert fetch(f"{here}/old/keys.txt") == (ledger / "keys.txt").read_bytes()
    with (
        served(ledger, lambda handler: answer(handler, 302, Location=handler.path)) as loop,
        pytest.raises(UnreadableError, match="more than 5 redirects"),
    ):
        fetch(f"{loop}/x")


def test_a_redirect_to_another_place_is_refused_and_told(tmp_path: Path) -> None:
    """Another port of the same machine is another place: it is not asked, and the message names it."""
    asked: list[str] = []

    def note(handler: Handler) -> bool:
        asked.append(handler.path)
        return answer(handler, 200, b"ok")

    with (
        served(tmp_path, note) as there,
        served(tmp_path, lambda handler: answer(handler, 302, Location=f"{there}/y")) as here,
        pytest.raises(UnreadableError, match=f"refused a redirect to '{there}/y'"),
    ):
        fetch(f"{here}/x", headers={"X-ClickHouse-Key": "secret"})
    assert asked == []


def test_answers_are_capped_whole_and_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too long, cut short, errors, silence, dripping: each is an error of ours within its time."""
    with served(tmp_path, lambda handler: answer(handler, 200, b"x" * 1000)) as url:
        with pytest.raises(TooLongError, match="at most 999"):
            fetch(f"{url}/x", 999)
        assert len(fetch(f"{url}/x", 1000)) == 1000
    with (
        served(tmp_path, lambda handler: answer(handler, 503, b"no \x1b[2J")) as url,
        pytest.raises(UnreadableError, match=r"503: 'no \\x1b"),
    ):
        fetch(f"{url}/x")

    def cut(handler: Handler) -> bool:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        return True

    with served(tmp_path, cut) as url, pytest.raises(UnreadableError):
        fetch(f"{url}/x")
    monkeypatch.setattr(remote, "ANSWER_S", 0.3)
    monkeypatch.setattr(remote, "WHOLE_S", 0.5)
    for pause in (5.0, 0.1):
        ended = threading.Event()
        with served(tmp_path, partial(drip, pause, ended)) as url:
            with pytest.raises(UnreadableError):
                fetch(f"{url}/x")
            ended.set()


def drip(pause_s: float, ended: threading.Event, handler: Handler) -> bool:
    """Send a byte now and then."""
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
    for _ in range(12):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        if ended.wait(pause_s):
            break
    return True


def test_a_name_that_is_no_host_is_an_error_of_ours() -> None:
    """Nothing but `UnreadableError` comes out of strange URLs."""
    for url in ("http://", "http://[", "http://127.0.0.1:1/x", "http://127.0.0.1:99999/x", "http://a b/"):
        with pytest.raises(UnreadableError):
            fetch(url)


def test_the_helper_city_has_two_partitions() -> None:
    """The helper's own shape."""
    assert isinstance(CITY, SimulatedCity)
    assert [partition.size for partition in CITY.partitions] == [601, 601]
