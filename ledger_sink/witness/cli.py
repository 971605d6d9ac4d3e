"""`ledger-witness` (in the platform also `city witness`): a witness on anybody's machine, with one command.

It needs the base install alone. A witness adds trust if someone other than the log's operator runs it: a university, a
neighbour city, an auditor. It creates its key at the first start. The log's operator needs its verifier key.
"""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from ledger_sink.config import WitnessConfig
from ledger_sink.errors import LedgerError
from ledger_sink.http.descriptors import raise_descriptor_limit
from ledger_sink.signals import stop_on_signals
from ledger_sink.witness.server import VKEY_NAME, run

EPILOG = """\
example:
  ledger-witness --name witness.university.example --logs policy.txt --directory witness

policy.txt holds a `log` line for each log to be witnessed (a city publishes its own as /ledger/policy.txt).
The city writes this witness's key, which stands in witness/witness.vkey, into its policy file, and asks at
http://HOST:PORT/.
It listens on loopback by default; put a TLS proxy in front of it before others reach it.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run a witness until Ctrl-C or SIGTERM.

    Args:
        arguments: command line without the program's name; None takes `sys.argv`.

    Returns:
        The exit code: 0 after a signal, 2 if it could not start.
    """
    parser = argparse.ArgumentParser(
        prog="ledger-witness",
        description="Run a C2SP tlog-witness for anybody's logs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path("witness"),
        help="where the witness keeps its key and what it has seen (default: witness)",
    )
    parser.add_argument(
        "--name", default="witness.example", help="its key name (default: witness.example); never change it"
    )
    parser.add_argument(
        "--logs", type=Path, required=True, help="tlog-policy file with a `log` line for each log to witness"
    )
    parser.add_argument("--host", default="127.0.0.1", help="interface to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=18081, help="port to listen on (default: 18081)")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which others reach it, such as that of its TLS proxy; may be given several times",
    )
    options = parser.parse_args(arguments)
    stop = threading.Event()
    stop_on_signals(stop)
    if not options.logs.is_file():
        sys.stderr.write(f"ledger-witness: {options.logs}: no such file; it must hold `log` lines\n")
        return 2
    sys.stdout.write(
        f"witness {options.name} on http://{options.host}:{options.port}/ for the logs in {options.logs}; its key: "
        f"{options.directory / VKEY_NAME}; Ctrl-C ends it\n"
    )
    sys.stdout.flush()
    try:
        config = WitnessConfig(
            options.directory,
            options.name,
            options.logs,
            options.host,
            options.port,
            tuple(options.allow_host),
        )
        raise_descriptor_limit()
        run(config, stop)
    except LedgerError as error:
        sys.stderr.write(f"ledger-witness: {error}\n")
        return 2
    return 0
