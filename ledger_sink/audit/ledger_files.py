"""The part of an audit that reads the ledger's directory only.

Tiles, entries, checkpoints, blocks, cosignatures, anchors, and the writer's state files.
"""

from __future__ import annotations

from dataclasses import astuple, replace
from functools import partial
from typing import TYPE_CHECKING

from ledger_sink.anchor.audit import audit_anchors
from ledger_sink.audit.leaves import LogExtent, extent_of
from ledger_sink.city_log.state import read_city_state
from ledger_sink.errors import DamagedStateError, LedgerError
from ledger_sink.format.checkpoint import parse_checkpoint
from ledger_sink.format.errors import FormatError
from ledger_sink.format.keys import Origin, city_origin, is_own_witness
from ledger_sink.format.layout import CHECKPOINT, KEYS, STATE, log_path
from ledger_sink.format.policy import Policy, parse_keys
from ledger_sink.log.epochs import epochs_of, partitions_of
from ledger_sink.log.name import LogName
from ledger_sink.log.state import read_state
from ledger_sink.receipt.kinds import ReceiptTrust
from ledger_sink.store import FileStore
from ledger_sink.verifier.city_check import check_city
from ledger_sink.verifier.errors import VerifierError
from ledger_sink.verifier.trust import Trust, load_trust
from ledger_sink.verifier.verdict import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ledger_sink.audit.baseline import AuditBaseline
    from ledger_sink.config import LedgerConfig
    from ledger_sink.store import Store
    from ledger_sink.verifier.verdict import Verdict
    from ledger_sink.verifier.verified_prefix import VerifiedPrefix

_PROBLEMS = (Status.FAILED, Status.KEY_MISSING, Status.UNREADABLE, Status.NOTHING)
"""Outcomes of the verifier's claims that are problems of a city's own ledger: it has all keys and all files."""

ATTEMPTS = 3
"""Most readings of a ledger that grows meanwhile."""


class LedgerFilesAudit:
    """One audit of a ledger's directory. It collects problems in the order in which it finds them."""

    def __init__(self, config: LedgerConfig, baseline: AuditBaseline, *, settled: bool) -> None:
        self.problems: list[str] = []
        self.not_checked: list[str] = []
        self.trust_lines: list[str] = []
        """What the trust rests on, where that is little."""
        self.store = FileStore(config.ledger)
        self.logs: list[LogName] = []
        """Every log that is published, or in a verified block, epochs rising."""
        self.extents: dict[LogName, LogExtent] = {}
        self.prefixes: dict[str, VerifiedPrefix] = dict(baseline.logs)
        """Verified prefix by origin, of this audit or an earlier one."""
        self._config = config
        self._settled = settled
        self._baseline = baseline
        self._sizes = _published_sizes(self.store, config)
        self._published = _published(self.store, config)

    def check(self, policy: Path) -> None:
        """Verify the directory as an auditor would, and that no anchor is late; compare the writer's state files.

        Args:
            policy: the policy file.
        """
        self._verify(policy)
        self.logs = sorted(self._published | self._in_blocks(), key=astuple)
        self._check_states()
        self._measure()

    def _verify(self, policy: Path) -> None:
        """Verify the files. A ledger that grows meanwhile may remove a partial tile that is about to be read: again."""
        receipts = self._check_anchors()
        trust = self._trust(policy)
        if trust is None:
            return
        verdict: Verdict | None = None
        for _ in range(ATTEMPTS):
            before = self._sizes = _published_sizes(self.store, self._config)
            self._published = _published(self.store, self._config)
            try:
                self.prefixes = dict(self._baseline.logs)
                verdict = check_city(
                    "ledger", self._config.ledger, replace(trust, receipts=receipts), self.prefixes
                )
            except VerifierError as error:
                self.problems.append(str(error))
                return
            if verdict.passed or before == _published_sizes(self.store, self._config):
                break
        if verdict is not None:
            self._take(verdict)

    def _check_anchors(self) -> ReceiptTrust:
        city = self._baseline.logs.get(city_origin(self._config.city))
        try:
            anchors = audit_anchors(
                self.store,
                self._config.city,
                self._config.anchors,
                settled=self._settled,
                above=city.size if city else 0,
            )
        except (LedgerError, FormatError) as error:
            self.problems.append(f"anchors: {error}")
            return ReceiptTrust()
        self.problems += anchors.problems
        return anchors.trust

    def _trust(self, policy: Path) -> Trust | None:
        """Return the policy's trust. Where it cannot be read, name it and go on with the ledger's own keys."""
        try:
            trust = load_trust(policy, [], [])
        except VerifierError as error:
            self.problems.append(
                f"{error}: cosignatures are not checked; the rest is, with the keys of {KEYS}"
            )
            return self._own_trust()
        self.trust_lines += weaknesses(trust.policy, self._config.city)
        return trust

    def _own_trust(self) -> Trust | None:
        """Return a trust in the city log's own key, without any witness; `None` if its key cannot be read."""
        origin = city_origin(self._config.city)
        try:
            keys = [log.key for log in parse_keys(self.store.read(KEYS)) if log.key.name == origin]
            lines = "".join(f"log {key.vkey}\n" for key in keys)
            return Trust(Policy.parse(f"{lines}quorum none\n".encode())) if keys else None
        except (LedgerError, FormatError) as error:
            self.problems.append(f"{KEYS}: {error}: nothing signed can be checked")
            return None

    def _take(self, verdict: Verdict) -> None:
        for claim in verdict.claims:
            open_end = claim.status is Status.NOT_CHECKED and claim.name == "roots-in-blocks"
            if claim.status in _PROBLEMS or (open_end and self._settled):
                self.problems.append(claim.words)
            elif claim.status is Status.NOT_CHECKED:
                self.not_checked.append(claim.words)

    def _in_blocks(self) -> set[LogName]:
        """Return the logs of the newest verified block, on disk or not."""
        blocks = self.prefixes.get(city_origin(self._config.city))
        topics = {topic.name for topic in self._config.topics}
        heads = [Origin.parse(origin) for origin in (blocks.heads if blocks is not None else ())]
        return {
            LogName(head.city, head.topic, head.partition, head.epoch)
            for head in heads
            if head.topic is not None and head.partition is not None and head.topic in topics
        }

    def _check_states(self) -> None:
        """Compare the writer's state files with the published checkpoints."""
        checks: list[Callable[[], None]] = [self._check_city_state]
        checks += [partial(self._check_state, name) for name in self.logs]
        for check in checks:
            try:
                check()
            except (LedgerError, FormatError) as error:
                self.problems.append(str(error))

    def _check_state(self, name: LogName) -> None:
        """Compare a log's state with its published checkpoint.

        The writer needs no state of an epoch that has ended: the next one goes on where the published checkpoint ends.
        So a lost state is no problem there, and neither are leaves that were never published: the next epoch has them.
        """
        where = f"{name.folder}/{STATE}"
        ended = max(epochs_of(self.store, name.topic, name.partition), default=0) > name.epoch
        try:
            state = read_state(self.store, name.folder)
        except DamagedStateError:
            if not ended:
                raise
            state = None
        if state is None or state.origin != name.origin:
            if ended:
                self.not_checked.append(
                    f"{where}: gone or damaged; the epoch has ended, its checkpoint is checked"
                )
            else:
                self.problems.append(f"{where}: expected the state of {name.origin}, got {state}")
            return
        size = self._sizes.get(name)
        if size is not None and (state.size < size or (self._settled and not ended and state.size != size)):
            self.problems.append(f"{where}: expected size {size} as published, got {state.size}")

    def _check_city_state(self) -> None:
        folder = log_path(city_origin(self._config.city))
        state = read_city_state(self.store, folder)
        if state is None:
            self.problems.append(f"{folder}/{STATE}: expected the city log's state, got none")
            return
        size = parse_checkpoint(self.store.read(f"{folder}/{CHECKPOINT}"))[0].size
        if state.size < size or (self._settled and state.size != size):
            self.problems.append(
                f"{folder}/{CHECKPOINT}: expected size {state.size} as in {STATE}, cosigned is {size}"
            )

    def _measure(self) -> None:
        """Determine how many leaves of each log to compare, and report each log whose size nobody verified."""
        blocks = self.prefixes.get(city_origin(self._config.city))
        for name in self.logs:
            found = self.prefixes.get(name.origin)
            verified = found if found is not self._baseline.logs.get(name.origin) else None
            head = blocks.heads.get(name.origin) if blocks is not None else None
            extent = extent_of(self.store, name, verified, head.size if head is not None else 0)
            self.extents[name] = extent
            if extent.ground:
                self.problems.append(
                    f"{name.folder}: not verified: leaves are compared up to {extent.ground}; where none can be read, "
                    "the archive is compared with Kafka alone"
                )


def weaknesses(policy: Policy | None, city: str) -> list[str]:
    """Return one line for what a policy lets the city do alone; none for a policy with an independent witness.

    Args:
        policy: the policy that the audit verified cosignatures by.
        city: the city's name.
    """
    if policy is None or policy.quorum is None:
        return [
            "the policy demands no witness (quorum none): the city's own signature is all that this rests on"
        ]
    independent = [w for w in policy.witnesses if not is_own_witness(city, w.key.name)]
    own = [w.name for w in policy.witnesses if is_own_witness(city, w.key.name)]
    if not independent or policy.is_witnessed(own):
        own_alone = "the policy is satisfied by the city's own witness alone: "
        return [f"{own_alone}nobody independent vouches that all see one history"]
    return []


def _logs(store: Store, config: LedgerConfig) -> Iterator[LogName]:
    """Yield every log in the store, topic by topic, epochs rising."""
    for topic in config.topics:
        for partition in partitions_of(store, topic.name):
            for epoch in epochs_of(store, topic.name, partition):
                yield LogName(config.city, topic.name, partition, epoch)


def _published_sizes(store: Store, config: LedgerConfig) -> dict[LogName, int]:
    """Return the published size of every log with a readable checkpoint, epochs rising."""
    sizes = {}
    for name in _logs(store, config):
        try:
            sizes[name] = parse_checkpoint(store.read(f"{name.folder}/{CHECKPOINT}"))[0].size
        except (LedgerError, FormatError):
            continue  # the verifier names it
    return sizes


def _published(store: Store, config: LedgerConfig) -> set[LogName]:
    """Return the logs that have a checkpoint file, readable or not."""
    return {name for name in _logs(store, config) if CHECKPOINT in store.listing(name.folder)}
