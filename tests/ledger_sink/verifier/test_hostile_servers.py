"""Servers that drip, flood, lie and point elsewhere: each ends by the deadline, in bounded memory, with one error.

Each server is a bare socket on loopback that plays one trick. Deadlines are shortened; nothing is judged by how long a
trick took, only by its end: the server would go on for ever.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import tracemalloc
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from ledger_sink.bounded_http.client import request
from ledger_sink.bounded_http.errors import NoAnswerError, RedirectRefusedError, TooLargeError
from ledger_sink.bounded_http.limits import Budget, Limits
from ledger_sink.errors import WitnessUnavailableError
from ledger_sink.http.client import HttpClient
from ledger_sink.verifier.errors import BudgetError
from ledger_sink.verifier.remote import fetch
from tests.ledger_sink.simulated_city import small_city

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Trick = Callable[[Callable[[bytes], None]], None]

MIB = 1 << 20
LIMITS = Limits(whole_s=0.6, silent_s=0.3, body_bytes=8192)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@contextmanager
def tricky(trick: Trick) -> Iterator[str]:
    """Serve a trick, which is given a function that sends bytes; its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def send(peer: socket.socket, data: bytes) -> None:
        if ended.is_set():
            raise OSError
        peer.sendall(data)

    def play(peer: socket.socket) -> None:
        with peer:
            peer.settimeout(10)
            try:
                peer.recv(65536)
                trick(partial(send, peer))
            except OSError:
                return

    def accept() -> None:
        while not ended.is_set():
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=play, args=(peer,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def endless(head: bytes, piece: bytes, pause_s: float = 0.0) -> Trick:
    """Send a beginning, then a piece again and again."""

    def trick(send: Callable[[bytes], None]) -> None:
        send(head)
        while True:
            send(piece)
            if pause_s:
                threading.Event().wait(pause_s)

    return trick


def once(data: bytes) -> Trick:
    """Send bytes and close."""
    return lambda send: send(data)


DRIP = 0.02
ENDLESS = {
    "silence": endless(b"", b"", 0.05),
    "status-drip": endless(b"", b"H", DRIP),
    "header-drip": endless(OK + b"X: ", b"a", DRIP),
    "header-lines": endless(OK, b"X: a\r\n"),
    "one-header": endless(OK + b"X: ", b"a" * 65536),
    "interim-answers": endless(b"", b"HTTP/1.1 100 Continue\r\nX: a\r\n\r\n"),
    "interim-drip": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", DRIP),
    "body-drip": endless(OK + b"\r\n", b"x", DRIP),
    "body-flood": endless(OK + b"\r\n", b"x" * 65536),
    "chunk-size-drip": endless(CHUNKED, b"0", DRIP),
    "chunk-size-flood": endless(CHUNKED, b"0" * 65536),
    "chunk-extension": endless(CHUNKED + b"1;", b"a" * 65536),
    "tiny-chunks": endless(CHUNKED, b"1;" + b"a" * 200 + b"\r\nx\r\n"),
    "negative-chunk": endless(CHUNKED + b"-5\r\n", b"x" * 65536),
    "trailers": endless(CHUNKED + b"0\r\n", b"X: a\r\n"),
    "trailer-drip": endless(CHUNKED + b"0\r\n", b"X: a\r\n", DRIP),
    "error-drip": endless(b"HTTP/1.1 500 No\r\n\r\n", b"x", DRIP),
    "not-found-drip": endless(b"HTTP/1.1 404 No\r\n\r\n", b"x", DRIP),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_answer_without_end_ends_in_bounded_memory(name: str) -> None:
    """Whatever goes on for ever: header lines, framing, interim answers, bodies, trailers, errors."""
    with tricky(ENDLESS[name]) as url:
        tracemalloc.start()
        try:
            with pytest.raises(NoAnswerError):
                request(url, LIMITS)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 16 * MIB, f"{peak / MIB:.1f} MiB"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_body_of_a_redirect_is_not_read(status: int) -> None:
    """A redirect with an endless body is judged by its header lines."""
    head = f"HTTP/1.1 {status} There\r\nLocation: http://127.0.0.2/\r\n\r\n".encode()
    with (
        tricky(endless(head, b"x" * 65536)) as url,
        pytest.raises(RedirectRefusedError, match=r"127\.0\.0\.2"),
    ):
        request(url, LIMITS)


def test_a_long_error_is_cut_and_still_an_answer() -> None:
    """A 404 with an endless body stays a 404."""
    with tricky(endless(b"HTTP/1.1 404 No\r\n\r\n", b"x" * 65536)) as url:
        found = request(url, LIMITS)
    assert (found.status, len(found.body)) == (404, 65536)


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x", "gopher://x/", "//127.0.0.2/x", "http://[", "",
        "http://169.254.169.254/latest", "https://127.0.0.1/x", "http://user@127.0.0.1/x", "http://127.0.0.1:1/x",
        "http://127.0.0.1:99999/", "javascript:x", "http:///x", "http://127.0.0.1.evil.example/",
    ],
)  # fmt: skip
def test_no_redirect_leads_elsewhere(target: str) -> None:
    """Another scheme, host or port is refused before anything is asked there."""
    head = f"HTTP/1.1 302 There\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
    with tricky(once(head)) as url, pytest.raises(RedirectRefusedError):
        request(url, LIMITS)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\r\n\r\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 999999 x\r\n\r\n", b"\xff" * 70000,
        OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", OK + b"Content-Length: 100\r\n\r\nshort",
        CHUNKED + b"zz\r\n", CHUNKED + b"5\r\nab",
    ],
)  # fmt: skip
def test_what_is_no_whole_plain_answer_is_an_error_of_ours(data: bytes) -> None:
    """Other protocols, wrong numbers, compression that was not asked for, answers that are cut."""
    with tricky(once(data)) as url, pytest.raises(NoAnswerError):
        request(url, LIMITS)


def test_the_limit_of_a_body_is_exact() -> None:
    """A body of the limit passes, one byte more does not; length lines that lie change nothing."""
    for lie in (b"", b"Content-Length: -1\r\n", b"Content-Length: " + b"9" * 5000 + b"\r\n"):
        with tricky(once(OK + lie + b"\r\n" + b"x" * 8192)) as url:
            assert len(request(url, LIMITS).body) == 8192
    with tricky(once(OK + b"\r\n" + b"x" * 8193)) as url, pytest.raises(TooLargeError):
        request(url, LIMITS)


def test_the_other_clients_have_the_same_limits() -> None:
    """Witness, signer, time stamps and nodes are asked through the same function."""
    for name in ("header-drip", "trailers", "chunk-extension", "interim-answers"):
        peer_of = partial(HttpClient, timeout_s=0.5, unavailable=WitnessUnavailableError)
        with tricky(ENDLESS[name]) as url, pytest.raises(WitnessUnavailableError):
            peer_of(url).call("GET", "/vkey")
    redirect = b"HTTP/1.1 307 There\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    with tricky(once(redirect)) as url, pytest.raises(WitnessUnavailableError, match="redirect"):
        HttpClient(url, timeout_s=1, unavailable=WitnessUnavailableError).call(
            "POST", "/add-checkpoint", b"x"
        )


def test_a_run_has_a_budget_of_its_own() -> None:
    """Many small answers use up the bytes of a run; after its time no request is made."""
    with tricky(once(OK + b"\r\n" + b"x" * 1000)) as url:
        budget = Budget(60, 5000)
        fetch(url, 8192, budget=budget)
        budget.bytes_left = 900
        with pytest.raises(BudgetError, match="--max-bytes"):
            fetch(url, 8192, budget=budget)
        with pytest.raises(BudgetError, match="--timeout"):
            fetch(url, 8192, budget=Budget(0, 5000))


MEASURED = """
import sys
from ledger_sink.verifier.cli import main
code = main(sys.argv[1:])
status = open("/proc/self/status").read()  # ru_maxrss would be the parent's at the fork
print("peak", int(status.partition("VmHWM:")[2].split()[0]) // 1024, code)
"""
"""Runs the command; then prints its highest resident memory in MiB, and its exit code."""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")
def test_the_command_takes_little_memory_from_a_hostile_ledger(tmp_path: Path) -> None:
    """A redirect with an endless body: one line, exit code 3, and less than 100 MB resident."""
    (tmp_path / "policy.txt").write_bytes(small_city().policy())
    head = b"HTTP/1.1 302 There\r\nLocation: /x\r\n\r\n"
    words = ("--policy", str(tmp_path / "policy.txt"), "--no-remember", "--timeout", "5")
    for trick in (endless(head, b"x" * 65536), endless(OK + b"\r\n", b"x" * 65536)):
        with tricky(trick) as url:
            done = subprocess.run(
                [sys.executable, "-c", MEASURED, "--city", url, *words],
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
        _, peak, exit_code = done.stdout.splitlines()[-1].split()
        assert int(exit_code) in (1, 3), done.stdout + done.stderr
        assert int(peak) < 100, done.stdout
