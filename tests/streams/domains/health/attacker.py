"""Plays who has a public file of persons and may read every topic, but holds no key: who is which row?

The attacker knows all code of the platform: the reader, the rules, and how ids are made. Each method returns a guess:
pseudonym → number of the row. `truth` needs the deployment's secret and is for the judge only.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from streams.domains.health import agents
from streams.domains.health.counts import encode
from streams.domains.health.rules import assess
from streams.identity.event_ids import recording_id
from streams.identity.pseudonyms import keyed_record, pseudonym
from streams.identity.secret import DeploymentSecret
from streams.readers.formats import Accepted
from streams.replay.recordings import content, formats, look
from tests.streams.domains.health.observed import CATALOG, SECRET, Seen, of_topic

Guess = Mapping[str, int]
Row = Accepted
MEASURED = CATALOG.topics[agents.MEASUREMENT].schema.personal
CLASSED = CATALOG.topics[agents.CLASSIFICATION].schema.personal


class Attacker:
    """An attacker with one file and all records.

    Args:
        path: The public file.
        seen: Every record, in the order of arrival.
    """

    def __init__(self, path: Path, seen: Sequence[Seen]) -> None:
        recording = look(path, list(formats().values()))
        self.digest, self.source = bytes.fromhex(recording.sha256), recording.source
        assert recording.format is not None
        with content(recording) as stream:
            found = [item for item in recording.format.items(stream, path) if isinstance(item, Accepted)]
        self.rows = {item.record: dict(item.drafts[0].fields) for item in found}
        self.times = {item.record: item.drafts[0].occurred_at for item in found}
        mine = [each for each in seen if str(each.event["source"]).startswith(self.source)]
        self.measured = of_topic(mine, agents.MEASUREMENT)
        self.classed = of_topic(mine, agents.CLASSIFICATION)
        self.entered = of_topic(mine, agents.COHORT_ENTRY)
        self.refused = of_topic(mine, "health.dead-letter")

    def guesses(self) -> Iterator[tuple[str, Guess]]:
        """Yield the name and the guess of each method."""
        yield "event ids made from the file", self.by_event_id()
        yield "record number in source", self.by_source()
        yield "unkeyed pseudonyms", self.by_name()
        for name, key in self._orders().items():
            yield f"order by {name}", self.by_order(sorted(self.measured, key=key))
        yield "order of classifications", self.by_order(self.classed)
        yield (
            "order of cohort entries",
            self.by_order([each for each in self.entered if each.event["person"]]),
        )
        yield "which fields are missing, and lengths", self.by_pattern()
        yield "missing fields within the order", self.by_alignment()

    def by_event_id(self) -> Guess:
        """Make the id of each row's event from the file alone, with its digest as it is and hashed again."""
        digests = (self.digest, hashlib.sha256(self.digest).digest(), bytes(32))
        made = {
            recording_id(self.times[row] // 1000, digest, row): row for digest in digests for row in self.rows
        }
        return {
            each.key: made[each.event["event_id"]] for each in self.measured if each.event["event_id"] in made
        }

    def by_source(self) -> Guess:
        """Read the record's number from `source`, in decimal or hexadecimal digits."""
        found = {}
        for each in self.measured:
            text = str(each.event["source"]).partition("#")[2]
            for base in (10, 16):
                try:
                    row = int(text, base)
                except ValueError:
                    continue
                if row in self.rows:
                    found[each.key] = row
        return found

    def by_name(self) -> Guess:
        """Make pseudonyms with secrets that anybody can think of."""
        known = {each.key for each in self.measured}
        secrets = (DeploymentSecret(secret) for secret in (b"", bytes(32), self.digest))
        made = (
            (pseudonym(secret, agents.DOMAIN, str(fields["person"])), row)
            for secret in secrets
            for row, fields in self.rows.items()
        )
        return {name: row for name, row in made if name in known}

    def _orders(self) -> dict[str, Callable[[Seen], Any]]:
        places = {id(each): place for place, each in enumerate(self.measured)}
        return {
            "arrival": lambda each: places[id(each)],
            "event id": lambda each: each.event["event_id"],
            "salt": lambda each: each.event["salt"],
            "source": lambda each: each.event["source"],
            "pseudonym": lambda each: each.key,
            "size": lambda each: (each.size, places[id(each)]),
        }

    def by_order(self, ordered: Sequence[Seen]) -> Guess:
        """Take the n-th record for the n-th row."""
        return {each.event["person"]: row for each, row in zip(ordered, self.rows, strict=False)}

    def by_pattern(self) -> Guess:
        """Take a pattern that one record and one row have; of those that several have, any."""
        records = defaultdict(list)
        for each in self.measured:
            records[self._seen_pattern(each)].append(each.key)
        rows = defaultdict(list)
        for row in self.rows:
            rows[self._row_pattern(row)].append(row)
        return {
            key: row for pattern in records for key, row in zip(records[pattern], rows[pattern], strict=False)
        }

    def by_alignment(self) -> Guess:
        """Align records and rows in order, so that as many patterns as possible agree."""
        records = [self._seen_pattern(each) for each in self.measured]
        rows = [self._row_pattern(row) for row in self.rows]
        numbers = list(self.rows)
        found = {}
        for here, there in _longest_common(records, rows):
            found[self.measured[here].key] = numbers[there]
        return found

    def _seen_pattern(self, record: Seen) -> tuple[Any, ...]:
        """Tell which fields of a record, and of its classification, are missing, and how long the text of flags is."""
        classed = self._classes().get(record.event["event_id"])
        missing = tuple(each is None for each in record.personal)
        if classed is None:
            return (missing,)
        flags = classed.personal[CLASSED.index("flags")]
        return (missing, tuple(each is None for each in classed.personal), (flags or 0) > 100)

    def _classes(self) -> dict[str, Seen]:
        if not hasattr(self, "_by_measurement"):
            self._by_measurement = {each.event["measurement_id"]: each for each in self.classed}
        return self._by_measurement

    def _row_pattern(self, row: int) -> tuple[Any, ...]:
        """Tell the same of a row: the rules are public."""
        fields = self.rows[row]
        missing = tuple(fields.get(name) is None for name in MEASURED)
        assessed = assess(fields)
        assert encode(assessed)
        classes = assessed.fields()
        return (
            missing,
            tuple(classes.get(name) is None for name in CLASSED),
            len(classes["flags"]) > 64,
        )


def _longest_common(left: Sequence[Any], right: Sequence[Any]) -> Iterator[tuple[int, int]]:
    """Yield the places of a longest common subsequence."""
    codes: dict[Any, int] = {}
    a = [codes.setdefault(each, len(codes)) for each in left]
    b = [codes.setdefault(each, len(codes)) for each in right]
    lengths = [[0] * (len(b) + 1)]
    for here in a:
        above, line = lengths[-1], [0]
        for place, there in enumerate(b):
            line.append(above[place] + 1 if here == there else max(above[place + 1], line[-1]))
        lengths.append(line)
    here, there, found = len(a), len(b), []
    while here and there:
        if a[here - 1] == b[there - 1] and lengths[here][there] == lengths[here - 1][there - 1] + 1:
            here, there = here - 1, there - 1
            found.append((here, there))
        elif lengths[here - 1][there] >= lengths[here][there - 1]:
            here -= 1
        else:
            there -= 1
    yield from reversed(found)


def membership(attackers: Sequence[Attacker]) -> Guess:
    """Pair pseudonyms and persons that are in the same files; of those that several are in, in the order of arrival.

    Args:
        attackers: One for each file of a survey. The rows are those of the first one's file.
    """
    pseudonyms: dict[str, set[str]] = defaultdict(set)
    persons: dict[str, set[str]] = defaultdict(set)
    for each in attackers:
        for record in each.measured:
            pseudonyms[record.key].add(each.source)
        for fields in each.rows.values():
            persons[str(fields["person"])].add(each.source)
    rows = {str(fields["person"]): row for row, fields in attackers[0].rows.items()}
    guess: dict[str, int] = {}
    for files in {frozenset(each) for each in persons.values()}:
        names = [name for name, own in pseudonyms.items() if own == files]
        alike = [rows[person] for person, own in persons.items() if own == files and person in rows]
        guess.update(zip(names, alike, strict=False))
    return guess


def truth(attacker: Attacker) -> dict[str, set[int]]:
    """Return the rows of each pseudonym. Needs the deployment's secret."""
    secret, found = DeploymentSecret(SECRET), defaultdict(set)
    for row, fields in attacker.rows.items():
        found[pseudonym(secret, agents.DOMAIN, str(fields["person"]))].add(row)
    return found


def row_of(attacker: Attacker) -> dict[str, int]:
    """Return the row of each event, by the record's part of its source. Needs the deployment's secret."""
    secret = DeploymentSecret(SECRET)
    return {f"{attacker.source}#{keyed_record(secret, attacker.digest, row)}": row for row in attacker.rows}


def correct(guess: Guess, rows: Mapping[str, set[int]]) -> int:
    """Count the pseudonyms whose row a guess names."""
    return sum(row in rows.get(key, ()) for key, row in guess.items())
