"""A local Ethereum node for tests: anvil, whose binary ships in an npm package, pinned by version and SHA-512.

It is fetched once with npm into a cache folder and checked before it is run. Where npm has no such package or
is not there, tests that need a node are skipped and say why.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from infra.ports import free_port
from ledger_sink.anchor.evm_rpc import EvmNode
from ledger_sink.errors import AnchorUnavailableError
from tests.harness.waiting import eventually

VERSION = "1.7.1"
PACKAGES = {
    ("Linux", "x86_64"): (
        "@foundry-rs/anvil-linux-amd64",
        "+XmShybEaxfCrr0OUUZwYEy2OnYZt5pHH9TzBtLv3+VrK0O/ANuNSVEahqNhKHlgX7GRJ59383ofNhxkRWIYTg==",
    ),
}
"""Machine → npm package and the base64 SHA-512 of its tarball."""
CHAIN_ID = 31337


def anvil_binary() -> Path:
    """Return the checked binary; skips the test, with the reason, where it cannot be had."""
    machine = (platform.system(), platform.machine())
    if machine not in PACKAGES:
        pytest.skip(f"anvil {VERSION}: no package is pinned for {machine}")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("anvil: npm is not installed")
    package, expected = PACKAGES[machine]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "city-telemetry-tests"
    folder = cache / f"anvil-{VERSION}"
    binary = folder / "anvil"
    if not binary.exists():
        folder.mkdir(parents=True, exist_ok=True)
        work = folder / f"fetch-{os.getpid()}"
        work.mkdir(exist_ok=True)
        done = subprocess.run(
            [npm, "pack", "--silent", f"{package}@{VERSION}"],
            cwd=work,
            capture_output=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"npm pack {package}@{VERSION}: {done.stderr.decode()[-200:]}")
        (archive,) = work.glob("*.tgz")
        found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        assert found == expected, f"{package}@{VERSION}: expected SHA-512 {expected}, got {found}"
        with tarfile.open(archive) as tar:
            member = tar.extractfile("package/bin/anvil")
            assert member is not None
            (work / "anvil").write_bytes(member.read())
        (work / "anvil").chmod(0o755)
        (work / "anvil").rename(binary)
        shutil.rmtree(work)
    return binary


class Anvil:
    """One running node on a loopback port; blocks are made when told."""

    def __init__(self, binary: Path, chain_id: int = CHAIN_ID) -> None:
        port = free_port()
        self.chain_id = chain_id
        self.url = f"http://127.0.0.1:{port}/"
        self._process = subprocess.Popen(
            [binary, "--port", str(port), "--chain-id", str(chain_id), "--silent", "--no-mining"]
        )
        self._node = EvmNode(self.url)
        eventually(self._answers, "anvil answers")

    def _answers(self) -> bool:
        try:
            self.call("eth_chainId")
        except AnchorUnavailableError:
            return False
        return True

    def call(self, method: str, *parameters: Any) -> Any:
        """Ask the node."""
        return self._node.call(method, *parameters)

    def mine(self, blocks: int = 1) -> None:
        """Make blocks."""
        for _ in range(blocks):
            self.call("evm_mine")

    def fund(self, address: str) -> None:
        """Give an account 100 ether."""
        self.call("anvil_setBalance", address, hex(100 * 10**18))

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)
