"""What the verification of one log found: its checkpoint, its problems, its roots and its content."""

from dataclasses import dataclass, field

from ledger_sink.format.block import Block
from ledger_sink.format.checkpoint import Checkpoint
from ledger_sink.format.cosigned import Cosigned
from ledger_sink.verifier.problem_list import ProblemList
from ledger_sink.verifier.verified_prefix import VerifiedPrefix


@dataclass
class LogFindings:
    """What the verification of a log found.

    Attributes:
        head: its checkpoint, if that could be parsed.
        opened: the checkpoint with its cosignatures, if it satisfies the auditor's trust.
        problems: what is wrong; each begins with a path below the log's folder, or with a leaf's index.
        unreadable: what could not be read; likewise.
        key_missing: why the checkpoint's signature could not be checked, if no key of the log was given.
        roots: recomputed roots by size; empty unless the tree's own root is the signed one.
        prefix: the prefix that an earlier verification covered; `None` if the log was read from its start.
        blocks: of a city log, the blocks read.
        heads: of a city log, the last checkpoint of each partition log in a block, by origin.
        next_offset: of a partition log, the smallest offset that its next leaf may have.
        records: of a partition log, its leaves of kind record.
        controls: of a partition log, its START and GAP leaves.
        beyond: number of files past the checkpoint's size.
        listed: whether the log's files could be listed.
    """

    head: Checkpoint | None = None
    opened: Cosigned | None = None
    problems: ProblemList = field(default_factory=ProblemList)
    unreadable: ProblemList = field(default_factory=ProblemList)
    key_missing: str = ""
    roots: dict[int, bytes] = field(default_factory=dict)
    prefix: VerifiedPrefix | None = None
    blocks: list[Block] = field(default_factory=list)
    heads: dict[str, Checkpoint] = field(default_factory=dict)
    next_offset: int = 0
    records: int = 0
    controls: int = 0
    beyond: int = 0
    listed: bool = True
