"""C2SP tlog-policy (commit 5ba5ee8): the trusted logs and witnesses, and the quorum of cosignatures.

Items of a line are separated by spaces and tabs. Lines are `log <vkey> [url]`, `witness <name> <vkey> [url]`,
`group <name> all|any|<k> <member>…`, and exactly one `quorum <name>|none`.
`#` comments and empty lines are ignored. A name is defined before its use and is a member of at most one group.
Names are opaque bytes: those that are not UTF-8 are preserved. The last line may lack its newline.

No public key occurs twice, under whatever name: not as two logs, not as two witnesses (the specification), and not as
a log and a witness (stricter than the specification). Else a quorum of two could rest on one key, or on the log alone.
No two keys share name and key id, because a signature line names its key by these alone.

`keys.txt` of a ledger holds `log` lines only, one per log; `parse_keys` reads it, and `parse_log_lines` the `log`
lines of any policy file.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from ledger_sink.format.errors import KeyFormatError, PolicyFormatError
from ledger_sink.format.note import COSIGNATURE, ED25519, VerifierKey
from ledger_sink.format.scan import decimal, excerpt

MAX_POLICY_BYTES: Final = 1_000_000
MAX_POLICY_LINES: Final = 10_000
NO_QUORUM: Final = "none"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SPACES = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """A log whose checkpoints are accepted; its key name is its origin."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """A witness and the name that the policy file gives it."""

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyGroup:
    """A group of witnesses and groups. It has cosigned once `threshold` of its members have."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy. `quorum` names a witness or group; `None` requires no cosignature."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[PolicyGroup, ...]
    quorum: str | None

    @classmethod
    def parse(cls, data: bytes) -> "Policy":
        """Parse a policy file.

        Raises:
            PolicyFormatError: if it is malformed; the message names the line and the rule.
        """
        reader = _PolicyReader()
        for number, items in _lines(data):
            reader.take(number, items)
        if not reader.quorums:
            raise PolicyFormatError("policy: expected exactly one quorum line, got none")
        quorum = reader.quorums[0]
        groups, witnesses = tuple(reader.groups.values()), tuple(reader.witnesses.values())
        return cls(tuple(reader.logs), witnesses, groups, None if quorum == NO_QUORUM else quorum)

    def encode(self) -> bytes:
        """Encode the policy; `Policy.parse(policy.encode()) == policy`."""
        lines = [_line("log", log.key.vkey, log.url) for log in self.logs]
        lines += [_line("witness", w.name, w.key.vkey, w.url) for w in self.witnesses]
        lines += [_line("group", g.name, str(g.threshold), *g.members) for g in self.groups]
        lines.append(_line("quorum", self.quorum or NO_QUORUM))
        return "".join(lines).encode("utf-8", "surrogateescape")

    def log_keys(self, origin: str) -> tuple[VerifierKey, ...]:
        """Return the keys that may sign for this origin; empty if the policy does not list the log."""
        return tuple(log.key for log in self.logs if log.key.name == origin)

    def is_witnessed(self, names: Collection[str]) -> bool:
        """Return whether cosignatures of the witnesses with these names satisfy the quorum."""
        if self.quorum is None:
            return True
        done = {witness.name for witness in self.witnesses if witness.name in names}
        for group in self.groups:  # members are defined before their groups, so one pass is enough
            if sum(member in done for member in group.members) >= group.threshold:
                done.add(group.name)
        return self.quorum in done


def parse_keys(data: bytes) -> tuple[PolicyLog, ...]:
    """Parse a key file: `log` lines and comments only.

    Raises:
        PolicyFormatError: if a line is of another kind or malformed.
    """
    reader = _PolicyReader()
    for number, items in _lines(data):
        if items[0] != "log":
            raise PolicyFormatError(
                f"key file line {number}: expected 'log <vkey> [url]', got {excerpt(items[0])}"
            )
        reader.take(number, items)
    return tuple(reader.logs)


def encode_keys(keys: Iterable[VerifierKey]) -> bytes:
    """Encode a key file: one `log` line per key, in the given order."""
    return "".join(_line("log", key.vkey) for key in keys).encode()


def parse_log_lines(data: bytes) -> tuple[PolicyLog, ...]:
    """Parse the `log` lines of a policy file; ignore its other lines.

    Raises:
        PolicyFormatError: if a `log` line is malformed, or the file has control characters.
    """
    reader = _PolicyReader()
    for number, items in _lines(data):
        if items[0] == "log":
            reader.take(number, items)
    return tuple(reader.logs)


class DistinctKeys:
    """The keys taken so far. Each public key has one use, and each pair of name and key id one key."""

    def __init__(self) -> None:
        self._uses: dict[bytes, str] = {}
        self._ids: set[tuple[str, bytes]] = set()

    def add(self, key: VerifierKey, use: str) -> None:
        """Take a key.

        Args:
            key: the key.
            use: what it is used for, for messages, such as `witness w.example`.

        Raises:
            PolicyFormatError: if its public key is taken, or another key has its name and key id.
        """
        taken = self._uses.get(key.public_key)
        if taken is not None:
            raise PolicyFormatError(
                f"{excerpt(use)} has the same public key as {excerpt(taken)}: one key counts once; remove one line"
            )
        if (key.name, key.key_id) in self._ids:
            raise PolicyFormatError(
                f"{excerpt(use)}: another key has the same name and key id {key.key_id.hex()}; remove one of them"
            )
        self._uses[key.public_key] = use
        self._ids.add((key.name, key.key_id))


@dataclass
class _PolicyReader:
    """The definitions of the lines read so far."""

    logs: list[PolicyLog] = field(default_factory=list)
    witnesses: dict[str, PolicyWitness] = field(default_factory=dict)
    groups: dict[str, PolicyGroup] = field(default_factory=dict)
    quorums: list[str] = field(default_factory=list)
    members: set[str] = field(default_factory=set)
    keys: DistinctKeys = field(default_factory=DistinctKeys)

    def take(self, number: int, items: list[str]) -> None:
        """Read one line's items; an error names the line."""
        kind, *rest = items
        takers = {"log": self._log, "witness": self._witness, "group": self._group, "quorum": self._quorum}
        try:
            takers.get(kind, self._unknown)(rest)
        except (PolicyFormatError, KeyFormatError) as problem:
            raise PolicyFormatError(f"policy line {number}: {problem}") from None

    def _log(self, rest: list[str]) -> None:
        if len(rest) not in (1, 2):
            raise PolicyFormatError("expected 'log <vkey> [url]'")
        key = self._key(rest[0], ED25519, "log")
        self.logs.append(PolicyLog(key, rest[1] if len(rest) == 2 else None))

    def _witness(self, rest: list[str]) -> None:
        if len(rest) not in (2, 3):
            raise PolicyFormatError("expected 'witness <name> <vkey> [url]'")
        name = self._new_name(rest[0])
        key = self._key(rest[1], COSIGNATURE, "witness")
        self.witnesses[name] = PolicyWitness(name, key, rest[2] if len(rest) == 3 else None)

    def _group(self, rest: list[str]) -> None:
        if len(rest) < 3:
            raise PolicyFormatError("expected 'group <name> all|any|<k> <member>…'")
        name, threshold, *members = rest
        self._new_name(name)
        for member in members:
            self._require_defined(member)
            if member in self.members:
                raise PolicyFormatError(f"{excerpt(member)} is a group member twice")
            self.members.add(member)
        words = {"all": len(members), "any": 1}
        k = words.get(threshold) or decimal(threshold, PolicyFormatError, "group threshold")
        if not 1 <= k <= len(members):
            raise PolicyFormatError(f"group threshold: expected 1 to {len(members)}, got {k}")
        self.groups[name] = PolicyGroup(name, k, tuple(members))

    def _quorum(self, rest: list[str]) -> None:
        if len(rest) != 1 or self.quorums:
            raise PolicyFormatError("expected exactly one line 'quorum <name>|none'")
        if rest[0] != NO_QUORUM:
            self._require_defined(rest[0])
        self.quorums.append(rest[0])

    def _key(self, vkey: str, algorithm: int, use: str) -> VerifierKey:
        key = VerifierKey.parse(vkey)
        if key.algorithm != algorithm:
            raise PolicyFormatError(f"key {key.name}: expected type {algorithm:02x}, got {key.algorithm:02x}")
        self.keys.add(key, f"{use} {key.name}")
        return key

    @staticmethod
    def _unknown(_rest: list[str]) -> None:
        raise PolicyFormatError("expected log, witness, group or quorum as first word")

    def _new_name(self, name: str) -> str:
        if name == NO_QUORUM or name in self.witnesses or name in self.groups:
            raise PolicyFormatError(f"name {excerpt(name)} is already taken")
        return name

    def _require_defined(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise PolicyFormatError(f"name {excerpt(name)} is not defined on a line before")


def _lines(data: bytes) -> Iterable[tuple[int, list[str]]]:
    """Yield the number and the items of each line that is neither empty nor a comment."""
    if len(data) > MAX_POLICY_BYTES or data.count(b"\n") > MAX_POLICY_LINES:
        raise PolicyFormatError(
            f"policy: expected at most {MAX_POLICY_BYTES} bytes and {MAX_POLICY_LINES} lines"
        )
    text = data.decode("utf-8", "surrogateescape")
    for number, line in enumerate(text.split("\n"), start=1):
        if _CONTROL.search(line):
            raise PolicyFormatError(f"policy line {number}: control characters are not allowed")
        items = _SPACES.split(line.strip(" \t"))
        if items[0] and not items[0].startswith("#"):
            yield number, items


def _line(*items: str | None) -> str:
    return " ".join(item for item in items if item is not None) + "\n"
