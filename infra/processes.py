"""One process of the stack: `python -m infra.processes ROLE`.

Reads the settings from the environment, turns signals and the loss of the parent into one event, and runs the
role until that event. A known error becomes one line in the log and an exit code; any other is logged with its
traceback and exits with 1.
"""

from __future__ import annotations

import logging
import os
import sys

from infra import settings as settings_module
from infra.process.child import end_with_threads, stop_event
from infra.process.log_limit import limit_logging
from infra.stack.roles import ROLES
from ledger_sink.http.descriptors import raise_descriptor_limit


def main(arguments: list[str] | None = None) -> int:
    """Run one role to its end and return the exit code.

    Args:
        arguments: The role and its own arguments; None: those of the command line.
    """
    words = sys.argv[1:] if arguments is None else arguments
    role = words[0] if words else ""
    role = settings_module.FORMER_ROLES.get(role, role)
    if role not in ROLES:
        print(f"usage: python -m infra.processes {{{'|'.join(ROLES)}}}", file=sys.stderr)  # noqa: T201
        return 2
    limit_logging(sys.stderr)
    raise_descriptor_limit()
    stop = stop_event()
    end_with_threads(stop)
    from infra.known_errors import exit_code_of, known_errors

    try:
        return ROLES[role](settings_module.from_environment(), stop, words[1:])
    except known_errors() as error:
        print(f"{role}: {error}", file=sys.stderr, flush=True)  # noqa: T201
        return exit_code_of(error)
    except KeyboardInterrupt:
        return 0
    except Exception as error:
        logging.getLogger("city").exception("%s stops", role)
        print(f"{role}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201
        return 1


if __name__ == "__main__":
    exit_code = main()
    logging.shutdown()  # says what the log left out
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)  # threads of the client libraries must not keep an ended process alive
