"""The SHA-256 of the verifier's own sources, so that two copies of it can be compared by hand.

It is the SHA-256 of what `sha256sum` prints of the source files, sorted bytewise by path. In the folder that holds
`ledger_sink`, this prints the same:

    find ledger_sink/__init__.py ledger_sink/bounded_http ledger_sink/format ledger_sink/receipt \
        ledger_sink/regular_file.py ledger_sink/verifier -name '*.py' | LC_ALL=C sort | xargs sha256sum | sha256sum

A forged verifier can print any digest of itself. So the digest is worth something only if other programs compute it.
"""

from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PARTS = ("__init__.py", "bounded_http", "format", "receipt", "regular_file.py", "verifier")
"""Files and folders below `ledger_sink`: all that `ledger-verify` runs of this distribution."""


def source_digest(package: Path = Path(__file__).parents[1]) -> str:
    """Return the digest of the sources below the folder of the package `ledger_sink`, in hexadecimal."""
    paths = [
        path for part in PARTS for path in (package / part, *(package / part).rglob("*.py")) if path.is_file()
    ]
    names = sorted((f"{package.name}/{path.relative_to(package).as_posix()}", path) for path in paths)
    lines = (f"{sha256(path.read_bytes()).hexdigest()}  {name}\n" for name, path in names)
    return sha256("".join(lines).encode()).hexdigest()


def version_text() -> str:
    """Return what `ledger-verify --version` prints."""
    try:
        number = version("city-telemetry")
    except PackageNotFoundError:
        number = "unknown"
    return f"city-telemetry {number}, sources of ledger-verify: SHA-256 {source_digest()}"
