"""Signed ticks of the probe domain, a registry in memory, and records as a partition holds them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from streams.agents import handlers_of
from streams.metrics import Metrics
from streams.produce.deliveries import DeliveryTracker
from streams.produce.producer import signed
from streams.provenance.key_registry import REGISTERED, Received, Registry
from streams.record import ProducerRecord
from streams.signing.signer import Signer
from streams.state.entries import Stored
from streams.state.store import PartitionStore
from streams.testing import MemoryChangelog, MemoryProducer, Sent
from streams.worker.rule_executor import RuleExecutor
from tests.streams import probe
from tests.streams.probe import TICK, probe_catalog, tick

CATALOG = probe_catalog()
HANDLERS = handlers_of(probe)
DEVICE = "urn:city:device:7"
SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
GAPS = "platform.sequence-gap"


class Words:
    """A registry's topic in memory; each record is in force from its millisecond on."""

    def __init__(self, *words: tuple[int, str, str, bool]) -> None:
        self.words = words

    def read_on(self) -> Iterable[Received]:
        """Give all of them, once."""
        given, self.words = self.words, ()
        return [
            Received(
                at,
                {"sender": DEVICE, "did": did, "standing": standing, "required": required, "valid_from": 0},
            )
            for at, did, standing, required in given
        ]


def registry(*words: tuple[int, str, str, bool]) -> Registry:
    """Make a registry that has read these records: when, which key, its standing, whether required."""
    made = Registry(Words(*words), 0)
    made.refresh()
    return made


def required(*keys: Signer) -> Registry:
    """Make a registry in which the device must sign with one of these keys."""
    return registry(*((0, key.did, REGISTERED, True) for key in keys or (SIGNER,)))


def event(number: int, subject: str = "a", mood: str = "fine") -> dict[str, Any]:
    """Make a tick of the device."""
    return tick(subject, number, mood, stream=DEVICE)


def prepared(number: int, sequence: int | None = None, **changes: str) -> ProducerRecord:
    """Make the record of a tick, not signed."""
    return MemoryProducer(CATALOG).prepare(TICK, event(number, **changes), sequence=sequence)


def sign(*records: ProducerRecord, key: Signer = SIGNER) -> list[ProducerRecord]:
    """Sign each record by itself."""
    return [each for record in records for each in signed([record], key)]


class Partition:
    """One partition of ticks: records at offsets, run in batches, with a changelog that outlives its worker."""

    def __init__(self, keys: Registry, log: defaultdict[int, list[Stored]] | None = None) -> None:
        self.door = MemoryProducer(CATALOG)
        self.figures = Metrics()
        self.changelog = MemoryChangelog("one", log)
        self.deriver = RuleExecutor(CATALOG, TICK, HANDLERS, self.door, self.figures, keys)
        self.state = PartitionStore(self.changelog, 0, 1)
        self.state.restore()

    def run(
        self, records: Sequence[ProducerRecord], first: int = 0, batch: int = 1_000, at_ms: int = 1
    ) -> None:
        """Run records at offsets from `first` on."""
        for begin in range(0, len(records), batch):
            draft = self.state.begin()
            for offset, each in enumerate(records[begin : begin + batch], start=first + begin):
                raw = SimpleNamespace(
                    topic=TICK, partition=0, offset=offset, key=each.key, value=each.value,
                    headers=each.headers, timestamp=at_ms,
                )  # fmt: skip
                self.deriver.derive(raw, draft, DeliveryTracker())
            self.state.write(draft, None, DeliveryTracker())
            self.state.apply(draft, None)
        self.deriver.report()

    def numbers(self) -> list[int]:
        """Return which ticks the rule without state used."""
        return [each.event["number"] for each in self.sent("probe.echo")]

    def letters(self) -> list[tuple[int, str]]:
        """Return the dead letters: offset and reason."""
        return [
            (each.event["origin"]["offset"], each.event["reason"]) for each in self.sent("probe.dead-letter")
        ]

    def gaps(self) -> list[tuple[str, int, int]]:
        """Return the holes that were told."""
        return [(each.event["standing"], each.event["first"], each.event["last"]) for each in self.sent(GAPS)]

    def sent(self, topic: str) -> list[Sent]:
        """Return what was sent to a topic."""
        return self.door.sent(topic)
