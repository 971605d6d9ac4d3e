"""The client of `city dashboards push`: what becomes of a Grafana that is away, slow, encrypted or elsewhere."""

from __future__ import annotations

import datetime as dt
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dashboards.errors import PushError
from dashboards.push.grafana import require_grafana
from infra.grafana.address import parse
from infra.grafana.client import connect
from infra.grafana.credentials import Credentials
from infra.grafana.push_report import reach
from infra.ports import free_port
from ledger_sink.bounded_http.limits import Limits
from tests.dashboards.grafana_server import serve
from tests.dashboards.grafana_stub import VERSION, Grafana
from tests.harness.parts import listener

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "Bearer glsa_geheim"
SOON = Limits(whole_s=0.5, silent_s=0.2, body_bytes=1 << 20)


def refused(url: str, limits: Limits = SOON) -> str:
    """Ask for the version; return the one line of the error."""
    with pytest.raises(PushError) as error:
        require_grafana(connect(parse(url), Credentials(TOKEN, ("glsa_geheim",)), limits=limits))
    line = str(error.value)
    assert "geheim" not in line
    assert line.isprintable()
    assert "None" not in line
    return line


def test_a_token_is_sent_and_grafana_may_lie_below_a_path() -> None:
    """`http://host:port/grafana` asks `/grafana/api/…`."""
    grafana = Grafana({TOKEN})
    grafana.instead["GET", "/grafana/api/health"] = (200, {"database": "ok", "version": VERSION})
    server = serve(grafana)
    address = parse(f"http://127.0.0.1:{server.server_address[1]}/grafana")
    there = connect(address, Credentials(TOKEN, ()))
    assert require_grafana(there) == VERSION
    assert there.address == f"http://127.0.0.1:{server.server_address[1]}/grafana/"
    server.shutdown()
    server.server_close()


def test_an_ipv6_address_keeps_its_brackets() -> None:
    """In the request and in the message."""
    assert (
        connect(parse("http://[::1]:3000"), Credentials(TOKEN, ())).api.client.url == "http://[::1]:3000/api"
    )
    assert refused(f"http://[::1]:{free_port()}").startswith("http://[::1]:")


def test_nobody_listens() -> None:
    """The address with its port, and the reason; without a port, where Grafana usually listens."""
    port = free_port()
    assert (
        refused(f"http://127.0.0.1:{port}")
        == f"http://127.0.0.1:{port}/: no answer of Grafana: connection refused"
    )
    assert "http://127.0.0.1/: " in (line := refused("http://127.0.0.1"))
    assert line.endswith("the address names no port: Grafana's own is http://127.0.0.1:3000")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "silent for 0.2 s"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{", "too early"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "compressed"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 60_000, ""),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
            "400 Client sent an HTTP",
        ),
    ],
    ids=["silent", "another protocol", "cut off", "compressed", "endless headers", "speaks https"],
)
def test_what_is_no_answer_ends_in_time(answer: bytes | None, words: str) -> None:
    """One line says what came."""
    with listener(answer) as port:
        assert words in refused(f"http://127.0.0.1:{port}")


def test_a_redirect_elsewhere_is_refused_and_repeats_no_secret() -> None:
    """Not even if the server puts the token into it."""
    moved = (
        b"HTTP/1.1 302 Found\r\nLocation: http://login.example/?t=glsa_geheim\r\nContent-Length: 0\r\n\r\n"
    )
    with listener(moved) as port:
        assert "refused a redirect to 'http://login.example/?t=…'" in refused(f"http://127.0.0.1:{port}")


def test_a_data_source_that_grafana_cannot_reach_is_named() -> None:
    """Grafana elsewhere, ClickHouse on this machine's loopback."""
    here = "http://127.0.0.1:18123"
    assert here in str(reach(parse("http://grafana.example:3000"), here))
    assert reach(parse("http://localhost:3000"), here) is None
    assert reach(parse("http://grafana.example:3000"), "http://clickhouse:8123") is None


def test_https_to_a_server_of_http() -> None:
    """The line says what to try."""
    with listener(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert refused(f"https://127.0.0.1:{port}").endswith("; does it speak http?")


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    """The line names the way to trust its authority; there is no switch that turns the check off."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "grafana")])
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - day).not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path / "pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    assert "SSL_CERT_FILE" in refused(f"https://127.0.0.1:{server.server_address[1]}", Limits(5, 5, 1000))
    server.shutdown()
    server.server_close()
