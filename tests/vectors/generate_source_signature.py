"""Makes `source_signature.json`, the golden vectors of FORMAT.md §10, from fixed keys; run as a module to write it.

The records are signed by the producers' implementation. Both implementations are held to the file by
`tests/streams/provenance/test_vectors.py`.
"""

import json
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from streams.signing.did_key import did_of
from streams.signing.signer import Signer
from streams.signing.statement import statement

OUTPUT = Path(__file__).with_name("source_signature.json")
SEED = bytes(range(32))
TOPIC = "air-quality.reading"
PUBLISHED = (
    # W3C CCG did:key, Ed25519 example; RFC 8032 §7.1, test 1.
    "2e6fcce36701dc791488e0d0b1745cc1e33a4c1c9fcc41c63bd343dbbe0970e6",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
)
Sample = tuple[bytes | None, bytes | None, int | None]
SINGLE: tuple[Sample, ...] = (
    (b"111", b"\x00\x00\x00\x00\x64\xff", 1),
    (b"111", b"\x00\x00\x00\x00\x64\xff", None),
    (b"", b"", 2**63 - 1),
    (None, None, None),
    ("역".encode(), bytes(300), 7),
)
BATCH: tuple[Sample, ...] = tuple((b"meter-%d" % n, b"value %d" % n, n + 1) for n in range(7))


def main() -> int:
    """Write the file."""
    OUTPUT.write_bytes(golden())
    sys.stdout.write(f"{OUTPUT}\n")
    return 0


def golden() -> bytes:
    """Return the golden file's bytes."""
    signer = Signer(Ed25519PrivateKey.from_private_bytes(SEED))
    batch = signer.sign_batch([statement(TOPIC, *sample) for sample in BATCH])
    content = {
        "about": "Golden vectors of ledger_sink/FORMAT.md §10; keys, headers and statements in hexadecimal",
        "keys": [
            {"public": public, "did": did_of(bytes.fromhex(public))}
            for public in (*PUBLISHED, signer.public.hex())
        ],
        "seed": SEED.hex(),
        "single": [_record(sample, signer.sign(statement(TOPIC, *sample))) for sample in SINGLE],
        "batch": [_record(sample, header) for sample, header in zip(BATCH, batch, strict=True)],
    }
    return (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode()


def _record(sample: Sample, header: bytes) -> dict[str, Any]:
    key, value, sequence = sample
    return {
        "topic": TOPIC,
        "key": None if key is None else b64encode(key).decode(),
        "value": None if value is None else b64encode(value).decode(),
        "sequence": None if sequence is None else str(sequence),
        "statement": statement(TOPIC, key, value, sequence).hex(),
        "signature": header.hex(),
    }


if __name__ == "__main__":
    sys.exit(main())
