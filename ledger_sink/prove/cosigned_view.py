"""A log as the newest block under a cosigned city checkpoint shows it: where every proof ends.

It reads what sink and chain publish, believes none of it before it fits together, and writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger_sink.city_log.state import read_cosigned_checkpoint
from ledger_sink.errors import DamagedLogError, MissingFileError, SetupError
from ledger_sink.format.block import Block
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.errors import FormatError, QuorumError
from ledger_sink.format.keys import city_origin
from ledger_sink.format.layout import CHECKPOINT, log_path
from ledger_sink.format.policy import open_cosigned
from ledger_sink.format.tiles import inclusion_proof
from ledger_sink.format.tlog_proof import TlogProof
from ledger_sink.log.tile_log import TileSource
from ledger_sink.witness.city_policy import read_policy

if TYPE_CHECKING:
    from ledger_sink.log.name import LogName
    from ledger_sink.store import Store


@dataclass(frozen=True, slots=True)
class CosignedView:
    """A partition log as the newest view block shows it."""

    note: bytes
    """The partition checkpoint, size and root as in the block."""
    block: bytes
    number: int
    city_note: bytes
    """The cosigned city checkpoint."""


def cosigned_view(store: Store, name: LogName) -> CosignedView | None:
    """Return the newest view view of a log, or None.

    Raises:
        DamagedLogError: cover file, block and city checkpoint contradict each other.
    """
    cover = read_cosigned_checkpoint(store, name.folder)
    policy = read_policy(store)
    if cover is None:
        return None
    if policy is None:
        raise SetupError("policy.txt: expected the city's policy beside the logs, got none")
    folder = log_path(city_origin(name.city))
    try:
        city_note = store.read(f"{folder}/{CHECKPOINT}")
        city_head = open_cosigned(city_note, policy).checkpoint
        if cover.block >= city_head.size:
            return None
        data = TileSource(store, folder).entry(cover.block, city_head.size)
        line = Block.parse(data).head(name.origin)
        head, _ = parse_checkpoint(cover.note)
    except (MissingFileError, QuorumError):
        return None
    except FormatError as error:
        raise DamagedLogError(f"{folder}: {error}; run city audit") from error
    if line is None or (line.size, line.root) != (head.size, head.root):
        raise DamagedLogError(f"{folder}: block {cover.block} does not say what {name.folder}'s cover does")
    return CosignedView(cover.note, data, cover.block, city_note)


def block_proof(store: Store, city: str, view: CosignedView) -> TlogProof:
    """Prove the covering block under the city checkpoint.

    Raises:
        FormatError: the city log's tiles do not lead there.
    """
    head, _ = parse_checkpoint(view.city_note)
    source = TileSource(store, log_path(city_origin(city)))
    proof = inclusion_proof(view.number, head.size, source.read_tile)
    found = TlogProof(view.number, proof, view.city_note)
    found.verify_leaf(view.block)
    return found
