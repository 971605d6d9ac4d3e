"""Errors of the ledger's formats.

For any bytes, a parser of this package returns a value or raises a `FormatError`.
The class names the format; the message states what was expected and what was found.
"""


class FormatError(Exception):
    """Bytes, a name or a proof violate the ledger's formats (base class of all errors here)."""


class KeyFormatError(FormatError):
    """A verifier key, a signing key or its name is malformed, or of an unsupported type."""


class NoteFormatError(FormatError):
    """Bytes are not a C2SP signed note, or a text cannot be one."""


class SignatureError(FormatError):
    """A known key's signature is wrong, or no required key signed."""


class CheckpointFormatError(FormatError):
    """A note's text is not a C2SP checkpoint, or is of another log than the expected one."""


class CosignatureFormatError(FormatError):
    """A cosignature's timestamp or shape is wrong."""


class ProofError(FormatError):
    """An inclusion, consistency or range proof does not lead to the expected root."""


class TileError(FormatError):
    """A tile, an entry bundle or one of their paths is malformed, missing or of the wrong width."""


class LeafFormatError(FormatError):
    """A leaf, a canonical record or a control input violates its byte layout."""


class SourceSignatureError(FormatError):
    """A did:key, or a record's header `signature` or `sequence`, is malformed, or the signature does not fit."""


class BlockFormatError(FormatError):
    """A block violates its text format, or does not follow the previous block."""


class OriginError(FormatError):
    """A city, topic or origin name is not allowed for a log."""


class WitnessRequestFormatError(FormatError):
    """The body of a tlog-witness request or response is malformed."""


class PolicyFormatError(FormatError):
    """A policy or key file violates C2SP tlog-policy, or uses an unsupported feature."""


class QuorumError(FormatError):
    """A checkpoint lacks the cosignatures that the policy's quorum requires."""


class TlogProofFormatError(FormatError):
    """Bytes are not a C2SP tlog-proof."""


class RangeProofFormatError(FormatError):
    """Bytes are not a range proof, or it covers another number of leaves."""


class BundleFormatError(FormatError):
    """An evidence bundle is not the canonical encoding of its content."""
