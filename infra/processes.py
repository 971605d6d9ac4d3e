"""One process of the stack: `python -m infra.processes ROLE`.

Reads the settings from the environment, turns signals and the loss of the parent into one event, and runs the
role until that event. An error that we know is one line on the log and an exit code; nothing is swallowed.
"""

from __future__ import annotations

import logging
import os
import sys

from infra import settings as settings_module
from infra.process.child import stop_event

ROLES = ("worker", "sink", "ledger", "signer", "witness", "door", "web", "replay")


def main(arguments: list[str] | None = None) -> int:
    """Run one role to its end; return the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] not in ROLES:
        print(f"usage: python -m infra.processes {{{'|'.join(ROLES)}}}", file=sys.stderr)  # noqa: T201
        return 2
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    stop = stop_event()
    from infra.known_errors import exit_code_of, known_errors
    from infra.stack import roles as wiring

    try:
        run = getattr(wiring, f"run_{words[0]}")
        code = run(settings_module.from_environment(), stop, words[1:])
    except known_errors() as error:
        print(f"{words[0]}: {error}", file=sys.stderr, flush=True)  # noqa: T201
        return exit_code_of(error)
    except KeyboardInterrupt:
        return 0
    except Exception as error:
        logging.getLogger("city").exception("%s stops", words[0])
        print(f"{words[0]}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201
        return 1
    return int(code or 0)


if __name__ == "__main__":
    exit_code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)  # threads of the client libraries must not keep an ended process alive
