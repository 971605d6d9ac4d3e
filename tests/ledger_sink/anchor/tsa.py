"""A time stamping authority for tests: `openssl ts` behind a small HTTP server, certificates from fixed names."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONFIG = """
[tsa]
default_tsa = tsa_config
[tsa_config]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
certs = {folder}/middle.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate as text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def issue(
    name: str,
    issuer: Issued | None = None,
    *,
    authority: bool,
    begins: timedelta = -YEAR,
    ends: timedelta = YEAR,
) -> Issued:
    """Make a certificate, valid from and to the given distances from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(usage, critical=True)
    return Issued(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


class TestAuthority:
    """One authority with its root, an intermediate and its signer, at a loopback port."""

    __test__ = False

    def __init__(
        self, folder: Path, name: str = "Test TSA", *, begins: timedelta = -YEAR, ends: timedelta = YEAR
    ) -> None:
        self.folder = folder
        self.alter: Callable[[bytes], bytes] = lambda answer: answer
        """What becomes of an answer on its way."""
        self.asked = 0
        folder.mkdir(parents=True)
        self.root = issue(f"{name} root", authority=True)
        middle = issue(f"{name} issuer", self.root, authority=True)
        signer = issue(name, middle, authority=False, begins=begins, ends=ends)
        key = signer.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / "tsa.key").write_bytes(key)
        (folder / "tsa.pem").write_bytes(signer.pem)
        (folder / "middle.pem").write_bytes(middle.pem)
        (folder / "root.pem").write_bytes(self.root.pem)
        (folder / "serial").write_text("01\n")
        (folder / "openssl.cnf").write_text(CONFIG.format(folder=folder))
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/tsr"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stamp(self, query: bytes) -> bytes:
        """Answer one query."""
        with self._lock:
            self.asked += 1
            (self.folder / "query").write_bytes(query)
            program = ["openssl", "ts", "-reply", "-config", "openssl.cnf", "-section", "tsa_config",
                       "-queryfile", "query", "-out", "answer"]  # fmt: skip
            done = subprocess.run(program, cwd=self.folder, capture_output=True, timeout=30, check=False)
            assert done.returncode == 0, done.stderr.decode()
            return self.alter((self.folder / "answer").read_bytes())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.headers["Content-Type"] == "application/timestamp-query"
                answer = authority.stamp(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        return Handler

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
