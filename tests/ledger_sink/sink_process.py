"""A sink as a process of its own, for tests that kill or stop it: `python -m tests.ledger_sink.sink_process JSON`."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

from ledger_sink.config import LedgerConfig, SealedTopic
from ledger_sink.errors import LedgerError
from ledger_sink.sealing import sink

CITY = "test.example"


def main() -> int:
    """Run until SIGTERM."""
    data, kafka, topics, signer_url, witness_urls = json.loads(sys.argv[1])
    config = LedgerConfig(
        Path(data),
        kafka,
        CITY,
        tuple(SealedTopic(name, partitions) for name, partitions in topics),
        signer_url,
        witness_urls=tuple(witness_urls),
        interval_s=0.2,
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        sink.run(config, stop)
    except LedgerError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
