"""A peer: Pathway reads what stands on the topic, works on it by a Python function, writes; it commits nothing."""
# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "pathway==0.33.0",
#     "cryptography==50.0.2",
#     "orjson==3.13.0",
#     "psutil==7.2.2",
# ]
# ///

from __future__ import annotations

import pathway as pw

from tests.bench.sides.told import Told


def main() -> None:
    """Run until all that is there now is written."""
    told = Told.read()
    clock, step = told.clock(), told.task.step()

    def work(value: bytes) -> bytes:
        clock.count()
        return step(value) or b""

    consumer = {
        "bootstrap.servers": told.kafka,
        "group.id": told.group,
        "auto.offset.reset": "earliest",
        "session.timeout.ms": "6000",
    }
    read = pw.io.kafka.read(consumer, told.source, format="raw", mode="static")
    made = read.select(key=pw.this.key, data=pw.apply_with_type(work, bytes, pw.this.data))
    if told.task.output:
        producer = {
            "bootstrap.servers": told.kafka,
            "enable.idempotence": "true",
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
        }
        pw.io.kafka.write(made, producer, told.task.output, format="raw", key=made.key, value=made.data)
    else:
        pw.io.null.write(made)
    clock.begin()  # it takes the whole input at once: its first event in hand is its start
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
    if clock.done < told.total:
        raise SystemExit(f"expected {told.total} records, got {clock.done}")
    clock.finish()


if __name__ == "__main__":
    main()
