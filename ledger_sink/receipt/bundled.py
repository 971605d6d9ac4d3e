"""Receipts inside an evidence bundle: their files, and the format of `leaf.path` (FORMAT.md §11.4).

    anchors/first/block.txt                 the first block that holds the record's leaf
    anchors/first/leaf.path                 the leaf's path to its log's root in that block
    anchors/<size>/city.tlog-proof          that block under the anchored city checkpoint of this size
    anchors/<size>/<receipt>                receipts over that checkpoint's bytes

`leaf.path` is `city-leaf-path/v1` and 0 to 63 base64 hashes, a line each, the leaf's sibling first. Index, size
and root come from the bundle's other files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sink.format.bundle import ANCHORS
from ledger_sink.format.errors import ProofError
from ledger_sink.format.scan import base64_text, proof_hashes, text_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_BLOCK = f"{ANCHORS}first/block.txt"
LEAF_PATH = f"{ANCHORS}first/leaf.path"
FIRST_LINE = "city-leaf-path/v1"


def encode_path(hashes: Sequence[bytes]) -> bytes:
    """Encode a leaf's inclusion path."""
    return "".join(f"{line}\n" for line in (FIRST_LINE, *map(base64_text, hashes))).encode()


def parse_path(data: bytes) -> tuple[bytes, ...]:
    """Parse a leaf's inclusion path.

    Raises:
        ProofError: if it is malformed.
    """
    first, *lines = text_lines(data, ProofError, "leaf path")
    if first != FIRST_LINE:
        raise ProofError(f"leaf path: expected {FIRST_LINE!r} as first line")
    return proof_hashes(lines, ProofError, "leaf path")
