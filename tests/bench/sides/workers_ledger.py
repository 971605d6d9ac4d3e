"""One of several ledger processes for `workers-ledger`: seals the logs of its partitions, commit by commit."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from ledger_sink.store import FileStore
from tests.bench.clock import tell
from tests.bench.records import TOPIC
from tests.bench.sides.growth_ledger import COMMIT, batches
from tests.ledger_sink.worlds import World


def main() -> None:
    """Seal the same records into each log; tell their roots."""
    told = json.loads(sys.argv[1])
    world = World(FileStore(Path(told["folder"])))
    logs = [world.open(number, high=10**12, topic=TOPIC) for number in told["partitions"]]
    events, begun, cpu = int(told["events"]), time.time(), time.process_time()
    for first in range(0, events, COMMIT):
        for log in logs:
            for batch in batches(first, min(first + COMMIT, events)):
                log.append(batch)
            log.commit()
    tell(
        {
            "begun": begun,
            "ended": time.time(),
            "cpu_s": time.process_time() - cpu,
            "roots": {str(log.name.partition): log.state.root.hex() for log in logs},
        }
    )


if __name__ == "__main__":
    main()
