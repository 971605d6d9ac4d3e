"""What the replay's tests share: recordings of their own, a replay in a process, and what Kafka holds of it."""

import gzip
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

from confluent_kafka import Consumer, TopicPartition

from schemas.catalog import load_catalog
from schemas.codec import decode
from streams.config import StreamsConfig
from streams.replay.recordings import bundled

ROOT = Path(__file__).parents[2]
READING = "air-quality.reading"
DEAD = "air-quality.dead-letter"
PLATFORM_DEAD = "platform.dead-letter"
RECORDING = "platform.recording"

_SCRIPT = """
import signal, sys, threading
from pathlib import Path
from schemas.catalog import load_catalog
from streams.config import StreamsConfig
from streams.errors import StreamsError
from streams.replay.schedule import parse_speed
from streams.replay.run import replay

kafka, data, speed, timeout, *paths = sys.argv[1:]
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
config = StreamsConfig(kafka=kafka, data=Path(data), delivery_timeout_s=float(timeout), connect_timeout_s=3.0)
try:
    for report in replay(config, load_catalog(), [Path(p) for p in paths], speed=parse_speed(speed), stop=stop):
        print(report)
except StreamsError as error:
    print(f"{type(error).__name__}: {error}")
    sys.exit(1)
"""


class Held(NamedTuple):
    """A record that Kafka holds."""

    key: str
    value: bytes
    event: dict[str, Any]
    headers: dict[str, bytes]
    timestamp_type: int


@dataclass(frozen=True)
class Bench:
    """A data directory and a Kafka."""

    kafka: str
    data: Path

    @property
    def config(self) -> StreamsConfig:
        """Settings of a replay here."""
        return StreamsConfig(kafka=self.kafka, data=self.data, delivery_timeout_s=10.0)

    def process(self, *paths: Path, speed: str = "max", timeout_s: float = 10.0) -> "subprocess.Popen[str]":
        """Start a replay in a process of its own."""
        arguments = [self.kafka, str(self.data), speed, str(timeout_s), *map(str, paths)]
        return subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )

    def held(self, topic: str, source: str) -> list[Held]:
        """Read all records of a topic that come from a recording, partition by partition."""
        catalog = load_catalog()
        consumer = Consumer(
            {"bootstrap.servers": self.kafka, "group.id": f"test-{token_hex(4)}", "enable.auto.commit": False}
        )
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        found = []
        for partition in partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
            consumer.assign([TopicPartition(topic, partition, low)])
            offset = low
            while offset < high:
                (message,) = consumer.consume(1, timeout=10)
                offset = (message.offset() or 0) + 1
                value = message.value() or b""
                _, event = decode(value, catalog, raw=True)
                if event["source"].startswith(f"{source}#"):
                    headers = {name: bytes(text or b"") for name, text in message.headers() or []}
                    key = (message.key() or b"").decode()
                    found.append(Held(key, value, event, headers, message.timestamp()[0]))
        consumer.close()
        return found


def unique(path: Path, rows: int, *, broken: int = 0) -> Path:
    """Write the first rows of the bundled Seoul recording, and broken ones that make the file's digest unique."""
    source = next(each for each in bundled("air_quality") if "seoul" in each.name)
    lines = gzip.decompress(source.read_bytes()).splitlines(keepends=True)[: rows + 1]
    lines += [f"no day {token_hex(8)},x,,,,,,\n".encode()] * broken
    if not broken:
        lines[-1] = lines[-1].rstrip(b"\n") + b"." + str(int(token_hex(4), 16)).encode() + b"\n"
    path.write_bytes(gzip.compress(b"".join(lines)))
    return path
