"""The ledger's formats as a pure, strict, typed library: bytes in, values or a `FormatError` out.

It implements C2SP signed-note, tlog-checkpoint, tlog-tiles, tlog-cosignature (Ed25519), tlog-witness, tlog-proof and
tlog-policy, and RFC 6962 trees. It also implements the city's own leaf, block and evidence bundle
(`ledger_sink/FORMAT.md`).

The names in `__all__` are the public interface and stay stable. All other names may change. The library does no input
or output, reads no clock and draws no random number. Beyond the standard library it needs `cryptography` only.
"""

from ledger_sink.format import control, errors, layout, leaf, merkle, tiles
from ledger_sink.format.block import Block, require_successor
from ledger_sink.format.bundle import Evidence
from ledger_sink.format.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from ledger_sink.format.cosignature import CosigningKey, cosignature_times, verify_cosignature
from ledger_sink.format.cosigned import Cosigned, open_cosigned
from ledger_sink.format.errors import FormatError
from ledger_sink.format.keys import (
    Origin,
    city_origin,
    derive_seed,
    is_own_witness,
    log_key,
    own_witness_name,
    partition_origin,
)
from ledger_sink.format.note import (
    Note,
    Signature,
    SigningKey,
    VerifierKey,
    parse_note,
    parse_signatures,
    sign_note,
    verify_note,
)
from ledger_sink.format.policy import Policy, encode_keys, parse_keys
from ledger_sink.format.range_bundle import RangeEvidence, parse_bundle
from ledger_sink.format.range_proof import RangeProof
from ledger_sink.format.source_signature import SourceSignature, did_key, parse_did_key, verified_source
from ledger_sink.format.tlog_proof import TlogProof
from ledger_sink.format.witness_request import AddCheckpoint

__all__ = [
    "AddCheckpoint",
    "Block",
    "Checkpoint",
    "Cosigned",
    "CosigningKey",
    "Evidence",
    "FormatError",
    "Note",
    "Origin",
    "Policy",
    "RangeEvidence",
    "RangeProof",
    "Signature",
    "SigningKey",
    "SourceSignature",
    "TlogProof",
    "VerifierKey",
    "city_origin",
    "control",
    "cosignature_times",
    "derive_seed",
    "did_key",
    "encode_keys",
    "errors",
    "is_own_witness",
    "layout",
    "leaf",
    "log_key",
    "merkle",
    "open_checkpoint",
    "open_cosigned",
    "own_witness_name",
    "parse_bundle",
    "parse_checkpoint",
    "parse_did_key",
    "parse_keys",
    "parse_note",
    "parse_signatures",
    "partition_origin",
    "require_successor",
    "sign_checkpoint",
    "sign_note",
    "tiles",
    "verified_source",
    "verify_cosignature",
    "verify_note",
]
