"""Errors of the ledger's formats.

Promise: whatever bytes arrive, a parser of this package returns a value or raises a `FormatError`.
The class says which rule broke; the message says what was expected and what came.
"""


class FormatError(Exception):
    """Bytes, a name or a proof break a rule of the ledger's formats (root of all errors here)."""


class KeyFormatError(FormatError):
    """A verifier key, a signing key or its name is malformed or of a kind that is not spoken here."""


class NoteFormatError(FormatError):
    """Bytes are not a C2SP signed note, or a text cannot be one."""


class SignatureError(FormatError):
    """A known key's signature is wrong, or no signature of a wanted key is there."""


class CheckpointFormatError(FormatError):
    """A note's text is not a C2SP checkpoint, or not one of the log that was asked for."""


class CosignatureFormatError(FormatError):
    """A cosignature's timestamp or shape is wrong."""


class ProofError(FormatError):
    """An inclusion or consistency proof does not lead to the root that was claimed."""


class TileError(FormatError):
    """A tile, an entry bundle or one of their paths is malformed, missing or of the wrong width."""


class LeafFormatError(FormatError):
    """A leaf, a canonical record or a control input breaks its byte layout."""


class SourceSignatureError(FormatError):
    """A did:key, or a record's header `signature` or `sequence`, is malformed, or the signature does not fit."""


class BlockFormatError(FormatError):
    """A city block breaks its text format, or does not follow the block before it."""


class OriginError(FormatError):
    """A city, topic or origin name is not one that a log may bear."""


class WitnessRequestFormatError(FormatError):
    """A body of the tlog-witness protocol is malformed."""


class PolicyFormatError(FormatError):
    """A policy or key file breaks C2SP tlog-policy, or asks for what is not supported."""


class QuorumError(FormatError):
    """A checkpoint is not cosigned as the policy demands."""


class TlogProofFormatError(FormatError):
    """Bytes are not a C2SP tlog-proof."""


class RangeProofFormatError(FormatError):
    """Bytes are not a range proof, or it speaks of another number of leaves."""


class BundleFormatError(FormatError):
    """An evidence bundle is not the one sequence of bytes that its content must have."""
