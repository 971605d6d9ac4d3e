"""The cosigned view of a partition log: its checkpoint in a block below a cosigned city checkpoint.

Every proof ends there. This module reads the published files and verifies that they agree. It writes nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger_sink.city_log.state import COSIGNED_NAME, read_cosigned_checkpoint
from ledger_sink.errors import DamagedLogError, MissingFileError, SetupError
from ledger_sink.format.block import Block
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.cosigned import open_cosigned
from ledger_sink.format.errors import FormatError, QuorumError
from ledger_sink.format.keys import city_origin
from ledger_sink.format.layout import CHECKPOINT, log_path
from ledger_sink.format.tiles import inclusion_proof
from ledger_sink.format.tlog_proof import TlogProof
from ledger_sink.log.tile_log import TileSource
from ledger_sink.witness.city_policy import read_policy

if TYPE_CHECKING:
    from ledger_sink.log.name import LogName
    from ledger_sink.store import Store


@dataclass(frozen=True, slots=True)
class CosignedView:
    """A partition checkpoint, its block, and the cosigned city checkpoint above them."""

    note: bytes
    """Signed note of the partition checkpoint, with size and root as in the block."""
    block: bytes
    """Bytes of the block."""
    number: int
    """Number of the block."""
    city_note: bytes
    """Note of the cosigned city checkpoint."""


def cosigned_view(store: Store, name: LogName) -> CosignedView | None:
    """Return the newest cosigned view of a log, or None if there is none yet.

    Raises:
        DamagedLogError: `cover.json`, block and city checkpoint contradict each other.
        DamagedStateError: `cover.json` is damaged.
        SetupError: `policy.txt` is missing or malformed.
    """
    cosigned = read_cosigned_checkpoint(store, name.folder)
    policy = read_policy(store)
    if cosigned is None:
        return None
    if policy is None:
        raise SetupError("policy.txt: expected the city's policy beside the logs, got none")
    folder = log_path(city_origin(name.city))
    try:
        city_note = store.read(f"{folder}/{CHECKPOINT}")
        city_head = open_cosigned(city_note, policy, time.time()).checkpoint
        if cosigned.block >= city_head.size:
            return None
        data = TileSource(store, folder).entry(cosigned.block, city_head.size)
        line = Block.parse(data).head(name.origin)
        head, _ = parse_checkpoint(cosigned.note)
    except (MissingFileError, QuorumError):
        return None
    except FormatError as error:
        raise DamagedLogError(f"{folder}: {error}; run city audit") from error
    if line is None or (line.size, line.root) != (head.size, head.root):
        raise DamagedLogError(
            f"{folder}: block {cosigned.block} does not say what {name.folder}/{COSIGNED_NAME} does"
        )
    return CosignedView(cosigned.note, data, cosigned.block, city_note)


def block_proof(store: Store, city: str, view: CosignedView) -> TlogProof:
    """Return the inclusion proof of the view's block below its city checkpoint.

    Args:
        store: the ledger's files.
        city: name of the city.
        view: what to prove.

    Raises:
        FormatError: the city log's tiles give no valid proof.
    """
    head, _ = parse_checkpoint(view.city_note)
    source = TileSource(store, log_path(city_origin(city)))
    proof = inclusion_proof(view.number, head.size, source.read_tile)
    found = TlogProof(view.number, proof, view.city_note)
    found.verify_leaf(view.block)
    return found
